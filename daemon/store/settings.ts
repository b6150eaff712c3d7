/**
 * Budgets of the store, and the small things that it is handed: a logger and callbacks for metrics.
 * Shares are parts of the tier's own budget, so a small edge keeps the same proportions as a large one.
 */
import type { ContentKey } from '../../protocols/ids.ts'
import type { StoredResponse, Tier } from './store.ts'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

export const storeDefaults = Object.freeze({
  /**
   * Bytes of the memory tier: bodies, their heads, fills in flight. More means fewer disk reads and
   * a larger process. 0 leaves files alone.
   */
  memoryBytesMax: 256 * MiB,
  /** Largest body in bytes that memory holds. Higher lets few large bodies crowd out many small ones. */
  memoryObjectBytesMax: 1 * MiB,
  /** Largest share of the memory budget for one object: what the small queue (10 %) takes without touching the main one. */
  memoryObjectShareMax: 0.1,
  /**
   * Bytes that a fill of unknown length gathers in memory before it goes on in a file. 1,000 such
   * fills hold at most 256 MiB, and less by `memoryFillShareMax`. Lower sends more small bodies
   * through the disk.
   */
  memoryUnknownBytesMax: 256 * KiB,
  /** Share of the memory budget for all fills in flight; above it they go on in files (or unstored, without a disk). */
  memoryFillShareMax: 0.25,
  /** Bytes of the disk tier, whole blocks, fills in flight counted. 0 turns it off: memory alone. */
  diskBytesMax: 10 * GiB,
  /**
   * Largest share of the disk budget for one object. Main keeps at least 1 minus this against a scan of
   * objects of this size; higher admits larger files at the cost of what is proven.
   */
  diskObjectShareMax: 0.25,
  /** Share of the disk budget for all fills in flight. Higher stores more large fills at once and evicts more for them. */
  diskFillShareMax: 0.5,
  /**
   * Objects on disk. Their heads stay in memory beside the memory budget: about 650 bytes each with ten
   * fields, and 190 more for each that was evicted and is remembered (as many as are held, at most). A
   * million takes 0.65 to 0.85 GB of the heap; above two million Node needs a larger one (--max-old-space-size).
   */
  diskObjectsMax: 1_000_000,
  /**
   * Bytes that wait to be written behind, at most an eighth of `memoryBytesMax`, of which they are set
   * aside. Above it an object stays in memory only. Higher rides out bursts, and leaves less to hits.
   */
  diskQueueBytesMax: 32 * MiB,
  /** Objects written behind at once. Higher helps disks with deep queues and delays reads on others. */
  diskQueueWritersMax: 4,
  /** File handles open at once; an idle one is closed when another is wanted. */
  diskHandlesMax: 256,
  /**
   * Milliseconds between two of the 256 folders when, after a start, files that nothing needs are
   * looked for. Higher spares the disk and frees the space later.
   */
  diskTidyPauseMs: 100,
  /** Milliseconds that a failing disk is left alone before a create tries it again. Lower retries a dead disk more. */
  diskRetryMs: 60_000
})

export type StoreSettings = { readonly [K in keyof typeof storeDefaults]: number }

export interface StoreLogger {
  warn: (fields: object, message: string) => void
}

/** Why no tier holds a variant any more. A variant that is replaced is still held. What purges says `purged` for the store's `removed`. */
export type DropCause = 'evicted' | 'removed' | 'damaged' | 'purged'

/**
 * Why a body was not stored: it is larger than any tier allows one object to be, fills in flight hold
 * their share of the budget already, or the disk that should take it is off.
 */
export type Refusal = 'too large' | 'fills hold their share' | 'disk off'

/** What the store tells others; each may be left out. Called synchronously: must not throw. */
export interface StoreEvents {
  /** An object became visible, in whichever tier: once for each commit, before anything else is said of it. Not said of what a start finds. */
  readonly committed?: (head: StoredResponse) => void
  /** No tier holds the variant any more. */
  readonly dropped?: (head: StoredResponse, cause: DropCause) => void
  /** A body was not stored, or will not be. Said once for each. */
  readonly refused?: (key: ContentKey, reason: Refusal) => void
  /** An object left a tier to make room, where known for the body of `byKey`. */
  readonly evicted?: (tier: Tier, head: StoredResponse, byKey?: ContentKey) => void
  /** All that an earlier run left is known: before, a walk through `heads` could end without some of it. Said once after a start, if there is a disk tier. */
  readonly loaded?: () => void
  /** A body's file turned out missing, short, unreadable or changed, and was dropped. */
  readonly damaged?: () => void
  /** The disk tier turned itself off (`false`) or came back (`true`). */
  readonly diskUsable?: (usable: boolean) => void
  /** The queue of writes behind was full: the object stays in memory only. */
  readonly queueFull?: () => void
}
