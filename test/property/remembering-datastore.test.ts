/** The datastore with memory in front says what one without it would, and leaves the same on disk. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { Key, type Datastore } from 'interface-datastore'
import { afterEach, describe, expect, it } from 'vitest'
import { RememberingDatastore } from '../../daemon/remembering-datastore.ts'
import { openState, type State } from '../../daemon/state.ts'
import { manualClock } from '../unit/membership/support.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A real LevelDB in a folder of its own. */
async function level (): Promise<State> {
  const folder = mkdtempSync(join(tmpdir(), 'colony-datastore-'))
  folders.push(folder)
  return await openState(folder)
}

const keyOf = (index: number): Key => new Key(`/peers/${index}`)
const bytes = (value: number): Uint8Array => Uint8Array.of(value)

async function read (store: Datastore, index: number): Promise<number | undefined> {
  try {
    return (await store.get(keyOf(index)))[0]
  } catch (error) {
    if ((error as Error).name !== 'NotFoundError') throw error
    return undefined
  }
}

async function everything (store: Datastore): Promise<Record<string, number>> {
  const found: Record<string, number> = {}
  for await (const { key, value } of store.query({ prefix: '/peers' })) found[key.toString()] = value[0]!
  return found
}

const index = fc.nat(5)
const action = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), index, value: fc.nat(255) }),
  fc.record({ kind: fc.constant('delete' as const), index }),
  fc.record({ kind: fc.constantFrom('get' as const, 'has' as const), index }),
  fc.record({ kind: fc.constant('batch' as const), puts: fc.array(fc.record({ index, value: fc.nat(255) }), { maxLength: 3 }), deletes: fc.array(index, { maxLength: 2 }) }),
  fc.record({ kind: fc.constantFrom('time' as const, 'flush' as const, 'query' as const) })
)

describe('a remembering datastore', () => {
  it('answers as the last write says, whatever is still to be written, and leaves all of it behind', async () => {
    const { datastore, close } = await level()
    let run = 0
    await fc.assert(fc.asyncProperty(fc.array(action, { maxLength: 30 }), fc.integer({ min: 1, max: 8 }), async (actions, recordsMax) => {
      for (const key of Object.keys(await everything(datastore))) await datastore.delete(new Key(key))
      const clock = manualClock()
      const store = new RememberingDatastore({ store: datastore, recordsMax, writeBehindMs: 100, clock })
      const truth = new Map<number, number>()
      run++
      for (const each of actions) {
        switch (each.kind) {
          case 'put': truth.set(each.index, each.value); await store.put(keyOf(each.index), bytes(each.value)); break
          case 'delete': truth.delete(each.index); await store.delete(keyOf(each.index)); break
          case 'get': expect(await read(store, each.index)).toBe(truth.get(each.index)); break
          case 'has': expect(await store.has(keyOf(each.index))).toBe(truth.has(each.index)); break
          case 'batch': {
            const batch = store.batch()
            for (const { index: at, value } of each.puts) { batch.put(keyOf(at), bytes(value)); truth.set(at, value) }
            for (const at of each.deletes) { batch.delete(keyOf(at)); truth.delete(at) }
            await batch.commit()
            break
          }
          case 'time': await clock.advance(60); break
          case 'flush': await store.flush(); break
          case 'query': expect(await everything(store)).toEqual(Object.fromEntries([...truth].map(([at, value]) => [keyOf(at).toString(), value])))
        }
      }
      for (let at = 0; at <= 5; at++) expect(await read(store, at)).toBe(truth.get(at))
      await store.afterStop()
      expect(await everything(datastore)).toEqual(Object.fromEntries([...truth].map(([at, value]) => [keyOf(at).toString(), value])))
    }), { numRuns: 100 })
    expect(run).toBeGreaterThan(0)
    await close()
  })

  it('writes what it was told within its time, as one batch, and tries again what the disk refused', async () => {
    const { datastore, close } = await level()
    const clock = manualClock()
    let refuse = true
    let commits = 0
    const failing = Object.assign(Object.create(datastore) as Datastore, {
      batch: () => {
        const batch = datastore.batch()
        return { ...batch, put: batch.put.bind(batch), delete: batch.delete.bind(batch), commit: async () => {
          commits++
          if (refuse) throw new Error('the disk is full')
          await batch.commit()
        } }
      }
    })
    const store = new RememberingDatastore({ store: failing, recordsMax: 10, writeBehindMs: 100, clock })
    for (const value of [1, 2, 3]) await store.put(keyOf(1), bytes(value))
    await clock.advance(99)
    expect(commits).toBe(0)
    await clock.advance(1)
    expect(commits).toBe(1)
    expect(await everything(datastore)).toEqual({})
    expect(await read(store, 1)).toBe(3)
    refuse = false
    await store.put(keyOf(2), bytes(7))
    await store.flush()
    expect(commits).toBe(2)
    expect(await everything(datastore)).toEqual({ '/peers/1': 3, '/peers/2': 7 })
    await close()
  })
})
