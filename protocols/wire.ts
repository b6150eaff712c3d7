/**
 * How a message is laid out in a length-prefixed frame: a CBOR head of bounded size, then an
 * optional payload of raw bytes that is never copied into the head.
 *
 *     frame = head length (4 bytes, big endian) | head (CBOR map, RFC 8949) | payload
 *
 * Readers skip fields they do not know, so a mixed-version colony works. Everything here comes from a
 * peer: lengths are checked before anything is allocated, and a head that does not decode is a
 * WireError, never a crash.
 */
import { decode, encode } from 'cborg'
import { Uint8ArrayList } from 'uint8arraylist'
import { messageOf, WireError } from './errors.ts'

/** Largest head, bytes. 64 KiB holds the largest header block that the HTTP front lets in, twice. */
export const headBytesMax = 64 * 1024

export interface Frame {
  readonly head: Readonly<Record<string, unknown>>
  readonly payload: Uint8Array
}

const empty = new Uint8Array(0)

export function encodeHead (head: object): Uint8Array {
  return encode(head, { ignoreUndefinedProperties: true })
}

/** @throws WireError when the bytes are not one CBOR map with text keys */
export function decodeHead (bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown
  try {
    value = decode(bytes, { allowIndefinite: false, rejectDuplicateMapKeys: true })
  } catch (error) {
    throw new WireError(`a peer sent a head that is not CBOR: ${messageOf(error)}`, { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
    throw new WireError('a peer sent a head that is not a map')
  }
  return value as Record<string, unknown>
}

export function encodeFrame (head: object, payload?: Uint8Array): Uint8ArrayList {
  const bytes = encodeHead(head)
  const prefix = new Uint8Array(4)
  new DataView(prefix.buffer).setUint32(0, bytes.byteLength)
  return payload === undefined ? new Uint8ArrayList(prefix, bytes) : new Uint8ArrayList(prefix, bytes, payload)
}

/** @throws WireError when the frame is cut short, its head too long or not a CBOR map */
export function decodeFrame (frame: Uint8ArrayList | Uint8Array): Frame {
  const bytes = frame instanceof Uint8Array ? frame : frame.subarray()
  if (bytes.byteLength < 4) throw new WireError(`a peer sent a frame of ${bytes.byteLength} bytes; the shortest is 4`)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0)
  if (length > headBytesMax || length > bytes.byteLength - 4) {
    throw new WireError(`a peer announced a head of ${length} bytes in a frame of ${bytes.byteLength}`)
  }
  const head = decodeHead(bytes.subarray(4, 4 + length))
  return { head, payload: bytes.byteLength === 4 + length ? empty : bytes.subarray(4 + length) }
}
