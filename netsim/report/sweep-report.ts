/** The report of swarms of several sizes: each cost over the number of edges, and the power law that fits it best. Pure. */
import type { ExperimentReport } from '../swarm/experiment.ts'
import { fitPower } from '../swarm/fit.ts'
import { type Chart, type ReportDocument, Unit } from './document.ts'
import { formatQuantity } from './quantity.ts'

type Value = (report: ExperimentReport) => number | undefined

export function sweepReport (reports: readonly ExperimentReport[], command: string): ReportDocument {
  const sorted = reports.toSorted((a, b) => a.peers - b.peers)
  const [first, last] = [sorted[0], sorted.at(-1)]
  const parts = [...new Set(sorted.flatMap(({ idle }) => Object.entries(idle?.coordination.byPart ?? {}).flatMap(([part, bytes]) => bytes > 0 ? [part] : [])))]
  const charts = [
    chart(sorted, 'Time until one', Unit.Milliseconds, { 'time until one': ({ convergedMs }) => convergedMs }),
    chart(sorted, 'Links of an edge', Unit.Count, { links: ({ connectionsPerPeer }) => connectionsPerPeer }),
    chart(sorted, 'CPU of an edge, idle', Unit.Percent, { 'of a core': ({ idle }) => idle?.cpuPercentPerPeer }),
    chart(sorted, 'Memory of an edge', Unit.Bytes, { 'resident memory': ({ idle, last, peers }) => idle?.rssBytesPerPeer ?? last.rssBytes / peers }),
    chart(sorted, 'Event loop delay, idle', Unit.Milliseconds, { p50: ({ idle }) => idle?.eventLoopDelayMs.p50, p99: ({ idle }) => idle?.eventLoopDelayMs.p99 }),
    chart(sorted, 'Coordination of an edge, idle', Unit.BytesPerSecond, { 'all parts': ({ idle }) => idle?.coordination.bytesPerPeerSecond }),
    chart(sorted, 'The same by part', Unit.BytesPerSecond, Object.fromEntries(parts.map((part): [string, Value] => [part, ({ idle }) => idle?.coordination.byPart[part]]))),
    chart(sorted, 'Latency under load', Unit.Milliseconds, { p50: ({ workload }) => workload?.latencyMs.p50, p99: ({ workload }) => workload?.latencyMs.p99 }),
    { ...chart(sorted, 'Answers by where they came from', Unit.Percent, {
      hit: ({ workload }) => workload === undefined ? undefined : 100 * workload.hitRatio,
      peer: ({ workload }) => shareOf(workload?.peerFetches, workload?.requests),
      origin: ({ workload }) => shareOf(workload?.originFetches, workload?.requests)
    }), upTo: 100, about: 'Of all requests.' }
  ]
  return {
    title: `Swarms of ${formatQuantity(first?.peers ?? 0, Unit.Count)} to ${formatQuantity(last?.peers ?? 0, Unit.Count)} edges`,
    summary: `${sorted.length} swarms, one after another, in ${last?.regions ?? 0} ${last?.regions === 1 ? 'region' : 'regions'}.`,
    command,
    facts: [['seed', String(last?.seed ?? '')], ['sizes', sorted.map(({ peers }) => formatQuantity(peers, Unit.Count)).join(', ')]],
    sections: [{ title: 'Growth', axis: { kind: 'sizes', label: 'number of edges' }, marks: [], charts: charts.filter(({ lines }) => lines.length > 0) }]
  }
}

/** Lines of which nothing was measured are left out. */
function chart (reports: readonly ExperimentReport[], title: string, unit: Unit, values: Readonly<Record<string, Value>>): Chart {
  const lines = Object.entries(values).map(([name, value]) => ({ name, values: reports.map((report) => value(report) ?? null) })).filter((line) => line.values.some((value) => value !== null))
  const laws = lines.flatMap((line) => {
    const points = reports.flatMap(({ peers }, at) => line.values[at] == null ? [] : [{ size: peers, value: line.values[at] }])
    const fit = points.length < 3 ? undefined : fitPower(points)
    return fit === undefined ? [] : [`${line.name} as edges ^ ${fit.exponent.toFixed(2)} (R2 ${fit.r2.toFixed(2)})`]
  })
  return { title, unit, x: reports.map(({ peers }) => peers), lines, ...(laws.length > 0 && { about: `Grows: ${laws.join(', ')}.` }) }
}

function shareOf (part: number | undefined, all: number | undefined): number | undefined {
  return part === undefined || all === undefined || all === 0 ? undefined : 100 * part / all
}
