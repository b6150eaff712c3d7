/**
 * Limits of provider records in the DHT, each with its unit and reason. How many keys an edge can keep
 * announced follows from two of them: `announcesPerMinuteMax x reannounceMs`, 3,450 with the defaults.
 */
export const providersDefaults = Object.freeze({
  /**
   * Between two announcements of one key, ms. Addresses of providers age out after an hour on nodes that keep
   * libp2p's default, and peers that come and go leave a record on the wrong nodes meanwhile. Lower: found
   * sooner after a change of the mesh, fewer keys.
   */
  reannounceMs: 30 * 60_000,
  /**
   * Announcements in any minute, new and repeated; at least 1. Each is a message to the four edges nearest to its key, on
   * a stream of its own (about 2 ms of CPU at either end), and a connection first (20 ms) where there is none.
   */
  announcesPerMinuteMax: 120,
  /**
   * Announcements under way, at most 16: with more than 32, peers refuse streams and records are lost without an
   * error (measured: 340 of 500).
   */
  announcesInFlightMax: 16,
  /**
   * Keys wanted, about 250 bytes each. Past it the least rare and oldest are forgotten. More than can be kept
   * announced, so that those next in line are known when others are dropped.
   */
  keysMax: 20_000,
  /**
   * One announcement, ms. A stopped peer holds up its walk, and then its messages, for kad-dht's own 5 s each;
   * cut off during the walk it has told nobody.
   */
  provideTimeoutMs: 15_000,
  /** Wait after a key's first failed announcement, ms; doubles with each further one up to `reannounceMs`. */
  announceRetryMs: 60_000,
  /**
   * From an edge's first link to its first announcement, ms: what is announced out of an empty or young routing
   * table lies on no node or on the wrong ones, without an error. Lower: found sooner, or not until the next time.
   */
  settleMs: 15_000,
  /** Between two looks at whether there is a link, ms. */
  linkCheckMs: 1_000,

  /** One look-up, ms. With a stopped peer on its way it lasts this long; nothing that a client waits for may wait for it. */
  lookupTimeoutMs: 1_500,
  /** Look-ups under way. With the announcements they share the 32 streams that a peer takes. */
  lookupsInFlightMax: 12,
  /**
   * Look-ups in any minute. One asks the four edges nearest to its key, at the cost of an announcement, and each miss of a
   * slow origin may want one: without a budget a cold start would spend more on looking than on serving.
   */
  lookupsPerMinuteMax: 600,
  /** Providers after which a look-up ends. */
  providersMax: 20,
  /** Records after which it ends, of members or not: what a peer that invents them can cost. */
  recordsMax: 200,
  /** How long a finished look-up's providers answer for the DHT, ms. */
  hitRememberMs: 2_000,
  /** How long nothing found counts as nothing there, ms. Higher: fewer walks for what nobody has, new holders found later. */
  missRememberMs: 15_000,
  /** Results remembered, about 200 bytes each. */
  rememberedMax: 10_000
})

export type ProvidersSettings = { readonly [K in keyof typeof providersDefaults]: number }
