/**
 * How long a leader may rely on being the only one (thesis section 6.4.1): from the sending of the last heartbeat that a
 * majority answered, as each of that majority then grants no vote for an election timeout. Counted over the present
 * configuration, so that servers which joined since have promised too.
 *
 * A transfer breaks the promise on purpose, so with its order the lease ends, also where nothing comes of it. It begins again
 * when the server that was ordered answers a later heartbeat: from then on the order is void to it. A race that this
 * closes: 1. the order is delayed; 2. the transfer times out and the leader answers reads from its lease again; 3. the
 * order arrives, and others vote, as the leader itself seems to ask for it.
 */
import { reachedByMajority } from './quorum.ts'
import type { Progress } from './progress.ts'
import type { State } from './state.ts'
import type { PeerName } from '../ids.ts'

export class Lease {
  /** The last heartbeat round that left. */
  round = 0
  readonly #state: State
  readonly #progress: ReadonlyMap<PeerName, Progress>
  readonly #sentAt = new Map<number, number>()
  /** Rounds up to this one of the server that was ordered to take over do not bring the lease back. */
  readonly #forfeits = new Map<PeerName, number>()

  constructor (state: State, progress: ReadonlyMap<PeerName, Progress>) {
    this.#state = state
    this.#progress = progress
  }

  /** A heartbeat round leaves. */
  begin (): number {
    const { now, settings: { electionTicks } } = this.#state
    this.round++
    this.#sentAt.set(this.round, now)
    for (const [round, sentAt] of this.#sentAt) {
      if (now - sentAt < electionTicks) break
      this.#sentAt.delete(round)
    }
    return this.round
  }

  answered (peer: PeerName, progress: Progress, round: number): void {
    progress.leaseFrom = Math.max(progress.leaseFrom, this.#sentAt.get(round) ?? -Infinity)
    if (round > (this.#forfeits.get(peer) ?? Infinity)) this.#forfeits.delete(peer)
  }

  forfeit (peer: PeerName): void {
    this.#forfeits.set(peer, this.round)
  }

  /** The last round that a majority answered. */
  confirmedRound (): number {
    return this.#reached((progress) => progress.round, this.round)
  }

  /** Ticks left; 0 where there is none. */
  ticksLeft (): number {
    if (this.#forfeits.size > 0) return 0
    const { now, settings: { leaseTicks } } = this.#state
    return Math.max(0, this.#reached((progress) => progress.leaseFrom, now) + leaseTicks - now)
  }

  /** When a majority has been silent for so long that this server steps down; never for one alone. */
  silentAt (): number {
    const { electionTicks, quorumTimeouts } = this.#state.settings
    return this.#reached((progress) => progress.heardAt, Infinity) + electionTicks * quorumTimeouts
  }

  #reached (valueOf: (progress: Progress) => number, own: number): number {
    const { self, configurations } = this.#state
    return reachedByMajority(configurations.latest.voters, (peer) => {
      if (peer === self) return own
      const progress = this.#progress.get(peer)
      return progress === undefined ? -Infinity : valueOf(progress)
    })
  }
}
