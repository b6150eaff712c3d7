import { describe, expect, it } from 'vitest'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import { bodyOf, keyOf, put, settingsOf } from '../../support/store.ts'

describe('MemoryStore', () => {
  it('counts a removed body until its last reader closes', async () => {
    const store = new MemoryStore({ settings: settingsOf({ memoryBytesMax: 2_000_000 }) })
    const head = await put(store, 'a', bodyOf(50_000))
    const readers = [await store.open(head), await store.open(head)]
    await store.remove(head.key)
    expect(store.stats()).toMatchObject({ objects: 0, memoryBytes: 50_000 })
    readers[0]!.close()
    readers[0]!.close()
    expect(store.stats().memoryBytes).toBe(50_000)
    readers[1]!.close()
    expect(store.stats().memoryBytes).toBe(0)
  })

  it('counts a fill in flight by the memory that it holds, at most its share for all of them', async () => {
    const store = new MemoryStore({ settings: settingsOf({ memoryBytesMax: 2_000_000, memoryFillShareMax: 0.1 }) })
    const writer = await store.create(keyOf('a'), 50_000)
    await writer!.write(bodyOf(10))
    expect(store.stats().memoryBytes).toBe(50_000)
    const others = await Promise.all(Array.from({ length: 4 }, async (_, index) => await store.create(keyOf(`${index}`), 50_000)))
    const results = await Promise.allSettled(others.map(async (each) => { await each!.write(bodyOf(10)) }))
    expect(results.map((each) => each.status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected'])
    await Promise.all([writer, ...others].map(async (each) => { await each!.close() }))
    expect(store.stats().memoryBytes).toBe(0)
  })
})
