/** Whether two answers are the same bytes. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sameVersion, versionOf } from '../../../daemon/cache/upstream.ts'

// Few values, so that equal ones are common.
const version = fc.record({
  etag: fc.option(fc.constantFrom('"1"', '"2"'), { nil: undefined }),
  hash: fc.option(fc.constantFrom('one', 'two'), { nil: undefined }),
  length: fc.option(fc.constantFrom(0, 1, 2), { nil: undefined })
})

function contradict<T> (one: T | undefined, other: T | undefined): boolean {
  return one !== undefined && other !== undefined && one !== other
}

describe('sameVersion', () => {
  it('is symmetric', () => {
    fc.assert(fc.property(version, version, (one, other) => {
      expect(sameVersion(one, other)).toBe(sameVersion(other, one))
    }), { numRuns: 1_000 })
  })

  it('is never true where hashes, lengths or strong ETags contradict', () => {
    fc.assert(fc.property(version, version, (one, other) => {
      if (contradict(one.hash, other.hash) || contradict(one.length, other.length) || contradict(one.etag, other.etag)) {
        expect(sameVersion(one, other)).toBe(false)
      }
    }), { numRuns: 1_000, examples: [[{ etag: '"1"', hash: 'one', length: 1 }, { etag: '"2"', hash: 'one', length: 1 }]] })
  })

  it('is never true without a hash or a strong ETag that both have', () => {
    fc.assert(fc.property(version, version, (one, other) => {
      const shared = (one.hash !== undefined && one.hash === other.hash) || (one.etag !== undefined && one.etag === other.etag)
      if (!shared) expect(sameVersion(one, other)).toBe(false)
    }), { numRuns: 1_000 })
  })

  it('is true of a version and itself, where it has a hash or a strong ETag', () => {
    fc.assert(fc.property(version, (one) => {
      expect(sameVersion(one, { ...one })).toBe(one.hash !== undefined || one.etag !== undefined)
    }))
  })
})

describe('versionOf', () => {
  it.each([
    ['"1"', '"1"'], ['""', '""'], ['W/"1"', undefined], ['1', undefined], ['"1', undefined], ['"1", "2"', undefined], ['', undefined]
  ])('of the ETag %s keeps %s: only a strong one says that bytes are equal', (etag, kept) => {
    expect(versionOf({ fields: [['etag', etag]] }).etag).toBe(kept)
  })

  it('trusts no ETag that is there twice', () => {
    expect(versionOf({ fields: [['etag', '"1"'], ['etag', '"1"']] }).etag).toBeUndefined()
  })
})
