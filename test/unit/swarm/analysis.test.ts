/** Power laws through measured costs, and what they say. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { analyse } from '../../../netsim/swarm/analysis.ts'
import { crossing, fitPower } from '../../../netsim/swarm/fit.ts'

const sizes = [50, 100, 200, 400]

describe('a power law', () => {
  it('is found exactly where there is one', () => {
    fc.assert(fc.property(fc.double({ min: -2, max: 3, noNaN: true }), fc.double({ min: 0.01, max: 1_000, noNaN: true }), (exponent, factor) => {
      const fit = fitPower(sizes.map((size) => ({ size, value: factor * size ** exponent })))!
      expect(fit.exponent).toBeCloseTo(exponent, 6)
      expect(fit.factor / factor).toBeCloseTo(1, 6)
      expect(fit.r2).toBeCloseTo(1, 6)
    }))
  })

  it('is the one with the least squares between logarithms where values stray', () => {
    const fit = fitPower([{ size: 1, value: 1 }, { size: 2, value: 4 }, { size: 4, value: 4 }])!
    expect(fit.exponent).toBeCloseTo(1, 9)
    expect(fit.r2).toBeCloseTo(0.75, 9)
  })

  it('does not go through nothing, or through one size', () => {
    expect(fitPower([{ size: 1, value: 0 }, { size: 2, value: 1 }])).toBeUndefined()
    expect(fitPower([{ size: 2, value: 3 }, { size: 2, value: 1 }])).toBeUndefined()
  })

  it('meets another where both are equal', () => {
    const linear = { exponent: 1, factor: 2, r2: 1 }
    expect(crossing(linear, { exponent: 0, factor: 600, r2: 1 })).toBeCloseTo(300)
    expect(crossing(linear, { exponent: 1, factor: 3, r2: 1 })).toBeUndefined()
  })
})

describe('an analysis', () => {
  const samples = sizes.map((size) => ({ size, costs: { gossip: 10 * size, dht: 3_000, ping: size === 400 ? 900 : 100 } }))

  it('ranks costs at the largest size, with their shares', () => {
    expect(analyse(samples).ranked.map(({ name, value, share }) => [name, value, Math.round(share * 100)])).toEqual([['gossip', 4_000, 51], ['dht', 3_000, 38], ['ping', 900, 11]])
  })

  it('says from which size on which is the largest', () => {
    const [first, second] = analyse(samples).dominance
    expect(first).toMatchObject({ name: 'dht', fromSize: 50 })
    expect(second).toMatchObject({ name: 'gossip', toSize: Infinity })
    expect(second!.fromSize).toBeGreaterThan(first!.toSize)
    expect(second!.fromSize).toBeGreaterThan(290)
    expect(second!.fromSize).toBeLessThan(340)
  })

  it('finds the step that leaves the law of its cost, and no other', () => {
    expect(analyse(samples).jumps.map(({ name, fromSize, toSize }) => [name, fromSize, toSize])).toContainEqual(['ping', 200, 400])
    expect(analyse(samples).jumps.map(({ name }) => name)).not.toContain('gossip')
    expect(analyse(samples).jumps.map(({ name }) => name)).not.toContain('dht')
  })

  it('of nothing is nothing', () => {
    expect(analyse([])).toEqual({ ranked: [], dominance: [], jumps: [] })
  })
})
