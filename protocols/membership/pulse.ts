/**
 * Proofs of life that cost a hash instead of a signature: a hash chain (Lamport 1981, "Password
 * authentication with insecure communication"). A signed announcement carries the end of a chain, its
 * anchor; each pulse reveals the value before the last one revealed. Whoever holds any earlier value checks
 * it by hashing, and nobody but the subject can make the next one, so anyone may relay it.
 *
 *     value(0) = anchor, value(n) = first 16 bytes of SHA-256(value(n + 1))
 *     pulse on the wire = id (8 bytes) | sequence mod 2^16 | count | value (16 bytes)
 *
 * The id is a hash of subject and anchor; `sequence` says which announcement of its is the latest.
 */
import { hash } from 'node:crypto'
import { WireError } from '../errors.ts'
import type { PeerName } from '../ids.ts'

/** Bytes of a chain's value: as hard to guess as a key of AES-128. */
export const pulseValueBytes = 16
/**
 * Pulses of one chain; then a new one is announced. At one in 2 s it lasts 17 minutes. Raising it costs 16 bytes
 * each, and hashes (1 microsecond each) of a newcomer that checks a late pulse back to the anchor.
 */
export const pulsesMax = 512

const idBytes = 8
export const pulseBytes = idBytes + 2 + 2 + pulseValueBytes

export interface Pulse {
  /** Of subject and anchor, as `pulseId` makes it. */
  readonly id: string
  /** Sequence of the subject's latest announcement, mod 2^16. Not proven: a reason to ask, no more. */
  readonly sequence: number
  /** Which value of the chain; more than 0. */
  readonly count: number
  readonly value: Uint8Array
}

/** One's own chain. */
export class PulseChain {
  readonly anchor: Uint8Array
  /** By count. */
  readonly #values: Uint8Array[] = []

  /** @param seed secret, 16 bytes or more */
  constructor (seed: Uint8Array, step: PulseStep = hashStep) {
    let value = step(seed)
    for (let count = pulsesMax; count > 0; count--) {
      this.#values[count] = value
      value = step(value)
    }
    this.anchor = value
  }

  /** @returns the value at `count`, from 1 to `pulsesMax` */
  value (count: number): Uint8Array {
    const value = this.#values[count]
    if (value === undefined) throw new RangeError(`pulse ${count}: 1 to ${pulsesMax} is allowed`)
    return value
  }
}

/** Whether `value` comes `steps` after `held` in its chain; false for more steps than a chain has. */
export function follows (held: Uint8Array, value: Uint8Array, steps: number, step: PulseStep = hashStep): boolean {
  if (!(steps > 0 && steps <= pulsesMax)) return false
  let reached = value
  for (let left = steps; left > 0; left--) reached = step(reached)
  return reached === held || Buffer.compare(reached, held) === 0
}

/** Names a chain of a subject. Another who announces the same anchor gets another name. */
export function pulseId (peer: PeerName, anchor: Uint8Array): string {
  return hash('sha256', Buffer.concat([anchor, Buffer.from(peer)]), 'buffer').toString('latin1', 0, idBytes)
}

export function encodePulses (pulses: readonly Pulse[]): Uint8Array {
  const bytes = Buffer.allocUnsafe(pulses.length * pulseBytes)
  for (const [index, { id, sequence, count, value }] of pulses.entries()) {
    let at = index * pulseBytes
    at += bytes.write(id, at, 'latin1')
    at = bytes.writeUInt16BE(sequence & 0xffff, at)
    at = bytes.writeUInt16BE(count, at)
    bytes.set(value, at)
  }
  return bytes
}

/** @throws WireError when the bytes are no whole number of pulses */
export function decodePulses (data: Uint8Array): Pulse[] {
  if (data.byteLength % pulseBytes !== 0) throw new WireError(`a peer sent ${data.byteLength} bytes of pulses; each is ${pulseBytes}`)
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const pulses: Pulse[] = []
  for (let at = 0; at < bytes.byteLength; at += pulseBytes) {
    pulses.push({
      id: bytes.toString('latin1', at, at + idBytes),
      sequence: bytes.readUInt16BE(at + idBytes),
      count: bytes.readUInt16BE(at + idBytes + 2),
      // A copy: a value is kept for as long as its peer, the frame is not.
      value: Uint8Array.prototype.slice.call(bytes, at + pulseBytes - pulseValueBytes, at + pulseBytes)
    })
  }
  return pulses
}

/** From a value to the one before it. */
export type PulseStep = (value: Uint8Array) => Uint8Array

/** The step that all edges take. A simulation of many edges in one process may remember what it gave. */
export function hashStep (value: Uint8Array): Uint8Array {
  return hash('sha256', value, 'buffer').subarray(0, pulseValueBytes)
}
