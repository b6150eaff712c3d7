/** Every interval, limit and budget of what drives a Raft group: streams, waiting, compaction. The core's are in `settings.ts`. */
export const raftServiceDefaults = Object.freeze({
  /**
   * How long a proposal or a read is tried, ms, where the caller's signal does not end it before. Longer bears a longer election;
   * shorter tells callers sooner. After it a proposal that was handed to a leader has an unknown outcome.
   */
  requestTimeoutMs: 5_000,
  /** Between two tries of what was refused for want of a leader, or of a read that got no answer, ms. Lower: sooner done after an election, more messages. */
  retryMs: 100,
  /** After which a proposal with an idempotency key that was handed to a leader and got no answer is handed on again, ms. Lower: more entries that are applied by nobody. */
  resendMs: 1_000,
  /** Proposals and reads of one group that wait here; more are refused at once. Each holds its data in memory. */
  waitingMax: 4_096,
  /** Bytes that wait to be sent to one peer; past it messages are dropped, as Raft repeats them. Lower drops sooner on slow links. */
  queueBytesMax: 8 * 1024 * 1024,
  /** Bytes in one write to a stream. Lower: more writes; higher: heartbeats wait longer behind entries. */
  writeBytesMax: 512 * 1024,
  /**
   * How long a message waits that only says what is committed, ms: what a follower's state is behind at most when nothing follows, beside the way.
   * 0 sends it at once. Lower: fresher followers; higher: fewer messages under load.
   */
  commitDelayMs: 5,
  /** Opening a stream, and one write to it, ms. Lower gives up on slow links, higher keeps a dead one longer. */
  streamTimeoutMs: 5_000,
  /** First wait before a stream that broke is opened again, ms; doubles up to the largest, with jitter. Lower dials dead peers more often. */
  reopenMs: 50,
  /** Largest such wait, ms. About the time that a peer which came back may still be without messages. */
  reopenMaxMs: 1_000,
  /** Between two requests of a member without a log to be taken in, ms. */
  knockIntervalMs: 500,
  /**
   * How long a leader gathers knocks before it takes all who knocked in by one entry, ms. Lower: a single newcomer is in sooner;
   * higher: fewer entries, each synced at every member, where many edges start at once.
   */
  gatherMs: 250,
  /** Entries applied since the last snapshot after which one is taken. Higher: a larger log to read at the start; lower: more writing. */
  snapshotEntries: 8_192,
  /** Data applied since the last snapshot after which one is taken, bytes: about what the next start reads. */
  snapshotBytes: 16 * 1024 * 1024
})

export type RaftServiceSettings = { readonly [K in keyof typeof raftServiceDefaults]: number }
