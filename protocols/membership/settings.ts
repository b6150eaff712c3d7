/**
 * Every interval, limit and budget of membership, with its reason. The intervals bound each other:
 * how soon a silent edge is missed is `silentRefreshes x refresh`, and the refresh grows with the
 * region so that its topic stays within `topicMessagesPerSecondMax`.
 */
export const membershipDefaults = Object.freeze({
  /** Between two announcements of one edge in a small region. Lower: a silent edge is missed sooner, more messages. */
  refreshMs: 2_000,
  /** Messages a second on one topic, all edges together; refresh and digest intervals grow to stay within it. */
  topicMessagesPerSecondMax: 10,
  /** Announcements in digests a second, all regions together: each costs every edge a signature check (0.1 ms). */
  digestEntriesPerSecondMax: 200,
  /** Refreshes that an edge may miss before it counts as gone. Lower: sooner, and wrong more often. */
  silentRefreshes: 3,
  /** Added to that, for delays of links and event loops; a timer later than this makes the edge trust itself less. */
  expirySlackMs: 1_000,
  /** From a change of one's own fields to its announcement, so that several changes travel as one. */
  announceDelayMs: 100,
  /** Shortest time between two announcements of one edge, however often its fields change. */
  announceGapMs: 1_000,
  /** Between two full digests of a region by its delegate. Lower: other regions miss an edge sooner, more bytes. */
  digestIntervalMs: 2_000,
  /** From a change in the region to the digest that tells it, so that several changes travel as one. */
  digestDelayMs: 250,
  /** Largest digest message, and largest frame of an exchange, bytes. About 200 announcements. */
  digestBytesMax: 64 * 1024,

  /** Between two exchanges of lists with a connected peer chosen at random. Lower: lost messages are repaired sooner. */
  antiEntropyIntervalMs: 10_000,
  /** A whole exchange. */
  exchangeTimeoutMs: 5_000,
  /** For handing the leave to the linked peers at a graceful stop, all at once. Lower: a quicker stop, more silences. */
  leaveTimeoutMs: 1_000,
  /** Announcements sent in one exchange, bytes; what remains goes in the next one, at once. */
  exchangeNewsBytesMax: 512 * 1024,
  /** Read buffer of an exchange, bytes: a version vector of `membersMax` and the news fit in. */
  exchangeBufferBytesMax: 2 * 1024 * 1024,
  /** Members held, about 1 KiB each. Past it unknown edges are refused. */
  membersMax: 10_000,
  /** Gone members remembered: for redialling, and so that an old announcement does not bring them back. */
  goneMax: 1_024,

  /** Between two announcements of oneself to the DHT. Addresses in it age out after an hour. */
  provideIntervalMs: 15 * 60_000,
  /** First interval of looking for others in the DHT; it grows to `discoveryIntervalMs`. */
  discoveryFastMs: 1_000,
  /** Between two look-ups once an edge of the own region is linked. Higher: split colonies merge later. */
  discoveryIntervalMs: 30_000,
  /** Any one query of the DHT. With a stopped peer on its way it lasts this long. */
  dhtTimeoutMs: 5_000,

  /** Up to this many members of the own region are all linked; a larger region is linked by rings. */
  regionLinksMax: 24,
  /** Pseudo-random rings in a larger region: about two links for each. Higher: more links, shorter ways. */
  ringCount: 8,
  /** Links into each other region. */
  otherRegionLinks: 3,
  /** Links into other regions, all together. */
  globalLinksMax: 32,
  /** Between two looks at which links are missing. */
  linkIntervalMs: 1_000,
  /** One dial, all addresses of a peer together. */
  dialTimeoutMs: 5_000,
  /** Dials at a time: each costs both ends about 7 ms of processor. */
  dialsMax: 4,
  /** Wait after the first failed dial of a peer; doubles with each further one. */
  dialBackoffMs: 500,
  /** Longest such wait. Higher: less noise for peers that never return, later reunion with those that do. */
  dialBackoffMaxMs: 60_000,
  /** What the higher of two peer ids waits for the lower one's dial, so that they make one connection, not two. */
  dialYieldMs: 500,
  /** Longest wait between two dials of a join address while there is no link at all. */
  joinBackoffMaxMs: 15_000,
  /** Wait between two dials of a join address while other links exist. */
  joinSlowMs: 60_000,
  /** Between two log lines about one join address that cannot be reached. */
  joinLogIntervalMs: 30_000,
  /** Peers of the peer store dialled when there is no link, as after a restart. */
  knownPeersMax: 32,
  /** Between two dials of a gone member, so that colonies that were split merge. */
  goneRedialMs: 30_000,

  /** Between two measurements of one link's round trip. */
  pingIntervalMs: 15_000,
  /** One measurement. */
  pingTimeoutMs: 5_000,
  /** Measurements at a time. */
  pingsMax: 4
})

export type MembershipSettings = { readonly [K in keyof typeof membershipDefaults]: number }
