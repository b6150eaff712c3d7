import { describe, expect, it } from 'vitest'
import type { Chart, ReportDocument } from '../../../netsim/report/document.ts'
import { swarmReport } from '../../../netsim/report/swarm-report.ts'
import { sweepReport } from '../../../netsim/report/sweep-report.ts'
import type { Convergence } from '../../../netsim/swarm/convergence.ts'
import type { ExperimentReport } from '../../../netsim/swarm/experiment.ts'
import type { Fault } from '../../../netsim/swarm/faults.ts'
import { readingOf } from '../../../netsim/swarm/cost.ts'
import type { Report, SeriesRow } from '../../../netsim/workload/messages.ts'

const reading = (atMs: number, sent: number): ExperimentReport['first'] => ({ ...readingOf(atMs, []), edges: 4, coordination: { gossip: { bytesIn: 0, bytesOut: sent, messagesIn: 0, messagesOut: 1 }, ping: { bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0 } } })
const whole: Convergence = { edges: 4, up: 4, complete: 4, membersKnown: 16, regions: 2, agreed: 2, led: 2, connections: 12, whole: true }
const row = (atMs: number, more: Partial<SeriesRow>): SeriesRow => ({ atMs, requests: 10, errors: 0, firstTryErrors: 0, wrongAnswers: 0, bytes: 1_000, hits: 5, peerFetches: 3, originFetches: 2, p50Ms: 2, p99Ms: 20, maxMs: 30, inFlight: 0, ...more })
const latencyMs = { p50: 2, p90: 10, p99: 20, p999: 30, max: 30 }
const workload: Report = {
  seconds: 6, requests: 40, errors: 10, unanswerable: 0, firstTryErrors: 12, wrongAnswers: 0, wrongBytes: 0, bytes: 4_000, availability: 0.75, hitRatio: 0.5, peerFetches: 9, originFetches: 6,
  byRegion: { europe: { requests: 40, errors: 10, bytes: 1, latencyMs } }, bySource: {} as Report['bySource'], byStatus: {}, byError: {}, latencyMs, serviceMs: latencyMs, inFlight: 0, cpuMs: 1, wrong: [],
  series: [row(1_000, {}), row(2_000, { requests: 10, errors: 10, hits: 0, peerFetches: 0, originFetches: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 }), row(6_000, { requests: 20 })]
}
const cut: Fault = { kind: 'cut', from: 'europe', oneWay: false, atMs: 1_000, forMs: 2_000 }
const kill: Fault = { kind: 'kill', share: 0.25, atMs: 500, forMs: 9_000 }
const run: ExperimentReport = {
  seed: 7, peers: 4, regions: 2, processes: 1, pace: 1, convergedMs: 2_500, connectionsPerPeer: 3, probe: { pairs: 2, fromPeers: 2, failures: [] }, workload,
  faults: [{ fault: kill, phase: 'begins', atMs: 600, edges: 1 }, { fault: cut, phase: 'begins', atMs: 1_100, edges: 2 }, { fault: cut, phase: 'ends', atMs: 3_300, edges: 2 }],
  first: reading(0, 0), last: reading(6_000, 2_400),
  forming: [{ sinceMs: 100, convergence: { ...whole, edges: 4, up: 1, complete: 0, membersKnown: 1, agreed: 0, led: 0 } }, { sinceMs: 2_500, convergence: whole }],
  watched: [{ atMs: 0, convergence: whole, reading: reading(0, 0) }, { atMs: 2_000, convergence: { ...whole, edges: 3, up: 3, complete: 0, membersKnown: 12 }, reading: reading(2_000, 800) }]
}
const chartOf = ({ sections }: ReportDocument, title: string): Chart => sections.flatMap(({ charts }) => charts).find((chart) => chart.title === title)!
const valuesOf = (chart: Chart): Record<string, unknown> => Object.fromEntries(chart.lines.map(({ name, values }) => [name, values]))

describe('the report of a swarm', () => {
  const report = swarmReport(run, 'netsim swarm --seed 7', 80)

  it('marks faults from when they struck to when they were put right, or to the end', () => {
    expect(report.sections[0]!.marks).toEqual([
      { atSeconds: 0.6, forSeconds: 5.4, text: 'kill -9 of 25 % of the edges (1 edge)' },
      { atSeconds: 1.1, forSeconds: 2.2, text: 'europe cut off (2 edges)' }
    ])
  })

  it('has no ratio and no latency for a second without a right answer, and counts a longer row by its length', () => {
    expect(valuesOf(chartOf(report, 'Answers by where they came from'))).toEqual({ hit: [50, null, 25], peer: [30, null, 15], origin: [20, null, 10] })
    expect(valuesOf(chartOf(report, 'Latency'))).toEqual({ p50: [2, null, 2], p99: [20, null, 20], longest: [30, null, 30] })
    expect(valuesOf(chartOf(report, 'Requests a second'))).toEqual({ finished: [10, 10, 5] })
  })

  it('shows convergence while it formed and under load, where a killed edge is missing', () => {
    const [load, forming] = report.sections.map(({ charts }) => valuesOf(charts.find(({ title }) => title === 'Convergence')!))
    expect(forming).toMatchObject({ 'edges up': [25, 100], 'members known': [6.25, 100], 'regions of one ring': [0, 100] })
    expect(load).toMatchObject({ 'edges up': [100, 75], 'edges that know all': [100, 0] })
  })

  it('shows what an edge says to others, without the parts that say nothing', () => {
    expect(valuesOf(chartOf(report, 'Coordination of an edge'))).toEqual({ gossip: [100] })
  })

  it('has the regions and the links between them', () => {
    expect(report.map!.regions.map(({ name, edges }) => [name, edges])).toEqual([['europe', 2], ['america', 2]])
    expect(report.map!.links).toEqual([{ from: 'europe', to: 'america', rttMs: 80 }])
  })

  it('says in a sentence how it went', () => {
    expect(report.summary).toBe('It was one after 2.5 s; 75 % of 40 requests got a right answer, no byte was wrong.')
    expect(swarmReport({ ...run, workload: undefined, faults: [], watched: [] }, '').summary).toBe('It was one after 2.5 s.')
  })
})

describe('the report of a sweep', () => {
  it('has each cost over the sizes, in their order, with the law by which it grows', () => {
    const report = sweepReport([200, 50, 100].map((peers) => ({ ...run, peers, workload: undefined, convergedMs: 10 * peers })), 'netsim swarm --sweep 200,50,100')
    expect(chartOf(report, 'Time until one')).toMatchObject({ x: [50, 100, 200], lines: [{ values: [500, 1_000, 2_000] }], about: 'Grows: time until one as edges ^ 1.00 (R2 1.00).' })
    expect(chartOf(report, 'Latency under load')).toBeUndefined()
  })
})
