import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { isPacked, isPackedOf, packHead, startOfPacked, unpackHead } from '../../../daemon/store/packed-head.ts'
import type { PackedHead } from '../../../daemon/store/packed-head.ts'
import type { StoredResponse } from '../../../daemon/store/store.ts'
import { bodyOf, headOf, keyOf } from '../../support/store.ts'

const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const plainHead = fc.record({
  variant: fc.oneof(fc.constant(''), text),
  site: text,
  target: text,
  status: fc.integer({ min: 200, max: 599 }),
  fields: fc.array(fc.tuple(fc.oneof(fc.constantFrom('etag', 'content-type', 'set-cookie', 'x-xss-protection'), text), text), { maxLength: 6 }),
  vary: fc.array(text, { maxLength: 3 }),
  receivedAtMs: fc.nat(2 ** 42),
  initialAgeMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
  length: fc.nat(2 ** 40)
})
const purgePart = fc.oneof(fc.constant({}), fc.record({ epoch: fc.nat(2 ** 32 - 1), tags: fc.array(fc.integer()) }), fc.record({
  epoch: fc.nat(2 ** 32 - 1), tags: fc.array(fc.integer(), { maxLength: 3 }), host: fc.constantFrom('a.example', 'b'), staleAtMs: fc.integer({ min: 1, max: 2 ** 42 })
}))
const anyHead = fc.tuple(plainHead, purgePart).map(([one, other]) => ({ ...one, ...other })).map((more): StoredResponse => headOf(keyOf('a'), bodyOf(0), more))

describe('a packed head', () => {
  it('gives back every head as it was, on one line', () => {
    fc.assert(fc.property(anyHead, (head) => {
      const line = packHead(head, 'name_-12')
      expect(line).not.toContain('\n')
      expect(isPacked(head.key, line)).toBe(true)
      expect(startOfPacked(line)).toEqual({ length: head.length, body: 'name_-12', variant: head.variant })
      expect(unpackHead(head.key, line)).toEqual({ ...head, initialAgeMs: head.initialAgeMs + 0 })
      expect(isPackedOf(line, head)).toBe(true)
    }))
  })

  it('of before there were purges is read, and bears no epoch', () => {
    const line = '3,"ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0","name_-12","",200,1000,0,"test","/",[],[11,"text/plain"]'
    const old = `${line},${crc32(line, crc32(keyOf('a')))}`
    expect(isPacked(keyOf('a'), old)).toBe(true)
    expect(unpackHead(keyOf('a'), old as PackedHead)).toEqual(headOf(keyOf('a'), Buffer.from('abc'), { hash: 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0', fields: [['content-location', 'text/plain']] }))
  })

  it('is known from any other line, from one that was changed or cut, and from one of another key', () => {
    fc.assert(fc.property(anyHead, fc.nat(), fc.string({ minLength: 1, maxLength: 3 }), (head, at, junk) => {
      const line = packHead(head, 'name_-12')
      const changed = `${line.slice(0, at % line.length)}${junk}${line.slice(at % line.length + junk.length)}`
      if (changed !== line) expect(isPacked(head.key, changed)).toBe(false)
      expect(isPacked(head.key, line.slice(0, at % line.length))).toBe(false)
      expect(isPacked(keyOf('b'), line)).toBe(false)
      expect(isPacked(head.key, junk)).toBe(false)
    }))
  })

  it('tells another body of the same length, and another length of the same start, apart', () => {
    const head = headOf(keyOf('a'), bodyOf(100, 1))
    const line: PackedHead = packHead(head, 'name_-12')
    expect(isPackedOf(line, headOf(keyOf('a'), bodyOf(100, 2)))).toBe(false)
    expect(isPackedOf(line, { ...head, length: 10 })).toBe(false)
    expect(isPackedOf(line, { ...head, length: 1001 })).toBe(false)
    expect(isPackedOf(line, { ...head, receivedAtMs: 77 })).toBe(true)
  })
})
