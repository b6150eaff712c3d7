import { describe, expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { rankRegions } from '../../../protocols/locate/home.ts'

describe('the home region', () => {
  it('is the only region there is, and nowhere without regions', () => {
    expect(rankRegions(contentKey('site', '/'), ['eu'])).toEqual(['eu'])
    expect(rankRegions(contentKey('site', '/'), [])).toEqual([])
  })

  it.each([2, 3, 10, 100])('is each of %i regions with alike names equally often, and so is the second', (count) => {
    const regions = Array.from({ length: count }, (_, index) => `region-${index}`)
    const perRegion = Math.max(1000, 20_000 / count)
    const homes = new Map<string, number>()
    const seconds = new Map<string, number>()
    for (let index = 0; index < perRegion * count; index++) {
      const [home, second] = rankRegions(contentKey('site', `/${index}`), regions) as [string, string]
      homes.set(home, (homes.get(home) ?? 0) + 1)
      seconds.set(second, (seconds.get(second) ?? 0) + 1)
    }
    // Five standard deviations of a fair draw.
    const allowed = 5 * Math.sqrt(perRegion)
    for (const region of regions) {
      expect(Math.abs((homes.get(region) ?? 0) - perRegion)).toBeLessThan(allowed)
      expect(Math.abs((seconds.get(region) ?? 0) - perRegion)).toBeLessThan(allowed)
    }
  })

  it('is the same in every release', () => {
    // When this fails, regions of two releases would wait on each other.
    const regions = ['ap', 'eu', 'us']
    const homes = Array.from({ length: 16 }, (_, index) => rankRegions(contentKey('site', `/${index}`), regions)[0])
    expect(homes.join(' ')).toBe('ap eu ap ap us ap eu eu eu us eu ap eu eu eu us')
  })
})
