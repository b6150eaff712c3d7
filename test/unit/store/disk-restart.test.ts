/** What the disk tier makes of an index that is long, or damaged: read while it serves, mended or set aside. */
import { mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileStore } from '../../../daemon/store/file-store.ts'
import { bodyPath } from '../../../daemon/store/file-layout.ts'
import { HeadRecords } from '../../../daemon/store/head-records.ts'
import { packHead } from '../../../daemon/store/packed-head.ts'
import type { DropCause, StoreSettings } from '../../../daemon/store/settings.ts'
import type { StoredResponse } from '../../../daemon/store/store.ts'
import { bodyIn, bodyOf, eventually, headOf, keyOf, put, settingsOf, stillClock } from '../../support/store.ts'

/** More than a start reads before it serves. */
const many = 5_000
const logger = { warn: () => {} }

let folder: string
let stores: FileStore[]
let warnings: string[]
let dropped: Array<[StoredResponse, DropCause]>
let loaded: number

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'colony-restart-'))
  stores = []
  warnings = []
  dropped = []
  loaded = 0
})
afterEach(async () => {
  for (const store of stores) await store.stop()
  await rm(folder, { recursive: true, force: true })
})

async function start (more: Partial<StoreSettings> = {}): Promise<FileStore> {
  const store = new FileStore({
    folder,
    settings: settingsOf({ diskBytesMax: 100_000_000, ...more }),
    clock: stillClock(),
    logger: { warn: (_fields, message) => { warnings.push(message) } },
    events: { dropped: (head, cause) => { dropped.push([head, cause]) }, loaded: () => { loaded++ } }
  })
  stores.push(store)
  await store.start()
  return store
}

/** In an order that has nothing to do with that of the keys. */
const heads = Array.from({ length: many }, (_, index) => headOf(keyOf(`many ${index}`), bodyOf(10, index), { receivedAtMs: index }))
const last = heads.toSorted((a, b) => a.key < b.key ? -1 : 1).at(-1)!
const lastBody = bodyOf(10, heads.indexOf(last))

/** As after a run that stored many objects; only the last one by key has its file. */
async function fill (): Promise<void> {
  await (await start()).stop()
  const lines = new Map(heads.map((head) => [head.key, packHead(head, 'name-123')]))
  const records = new HeadRecords({ folder, logger, recordOf: (key) => lines.get(key), keys: () => [] })
  await records.open()
  await Promise.all(heads.map(async ({ key }) => { await records.save(key) }))
  await records.close()
  await writeFile(bodyPath(folder, last.key, 'name-123'), lastBody)
  loaded = 0
}

describe('an index that takes long to read', () => {
  it('serves, before it is read, what is at its end', async () => {
    await fill()
    const store = await start()
    expect(store.stats().objects).toBeLessThan(many)
    expect(loaded).toBe(0)
    expect(store.variants(last.key)).toEqual([last])
    expect(await bodyIn(store, last)).toEqual(Buffer.from(lastBody))
    await eventually(() => loaded === 1)
    expect(store.stats().objects).toBe(many)
    expect([...store.heads()].length).toBe(many)
    expect(heads.every((head) => store.variants(head.key)[0]?.receivedAtMs === head.receivedAtMs)).toBe(true)
  })

  it('does not undo what is removed, replaced or validated meanwhile', async () => {
    await fill()
    const first = await start()
    const [gone, replaced, validated] = [heads[1]!, heads[2]!, heads[3]!]
    expect(first.stats().objects).toBeLessThan(many)
    await Promise.all([
      first.remove(last.key),
      first.remove(gone.key),
      put(first, 'many 2', bodyOf(20, 7), { receivedAtMs: 77_777 }),
      first.update({ ...validated, receivedAtMs: 88_888 })
    ])
    expect(dropped.map(([{ key }, cause]) => [key, cause])).toEqual([[last.key, 'removed'], [gone.key, 'removed']])
    const check = (store: FileStore): void => {
      for (const { key } of [last, gone]) expect(store.variants(key)).toEqual([])
      expect(store.variants(replaced.key).map((head) => head.receivedAtMs)).toEqual([77_777])
      expect(store.variants(validated.key).map((head) => head.receivedAtMs)).toEqual([88_888])
    }
    check(first)
    await eventually(() => loaded === 1)
    check(first)
    expect(first.stats().objects).toBe(many - 2)
    await first.stop()
    const second = await start()
    check(second)
    await eventually(() => loaded === 2)
    check(second)
    expect(second.stats().objects).toBe(many - 2)
  })

  it('may be stopped in its midst, and is whole at the next start', async () => {
    await fill()
    await (await start()).stop()
    const store = await start()
    await eventually(() => loaded === 1)
    expect(store.stats().objects).toBe(many)
  })

  it('is cut to fewer objects while it is read', async () => {
    await fill()
    const store = await start({ diskObjectsMax: 1_000 })
    await eventually(() => loaded === 1)
    expect(store.stats().objects).toBe(1_000)
    expect(new Set(dropped.map(([{ key }]) => key)).size).toBe(many - 1_000)
    await store.stop()
    const again = await start()
    await eventually(() => loaded === 2)
    expect(again.stats().objects).toBe(1_000)
  })

  it('forgets what is removed while it cannot be read at all', async () => {
    await fill()
    const aside = join(folder, 'index-aside')
    await rename(join(folder, 'index'), aside)
    await writeFile(join(folder, 'index'), 'in its place')
    const clock = stillClock()
    const store = new FileStore({ folder, settings: settingsOf(), clock, logger })
    stores.push(store)
    await store.start()
    await store.remove(last.key)
    await rm(join(folder, 'index'))
    await rename(aside, join(folder, 'index'))
    clock.advance(settingsOf().diskRetryMs)
    await put(store, 'new', bodyOf(10))
    await eventually(() => store.stats().objects === many)
    expect(store.variants(last.key)).toEqual([])
    expect(store.variants(heads[5]!.key)).toEqual([heads[5]])
  })
})

describe('an index that is damaged', () => {
  async function each (pattern: RegExp, damage: (path: string) => Promise<void>): Promise<void> {
    const files = (await readdir(join(folder, 'index'))).filter((name) => pattern.test(name))
    expect(files.length).toBeGreaterThan(0)
    for (const name of files) await damage(join(folder, 'index', name))
  }

  async function garble (path: string): Promise<void> {
    const bytes = await readFile(path)
    for (let at = 0; at < bytes.byteLength; at += 97) bytes[at]! ^= 0x5a
    await writeFile(path, bytes)
  }

  it.each([
    ['garbled manifest', /MANIFEST/, garble],
    ['lost manifest', /MANIFEST/, rm],
    ['lost name of the manifest', /CURRENT/, rm],
    ['wrong name of the manifest', /CURRENT/, async (path: string) => { await writeFile(path, 'xyz\n') }],
    ['cut table', /ldb$/, async (path: string) => { await truncate(path, 1000) }],
    ['garbled table', /ldb$/, garble],
    ['lost table', /ldb$/, rm],
    ['garbled everything', /./, garble]
  ])('by a %s is mended or set aside, said in one line, and gives nothing wrong', async (_name, pattern, damage) => {
    await fill()
    // What is in LevelDB's log alone goes into a table at the next start.
    await (await start()).stop()
    await each(pattern, damage)
    loaded = 0
    const store = await start()
    const isRight = (head: StoredResponse): boolean => {
      const found = store.variants(head.key)
      return found.length === 0 || JSON.stringify(found) === JSON.stringify([head])
    }
    expect(heads.every(isRight)).toBe(true)
    const now = await put(store, 'now', bodyOf(100))
    await eventually(() => loaded === 1)
    expect(heads.every(isRight)).toBe(true)
    expect(warnings).toEqual([expect.stringMatching(/^the index of the disk tier was damaged/)])
    const { objects } = store.stats()
    await store.stop()
    const again = await start()
    await eventually(() => loaded === 2)
    expect(warnings.length).toBe(1)
    expect(again.stats().objects).toBe(objects)
    expect(await bodyIn(again, now)).toEqual(Buffer.from(bodyOf(100)))
  })

  it('in a record of it drops that alone', async () => {
    await (await start()).stop()
    const good = headOf(keyOf('good'), bodyOf(10))
    const lines = new Map([
      [good.key, packHead(good, 'name-123')],
      [keyOf('moved'), packHead(good, 'name-123')],
      [keyOf('changed'), packHead(headOf(keyOf('changed'), bodyOf(10)), 'name-123').replace('text/plain', 'text/pwned')],
      [keyOf('foreign'), '{"hello":"world"}'],
      [keyOf('empty'), '\n']
    ])
    const records = new HeadRecords({ folder, logger, recordOf: (key) => lines.get(key), keys: () => [] })
    await records.open()
    await Promise.all([...lines.keys()].map(async (key) => { await records.save(key) }))
    await records.close()
    const store = await start()
    expect([...store.heads()]).toEqual([good])
    for (const name of ['moved', 'changed', 'foreign', 'empty']) expect(store.variants(keyOf(name))).toEqual([])
  })
})
