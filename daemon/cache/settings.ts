/** Limits of the cache and its fills, each with its unit and reason. */
export const cacheDefaults = Object.freeze({
  /** Bytes read from the store for one write to a socket. Larger ones cost memory for each client. */
  readChunkBytes: 256 * 1024,
  /** Last bytes of a running fill kept in memory for those who keep up. Higher saves disk reads, times the fills under way. */
  recentBytesMax: 1024 * 1024,
  /**
   * A fill that nobody waits for any more goes on when at most so many bytes are missing, else it is
   * dropped. Higher wastes the origin's bytes on what nobody wanted, lower fetches twice what was nearly there.
   */
  finishAbandonedBytesMax: 16 * 1024 * 1024,
  /** Times that one fill goes on from another source after its source broke off. */
  resumesMax: 5,
  /** How long a key whose response was not shareable is passed straight to the origin, ms. */
  notShareableMs: 10_000,
  /** Keys remembered as not shareable; about 200 bytes each. */
  notShareableKeysMax: 10_000,
  /**
   * After a revalidation in the background that brought nothing, the next one of the key begins so much later, ms. Higher spares
   * an origin that fails; lower notices sooner that it answers again, while clients have what is stale either way.
   */
  revalidateAgainMs: 5_000,
  /** Keys remembered as just revalidated in vain; about 200 bytes each. */
  revalidateKeysMax: 10_000,
  /**
   * A range that begins further than this beyond what a fill has, is asked of the origin itself, bytes:
   * nobody waits for the first gigabyte to see the last.
   */
  rangeWaitBytesMax: 8 * 1024 * 1024
})
export type CacheSettings = { readonly [K in keyof typeof cacheDefaults]: number }
