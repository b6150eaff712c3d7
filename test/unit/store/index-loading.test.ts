/** The moments between a record's reading and its taking, which a real database has too seldom to be tested with. */
import { beforeEach, describe, expect, it } from 'vitest'
import { IndexLoading } from '../../../daemon/store/index-loading.ts'
import type { LoadingRecords } from '../../../daemon/store/index-loading.ts'
import { packHead } from '../../../daemon/store/packed-head.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import { bodyOf, headOf, keyOf } from '../../support/store.ts'

const keys = Array.from({ length: 6 }, (_, index) => keyOf(`${index}`)).sort()
const [first, , third, , , last] = keys as [ContentKey, ContentKey, ContentKey, ContentKey, ContentKey, ContentKey]
const record = (key: ContentKey): string => packHead(headOf(key, bodyOf(1)), 'name-123')

describe('the loading of an index', () => {
  let restored: ContentKey[]
  let read: ContentKey[]
  /** Answers the next walk. */
  let batches: Array<PromiseWithResolvers<ReadonlyArray<readonly [string, string]>>>
  let mended: unknown[]
  let records: { -readonly [K in keyof LoadingRecords]: LoadingRecords[K] }
  let loading: IndexLoading

  beforeEach(() => {
    restored = []
    read = []
    mended = []
    batches = []
    records = {
      isOpen: true,
      read: (key) => {
        read.push(key)
        return record(key)
      },
      after: async (key) => {
        const batch = Promise.withResolvers<ReadonlyArray<readonly [string, string]>>()
        batches.push(batch)
        return (await batch.promise).filter(([each]) => each > key)
      },
      mend: async (damage) => { mended.push(damage) }
    }
    loading = new IndexLoading(records, ({ key }) => {
      restored.push(key)
      return undefined
    })
  })

  const all = keys.map((key) => [key, record(key)] as const)

  it('takes a key that is asked for at once, and once', async () => {
    const step = loading.step()
    expect(loading.ensure(third)).toBe(true)
    expect(loading.ensure(third)).toBe(true)
    expect([restored, read]).toEqual([[third], [third]])
    // Read before the key was asked for, and perhaps removed since.
    batches[0]!.resolve(all)
    expect(await step).toBe(false)
    expect(restored).toEqual([third, ...keys.filter((key) => key !== third)])
    loading.ensure(first)
    loading.ensure(last)
    expect(read).toEqual([third])
  })

  it('passes over a key that is to be skipped, and reads none while the records are closed', async () => {
    records.isOpen = false
    expect(loading.ensure(first)).toBe(false)
    loading.skip(first)
    records.isOpen = true
    expect(loading.ensure(first)).toBe(true)
    const step = loading.step()
    batches[0]!.resolve(all)
    await step
    expect(restored).toEqual(keys.slice(1))
    expect(read).toEqual([])
  })

  it('goes on behind the last key after a failure, and has damage mended', async () => {
    const step = loading.step()
    batches[0]!.resolve(all.slice(0, 3))
    await step
    const failing = loading.step()
    const failure = Object.assign(new Error('no more handles'), { code: 'LEVEL_IO_ERROR' })
    batches[1]!.reject(failure)
    await expect(failing).rejects.toBe(failure)
    const damaged = loading.step()
    const damage = Object.assign(new Error('checksum mismatch'), { code: 'LEVEL_CORRUPTION' })
    batches[2]!.reject(damage)
    expect(await damaged).toBe(false)
    expect(mended).toEqual([damage])
    const rest = loading.step()
    batches[3]!.resolve(all)
    expect(await rest).toBe(false)
    const end = loading.step()
    batches[4]!.resolve(all)
    expect(await end).toBe(true)
    expect(loading.done).toBe(true)
    expect(restored).toEqual(keys)
  })
})
