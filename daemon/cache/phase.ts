/**
 * The one enumeration of how a request was answered. Log lines, metrics and the Cache-Status field
 * (RFC 9211) all speak of the same phase.
 */
export const Phase = {
  /** Fresh and stored here. */
  Hit: 'hit',
  /** Stored here, stale, and served: no origin could be reached, the request accepts it, or it is fetched anew meanwhile. */
  Stale: 'stale',
  /** Stored here, found current by its validator. */
  Revalidated: 'revalidated',
  /** Not stored here: fetched from a peer or the origin. */
  Miss: 'miss',
  /** Went to the origin past the cache: another method, not shareable, or a far range. */
  Pass: 'pass',
  /** No answer could be had. */
  Failed: 'failed'
} as const
export type Phase = typeof Phase[keyof typeof Phase]

/** Where the bytes, or the word that they are current, came from. */
export const Source = { Store: 'store', Peer: 'peer', Origin: 'origin' } as const
export type Source = typeof Source[keyof typeof Source]
