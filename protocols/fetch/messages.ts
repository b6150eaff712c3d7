/**
 * What peers say to each other about content, `/colony/fetch/1.0.0`: an ask with one of two verbs, and
 * the answers to it. `have` is answered from the asked edge's own store and running fills and never
 * leaves it; `fill` lets the asked edge fetch on the asker's behalf. Each decoder checks every field, as
 * all of it comes from a peer; unknown fields are skipped, so that versions can mix.
 */
import { WireError } from '../errors.ts'
import type { Field, Fields } from '../fields.ts'
import { isContentKey, type ContentKey, type PeerName } from '../ids.ts'
import type { Frame } from '../wire.ts'

export const fetchProtocol = '/colony/fetch/1.0.0'

export const Verb = { Have: 'have', Fill: 'fill' } as const
export type Verb = typeof Verb[keyof typeof Verb]

/** Which version of a representation is meant, so that bytes of two versions are never joined. */
export interface Version {
  /** Strong ETag, quotes included. */
  readonly etag?: string
  /** SHA-256 of the whole body, base64url. */
  readonly hash?: string
  /** Whole length, bytes. */
  readonly length?: number
}

export interface Ask {
  readonly verb: Verb
  readonly key: ContentKey
  readonly site: string
  /** Normalised origin-form target. */
  readonly target: string
  /** The client's Host where the site preserves it. */
  readonly host?: string
  /** End-to-end request fields: they select the variant, and go to the origin with a `fill`. */
  readonly fields: Fields
  /** Who carried this ask so far, the first asker first; at most `pathMax`. */
  readonly path: readonly PeerName[]
  /** Peers that the asker found silent: the asked edge does not wait for them either. */
  readonly silent: readonly PeerName[]
  /** First byte wanted. */
  readonly offset: number
  /** Only this version will do (resuming). */
  readonly version?: Version
  /** The asker holds this version: a head with `same` and no body is enough (revalidation). */
  readonly held?: Version
  /** Whether a stale response will do: no origin could be reached. */
  readonly staleOk: boolean
  /** Only the head is wanted. */
  readonly headOnly: boolean
  /** Another owner said `busy` to this. */
  readonly turnedAway: boolean
  /** The asker has no other owner left: a busy one takes it all the same. */
  readonly last: boolean
  /** Blocks that may be sent before the first `pull`. */
  readonly credit: number
  /** Largest block wanted, bytes. */
  readonly blockBytes: number
  /** W3C Trace Context. */
  readonly traceparent: string
}

/** A response head as a peer tells it. Ages instead of dates, so that clocks need not agree. */
export interface RemoteHead {
  readonly status: number
  readonly fields: Fields
  /** Current age, ms (RFC 9111 section 4.2.3). */
  readonly ageMs: number
  /** Whole length, bytes; absent while the sender does not know it. */
  readonly length?: number
  /** SHA-256 of the whole body, base64url; absent while the sender does not know it. */
  readonly hash?: string
}

export type Answer =
  /** A sign of life: being fetched. Repeated; only silence ends the asker's wait. */
  | { readonly kind: 'filling' }
  /** The head, then blocks and an end, unless `same`. `purges`: which purges the sender had applied before it looked. */
  | { readonly kind: 'hit', readonly head: RemoteHead, readonly stale: boolean, readonly same: boolean, readonly purges?: Uint8Array | undefined }
  /** `holders`: peers that the asked edge, as owner, believes to hold it. `stale`: it is held here, but not fit for this ask. */
  | { readonly kind: 'miss', readonly holders?: readonly PeerName[], readonly stale?: boolean }
  /** Above its share of the region's load: the next owner is to be asked. */
  | { readonly kind: 'busy' }
  /** The response may not be shared: ask for yourself. */
  | { readonly kind: 'private' }
  /** No origin could be reached by the asked edge. */
  | { readonly kind: 'failed', readonly status: number, readonly reason: string }
  /** Payload: bytes that follow those before; `hash` is their SHA-256. */
  | { readonly kind: 'block', readonly hash: Uint8Array }
  | { readonly kind: 'end', readonly length: number, readonly hash?: string }
  /** The sender's own source broke: resume elsewhere. */
  | { readonly kind: 'cut', readonly reason: string }

/** Grants the sender so many more blocks. */
export interface Pull { readonly kind: 'pull', readonly blocks: number }

/** A `fill` goes at most asker, region's owner, home's owner. */
export const pathMax = 2
/** Holders that a miss may name. */
export const holdersMax = 4
/** Silent peers that an ask may name. */
export const silentMax = 8
/** Of the purges that a head bears: some 150 edges that took orders lately. A sender with more leaves them out. */
export const purgesBytesMax = 8 * 1024
const textMax = 16 * 1024
const reasonMax = 500
/** Fields of a head, or of an ask. */
export const fieldsMax = 200
/** Blocks are at most 1 MiB, whatever is asked. */
export const blockBytesCeiling = 1024 * 1024

export function decodeRequest ({ head }: Frame): Ask | Pull {
  if (head.kind === 'pull') return { kind: 'pull', blocks: integer(head.blocks, 'blocks', 1, 1_000) }
  const verb = head.verb
  if (verb !== Verb.Have && verb !== Verb.Fill) throw new WireError('a peer asked with a verb that nobody knows')
  if (!isContentKey(head.key)) throw new WireError('a peer asked for something that is not a content key')
  return {
    verb,
    key: head.key,
    site: text(head.site, 'site', 256),
    target: text(head.target, 'target', textMax),
    host: optional(head.host, (value) => matching(value, 'host', hostText)),
    fields: fields(head.fields),
    path: peers(head.path, 'path', pathMax),
    silent: peers(head.silent ?? [], 'silent', silentMax),
    offset: integer(head.offset ?? 0, 'offset', 0, Number.MAX_SAFE_INTEGER),
    version: optional(head.version, version),
    held: optional(head.held, version),
    staleOk: head.staleOk === true,
    headOnly: head.headOnly === true,
    turnedAway: head.turnedAway === true,
    last: head.last === true,
    credit: integer(head.credit ?? 1, 'credit', 0, 1_000),
    blockBytes: integer(head.blockBytes ?? blockBytesCeiling, 'blockBytes', 1, blockBytesCeiling),
    traceparent: matching(head.traceparent ?? '', 'traceparent', traceText)
  }
}

export function decodeAnswer ({ head, payload }: Frame): Answer {
  switch (head.kind) {
    case 'filling': case 'busy': case 'private': return { kind: head.kind }
    case 'miss': return {
      kind: 'miss',
      holders: optional(head.holders, (holders) => peers(holders, 'holders', holdersMax)),
      stale: head.stale === true ? true : undefined
    }
    case 'hit': return { kind: 'hit', head: remoteHead(head.head), stale: head.stale === true, same: head.same === true, purges: optional(head.purges, purges) }
    case 'failed': return { kind: 'failed', status: integer(head.status, 'status', 500, 599), reason: text(head.reason ?? '', 'reason', reasonMax) }
    case 'cut': return { kind: 'cut', reason: text(head.reason ?? '', 'reason', reasonMax) }
    case 'end': return { kind: 'end', length: integer(head.length, 'length', 0, Number.MAX_SAFE_INTEGER), hash: optional(head.hash, hash) }
    case 'block':
      if (!(head.hash instanceof Uint8Array) || head.hash.byteLength !== 32 || payload.byteLength === 0) {
        throw new WireError('a peer sent a block without bytes or without their SHA-256')
      }
      return { kind: 'block', hash: head.hash }
    default: throw new WireError('a peer answered with a kind that nobody knows')
  }
}

/** Cuts a reason to what a decoder accepts. */
export function shortReason (reason: string): string {
  return reason.slice(0, reasonMax)
}

function remoteHead (value: unknown): RemoteHead {
  const head = record(value, 'head')
  // A peer is asked for a whole representation, never for a part or on a condition.
  if (head.status === 206 || head.status === 304) throw new WireError(`a peer sent a head of status ${head.status}`)
  return {
    status: integer(head.status, 'status', 200, 599),
    fields: fields(head.fields),
    ageMs: finite(head.ageMs, 'ageMs'),
    length: optional(head.length, (length) => integer(length, 'length', 0, Number.MAX_SAFE_INTEGER)),
    hash: optional(head.hash, hash)
  }
}

function version (value: unknown): Version {
  const from = record(value, 'version')
  return {
    etag: optional(from.etag, (etag) => text(etag, 'etag', 1024)),
    hash: optional(from.hash, hash),
    length: optional(from.length, (length) => integer(length, 'length', 0, Number.MAX_SAFE_INTEGER))
  }
}

function purges (value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array) || value.byteLength > purgesBytesMax) throw new WireError(`a peer sent purges that are not bytes, at most ${purgesBytesMax}`)
  return value
}

function optional<T> (value: unknown, decode: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : decode(value)
}

function record (value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireError(`a peer sent a ${name} that is not a map`)
  return value as Record<string, unknown>
}

function integer (value: unknown, name: string, min: number, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min || value > max) {
    throw new WireError(`a peer sent ${name} outside ${min} to ${max}`)
  }
  return value
}

function finite (value: unknown, name: string): number {
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw new WireError(`a peer sent ${name} that is not a duration`)
  return value
}

function text (value: unknown, name: string, lengthMax: number): string {
  if (typeof value !== 'string' || value.length > lengthMax) throw new WireError(`a peer sent ${name} that is not text of at most ${lengthMax} characters`)
  return value
}

function hash (value: unknown): string {
  if (!isContentKey(value)) throw new WireError('a peer sent a hash that is not a SHA-256 in base64url')
  return value
}

function peers (value: unknown, name: string, countMax: number): PeerName[] {
  if (!Array.isArray(value) || value.length > countMax) throw new WireError(`a peer sent a ${name} of more than ${countMax} peers`)
  return value.map((peer) => text(peer, name, 128))
}

function matching (value: unknown, name: string, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw new WireError(`a peer sent ${name} with what may not stand in it`)
  return value
}

// Both go into a request to the origin.
const hostText = /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]{0,300}$/
const traceText = /^[\x20-\x7e]{0,64}$/

// RFC 9110 section 5.1 and 5.5: a token, and a value without control characters.
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
const fieldText = /^[\t\x20-\x7e\x80-\xff]*$/

function fields (value: unknown): Fields {
  if (!Array.isArray(value) || value.length > fieldsMax) throw new WireError(`a peer sent more than ${fieldsMax} fields`)
  return value.map((pair): Field => {
    if (!Array.isArray(pair) || pair.length !== 2) throw new WireError('a peer sent a field that is not a pair')
    const [name, content] = pair as [unknown, unknown]
    if (typeof name !== 'string' || !fieldName.test(name)) throw new WireError('a peer sent a field whose name is not a lower-case token')
    if (typeof content !== 'string' || !fieldText.test(content)) throw new WireError(`a peer sent the field ${name} with a value that HTTP does not allow`)
    return [name, content]
  })
}
