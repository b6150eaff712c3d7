/** Limits of warming: it is work in the background, and no client may wait longer for it. */
export const warmDefaults = Object.freeze({
  /** Bodies that an edge takes in at once for others or itself. Higher is done sooner, and competes with clients for link and disk. */
  warmInFlightMax: 4,
  /** Fetches that wait for that, about 500 bytes each. An asker beyond it asks again later. */
  warmQueueMax: 1_000,
  /** How long an edge lets an asker wait before it tells how far it is, ms. Lower shows progress more often, for more messages. */
  warmWaitMs: 1_000,
  /** What nobody has asked about for so long is dropped, ms: its asker is gone. Lower stops sooner, and drops what a slow link asks about. */
  warmLeaseMs: 5_000,

  /** URLs at work at once on an edge that was told to warm, over all its jobs. No peer is asked more than that at once. */
  warmUrlsAtOnceMax: 16,
  /** Jobs at once on such an edge; each holds its list in memory. */
  warmJobsMax: 8,
  /** URLs of one job. */
  warmUrlsMax: 10_000,
  /** Largest list that is read, bytes. */
  warmBodyBytesMax: 4 * 1024 * 1024,
  /** Copies in a region. */
  warmCopiesMax: 16,
  /** Wait for one answer of a target edge, ms; above `warmWaitMs` by what a busy edge needs. */
  warmCallTimeoutMs: 10_000,
  /** Calls in a row to an edge that may go unanswered. Higher survives a restart of the edge, lower gives up on dead ones sooner. */
  warmCallsMax: 3,
  /** Pause before an edge that was silent or busy is asked again, ms. */
  warmPauseMs: 1_000,
  /** A fetch from which not one byte has come for so long is given up, ms. */
  warmStallMs: 120_000,
  /** Between two lines about how far a job is, ms. */
  warmProgressMs: 1_000
})
export type WarmSettings = { readonly [K in keyof typeof warmDefaults]: number }
