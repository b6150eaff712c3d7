/** What an edge tells of itself: what is stored and what is arriving, with the age and lifetime that count for others. */
import { describe, expect, it } from 'vitest'
import type { FillHead } from '../../../daemon/cache/fill.ts'
import { holdingsHere, type HoldingsInit } from '../../../daemon/explain/holdings.ts'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import { bodyOf, headOf, keyOf, put, settingsOf, stillClock } from '../../support/store.ts'

const body = bodyOf(100)

async function holdings (more: Partial<HoldingsInit> = {}, cacheControl = 'max-age=60'): Promise<ReturnType<ReturnType<typeof holdingsHere>>> {
  const clock = stillClock()
  const store = new MemoryStore({ settings: settingsOf() })
  await put(store, 'a', body, { fields: [['cache-control', cacheControl], ['etag', '"1"']], receivedAtMs: 0, initialAgeMs: 500 })
  clock.advance(2_000)
  return holdingsHere({ clock, store, sites: { byName: () => undefined }, flying: () => [], isOwner: () => true, ring: () => 'ring', ...more })(keyOf('a'))
}

describe('the holdings of an edge', () => {
  it('are its stored variants, with ages and lifetimes of this moment', async () => {
    const { hash } = headOf(keyOf('a'), body)
    expect(await holdings()).toEqual({
      variants: [{ variant: '', vary: [], status: 200, ageMs: 2_500, ttlMs: 57_500, tier: 'memory', length: 100, hash, etag: '"1"' }],
      moreVariants: 0, fetching: 0, ring: 'ring', owner: true, directory: undefined
    })
  })

  it('count what must be validated before each use as stale', async () => {
    expect((await holdings({}, 'no-cache, max-age=60')).variants).toEqual([expect.objectContaining({ ttlMs: -2_500 })])
  })

  it('have what is arriving beside what is stored, and count fetches that have no head yet', async () => {
    const { length, hash, ...head } = headOf(keyOf('a'), body, { variant: 'gzip' })
    const arriving: FillHead = head
    const { variants, fetching } = await holdings({ flying: () => [{ head: arriving }, {}] })
    expect(variants.map(({ variant, tier, length: bytes }) => [variant, tier, bytes])).toEqual([['gzip', 'filling', undefined], ['', 'memory', length]])
    expect([fetching, hash.length]).toEqual([2, 43])
  })

  it('tell published content apart, and the directory only of the owner', async () => {
    const directory = (): string[] => ['edge-2']
    expect(await holdings({ published: () => true, directory })).toMatchObject({ variants: [{ tier: 'published' }], directory: ['edge-2'] })
    expect((await holdings({ isOwner: () => false, directory })).directory).toBeUndefined()
  })
})
