/** Causal tokens: a lattice, and one text for each vector. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareVectors, decodeToken, encodeToken, lacks, mergeVectors, tokenLimits, type Vector } from '../../../protocols/config/token.ts'

const vector: fc.Arbitrary<Vector> = fc.dictionary(fc.stringMatching(/^[a-c][A-Za-z0-9._:@-]{0,3}$/), fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: tokenLimits.counterMax })), { maxKeys: 6 }).map((counters) => ({ ...counters }))

describe('version vectors', () => {
  it('merge to the least vector that has seen both', () => {
    fc.assert(fc.property(vector, vector, vector, (a, b, c) => {
      const merged = mergeVectors(a, b)
      expect(merged).toEqual(mergeVectors(b, a))
      expect(mergeVectors(mergeVectors(a, b), c)).toEqual(mergeVectors(a, mergeVectors(b, c)))
      expect([lacks(merged, a), lacks(merged, b)]).toEqual([[], []])
      if (lacks(c, a).length === 0 && lacks(c, b).length === 0) expect(lacks(c, merged)).toEqual([])
      expect(lacks(a, b).length === 0).toBe(['equal', 'after'].includes(compareVectors(a, b)))
    }))
  })

  it('are ordered alike from both sides', () => {
    const mirrored = { equal: 'equal', before: 'after', after: 'before', concurrent: 'concurrent' } as const
    fc.assert(fc.property(vector, vector, (a, b) => {
      expect(compareVectors(b, a)).toBe(mirrored[compareVectors(a, b)])
      expect(compareVectors(a, mergeVectors(a, b))).toMatch(/equal|before/)
    }))
  })
})

describe('tokens', () => {
  it('give back the vector that they were made of', () => {
    fc.assert(fc.property(vector, (each) => {
      expect(decodeToken(encodeToken(each))).toEqual(each)
    }))
  })

  it('of any text are refused, or the one token of their vector', () => {
    const bytes = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.uint8Array({ maxLength: 12 })).map(([entries, rest]) => Buffer.from([1, entries, ...rest]).toString('base64url'))
    fc.assert(fc.property(fc.oneof(fc.string(), bytes), (text) => {
      let read: Vector
      try {
        read = decodeToken(text)
      } catch (error) {
        expect(error).toMatchObject({ code: 'COLONY_CONFIG_TOKEN' })
        return
      }
      expect(encodeToken(read)).toBe(text)
    }), { numRuns: 2_000 })
  })
})
