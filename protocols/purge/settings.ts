/**
 * Every interval, limit and budget of carrying purges, with its reason. Three of them hang together: what a receipt promises of an edge that
 * cannot be reached is `leaseMs + clockSlackMs` away, and `leaseMs` is several times `vectorIntervalMs` plus the time that it takes to
 * notice that a delegate is dead, or edges would be fenced by a single crash.
 */
export const spreadDefaults = Object.freeze({
  /**
   * How long a purge can be had from the log by an edge that was away, ms. An edge that was away longer revalidates everything. Higher:
   * fewer of those, a longer log, and an edge that died for good counts as one that may come back for longer.
   */
  horizonMs: 24 * 3_600_000,
  /** Purges in the log, some hundred bytes each. Past it the oldest go before their time, and an edge that lacks them revalidates everything. */
  logEntriesMax: 10_000,
  /** The same, bytes. Held in memory and on disk. */
  logBytesMax: 16 * 1024 * 1024,
  /** One purge on the wire, bytes: a few hundred URLs. Higher: fewer orders for a large change, longer frames on every link. */
  purgeBytesMax: 32 * 1024,
  /** Lives of issuing edges that are told apart, all together; about 70 bytes each in a vector, which must fit a frame. Past it an unknown one is refused. */
  livesMax: 2_000,
  /** Purges of one life that are taken out of turn. Past it they are refused, and come with the repair, in turn. */
  beyondMax: 64,

  /** First wait for an answer, beside the gathering below and four round trips, ms; doubles. Lower: a lost message is repeated sooner, and a busy edge is asked twice. */
  attemptTimeoutMs: 300,
  /** Before a call that failed is repeated, ms; doubles. */
  retryMs: 50,
  /** Longest such wait. Lower: an edge that comes back is reached sooner by the tree (the repair reaches it anyhow), more calls to the dead. */
  retryMaxMs: 2_000,
  /** How long whoever passes a purge on may gather who has applied it before it answers, ms. Higher: fewer calls, and edges that do not answer hold a place at their delegates longer. */
  gatherMs: 250,
  /** How long a purge is passed on to who does not answer, ms; then only the repair goes on. Higher: more calls to edges that are gone. */
  spreadDeadlineMs: 30_000,
  /** Purges that an edge passes on at once. Past it they are applied, and reach others by repair. */
  flightsMax: 2_048,

  /** In a minority nothing can be promised, however long one waits: a caller then waits this long for the edges that can be reached, ms. */
  hereOnlyWaitMs: 1_000,
  /** Receipts held. An older one is gathered anew when it is asked for. */
  receiptsMax: 1_000,
  /** Edges named in a receipt that have not applied it; the rest are a number. */
  waitingShownMax: 50,

  /** Between two rounds of asking others how far they are, ms. Lower: what the tree missed is repaired sooner, and leases may be shorter; a small call for each of a few links, at 2 s a third of an idle edge's messages. */
  vectorIntervalMs: 4_000,
  /** The same while the edge has not been current yet. */
  firstIntervalMs: 250,
  /** One such call. */
  vectorTimeoutMs: 2_000,
  /** Such calls at once: a delegate asks all of its region. */
  vectorCallsMax: 32,
  /** One page of missing purges, bytes; must fit a frame. */
  pageBytesMax: 128 * 1024,
  /** Wait for a page of missing purges. */
  pageTimeoutMs: 5_000,

  /**
   * How old what was heard of most regions may be for an edge to count as current, ms. Higher: crashes and slow links fence less; an edge that
   * is cut off serves what was purged meanwhile for that long, and receipts wait for it.
   */
  leaseMs: 15_000,
  /** Added to a lease by whoever waits for its end: clocks that run unequally, and answers on their way. */
  clockSlackMs: 1_000,
  /** How far the wall clock of who took an order may be ahead, ms. A purge from further ahead is refused: it would stay for that much longer. */
  aheadMaxMs: 3_600_000,
  /** Between two records of having been current, ms: by the last one an edge knows how long it was away. */
  seenIntervalMs: 60_000
})

export type SpreadSettings = { readonly [K in keyof typeof spreadDefaults]: number }
