/** Frames over arbitrary content: what was sent is what is read, and a damaged one is never more than a WireError. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../../protocols/errors.ts'
import { decodeFrame, encodeFrame } from '../../protocols/wire.ts'

const leaf = fc.oneof(fc.string(), fc.maxSafeInteger(), fc.boolean(), fc.constant(null), fc.uint8Array({ maxLength: 40 }), fc.double({ noNaN: true }))
const head = fc.dictionary(fc.string({ maxLength: 12 }), fc.oneof(leaf, fc.array(leaf, { maxLength: 5 }), fc.dictionary(fc.string(), leaf, { maxKeys: 4, noNullPrototype: true })), { maxKeys: 8, noNullPrototype: true })
const payload = fc.uint8Array({ maxLength: 300 })

/** A frame, or a WireError; anything else fails the test. */
function read (bytes: Uint8Array): ReturnType<typeof decodeFrame> | undefined {
  try {
    return decodeFrame(bytes)
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
    return undefined
  }
}

describe('a frame', () => {
  it('comes back as it was sent', () => {
    fc.assert(fc.property(head, payload, (sent, bytes) => {
      const got = decodeFrame(encodeFrame(sent, bytes))
      // 0 and -0 are one number in CBOR's integers.
      expect(JSON.stringify(got.head, bytesAsText)).toBe(JSON.stringify(sorted(sent, got.head), bytesAsText))
      expect(Buffer.from(got.payload).equals(bytes)).toBe(true)
    }))
  })

  it('cut anywhere is a WireError or a frame with less payload', () => {
    fc.assert(fc.property(head, payload, fc.nat(), (sent, bytes, at) => {
      const whole = encodeFrame(sent, bytes).subarray()
      const cut = read(whole.subarray(0, at % whole.byteLength))
      if (cut !== undefined) expect(cut.payload.byteLength).toBeLessThan(bytes.byteLength)
    }))
  })

  it('with any one bit turned is a WireError or another frame', () => {
    fc.assert(fc.property(head, payload, fc.nat(), (sent, bytes, bit) => {
      const whole = Uint8Array.from(encodeFrame(sent, bytes).subarray())
      const at = bit % (whole.byteLength * 8)
      whole[at >> 3] = (whole[at >> 3] ?? 0) ^ (1 << (at & 7))
      read(whole)
    }), { numRuns: 2_000 })
  })

  it('of arbitrary bytes is a WireError or a frame', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), fc.boolean(), (bytes, fits) => {
      if (fits && bytes.byteLength >= 4) new DataView(bytes.buffer).setUint32(0, bytes.byteLength - 4)
      read(bytes)
    }), { numRuns: 5_000 })
  })
})

/** The sent head with the keys in the order in which they came back (CBOR sorts them). */
function sorted (sent: unknown, got: unknown): unknown {
  if (typeof sent !== 'object' || sent === null || ArrayBuffer.isView(sent)) return Object.is(sent, -0) ? 0 : sent
  if (Array.isArray(sent)) return sent.map((each, index) => sorted(each, (got as unknown[])[index]))
  return Object.fromEntries(Object.keys(got as object).map((key) => [key, sorted((sent as Record<string, unknown>)[key], (got as Record<string, unknown>)[key])]))
}

function bytesAsText (_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? `bytes ${Buffer.from(value).toString('hex')}` : value
}
