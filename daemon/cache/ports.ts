/**
 * What a request of the cache is, what it comes to, and what the cache asks of whoever can get content: the words
 * that the HTTP handler, the answers to peers and the routing share with `cache.ts`.
 */
import type { Fields } from '../../protocols/fields.ts'
import type { ContentKey, PeerName } from '../../protocols/ids.ts'
import type { ForwardReason } from '../http/cache-status.ts'
import type { BodyReader, StoredResponse } from '../store/store.ts'
import type { Fill, FillHead } from './fill.ts'
import type { Level } from './flight.ts'
import type { Phase, Source } from './phase.ts'
import type { Site } from './sites.ts'
import type { Upstream } from './upstream.ts'

export interface CacheRequest {
  readonly site: Site
  readonly key: ContentKey
  readonly target: string
  readonly host?: string
  /** End-to-end request fields, conditional ones among them. */
  readonly fields: Fields
  /** Peers that already carry this request; empty for a client's. */
  readonly path: readonly PeerName[]
  /** Peers that the asker found silent. */
  readonly silent: readonly PeerName[]
  /** What this edge is asked as: a client asks an `Asker`, a peer its region's `Owner` or the `Home`. */
  readonly level: Level
  /** First byte of a client's range, where that alone is wanted. */
  readonly rangeStart?: number
  /** Whether what is stale may be the answer while it is fetched anew: to clients, as peers judge for themselves. */
  readonly staleWhileRevalidate?: boolean
  readonly signal: AbortSignal
  readonly traceparent: string
}

export type CacheResult =
  /** Stored here: read it from `body`, which is pinned, then close that. */
  | { readonly kind: 'stored', readonly phase: Phase, readonly head: StoredResponse, readonly body: BodyReader, readonly source: Source, readonly collapsed: boolean, readonly forward?: ForwardReason }
  /** On its way in: read it from the fill, then `release`. */
  | { readonly kind: 'filling', readonly head: FillHead, readonly fill: Fill, readonly source: Source, readonly peer?: PeerName, readonly storing: boolean, readonly stale: boolean, readonly collapsed: boolean, readonly forward: ForwardReason, readonly release: () => void }
  /** May not be shared: `upstream` is this request's own answer, without it the origin is to be asked. */
  | { readonly kind: 'pass', readonly reason: 'private' | 'partial', readonly upstream?: Upstream }
  | { readonly kind: 'failed', readonly status: number, readonly reason: string }

/** What the cache asks of whoever can get content (`daemon/routing/fetcher.ts`). */
export interface Fetcher {
  obtain: (request: ObtainRequest) => Promise<Obtained>
  /** Another source of the same version, from `offset` on. */
  resume: (request: ObtainRequest, offset: number, head: FillHead, failed: Upstream) => Promise<Upstream>
}

export interface ObtainRequest extends CacheRequest {
  /** Validators of what is stored here, for a conditional request; none for a plain one. */
  readonly validators: Fields
  /** What is stored here, stale. */
  readonly stored?: StoredResponse
  /** Tells whom it is about to wait on. */
  readonly onLevel: (level: Level) => void
  /** Tells that it asks a peer `have`; what it returns is called when that has ended. */
  readonly onAsk: () => () => void
  /** Tells that no origin can be reached, and that it is about to wait on whoever may have it. */
  readonly onUnreachable: () => void
}

export type Obtained =
  | { readonly kind: 'upstream', readonly upstream: Upstream }
  | { readonly kind: 'not-modified', readonly fields: Fields, readonly receivedAtMs: number, readonly initialAgeMs: number, readonly source: Source, readonly peer?: PeerName, /** A peer's copy that is past its lifetime itself: no origin confirmed it. */ readonly stale?: boolean }
  | { readonly kind: 'private' }
  | { readonly kind: 'failed', readonly status: number, readonly reason: string }
