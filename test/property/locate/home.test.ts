import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { homeRegion, rankRegions } from '../../../protocols/locate/home.ts'

const key = fc.string().map((target) => contentKey('site', target))
const regions = fc.uniqueArray(fc.string({ maxLength: 16, unit: 'grapheme' }), { minLength: 1, maxLength: 20 })

describe('the rank of regions', () => {
  it('names each region once, in an order that does not depend on the list\'s', () => {
    const shuffled = regions.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })))
    fc.assert(fc.property(key, shuffled, (each, [list, other]) => {
      const ranked = rankRegions(each, list)
      expect(ranked.toSorted()).toEqual(list.toSorted())
      expect(rankRegions(each, other)).toEqual(ranked)
    }))
  })

  it('stays as it was for the rest when a region goes', () => {
    fc.assert(fc.property(key, regions, fc.nat(), (each, list, at) => {
      const gone = list[at % list.length]
      expect(rankRegions(each, list.filter((region) => region !== gone)))
        .toEqual(rankRegions(each, list).filter((region) => region !== gone))
    }))
  })

  it('is led by the home that is found without ranking the rest', () => {
    fc.assert(fc.property(key, regions, (each, list) => { expect(homeRegion(each, list)).toBe(rankRegions(each, list)[0]) }))
    expect(homeRegion(contentKey('site', ''), [])).toBeUndefined()
  })
})
