/** Who hears of what an edge holds: owner, region, DHT; and that a walk through everything never holds the edge up. */
import { expect, it } from 'vitest'
import { Holdings } from '../../daemon/holdings.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { keyOf } from '../support/store.ts'
import { manualClock } from './membership/support.ts'

function rig (init: { owned?: string[], home?: string[], published?: string[], held?: string[] } = {}) {
  const held = new Set((init.held ?? []).map(keyOf))
  const among = (names: string[] | undefined) => (key: ContentKey): boolean => (names ?? []).some((name) => keyOf(name) === key)
  const directory = new Set<ContentKey>()
  const filter = new Set<ContentKey>()
  const dht = new Map<ContentKey, string>()
  let owned = init.owned
  const clock = manualClock()
  const holdings = new Holdings({
    clock,
    settings: { walkObjectsPerSlice: 10, walkPauseMs: 5 },
    keys: () => held,
    holds: (key) => held.has(key),
    owns: (key) => among(owned)(key),
    isHome: among(init.home),
    isPublished: among(init.published),
    directory: { held: (key) => { directory.add(key) }, dropped: (key) => { directory.delete(key) } },
    filters: { add: (key) => { filter.add(key) }, delete: (key) => { filter.delete(key) } },
    providers: { want: (key, rarity) => { dht.set(key, rarity) }, drop: (key) => { dht.delete(key) } }
  })
  return { holdings, held, directory, filter, dht, clock, own: (names: string[]) => { owned = names } }
}

it('what is owned is told to the directory alone; the rest to filter and DHT, by how rare it is', () => {
  const { holdings, held, directory, filter, dht } = rig({ owned: ['mine'], home: ['near', 'mine'], published: ['put'] })
  for (const name of ['mine', 'near', 'far', 'put']) {
    held.add(keyOf(name))
    holdings.committed(keyOf(name))
  }
  expect(directory).toEqual(new Set(['mine', 'near', 'far', 'put'].map(keyOf)))
  expect(filter).toEqual(new Set(['near', 'far', 'put'].map(keyOf)))
  expect(Object.fromEntries(dht)).toEqual({ [keyOf('near')]: 'common', [keyOf('far')]: 'rare', [keyOf('put')]: 'published' })
})

it('one variant dropped of several is no news, the last one is', () => {
  const { holdings, held, directory, filter, dht } = rig()
  held.add(keyOf('a'))
  holdings.committed(keyOf('a'))
  holdings.dropped(keyOf('a'))
  expect(directory.size + filter.size + dht.size).toBe(3)
  held.delete(keyOf('a'))
  holdings.dropped(keyOf('a'))
  expect(directory.size + filter.size + dht.size).toBe(0)
})

it('a walk goes in slices, and begins anew when the ring changes meanwhile', async () => {
  const names = Array.from({ length: 35 }, (_, index) => `key-${index}`)
  const { holdings, filter, clock, own } = rig({ held: names })
  holdings.walk()
  expect(filter.size).toBe(10)
  await clock.advance(5)
  expect(filter.size).toBe(20)
  own(['key-0', 'key-34'])
  holdings.walk()
  await clock.advance(15)
  expect(filter).toEqual(new Set(names.slice(1, 34).map(keyOf)))
  holdings.walk()
  holdings.stop()
  own(names)
  await clock.advance(100)
  expect(filter.size).toBe(33)
})
