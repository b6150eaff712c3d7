/**
 * What a member of a group must find again after a crash, as a port: the log, the hard state (term, vote, commit
 * index) and the last snapshot. Raft's safety stands on it: a vote or an acknowledgement is a promise, and a promise may
 * leave this edge only after what it promises is on disk (Ongaro and Ousterhout 2014, figure 2, "persistent state").
 * `daemon/raft/` keeps it in LevelDB; tests keep it in memory.
 */
import { ColonyError } from '../errors.ts'
import type { Entry, HardState, Snapshot } from './messages.ts'

/**
 * What opening found.
 *
 * - `whole`: every record is as it was last acknowledged, or newer. An empty store is whole.
 * - `tail-cut`: records after index `at` were damaged or incomplete and were removed. No promise depended on them.
 * - `untrusted`: something acknowledged is lost or damaged, or that cannot be ruled out. Nothing of it is given out, and
 *   the store says the same at every opening until a write with `trusted`. A member with such a store must not
 *   vote or count: it comes back as a learner (`admission.ts`), and gets the log from the others.
 */
export type Soundness =
  | { readonly kind: 'whole' }
  | { readonly kind: 'tail-cut', readonly at: number, readonly reason: string }
  | { readonly kind: 'untrusted', readonly reason: string }

export interface Kept {
  readonly hardState: HardState
  /** Everything before `entries` is in it, or in what was applied before it was taken. */
  readonly snapshot: Snapshot | undefined
  /** Without gaps. May begin before the snapshot's end: followers that lag a little are served from these. */
  readonly entries: readonly Entry[]
  /** Of the group that this log belongs to: chosen at random when it was founded; undefined before. */
  readonly groupId: string | undefined
}

export interface Opened extends Kept {
  readonly soundness: Soundness
}

/** All or nothing. What is left out stays as it is. */
export interface Write {
  readonly hardState?: HardState
  /** Appended at their index, in place of whatever is there and after. */
  readonly entries?: readonly Entry[]
  /** In place of the last one. Where the log does not reach its index, or has another term there, the log is dropped. */
  readonly snapshot?: Snapshot
  /** Entries up to this index are no longer needed; at most the snapshot's. */
  readonly compactTo?: number
  readonly groupId?: string
  /** All that was kept is another group's: it is dropped, and what this write says stands alone. */
  readonly anew?: true
  /** The group has taken this member in again: an untrusted store counts from here on. */
  readonly trusted?: true
}

export interface RaftStore {
  /** Reads and checks everything. @throws RaftStoreError when it cannot be read or written at all */
  open: () => Promise<Opened>
  /**
   * One at a time.
   *
   * @returns when all of it is synced to disk
   * @throws RaftStoreError when that cannot be known (full disk, input/output error); the store takes no more writes then
   */
  write: (write: Write) => Promise<void>
}

/** The disk did not keep what it was given: nothing may be promised any more until the store was opened again. */
export class RaftStoreError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_RAFT_STORE', message, options)
  }
}
