/**
 * What edges say to each other about purges, `/colony/purge/1.0.0`, over calls (`rpc.ts`): "take this, and pass it on", "how far are
 * you?", and "what do I lack?". Each may be asked twice. Everything here comes from a peer and is checked.
 */
import { WireError } from '../errors.ts'
import type { PeerName, Region } from '../ids.ts'
import { isRegion } from '../membership/announcement.ts'
import { decodeHead, encodeHead, type Frame } from '../wire.ts'
import type { Floor, Missing } from './log.ts'
import type { PurgeVector } from './purge.ts'
import type { SpreadSettings } from './settings.ts'
import { readSigned, wireOf, type SignedPurge } from './signed.ts'
import { duties, type Duty } from './tree.ts'
import { decodeVector, encodeVector } from './vector.ts'

type Limits = Pick<SpreadSettings, 'purgeBytesMax' | 'livesMax' | 'beyondMax'>
interface Message { readonly head: object, readonly payload?: Uint8Array }

export type Ask =
  | { readonly kind: 'purge', readonly duty: Duty, readonly signed: SignedPurge }
  | { readonly kind: 'vector', readonly hash: string }
  | { readonly kind: 'missing', readonly vector: PurgeVector }

/** What became of a purge that was passed on. */
export interface Passed {
  /** Edges that have applied it and written it down, who answers among them. */
  readonly applied: readonly PeerName[]
  /** Nothing more will come of it. */
  readonly complete: boolean
}

/** How far an edge is. */
export interface Stated {
  readonly hash: string
  /** Left out where both hashes are the same. */
  readonly vector?: PurgeVector
  /** By region: how old that is what it has of it, ms (`fences.ts`). */
  readonly ages: ReadonlyArray<readonly [Region, number]>
}

/** Names of edges in one answer; regions are of about a hundred. */
const namesMax = 4_000
/** Regions that an edge tells of. */
const regionsMax = 512
const peerText = /^[A-Za-z0-9]{1,128}$/

export function encodeAsk (ask: Ask): Message {
  switch (ask.kind) {
    case 'purge': return { head: { kind: ask.kind, duty: ask.duty }, payload: encodeHead(wireOf(ask.signed)) }
    case 'vector': return { head: ask }
    case 'missing': return { head: { kind: ask.kind }, payload: encodeVector(ask.vector) }
  }
}

/** @throws WireError */
export function decodeAsk ({ head, payload }: Frame, limits: Limits): Ask {
  switch (head.kind) {
    case 'purge': {
      const duty = duties.find((each) => each === head.duty)
      if (duty === undefined) throw new WireError('a peer sent a purge with a duty that nobody knows')
      if (payload.byteLength > limits.purgeBytesMax + 1_024) throw new WireError(`a peer sent a purge of ${payload.byteLength} bytes`)
      return { kind: 'purge', duty, signed: readSigned(decodeHead(payload), limits.purgeBytesMax) }
    }
    case 'vector': return { kind: 'vector', hash: hashOf(head.hash) }
    case 'missing': return { kind: 'missing', vector: decodeVector(payload, limits) }
    default: throw new WireError('a peer asked about purges what nobody knows')
  }
}

export function encodePassed ({ applied, complete }: Passed): Message {
  return { head: { complete }, payload: encodeHead({ applied: applied.slice(0, namesMax) }) }
}

/** @throws WireError */
export function decodePassed ({ head, payload }: Frame): Passed {
  const { applied } = decodeHead(payload)
  if (!Array.isArray(applied) || applied.length > namesMax || !applied.every((each) => typeof each === 'string' && peerText.test(each))) throw new WireError('a peer told of a purge without the edges that have applied it')
  return { applied, complete: head.complete === true }
}

export function encodeStated ({ hash, vector, ages }: Stated): Message {
  return { head: { hash, ages: ages.slice(0, regionsMax) }, ...(vector !== undefined && { payload: encodeVector(vector) }) }
}

/** @throws WireError */
export function decodeStated ({ head, payload }: Frame, limits: Limits): Stated {
  const { ages } = head
  if (!Array.isArray(ages) || ages.length > regionsMax || !ages.every(isAge)) throw new WireError('a peer told how far it is with ages that are none')
  return { hash: hashOf(head.hash), ages, ...(payload.byteLength > 0 && { vector: decodeVector(payload, limits) }) }
}

export function encodeMissing ({ purges, more, floors }: Missing): Message {
  return { head: { more }, payload: encodeHead({ purges: purges.map(wireOf), floors: floors.map(({ peer, incarnation, floor, lastMs }) => [peer, incarnation, floor, lastMs]) }) }
}

/** @throws WireError */
export function decodeMissing ({ head, payload }: Frame, limits: Limits): Missing {
  const { purges, floors } = decodeHead(payload)
  if (!Array.isArray(purges) || !Array.isArray(floors) || floors.length > limits.livesMax) throw new WireError('a peer sent what is missing without purges')
  return { purges: purges.map((each) => readSigned(each, limits.purgeBytesMax)), more: head.more === true, floors: floors.map(floorOf) }
}

/** As it is kept, too. @throws WireError */
export function floorOf (value: unknown): Floor {
  const [peer, incarnation, floor, lastMs] = Array.isArray(value) ? value as unknown[] : []
  if (typeof peer !== 'string' || !peerText.test(peer) || !isCount(incarnation) || !isCount(floor) || !isCount(lastMs)) throw new WireError('a peer told of purges beyond the horizon without saying which')
  return { peer, incarnation, floor, lastMs }
}

function isAge (value: unknown): value is readonly [Region, number] {
  return Array.isArray(value) && value.length === 2 && isRegion(value[0]) && typeof value[1] === 'number' && value[1] >= 0
}

function isCount (value: unknown): value is number { return Number.isSafeInteger(value) && (value as number) >= 0 }

function hashOf (value: unknown): string {
  if (typeof value !== 'string' || value.length > 64) throw new WireError('a peer told how far it is without a hash')
  return value
}
