/** Limits of the fetch protocol, each with its unit and reason. */
export const fetchDefaults = Object.freeze({
  /**
   * Silence before the first answer that makes an asked peer count as silent, ms. An owner answers
   * `filling` at once, so this is a round trip plus an event loop's worst pause. It is what a dead or
   * stopped owner costs a request; lower it and slow peers are skipped, at the price of origin requests.
   */
  answerTimeoutMs: 400,
  /** The same between answers and between blocks, ms. Signs of life come each `fillingIntervalMs`. */
  silenceTimeoutMs: 1_500,
  /**
   * Signs of life alone hold an ask at most so long, ms: an origin's own deadlines (30 s for a head, 10 s in its
   * queue) end an honest wait before.
   */
  fillingMaxMs: 60_000,
  /** Between signs of life, ms. */
  fillingIntervalMs: 250,
  /** An answer that takes longer than this is announced by a sign of life, ms: saves the frame on every hit. */
  fillingAfterMs: 5,
  /** Largest block, bytes. Larger ones bring little (165-205 MB/s at 1 MiB) and cost memory for each stream. */
  blockBytesMax: 256 * 1024,
  /** Blocks in flight on one stream. More than 4 brings nothing (measured). */
  blocksInFlight: 4,
  /** Idle streams kept for each peer: opening one costs a negotiation round trip (900 a second against 5,400). */
  idleStreamsMax: 8,
  /** An inbound stream on which nothing moves, neither an ask nor an answer that waits to be read, is closed after this, ms. */
  idleStreamMs: 60_000,
  /** Transfers served at once; beyond it the answer is `busy`. Times 1 MiB is the memory at risk. */
  transfersMax: 512,
  /** Share of them for one peer: what one that asks without end, or never reads, can take from the others. */
  transfersShareMax: 0.25,
  /** Streams of this protocol on one connection, each direction. */
  streamsMax: 256
})
export type FetchSettings = { readonly [K in keyof typeof fetchDefaults]: number }
