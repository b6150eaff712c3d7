/**
 * The replicated log (sections 5.3 and 7) behind the last compaction, held in memory: the disk is written by way of
 * `Ready` and read once, at the start. Knows what is handed out for writing, what is on disk, committed and applied.
 *
 *     base < … kept … <= applied <= commit <= last;   handed out for writing < unwritten <= last
 */
import assert from 'node:assert/strict'
import { ColonyError } from '../errors.ts'
import type { Entry, Snapshot } from './messages.ts'
import type { Stored } from './ready.ts'

export class Log {
  commit: number
  applied: number
  /** The last place whose entry is on disk. */
  persisted: number
  /** The latest taken or received; every place before the log's first is in it. */
  snapshot: Snapshot | undefined
  /** Data of the entries held, bytes. */
  bytes = 0

  /** The place before the first entry held. */
  #baseIndex: number
  #baseTerm: number
  #entries: Entry[]
  /** First entry that no `Ready` carried yet. */
  #unwritten: number
  /** Last entry of the `Ready` under way that still stands. */
  #handed: number
  #handedToApply: number
  /** Received, and in no `Ready` yet. */
  #received: Snapshot | undefined

  /** @throws ColonyError when what was stored contradicts itself */
  constructor ({ hardState, snapshot, entries }: Stored, applied: number | undefined) {
    this.snapshot = snapshot
    this.#baseIndex = snapshot?.index ?? 0
    this.#baseTerm = snapshot?.term ?? 0
    this.#entries = entries.filter(({ index }) => index > this.#baseIndex)
    this.applied = Math.max(applied ?? 0, this.#baseIndex)
    // The commit index is written without a sync; what was applied was committed.
    this.commit = Math.max(hardState.commit, this.applied)
    this.persisted = this.lastIndex
    this.#unwritten = this.lastIndex + 1
    this.#handed = this.lastIndex
    this.#handedToApply = this.applied
    this.bytes = bytesOf(this.#entries)
    this.#check(hardState.term)
  }

  get firstIndex (): number { return this.#baseIndex + 1 }
  get lastIndex (): number { return this.#baseIndex + this.#entries.length }
  get lastTerm (): number { return this.#entries[this.#entries.length - 1]?.term ?? this.#baseTerm }

  /** The term at `index`; undefined where this log holds no such place. */
  termAt (index: number): number | undefined {
    return index === this.#baseIndex ? this.#baseTerm : this.#entries[index - this.firstIndex]?.term
  }

  /** Entries from `from` on, at most `countMax` and `bytesMax` of data, but one at least where there is one. */
  read (from: number, countMax: number, bytesMax: number, to = this.lastIndex): Entry[] {
    const start = from - this.firstIndex
    const end = Math.min(to - this.#baseIndex, start + countMax)
    let bytes = 0
    let at = start
    for (; at < end; at++) {
      bytes += this.#entries[at]!.data.byteLength
      if (bytes > bytesMax && at > start) break
    }
    return this.#entries.slice(start, at)
  }

  /** Whether a log that ends so holds all that this one may have committed (section 5.4.1). */
  isUpToDate (lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)
  }

  /** Adds entries behind the last. */
  append (entries: readonly Entry[]): void {
    this.#entries.push(...entries)
    this.bytes += bytesOf(entries)
  }

  /** The first of `entries` that is not in this log as it stands; undefined where all are. */
  firstNew (entries: readonly Entry[]): Entry | undefined {
    return entries.find(({ index, term }) => this.termAt(index) !== term)
  }

  /** Puts `entries` in place of all from the first of them on. Committed places never change. */
  replace (entries: readonly Entry[]): void {
    const from = entries[0]!.index
    assert(from > this.commit && from <= this.lastIndex + 1, 'only what is not committed is replaced, and without gaps')
    const dropped = this.#entries.splice(from - this.firstIndex)
    this.bytes -= bytesOf(dropped)
    // What was handed out and is replaced here is not on disk as it stands now, whatever the host says later.
    this.#handed = Math.min(this.#handed, from - 1)
    this.persisted = Math.min(this.persisted, from - 1)
    this.#unwritten = Math.min(this.#unwritten, from)
    this.append(entries)
  }

  /**
   * The last place up to `index` whose term is at most `term`: where two logs may still agree. Places in between have
   * terms that the other log cannot have there, so whole terms are skipped at once (section 5.3).
   */
  backOff (index: number, term: number): { index: number, term: number } {
    let at = Math.min(index, this.lastIndex)
    while (at > this.#baseIndex && this.termAt(at)! > term) at--
    return at < this.#baseIndex ? { index: at, term: 0 } : { index: at, term: this.termAt(at)! }
  }

  commitTo (index: number): boolean {
    if (index <= this.commit) return false
    assert(index <= this.lastIndex, 'what is committed is in the log')
    this.commit = index
    return true
  }

  /** Takes a leader's snapshot in place of everything (section 7). */
  restore (snapshot: Snapshot): void {
    assert(snapshot.index > this.commit, 'a snapshot never takes back what is committed')
    this.snapshot = snapshot
    this.#received = snapshot
    this.#rebase(snapshot.index, snapshot.term, [])
    this.commit = snapshot.index
    this.persisted = snapshot.index
    this.#handed = snapshot.index
    this.#unwritten = snapshot.index + 1
  }

  /** Takes one's own snapshot, and drops what is in it but for the last `entriesMax` entries and `bytesMax` of their data. */
  compact (snapshot: Snapshot, entriesMax: number, bytesMax: number): void {
    this.snapshot = snapshot
    const least = Math.max(this.#baseIndex, snapshot.index - entriesMax)
    let base = snapshot.index
    for (let bytes = 0; base > least; base--) {
      bytes += this.#entries[base - this.firstIndex]!.data.byteLength
      if (bytes > bytesMax) break
    }
    this.#rebase(base, this.termAt(base)!, this.#entries.slice(base - this.#baseIndex))
  }

  get hasWork (): boolean {
    return this.#received !== undefined || this.#unwritten <= this.lastIndex || this.commit > this.#handedToApply
  }

  /** What is to be written and applied now. */
  hand (applyBytesMax: number): { snapshot: Snapshot | undefined, entries: Entry[], committed: Entry[] } {
    const snapshot = this.#received
    if (snapshot !== undefined) this.#handedToApply = snapshot.index
    this.#received = undefined
    const entries = this.#entries.slice(this.#unwritten - this.firstIndex)
    this.#unwritten = this.lastIndex + 1
    this.#handed = this.lastIndex
    const committed = this.commit > this.#handedToApply ? this.read(this.#handedToApply + 1, Infinity, applyBytesMax, this.commit) : []
    this.#handedToApply += committed.length
    return { snapshot, entries, committed }
  }

  /** What was handed out is on disk and applied. */
  advance (): void {
    this.persisted = Math.max(this.persisted, this.#handed)
    this.applied = Math.max(this.applied, this.#handedToApply)
  }

  #rebase (index: number, term: number, entries: Entry[]): void {
    this.#baseIndex = index
    this.#baseTerm = term
    this.#entries = entries
    this.bytes = bytesOf(entries)
  }

  #check (term: number): void {
    const fault =
      this.#entries.some(({ index }, at) => index !== this.firstIndex + at) ? 'its entries leave a gap'
        : this.#entries.some((entry, at) => entry.term < (this.#entries[at - 1]?.term ?? this.#baseTerm)) ? 'terms fall along its entries'
          : this.lastTerm > term ? `its last entry is of term ${this.lastTerm}, and its hard state of ${term}`
            : this.commit > this.lastIndex ? `place ${this.commit} is committed, and ${this.lastIndex} its last`
              : undefined
    if (fault !== undefined) throw new ColonyError('COLONY_RAFT_STORED', `the stored Raft log cannot be trusted: ${fault}; start it empty, as a learner`)
  }
}

function bytesOf (entries: readonly Entry[]): number {
  return entries.reduce((sum, { data }) => sum + data.byteLength, 0)
}
