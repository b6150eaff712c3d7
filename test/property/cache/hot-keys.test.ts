import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, it } from 'vitest'
import { hotKeyDefaults, HotKeys } from '../../../daemon/cache/hot-keys.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import { manualClock } from '../../unit/membership/support.ts'

const halfLifeMs = 1_000

const step = fc.oneof(
  // Few keys that come often, many that come once or twice.
  { weight: 12, arbitrary: fc.oneof(fc.nat(4), fc.nat(60)).map((key) => ({ kind: 'request' as const, key })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 3_500 }).map((ms) => ({ kind: 'pass' as const, ms })) }
)

describe('HotKeys under any sequence of requests and pauses', () => {
  it('is never too low, too high by at most N / m + 1 and its own error, and misses no key above that', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 400 }), fc.integer({ min: 1, max: 12 }), (steps, countersMax) => {
      let nowMs = 0
      const clock = { ...manualClock(), nowMs: () => nowMs }
      const hot = new HotKeys({ settings: { ...hotKeyDefaults, countersMax, halfLifeMs }, clock })
      const exact = new Map<ContentKey, number>()
      let halvings = 0
      let all = 0
      for (const each of steps) {
        if (each.kind === 'pass') {
          nowMs += each.ms
          const due = Math.floor(nowMs / halfLifeMs)
          for (; halvings < due; halvings++) {
            all /= 2
            for (const [key, count] of exact) exact.set(key, count / 2)
          }
          continue
        }
        const key = `key-${each.key}` as ContentKey
        hot.count(key, 'site', key)
        all++
        exact.set(key, (exact.get(key) ?? 0) + 1)

        const bound = all / countersMax + 1 + 1e-9
        for (const [known, truth] of exact) {
          const estimate = hot.estimate(known)
          if (estimate === undefined) {
            assert(truth <= bound, `${known} was asked for ${truth} times and has no counter`)
            continue
          }
          const excess = estimate.count - truth
          assert(excess >= -1e-9 && excess <= estimate.error + 1e-9 && estimate.error <= bound, JSON.stringify({ known, truth, estimate, bound }))
        }
      }
      const rates = hot.top(countersMax).map(({ perSecond }) => perSecond)
      assert.deepEqual(rates, rates.toSorted((one, other) => other - one))
      assert.equal(rates.length, Math.min(countersMax, exact.size))
    }))
  })
})
