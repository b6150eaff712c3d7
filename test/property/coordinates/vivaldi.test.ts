/** Network coordinates on simulated planets, seed-fixed; and whatever peers and links say. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeCoordinate, encodeCoordinate, errorMax, errorMin, reachMaxMs, type Coordinate } from '../../../protocols/coordinates/coordinate.ts'
import { coordinatesDefaults, Vivaldi } from '../../../protocols/coordinates/vivaldi.ts'
import { Random } from '../../../netsim/random.ts'
import { Planet } from '../../support/planet.ts'

describe('edges in cities, with the links that membership keeps', () => {
  it.each([
    { edges: 60, cities: 20, seed: 1, most: 0.12 },
    { edges: 90, cities: 10, seed: 3, most: 0.08 }
  ])('know how far they are from those that they never measured: $edges in $cities cities (seed $seed), median relative error at most $most', ({ edges, cities, seed, most }) => {
    const planet = new Planet({ edges, cities, seed })
    planet.round(4)
    for (let round = 0; round < 60; round++) planet.round()
    const { median, share } = planet.errors()
    expect(median).toBeLessThanOrEqual(most)
    expect(share).toBeGreaterThan(0.8)
  })
})

const number = fc.oneof(fc.integer({ min: -100 * reachMaxMs, max: 100 * reachMaxMs }), fc.double(), fc.constant(undefined), fc.string())
const claim = fc.oneof(
  fc.tuple(...[0, 1, 2].map(() => fc.integer({ min: -100 * reachMaxMs, max: 100 * reachMaxMs })), fc.integer({ min: 0, max: 100 * reachMaxMs }), fc.integer({ min: 0, max: 100 * errorMax })),
  fc.array(number, { maxLength: 7 }), fc.anything()
)

function isSound ({ position, heightMs, error }: Coordinate): boolean {
  return position.every((each) => Math.abs(each) <= reachMaxMs) && heightMs >= 0 && heightMs <= reachMaxMs && error >= errorMin && error <= errorMax
}

describe('whatever peers claim and links measure', () => {
  it('the coordinate stays within bounds, moves by a bounded way at a time, and can be sent', () => {
    const { moveShareMax, pullMaxMs, gravityMs } = coordinatesDefaults
    fc.assert(fc.property(fc.array(fc.tuple(fc.double({ noDefaultInfinity: false }), claim), { maxLength: 100 }), fc.integer(), (samples, seed) => {
      const vivaldi = new Vivaldi({ random: new Random(seed).next })
      for (const [rttMs, claimed] of samples) {
        const other = decodeCoordinate(claimed)
        if (other === undefined) continue
        expect(isSound(other)).toBe(true)
        const before = vivaldi.own
        vivaldi.measured(rttMs, other)
        const { own } = vivaldi
        expect(isSound(own)).toBe(true)
        const outMs = Math.hypot(...before.position) + moveShareMax * pullMaxMs
        expect(Math.hypot(...own.position.map((each, index) => each - before.position[index]!))).toBeLessThanOrEqual(moveShareMax * pullMaxMs + (outMs / gravityMs) ** 2 + 1e-6)
        const estimateMs = vivaldi.estimateMs(other)
        expect(estimateMs === undefined || (estimateMs >= 0 && estimateMs < Infinity)).toBe(true)
        expect(decodeCoordinate(encodeCoordinate(own))).toBeDefined()
        vivaldi.news()
      }
    }))
  })
})
