/**
 * A purge as it travels: the body as the edge that took the order wrote it, and that edge's signature, so that others may pass it on
 * and none can give orders in another's name, or use up another's numbers.
 *
 *     body = CBOR of the purge (`selector.ts`)
 *     signature = Ed25519 (RFC 8032) over "colony/purge/1" NUL network NUL body
 */
import { ColonyError, WireError } from '../errors.ts'
import { decodeHead, encodeHead } from '../wire.ts'
import type { Purge } from './purge.ts'
import { decodePurge, encodePurge } from './selector.ts'

export interface SignedPurge {
  readonly purge: Purge
  readonly body: Uint8Array
  readonly signature: Uint8Array
}

export type Sign = (message: Uint8Array) => Uint8Array | Promise<Uint8Array>
/** @returns whether this peer signed it; false for a peer whose name holds no key */
export type Verify = (peer: string, message: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>

/** An order is larger than may travel. */
export class PurgeTooLargeError extends ColonyError {
  constructor (bytes: number, bytesMax: number) {
    super('COLONY_PURGE_TOO_LARGE', `the order is ${bytes} bytes long: expected at most ${bytesMax}; send it in parts`)
  }
}

/** @throws PurgeTooLargeError */
export async function signPurge (purge: Purge, network: string, bytesMax: number, sign: Sign): Promise<SignedPurge> {
  const body = encodeHead(encodePurge(purge))
  if (body.byteLength > bytesMax) throw new PurgeTooLargeError(body.byteLength, bytesMax)
  return { purge, body, signature: await sign(signedBytes(network, body)) }
}

export async function isAuthentic ({ purge, body, signature }: SignedPurge, network: string, verify: Verify): Promise<boolean> {
  return await verify(purge.id.peer, signedBytes(network, body), signature)
}

/** As it stands in messages and in the log. */
export function wireOf ({ body, signature }: SignedPurge): { readonly body: Uint8Array, readonly signature: Uint8Array } { return { body, signature } }

/** Reads without checking the signature. @throws WireError */
export function readSigned (value: unknown, bytesMax: number): SignedPurge {
  const { body, signature } = (value ?? {}) as Record<string, unknown>
  if (!(body instanceof Uint8Array) || !(signature instanceof Uint8Array) || signature.byteLength > 256) throw new WireError('a peer sent a purge without a body and a signature')
  if (body.byteLength > bytesMax) throw new WireError(`a peer sent a purge of ${body.byteLength} bytes; the longest is ${bytesMax}`)
  // Copies: what is kept must not hold the frame that it came in.
  return { purge: decodePurge(decodeHead(body)), body: new Uint8Array(body), signature: new Uint8Array(signature) }
}

function signedBytes (network: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`colony/purge/1\0${network}\0`), body])
}
