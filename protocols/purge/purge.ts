/**
 * A purge: which content the colony forgets, and whose order it was. It names hosts, sites, raw targets and tags, never keys: each
 * edge works out by its own sites, and by their current and previous key rules, what that means here. Purges commute and may come
 * twice and in any order: what one does is decided by what was stored before it was applied, and its id tells two from one.
 */
import type { PeerName } from '../ids.ts'

/**
 * Which edge took the order, in which of its lives, and its how-manieth there, from 1 on. Sequences have no gaps, so that how far an
 * edge has come is one number for each life (`PurgeVector`).
 */
export interface PurgeId {
  readonly peer: PeerName
  readonly incarnation: number
  readonly sequence: number
}

/** Which content. A site by its name, or the one that a host leads to; where neither is given, every site. */
export type Selector =
  /** One target, origin-form as a client would send it; with all its queries where `queries` is `all`. */
  | { readonly kind: 'url', readonly site?: string, readonly host?: string, readonly target: string, readonly queries: 'exact' | 'all' }
  /** Every target whose normalised path and query begin with this. */
  | { readonly kind: 'prefix', readonly site?: string, readonly host?: string, readonly prefix: string }
  /** Whatever a host's clients can be given. */
  | { readonly kind: 'host', readonly host: string }
  /** Responses that bear the tag: `Surrogate-Key`, `Cache-Tag`, or `Cache-Groups` (RFC 9875). */
  | { readonly kind: 'tag', readonly site?: string, readonly tag: string }
  | { readonly kind: 'everything', readonly site?: string }

export interface Purge {
  readonly id: PurgeId
  /** At least one. */
  readonly selectors: readonly Selector[]
  /** Soft: what is stored becomes stale, and may be served as stale responses are; hard: it is gone. */
  readonly soft: boolean
  /** When the order was taken, wall clock of the edge that took it, ms. For people and for the horizon, never for order. */
  readonly atMs: number
}

/** Of one peer, by life: the highest sequence below which none is missing. */
export interface PurgeMark {
  readonly incarnation: number
  readonly sequence: number
  /** What came out of turn: sequences above the next one, ascending. For the moment until the gap is filled. */
  readonly beyond?: readonly number[]
}

/** How far an edge has come: by issuing peer, its lives, ascending. */
export type PurgeVector = ReadonlyMap<PeerName, readonly PurgeMark[]>

/** What applies purges on an edge (`daemon/purge/`), as the part that carries them knows it. */
export interface Applier {
  /**
   * Makes everything that was stored before count as purged, at once; fills that began before are not stored. Returns when no reader that
   * comes later can be given it, in memory; the durability of the order itself is the caller's.
   */
  apply: (purge: Purge) => void
}
