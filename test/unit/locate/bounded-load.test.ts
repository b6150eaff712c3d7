import { describe, expect, it } from 'vitest'
import { assignBounded, boundedLoadDefaults, LoadGate } from '../../../protocols/locate/bounded-load.ts'
import { Ring } from '../../../protocols/locate/ring.ts'
import { benchMembers, gateRun, hotTraffic, maxOverMean } from '../../bench/ring.ts'

/** A floor below the rates of these tests, which are low so that they end soon. */
const settings = { ...boundedLoadDefaults, busyFloorPerSecond: 100 }

/** Asks at a steady rate, the gate announcing every two seconds. @returns how many were taken in the second half */
function ask (gate: LoadGate, perSecond: number, forMs: number): number {
  let taken = 0
  let announcedMs = 0
  for (let index = 0; index < perSecond * forMs / 1000; index++) {
    const nowMs = index * 1000 / perSecond
    if (nowMs - announcedMs >= 2000) {
      gate.announce(nowMs)
      announcedMs = nowMs
    }
    if (gate.admit(nowMs, false) && nowMs >= forMs / 2) taken++
  }
  return taken
}

/** A gate of two equal members, the other one idle, that is busy at 0 ms. */
function busyGate (): LoadGate {
  const gate = new LoadGate(settings)
  gate.observe({ othersPerSecond: [0], weightShare: 0.5 })
  for (let asks = 0; asks < 1000; asks++) gate.take(0)
  gate.announce(0)
  gate.announce(0)
  return gate
}

describe('a load gate', () => {
  it('is never busy when it has heard of nobody', () => {
    expect(ask(new LoadGate(settings), 5000, 10_000)).toBe(25_000)
  })

  it('is never busy alone in its region', () => {
    const gate = new LoadGate(settings)
    gate.observe({ othersPerSecond: [], weightShare: 1 })
    expect(ask(gate, 5000, 10_000)).toBe(25_000)
  })

  it('is never busy below the floor, however idle the others are', () => {
    const gate = new LoadGate(settings)
    gate.observe({ othersPerSecond: [0, 0, 0], weightShare: 0.25 })
    expect(ask(gate, settings.busyFloorPerSecond - 5, 60_000)).toBe((settings.busyFloorPerSecond - 5) * 30)
  })

  it('takes no more than the floor while the others are idle', () => {
    const gate = new LoadGate(settings)
    gate.observe({ othersPerSecond: [0, 0, 0], weightShare: 0.25 })
    expect(ask(gate, 2000, 100_000) / 50).toBeCloseTo(settings.busyFloorPerSecond, 0)
  })

  it('settles at the load factor times the mean of the region, itself included', () => {
    const gate = new LoadGate(settings)
    gate.observe({ othersPerSecond: [500, 500, 500], weightShare: 0.25 })
    const own = ask(gate, 3000, 200_000) / 100
    expect(own / ((own + 1500) / 4)).toBeCloseTo(boundedLoadDefaults.loadFactor, 2)
  })

  it('takes more on a server of more weight', () => {
    const gate = new LoadGate(settings)
    gate.observe({ othersPerSecond: [1000], weightShare: 0.6 })
    const own = ask(gate, 20_000, 100_000) / 50
    expect(own / (own + 1000)).toBeCloseTo(0.6 * boundedLoadDefaults.loadFactor, 2)
  })

  it('takes an ask that must be served even when busy, and counts it', () => {
    const gate = busyGate()
    const before = gate.perSecond(0)
    gate.take(0)
    expect(gate.perSecond(0)).toBeGreaterThan(before)
  })

  it('is free again when its asks have aged', () => {
    const gate = busyGate()
    expect(gate.admit(0, false)).toBe(false)
    expect(gate.admit(2 * boundedLoadDefaults.loadWindowMs, false)).toBe(true)
  })

  it('is busy only when its own last two announcements were above what the others announced', () => {
    const gate = new LoadGate(settings)
    gate.observe({ othersPerSecond: [0], weightShare: 0.5 })
    for (let asks = 0; asks < 1000; asks++) gate.take(0)
    expect(gate.admit(0, false)).toBe(true)
    gate.announce(0)
    expect(gate.admit(0, false)).toBe(true)
    gate.announce(0)
    expect(gate.admit(0, false)).toBe(false)
    gate.observe({ othersPerSecond: [gate.perSecond(0)], weightShare: 0.5 })
    expect(gate.admit(0, false)).toBe(true)
  })

  it('judges an ask that another owner turned away by the present alone', () => {
    const gate = new LoadGate(settings)
    gate.observe({ othersPerSecond: [0], weightShare: 0.5 })
    for (let asks = 0; asks < 1000; asks++) gate.take(0)
    expect(gate.admit(0, true)).toBe(false)
    expect(gate.admit(0, false)).toBe(true)
  })

  it('announces what it takes a second', () => {
    const gate = busyGate()
    expect(gate.announce(0)).toBe(gate.perSecond(0))
    expect(gate.announce(0)).toBe(1000 * 1000 / boundedLoadDefaults.loadWindowMs)
  })

  it('counts what it takes, a second, and forgets it by its window', () => {
    const gate = new LoadGate(settings)
    ask(gate, 300, 100_000)
    expect(gate.perSecond(100_000) / 300).toBeCloseTo(1, 2)
    expect(gate.perSecond(100_000 + boundedLoadDefaults.loadWindowMs) / 300).toBeCloseTo(1 / Math.E, 2)
  })

  it('counts no busy answer', () => {
    const gate = busyGate()
    const before = gate.perSecond(0)
    for (let index = 0; index < 100; index++) gate.admit(0, false)
    expect(gate.perSecond(0)).toBe(before)
  })

  it('refuses settings, loads and shares that make no sense', () => {
    expect(() => new LoadGate({ ...boundedLoadDefaults, loadFactor: 1 })).toThrow(/loadFactor/)
    expect(() => new LoadGate({ ...boundedLoadDefaults, loadWindowMs: 0 })).toThrow(/loadWindowMs/)
    for (const load of [NaN, -1, Infinity]) {
      expect(() => { new LoadGate(settings).observe({ othersPerSecond: [load], weightShare: 0.5 }) }).toThrow(/load/)
    }
    for (const weightShare of [0, 1.1, NaN]) {
      expect(() => { new LoadGate(settings).observe({ othersPerSecond: [], weightShare }) }).toThrow(/share/)
    }
  })
})

describe('a region of gates that hear each other every two seconds', () => {
  it.each([10, 60])('spreads a key with 30 %% of the traffic over %i members to within the load factor', (count) => {
    const ring = new Ring(benchMembers(count))
    const run = gateRun({ ring, perSecond: 200 * count, hotPercent: 30, runMs: 40_000, countFromMs: 25_000 })
    expect(run.maxOverMean).toBeLessThan(boundedLoadDefaults.loadFactor + 0.02)
    expect(run.turnedAway).toBeLessThan(0.5)
  })

  it('turns nothing away when traffic that is not hot starts at once', () => {
    const ring = new Ring(benchMembers(10))
    expect(gateRun({ ring, perSecond: 10_000, hotPercent: 0, runMs: 10_000, countFromMs: 0 }).turnedAway).toBe(0)
  })
})

describe('bounded assignment (Mirrokni, Thorup, Zadimoghaddam 2017, section 2)', () => {
  it.each([3, 10, 30, 100])('keeps max/mean at the load factor on %i members with a key at 30 %', (count) => {
    const ring = new Ring(benchMembers(count))
    const loads = assignBounded(hotTraffic(12_000, 30), ring)
    expect(maxOverMean(loads.values())).toBeLessThanOrEqual(boundedLoadDefaults.loadFactor)
    expect([...loads.values()].reduce((sum, load) => sum + load)).toBe(12_000)
  })

  it('sends every request to its first owner when there is no bound', () => {
    const ring = new Ring(benchMembers(5))
    const requests = hotTraffic(2000, 30)
    const loads = assignBounded(requests, ring, Infinity)
    for (const peer of ring.peers()) expect(loads.get(peer)).toBe(requests.filter((key) => ring.owner(key) === peer).length)
  })
})
