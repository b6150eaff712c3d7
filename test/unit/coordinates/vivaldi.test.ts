import { describe, expect, it } from 'vitest'
import { coordinatesDefaults, nowhere, Vivaldi } from '../../../protocols/coordinates/vivaldi.ts'
import { errorMax, errorMin, reachMaxMs, type Coordinate } from '../../../protocols/coordinates/coordinate.ts'
import { Planet } from '../../support/planet.ts'

const { moveShareMax, pullMaxMs, announceMinMs, rttMaxMs } = coordinatesDefaults
const edge = (): Vivaldi => new Vivaldi({ random: () => 0.25 })
const at = (x: number, error = errorMin): Coordinate => ({ position: [x, 0, 0], heightMs: 0.05, error })
const apart = (one: Coordinate, other: Coordinate): number => Math.hypot(...one.position.map((each, index) => each - other.position[index]!))

describe('an edge\'s coordinate', () => {
  it('comes to be as far from three fixed ones as was measured', () => {
    const vivaldi = edge()
    const landmarks = [at(0), { ...at(0), position: [100, 0, 0] }, { ...at(0), position: [0, 100, 0] }]
    const measured = [50, 80, 70]
    for (let round = 0; round < 200; round++) landmarks.forEach((landmark, index) => { vivaldi.measured(measured[index]!, landmark) })
    landmarks.forEach((landmark, index) => { expect(vivaldi.estimateMs(landmark)! / measured[index]!).toBeCloseTo(1, 1) })
    expect(vivaldi.own.error).toBeLessThan(0.1)
  })

  it('gets a height from a slow last mile, which every round trip has and no place explains', () => {
    const vivaldi = edge()
    // In their middle, and 40 ms from each through its own line.
    const landmarks = [[60, 0, 0], [-60, 0, 0], [0, 60, 0], [0, -60, 0], [0, 0, 60], [0, 0, -60]].map((position) => ({ ...at(0), position }))
    for (let round = 0; round < 100; round++) for (const landmark of landmarks) vivaldi.measured(100, landmark)
    expect(vivaldi.own.heightMs / 40).toBeCloseTo(1, 1)
    expect(apart(vivaldi.own, at(0))).toBeLessThan(5)
  })

  it('moves by more the less it trusts itself and the more it trusts the other', () => {
    const move = (ownError: number, error: number): number => {
      const vivaldi = edge()
      // Right all the time: it gets sure, and stays where it is.
      while (vivaldi.own.error > ownError) vivaldi.measured(51.05, at(50))
      const before = vivaldi.own
      vivaldi.measured(100, at(50, error))
      return apart(before, vivaldi.own)
    }
    expect(move(errorMax, 0.1)).toBeGreaterThan(move(0.2, 0.1))
    expect(move(0.2, 0.1)).toBeGreaterThan(move(0.2, 1))
  })

  it('leaves an edge in the same place, by chance in which direction', () => {
    const vivaldi = edge()
    vivaldi.measured(80, nowhere)
    expect(apart(vivaldi.own, nowhere)).toBeGreaterThan(10)
  })

  it('is no ground for an estimate while it, or the other, is not known well enough', () => {
    const vivaldi = edge()
    expect(vivaldi.estimateMs(at(50))).toBeUndefined()
    for (let round = 0; round < 50; round++) vivaldi.measured(50, at(50))
    expect(vivaldi.estimateMs(at(50))).toBeCloseTo(50, 0)
    expect(vivaldi.estimateMs(at(50, 0.9))).toBeUndefined()
  })

  it.each([-1, Number.NaN, Infinity, rttMaxMs + 1])('takes nothing from a round trip of %s ms', (rttMs) => {
    const vivaldi = edge()
    vivaldi.measured(rttMs, at(50))
    expect(vivaldi.own).toEqual(nowhere)
  })
})

describe('what a peer claims', () => {
  it('throws nobody far, however absurd it is', () => {
    const vivaldi = edge()
    for (const x of [-reachMaxMs, reachMaxMs]) {
      const before = vivaldi.own
      vivaldi.measured(1, { position: [x, x, x], heightMs: reachMaxMs, error: errorMin })
      expect(apart(before, vivaldi.own)).toBeLessThanOrEqual(moveShareMax * pullMaxMs)
    }
  })

  it('keeps nobody from his place: with a tenth of liars the others still find each other', () => {
    const planet = new Planet({ edges: 60, cities: 10, seed: 3, lie: (each) => each % 10 === 0 ? [100_000, 100_000, -100_000, 100_000, 0] : undefined })
    planet.round(4)
    for (let round = 0; round < 60; round++) planet.round()
    expect(planet.errors().median).toBeLessThan(0.15)
  })
})

describe('telling others', () => {
  it('waits until it has moved by enough, or is much surer', () => {
    const vivaldi = edge()
    expect(vivaldi.news()).toBeUndefined()
    for (let round = 0; round < 100; round++) vivaldi.measured(50, at(50))
    expect(vivaldi.news()).toBe(vivaldi.own)
    expect(vivaldi.news()).toBeUndefined()
    vivaldi.measured(50 + announceMinMs, at(50))
    expect(vivaldi.news()).toBeUndefined()
    for (let round = 0; round < 20; round++) vivaldi.measured(75, at(50))
    expect(vivaldi.news()).toBe(vivaldi.own)
  })

  // Seed-fixed: the figures are of this very planet. A round is two minutes at rest.
  it('is rare once a colony has settled: fewer than one announcement an edge and quarter of an hour', () => {
    const planet = new Planet({ edges: 60, cities: 10, seed: 2 })
    planet.round(4)
    for (let round = 0; round < 90; round++) planet.round()
    const perEdge = (from: number, to: number): number => planet.announced.slice(from, to).reduce((sum, count) => sum + count, 0) / planet.edges.length
    expect(perEdge(0, 30)).toBeLessThan(18)
    // An hour.
    expect(perEdge(60, 90)).toBeLessThan(4)
  })

  it('is silence where all edges stand in one place, however their measurements jitter', () => {
    const planet = new Planet({ edges: 16, cities: 1, seed: 1 })
    planet.round(4)
    for (let round = 0; round < 60; round++) planet.round()
    expect(planet.announced.slice(5).reduce((sum, count) => sum + count, 0)).toBe(0)
  })
})
