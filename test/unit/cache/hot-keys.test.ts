import { describe, expect, it } from 'vitest'
import { hotKeyDefaults, HotKeys } from '../../../daemon/cache/hot-keys.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import { manualClock } from '../membership/support.ts'

let nowMs = 0
const clock = { ...manualClock(), nowMs: () => nowMs }
const halfLifeMs = 60_000

function hotKeys (countersMax = 100): HotKeys {
  return new HotKeys({ settings: { ...hotKeyDefaults, countersMax, halfLifeMs }, clock })
}

function ask (hot: HotKeys, target: string, times: number): void {
  for (let time = 0; time < times; time++) hot.count(target as ContentKey, 'shop', target)
}

describe('HotKeys', () => {
  it('names the keys asked for most, with their requests a second, from the first minute on', () => {
    const hot = hotKeys()
    expect(hot.top(3)).toEqual([])
    for (let second = 0; second < 10; second++) {
      ask(hot, '/hot', 20)
      ask(hot, '/warm', 5)
      ask(hot, `/once-${second}`, 1)
      nowMs += 1_000
    }
    expect(hot.top(2)).toEqual([
      { site: 'shop', target: '/hot', perSecond: 20, errorPerSecond: 0 },
      { site: 'shop', target: '/warm', perSecond: 5, errorPerSecond: 0 }
    ])
  })

  it('tells the rate of a steady stream, whenever it is asked', () => {
    const hot = hotKeys()
    for (let second = 0; second < 600; second++) {
      ask(hot, '/steady', 30)
      nowMs += 1_000
      if (second > 2) expect(hot.top(1)[0]?.perSecond).toBeGreaterThan(29)
      expect(hot.top(1)[0]?.perSecond).toBeLessThan(31)
    }
  })

  it('forgets by half in a half-life, so that what is hot now passes what was', () => {
    const hot = hotKeys()
    ask(hot, '/before', 1_000)
    nowMs += 5 * halfLifeMs
    ask(hot, '/now', 50)
    expect(hot.top(2).map(({ target }) => target)).toEqual(['/now', '/before'])
    expect(hot.estimate('/before' as ContentKey)?.count).toBe(32)
    // A pause longer than numbers can halve.
    nowMs += 5_000 * halfLifeMs
    expect(hot.top(1)[0]?.perSecond).toBeLessThan(0.01)
  })

  it('keeps a hot key in sight of a flood of keys that come once', () => {
    const hot = hotKeys(10)
    for (let index = 0; index < 5_000; index++) {
      ask(hot, `/flood-${index}`, 1)
      if (index % 5 === 0) ask(hot, '/hot', 1)
    }
    expect(hot.top(1)[0]).toMatchObject({ target: '/hot' })
  })

  it('counts nothing where it may keep nothing', () => {
    const hot = hotKeys(0)
    ask(hot, '/a', 3)
    expect(hot.top(5)).toEqual([])
  })
})
