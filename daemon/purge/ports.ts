/**
 * What the rest of the daemon knows of purges: whether something is purged here, and how one is ordered. Whoever carries purges
 * to other edges stands behind the same `Purger` as this edge alone does.
 */
import type { PeerName } from '../../protocols/ids.ts'
import type { Purged, Subject } from '../../protocols/purge/marks.ts'
import type { PurgeId, Selector } from '../../protocols/purge/purge.ts'
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

export const Wait = { Region: 'region', All: 'all', None: 'none' } as const
export type Wait = typeof Wait[keyof typeof Wait]

export interface PurgeOrder {
  readonly selectors: readonly Selector[]
  readonly soft: boolean
  /** The same key within a while is the same order, and has the same receipt. */
  readonly idempotencyKey?: string
  /** Whom the receipt waits for, at most so long, ms. */
  readonly wait: Wait
  readonly timeoutMs: number
}

/** What became of an order so far. */
export interface Receipt {
  readonly id: PurgeId
  /** Edges on which it counts and will after a restart, with the time at which that was known here, wall clock, ms. */
  readonly applied: ReadonlyArray<{ readonly peer: PeerName, readonly atMs: number }>
  /** Sentences that whoever ordered it should read. */
  readonly notes: readonly string[]
}

/** Takes orders. @throws PurgeRefusedError when there are too many */
export type Purger = (order: PurgeOrder, signal: AbortSignal) => Promise<Receipt>
