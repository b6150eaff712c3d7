/** Causal tokens: their order, and what is refused as one. */
import { describe, expect, it } from 'vitest'
import { compareVectors, decodeToken, encodeToken, lacks, mergeVectors } from '../../../protocols/config/token.ts'

describe('a causal token', () => {
  it('is short text for a header', () => {
    expect(encodeToken({ global: 41, fra: 300 })).toBe('AQIDZnJhrAIGZ2xvYmFsKQ')
    expect(decodeToken('AQIDZnJhrAIGZ2xvYmFsKQ')).toEqual({ fra: 300, global: 41 })
  })

  it.each([
    [{ a: 1 }, { a: 1 }, 'equal'], [{ a: 1 }, { a: 2 }, 'before'], [{ a: 1, b: 1 }, { a: 1 }, 'after'], [{ a: 1 }, { b: 1 }, 'concurrent'], [{}, { a: 1 }, 'before']
  ] as const)('%j stands to %j as %s', (a, b, order) => {
    expect(compareVectors(a, b)).toBe(order)
  })

  it('tells by name what an edge lacks before it may act', () => {
    expect(lacks({ global: 40, fra: 5 }, { global: 41, fra: 5, par: 2 })).toEqual([{ group: 'global', has: 40, needs: 41 }, { group: 'par', has: 0, needs: 2 }])
    expect(lacks({ global: 41, fra: 9, par: 2 }, { global: 41, fra: 5, par: 2 })).toEqual([])
  })

  it('is not misled by names that every object has', () => {
    expect(mergeVectors({}, { constructor: 2 })).toEqual({ constructor: 2 })
    expect(compareVectors({}, { toString: 1 })).toBe('before')
  })

  it('cannot be made of more groups than a header holds', () => {
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`r${index}`, 1]))
    expect(() => encodeToken(many)).toThrow('a token of 65 groups; at most 64 fit')
    const long = Object.fromEntries(Array.from({ length: 64 }, (_, index) => [`${index}`.padEnd(64, 'x'), 1]))
    expect(() => encodeToken(long)).toThrow(/^a token of \d+ characters; at most 2048 fit into a header$/)
    expect(() => encodeToken({ 'a b': 1 })).toThrow('"a b": 1 cannot stand in a token')
  })

  const raw = (...bytes: (number | string)[]): string => Buffer.concat(bytes.map((each) => typeof each === 'string' ? Buffer.from(each) : Buffer.of(each))).toString('base64url')
  it.each([
    ['nothing', ''],
    ['other characters', 'AQID Znx'],
    ['too many characters', 'A'.repeat(2_049)],
    ['another format', raw(2, 0)],
    ['padding in its last character', 'AQB'],
    ['fewer entries than it says', raw(1, 2, 1, 'a', 1)],
    ['more bytes than it says', raw(1, 1, 1, 'a', 1, 0)],
    ['a counter that never ends', raw(1, 1, 1, 'a', ...new Array<number>(20).fill(255))],
    ['a counter that is cut short', raw(1, 1, 1, 'a', 128)],
    ['a counter written in two ways', raw(1, 1, 1, 'a', 129, 0)],
    ['a counter of nothing', raw(1, 1, 1, 'a', 0)],
    ['a counter past the highest', raw(1, 1, 1, 'a', 255, 255, 255, 255, 255, 255, 127)],
    ['names out of order', raw(1, 2, 1, 'b', 1, 1, 'a', 1)],
    ['a name twice', raw(1, 2, 1, 'a', 1, 1, 'a', 1)],
    ['a name of no characters', raw(1, 1, 0, 1)],
    ['a name with a control character', raw(1, 1, 1, '\u0007', 1)]
  ])('is refused with %s', (_what, text) => {
    expect(() => decodeToken(text)).toThrow(expect.objectContaining({ code: 'COLONY_CONFIG_TOKEN' }))
  })
})
