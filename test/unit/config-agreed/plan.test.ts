/** Plans of roll-outs as people write them, and when counts of two sets of edges tell them apart. */
import { describe, expect, it } from 'vitest'
import { healthDefaults, judge, latencyBucket, latencyBuckets, noHealth, type Health } from '../../../protocols/config/health.ts'
import { Reports } from '../../../protocols/config/reports.ts'
import { parsePlan, stepsOf } from '../../../protocols/config/rollout.ts'
import { configDefaults } from '../../../protocols/config/settings.ts'

describe('a plan', () => {
  it('is read as people write it', () => {
    expect(parsePlan('edge, edges:3 ,edges:fra-1+fra-2,region,regions:fra+ams,all')).toEqual([
      { reach: 'edges', count: 1 }, { reach: 'edges', count: 3 }, { reach: 'edges', names: ['fra-1', 'fra-2'] },
      { reach: 'regions', count: 1 }, { reach: 'regions', names: ['fra', 'ams'] }, { reach: 'all' }
    ])
    expect(parsePlan('now')).toEqual([])
  })

  it.each([
    ['', '"" is not a stage'],
    ['edge,world', '"world" is not a stage'],
    ['edge', 'all has to be the last stage, and only that'],
    ['all,all', 'all has to be the last stage, and only that'],
    ['edges:0,all', '0 is not a number of edges from 1 to 10000'],
    ['regions:a//b,all', '"a//b" does not name regions'],
    [`${'edge,'.repeat(32)}all`, '33 stages']
  ])('%j is refused', (text, why) => {
    expect(() => parsePlan(text)).toThrow(`plan: ${why}; expected stages such as edge,region,all or edges:3,regions:fra+ams,all, or now`)
  })

  it('has steps that switch regions only where the change is region-wide', () => {
    expect(stepsOf(parsePlan('edge,region,all'), false).map(({ act }) => act)).toEqual(['run', 'run', 'run'])
    expect(stepsOf(parsePlan('edge,region,all'), true).map(({ act }) => act)).toEqual(['run', 'run', 'switch', 'run', 'switch'])
  })
})

/** `requests` of which these shares went wrong or hit; all took `ms`. */
function health (requests: number, { errors = 0, hits = 0.9, ms = 6 }: { errors?: number, hits?: number, ms?: number } = {}): Health {
  return { requests, errors: Math.round(requests * errors), hits: Math.round(requests * hits), origin: requests - Math.round(requests * hits), latency: noHealth.latency.with(latencyBucket(ms), requests) }
}

/** The same, of which a share took 200 ms and the others 6. */
function slowShare (requests: number, share: number): Health {
  const slow = Math.round(requests * share)
  return { ...health(requests), latency: noHealth.latency.with(latencyBucket(6), requests - slow).with(latencyBucket(200), slow) }
}

describe('judge', () => {
  const untouched = health(10_000)
  const before = health(10_000)

  it.each<[string, Health, Health, Health, object]>([
    ['too few requests', health(499, { errors: 1 }), before, untouched, { kind: 'unknown', reason: '499 of 500 requests so far' }],
    ['nothing to hold it against', health(1000), health(10), noHealth, { kind: 'unknown', reason: 'nothing to hold it against: fewer than 500 requests before and elsewhere' }],
    ['the same as ever', health(1000), before, untouched, { kind: 'fine' }],
    ['more errors than before and elsewhere', health(1000, { errors: 0.1 }), before, untouched, { kind: 'worse', everywhere: false }],
    ['more errors than before, with nobody else to ask', health(1000, { errors: 0.1 }), before, noHealth, { kind: 'worse', everywhere: false }],
    ['more errors than elsewhere, with nothing from before', health(1000, { errors: 0.1 }), noHealth, untouched, { kind: 'worse', everywhere: false }],
    ['errors that these edges always had', health(1000, { errors: 0.1 }), health(10_000, { errors: 0.1 }), untouched, { kind: 'fine' }],
    ['errors that all edges have now', health(1000, { errors: 0.1 }), before, health(10_000, { errors: 0.1 }), { kind: 'worse', everywhere: true }],
    ['a rise within the bound', health(100_000, { errors: 0.009 }), before, untouched, { kind: 'fine' }],
    ['a rise that may be chance', health(500, { errors: 0.02 }), before, untouched, { kind: 'doubtful' }],
    ['that rise in many more requests', health(20_000, { errors: 0.02 }), before, untouched, { kind: 'worse', everywhere: false }],
    ['a percentile that may be chance', slowShare(500, 0.115), slowShare(10_000, 0.09), slowShare(10_000, 0.09), { kind: 'doubtful' }],
    ['fewer hits', health(1000, { hits: 0.7 }), before, untouched, { kind: 'worse', reason: expect.stringMatching(/^the hit ratio is 70 % of 1000 requests, it was 90 % of 10000 requests before .*; the bound is -10 %$/) }],
    ['a slower edge', health(1000, { ms: 100 }), before, untouched, { kind: 'worse', reason: expect.stringMatching(/^the 90th percentile of the time to the first byte is 122 ms, it was 8 ms before/) }],
    ['a factor that is nothing to a client', health(1000, { ms: 3 }), health(10_000, { ms: 0.5 }), health(10_000, { ms: 0.5 }), { kind: 'fine' }]
  ])('%s', (_what, now, was, others, expected) => {
    expect(judge({ now, before: was, untouched: others }, healthDefaults)).toMatchObject(expected)
  })

  it('counts requests to the origin apart from hits', () => {
    const now = { ...health(1000), origin: 400 }
    expect(judge({ now, before, untouched }, healthDefaults)).toMatchObject({ kind: 'worse', reason: expect.stringMatching(/^the origin load is 40 %/) })
  })

  it('allows for what the change itself has to find anew', () => {
    const now = health(1000, { hits: 0.6 })
    expect(judge({ now, before, untouched }, healthDefaults, 0.3)).toEqual({ kind: 'fine' })
    expect(judge({ now, before, untouched }, healthDefaults, 0.1)).toMatchObject({ kind: 'worse' })
  })
})

describe('latencyBucket', () => {
  it.each([[0, 0], [0.9, 0], [1, 1], [3.9, 2], [32_767, 15], [32_768, 16], [1e9, latencyBuckets - 1]])('%d ms is in bucket %d', (ms, bucket) => {
    expect(latencyBucket(ms)).toBe(bucket)
  })
})

describe('reports', () => {
  const report = (sequence: number, more: object = {}): Parameters<Reports['add']>[1] => ({ incarnation: 1, sequence, version: 1, regionWide: 1, health: health(10), ...more })

  it('count once, whatever comes twice or late', () => {
    const reports = new Reports(configDefaults)
    expect([reports.add('a', report(1), 0), reports.add('a', report(1), 1), reports.add('a', report(3), 2), reports.add('a', report(2), 3)]).toEqual([true, false, true, false])
    expect([reports.add('a', report(0, { incarnation: 2 }), 4), reports.add('a', report(9), 5)]).toEqual([true, false])
    expect(reports.health(['a'], 0, () => true).requests).toBe(30)
  })

  it('are kept apart by version, and for as long as is looked back', () => {
    const reports = new Reports(configDefaults)
    reports.add('a', report(1), 0)
    reports.add('a', report(2, { version: 2 }), 1)
    expect(reports.health(['a'], 0, ({ version }) => version === 2).requests).toBe(10)
    reports.add('a', report(3, { version: 2 }), configDefaults.beforeMs)
    expect(reports.health(['a'], 0, () => true).requests).toBe(20)
  })

  it('of more edges than are kept are passed over', () => {
    const reports = new Reports({ ...configDefaults, edgesMax: 1 })
    expect([reports.add('a', report(1), 0), reports.add('b', report(1), 0)]).toEqual([true, false])
  })
})
