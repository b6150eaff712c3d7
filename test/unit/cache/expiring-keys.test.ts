/** Keys that pass straight to the origin for a while. */
import { describe, expect, it } from 'vitest'
import { ExpiringKeys } from '../../../daemon/cache/expiring-keys.ts'
import { keyOf } from '../../support/store.ts'

describe('private keys', () => {
  it('are remembered for their lifetime and not a millisecond longer', () => {
    const keys = new ExpiringKeys(1_000, 10)
    keys.add(keyOf('a'), 500)
    expect(keys.has(keyOf('a'), 1_499)).toBe(true)
    expect(keys.has(keyOf('a'), 1_500)).toBe(false)
    expect(keys.has(keyOf('b'), 500)).toBe(false)
  })

  it('begin a new lifetime when they are seen again', () => {
    const keys = new ExpiringKeys(1_000, 10)
    keys.add(keyOf('a'), 0)
    keys.add(keyOf('a'), 900)
    expect(keys.has(keyOf('a'), 1_800)).toBe(true)
  })

  it('are at most so many: the one that was seen longest ago is forgotten', () => {
    const keys = new ExpiringKeys(1_000, 3)
    for (const name of ['a', 'b', 'c', 'a', 'd']) keys.add(keyOf(name), 0)
    expect(['a', 'b', 'c', 'd'].filter((name) => keys.has(keyOf(name), 1))).toEqual(['a', 'c', 'd'])
  })
})
