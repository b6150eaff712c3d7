import { describe, expect, it } from 'vitest'
import { Announcer } from '../../../protocols/providers/announcer.ts'
import { providersDefaults } from '../../../protocols/providers/settings.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import type { ProvidersSettings } from '../../../protocols/providers/settings.ts'

const k = (name: string): ContentKey => name as ContentKey

function announcerOf (settings: Partial<ProvidersSettings> = {}): Announcer {
  return new Announcer({ settings: { ...providersDefaults, announcesPerMinuteMax: 60_000, ...settings } })
}

/** Announces all that is due, each with the same outcome. */
function drain (announcer: Announcer, nowMs: number, ok = true): ContentKey[] {
  const keys: ContentKey[] = []
  for (let key = announcer.next(nowMs); key !== undefined; key = announcer.next(nowMs)) {
    keys.push(key)
    announcer.done(key, ok, nowMs)
  }
  return keys
}

describe('the announcer', () => {
  it('announces published before rare before common keys, and of each the newest first', () => {
    const announcer = announcerOf()
    announcer.want(k('common'), 'common', 0)
    announcer.want(k('rare'), 'rare', 0)
    announcer.want(k('published'), 'published', 0)
    announcer.want(k('rare, newer'), 'rare', 0)
    expect(drain(announcer, 0)).toEqual(['published', 'rare, newer', 'rare', 'common'])
  })

  it('announces a key once however often it is wanted, and again after its interval', () => {
    const announcer = announcerOf({ reannounceMs: 1_000 })
    announcer.want(k('a'), 'rare', 0)
    announcer.want(k('a'), 'rare', 0)
    expect(drain(announcer, 0)).toEqual(['a'])
    announcer.want(k('a'), 'rare', 10)
    announcer.want(k('a'), 'published', 20)
    expect(drain(announcer, 999)).toEqual([])
    expect(announcer.nextDeadline()).toBe(1_000)
    expect(drain(announcer, 1_000)).toEqual(['a'])
  })

  it('tries a failed announcement again, each time after twice the wait', () => {
    const announcer = announcerOf({ announceRetryMs: 100, reannounceMs: 350 })
    announcer.want(k('a'), 'rare', 0)
    const waitsMs = [0, 1, 2, 3, 4].map(() => {
      const nowMs = Math.max(0, announcer.nextDeadline())
      drain(announcer, nowMs, false)
      return announcer.nextDeadline() - nowMs
    })
    expect(waitsMs).toEqual([100, 200, 350, 350, 350])
  })

  it('waits longer after each failure in a row only, whatever the rarity becomes meanwhile', () => {
    const announcer = announcerOf({ announceRetryMs: 100 })
    announcer.want(k('a'), 'rare', 0)
    drain(announcer, 0, false)
    announcer.want(k('a'), 'published', 50)
    drain(announcer, 100, false)
    expect(announcer.nextDeadline()).toBe(300)
    drain(announcer, 300, true)
    drain(announcer, announcer.nextDeadline(), false)
    expect(announcer.nextDeadline()).toBe(300 + providersDefaults.reannounceMs + 100)
  })

  it('keeps a dropped key in its count of those in flight until its announcement has ended', () => {
    const announcer = announcerOf({ announcesInFlightMax: 1 })
    announcer.want(k('a'), 'rare', 0)
    announcer.want(k('b'), 'rare', 0)
    expect(announcer.next(0)).toBe('b')
    announcer.drop(k('b'))
    expect(announcer.next(1_000)).toBeUndefined()
    expect(announcer.nextDeadline()).toBe(Infinity)
    announcer.done(k('b'), true, 1_000)
    expect(announcer.next(1_000)).toBe('a')
  })

  it('forgets the least rare and oldest key when it is full, and takes in none that is less rare than all', () => {
    const announcer = announcerOf({ keysMax: 3 })
    for (const name of ['old', 'new']) announcer.want(k(name), 'rare', 0)
    announcer.want(k('published'), 'published', 0)
    expect(announcer.want(k('common'), 'common', 0)).toBe('common')
    expect(announcer.want(k('newest'), 'rare', 0)).toBe('old')
    expect(drain(announcer, 0)).toEqual(['published', 'newest', 'new'])
    expect(announcer.displaced).toBe(2)
  })

  it('has every key due at once after a renewal', () => {
    const announcer = announcerOf()
    for (const name of ['a', 'b', 'c']) announcer.want(k(name), 'rare', 0)
    drain(announcer, 0)
    announcer.renew(10)
    expect(drain(announcer, 10)).toEqual(['c', 'b', 'a'])
  })

  it('does not count the keys that were due before a renewal as due since then', () => {
    const announcer = announcerOf()
    announcer.want(k('a'), 'rare', 0)
    announcer.renew(10)
    expect(announcer.behind(20)).toEqual({ keys: 1, ms: 20 })
  })
})
