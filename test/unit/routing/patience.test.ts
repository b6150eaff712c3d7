/** Whether a peer is worth waiting for. */
import { describe, expect, it } from 'vitest'
import { Patience, patience } from '../../../daemon/routing/patience.ts'
import { routingDefaults } from '../../../daemon/routing/settings.ts'

const settings = { ...routingDefaults, patienceFloorMs: 10, patienceShare: 0.05, ttfbGuessMs: 100 }

describe('patience', () => {
  it.each([
    // Round trip, origin's time to first byte, verdict.
    [undefined, 50, Patience.Wait],
    [undefined, undefined, Patience.Wait],
    [0, 0, Patience.Wait],
    [10, 1, Patience.Wait],
    [10.1, 200, Patience.Race],
    [10.1, 203, Patience.Wait],
    [150, 3_000, Patience.Wait],
    [151, 3_000, Patience.Race],
    [79, 80, Patience.Race],
    [80, 80, Patience.Skip],
    [81, 80, Patience.Skip],
    [11, 5, Patience.Skip],
    [99, undefined, Patience.Race],
    [100, undefined, Patience.Skip]
  ])('for a peer %s ms away and an origin of %s ms is to %s', (rttMs, ttfbMs, verdict) => {
    expect(patience(rttMs, ttfbMs, settings)).toBe(verdict)
  })

  it('never waits longer for a peer that is further away, or for an origin that is nearer', () => {
    const rank = { [Patience.Wait]: 0, [Patience.Race]: 1, [Patience.Skip]: 2 }
    const times = [0, 1, 5, 10, 11, 20, 50, 80, 100, 200, 1_000, 5_000]
    for (const ttfbMs of times) {
      const verdicts = times.map((rttMs) => rank[patience(rttMs, ttfbMs, settings)])
      expect(verdicts).toEqual(verdicts.toSorted())
    }
    for (const rttMs of times) {
      const verdicts = times.map((ttfbMs) => rank[patience(rttMs, ttfbMs, settings)])
      expect(verdicts).toEqual(verdicts.toSorted().toReversed())
    }
  })
})
