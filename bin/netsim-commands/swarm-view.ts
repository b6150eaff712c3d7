/**
 * How a run of a swarm looks: on standard error a line that is written over while something lasts (plain lines where
 * there is no terminal), on standard output a table of each result. With `--json` the tables go to standard error,
 * too, so that standard output holds the document alone.
 */
import type { ExperimentEvent, ExperimentReport } from '../../netsim/swarm/experiment.ts'
import { describeFault } from '../../netsim/swarm/faults.ts'
import { fitPower } from '../../netsim/swarm/fit.ts'
import type { Clock } from '../../protocols/clock.ts'
import { tableStyle } from '../command.ts'
import { StatusLine } from '../status-line.ts'
import { type Column, formatPairs, formatTable } from '../table.ts'
import { formatBytes, formatCount, formatDuration, formatShare } from '../units.ts'

export const swarmViewDefaults = Object.freeze({
  /** Between two plain lines of progress, ms. */
  plainIntervalMs: 5_000
})

export class SwarmView {
  readonly #line = new StatusLine(process.stderr)
  readonly #clock: Clock
  readonly #out: NodeJS.WritableStream
  #plainAtMs = -Infinity

  constructor ({ clock, json }: { clock: Clock, json: boolean }) {
    this.#clock = clock
    this.#out = json ? process.stderr : process.stdout
  }

  event (event: ExperimentEvent): void {
    switch (event.kind) {
      case 'forming': {
        const { edges, up, complete, regions, agreed, led } = event.convergence
        return this.#progress(`forming: ${up} of ${edges} edges up, ${complete} know all others, rings agree in ${agreed} of ${regions} regions, leaders in ${led} (${formatDuration(event.sinceMs)})`)
      }
      case 'converged': return this.#tell(`${event.convergence.edges} edges are one after ${formatDuration(event.convergedMs)}`)
      case 'probed': {
        const { pairs, fromPeers, failures } = event.result
        for (const failure of failures) this.#tell(`WRONG: ${failure}`)
        return this.#tell(`an object fetched across each of ${pairs} pairs of regions: ${pairs - failures.length} right, ${fromPeers} of them from a peer`)
      }
      case 'idle': return
      case 'step': return this.#progress(event.what)
      case 'ended': return this.#tell(event.sentence)
      case 'fault': {
        const { fault, phase, atMs, edges } = event.event
        return this.#tell(`${formatDuration(atMs)}: ${describeFault(fault)}${edges === 0 ? '' : ` (${edges} edges)`} ${phase}`)
      }
      case 'workload': {
        const { seconds, requests, errors, wrongBytes, hitRatio, latencyMs } = event.report
        return this.#progress(`${formatDuration(seconds * 1_000)}: ${formatCount(requests)} requests, ${formatShare(hitRatio)} hits, ${errors} errors, ${wrongBytes} wrong bytes, p50 ${ms(latencyMs.p50)}, p99 ${ms(latencyMs.p99)}`)
      }
    }
  }

  report (report: ExperimentReport): void {
    const { seed, peers, regions, processes, pace, convergedMs, connectionsPerPeer, idle, workload, reunitedMs } = report
    this.print(formatPairs([
      ['edges', `${peers} in ${regions} regions, ${processes} processes`],
      ['seed', String(seed)],
      ['intervals', pace > 1 ? `${pace} times the daemon's, for so many edges on this machine` : undefined],
      ['one after', formatDuration(convergedMs)],
      ['links of an edge', connectionsPerPeer.toFixed(1)],
      ...idleRows(idle),
      ...workloadRows(workload),
      ['one again', reunitedMs === undefined ? undefined : `${formatDuration(reunitedMs)} after the last fault`]
    ], tableStyle()))
  }

  sweep (reports: readonly ExperimentReport[]): void {
    this.print(`\n${formatTable(sweepColumns, [{ rows: reports }], tableStyle())}\ngrowth with the number of edges, as edges ^ exponent:\n${formatTable(growthColumns, [{ rows: growthOf(reports) }], tableStyle())}`)
  }

  stopping (reason: string): void { this.#tell(`stopping (${reason}); once more ends it at once`) }

  /** Whole lines of a result. */
  print (text: string): void {
    this.#line.clear()
    this.#out.write(text)
  }

  progress (text: string): void { this.#progress(text) }

  end (): void { this.#line.clear() }

  #tell (text: string): void { this.#line.print(`${text}\n`) }

  #progress (text: string): void {
    if (this.#line.visible) return this.#line.show(text)
    if (this.#clock.nowMs() - this.#plainAtMs < swarmViewDefaults.plainIntervalMs) return
    this.#plainAtMs = this.#clock.nowMs()
    this.#tell(text)
  }
}

type Pair = readonly [string, string | undefined]

function idleRows (idle: ExperimentReport['idle']): Pair[] {
  if (idle === undefined) return []
  const { cpuPercentPerPeer, rssBytesPerPeer, eventLoopDelayMs, coordination: { bytesPerPeerSecond, messagesPerPeerSecond, byPart } } = idle
  const parts = Object.entries(byPart).filter(([, bytes]) => bytes > 0).sort(([, a], [, b]) => b - a)
  return [
    ['an edge, idle', `${cpuPercentPerPeer.toFixed(2)} % of a core, ${formatBytes(rssBytesPerPeer)}`],
    ['event loop delay', `p50 ${ms(eventLoopDelayMs.p50)}, p99 ${ms(eventLoopDelayMs.p99)}`],
    ['coordination', `${formatBytes(bytesPerPeerSecond)} and ${messagesPerPeerSecond.toFixed(1)} messages a second for each edge`],
    ...parts.map(([part, bytes]): Pair => [`  ${part}`, `${formatBytes(bytes)}/s`])
  ]
}

function workloadRows (workload: ExperimentReport['workload']): Pair[] {
  if (workload === undefined) return []
  const { seconds, requests, errors, unanswerable, wrongBytes, availability, hitRatio, latencyMs, peerFetches, originFetches, bytes } = workload
  return [
    ['requests', `${formatCount(requests)} in ${formatDuration(seconds * 1_000)}, ${formatBytes(bytes)}`],
    ['right answers', `${(availability * 100).toFixed(3)} % (${errors} errors, ${wrongBytes} wrong bytes)`],
    ...(unanswerable === 0 ? [] : [['of what could be had', `${((requests - errors) / (requests - unanswerable) * 100).toFixed(3)} % (${unanswerable} errors: first asked for while the origin was down)`] as const]),
    ['hits', formatShare(hitRatio)],
    ['from peers', formatCount(peerFetches)],
    ['from the origin', formatCount(originFetches)],
    ['latency', `p50 ${ms(latencyMs.p50)}, p99 ${ms(latencyMs.p99)}, longest ${ms(latencyMs.max)}`]
  ]
}

const sweepColumns: readonly Column<ExperimentReport>[] = [
  { heading: 'EDGES', value: ({ peers }) => String(peers), align: 'right' },
  { heading: 'ONE AFTER', value: ({ convergedMs }) => formatDuration(convergedMs), align: 'right' },
  { heading: 'LINKS', value: ({ connectionsPerPeer }) => connectionsPerPeer.toFixed(1), align: 'right' },
  { heading: 'CPU %', value: ({ idle }) => idle?.cpuPercentPerPeer.toFixed(3), align: 'right', optional: true },
  { heading: 'RSS', value: ({ idle, last, peers }) => formatBytes(idle?.rssBytesPerPeer ?? last.rssBytes / peers), align: 'right' },
  { heading: 'LOOP P99', value: ({ idle }) => idle === undefined ? undefined : ms(idle.eventLoopDelayMs.p99), align: 'right', optional: true },
  { heading: 'BYTES/S', value: ({ idle }) => idle === undefined ? undefined : formatBytes(idle.coordination.bytesPerPeerSecond), align: 'right', optional: true },
  ...['gossip', 'membership', 'dht', 'directory', 'filters', 'ping', 'identify'].map((part): Column<ExperimentReport> => ({
    heading: part.toUpperCase(), value: ({ idle }) => idle?.coordination.byPart[part] === undefined ? undefined : formatBytes(idle.coordination.byPart[part]!), align: 'right', optional: true
  })),
  { heading: 'REQUESTS', value: ({ workload }) => workload === undefined ? undefined : formatCount(workload.requests), align: 'right', optional: true },
  { heading: 'HITS', value: ({ workload }) => workload === undefined ? undefined : formatShare(workload.hitRatio), align: 'right', optional: true },
  { heading: 'P99', value: ({ workload }) => workload === undefined ? undefined : ms(workload.latencyMs.p99), align: 'right', optional: true }
]

interface Growth {
  readonly what: string
  readonly exponent: string
  readonly r2: string
}

const growthColumns: readonly Column<Growth>[] = [
  { heading: 'COST', value: ({ what }) => what },
  { heading: 'EXPONENT', value: ({ exponent }) => exponent, align: 'right' },
  { heading: 'R2', value: ({ r2 }) => r2, align: 'right' }
]

function growthOf (reports: readonly ExperimentReport[]): Growth[] {
  const parts = new Set(reports.flatMap(({ idle }) => Object.keys(idle?.coordination.byPart ?? {})))
  const costs: ReadonlyArray<readonly [string, (report: ExperimentReport) => number | undefined]> = [
    ['time until one', ({ convergedMs }) => convergedMs],
    ['links of an edge', ({ connectionsPerPeer }) => connectionsPerPeer],
    ['CPU of an edge', ({ idle }) => idle?.cpuPercentPerPeer],
    ['memory of an edge', ({ idle }) => idle?.rssBytesPerPeer],
    ['bytes of an edge', ({ idle }) => idle?.coordination.bytesPerPeerSecond],
    ...[...parts].map((part) => [`  ${part}`, ({ idle }: ExperimentReport) => idle?.coordination.byPart[part]] as const)
  ]
  return costs.flatMap(([what, value]) => {
    const points = reports.map((report) => ({ size: report.peers, value: value(report) ?? 0 }))
    if (points.every((point) => point.value === 0)) return []
    const fit = fitPower(points)
    return [{ what, exponent: fit === undefined ? '-' : fit.exponent.toFixed(2), r2: fit === undefined ? '-' : fit.r2.toFixed(2) }]
  })
}

function ms (value: number): string {
  return value < 10 ? `${value.toFixed(1)} ms` : formatDuration(value)
}
