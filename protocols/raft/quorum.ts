/**
 * Majorities (section 5.2; thesis section 4.1 for why any two of neighbouring configurations meet). One function answers
 * three questions of a leader: what is committed, which heartbeat round was confirmed, since when a majority is silent.
 */
import type { PeerName } from '../ids.ts'

export function majorityOf (count: number): number {
  return Math.floor(count / 2) + 1
}

/** The highest value that a majority of `voters` has reached; -Infinity where there are none. */
export function reachedByMajority (voters: readonly PeerName[], valueOf: (voter: PeerName) => number): number {
  const values = voters.map(valueOf).sort((one, other) => other - one)
  return values[majorityOf(voters.length) - 1] ?? -Infinity
}

export type Tally = 'won' | 'lost' | 'open'

/** The votes of one election. Each voter counts once, however often its answer arrives. */
export class Votes {
  readonly #votes = new Map<PeerName, boolean>()

  record (voter: PeerName, granted: boolean): void {
    if (!this.#votes.has(voter)) this.#votes.set(voter, granted)
  }

  tally (voters: readonly PeerName[]): Tally {
    const count = (wanted: boolean): number => voters.filter((voter) => this.#votes.get(voter) === wanted).length
    if (count(true) >= majorityOf(voters.length)) return 'won'
    return voters.length - count(false) < majorityOf(voters.length) ? 'lost' : 'open'
  }
}
