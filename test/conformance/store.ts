/**
 * What every Store does, whichever it is: run on each implementation by store.test.ts. A store is made
 * with a budget of about 2 MiB, so that a test can fill it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { StoreFullError, StoreMismatchError } from '../../daemon/store/errors.ts'
import type { DropCause, Refusal, StoreEvents } from '../../daemon/store/settings.ts'
import type { Store, StoredResponse, Tier } from '../../daemon/store/store.ts'
import { bodyIn, bodyOf, hashOf, headOf, keyOf, put, readAll, writeAll } from '../support/store.ts'

export interface StoreUnderTest {
  /** Not started. */
  readonly store: Store
  /** Names of bodies' files that it has on disk now; none for a store without. */
  readonly files: () => Promise<readonly string[]>
  readonly dispose: () => Promise<void>
}

/** Fits into every tier of a store under test. */
const ordinary = 60_000

type Said =
  | readonly ['committed', StoredResponse]
  | readonly ['dropped', StoredResponse, DropCause]
  | readonly ['evicted', Tier, StoredResponse]
  | readonly ['refused', string, Refusal]

export function storeConformance (name: string, makeStore: (events: StoreEvents) => Promise<StoreUnderTest>): void {
  describe(`${name} as a Store`, () => {
    let under: StoreUnderTest
    let store: Store
    let said: Said[]
    /** Variants held, if what the store says is all there is to know. */
    let told: Map<string, StoredResponse>

    function idOf (head: StoredResponse): string {
      return `${head.key} ${head.variant}`
    }

    function heldNow (): string[] {
      return [...store.heads()].map(idOf).sort()
    }

    beforeEach(async () => {
      said = []
      told = new Map()
      under = await makeStore({
        committed: (head) => {
          said.push(['committed', head])
          told.set(idOf(head), head)
        },
        dropped: (head, cause) => {
          said.push(['dropped', head, cause])
          expect(told.delete(idOf(head)), 'dropped what was not held').toBe(true)
        },
        evicted: (tier, head) => { said.push(['evicted', tier, head]) },
        refused: (key, reason) => { said.push(['refused', key, reason]) }
      })
      store = under.store
      await store.start()
    })

    afterEach(async () => {
      await store.stop()
      await under.dispose()
    })

    it('shows nothing before the commit and all of it after', async () => {
      const key = keyOf('a')
      const body = bodyOf(ordinary)
      const head = headOf(key, body)
      const writer = await store.create(key)
      await writeAll(writer!, body)
      expect(store.variants(key)).toEqual([])
      expect(await store.open(head)).toBeUndefined()
      expect(await writer!.commit(head)).toBe(true)
      expect(store.variants(key)).toEqual([head])
      expect(await bodyIn(store, head)).toEqual(Buffer.from(body))
      await writer!.close()
      expect(await bodyIn(store, head)).toEqual(Buffer.from(body))
    })

    it('lets what was written be read while more is written, and after the commit', async () => {
      const key = keyOf('a')
      const body = bodyOf(ordinary)
      const writer = await store.create(key, body.byteLength)
      await writer!.write(body.subarray(0, 20_000))
      expect(writer!.written).toBe(20_000)
      expect(await readAll(writer!, 999)).toEqual(Buffer.from(body.subarray(0, 20_000)))
      expect((await writer!.read(20_000, 10)).byteLength).toBe(0)
      await writer!.write(body.subarray(20_000))
      expect(await readAll(writer!)).toEqual(Buffer.from(body))
      await writer!.commit(headOf(key, body))
      expect(await readAll(writer!)).toEqual(Buffer.from(body))
      await writer!.close()
    })

    it('does not keep the chunk that it was given', async () => {
      const key = keyOf('a')
      const chunk = bodyOf(1000)
      const expected = Buffer.from(chunk)
      const writer = await store.create(key)
      await writer!.write(chunk)
      chunk.fill(0)
      expect(await readAll(writer!)).toEqual(expected)
      await writer!.close()
    })

    it('gives the hash of what is written so far, at any time', async () => {
      const body = bodyOf(3000)
      const writer = await store.create(keyOf('a'))
      expect(writer!.digest()).toBe(hashOf(new Uint8Array(0)))
      await writer!.write(body.subarray(0, 1000))
      expect(writer!.digest()).toBe(hashOf(body.subarray(0, 1000)))
      await writer!.write(body.subarray(1000))
      expect(writer!.digest()).toBe(hashOf(body))
      expect(writer!.digest()).toBe(hashOf(body))
      await writer!.close()
    })

    it('finishes a reader of the old body when its variant is replaced', async () => {
      const old = await put(store, 'a', bodyOf(ordinary, 1))
      const reader = await store.open(old)
      const begun = await reader!.read(0, 100)
      const next = await put(store, 'a', bodyOf(ordinary, 2), { receivedAtMs: 2_000 })
      expect(begun).toEqual(Buffer.from(bodyOf(ordinary, 1).subarray(0, 100)))
      expect(await readAll(reader!)).toEqual(Buffer.from(bodyOf(ordinary, 1)))
      reader!.close()
      reader!.close()
      expect(store.variants(keyOf('a'))).toEqual([next])
      expect(await store.open(old)).toBeUndefined()
      expect(await bodyIn(store, next)).toEqual(Buffer.from(bodyOf(ordinary, 2)))
    })

    it('holds several variants of a key, the most recently received first', async () => {
      const one = await put(store, 'a', bodyOf(10, 1), { variant: 'one', receivedAtMs: 2_000 })
      const two = await put(store, 'a', bodyOf(20, 2), { variant: 'two', receivedAtMs: 3_000 })
      const three = await put(store, 'a', bodyOf(30, 3), { variant: 'three', receivedAtMs: 1_000 })
      expect(store.variants(keyOf('a'))).toEqual([two, one, three])
      const validated = { ...three, receivedAtMs: 4_000 }
      await store.update(validated)
      expect(store.variants(keyOf('a'))).toEqual([validated, two, one])
      for (const [seed, head] of [one, two, three].entries()) {
        expect(await bodyIn(store, head)).toEqual(Buffer.from(bodyOf(head.length, seed + 1)))
      }
    })

    it('refuses a head that contradicts the bytes, and shows nothing of it', async () => {
      const key = keyOf('a')
      const body = bodyOf(500)
      const head = headOf(key, body)
      const writer = await store.create(key)
      await writer!.write(body)
      await expect(writer!.commit({ ...head, hash: hashOf(bodyOf(500, 1)) })).rejects.toThrow(StoreMismatchError)
      await expect(writer!.commit({ ...head, length: 499 })).rejects.toThrow(StoreMismatchError)
      await expect(writer!.commit({ ...head, key: keyOf('b') })).rejects.toThrow(StoreMismatchError)
      expect(store.variants(key)).toEqual([])
      expect(await readAll(writer!)).toEqual(Buffer.from(body))
      await writer!.close()
      expect(store.stats().objects).toBe(0)
    })

    it('leaves nothing of a body that is closed without a commit', async () => {
      const before = await under.files()
      const { memoryBytes, diskBytes } = store.stats()
      const writer = await store.create(keyOf('a'))
      await writeAll(writer!, bodyOf(ordinary))
      await writer!.close()
      await writer!.close()
      expect(store.variants(keyOf('a'))).toEqual([])
      expect(await under.files()).toEqual(before)
      expect(store.stats()).toMatchObject({ objects: 0, memoryBytes, diskBytes })
    })

    it('keeps the old body when its replacement is not committed', async () => {
      const old = await put(store, 'a', bodyOf(100, 1))
      const writer = await store.create(keyOf('a'))
      await writer!.write(bodyOf(100, 2))
      await writer!.close()
      expect(store.variants(keyOf('a'))).toEqual([old])
      expect(await bodyIn(store, old)).toEqual(Buffer.from(bodyOf(100, 1)))
    })

    it('removes one variant or all of them, and readers finish', async () => {
      const one = await put(store, 'a', bodyOf(ordinary, 1), { variant: 'one' })
      const two = await put(store, 'a', bodyOf(ordinary, 2), { variant: 'two', receivedAtMs: 2_000 })
      const reader = await store.open(one)
      await store.remove(keyOf('a'), 'one')
      expect(store.variants(keyOf('a'))).toEqual([two])
      expect(await store.open(one)).toBeUndefined()
      expect(await readAll(reader!)).toEqual(Buffer.from(bodyOf(ordinary, 1)))
      reader!.close()
      await store.remove(keyOf('a'))
      expect(store.variants(keyOf('a'))).toEqual([])
      expect(await store.open(two)).toBeUndefined()
      await store.remove(keyOf('never there'))
      expect(store.stats().objects).toBe(0)
    })

    it('replaces a head and keeps its body', async () => {
      const head = await put(store, 'a', bodyOf(100))
      const next = { ...head, receivedAtMs: 9_000, initialAgeMs: 7, fields: [['etag', '"2"']] as const }
      await store.update(next)
      expect(store.variants(keyOf('a'))).toEqual([next])
      expect(await bodyIn(store, next)).toEqual(Buffer.from(bodyOf(100)))
      // Who looked the head up before the update still gets the body: it is the same.
      expect(await bodyIn(store, head)).toEqual(Buffer.from(bodyOf(100)))
    })

    it('ignores an update of what is gone or has another body now', async () => {
      const old = await put(store, 'a', bodyOf(100, 1))
      const now = await put(store, 'a', bodyOf(100, 2), { receivedAtMs: 2_000 })
      await store.update({ ...old, receivedAtMs: 9_000 })
      await store.update(headOf(keyOf('b'), bodyOf(1)))
      expect(store.variants(keyOf('a'))).toEqual([now])
      expect(store.variants(keyOf('b'))).toEqual([])
    })

    it('keeps its budget under many inserts, and reports evictions', async () => {
      for (let index = 0; index < 150; index++) {
        await put(store, `many ${index}`, bodyOf(ordinary, index))
        const stats = store.stats()
        expect(stats.memoryBytes).toBeLessThanOrEqual(stats.memoryBytesMax)
        expect(stats.diskBytes).toBeLessThanOrEqual(stats.diskBytesMax)
      }
      expect(store.stats().evictions).toBeGreaterThan(50)
      expect(store.stats().objects).toBeGreaterThan(5)
      const held = Array.from({ length: 150 }, (_, index) => index).filter((index) => store.variants(keyOf(`many ${index}`)).length > 0)
      expect(held.length).toBe(store.stats().objects)
      for (const index of held) {
        const [head] = store.variants(keyOf(`many ${index}`))
        expect(await bodyIn(store, head!)).toEqual(Buffer.from(bodyOf(ordinary, index)))
      }
    })

    it('finishes a reader of a body that is evicted', async () => {
      const head = await put(store, 'pinned', bodyOf(ordinary, 77))
      const reader = await store.open(head)
      for (let index = 0; index < 150; index++) await put(store, `many ${index}`, bodyOf(ordinary, index))
      expect(await readAll(reader!)).toEqual(Buffer.from(bodyOf(ordinary, 77)))
      reader!.close()
    })

    it('does not begin a body whose promised length it can never hold', async () => {
      expect(await store.create(keyOf('a'), 1e9)).toBeUndefined()
    })

    it('stops a body that outgrows it, and what was written stays readable', async () => {
      const key = keyOf('a')
      const body = bodyOf(3_000_000)
      const writer = await store.create(key)
      await expect(writeAll(writer!, body)).rejects.toThrow(StoreFullError)
      const written = writer!.written
      expect(written).toBeGreaterThan(0)
      await expect(writer!.write(bodyOf(1))).rejects.toThrow(StoreFullError)
      expect(await readAll(writer!)).toEqual(Buffer.from(body.subarray(0, written)))
      expect(await writer!.commit(headOf(key, body.subarray(0, written)))).toBe(false)
      await writer!.close()
      expect(store.variants(key)).toEqual([])
      expect(store.stats()).toMatchObject({ memoryBytes: 0, diskBytes: 0 })
    })

    it('holds bodies of no bytes', async () => {
      const hinted = await put(store, 'a', bodyOf(0), {}, 0)
      const open = await put(store, 'b', bodyOf(0))
      for (const head of [hinted, open]) {
        expect(store.variants(head.key)).toEqual([head])
        expect(await bodyIn(store, head)).toEqual(Buffer.alloc(0))
      }
    })

    it('takes a body whose promised length was wrong', async () => {
      const short = await put(store, 'a', bodyOf(100), {}, 5_000)
      const long = await put(store, 'b', bodyOf(ordinary), {}, 100)
      expect(await bodyIn(store, short)).toEqual(Buffer.from(bodyOf(100)))
      expect(await bodyIn(store, long)).toEqual(Buffer.from(bodyOf(ordinary)))
    })

    it('lets two bodies of one variant be written at once, and the later commit stands', async () => {
      const key = keyOf('a')
      const first = await store.create(key)
      const second = await store.create(key)
      await first!.write(bodyOf(ordinary, 1))
      await second!.write(bodyOf(ordinary, 2))
      await second!.commit(headOf(key, bodyOf(ordinary, 2)))
      const last = headOf(key, bodyOf(ordinary, 1))
      await first!.commit(last)
      await Promise.all([first!.close(), second!.close()])
      expect(store.variants(key)).toEqual([last])
      expect(await bodyIn(store, last)).toEqual(Buffer.from(bodyOf(ordinary, 1)))
    })

    it('says of each commit that it is visible, and of each variant that it is gone, but not of one that is replaced', async () => {
      const one = await put(store, 'a', bodyOf(ordinary, 1), { variant: 'one' })
      const next = await put(store, 'a', bodyOf(ordinary, 2), { variant: 'one', receivedAtMs: 2_000 })
      const two = await put(store, 'a', bodyOf(ordinary, 3), { variant: 'two' })
      const validated = { ...next, receivedAtMs: 3_000 }
      await store.update(validated)
      await store.remove(keyOf('a'), 'one')
      await store.remove(keyOf('a'), 'one')
      expect(said).toEqual([['committed', one], ['committed', next], ['committed', two], ['dropped', validated, 'removed']])
      await store.remove(keyOf('a'))
      expect(said.slice(4)).toEqual([['dropped', two, 'removed']])
    })

    it('has visible what it says was committed, and not what it says was dropped', async () => {
      const atOnce: boolean[] = []
      const key = keyOf('a')
      const push = said.push.bind(said)
      said.push = (...items) => {
        atOnce.push(store.variants(key).length === (items[0]?.[0] === 'committed' ? 1 : 0))
        return push(...items)
      }
      await put(store, 'a', bodyOf(100))
      await store.remove(key)
      expect(atOnce).toEqual([true, true])
    })

    it('holds what it said was committed and not dropped, and nothing else, however much is evicted', async () => {
      for (let index = 0; index < 150; index++) {
        // Of some keys a second body, a second variant, or a use.
        await put(store, `many ${index % 130}`, bodyOf(index % 3 === 0 ? ordinary : 10_000, index), { variant: index % 5 === 0 ? 'other' : '' })
        const used = store.variants(keyOf(`many ${index - 7}`))[0]
        if (used !== undefined) await bodyIn(store, used)
        expect(heldNow()).toEqual([...told.keys()].sort())
        expect(told.size).toBe(store.stats().objects)
      }
      const evicted = said.filter(([what]) => what === 'evicted')
      const dropped = said.filter(([what]) => what === 'dropped')
      expect(dropped.length).toBeGreaterThan(20)
      expect(dropped.every(([,, cause]) => cause === 'evicted')).toBe(true)
      expect(evicted.length).toBe(store.stats().evictions)
      expect(evicted.length).toBeGreaterThanOrEqual(dropped.length)
    })

    it('gives every head once, one by one, while some go and others come', async () => {
      const names = Array.from({ length: 10 }, (_, index) => `walk ${index}`)
      for (const name of names) await put(store, name, bodyOf(1000))
      const seen: string[] = []
      for (const head of store.heads()) {
        seen.push(head.key)
        if (seen.length === 3) {
          await store.remove(keyOf('walk 9'))
          await put(store, 'walk 10', bodyOf(1000))
        }
      }
      expect(new Set(seen).size).toBe(seen.length)
      expect(seen).toEqual(expect.arrayContaining(names.slice(0, 9).map(keyOf)))
      expect([...store.heads()].length).toBe(10)
    })

    it('names a tier for what it holds, for that very body only', async () => {
      const old = await put(store, 'a', bodyOf(100, 1))
      expect(store.tier(headOf(keyOf('b'), bodyOf(100)))).toBeUndefined()
      expect(['memory', 'disk']).toContain(store.tier(old))
      const now = await put(store, 'a', bodyOf(100, 2))
      expect(store.tier(old)).toBeUndefined()
      await store.remove(keyOf('a'))
      expect(store.tier(now)).toBeUndefined()
    })

    it('says once of each body that it does not store that, and why', async () => {
      await store.create(keyOf('promised'), 1e9)
      const writer = await store.create(keyOf('outgrown'))
      await expect(writeAll(writer!, bodyOf(3_000_000))).rejects.toThrow(StoreFullError)
      await expect(writer!.write(bodyOf(1))).rejects.toThrow(StoreFullError)
      await writer!.commit(headOf(keyOf('outgrown'), bodyOf(0)))
      await writer!.close()
      const given = await store.create(keyOf('given up'))
      await given!.write(bodyOf(100))
      await given!.close()
      expect(said).toEqual([['refused', keyOf('promised'), 'too large'], ['refused', keyOf('outgrown'), 'too large']])
    })

    it('may be stopped twice', async () => {
      await put(store, 'a', bodyOf(10))
      await store.stop()
      await store.stop()
    })
  })
}
