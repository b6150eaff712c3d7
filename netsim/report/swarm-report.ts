/**
 * The report of a swarm's run: how it became one, then what the workload saw while faults came and went. Pure. Several
 * runs of different sizes are sweep-report.ts.
 */
import type { Convergence } from '../swarm/convergence.ts'
import { costOf } from '../swarm/cost.ts'
import type { ExperimentReport, Watched } from '../swarm/experiment.ts'
import { describeFault } from '../swarm/faults.ts'
import { regionName } from '../swarm/plan.ts'
import type { Report, SeriesRow } from '../workload/messages.ts'
import { type Chart, type Fact, type Mark, type ReportDocument, type ReportMap, type Section, Unit } from './document.ts'
import { formatQuantity } from './quantity.ts'

/** @param regionRttMs round trip that links between regions were given; 0: loopback's own */
export function swarmReport (run: ExperimentReport, command: string, regionRttMs = 0): ReportDocument {
  const { peers, regions, workload, faults, forming, watched } = run
  return {
    title: `A swarm of ${formatQuantity(peers, Unit.Count)} edges in ${regions} ${regions === 1 ? 'region' : 'regions'}`,
    summary: summaryOf(run),
    command,
    facts: factsOf(run),
    map: mapOf(run, regionRttMs),
    sections: [
      ...(workload === undefined ? [] : [loadSection(workload, marksOf(faults, workload.seconds), watched, peers)]),
      ...(forming.length === 0 ? [] : [formingSection(forming, peers)])
    ]
  }
}

function summaryOf ({ convergedMs, workload, reunitedMs }: ExperimentReport): string {
  const formed = `It was one after ${formatQuantity(convergedMs, Unit.Milliseconds)}`
  if (workload === undefined) return `${formed}.`
  const { availability, requests, wrongBytes } = workload
  const again = reunitedMs === undefined ? '' : `, and it was one again ${formatQuantity(reunitedMs, Unit.Milliseconds)} after the last fault`
  return `${formed}; ${formatQuantity(availability * 100, Unit.Percent)} of ${formatQuantity(requests, Unit.Count)} requests got a right answer, ${wrongBytes === 0 ? 'no byte was wrong' : `${formatQuantity(wrongBytes, Unit.Count)} BYTES WERE WRONG`}${again}.`
}

function factsOf ({ seed, processes, pace, convergedMs, connectionsPerPeer, probe, idle, change, workload }: ExperimentReport): Fact[] {
  const count = (value: number): string => formatQuantity(value, Unit.Count)
  const ms = (value: number): string => formatQuantity(value, Unit.Milliseconds)
  return [
    ['seed', String(seed)],
    ['processes', count(processes)],
    ...(pace > 1 ? [['intervals', `${pace} times the daemon's`] as const] : []),
    ['one after', ms(convergedMs)],
    ['links of an edge', count(Math.round(connectionsPerPeer * 10) / 10)],
    ...(probe.pairs === 0 ? [] : [['pairs of regions that serve each other', `${count(probe.pairs - probe.failures.length)} of ${count(probe.pairs)}`]] as const),
    ...(change === undefined ? [] : [['until all knew that one was lost', ms(change.lostMs)], ['and that it was back', ms(change.joinedMs)]] as const),
    ...(idle === undefined ? [] : [
      ['an edge, idle', `${formatQuantity(idle.cpuPercentPerPeer, Unit.Percent)} of a core, ${formatQuantity(idle.rssBytesPerPeer, Unit.Bytes)}`],
      ['coordination of an edge, idle', formatQuantity(idle.coordination.bytesPerPeerSecond, Unit.BytesPerSecond)]
    ] as const),
    ...(workload === undefined ? [] : [
      ['requests', count(workload.requests)],
      ['hits', formatQuantity(workload.hitRatio * 100, Unit.Percent)],
      ['errors', count(workload.errors)],
      ['wrong bytes', count(workload.wrongBytes)],
      ['latency p50', ms(workload.latencyMs.p50)],
      ['latency p99', ms(workload.latencyMs.p99)],
      ['from peers', count(workload.peerFetches)],
      ['from the origin', count(workload.originFetches)]
    ] as const)
  ]
}

/** Each fault from when it struck to when it was put right; one that never was lasts to the end. */
function marksOf (events: ExperimentReport['faults'], seconds: number): Mark[] {
  return events.filter(({ phase }) => phase === 'begins').map(({ fault, atMs, edges }) => {
    const end = events.find((event) => event.phase === 'ends' && event.fault === fault)
      ?? events.find((event) => event.phase === 'ends' && event.fault.kind === fault.kind && event.fault.atMs === fault.atMs)
    return { atSeconds: atMs / 1_000, forSeconds: (end === undefined ? Math.max(0, seconds * 1_000 - atMs) : end.atMs - atMs) / 1_000, text: `${describeFault(fault)}${edges === 0 ? '' : ` (${edges} ${edges === 1 ? 'edge' : 'edges'})`}` }
  }).sort((a, b) => a.atSeconds - b.atSeconds)
}

function loadSection ({ series }: Report, marks: readonly Mark[], watched: readonly Watched[], peers: number): Section {
  const x = series.map(({ atMs }) => atMs / 1_000)
  const column = (value: (row: SeriesRow) => number | null): Array<number | null> => series.map(value)
  // The last row is longer: it has what was still under way.
  const rate = (value: (row: SeriesRow) => number): number[] => series.map((row, at) => value(row) * 1_000 / Math.max(1, row.atMs - (series[at - 1]?.atMs ?? 0)))
  /** Of right answers; a second without any has no ratio and no latency. */
  const answered = (value: (row: SeriesRow) => number) => (row: SeriesRow): number | null => row.requests > row.errors ? value(row) : null
  const share = (value: (row: SeriesRow) => number): Array<number | null> => column(answered((row) => 100 * value(row) / (row.requests - row.errors)))
  return {
    title: 'Under load',
    axis: { kind: 'time', label: 'the start of the workload' },
    marks,
    charts: [
      {
        title: 'Answers by where they came from',
        unit: Unit.Percent,
        upTo: 100,
        about: 'Of the right answers of each second; the rest were stale, or did not say.',
        x,
        lines: [{ name: 'hit', values: share(({ hits }) => hits) }, { name: 'peer', values: share(({ peerFetches }) => peerFetches) }, { name: 'origin', values: share(({ originFetches }) => originFetches) }]
      },
      {
        title: 'Latency',
        unit: Unit.Milliseconds,
        about: 'From when a request was meant to start, a second try at another edge included. Each step of the scale is ten times the one below.',
        logarithmic: true,
        x,
        lines: [{ name: 'p50', values: column(answered(({ p50Ms }) => p50Ms)) }, { name: 'p99', values: column(answered(({ p99Ms }) => p99Ms)) }, { name: 'longest', values: column(answered(({ maxMs }) => maxMs)) }]
      },
      ...watchedCharts(watched, peers),
      {
        title: 'Requests a second',
        unit: Unit.PerSecond,
        x,
        lines: [{ name: 'finished', values: rate(({ requests }) => requests) }]
      },
      {
        title: 'What went wrong, a second',
        unit: Unit.PerSecond,
        about: 'A first try that failed was taken to another edge; what failed there, too, is an error.',
        x,
        lines: [{ name: 'failed first tries', values: rate(({ firstTryErrors }) => firstTryErrors) }, { name: 'errors', values: rate(({ errors }) => errors) }, { name: 'wrong answers', values: rate(({ wrongAnswers }) => wrongAnswers) }]
      },
      {
        title: 'Bodies delivered',
        unit: Unit.BytesPerSecond,
        x,
        lines: [{ name: 'bytes', values: rate(({ bytes }) => bytes) }]
      }
    ]
  }
}

function watchedCharts (watched: readonly Watched[], peers: number): Chart[] {
  const costs = watched.slice(1).map(({ atMs, reading }, at) => ({ atMs, cost: costOf(watched[at]!.reading, reading) }))
  const parts = [...new Set(costs.flatMap(({ cost }) => Object.keys(cost.coordination.byPart)))]
    .filter((part) => costs.some(({ cost }) => (cost.coordination.byPart[part] ?? 0) > 0))
  return [
    ...(watched.length === 0 ? [] : [convergenceChart(watched.map(({ atMs, convergence }) => ({ sinceMs: atMs, convergence })), peers)]),
    ...(parts.length === 0 ? [] : [{
      title: 'Coordination of an edge',
      unit: Unit.BytesPerSecond,
      about: 'Sent by a mean edge, by part; content is not among it.',
      x: costs.map(({ atMs }) => atMs / 1_000),
      lines: parts.map((part) => ({ name: part, values: costs.map(({ cost }) => cost.coordination.byPart[part] ?? 0) }))
    }])
  ]
}

function formingSection (forming: ExperimentReport['forming'], peers: number): Section {
  return { title: 'Becoming one', axis: { kind: 'time', label: 'the first edge was started' }, marks: [], charts: [convergenceChart(forming, peers)] }
}

/** Of edges that were killed no other is expected to know; they are missing among those that are up. */
function convergenceChart (rows: ExperimentReport['forming'], peers: number): Chart {
  const line = (name: string, share: (convergence: Convergence) => number): Chart['lines'][number] => ({ name, values: rows.map(({ convergence }) => convergence.edges === 0 ? null : 100 * share(convergence)) })
  return {
    title: 'Convergence',
    unit: Unit.Percent,
    upTo: 100,
    about: 'All at 100 %: every edge is up and knows every other, and the edges of each region have the same ring and know of the same leader.',
    x: rows.map(({ sinceMs }) => sinceMs / 1_000),
    lines: [
      line('edges up', ({ up }) => up / peers),
      line('members known', ({ membersKnown, edges }) => Math.min(1, membersKnown / edges ** 2)),
      line('edges that know all', ({ complete, edges }) => complete / edges),
      line('regions of one ring', ({ agreed, regions }) => agreed / regions),
      line('regions of one leader', ({ led, regions }) => led / regions)
    ]
  }
}

function mapOf ({ peers, regions, workload }: ExperimentReport, regionRttMs: number): ReportMap {
  const names = Array.from({ length: regions }, (_, at) => regionName(at))
  return {
    title: 'Regions and links',
    regions: names.map((name, at) => {
      const group = workload?.byRegion[name]
      const facts: Fact[] = group === undefined ? [] : [['requests', formatQuantity(group.requests, Unit.Count)], ['errors', formatQuantity(group.errors, Unit.Count)], ['p50', formatQuantity(group.latencyMs.p50, Unit.Milliseconds)], ['p99', formatQuantity(group.latencyMs.p99, Unit.Milliseconds)]]
      // Edges take turns over the regions (plan.ts).
      return { name, edges: Math.ceil((peers - at) / regions), facts }
    }),
    links: names.flatMap((from, at) => names.slice(at + 1).map((to) => ({ from, to, ...(regionRttMs > 0 && { rttMs: regionRttMs }) })))
  }
}
