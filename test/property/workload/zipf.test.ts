import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../../netsim/random.ts'
import { Zipf } from '../../../netsim/workload/zipf.ts'

/**
 * Farthest that the drawn distribution may lie from the law before we call it another one: by chance that
 * happens once in a thousand million runs (Dvoretzky, Kiefer and Wolfowitz 1956, with Massart's constant).
 */
const distanceMax = (draws: number): number => Math.sqrt(Math.log(2 / 1e-9) / (2 * draws))

function distanceFromLaw (objects: number, exponent: number, seed: number, draws: number): number {
  const random = new Random(seed)
  const zipf = new Zipf(objects, exponent)
  const counts = new Float64Array(objects)
  for (let count = 0; count < draws; count++) {
    const rank = zipf.rank(random)
    if (!Number.isInteger(rank) || rank < 0 || rank >= objects) throw new Error(`rank ${rank} of ${objects}`)
    counts[rank]!++
  }
  const weights = Float64Array.from({ length: objects }, (_, rank) => (rank + 1) ** -exponent)
  const sum = weights.reduce((total, weight) => total + weight, 0)
  let drawn = 0
  let lawful = 0
  let distance = 0
  for (let rank = 0; rank < objects; rank++) {
    drawn += counts[rank]! / draws
    lawful += weights[rank]! / sum
    distance = Math.max(distance, Math.abs(drawn - lawful))
  }
  return distance
}

describe('the Zipf sampler', () => {
  it('draws by the exact law, whatever the exponent and the number of objects', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 300 }), fc.integer(), (objects, hundredths, seed) => {
      expect(distanceFromLaw(objects, hundredths / 100, seed, 20_000)).toBeLessThan(distanceMax(20_000))
    }), { numRuns: 25 })
  })

  it.each([[0, 10], [0.9, 1000], [1 - 1e-9, 1000], [1, 10], [1 + 1e-12, 1000], [3, 100], [5, 2]])('keeps to the law in half a million draws with exponent %d over %d objects', (exponent, objects) => {
    expect(distanceFromLaw(objects, exponent, 7, 500_000)).toBeLessThan(distanceMax(500_000))
  })

  it('reaches the rarest of fifty million objects', () => {
    const random = new Random(3)
    const zipf = new Zipf(50_000_000, 0.6)
    const ranks = Array.from({ length: 20_000 }, () => zipf.rank(random))
    expect(Math.min(...ranks)).toBeGreaterThanOrEqual(0)
    expect(Math.max(...ranks)).toBeGreaterThan(49_000_000)
    expect(Math.max(...ranks)).toBeLessThan(50_000_000)
  })

  it.each([[0, 1], [1.5, 1], [2 ** 33, 1], [10, -1], [10, NaN], [10, 6]])('refuses %d objects with exponent %d', (objects, exponent) => {
    expect(() => new Zipf(objects, exponent)).toThrow(RangeError)
  })
})
