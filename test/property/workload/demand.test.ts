import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Random } from '../../../netsim/random.ts'
import { Demand, evenPhases, type Wanted } from '../../../netsim/workload/demand.ts'
import { Popularity } from '../../../netsim/workload/popularity.ts'
import { parseShape } from '../../../netsim/workload/shape.ts'

const draws = 20_000
const distanceMax = Math.sqrt(Math.log(2 / 1e-9) / (2 * draws))

/** Requests of one region list within `fromMs` to `toMs`, evenly. */
function drawn (spec: string, regions: number, fromMs: number, toMs: number, seed: number | string = 1): Wanted[] {
  const demand = new Demand({ shape: parseShape(spec), phases: evenPhases(regions), random: new Random(seed) })
  return Array.from({ length: draws }, (_, index) => demand.draw(fromMs + (toMs - fromMs) * index / draws))
}

const shareOf = <T> (list: readonly T[], fits: (each: T) => boolean): number => list.filter(fits).length / list.length

describe('popularity', () => {
  it('changes about the stated share of ranks a minute, and every object keeps one rank', () => {
    fc.assert(fc.property(fc.integer(), fc.integer({ min: 1000, max: 5000 }), fc.integer({ min: 2, max: 30 }), (seed, objects, percent) => {
      const churnPerMinute = percent / 100
      const popularity = new Popularity({ objects, exponent: 1, churnPerMinute, random: new Random(seed) })
      popularity.draw(60_000)
      const now = Array.from({ length: objects }, (_, rank) => popularity.objectAt(rank))
      expect(new Set(now).size).toBe(objects)
      // A rank that is drawn twice changes twice and counts once.
      const changed = shareOf(now.map((object, rank) => object !== rank), Boolean)
      expect(changed).toBeLessThanOrEqual(churnPerMinute)
      expect(changed).toBeGreaterThan(churnPerMinute * 0.6)
    }), { numRuns: 20 })
  })

  it('is a function of the time, however much is asked for', () => {
    const after = (times: readonly number[]): number[] => {
      const popularity = new Popularity({ objects: 500, exponent: 1, churnPerMinute: 0.5, random: new Random(4) })
      for (const atMs of times) popularity.draw(atMs)
      return Array.from({ length: 500 }, (_, rank) => popularity.objectAt(rank))
    }
    expect(after([1, 2, 3, 1000, 1000, 20_000, 90_000])).toEqual(after([90_000]))
    expect(after([90_000])).not.toEqual(after([30_000]))
  })
})

describe('demand', () => {
  it('is the same for the same seed and times, and another for another seed', () => {
    const spec = 'objects=1000,churn=50%/min,flash=1s:10%:1s,diurnal=10s'
    const last = (seed: string): Wanted[] => drawn(spec, 3, 0, 60_000, seed).slice(-100)
    expect(last('a')).toEqual(last('a'))
    expect(last('a')).not.toEqual(last('b'))
  })

  it('gives one object the crowd\'s share while the crowd is there, and not before or after', () => {
    const spec = 'zipf=0,objects=100000,flash=10s:20%:5s'
    const object = new Demand({ shape: parseShape(spec), phases: [0], random: new Random(1) }).flashObject
    const share = (fromMs: number, toMs: number): number => shareOf(drawn(spec, 1, fromMs, toMs), (wanted) => wanted.object === object)
    expect(share(0, 10_000)).toBeLessThan(0.001)
    expect(Math.abs(share(10_000, 15_000) - 0.2)).toBeLessThan(distanceMax)
    expect(share(15_000, 60_000)).toBeLessThan(0.001)
  })

  it('makes each region busy in its hour of the day, and all alike over a whole day', () => {
    const inRegion = (region: number) => (wanted: Wanted): boolean => wanted.region === region
    fc.assert(fc.property(fc.integer({ min: 2, max: 6 }), fc.integer(), fc.integer({ min: 0, max: 23 }), (regions, seed, hour) => {
      const spec = 'diurnal=24s:80%'
      const day = drawn(spec, regions, 0, 24_000, seed)
      const moment = drawn(spec, regions, hour * 1000, hour * 1000, seed)
      for (let region = 0; region < regions; region++) {
        expect(Math.abs(shareOf(day, inRegion(region)) - 1 / regions)).toBeLessThan(distanceMax)
        const wanted = (1 + 0.8 * Math.sin(2 * Math.PI * (hour / 24 + region / regions))) / regions
        expect(Math.abs(shareOf(moment, inRegion(region)) - wanted)).toBeLessThan(distanceMax)
      }
    }), { numRuns: 10 })
  })
})
