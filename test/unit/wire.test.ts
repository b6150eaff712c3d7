/** Frames: what fits, what is refused before anything of it is believed. */
import { encode } from 'cborg'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { WireError } from '../../protocols/errors.ts'
import { decodeFrame, decodeHead, encodeFrame, encodeHead, headBytesMax } from '../../protocols/wire.ts'

function frameOf (head: Uint8Array, payload = new Uint8Array(0), length = head.byteLength): Uint8Array {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32BE(length)
  return Buffer.concat([prefix, head, payload])
}

describe('a frame', () => {
  it('is four bytes of length, the head, then the payload untouched', () => {
    const payload = Uint8Array.of(1, 2, 3)
    const bytes = encodeFrame({ kind: 'block' }, payload).subarray()
    expect(Buffer.from(bytes.buffer, bytes.byteOffset, 4).readUInt32BE()).toBe(bytes.byteLength - 4 - 3)
    expect(decodeFrame(bytes)).toEqual({ head: { kind: 'block' }, payload })
  })

  it('is read alike from one piece and from many', () => {
    const bytes = encodeFrame({ kind: 'end', length: 5 }, Uint8Array.of(9)).subarray()
    const pieces = new Uint8ArrayList(...Array.from(bytes, (byte) => Uint8Array.of(byte)))
    expect(decodeFrame(pieces)).toEqual(decodeFrame(bytes))
  })

  it('leaves out fields without a value', () => {
    expect(decodeFrame(encodeFrame({ kind: 'end', hash: undefined })).head).toEqual({ kind: 'end' })
  })

  it('may have a head of the largest size and not one byte more', () => {
    const filler = headBytesMax - encodeHead({ a: new Uint8Array(60_000) }).byteLength
    const largest = encodeHead({ a: new Uint8Array(60_000 + filler) })
    expect(largest.byteLength).toBe(headBytesMax)
    expect(decodeFrame(frameOf(largest)).payload.byteLength).toBe(0)
    const larger = encodeHead({ a: new Uint8Array(60_001 + filler) })
    expect(() => decodeFrame(frameOf(larger))).toThrow(WireError)
  })

  it.each([
    ['nothing', new Uint8Array(0)],
    ['half a length', Uint8Array.of(0, 0, 0)],
    ['a head longer than the frame', frameOf(encode({}), undefined, 2)],
    ['a head of four gigabytes', frameOf(encode({}), undefined, 0xffffffff)],
    ['no head', frameOf(new Uint8Array(0))],
    ['a list for a head', frameOf(encode([1]))],
    ['bytes for a head', frameOf(encode(new Uint8Array(3)))],
    ['null for a head', frameOf(encode(null))],
    ['undefined for a head', frameOf(encode(undefined))],
    ['text for a head', frameOf(encode('a'))],
    ['two heads', frameOf(Buffer.concat([encode({}), encode({})]))],
    ['a map of indefinite length', frameOf(Uint8Array.of(0xbf, 0xff))],
    ['a map with a number for a key', frameOf(Uint8Array.of(0xa1, 0x01, 0x01))],
    ['one key twice', frameOf(Uint8Array.of(0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02))],
    ['an unknown tag', frameOf(Uint8Array.of(0xa1, 0x61, 0x61, 0xd8, 0x2a, 0x01))],
    ['sixty thousand nested lists', frameOf(Buffer.concat([Uint8Array.of(0xa1, 0x61, 0x61), Buffer.alloc(60_000, 0x81), Uint8Array.of(0x01)]))],
    ['a text of two gigabytes', frameOf(Uint8Array.of(0xa1, 0x61, 0x61, 0x7a, 0x7f, 0xff, 0xff, 0xff))],
    ['a list of four thousand million', frameOf(Uint8Array.of(0xa1, 0x61, 0x61, 0x9a, 0xff, 0xff, 0xff, 0xff))]
  ])('is a WireError with %s', (_what, bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(WireError)
  })

  it('gives a head no way to reach what all objects share', () => {
    const head = decodeHead(Uint8Array.of(0xa1, 0x69, ...Buffer.from('__proto__'), 0xa1, 0x64, ...Buffer.from('kind'), 0x63, ...Buffer.from('hit')))
    expect(head.kind).toBeUndefined()
    expect(({} as { kind?: string }).kind).toBeUndefined()
  })
})
