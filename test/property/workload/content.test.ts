import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Content } from '../../../netsim/workload/content.ts'

// Large enough for objects that go round the ring of bytes.
const content = new Content({ seed: 5, medianBytes: 400_000, sigma: 2, bytesMax: 3_000_000 })
const object = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const version = fc.integer({ min: 1, max: 1000 })
/** A part of the object, as shares of its length. */
const share = fc.integer({ min: 0, max: 999_999 }).map((millionths) => millionths / 1e6)
const cut = fc.tuple(share, share)

const bytesOf = (of: number, at: number, start = 0, end = content.sizes.of(of)): Buffer => Buffer.concat([...content.read(of, at, start, end)])

describe('content', () => {
  it('gives any part as the whole has it, and takes it for right', () => {
    fc.assert(fc.property(object, version, cut, (each, at, shares) => {
      const length = content.sizes.of(each)
      const [start, end] = shares.map((share) => Math.floor(share * length)).sort((a, b) => a - b) as [number, number]
      const part = bytesOf(each, at, start, end + 1)
      expect(part.equals(bytesOf(each, at).subarray(start, end + 1))).toBe(true)
      expect(content.wrongBytes(each, at, start, part)).toBe(0)
    }), { numRuns: 25 })
  })

  it('sees each byte that differs, and each beyond the end', () => {
    fc.assert(fc.property(object, version, fc.uniqueArray(fc.integer({ min: 0, max: 63 }), { minLength: 1 }), fc.integer({ min: 0, max: 20 }), (each, at, places, beyond) => {
      const body = bytesOf(each, at)
      // Spread over the body, its first line too.
      for (const place of places) body[Math.floor(place * body.length / 64)]! ^= 1
      expect(content.wrongBytes(each, at, 0, Buffer.concat([body, Buffer.alloc(beyond)]))).toBe(places.length + beyond)
    }), { numRuns: 25 })
  })

  it('is nearly all wrong for another version, another object, another seed and a shift', () => {
    const other = new Content({ seed: 6, medianBytes: 400_000, sigma: 2, bytesMax: 3_000_000 })
    fc.assert(fc.property(object, version, (each, at) => {
      const body = bytesOf(each, at).subarray(1000)
      // Random bytes are equal one time in 256.
      const most = body.length * 0.9
      fc.pre(body.length > 1000)
      expect(content.wrongBytes(each, at + 1, 1000, body)).toBeGreaterThan(most)
      expect(content.wrongBytes(each ^ 1, at, 1000, body)).toBeGreaterThan(most)
      expect(other.wrongBytes(each, at, 1000, body)).toBeGreaterThan(most)
      expect(content.wrongBytes(each, at, 1000, body.subarray(512))).toBeGreaterThan((body.length - 512) * 0.9 - 20)
      // Two places in the ring are the same one time in a million, so which objects are tried is fixed.
    }), { numRuns: 10, seed: 1 })
  })
})
