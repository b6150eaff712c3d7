/**
 * Every interval, limit and budget of membership, with its reason. The intervals bound each other:
 * how soon a silent edge is missed is `silentRefreshes x refresh`, and the refresh grows with the
 * region so that its topic stays within `topicMessagesPerSecondMax`.
 */
export const membershipDefaults = Object.freeze({
  /** Between two proofs of life of one edge in a small colony. Lower: a silent edge is missed sooner, more messages. */
  refreshMs: 2_000,
  /** Messages a second on one topic, all edges together; refresh and digest intervals grow to stay within it. */
  topicMessagesPerSecondMax: 10,
  /** Announcements in digests a second, all regions together: each costs every edge a little, and bytes. */
  digestEntriesPerSecondMax: 10,
  /**
   * Proofs of life a second, all edges together; each edge's interval grows to stay within it. Each costs every edge
   * 28 bytes a few times and a hash. Lower: a silent edge of a colony of more than 100 is missed later.
   */
  pulsesPerSecondMax: 50,
  /** Between two messages with proofs of life to one's links in turn. Each costs 0.1 ms of CPU at either end. */
  pulseSendMs: 500,
  /** How long after it was learned a pulse is passed on. Lower: fewer copies, and more edges that miss one. */
  pulseFreshMs: 3_000,
  /** Refreshes that an edge may miss before it counts as gone. Lower: sooner, and wrong more often. */
  silentRefreshes: 3,
  /** Added to that, for delays of links and event loops; a timer later than this makes the edge trust itself less. */
  expirySlackMs: 1_000,
  /** A turn of sending them that is later than this is time in which this edge did not listen either. Lower: ordinary jitter delays the detection of silence. */
  lateMs: 50,
  /** From a change of one's own fields to its announcement, so that several changes travel as one. */
  announceDelayMs: 100,
  /** Shortest time between two announcements of one edge, however often its fields change. */
  announceGapMs: 1_000,
  /** A load that moved by less than this share of what was announced is not announced anew. Higher: fewer messages of busy edges, older loads. */
  loadStep: 0.25,
  /** Between two full digests of a region by its delegate while it changes. Lower: what gossip lost is repaired sooner, more bytes. */
  digestIntervalMs: 60_000,
  /** The same while nothing changes; the interval doubles up to it. Higher: a still colony costs less, and hears later what it missed and no exchange of lists told. */
  digestIntervalMaxMs: 16 * 60_000,
  /** From its start until an edge tells other regions of its own, should it be its region's delegate: time to hear that it is not. Lower: each join is told twice. */
  firstDigestMs: 1_000,
  /** From a change in the region to the digest that tells it, so that several changes travel as one. */
  digestDelayMs: 250,
  /**
   * Digests a second, all regions together, while edges join or leave one after the other: each is a message or more at every
   * edge, and telling each of 300 joins by itself would be most of what joining costs. Lower: other regions hear of them later.
   */
  digestsPerSecondMax: 2,
  /** Largest digest message, and largest frame of an exchange, bytes. About 200 announcements. */
  digestBytesMax: 64 * 1024,

  /**
   * From the first link to an exchange of lists; then ever longer, up to `antiEntropyIntervalMs`. Gossip passes a newcomer by until a
   * heartbeat takes it in. Lower: what was said meanwhile is known sooner, at the price of one more exchange for each halving.
   */
  antiEntropyFirstMs: 4_000,
  /** Between two exchanges of lists with a connected peer chosen at random. Lower: lost messages are repaired sooner. */
  antiEntropyIntervalMs: 60_000,
  /** Links on which a newcomer exchanges lists at once. Fewer: it may begin with what one edge knew, and learn the rest later. */
  firstExchanges: 3,
  /** From a pulse that shows that an announcement was missed to an exchange of lists, at least. Lower: each join, told a moment later by a digest, makes edges exchange. */
  repairDelayMs: 1_000,
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

  /**
   * From the first link to the first announcement of oneself to the DHT; the interval then grows to `provideIntervalMs`. Before
   * the member list is whole too many edges hold it for theirs to make.
   */
  provideDelayMs: 30_000,
  /** Between two announcements of oneself to the DHT. Addresses in it age out after an hour. */
  provideIntervalMs: 15 * 60_000,
  /**
   * From the first link to the first look-up in the DHT; the interval then grows. By then the list has come
   * over that link, and with it nearly always what a look-up would find. Lower: an edge that joined by one of another
   * colony's remnants finds its own sooner.
   */
  discoveryFastMs: 10_000,
  /** Between two look-ups once another edge of the own region is known. Higher: split colonies merge later. */
  discoveryIntervalMs: 60_000,
  /**
   * Members of a region, and of the colony, that provide its name and go on looking it up once they are linked: those
   * with the lowest peer ids. A look-up may dial edges that no other use is made of, and whom it finds has the whole list.
   */
  discoverersMax: 3,
  /** Any one query of the DHT. With a stopped peer on its way it lasts this long. */
  dhtTimeoutMs: 5_000,

  /** Up to this many members of the own region are all linked; a larger region is linked by rings. */
  regionLinksMax: 16,
  /** Pseudo-random rings in a larger region: about two links for each. Higher: more links, shorter ways, a slower start. */
  ringCount: 4,
  /** Links into each other region. */
  otherRegionLinks: 3,
  /** Links into other regions, all together: what they cost does not grow with the regions. */
  globalLinksMax: 4,
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
  /**
   * A link that ends sooner after its dial counts as a failed dial. Longer than a refusal takes to come back, or whoever is refused
   * dials without a pause; higher: a link that broke soon after it was made comes back later.
   */
  linkProofMs: 2_000,
  /** What the higher of two peer ids waits for the lower one's dial, so that they make one connection, not two. */
  dialYieldMs: 2_000,
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

  /** Between two measurements of one link's round trip, once its first few are made. Each is a small message there and back. */
  pingIntervalMs: 120_000,
  /** One measurement. */
  pingTimeoutMs: 5_000,
  /** Measurements at a time. */
  pingsMax: 4
})

export type MembershipSettings = { readonly [K in keyof typeof membershipDefaults]: number }
