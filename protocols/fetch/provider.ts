/**
 * The port through which the fetch protocol reaches what an edge holds. The daemon hands in one
 * provider (`daemon/routing/provider.ts`); a test hands in a small one.
 */
import type { PeerName } from '../ids.ts'
import type { Answer, Ask, RemoteHead } from './messages.ts'

/** A body on its way out: may still be arriving at the sender itself. */
export interface Offer {
  readonly kind: 'hit'
  readonly head: RemoteHead
  readonly stale: boolean
  /** The asker holds this very version: no body follows. */
  readonly same: boolean
  /** Bytes from `offset`; throws when the sender's own source breaks, or when the signal aborts. */
  readonly open: (offset: number, chunkBytesMax: number, signal: AbortSignal) => AsyncIterable<Uint8Array>
  /** Whole length and hash; known once `open` has ended. */
  readonly total: () => { length: number, hash?: string }
  /** Called once when the asker has what it wanted, or is gone; also when `open` never was called. */
  readonly release: () => void
}

export type ProviderAnswer = Offer | Extract<Answer, { kind: 'miss' | 'busy' | 'private' | 'failed' }>

/**
 * Purges as transfers bear them (protocols/purge): what a peer sends that had not applied a purge which the asker has may be just what was purged.
 */
export interface TransferPurges {
  /** What this edge has applied; undefined where it does not know enough to lend anything. */
  stated: () => Uint8Array | undefined
  /** Whether a sender that stated this had applied all that this edge has. @throws WireError */
  accepts: (stated: Uint8Array | undefined) => boolean
}

export interface FetchProvider {
  /** @param signal aborts when the asker is gone */
  answer: (ask: Ask, from: PeerName, signal: AbortSignal) => Promise<ProviderAnswer>
}
