/** Schedules of faults: read, drawn, and told to people. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../../netsim/random.ts'
import { describeFault, drawFaults, FaultError, parseFault } from '../../../netsim/swarm/faults.ts'

const regions = ['europe', 'asia']

describe('a fault', () => {
  it.each([
    ['kill:10%@20s+10s', { kind: 'kill', share: 0.1, atMs: 20_000, forMs: 10_000 }, 'kill -9 of 10 % of the edges'],
    ['pause:2.5%@1m+300ms', { kind: 'pause', share: 0.025, atMs: 60_000, forMs: 300 }, '2.5 % of the processes held still'],
    ['cut:europe@0s+1s', { kind: 'cut', from: 'europe', oneWay: false, atMs: 0, forMs: 1_000 }, 'europe cut off'],
    ['cut:europe|asia@1s+1s', { kind: 'cut', from: 'europe', to: 'asia', oneWay: false, atMs: 1_000, forMs: 1_000 }, 'europe cut off from asia'],
    ['cut:asia>europe@1s+1s', { kind: 'cut', from: 'asia', to: 'europe', oneWay: true, atMs: 1_000, forMs: 1_000 }, 'asia cut off from europe, one way'],
    ['origin-down@5s+1s', { kind: 'origin-down', atMs: 5_000, forMs: 1_000 }, 'the origin down'],
    ['origin-slow:2s@5s+1s', { kind: 'origin-slow', delayMs: 2_000, atMs: 5_000, forMs: 1_000 }, 'the origin slow by 2000 ms']
  ])('%s is read, and told', (text, fault, told) => {
    expect(parseFault(text, regions)).toEqual(fault)
    expect(describeFault(parseFault(text, regions))).toBe(told)
  })

  it.each([
    ['kill', 'cannot be read'],
    ['kill:10%@20s', 'cannot be read'],
    ['kill@20s+1s', 'does not say how many'],
    ['kill:0%@20s+1s', 'does not say how many'],
    ['kill:101%@20s+1s', 'does not say how many'],
    ['cut@20s+1s', 'does not say what is cut'],
    ['cut:mars@20s+1s', 'names the region "mars": expected one of europe, asia'],
    ['cut:europe|mars@20s+1s', 'names the region "mars"'],
    ['kill:10%@20+1s', '"20" for a time'],
    ['kill:10%@20s+1h', '"1h" for a time'],
    ['origin-slow@5s+1s', '"" for a time'],
    ['flood@5s+1s', 'of no known kind']
  ])('%s is refused in one sentence', (text, sentence) => {
    expect(() => parseFault(text, regions)).toThrow(FaultError)
    expect(() => parseFault(text, regions)).toThrow(sentence)
  })
})

describe('drawn faults', () => {
  const draw = (seed: number, names = regions) => drawFaults({ random: new Random(seed), regions: names, durationMs: 600_000, calmMs: 10_000, faultMs: 20_000 })

  it('are the same for the same seed, come one after another, and are over before the end', () => {
    fc.assert(fc.property(fc.nat(), (seed) => {
      const faults = draw(seed)
      expect(faults).toEqual(draw(seed))
      expect(faults.length).toBeGreaterThan(10)
      for (const [at, fault] of faults.entries()) {
        expect(fault.atMs).toBeGreaterThanOrEqual(at === 0 ? 5_000 : faults[at - 1]!.atMs + faults[at - 1]!.forMs)
        expect(fault.atMs + fault.forMs).toBeLessThanOrEqual(590_000)
        expect(describeFault(fault)).not.toBe('')
      }
    }), { numRuns: 50 })
  })

  it('are of every kind, and cut nothing where there is one region', () => {
    expect([...new Set(draw(3).map(({ kind }) => kind))].sort()).toEqual(['cut', 'kill', 'origin-down', 'origin-slow', 'pause'])
    expect(draw(3, ['europe']).map(({ kind }) => kind)).not.toContain('cut')
  })
})
