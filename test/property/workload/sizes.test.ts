import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesMin, Sizes } from '../../../netsim/workload/sizes.ts'

const objects = 20_000
const distanceMax = Math.sqrt(Math.log(2 / 1e-9) / (2 * objects))

/** Evenly, which fc.double is not: it draws mostly numbers next to 0. */
const tenths = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min: min * 10, max: max * 10 }).map((value) => value / 10)

describe('sizes of objects', () => {
  it('are whole bytes within the bounds, and the same for the same seed', () => {
    fc.assert(fc.property(
      fc.string(), fc.integer({ min: bytesMin, max: 1 << 20 }), tenths(0, 4), fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      (seed, medianBytes, sigma, object) => {
        const init = { seed, medianBytes, sigma, bytesMax: 4 << 20 }
        const size = new Sizes(init).of(object)
        expect(Number.isInteger(size)).toBe(true)
        expect(size).toBeGreaterThanOrEqual(bytesMin)
        expect(size).toBeLessThanOrEqual(init.bytesMax)
        expect(new Sizes(init).of(object)).toBe(size)
      }))
  })

  it('are log-normal about the median, whatever the seed', () => {
    // Quantiles of the standard normal at 2, 16, 50, 84 and 98 %.
    const normal = [[-2, 0.02275], [-1, 0.15866], [0, 0.5], [1, 0.84134], [2, 0.97725]] as const
    fc.assert(fc.property(fc.integer(), tenths(0.2, 2), (seed, sigma) => {
      const medianBytes = 100_000
      const sizes = new Sizes({ seed, medianBytes, sigma, bytesMax: 2 ** 40 })
      const all = Array.from({ length: objects }, (_, object) => sizes.of(object))
      for (const [deviations, share] of normal) {
        const below = all.filter((size) => size < medianBytes * Math.exp(sigma * deviations)).length / objects
        expect(Math.abs(below - share)).toBeLessThan(distanceMax)
      }
    }), { numRuns: 10 })
  })

  it('are another draw for another seed, and all alike without a spread', () => {
    const of = (seed: number, sigma: number): number[] => {
      const sizes = new Sizes({ seed, medianBytes: 5000, sigma, bytesMax: 1 << 30 })
      return Array.from({ length: 50 }, (_, object) => sizes.of(object))
    }
    expect(of(1, 1)).not.toEqual(of(2, 1))
    expect(new Set(of(1, 0))).toEqual(new Set([5000]))
  })
})
