/**
 * Every interval, limit and budget of the directory of holders, with its reason. Region-wide traffic follows
 * from three of them: keys changed x 32 bytes, one report for each pair of edges every `reportIntervalMs`
 * while something changes, and one empty one every `refreshIntervalMs` while nothing does.
 */
export const directoryDefaults = Object.freeze({
  /** From a change of the own holdings to its report, ms. Lower: found sooner, more messages; 1,000 fills a second still batch. */
  reportIntervalMs: 200,
  /** Keys of one report or hand-over page. 2,048 is 64 KiB: well below what a frame holds, and a few ms of work at the owner. */
  reportKeysMax: 2_048,
  /** Wait for the answer to a report or a page, ms. Lower: a busy owner is given up sooner, and reported to twice. */
  reportTimeoutMs: 2_000,
  /** First wait before a report without answer is repeated, ms; it doubles up to `retryMaxMs`. */
  retryMinMs: 500,
  /** Longest such wait, ms: how late at most an owner that comes back hears of changes. */
  retryMaxMs: 15_000,
  /**
   * Between two signs of life to an owner that was told anything, ms: how soon a directory that was lost without its
   * edge beginning anew is rebuilt. In a region of 100 edges each sends and answers one in 1.2 s.
   */
  refreshIntervalMs: 120_000,
  /** Between two full reports that an owner asks for, ms; it doubles up to `fullMaxMs` while the owner asks again and again. */
  fullMinMs: 1_000,
  /** Longest such wait, ms: a broken or hostile owner costs one walk of the own holdings in that time. */
  fullMaxMs: 60_000,
  /** Between two walks of the own holdings that only compare counts with the owners', ms. A walk of a million takes about a second of processor time. */
  auditIntervalMs: 600_000,
  /** From a change of the ring to acting on it, ms, so that a burst of joins moves keys once, and other edges have seen it too. */
  settleMs: 500,
  /** Keys looked at before the event loop gets its turn, in walks of holdings and of the directory: about 2 ms. */
  walkKeysPerSlice: 2_000,
  /** Changes waiting for one owner. A walk pauses at it; an owner that does not answer is given up at twice of it and told all later. */
  queueKeysMax: 16_384,
  /** A previous owner keeps what moved away from it for this long, ms: it may still be asked. */
  formerKeepMs: 60_000,
  /** What a previous owner handed over counts for this long without a word of the holder itself, ms. Higher: what is wrong in it is believed longer. */
  toldKeepMs: 60_000,
  /** Keys handed over a second, all new owners together: 640 KB/s beside the region's content. */
  handOverKeysPerSecondMax: 20_000,
  /** Keys in the directory; beyond it the oldest leave. 90 bytes each with one holder, 120 with two to four (measured). */
  entriesMax: 1_000_000,
  /** Keys that one holder may have told in one session, and in all while the directory is full: what one edge can take of the others' room. */
  keysPerHolderMax: 500_000,
  /** Holders known for one key: more copies add nothing for whoever looks for one. */
  holdersPerKeyMax: 16,
  /** Wait for another edge's directory, ms: a look-up must never cost more than it saves. */
  findTimeoutMs: 250
})
export type DirectorySettings = { readonly [K in keyof typeof directoryDefaults]: number }
