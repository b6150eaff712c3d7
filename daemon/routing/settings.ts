/** Limits of finding and fetching, each with its unit and reason. */
export const routingDefaults = Object.freeze({
  /** Owners of a key asked one after the other before the origin. */
  ownersMax: 2,
  /** Before a second holder is asked `have` beside the first, ms. Lower costs messages, higher costs the tail. */
  hedgeDelayMs: 60,
  /**
   * A peer this near is always waited for, ms of round trip: what going through it can cost a miss. Lower
   * sends more edges to the origin for the same object, higher makes misses of near origins slower.
   */
  patienceFloorMs: 10,
  /**
   * A peer is waited for while its round trip is at most this share of the origin's time to first byte;
   * a further one is raced with the origin, so that a mesh is never slower than no mesh.
   */
  patienceShare: 0.05,
  /** Taken for the origin's time to first byte until one is measured, ms. */
  ttfbGuessMs: 100,
  /** Holders asked `have`, one after the other, that the directory or a filter names. More finds rarer copies, and costs a miss a round trip each. */
  holdersAskedMax: 2,
  /** An origin that answers sooner, ms, is asked alone: a look-up in the DHT that finds something takes 2 to 3 ms, one that finds nothing 40 to 50 of the processor. */
  providersWorthMs: 20,
  /** Providers that the DHT names, asked for one object. */
  providersAskedMax: 3,
  /** Asked peers fell silent: edges spread their origin requests over this time, ms. */
  originJitterMs: 50,
  /** No origin can be reached: so many members of the region, and one owner in each of so many regions, are asked. */
  lastResortPeersMax: 16,
  /** So long a stale copy that is at hand waits for another edge's origin, ms, where this edge's cannot be reached. Lower serves stale sooner. */
  freshWaitMs: 300,
  /** Between announcements of this edge's load, ms. */
  loadAnnounceMs: 2_000
})
export type RoutingSettings = { readonly [K in keyof typeof routingDefaults]: number }
