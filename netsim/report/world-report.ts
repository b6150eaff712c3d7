/** The report of one simulated world: what its clients saw, what its edges knew, and where they stood. Pure. */
import type { RunResult } from '../world/run.ts'
import { type Chart, type Fact, type Mark, type ReportDocument, Unit } from './document.ts'
import { formatQuantity } from './quantity.ts'
import type { Gauges, WorldRecord, WorldSample } from './world-recorder.ts'

export function worldReport (result: Omit<RunResult, 'record'>, record: WorldRecord, command: string): ReportDocument {
  const { scenario, seed, edges, cities, violations, simulatedMs } = result
  const [violation] = violations
  const found: Mark[] = violations.map(({ checker, atMs, sentence }) => ({ atSeconds: atMs / 1_000, forSeconds: 0, text: `VIOLATION, ${checker}: ${sentence}` }))
  return {
    title: `World "${scenario}", seed ${seed}`,
    summary: `${formatQuantity(edges, Unit.Count)} edges in ${formatQuantity(cities, Unit.Count)} ${cities === 1 ? 'city' : 'cities'} for ${formatQuantity(simulatedMs, Unit.Milliseconds)} of virtual time: ${violation === undefined ? 'no checker found a violation' : `${violation.checker} found a violation after ${formatQuantity(violation.atMs, Unit.Milliseconds)}: ${violation.sentence}`}.`,
    command,
    facts: factsOf(result),
    map: { title: 'Regions and links', regions: record.regions, links: record.links, backdrop: record.places },
    sections: [{
      title: 'The run',
      axis: { kind: 'time', label: 'the beginning, virtual' },
      // A run may end by its violation before all faults came.
      marks: [...record.faults.filter(({ atSeconds }) => atSeconds * 1_000 <= simulatedMs), ...found].sort((a, b) => a.atSeconds - b.atSeconds),
      charts: chartsOf(record, edges, cities)
    }]
  }
}

function factsOf ({ seed, requests, objects, faults, violations, events, traceHash, counters, wallMs }: Omit<RunResult, 'record'>): Fact[] {
  const share = (part: string): string => formatQuantity(requests === 0 ? 0 : 100 * (counters[part] ?? 0) / requests, Unit.Percent)
  return [
    ['seed', String(seed)],
    ['trace hash', traceHash],
    ['violations', violations.length === 0 ? 'none' : String(violations.length)],
    ['faults', formatQuantity(faults, Unit.Count)],
    ['objects', formatQuantity(objects, Unit.Count)],
    ['requests', formatQuantity(requests, Unit.Count)],
    ['hits', share('hits')],
    ['errors', formatQuantity(counters.errors ?? 0, Unit.Count)],
    ['latency p50', formatQuantity(counters.latencyMsP50 ?? 0, Unit.Milliseconds)],
    ['latency p99', formatQuantity(counters.latencyMsP99 ?? 0, Unit.Milliseconds)],
    ['events', formatQuantity(events, Unit.Count)],
    ['took', formatQuantity(wallMs, Unit.Milliseconds)]
  ]
}

/** A time from one sample to the next, with what was counted in it. */
interface Span {
  readonly end: WorldSample
  readonly seconds: number
  readonly counted: (name: string) => number
}

function chartsOf ({ samples, regions }: WorldRecord, edges: number, cities: number): Chart[] {
  const spans = samples.map((end, at): Span => {
    const start = samples[at - 1]
    return { end, seconds: (end.atMs - (start?.atMs ?? 0)) / 1_000, counted: (name) => (end.counters[name] ?? 0) - (start?.counters[name] ?? 0) }
  }).filter(({ seconds }) => seconds > 0)
  const x = spans.map(({ end }) => end.atMs / 1_000)
  const rate = (name: string, value: string): Chart['lines'][number] => ({ name, values: spans.map(({ seconds, counted }) => counted(value) / seconds) })
  const share = (name: string, value: string): Chart['lines'][number] => ({ name, values: spans.map(({ counted }) => counted('requests') === 0 ? null : 100 * counted(value) / counted('requests')) })
  const gauge = (name: string, value: keyof Gauges, scale = 1): Chart['lines'][number] => ({ name, values: spans.map(({ end }) => end.gauges[value] === undefined ? null : end.gauges[value] * scale) })
  const latency: Chart['lines'] = [gauge('p50', 'latencyMsP50'), gauge('p99', 'latencyMsP99')]
  const parts = [...new Set(samples.flatMap(({ counters }) => Object.keys(counters)))].filter((name) => /^[a-z]+Bytes$/.test(name) && !['bodyBytes', 'originBytes', 'messageBytes', 'contentBytes'].includes(name))
  const charts: Chart[] = [
    { title: 'Answers by where they came from', unit: Unit.Percent, upTo: 100, x, lines: [share('hit', 'hits'), share('peer', 'peerFetches'), share('origin', 'originFetches')] },
    { title: 'Latency', unit: Unit.Milliseconds, about: 'Of the requests since the last point. Each step of the scale is ten times the one below.', logarithmic: true, x, lines: latency },
    {
      title: 'Convergence',
      unit: Unit.Percent,
      upTo: 100,
      about: 'All at 100 %: every edge is up and knows every other, and the edges of each region have the same ring.',
      x,
      lines: [
        { name: 'edges up', values: spans.map(({ end }) => 100 * end.edgesUp / edges) },
        { name: 'members known', values: spans.map(({ end: { edgesUp, gauges: { membersKnown } } }) => membersKnown === undefined || edgesUp === 0 ? null : Math.min(100, 100 * membersKnown / edgesUp ** 2)) },
        { name: 'edges that know all', values: spans.map(({ end: { edgesUp, gauges: { complete } } }) => complete === undefined || edgesUp === 0 ? null : 100 * complete / edgesUp) },
        gauge('regions of one ring', 'agreed', 100 / Math.max(1, regions.length || cities))
      ]
    },
    { title: 'Requests a second', unit: Unit.PerSecond, x, lines: [rate('answered', 'requests')] },
    { title: 'What went wrong, a second', unit: Unit.PerSecond, x, lines: [rate('errors', 'errors'), rate('stale', 'stale'), rate('no edge was up', 'unserved')] },
    { title: 'Bodies delivered, and those fetched from the origin', unit: Unit.BytesPerSecond, x, lines: [rate('to clients', 'bodyBytes'), rate('from the origin', 'originBytes')] },
    {
      title: 'Coordination of an edge',
      unit: Unit.BytesPerSecond,
      about: 'Sent by a mean edge, by part.',
      x,
      lines: parts.map((part) => ({ name: part.replace(/Bytes$/, ''), values: spans.map(({ seconds, counted }) => counted(part) / seconds / edges) }))
    }
  ]
  return charts.map((chart) => ({ ...chart, lines: chart.lines.filter(({ values }) => values.some((value) => value !== null)) })).filter(({ lines }) => lines.length > 0)
}
