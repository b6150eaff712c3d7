/** Limits of the mesh's transport, each with its unit and reason. Apart from node.ts, as reading a configuration should not load libp2p. */
export const meshDefaults = Object.freeze({
  /** Connections, both directions. Each costs about 100 KiB; an edge keeps some 60 of its own. */
  connectionsMax: 1_000,
  /** New inbound connections a second from one address. libp2p's 5 starves servers behind one NAT, and loopback. */
  inboundPerSecondMax: 100,
  /** Inbound connections in their handshake at once; each handshake costs about 7 ms of CPU. */
  inboundPendingMax: 100,
  /** Dial deadline, ms. A live server answers in a few round trips; more only delays the next try. */
  dialTimeoutMs: 5_000,
  /** How long a peer and its addresses are remembered, ms: what a restarted edge can find the others by. */
  peerAgeMs: 30 * 24 * 60 * 60 * 1_000,
  /** Streams of one protocol on one connection, each direction. */
  streamsMax: 256,
  /** Gossipsub's heartbeat, ms: repair of the gossip mesh; messages themselves do not wait for it. */
  gossipHeartbeatMs: 1_000,
  /** Largest gossip message, bytes. Membership digests are at most 64 KiB. */
  gossipMessageBytesMax: 128 * 1024,
  /** Kademlia's k. 20 in small meshes: with 8 a record now and then lies on none of its nearest nodes. */
  kBucketSize: 20
})
export type MeshSettings = { readonly [K in keyof typeof meshDefaults]: number }
