/** What memory over files does that neither does alone. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileStore } from '../../../daemon/store/file-store.ts'
import { createStore } from '../../../daemon/store/index.ts'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import type { DropCause, StoreSettings } from '../../../daemon/store/settings.ts'
import type { Store, StoredResponse } from '../../../daemon/store/store.ts'
import { TieredStore } from '../../../daemon/store/tiered-store.ts'
import { bodyIn, bodyOf, eventually, hashOf, headOf, keyOf, put, readAll, settingsOf, stillClock, writeAll } from '../../support/store.ts'

describe('TieredStore', () => {
  let folder: string
  let stores: Store[]
  let damaged: number
  let queueFull: number

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'colony-tiers-'))
    stores = []
    damaged = 0
    queueFull = 0
  })

  afterEach(async () => {
    for (const store of stores) await store.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function start (more: Partial<StoreSettings> = {}): Promise<Store> {
    const store = createStore({
      folder,
      settings: settingsOf({ memoryBytesMax: 8_000_000, diskBytesMax: 50_000_000, ...more }),
      clock: stillClock(),
      logger: { warn: () => {} },
      events: { damaged: () => { damaged++ }, queueFull: () => { queueFull++ } }
    })
    stores.push(store)
    await store.start()
    return store
  }

  async function bodies (): Promise<string[]> {
    const all = await readdir(folder, { recursive: true, withFileTypes: true })
    return all.filter((each) => each.name.endsWith('.body')).map((each) => join(each.parentPath, each.name))
  }

  it('writes small bodies to disk behind, all of them before it has stopped', async () => {
    const first = await start()
    const written = await Promise.all(Array.from({ length: 10 }, async (_, index) => await put(first, `small ${index}`, bodyOf(30_000, index))))
    expect(first.stats().objects).toBe(10)
    await first.stop()
    expect(await bodies()).toHaveLength(10)
    const second = await start()
    for (const [index, head] of written.entries()) expect(await bodyIn(second, head)).toEqual(Buffer.from(bodyOf(30_000, index)))
  })

  it('answers from memory while the disk has lost everything', async () => {
    const store = await start()
    const head = await put(store, 'a', bodyOf(30_000))
    await eventually(() => store.stats().diskBytes > 30_000)
    await rm(folder, { recursive: true })
    expect(await bodyIn(store, head)).toEqual(Buffer.from(bodyOf(30_000)))
    expect(damaged).toBe(0)
  })

  it('goes on in a file when a body of unknown length outgrows its buffer, and readers notice nothing', async () => {
    const store = await start()
    const body = bodyOf(3_000_000)
    const writer = await store.create(keyOf('a'))
    const reading = (async () => {
      const parts: Uint8Array[] = []
      let offset = 0
      while (offset < body.byteLength) {
        const part = await writer!.read(offset, 40_000)
        parts.push(part)
        offset += part.byteLength
        if (part.byteLength === 0) await new Promise((resolve) => { setImmediate(resolve) })
      }
      return Buffer.concat(parts)
    })()
    await writeAll(writer!, body, 16_000)
    expect(hashOf(await reading)).toBe(hashOf(body))
    expect(store.stats().memoryBytes).toBe(0)
    const head = headOf(keyOf('a'), body)
    expect(await writer!.commit(head)).toBe(true)
    await writer!.close()
    expect(hashOf((await bodyIn(store, head))!)).toBe(head.hash)
  })

  it('holds 1,000 fills of unknown length within the memory budget', async () => {
    const store = await start({ diskHandlesMax: 64 })
    const writers = await Promise.all(Array.from({ length: 1000 }, async (_, index) => (await store.create(keyOf(`w ${index}`)))!))
    const chunk = bodyOf(12_000)
    await Promise.all(writers.map(async (writer) => { await writer.write(chunk) }))
    const { memoryBytes } = store.stats()
    expect(memoryBytes).toBeGreaterThan(1_000_000)
    expect(memoryBytes).toBeLessThanOrEqual(8_000_000 * 0.25)
    for (const writer of [writers[0], writers[999]]) expect(await readAll(writer!)).toEqual(Buffer.from(chunk))
    await Promise.all(writers.map(async (writer) => { await writer.close() }))
    expect(store.stats()).toMatchObject({ memoryBytes: 0, diskBytes: 0 })
    expect(await bodies()).toEqual([])
  })

  it('takes a small body from disk into memory at its second use', async () => {
    const first = await start()
    const head = await put(first, 'a', bodyOf(30_000))
    await first.stop()
    const store = await start()
    await bodyIn(store, head)
    expect(store.stats().memoryBytes).toBe(0)
    await Promise.all([bodyIn(store, head), bodyIn(store, head)])
    expect(store.stats().memoryBytes).toBeGreaterThan(30_000)
    expect(store.stats().objects).toBe(1)
    for (const path of await bodies()) await rm(path)
    expect(await bodyIn(store, head)).toEqual(Buffer.from(bodyOf(30_000)))
  })

  it('drops a small body on disk whose bytes have changed when it is taken into memory', async () => {
    const first = await start()
    const head = await put(first, 'a', bodyOf(30_000, 1))
    await first.stop()
    await writeFile((await bodies())[0]!, bodyOf(30_000, 2))
    const store = await start()
    await bodyIn(store, head)
    expect(await store.open(head)).toBeUndefined()
    expect([damaged, store.variants(keyOf('a')).length, store.stats().objects]).toEqual([1, 0, 0])
  })

  it('keeps an object in memory only when too many wait for the disk', async () => {
    const store = await start({ diskQueueBytesMax: 40_000 })
    const both = [await put(store, 'a', bodyOf(30_000, 1)), await put(store, 'b', bodyOf(30_000, 2))]
    for (const head of both) await bodyIn(store, head)
    const burst = Array.from({ length: 20 }, async (_, index) => await put(store, `burst ${index}`, bodyOf(30_000, index)))
    const written = await Promise.all(burst)
    expect(queueFull).toBeGreaterThan(10)
    for (const [index, head] of written.entries()) expect(await bodyIn(store, head)).toEqual(Buffer.from(bodyOf(30_000, index)))
    await store.stop()
    expect((await bodies()).length).toBeLessThan(22)
  })

  it('shows an object that memory has evicted while it waits for the disk', async () => {
    const store = await start({ memoryBytesMax: 400_000, diskQueueWritersMax: 1 })
    const written = []
    for (let index = 0; index < 4; index++) {
      const writer = await store.create(keyOf(`s ${index}`), 12_000)
      await writer!.write(bodyOf(12_000, index))
      const head = headOf(keyOf(`s ${index}`), bodyOf(12_000, index))
      await writer!.commit(head)
      written.push(head)
      await writer!.close()
      expect(store.variants(head.key)).toEqual([head])
    }
    for (let index = 0; index < 40; index++) {
      await put(store, `push ${index}`, bodyOf(12_000, index))
      for (const head of written) expect(store.variants(head.key)).toEqual([head])
    }
    for (const [index, head] of written.entries()) expect(await bodyIn(store, head)).toEqual(Buffer.from(bodyOf(12_000, index)))
  })

  it('says that an object is gone when memory has evicted it and the disk does not take it after all', async () => {
    const gate = Promise.withResolvers<undefined>()
    class ShutFiles extends FileStore {
      override async create (): Promise<undefined> { return await gate.promise }
    }
    const told = new Set<string>()
    const dropped = (head: StoredResponse, cause: DropCause): void => { store.left(head, cause) }
    const settings = settingsOf({ memoryBytesMax: 400_000 })
    const files = new ShutFiles({ folder: join(folder, 'bodies'), settings, clock: stillClock(), logger: { warn: () => {} }, events: { dropped } })
    const store = new TieredStore({
      memory: new MemoryStore({ settings, events: { dropped } }),
      files,
      settings,
      events: { committed: ({ key }) => { told.add(key) }, dropped: ({ key }) => { expect(told.delete(key)).toBe(true) } }
    })
    stores.push(store)
    await store.start()
    const first = await put(store, 'first', bodyOf(12_000), {}, 12_000)
    for (let index = 0; index < 60; index++) await put(store, `push ${index}`, bodyOf(12_000, index), {}, 12_000)
    expect(store.variants(first.key)).toEqual([first])
    expect(told.has(first.key)).toBe(true)
    gate.resolve(undefined)
    await eventually(() => !told.has(first.key))
    expect(store.variants(first.key)).toEqual([])
    expect([...store.heads()].map(({ key }) => key).sort()).toEqual([...told].sort())
  })

  it('never brings back what was removed, replaced or validated while it was being written behind', async () => {
    // Room for all of it in the queue, however slow the disk: what finds none is not on disk later.
    const store = await start({ memoryBytesMax: 64_000_000 })
    for (let round = 0; round < 30; round++) {
      const gone = await put(store, `gone ${round}`, bodyOf(20_000, round))
      await put(store, `new ${round}`, bodyOf(20_000, round))
      const replaced = await put(store, `new ${round}`, bodyOf(20_000, round + 1), { receivedAtMs: 2_000 })
      const validated = { ...await put(store, `valid ${round}`, bodyOf(20_000, round)), receivedAtMs: 3_000 }
      for (let turn = 0; turn < round; turn++) await new Promise((resolve) => { setImmediate(resolve) })
      await Promise.all([store.remove(gone.key), store.update(validated)])
      expect(store.variants(gone.key)).toEqual([])
      expect(store.variants(replaced.key)).toEqual([replaced])
    }
    await store.stop()
    expect(queueFull).toBe(0)
    const again = await start()
    for (let round = 0; round < 30; round++) {
      expect(again.variants(keyOf(`gone ${round}`))).toEqual([])
      expect(again.variants(keyOf(`new ${round}`)).map((head) => head.receivedAtMs)).toEqual([2_000])
      expect(again.variants(keyOf(`valid ${round}`)).map((head) => head.receivedAtMs)).toEqual([3_000])
    }
  })

  it('never brings back an older body from disk when its replacement was in memory only', async () => {
    const store = await start({ memoryBytesMax: 400_000, diskQueueBytesMax: 15_000 })
    await put(store, 'a', bodyOf(12_000, 1), {}, 12_000)
    await eventually(() => store.stats().diskBytes > 13_000)
    // Fills the queue in the same turn, so that the replacement finds no place in it.
    const writers = await Promise.all(['b', 'a'].map(async (name) => (await store.create(keyOf(name), 12_000))!))
    for (const writer of writers) await writer.write(bodyOf(12_000, 2))
    await Promise.all(writers.map(async (writer, index) => {
      await writer.commit(headOf(keyOf(index === 0 ? 'b' : 'a'), bodyOf(12_000, 2), { receivedAtMs: 2_000 }))
    }))
    expect(queueFull).toBe(1)
    await Promise.all(writers.map(async (writer) => { await writer.close() }))
    expect(store.variants(keyOf('a')).map((head) => head.receivedAtMs)).toEqual([2_000])
    for (let index = 0; index < 60; index++) await put(store, `push ${index}`, bodyOf(12_000, index), {}, 12_000)
    expect(store.variants(keyOf('a'))).toEqual([])
  })

  describe('when a head is being written behind', () => {
    /** A store that calls `meanwhile` when a write behind has begun its commit. */
    async function startWith (meanwhile: () => void): Promise<Store> {
      class WatchedFiles extends FileStore {
        override async create (...args: Parameters<FileStore['create']>): ReturnType<FileStore['create']> {
          const writer = await super.create(...args)
          const commit = writer!.commit.bind(writer)
          writer!.commit = async (...head) => {
            const committing = commit(...head)
            meanwhile()
            return await committing
          }
          return writer
        }
      }
      const settings = settingsOf()
      const files = new WatchedFiles({ folder: join(folder, 'bodies'), settings, clock: stillClock(), logger: { warn: () => {} } })
      const store = new TieredStore({ memory: new MemoryStore({ settings }), files, settings })
      stores.push(store)
      await store.start()
      return store
    }

    it('keeps a validation that comes in between', async () => {
      const validated = headOf(keyOf('a'), bodyOf(100), { receivedAtMs: 9_000 })
      const store = await startWith(() => { void store.update(validated) })
      await put(store, 'a', bodyOf(100))
      await store.stop()
      expect((await start()).variants(keyOf('a'))).toEqual([validated])
    })

    it('does not let a removal in between be undone', async () => {
      const store = await startWith(() => { void store.remove(keyOf('a')) })
      await put(store, 'a', bodyOf(100))
      await store.stop()
      expect(store.variants(keyOf('a'))).toEqual([])
      expect(await bodies()).toEqual([])
      expect((await start()).variants(keyOf('a'))).toEqual([])
    })
  })

  it('works on memory while its folder cannot be used', async () => {
    await writeFile(join(folder, 'bodies'), 'a file where the folder should be')
    const store = await start()
    const small = await put(store, 'small', bodyOf(30_000))
    const unknown = await put(store, 'unknown', bodyOf(600_000, 2))
    expect(await bodyIn(store, small)).toEqual(Buffer.from(bodyOf(30_000)))
    expect(await bodyIn(store, unknown)).toEqual(Buffer.from(bodyOf(600_000, 2)))
    expect(await store.create(keyOf('large'), 5_000_000)).toBeUndefined()
  })
})
