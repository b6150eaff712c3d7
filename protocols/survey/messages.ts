/**
 * What edges tell each other about one key when a person asks, `/colony/survey/1.0.0`: which variants an edge
 * holds, and what it believes of the key's place. Nothing is decided by these answers; they are for `explain`.
 * Every field comes from a peer and is checked and bounded; unknown ones are skipped, so that versions can mix.
 */
import { WireError } from '../errors.ts'
import { isContentKey, type ContentKey, type PeerName } from '../ids.ts'
import { printable } from '../text.ts'
import type { Frame } from '../wire.ts'

/** Where an edge holds a variant. A small body on disk that is in memory too counts as in memory. */
export const Tier = {
  Memory: 'memory',
  Disk: 'disk',
  /** On its way in: readable, not yet stored. */
  Filling: 'filling',
  /** Put into the mesh by its owner; never evicted. */
  Published: 'published'
} as const
export type Tier = typeof Tier[keyof typeof Tier]

export interface HeldVariant {
  /** Which of the key's variants; '' without Vary. */
  readonly variant: string
  /** Request fields that select it, lower case. */
  readonly vary: readonly string[]
  readonly status: number
  /** Current age, ms (RFC 9111 section 4.2.3). */
  readonly ageMs: number
  /** Lifetime left, ms; negative when stale. */
  readonly ttlMs: number
  /** Bytes; absent while the edge does not know it. */
  readonly length?: number
  readonly tier: Tier
  /** As the origin sent it, cut, without control characters. */
  readonly etag?: string
  /** SHA-256 of the body, base64url; absent while the edge does not know it. */
  readonly hash?: string
}

export interface Holdings {
  readonly variants: readonly HeldVariant[]
  /** Variants held beyond those listed. */
  readonly moreVariants: number
  /** Fetches of the key under way. */
  readonly fetching: number
  /** Hash of its region's ring: edges that say the same name the same owners. */
  readonly ring?: string
  /** Whether it counts itself as the key's first owner in its region. */
  readonly owner: boolean
  /** Whom its directory names as holders; only where it is the owner and keeps a directory. */
  readonly directory?: readonly PeerName[]
}

/** Variants in one answer, and names in a Vary. */
export const variantsMax = 32
const varyMax = 16
/** Holders that a directory is told to name. */
export const holdersMax = 256
const etagCharsMax = 128
const countMax = 1_000_000

export function requestHead (key: ContentKey): object {
  return { kind: 'holdings', key }
}

export function decodeRequest ({ head }: Frame): ContentKey {
  if (head.kind !== 'holdings') throw new WireError('a peer asked for a survey of a kind that nobody knows')
  if (!isContentKey(head.key)) throw new WireError('a peer asked about something that is not a content key')
  return head.key
}

/** What may be sent of the holdings: cut to what every decoder accepts, the most recently received variants first. */
export function bounded (holdings: Holdings): Holdings {
  const variants = holdings.variants.slice(0, variantsMax).map((held) => ({
    ...held,
    vary: held.vary.slice(0, varyMax),
    etag: held.etag?.slice(0, etagCharsMax)
  }))
  return {
    ...holdings,
    variants,
    moreVariants: Math.min(countMax, holdings.moreVariants + holdings.variants.length - variants.length),
    fetching: Math.min(countMax, holdings.fetching),
    directory: holdings.directory?.slice(0, holdersMax)
  }
}

export function decodeHoldings ({ head }: Frame): Holdings {
  return {
    variants: list(head.variants, 'variants', variantsMax).map(heldVariant),
    moreVariants: whole(head.moreVariants ?? 0, 'moreVariants', countMax),
    fetching: whole(head.fetching ?? 0, 'fetching', countMax),
    ring: optional(head.ring, (ring) => matching(ring, 'ring', hashText)),
    owner: head.owner === true,
    directory: optional(head.directory, (holders) => list(holders, 'directory', holdersMax).map((peer) => matching(peer, 'holder', peerText)))
  }
}

const variantText = /^[A-Za-z0-9_-]{0,64}$/
const hashText = /^[A-Za-z0-9_-]{1,64}$/
const peerText = /^[A-Za-z0-9._-]{1,128}$/
/** RFC 9110 section 5.1. */
const fieldName = /^[!#$%&'*+\-.^_`|~0-9a-z]{1,128}$/
const etagText = /^[\x20-\x7e\x80-\xff]{0,128}$/
const tiers: ReadonlySet<unknown> = new Set(Object.values(Tier))
/** Some 30,000 years: more than any lifetime that HTTP can state. */
const durationMsMax = 1e15

function heldVariant (value: unknown): HeldVariant {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireError('a peer sent a variant that is not a map')
  const held = value as Record<string, unknown>
  if (!tiers.has(held.tier)) throw new WireError('a peer holds a variant in a tier that nobody knows')
  const status = whole(held.status, 'status', 599)
  if (status < 200) throw new WireError(`a peer holds a variant of status ${status}`)
  return {
    variant: matching(held.variant, 'variant', variantText),
    vary: list(held.vary ?? [], 'vary', varyMax).map((name) => matching(name, 'vary', fieldName)),
    status,
    ageMs: duration(held.ageMs, 'ageMs', 0),
    ttlMs: duration(held.ttlMs, 'ttlMs', -durationMsMax),
    length: optional(held.length, (length) => whole(length, 'length', Number.MAX_SAFE_INTEGER)),
    tier: held.tier as Tier,
    etag: optional(held.etag, (etag) => printable(matching(etag, 'etag', etagText))),
    hash: optional(held.hash, (hash) => matching(hash, 'hash', hashText))
  }
}

function optional<T> (value: unknown, decode: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : decode(value)
}

function list (value: unknown, name: string, lengthMax: number): unknown[] {
  if (!Array.isArray(value) || value.length > lengthMax) throw new WireError(`a peer sent ${name} that are not a list of at most ${lengthMax}`)
  return value
}

function whole (value: unknown, name: string, max: number): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) throw new WireError(`a peer sent ${name} outside 0 to ${max}`)
  return value
}

function duration (value: unknown, name: string, min: number): number {
  if (typeof value !== 'number' || !(value >= min && value <= durationMsMax)) throw new WireError(`a peer sent ${name} that is not a duration`)
  return value
}

function matching (value: unknown, name: string, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) throw new WireError(`a peer sent a ${name} with what may not stand in it`)
  return value
}
