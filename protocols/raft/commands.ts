/**
 * What stands in a data entry, and which commands were applied already. A caller that got no answer asks again with the same
 * idempotency key, and two entries may then carry the same command; only the first is applied. The
 * keys that are remembered are part of the replicated state, so every member decides alike (Ongaro's thesis, section 6.3).
 *
 *     entry    = key length (1 byte) | key (UTF-8, may be empty) | command
 *     snapshot = head length (4) | CBOR { keys: [[key, index, term], …] } | the state machine's own
 */
import { ColonyError, WireError } from '../errors.ts'
import { decodeHead, encodeFrame } from '../wire.ts'

/** Longest idempotency key, bytes. */
export const keyBytesMax = 128

/** Largest command, bytes. Not a setting: what one member proposes all must be able to take, and state machines bound themselves by it. */
export const commandBytesMax = 1024 * 1024

/** The same with its key, as an entry's data. */
export const entryBytesMax = 1 + keyBytesMax + commandBytesMax

/**
 * Keys that are remembered, the oldest forgotten first. Not a setting: members that disagreed about it would not agree about
 * the state. A key that is used again after so many others is a new command.
 */
export const keysMax = 512

export interface Place { readonly index: number, readonly term: number }

export function encodeCommand (key: string, command: Uint8Array): Uint8Array {
  const name = Buffer.from(key)
  if (name.byteLength > keyBytesMax) throw new ColonyError('COLONY_RAFT_KEY', `an idempotency key of ${name.byteLength} bytes: at most ${keyBytesMax}`)
  const bytes = new Uint8Array(1 + name.byteLength + command.byteLength)
  bytes[0] = name.byteLength
  bytes.set(name, 1)
  bytes.set(command, 1 + name.byteLength)
  return bytes
}

/** Never throws, as what is committed has to be applied by all alike: what is cut short is an empty command. */
export function decodeCommand (bytes: Uint8Array): { readonly key: string, readonly command: Uint8Array } {
  const length = bytes[0] ?? 0
  return { key: length === 0 ? '' : Buffer.from(bytes.subarray(1, 1 + length)).toString(), command: bytes.subarray(1 + length) }
}

export class AppliedKeys {
  readonly #places = new Map<string, Place>()

  place (key: string): Place | undefined { return key === '' ? undefined : this.#places.get(key) }

  add (key: string, place: Place): void {
    if (key === '') return
    this.#places.set(key, place)
    if (this.#places.size > keysMax) this.#places.delete(this.#places.keys().next().value!)
  }

  encode (state: Uint8Array): Uint8Array {
    return encodeFrame({ keys: [...this.#places].map(([key, { index, term }]) => [key, index, term]) }, state).subarray()
  }

  /** @returns the state machine's own. @throws WireError when the bytes are not what `encode` makes */
  restore (snapshot: Uint8Array): Uint8Array {
    // Not `decodeFrame`: so many long keys do not fit into the head of a frame.
    const length = snapshot.byteLength < 4 ? Infinity : new DataView(snapshot.buffer, snapshot.byteOffset).getUint32(0)
    if (length > snapshot.byteLength - 4) throw new WireError(`a snapshot of ${snapshot.byteLength} bytes ends within its keys`)
    const { keys } = decodeHead(snapshot.subarray(4, 4 + length))
    if (!Array.isArray(keys) || !keys.every(isPlacedKey)) throw new WireError('a snapshot has keys that are none')
    this.#places.clear()
    for (const [key, index, term] of keys) this.#places.set(key, { index, term })
    return snapshot.subarray(4 + length)
  }

  clear (): void { this.#places.clear() }
}

function isPlacedKey (value: unknown): value is [key: string, index: number, term: number] {
  return Array.isArray(value) && typeof value[0] === 'string' && Number.isSafeInteger(value[1]) && Number.isSafeInteger(value[2])
}
