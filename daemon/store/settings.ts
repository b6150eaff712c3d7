/**
 * Budgets of the store, and the small things that it is handed: a logger and callbacks for metrics.
 * Shares are parts of the tier's own budget, so a small edge keeps the same proportions as a large one.
 */

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
  /** Objects on disk. Their heads stay in memory beside the memory budget: at an estimated 1 KiB each 200 MiB when full. */
  diskObjectsMax: 200_000,
  /**
   * Bytes that wait to be written behind, at most an eighth of `memoryBytesMax`, of which they are set
   * aside. Above it an object stays in memory only. Higher rides out bursts, and leaves less to hits.
   */
  diskQueueBytesMax: 32 * MiB,
  /** Objects written behind at once. Higher helps disks with deep queues and delays reads on others. */
  diskQueueWritersMax: 4,
  /** File handles open at once; an idle one is closed when another is wanted. */
  diskHandlesMax: 256,
  /** Milliseconds that a failing disk is left alone before a create tries it again. Lower retries a dead disk more. */
  diskRetryMs: 60_000
})

export type StoreSettings = { readonly [K in keyof typeof storeDefaults]: number }

export interface StoreLogger {
  warn: (fields: object, message: string) => void
}

export type Tier = 'memory' | 'disk'

/** What the store tells the metrics; each may be left out. Called synchronously: must not throw. */
export interface StoreEvents {
  /** An object left a tier to make room. */
  readonly evicted?: (tier: Tier) => void
  /** A body's file turned out missing, short, unreadable or changed, and was dropped. */
  readonly damaged?: () => void
  /** The disk tier turned itself off (`false`) or came back (`true`). */
  readonly diskUsable?: (usable: boolean) => void
  /** The queue of writes behind was full: the object stays in memory only. */
  readonly queueFull?: () => void
}
