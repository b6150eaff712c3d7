/** Limits of purges on one edge, each with its unit and reason. */
import { markDefaults } from '../../protocols/purge/marks.ts'

export const purgeDefaults = Object.freeze({
  ...markDefaults,
  /** Orders that one edge takes a second, over a while: each is synced on every edge of the colony. Higher lets a busy editor's desk through, and a runaway script as well. */
  purgesPerSecondMax: 20,
  /** Orders that are taken at once after a quiet while. */
  purgeBurstMax: 200,
  /** How long `PURGE` waits for other edges, ms. */
  methodWaitMs: 5_000,
  /** Longest time that a receipt is waited for, ms. */
  receiptWaitMaxMs: 60_000,
  /** Longest order that is read, bytes. */
  orderBytesMax: 256 * 1024,
  /** From a purge to the sweep that drops its bodies, ms. Lower frees disk space sooner, higher lets one sweep do for many purges. */
  sweepDelayMs: 10_000,
  /** Objects looked at in one go: some 2 ms of the event loop. Higher ends a sweep of a million sooner and delays requests more. */
  sweepObjectsPerSlice: 500,
  /** Between two slices, ms: a sweep takes at most a tenth of the processor, and removes at most 25,000 objects a second. */
  sweepPauseMs: 20,
  /** Ids of purges remembered, so that one that comes again purges nothing anew; about 300 bytes each, on disk as well. */
  idsMax: 50_000,
  /** Epochs set aside at a time, in one synced write; after a restart those not used are skipped, of 4,294,967,296. */
  epochsPerBlock: 1_024
})
export type PurgeSettings = { readonly [K in keyof typeof purgeDefaults]: number }
