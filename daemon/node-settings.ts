/** Limits of the mesh's transport, each with its unit and reason. Apart from node.ts, as reading a configuration should not load libp2p. */
export const meshDefaults = Object.freeze({
  /** Connections, both directions. Each costs about 100 KiB; an edge keeps some 60 of its own. */
  connectionsMax: 1_000,
  /** New inbound connections a second from one address. libp2p's 5 starves servers behind one NAT, and loopback. */
  inboundPerSecondMax: 100,
  /** Inbound connections in their handshake at once; each handshake costs about 7 ms of CPU. */
  inboundPendingMax: 100,
  /** Dial deadline, ms, and that of identify; who is dialled waits twice as long. A live server answers in a few round trips; more only delays the next try. */
  dialTimeoutMs: 5_000,
  /** How long a peer and its addresses are remembered, ms: what a restarted edge can find the others by. */
  peerAgeMs: 30 * 24 * 60 * 60 * 1_000,
  /** Between two signs of life on an idle connection, ms. Below the 120 s after which a silent socket is closed. */
  keepAliveMs: 90_000,
  /** Records of peers and of the DHT held in memory, some 500 bytes each. Fewer than the peers of a mesh: each look at one is a call into LevelDB. */
  recordsHeldMax: 2_048,
  /** How long a record may wait to be written, ms. Meeting a peer writes its record ten times within some 100 ms. Higher: an edge killed as soon as it has joined forgets whom it met. */
  writeBehindMs: 200,
  /** Streams of one protocol on one connection, each direction. */
  streamsMax: 256,
  /** Gossipsub's heartbeat, ms: repair of the gossip mesh; messages themselves do not wait for it. Each costs 0.1 ms of CPU. */
  gossipHeartbeatMs: 1_000,
  /** Peers that a gossip message is sent on to. Each more is one more copy of every message at every edge, and one more way round a lost one. */
  gossipDegree: 4,
  /** Peers outside the gossip mesh told of recent messages at each heartbeat. What gossip loses, every part repairs by itself. */
  gossipLazyDegree: 1,
  /** Largest gossip message, bytes. Membership digests are at most 64 KiB. */
  gossipMessageBytesMax: 128 * 1024,
  /** Kademlia's k: peers in one bucket of the routing table. */
  kBucketSize: 20,
  /**
   * Edges that a provider record is put on and looked for at, the nearest to its key. IPFS takes 20 as nobody there knows who
   * is gone; here all know, and records are repeated. Each more is one more message, and often one more connection, for
   * each announcement and each look-up. Fewer: when so many die within half an hour, what only the DHT knew is not found.
   */
  recordCopies: 4,
  /** Rounds of a look-up, each asking those that the one before named as nearer. An edge with the member list needs one. */
  recordRoundsMax: 4,
  /** Queries of one look-up at a time. Each asks, and at need dials, one more edge: a connection that stays. */
  dhtParallel: 3,
  /**
   * Between two look-ups of an edge's own neighbourhood, ms. Each asks some 20 edges. Edges meet through their links
   * anyway, and each becomes part of the other's routing table; look-ups of content find the rest.
   */
  dhtSelfQueryMs: 60 * 60_000,
  /** From the start until the DHT's routing table is first filled from the member list, ms. Lower: while the list is still coming in. */
  dhtFillMs: 20_000,
  /** Between two further fillings, ms. Each costs some 20 microseconds for each edge; those that link or ask are entered at once. */
  dhtRefreshMs: 10 * 60_000
})
export type MeshSettings = { readonly [K in keyof typeof meshDefaults]: number }
