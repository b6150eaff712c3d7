/** What only the disk tier does: restarts, kills, damaged files, failing disks. On a real file system. */
import { spawn } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readdir, readlink, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StoreDamagedError, StoreFullError } from '../../../daemon/store/errors.ts'
import { FileStore } from '../../../daemon/store/file-store.ts'
import { storeDefaults } from '../../../daemon/store/settings.ts'
import type { StoreSettings } from '../../../daemon/store/settings.ts'
import type { StoredResponse } from '../../../daemon/store/store.ts'
import { bodyIn, bodyOf, eventually, headOf, keyOf, put, readAll, settingsOf, stillClock, writeAll } from '../../support/store.ts'

describe('FileStore', () => {
  let folder: string
  let clock: ReturnType<typeof stillClock>
  let warnings: string[]
  let damaged: number
  let usable: boolean[]
  let stores: FileStore[]

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'colony-files-'))
    clock = stillClock()
    warnings = []
    damaged = 0
    usable = []
    stores = []
  })

  afterEach(async () => {
    for (const store of stores) await store.stop()
    await rm(folder, { recursive: true, force: true })
  })

  async function start (more: Partial<StoreSettings> = {}, at = folder): Promise<FileStore> {
    const store = new FileStore({
      folder: at,
      settings: settingsOf({ diskBytesMax: 4_000_000, diskRetryMs: 1000, ...more }),
      clock,
      logger: { warn: (_fields, message) => { warnings.push(message) } },
      events: { damaged: () => { damaged++ }, diskUsable: (now) => { usable.push(now) } }
    })
    stores.push(store)
    await store.start()
    return store
  }

  async function files (suffix = ''): Promise<string[]> {
    const all = await readdir(folder, { recursive: true, withFileTypes: true })
    return all.filter((each) => each.isFile() && each.name.endsWith(suffix)).map((each) => join(each.parentPath, each.name))
      .filter((path) => !path.startsWith(join(folder, 'index'))).sort()
  }

  /** Until what nothing needs is removed: a pause after each folder. */
  async function tidied (bodies: number): Promise<void> {
    await eventually(async () => {
      clock.advance(storeDefaults.diskTidyPauseMs)
      return (await files('.body')).length === bodies
    })
  }

  describe('after a restart', () => {
    it('serves equal bytes with equal times and fields', async () => {
      const first = await start()
      const one = await put(first, 'one', bodyOf(100_000, 1), { receivedAtMs: 123_456, initialAgeMs: 789, vary: ['accept'], variant: 'x' })
      const two = await put(first, 'two', bodyOf(0))
      const three = await put(first, 'three', bodyOf(10, 3))
      const validated = { ...three, receivedAtMs: 5_000, initialAgeMs: 2 }
      await first.update(validated)
      await put(first, 'gone', bodyOf(10))
      await first.remove(keyOf('gone'))
      await first.stop()
      const second = await start()
      expect(second.variants(keyOf('one'))).toEqual([one])
      expect(second.variants(keyOf('two'))).toEqual([two])
      expect(second.variants(keyOf('three'))).toEqual([validated])
      expect(second.variants(keyOf('gone'))).toEqual([])
      expect(await bodyIn(second, one)).toEqual(Buffer.from(bodyOf(100_000, 1)))
      expect(await bodyIn(second, two)).toEqual(Buffer.alloc(0))
      expect(second.stats()).toMatchObject({ objects: 3, diskBytes: first.stats().diskBytes })
    })

    it('drops bodies that are missing, or of another length, when they are opened', async () => {
      const first = await start()
      const whole = await put(first, 'whole', bodyOf(1000))
      const damages: Record<string, (path: string) => Promise<void>> = {
        short: async (path) => { await truncate(path, 999) },
        long: async (path) => { await appendFile(path, 'x') },
        missing: async (path) => { await rm(path) }
      }
      const heads = await Promise.all(Object.keys(damages).map(async (name) => await put(first, name, bodyOf(1000))))
      await first.stop()
      for (const name of Object.keys(damages)) await damages[name]!((await files()).find((path) => path.includes(keyOf(name)))!)
      const second = await start()
      for (const head of heads) {
        expect(second.variants(head.key)).toEqual([head])
        expect(await second.open(head)).toBeUndefined()
        expect(second.variants(head.key)).toEqual([])
      }
      expect(await bodyIn(second, whole)).toEqual(Buffer.from(bodyOf(1000)))
      expect([damaged, second.stats().objects, (await files()).length]).toEqual([3, 1, 1])
    })

    it('removes in the background what no head names, but nothing of running writers, readers and others', async () => {
      const first = await start()
      const kept = await put(first, 'kept', bodyOf(1000))
      const read = await put(first, 'read', bodyOf(1000))
      await first.stop()
      const leftovers = [
        join(folder, '00', `${'A'.repeat(43)}-abcdefgh.body`), join(folder, 'ff', `${'_'.repeat(43)}-abcdefgh.body`),
        join(folder, '7f', `${'0'.repeat(32)}-2s.body`), join(folder, '7f', `${'0'.repeat(32)}-2s.head`), join(folder, '7f', `${'0'.repeat(32)}-2s.head.new`)
      ]
      for (const path of leftovers) await writeFile(path, 'left by a process that was killed')
      for (const name of ['notes.txt', 'short-abcdefgh.body', '.body']) await writeFile(join(folder, '00', name), 'a person put this here')
      const second = await start()
      const writer = await second.create(keyOf('running'))
      await writer!.write(bodyOf(1000, 1))
      const reader = await second.open(read)
      await second.remove(read.key)
      await eventually(async () => {
        clock.advance(storeDefaults.diskTidyPauseMs)
        return !(await files()).includes(leftovers[1]!)
      })
      expect((await files()).filter((path) => leftovers.includes(path))).toEqual([])
      for (const key of [keyOf('running'), read.key, kept.key]) expect((await files('.body')).filter((path) => path.includes(key))).toHaveLength(1)
      expect((await files()).filter((path) => path.includes('/00/')).length).toBe(3)
      expect(await readAll(reader!)).toEqual(Buffer.from(bodyOf(1000)))
      reader!.close()
      await writer!.commit(headOf(keyOf('running'), bodyOf(1000, 1)))
      await writer!.close()
      expect(await bodyIn(second, second.variants(keyOf('running'))[0]!)).toEqual(Buffer.from(bodyOf(1000, 1)))
      expect(await bodyIn(second, kept)).toEqual(Buffer.from(bodyOf(1000)))
    })

    it('keeps to a smaller budget', async () => {
      const first = await start()
      for (let index = 0; index < 30; index++) await put(first, `many ${index}`, bodyOf(50_000, index))
      await first.stop()
      const second = await start({ diskBytesMax: 500_000 })
      expect(second.stats().diskBytes).toBeLessThanOrEqual(500_000)
      expect(second.stats().objects).toBeGreaterThan(5)
      await tidied(second.stats().objects)
    })
  })

  describe('with a damaged body', () => {
    it('drops and counts one that is missing or of the wrong length when it is opened', async () => {
      const store = await start({ diskHandlesMax: 1 })
      const missing = await put(store, 'missing', bodyOf(1000))
      const [missingPath] = await files('.body')
      await rm(missingPath!)
      const short = await put(store, 'short', bodyOf(1000))
      const [shortPath] = await files('.body')
      await truncate(shortPath!, 10)
      const other = await put(store, 'other', bodyOf(1000))
      expect(await store.open(missing)).toBeUndefined()
      expect(await store.open(short)).toBeUndefined()
      expect(store.variants(keyOf('missing'))).toEqual([])
      expect(damaged).toBe(2)
      expect(await bodyIn(store, other)).toEqual(Buffer.from(bodyOf(1000)))
      expect(store.stats().objects).toBe(1)
      expect((await files()).length).toBe(1)
    })

    it('throws to a reader where the file ends too early, and holds it no longer', async () => {
      const store = await start()
      const head = await put(store, 'a', bodyOf(1000))
      const reader = await store.open(head)
      await truncate((await files('.body'))[0]!, 400)
      expect((await reader!.read(0, 1000)).byteLength).toBe(400)
      await expect(reader!.read(400, 600)).rejects.toThrow(StoreDamagedError)
      expect(store.variants(keyOf('a'))).toEqual([])
      expect(damaged).toBe(1)
      reader!.close()
    })
  })

  it('unlinks a replaced body when its last reader closes', async () => {
    const store = await start()
    const old = await put(store, 'a', bodyOf(1000, 1))
    const readers = [await store.open(old), await store.open(old)]
    await put(store, 'a', bodyOf(1000, 2))
    expect((await files('.body')).length).toBe(2)
    readers[0]!.close()
    expect(await readAll(readers[1]!)).toEqual(Buffer.from(bodyOf(1000, 1)))
    readers[1]!.close()
    await store.stop()
    expect((await files('.body')).length).toBe(1)
  })

  it('reads and writes any number of bodies through a bounded number of handles, and closes them', async () => {
    const store = await start({ diskHandlesMax: 3 })
    const openFiles = async (): Promise<number> => {
      const links = await Promise.all((await readdir('/proc/self/fd')).map(async (fd) => await readlinkOrNothing(`/proc/self/fd/${fd}`)))
      return links.filter((link) => link.startsWith(folder) && link.includes('.body')).length
    }
    const writers = await Promise.all(Array.from({ length: 20 }, async (_, index) => (await store.create(keyOf(`w ${index}`)))!))
    await Promise.all(writers.map(async (writer, index) => { await writeAll(writer, bodyOf(30_000, index), 7_000) }))
    expect(await openFiles()).toBeLessThanOrEqual(3)
    await Promise.all(writers.map(async (writer, index) => await writer.commit(headOf(keyOf(`w ${index}`), bodyOf(30_000, index)))))
    const bodies = await Promise.all(writers.map(async (_, index) => await bodyIn(store, store.variants(keyOf(`w ${index}`))[0]!)))
    for (const [index, body] of bodies.entries()) expect(body).toEqual(Buffer.from(bodyOf(30_000, index)))
    await Promise.all(writers.map(async (writer) => { await writer.close() }))
    expect(await openFiles()).toBeLessThanOrEqual(3)
    await store.stop()
    expect(await openFiles()).toBe(0)
  })

  it('drops a body that is closed in the midst of a write, and its bytes', async () => {
    const store = await start()
    const writer = await store.create(keyOf('a'))
    const write = writer!.write(bodyOf(500_000))
    await writer!.close()
    await write
    expect(store.stats().diskBytes).toBe(0)
    expect(await files()).toEqual([])
  })

  it('lets all fills in flight take only their share, evicting for them', async () => {
    const store = await start({ diskBytesMax: 1_000_000 })
    for (let index = 0; index < 40; index++) await put(store, `many ${index}`, bodyOf(20_000, index))
    const writers = await Promise.all(Array.from({ length: 6 }, async (_, index) => (await store.create(keyOf(`w ${index}`)))!))
    const results = await Promise.allSettled(writers.map(async (writer) => { await writer.write(bodyOf(200_000)) }))
    expect(results.filter((each) => each.status === 'fulfilled').length).toBe(2)
    expect(store.stats().diskBytes).toBeLessThanOrEqual(1_000_000)
    await Promise.all(writers.map(async (writer) => { await writer.close() }))
  })

  describe('on a disk that fails', () => {
    it('turns itself off with one line, serves on, and comes back after diskRetryMs', async () => {
      const store = await start()
      const head = await put(store, 'a', bodyOf(1000))
      const reader = await store.open(head)
      await reader!.read(0, 1)
      await rm(folder, { recursive: true })
      await writeFile(folder, 'now a file')
      expect(await store.create(keyOf('c'))).toBeUndefined()
      expect(await store.create(keyOf('d'))).toBeUndefined()
      expect(warnings).toEqual(['disk tier off: writing failed; serving goes on without it'])
      expect(await readAll(reader!)).toEqual(Buffer.from(bodyOf(1000)))
      reader!.close()
      clock.advance(1000)
      expect(await store.create(keyOf('c'))).toBeUndefined()
      await rm(folder)
      expect(await store.create(keyOf('c'))).toBeUndefined()
      clock.advance(1000)
      const back = await put(store, 'c', bodyOf(1000, 3))
      expect(await bodyIn(store, back)).toEqual(Buffer.from(bodyOf(1000, 3)))
      expect(usable).toEqual([false, true])
    })

    it('starts without a usable folder and reads it once it can', async () => {
      const first = await start()
      const head = await put(first, 'a', bodyOf(1000))
      await first.stop()
      await rename(folder, `${folder}-aside`)
      await writeFile(folder, 'a file in its place')
      const store = await start()
      expect(await store.create(keyOf('b'))).toBeUndefined()
      expect(store.variants(keyOf('a'))).toEqual([])
      await rm(folder)
      await rename(`${folder}-aside`, folder)
      clock.advance(1000)
      await put(store, 'b', bodyOf(10))
      expect(await bodyIn(store, head)).toEqual(Buffer.from(bodyOf(1000)))
    })

    it('keeps what was written readable when the disk is full', async (context) => {
      const small = join(folder, 'small')
      await mkdir(small)
      if (!await run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small])) context.skip('no file system can be mounted here')
      try {
        const store = await start({ diskBytesMax: 100_000_000 }, small)
        const head = await put(store, 'a', bodyOf(500_000, 1))
        const writer = await store.create(keyOf('b'))
        await expect(writeAll(writer!, bodyOf(4_000_000))).rejects.toThrow(StoreFullError)
        const { written } = writer!
        expect(written).toBeGreaterThan(500_000)
        expect(await readAll(writer!)).toEqual(Buffer.from(bodyOf(4_000_000).subarray(0, written)))
        expect(await store.create(keyOf('c'))).toBeUndefined()
        expect(await bodyIn(store, head)).toEqual(Buffer.from(bodyOf(500_000, 1)))
        await writer!.close()
        expect(warnings.length).toBe(1)
        clock.advance(1000)
        await put(store, 'c', bodyOf(100_000))
        expect(usable).toEqual([false, true])
        await store.stop()
      } finally {
        await run('umount', [small])
      }
    })

    it('does not say that a body is stored whose head found no room, and stores again once there is some', async (context) => {
      const small = join(folder, 'small')
      await mkdir(small)
      if (!await run('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small])) context.skip('no file system can be mounted here')
      try {
        const store = await start({ diskBytesMax: 100_000_000 }, small)
        const before = await put(store, 'before', bodyOf(1000))
        const large: Partial<StoredResponse> = { fields: [['x-large', 'x'.repeat(60_000)]] }
        const writer = await store.create(keyOf('large'))
        await writer!.write(bodyOf(1000, 1))
        // Whatever is left, to the last block.
        await writeFile(join(small, 'ballast'), Buffer.alloc(4_000_000)).catch(() => {})
        expect(await writer!.commit(headOf(keyOf('large'), bodyOf(1000, 1), large))).toBe(false)
        await writer!.close()
        expect(store.variants(keyOf('large'))).toEqual([])
        expect(usable).toEqual([false])
        expect(await bodyIn(store, before)).toEqual(Buffer.from(bodyOf(1000)))
        await store.remove(before.key)
        await rm(join(small, 'ballast'))
        clock.advance(1000)
        const after = await put(store, 'large', bodyOf(1000, 2), large)
        expect(usable).toEqual([false, true])
        await store.stop()
        const again = await start({}, small)
        expect([...again.heads()]).toEqual([after])
        expect(await bodyIn(again, after)).toEqual(Buffer.from(bodyOf(1000, 2)))
        await again.stop()
      } finally {
        await run('umount', [small])
      }
    })
  })
})

async function readlinkOrNothing (path: string): Promise<string> {
  return await readlink(path).catch(() => '')
}

async function run (command: string, args: readonly string[]): Promise<boolean> {
  const child = spawn(command, args, { stdio: 'ignore' })
  return await new Promise((resolve) => {
    child.once('error', () => { resolve(false) })
    child.once('exit', (code) => { resolve(code === 0) })
  })
}
