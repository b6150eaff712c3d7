import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { assignBounded, boundedLoadDefaults, LoadGate, loadLimit } from '../../../protocols/locate/bounded-load.ts'
import { Ring } from '../../../protocols/locate/ring.ts'

const members = fc.uniqueArray(
  fc.record({ peer: fc.string({ minLength: 1, maxLength: 8 }), weight: fc.double({ min: 0.05, max: 4, noNaN: true }) }),
  { minLength: 1, maxLength: 12, selector: ({ peer }) => peer }
)
/** From every key once to one key alone: squaring the draw makes low numbers as hot as wanted. */
const traffic = fc.record({ draws: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 400 }), skew: fc.integer({ min: 1, max: 30 }) })
  .map(({ draws, skew }) => draws.map((draw) => contentKey('site', `/${Math.floor(1000 * draw ** skew)}`)))

describe('bounded load, whatever the traffic', () => {
  it('gives no member more than the load factor times its share, rounded up, and loses no request', () => {
    fc.assert(fc.property(members, traffic, fc.double({ min: 1.01, max: 3, noNaN: true }), (list, requests, loadFactor) => {
      const ring = new Ring(list)
      const loads = assignBounded(requests, ring, loadFactor)
      let sum = 0
      for (const [peer, load] of loads) {
        expect(load).toBeLessThanOrEqual(Math.ceil(loadLimit(loadFactor, ring.weightShare(peer), requests.length)))
        sum += load
      }
      expect(sum).toBe(requests.length)
    }), { numRuns: 60 })
  })

  it('is busy in an owner only above both its limit and the floor, and always there once it has announced so', () => {
    const gaps = fc.array(fc.double({ min: 0, max: 40, noNaN: true }), { maxLength: 300 })
    const others = fc.array(fc.double({ min: 0, max: 500, noNaN: true }), { minLength: 1, maxLength: 10 })
    const settings = { ...boundedLoadDefaults, loadWindowMs: 500, busyFloorPerSecond: 20 }
    const oneAsk = 1000 / settings.loadWindowMs
    fc.assert(fc.property(gaps, others, fc.double({ min: 0.01, max: 0.99, noNaN: true }), fc.boolean(), (gapsMs, othersPerSecond, weightShare, turnedAway) => {
      const gate = new LoadGate(settings)
      gate.observe({ othersPerSecond, weightShare })
      const sum = othersPerSecond.reduce((total, load) => total + load, 0)
      let nowMs = 0
      for (const gapMs of gapsMs) {
        nowMs += gapMs
        const own = gate.perSecond(nowMs)
        const limit = Math.max(settings.busyFloorPerSecond, loadLimit(settings.loadFactor, weightShare, own + sum))
        // Twice: both of the announcements that count are then as new as its own rate.
        gate.announce(nowMs)
        gate.announce(nowMs)
        if (gate.admit(nowMs, turnedAway)) expect(own).toBeLessThanOrEqual(limit)
        else expect(own).toBeGreaterThanOrEqual(limit)
        expect(gate.perSecond(nowMs)).toBeLessThanOrEqual((own + oneAsk) * (1 + 1e-12))
      }
    }))
  })
})
