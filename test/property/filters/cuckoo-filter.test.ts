import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CuckooFilter, falsePositiveRate, saltOf, shapeFor } from '../../../protocols/filters/cuckoo-filter.ts'
import { keyAt, keysOf } from '../../unit/filters/support.ts'

const salt = fc.tuple(fc.nat(), fc.nat()).map(([peer, generation]) => saltOf(`peer ${peer}`, 1, generation))
const rate = fc.constantFrom(0.1, 0.01, 0.001, 0.00001)
/** Keys by number, added where they are not there and deleted where they are: a few of them come and go often. */
const toggles = fc.array(fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 2_000 })), { maxLength: 1_500 })

describe('a cuckoo filter, whatever comes and goes', () => {
  it('never denies a key that it has, up to the number it was made for, and copies by its changes are equal', () => {
    fc.assert(fc.property(toggles, salt, rate, fc.nat({ max: 50 }), (numbers, salts, each, takeEach) => {
      const capacity = 230
      const shape = shapeFor(capacity, each)
      const filter = new CuckooFilter(shape, salts)
      const copy = new CuckooFilter(shape, salts)
      const held = new Set<number>()
      for (const [at, number] of numbers.entries()) {
        if (held.delete(number)) expect(filter.delete(keyAt(number))).toBe(true)
        else if (held.size < capacity) {
          expect(filter.add(keyAt(number))).toBe(true)
          held.add(number)
        }
        if (at % (takeEach + 1) === 0) for (const slot of filter.takeChanged()) copy.setPrint(slot, filter.print(slot))
      }
      for (const slot of filter.takeChanged()) copy.setPrint(slot, filter.print(slot))
      expect(filter.size).toBe(held.size)
      for (const number of held) expect(copy.has(keyAt(number))).toBe(true)
      expect(Buffer.from(copy.bytes).equals(filter.bytes)).toBe(true)
      for (const number of held) filter.delete(keyAt(number))
      expect(filter.bytes.every((byte) => byte === 0)).toBe(true)
    }), { numRuns: 40 })
  })

  it('is wrong no more often than it states, full as it may be, for any edge', () => {
    const strangers = keysOf(1_000_000, 20_000)
    const held = keysOf(0, 3_600)
    fc.assert(fc.property(salt, fc.constantFrom(0.05, 0.01, 0.001), (salts, each) => {
      const filter = new CuckooFilter(shapeFor(held.length, each), salts)
      for (const key of held) expect(filter.add(key)).toBe(true)
      const stated = falsePositiveRate(filter.shape)
      expect(stated).toBeLessThanOrEqual(each)
      const wrong = strangers.filter((key) => filter.has(key)).length
      // Five standard deviations above, and far from none at all: a filter that says no to everything passes no test.
      expect(wrong).toBeLessThan(strangers.length * stated + 5 * Math.sqrt(strangers.length * stated))
      expect(wrong).toBeGreaterThan(strangers.length * stated * 0.9 - 5 * Math.sqrt(strangers.length * stated))
    }), { numRuns: 20 })
  })
})
