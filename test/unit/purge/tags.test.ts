import { describe, expect, it } from 'vitest'
import { anyTag, tagHash, tagsOf } from '../../../protocols/purge/tags.ts'

const hashes = (...tags: string[]): number[] => tags.map(tagHash)

describe('tags of a response', () => {
  it('come from Surrogate-Key, Cache-Tag and Cache-Groups, each by its own syntax (RFC 9875 section 2)', () => {
    expect(tagsOf([['surrogate-key', 'post-1 post-2  home'], ['surrogate-key', 'more']])).toEqual(hashes('post-1', 'post-2', 'home', 'more'))
    expect(tagsOf([['cache-tag', 'a, b ,c']])).toEqual(hashes('a', 'b', 'c'))
    expect(tagsOf([['cache-groups', '"scripts", "a,b \\"c\\"";q=1;r="x,y",\t"d"']])).toEqual(hashes('scripts', 'a,b "c"', 'd'))
    expect(tagsOf([['content-type', 'a b']])).toEqual([])
  })

  it('count both ways where a proxy may have joined two fields', () => {
    expect(tagsOf([['surrogate-key', 'a b, c']])).toEqual(expect.arrayContaining(hashes('b', 'b,', 'c')))
  })

  it('stand for any where they are too many, too long, or cannot be read', () => {
    const many = tagsOf([['surrogate-key', Array.from({ length: 300 }, (_, at) => `t${at}`).join(' ')]])
    expect(many).toHaveLength(257)
    expect(many).toContain(anyTag)
    expect(tagsOf([['cache-tag', `${'a'.repeat(2000)},b`]])).toEqual([...hashes('b'), anyTag])
    expect(tagsOf([['cache-groups', 'scripts, "b"']])).toEqual([anyTag])
    expect(tagsOf([['surrogate-key', 'a '.repeat(20_000)]])).toEqual([anyTag])
  })

  it('are told apart by 32 bits that are spread evenly, and none is the sign for any', () => {
    const seen = new Set(Array.from({ length: 50_000 }, (_, at) => tagHash(`product-${at}`)))
    // Birthdays among 50,000 of 2^32: 0.3 expected.
    expect(seen.size).toBeGreaterThan(49_995)
    expect(seen.has(anyTag)).toBe(false)
  })
})
