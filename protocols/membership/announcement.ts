/**
 * What an edge says of itself, and how others know that it said so. An announcement is signed by its
 * subject, so anyone may relay it: on the region's topic, in a digest, in an exchange of lists. It
 * carries where its subject may be dialled, so that nobody needs the DHT to link with a member.
 *
 *     announcement = CBOR { body: bytes, signature: bytes }
 *     body = CBOR map of the fields below
 *     signature = Ed25519 (RFC 8032) over "colony/members/announcement/1" NUL network NUL body
 *
 * The body travels as the subject encoded it, so fields that a reader does not know survive relaying.
 */
import { peerIdFromString } from '@libp2p/peer-id'
import { ColonyError, WireError } from '../errors.ts'
import { decodeHead, encodeHead } from '../wire.ts'
import { decodeCoordinate, type WireCoordinate } from '../coordinates/coordinate.ts'
import { pulseValueBytes } from './pulse.ts'
import type { PeerName, Region } from '../ids.ts'
import type { Ed25519PeerId, PrivateKey } from '@libp2p/interface'

/** An edge as the colony knows it. */
export interface Member {
  readonly peer: PeerName
  /** Wall clock of its start, ms; raised when another process was heard under the same identity. */
  readonly incarnation: number
  /** Counts its announcements within the incarnation. */
  readonly sequence: number
  readonly name: string
  readonly region: Region
  readonly zone?: string
  /** Where its HTTP front answers; empty until known. */
  readonly http: string
  /** Share of keys relative to others; in (0, 100]. */
  readonly weight: number
  /** Says which origins it holds, so that edges of one site that disagree are noticed. */
  readonly originHash: string
  /** Current load, 0 or more; as of its latest announcement. */
  readonly load: number
  /** It finishes what it has and should be given nothing new. */
  readonly draining: boolean
  /** Where it finds itself in the network; as of its latest announcement. None of an edge of an earlier version, or what makes no sense. */
  readonly coordinate?: WireCoordinate
}

export interface Announcement extends Member {
  /** What the subject promises as the time to its next announcement, ms: others judge its silence by it. */
  readonly refreshMs: number
  /** The last words of this incarnation. */
  readonly leaving: boolean
  /** End of the chain whose values prove that it lives; without one each refresh is an announcement. */
  readonly pulse?: Uint8Array
  /** Where it may be dialled, multiaddrs. Without any the DHT is asked, a walk for each dial. */
  readonly addresses?: readonly string[]
}

export interface SignedAnnouncement {
  readonly announcement: Announcement
  readonly body: Uint8Array
  readonly signature: Uint8Array
  /** Body and signature as they travel. */
  readonly bytes: Uint8Array
}

/** Largest announcement on the wire, bytes: all texts at their bounds and room for fields to come. */
export const announcementBytesMax = 2_048
/** Longest promise, ms: a region of 6,000 edges refreshes that rarely. */
export const refreshMsMax = 600_000
/** Addresses in an announcement. */
export const addressesMax = 8
const textCharsMax = 256
const label = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/
/** Texts end up in terminals and logs: no control characters. */
const printable = /^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*$/u

/** A field of an announcement that is out of its bounds: one's own, so an operator's mistake. */
export class AnnouncementError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_MEMBERSHIP_FIELD', message, options)
  }
}

/** Whether `region` may name a region: a label that is not `global`, which names the topic of all regions. */
export function isRegion (region: unknown): region is Region {
  return typeof region === 'string' && label.test(region) && region !== 'global'
}

/** The peer id behind a name in canonical text form, or undefined; only Ed25519 ids carry their key and are accepted. */
export function peerIdOf (peer: PeerName): Ed25519PeerId | undefined {
  const known = peerIds.get(peer)
  if (known !== undefined) return known
  try {
    const id = peerIdFromString(peer)
    if (id.type !== 'Ed25519' || id.toString() !== peer) return undefined
    if (peerIds.size >= peerIdsMax) peerIds.clear()
    peerIds.set(peer, id)
    return id
  } catch {
    return undefined
  }
}

/** To decode one takes 30 µs, and each announcement, dial and exchange asks for the same ones. */
const peerIds = new Map<PeerName, Ed25519PeerId>()
/** As many as members may be held. Past it all are decoded anew, so that forged announcements cannot fill the memory. */
const peerIdsMax = 10_000

/** @throws AnnouncementError when a field is out of bounds */
export async function signAnnouncement (network: string, announcement: Announcement, key: PrivateKey): Promise<SignedAnnouncement> {
  const { draining, leaving, ...fields } = announcement
  const body = encodeHead({ ...fields, ...(draining && { draining }), ...(leaving && { leaving }) })
  assertBounds(body)
  const signature = await key.sign(signedBytes(network, body))
  return { announcement, body, signature, bytes: encodeHead({ body, signature }) }
}

/**
 * Reads an announcement without checking its signature.
 *
 * @throws WireError when it is too long, malformed or out of bounds
 */
export function decodeAnnouncement (bytes: Uint8Array): SignedAnnouncement {
  if (bytes.byteLength > announcementBytesMax) {
    throw new WireError(`a peer sent an announcement of ${bytes.byteLength} bytes; the longest is ${announcementBytesMax}`)
  }
  const { body, signature } = decodeHead(bytes)
  if (!(body instanceof Uint8Array) || !(signature instanceof Uint8Array) || signature.byteLength !== 64) {
    throw new WireError('a peer sent an announcement without a body or a signature of 64 bytes')
  }
  return { announcement: decodeBody(body), body, signature, bytes }
}

/** Whether the announcement was signed by the peer that it speaks of, for this network. */
export async function verifyAnnouncement (network: string, signed: SignedAnnouncement): Promise<boolean> {
  const id = peerIdOf(signed.announcement.peer)
  return id !== undefined && await id.publicKey.verify(signedBytes(network, signed.body), signed.signature)
}

function assertBounds (body: Uint8Array): void {
  try {
    decodeBody(body)
  } catch (error) {
    throw new AnnouncementError(`this edge cannot announce itself: ${(error as Error).message}`, { cause: error })
  }
}

function signedBytes (network: string, body: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`colony/members/announcement/1\0${network}\0`), body])
}

function decodeBody (body: Uint8Array): Announcement {
  const head = decodeHead(body)
  const peer = text(head, 'peer')
  if (peerIdOf(peer) === undefined) throw new WireError(`peer is ${JSON.stringify(peer)}; an Ed25519 peer id is needed`)
  const region = head.region
  if (!isRegion(region)) throw new WireError(`region is ${shown(region)}; 1 to 64 of A-Z a-z 0-9 . _ - are allowed, and not "global"`)
  const zone = head.zone
  if (zone !== undefined && (typeof zone !== 'string' || !label.test(zone))) {
    throw new WireError(`zone is ${shown(zone)}; 1 to 64 of A-Z a-z 0-9 . _ - are allowed`)
  }
  const pulse = head.pulse
  if (pulse !== undefined && !(pulse instanceof Uint8Array && pulse.byteLength === pulseValueBytes)) {
    throw new WireError(`pulse is ${shown(pulse)}; ${pulseValueBytes} bytes are needed`)
  }
  const weight = number(head, 'weight', 100)
  if (weight === 0) throw new WireError('weight is 0; more than 0 and at most 100 is allowed')
  return {
    peer,
    incarnation: integer(head, 'incarnation', Number.MAX_SAFE_INTEGER - 1),
    sequence: integer(head, 'sequence', Number.MAX_SAFE_INTEGER - 1),
    name: text(head, 'name'),
    region,
    ...(zone !== undefined && { zone }),
    http: text(head, 'http'),
    weight,
    originHash: text(head, 'originHash'),
    load: number(head, 'load', Number.MAX_SAFE_INTEGER),
    draining: head.draining === true,
    ...(decodeCoordinate(head.coordinate) !== undefined && { coordinate: head.coordinate as WireCoordinate }),
    refreshMs: integer(head, 'refreshMs', refreshMsMax),
    leaving: head.leaving === true,
    ...(pulse !== undefined && { pulse }),
    ...(head.addresses !== undefined && { addresses: texts(head, 'addresses') })
  }
}

function text (head: Readonly<Record<string, unknown>>, field: string): string {
  const value = head[field]
  if (typeof value !== 'string' || value.length > textCharsMax || !printable.test(value)) {
    throw new WireError(`${field} is ${shown(value)}; at most ${textCharsMax} printable characters are allowed`)
  }
  return value
}

function texts (head: Readonly<Record<string, unknown>>, field: string): readonly string[] {
  const list = head[field]
  if (!Array.isArray(list) || list.length > addressesMax) throw new WireError(`${field} is no list of at most ${addressesMax} texts`)
  return list.map((value: unknown) => text({ [field]: value }, field))
}

function number (head: Readonly<Record<string, unknown>>, field: string, max: number): number {
  const value = head[field]
  if (typeof value !== 'number' || !(value >= 0 && value <= max)) {
    throw new WireError(`${field} is ${shown(value)}; a number from 0 to ${max} is allowed`)
  }
  return value
}

function integer (head: Readonly<Record<string, unknown>>, field: string, max: number): number {
  const value = number(head, field, max)
  if (!Number.isSafeInteger(value)) throw new WireError(`${field} is ${value}; an integer is needed`)
  return value
}

/** A peer's value in a message of ours, short whatever was sent. */
function shown (value: unknown): string {
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : `a value of type ${typeof value}`
}
