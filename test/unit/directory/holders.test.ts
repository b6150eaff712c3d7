/** What the memory of a directory gives up when it is full. */
import { describe, expect, it } from 'vitest'
import { Holders } from '../../../protocols/directory/holders.ts'
import { contentKey, type ContentKey } from '../../../protocols/ids.ts'

const settings = { entriesMax: 64 * 10, keysPerHolderMax: 100_000, holdersPerKeyMax: 3 }
/** Of one shard, so that their order is the order of eviction. */
const alike = Array.from({ length: 3_000 }, (_, index) => contentKey('site', `/${index}`)).filter((key) => key.startsWith('A'))

describe('the memory of a directory', () => {
  it('lets the oldest key go for a new one when it is full', () => {
    const directory = new Holders(settings)
    const slot = directory.open('one')!
    for (const key of alike.slice(0, 30)) directory.add(slot, key)
    expect(alike.filter((key) => directory.holders(key).length > 0)).toEqual(alike.slice(20, 30))
    expect(directory.size).toBe(10)
    expect(directory.evicted).toBe(20)
    // Removed and added again it is the newest.
    directory.remove(slot, alike[20]!)
    directory.add(slot, alike[20]!)
    directory.add(slot, alike[30]!)
    expect(directory.holders(alike[20]!)).toEqual(['one'])
    expect(directory.holders(alike[21]!)).toEqual([])
  })

  it('does not claim a count for a holder of which it let something go', () => {
    const directory = new Holders(settings)
    const [one, two] = [directory.open('one')!, directory.open('two')!]
    for (const key of alike.slice(0, 10)) directory.add(one, key)
    expect(directory.count(one)).toBe(10)
    directory.add(two, alike[10]!)
    expect(directory.count(one)).toBeUndefined()
    expect(directory.count(two)).toBe(1)
  })

  it('keeps at most so many holders of a key, those that left not counted', () => {
    const directory = new Holders(settings)
    const [key] = alike as [ContentKey]
    const slots = ['one', 'two', 'three', 'four', 'five'].map((peer) => directory.open(peer)!)
    for (const slot of slots.slice(0, 4)) directory.add(slot, key)
    expect(directory.holders(key)).toEqual(['one', 'two', 'three'])
    expect(directory.count(slots[3]!)).toBeUndefined()
    directory.retire(slots[1]!)
    directory.add(slots[4]!, key)
    expect(directory.holders(key)).toEqual(['one', 'three', 'five'])
  })

  it('takes at most so many keys of one holder', () => {
    const directory = new Holders({ ...settings, keysPerHolderMax: 2 })
    const [one, two] = [directory.open('one')!, directory.open('two')!]
    for (const key of alike.slice(0, 5)) directory.add(one, key)
    directory.add(two, alike[4]!)
    expect(directory.size).toBe(3)
    expect(directory.count(one)).toBeUndefined()
  })

  it('takes all entries of a slot back at once, and its memory in slices', () => {
    const directory = new Holders({ ...settings, entriesMax: 1_000_000 })
    const [one, two] = [directory.open('one')!, directory.open('two')!]
    for (const key of alike) directory.add(one, key)
    directory.add(two, alike[0]!)
    directory.retire(one)
    expect(directory.holders(alike[0]!)).toEqual(['two'])
    expect(directory.holders(alike[1]!)).toEqual([])
    expect(directory.size).toBe(alike.length)
    // The number is not given to another while entries carry it.
    const three = directory.open('three')!
    expect(three).not.toBe(one)
    for (let slices = 0; directory.stale; slices++) {
      expect(slices).toBeLessThan(alike.length)
      directory.sweep(10)
    }
    expect(directory.size).toBe(1)
    expect(directory.open('four')).toBe(one)
    expect(directory.holders(alike[1]!)).toEqual([])
  })

  it('has no slot any more for one that opens without end, until it was swept', () => {
    const directory = new Holders({ ...settings, entriesMax: 1_000_000 })
    let opened = 0
    for (let slot = directory.open('one'); slot !== undefined; slot = directory.open('one'), opened++) {
      directory.add(slot, contentKey('site', `/${opened}`))
      directory.retire(slot)
      expect(opened).toBeLessThan(100_000)
    }
    while (directory.stale) directory.sweep(1_000)
    expect(directory.open('two')).toBeDefined()
    expect(directory.size).toBe(0)
  })
})
