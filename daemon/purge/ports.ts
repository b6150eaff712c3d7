/**
 * What the rest of the daemon knows of purges: whether something is purged here, and how one is ordered. Whoever carries purges
 * to other edges (protocols/purge/service.ts) stands behind it.
 */
import type { Purged, Subject } from '../../protocols/purge/marks.ts'
import type { PurgeOrder } from '../../protocols/purge/orders.ts'
import type { Receipt } from '../../protocols/purge/receipt.ts'
import { tagsOf } from '../../protocols/purge/tags.ts'
import type { StoredResponse } from '../store/store.ts'

/** What was purged on this edge, as the cache and the store ask it: in memory, at once. */
export interface PurgeView {
  /** What a fetch that begins now bears; perhaps too little, so that more is purged. */
  readonly stamp: number
  isPurged: (subject: Subject) => Purged
  /** Since when it is stale by soft purges, wall clock, ms. */
  softenedAtMs: (subject: Subject) => number | undefined
}

/** For a cache that nothing can purge. */
export const nothingPurged: PurgeView = Object.freeze({ stamp: 0, isPurged: () => 'none' as const, softenedAtMs: () => undefined })

/** A head as marks look at it; one that was stored before there were any has its tags in its fields alone. */
export function subjectOf (head: Omit<StoredResponse, 'length' | 'hash'>): Subject {
  return head.epoch === undefined ? { ...head, epoch: 0, tags: tagsOf(head.fields) } : head as Subject
}

export { Wait, type Receipt } from '../../protocols/purge/receipt.ts'
export type { PurgeOrder } from '../../protocols/purge/orders.ts'

/** Takes orders. @throws PurgeRefusedError when there are too many, and what the carrier of purges throws (protocols/purge/errors.ts) */
export type Purger = (order: PurgeOrder, signal: AbortSignal) => Promise<Receipt>
