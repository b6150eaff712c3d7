/**
 * What a leader knows of one peer's log, and how it sends to it (etcd/raft calls the same things so):
 * - probe: the place where the logs agree is not known yet; one message at a time.
 * - replicate: it is; messages follow each other without waiting, bounded in number and bytes (pipelining).
 * - snapshot: the entries that it lacks are gone; nothing is sent until it has the snapshot.
 *
 * Loss is seen without timers: links keep their order, so a heartbeat answered before a message that went out ahead of it
 * means that the message is gone. Where links do not keep it, something is sent twice.
 */
import type { RaftSettings } from './settings.ts'

export type ProgressState = 'probe' | 'replicate' | 'snapshot'

interface Inflight { readonly last: number, readonly bytes: number, readonly round: number }

export class Progress {
  state: ProgressState = 'probe'
  /** Highest place known to be on the peer's disk (`matchIndex`). */
  match = 0
  /** The next place to send (`nextIndex`). */
  next: number
  /** Highest commit index told. */
  commitTold = 0
  /** When anything was last heard of the peer, in ticks. */
  heardAt: number
  /** Highest heartbeat round answered, and highest sent, with when it was. */
  round = 0
  #beaten = 0
  /** The commit index that the peer has surely heard of, by its answer to a heartbeat that said it; what the last one said. */
  commitKnown = 0
  #commitBeaten = 0
  beatAt = -Infinity
  /** Heartbeats in a row that were not answered before the next one left. */
  misses = 0
  /** Until then it gets every heartbeat, as it is to be promoted. */
  attendedUntil = -Infinity
  /** When that round was sent, in ticks. */
  leaseFrom = -Infinity
  /** The peer's present run, by its last heartbeat answer. */
  #life: number | undefined
  /** Of a snapshot under way. */
  snapshotIndex = 0
  snapshotAt = 0
  /** Before it no other is sent, as one failed; and how many have in a row. */
  snapshotRetryAt = -Infinity
  #snapshotsFailed = 0

  readonly #settings: RaftSettings
  #inflights: Inflight[] = []
  #inflightBytes = 0
  /** The round before which the probe under way was sent. */
  #probedIn: number | undefined

  constructor (next: number, now: number, settings: RaftSettings) {
    this.next = next
    this.heardAt = now
    this.#settings = settings
  }

  /** Whether entries may be sent now. */
  get isOpen (): boolean {
    switch (this.state) {
      case 'probe': return this.#probedIn === undefined
      case 'replicate': return this.#inflights.length < this.#settings.inflightMessagesMax && this.#inflightBytes < this.#settings.inflightBytesMax
      case 'snapshot': return false
    }
  }

  /** A message with entries up to `last` leaves, while heartbeat `round` was the last to leave. */
  sent (last: number, bytes: number, round: number): void {
    if (this.state === 'probe') {
      this.#probedIn = round
      return
    }
    this.next = last + 1
    this.#inflights.push({ last, bytes, round })
    this.#inflightBytes += bytes
  }

  /** A heartbeat leaves, which says that `commit` is committed. */
  beat (round: number, commit: number, now: number): void {
    this.misses = this.hasAnswered ? 0 : this.misses + 1
    this.#beaten = round
    this.#commitBeaten = commit
    this.beatAt = now
  }

  /** Whether the last heartbeat that left was answered. */
  get hasAnswered (): boolean { return this.round >= this.#beaten }

  /** @returns whether the peer was found to hold more than was known, or the way to it opened */
  confirmed (index: number): boolean {
    const news = index > this.match
    this.match = Math.max(this.match, index)
    this.next = Math.max(this.next, index + 1)
    this.#free(index)
    if (this.state === 'probe' || (this.state === 'snapshot' && this.match >= this.snapshotIndex)) {
      this.#become('replicate')
      return true
    }
    return news
  }

  /** The peer has not the place before `next`; the logs may agree up to `hint`. @returns whether this was news */
  rejected (index: number, hint: number): boolean {
    if (this.state === 'snapshot') return false
    if (index <= this.match) {
      // A message that overtook those before it: what it said of the commit index was not taken, either.
      this.commitTold = 0
      return false
    }
    if (this.state === 'probe' && index !== this.next - 1) return false
    this.#become('probe')
    this.next = Math.max(this.match + 1, Math.min(index, hint + 1))
    return true
  }

  /** A heartbeat was answered: what left before it was sent and is unanswered is lost. */
  answered (round: number): void {
    this.round = Math.max(this.round, round)
    if (round === this.#beaten) this.commitKnown = this.#commitBeaten
    const oldest = this.#inflights[0]
    if (this.state === 'probe' && this.#probedIn !== undefined && this.#probedIn < round) this.#probedIn = undefined
    if (this.state === 'replicate' && oldest !== undefined && oldest.round < round) this.#restart()
  }

  get life (): number | undefined { return this.#life }

  /** The run in which the peer answers. Another than before: what was under way is lost, and that the logs agree is for it to see anew. */
  lives (life: number, now: number): void {
    const before = this.#life
    this.#life = life
    if (before !== undefined && before !== life) this.lost(now)
  }

  /** What is under way is taken as lost. Of a snapshot that costs a lot, so the next one waits, ever longer. */
  lost (now: number): void {
    if (this.state === 'snapshot') {
      const { snapshotRetryTicks, snapshotTimeoutTicks } = this.#settings
      this.snapshotRetryAt = now + Math.min(snapshotTimeoutTicks, snapshotRetryTicks * 2 ** this.#snapshotsFailed++)
    }
    this.#restart()
  }

  /** Begins again behind what the peer is known to hold. */
  #restart (): void {
    this.#become('probe')
    this.next = this.match + 1
    this.commitKnown = 0
  }

  snapshotSent (index: number, now: number): void {
    this.#become('snapshot')
    this.snapshotIndex = index
    this.snapshotAt = now
    this.next = index + 1
  }

  #become (state: ProgressState): void {
    this.state = state
    this.#inflights = []
    this.#inflightBytes = 0
    this.#probedIn = undefined
    this.commitTold = 0
    if (state !== 'replicate') return
    this.next = this.match + 1
    this.#snapshotsFailed = 0
  }

  #free (index: number): void {
    let count = 0
    for (; count < this.#inflights.length && this.#inflights[count]!.last <= index; count++) this.#inflightBytes -= this.#inflights[count]!.bytes
    if (count > 0) this.#inflights.splice(0, count)
  }
}
