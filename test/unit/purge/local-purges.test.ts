/** Purges on one edge over a real store: across restarts, and what the sweeper makes of them. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ownDatabases, type Database } from '../../../daemon/database.ts'
import { Ledger } from '../../../daemon/purge/ledger.ts'
import { LocalPurges } from '../../../daemon/purge/local-purges.ts'
import { PurgedStore } from '../../../daemon/purge/purged-store.ts'
import { purgeDefaults, type PurgeSettings } from '../../../daemon/purge/settings.ts'
import { Sweeper } from '../../../daemon/purge/sweeper.ts'
import { createStore } from '../../../daemon/store/index.ts'
import type { Store, StoredResponse } from '../../../daemon/store/store.ts'
import type { Purge, Selector } from '../../../protocols/purge/purge.ts'
import { tagHash } from '../../../protocols/purge/tags.ts'
import { bodyOf, keyOf, put, settingsOf, stillClock } from '../../support/store.ts'

const sites = { byHost: () => ({ name: 'test' }), keyRules: () => [], ruledSites: () => [] }
const silent = { warn: () => {} }
const tag: Selector = { kind: 'tag', site: 'test', tag: 'a' }
const tagged = { tags: [tagHash('a')] }

let folder: string
let databases: Database[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'colony-purge-'))
  databases = []
})
afterEach(async () => {
  for (const each of databases) await each.close()
  await rm(folder, { recursive: true })
})

interface Life { readonly purges: LocalPurges, readonly store: PurgedStore, readonly inner: Store, readonly sweeper: Sweeper, oldest: number, readonly end: (how?: 'stop' | 'kill') => Promise<void>, readonly clock: ReturnType<typeof stillClock> }

/** One life of an edge over the same folder. */
async function live (more: Partial<PurgeSettings> = {}, wrap: (database: Database) => Database = (database) => database): Promise<Life> {
  const clock = stillClock()
  const settings = { ...purgeDefaults, ...more }
  const database = ownDatabases(join(folder, 'state'))
  databases.push(database)
  const ledger = new Ledger({ database: () => wrap(database), epochsPerBlock: settings.epochsPerBlock, wallMs: () => clock.wallMs(), logger: silent })
  const purges = new LocalPurges({ sites, ledger, clock, settings, onApplied: () => {} })
  const inner = createStore({ folder, settings: settingsOf({ diskTidyPauseMs: 0 }), clock, logger: silent, events: { loaded: () => { sweeper.loaded() } } })
  const store = new PurgedStore(inner, purges)
  const life = {
    purges, inner, store, clock, oldest: Infinity,
    end: async (how = 'stop') => {
      await inner.stop()
      if (how === 'stop') await purges.stop()
      await database.close()
    }
  } as Life
  const sweeper = new Sweeper({ store, purges, clock, settings, oldestEpoch: () => life.oldest, onRemoved: () => {} })
  Object.assign(life, { sweeper })
  await purges.start()
  await store.start()
  await eventuallyLoaded()
  return life
}

/** The few records of these tests are read within the start's first step or soon after. */
async function eventuallyLoaded (): Promise<void> { await new Promise((resolve) => { setImmediate(() => setImmediate(resolve)) }) }

let sequence = 0
const purge = (selector: Selector, soft = false): Purge => ({ id: { peer: 'me', incarnation: 1, sequence: ++sequence }, selectors: [selector], soft, atMs: 0 })
const names = (store: Store): string[] => ['a', 'b', 'c'].filter((name) => store.variants(keyOf(name)).length > 0)
const stamped = async ({ store, purges }: Life, name: string, more: Partial<StoredResponse> = {}): Promise<StoredResponse> => await put(store, name, bodyOf(300), { epoch: purges.stamp, tags: [], ...more })

describe('purges on an edge', () => {
  it('count after a restart, and so does what was fetched after them', async () => {
    const before = await live()
    await stamped(before, 'a', tagged)
    const order = purge(tag)
    before.purges.apply(order)
    await stamped(before, 'b', tagged)
    expect(names(before.store)).toEqual(['b'])
    await before.purges.synced()
    await before.end()
    const after = await live()
    expect(names(after.store)).toEqual(['b'])
    // What the log plays back is known.
    expect(after.purges.has(order.id)).toBe(true)
    after.purges.apply(order)
    expect(names(after.store)).toEqual(['b'])
    after.purges.apply(purge(tag))
    expect(names(after.store)).toEqual([])
    await after.end()
  })

  it('that were not noted on disk before the process died count anew when they are played back, and purge no less', async () => {
    let failing = false
    const before = await live({ epochsPerBlock: 1 }, (database) => new Proxy(database, {
      get: (target, name) => name === 'batch' && failing ? async () => { throw new Error('no space left') } : (Reflect.get(target, name) as { bind?: (to: unknown) => unknown }).bind?.(target)
    }))
    failing = true
    await stamped(before, 'a', tagged)
    const order = purge(tag)
    before.purges.apply(order)
    // Beyond what was set aside.
    before.purges.apply(purge({ kind: 'everything', site: 'other' }))
    await expect(before.purges.synced()).rejects.toThrow('no space left')
    await stamped(before, 'b', tagged)
    expect(names(before.store)).toEqual(['b'])
    await before.end('kill')
    const after = await live()
    await stamped(after, 'c', tagged)
    // An epoch that was given away and lost is not given to what comes now.
    after.purges.apply(order)
    expect(names(after.store)).toEqual([])
    await after.end()
  })

  it('mean what an edge of before stored, by the tags in its fields', async () => {
    const life = await live()
    await put(life.inner, 'a', bodyOf(300), { fields: [['surrogate-key', 'x a']] })
    await put(life.inner, 'b', bodyOf(300), { fields: [['surrogate-key', 'x']] })
    expect(names(life.store)).toEqual(['a', 'b'])
    life.purges.apply(purge(tag))
    expect(names(life.store)).toEqual(['b'])
    await life.end()
  })

  it('of a tag look at no object, however many bear it', async () => {
    const life = await live()
    for (const name of ['a', 'b', 'c']) await stamped(life, name, tagged)
    let looked = 0
    const counting = new Proxy(life.inner, {
      get: (target, name) => {
        looked++
        return (Reflect.get(target, name) as { bind: (to: unknown) => unknown }).bind(target)
      }
    })
    const store = new PurgedStore(counting, life.purges)
    life.purges.apply(purge(tag))
    expect(looked).toBe(0)
    expect(names(store)).toEqual([])
    await life.end()
  })
})

describe('the sweeper', () => {
  it('removes what was purged, keeps the rest, and then no mark is left, also after a restart', async () => {
    const life = await live({ sweepObjectsPerSlice: 10 })
    for (const name of ['a', 'b']) await stamped(life, name, name === 'a' ? tagged : {})
    life.purges.apply(purge(tag))
    await stamped(life, 'c', tagged)
    expect(await life.sweeper.sweep()).toBe(1)
    expect(life.purges.marks).toBe(0)
    expect(life.inner.stats().objects).toBe(2)
    expect(names(life.store)).toEqual(['b', 'c'])
    await life.end()
    const after = await live()
    expect(after.purges.marks).toBe(0)
    expect(names(after.store)).toEqual(['b', 'c'])
    await after.end()
  })

  it('keeps marks while a fetch of before is under way, and while the disk does not take removals', async () => {
    const life = await live()
    life.oldest = life.purges.stamp
    const old = life.oldest
    life.purges.apply(purge(tag))
    await life.sweeper.sweep()
    await stamped(life, 'a', { ...tagged, epoch: old })
    expect(names(life.store)).toEqual([])
    life.oldest = Infinity
    life.sweeper.diskUsable(false)
    await life.sweeper.sweep()
    expect(life.purges.marks).toBeGreaterThan(0)
    life.sweeper.diskUsable(true)
    await life.sweeper.sweep()
    expect(life.purges.marks).toBe(0)
    await life.end()
  })

  it('writes down since when a response is stale, in place of the mark', async () => {
    const life = await live()
    await stamped(life, 'a', tagged)
    life.purges.apply(purge(tag, true))
    await life.sweeper.sweep()
    expect(life.purges.marks).toBe(0)
    expect(life.store.variants(keyOf('a'))).toMatchObject([{ staleAtMs: life.clock.wallMs(), tags: tagged.tags }])
    life.purges.apply(purge(tag))
    expect(names(life.store)).toEqual([])
    await life.end()
  })
})
