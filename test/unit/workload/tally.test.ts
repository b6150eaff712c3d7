import { describe, expect, it } from 'vitest'
import { type Finished, Tally } from '../../../netsim/workload/tally.ts'

const right: Finished = { region: 0, latencyMs: 2, serviceMs: 1, status: 200, bytes: 100, wrongBytes: 0, firstTryFailed: false, unanswerable: false, outcome: { kind: 'right', source: 'hit' } }

describe('the tally of a workload', () => {
  it('counts each request once, by region, source, status and error', () => {
    const tally = new Tally(['europe', 'asia'])
    tally.finished(right)
    tally.finished({ ...right, region: 1, firstTryFailed: true, outcome: { kind: 'right', source: 'peer' } })
    tally.finished({ ...right, region: 1, outcome: { kind: 'right', source: 'origin' } })
    tally.finished({ ...right, status: 503, firstTryFailed: true, unanswerable: true, outcome: { kind: 'refused' } })
    tally.finished({ ...right, status: 0, wrongBytes: 2, firstTryFailed: true, outcome: { kind: 'failed', error: 'connect' } })
    tally.finished({ ...right, firstTryFailed: true, outcome: { kind: 'wrong', what: 'a byte', wrongBytes: 5 } })
    const { report } = tally.report(1000, 0, 0)
    expect(report).toMatchObject({
      requests: 6, errors: 3, unanswerable: 1, firstTryErrors: 4, wrongAnswers: 1, wrongBytes: 7, bytes: 300, availability: 0.5, hitRatio: 1 / 3, peerFetches: 1, originFetches: 1,
      byRegion: { europe: { requests: 4, errors: 3, bytes: 100 }, asia: { requests: 2, errors: 0, bytes: 200 } },
      bySource: { hit: { requests: 1 }, peer: { requests: 1 }, origin: { requests: 1 }, stale: { requests: 0 }, unknown: { requests: 0 } },
      byStatus: { 200: 4, 503: 1, none: 1 },
      byError: { 'status-503': 1, connect: 1, wrong: 1 },
      wrong: ['a byte']
    })
  })

  it('tells each second apart, and the whole at the end', () => {
    const tally = new Tally(['europe'])
    for (let count = 0; count < 10; count++) tally.finished({ ...right, latencyMs: 10 })
    expect(tally.report(1000, 3, 0).row).toMatchObject({ atMs: 1000, requests: 10, hits: 10, bytes: 1000, maxMs: 10, inFlight: 3 })
    tally.finished({ ...right, latencyMs: 1 })
    const { row, report } = tally.report(2000, 0, 0)
    expect(row).toMatchObject({ requests: 1, hits: 1, bytes: 100, p50Ms: 1, maxMs: 1 })
    expect(report).toMatchObject({ seconds: 2, requests: 11, latencyMs: { p50: expect.closeTo(10, 1), max: expect.closeTo(10, 1) }, serviceMs: { p50: 1 } })
  })

  it('leaves errors out of the latency: a quick refusal is no quick answer', () => {
    const tally = new Tally(['europe'])
    tally.finished({ ...right, latencyMs: 50 })
    tally.finished({ ...right, latencyMs: 1, outcome: { kind: 'failed', error: 'connect' } })
    expect(tally.report(1000, 0, 0).report.latencyMs.p50).toBeCloseTo(50, 0)
  })

  it('is whole before anything was asked', () => {
    expect(new Tally(['europe']).report(0, 0, 0).report).toMatchObject({ requests: 0, availability: 1, hitRatio: 0, latencyMs: { p50: 0, max: 0 } })
  })
})
