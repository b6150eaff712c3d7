/**
 * What a member receives of a group: messages that its core did not take, by why, and which voters are silent, so that a change
 * that cannot be agreed on names who is missing. A leader knows it of itself (check-quorum). A voter without a leader asks all
 * others for their pre-vote after each election timeout, so whoever says nothing to it for a few of these is not there for it,
 * whatever its connections look like: those to a host that was cut off stay open for minutes. Under a leader followers do not
 * speak to each other, and nothing is said.
 */
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'
import { Verdict, type Status } from './ready.ts'
import type { RaftSettings } from './settings.ts'

/** A pre-vote is asked for within two election timeouts of the one before; the third is for its answer. */
const silentElections = 3

export class Received {
  /** Messages that the core did not take, by why. */
  readonly verdicts: Partial<Record<Verdict, number>> = {}
  readonly #clock: Clock
  readonly #silentMs: number
  #sinceMs: number
  readonly #heardMs = new Map<PeerName, number>()

  constructor (clock: Clock, { electionTicks, tickMs }: Pick<RaftSettings, 'electionTicks' | 'tickMs'>) {
    this.#clock = clock
    this.#silentMs = silentElections * electionTicks * tickMs
    this.#sinceMs = clock.nowMs()
  }

  /** @param verdict what the core said of a message of `peer`: taken or not, it is a sign of life */
  note (peer: PeerName, verdict: Verdict | undefined): void {
    this.#heardMs.set(peer, this.#clock.nowMs())
    if (verdict !== undefined && verdict !== Verdict.Taken) this.verdicts[verdict] = (this.verdicts[verdict] ?? 0) + 1
  }

  /** It takes part from now on: nobody was silent before. */
  restart (): void {
    this.#sinceMs = this.#clock.nowMs()
    this.#heardMs.clear()
  }

  /** @returns voters, never this member itself; who is in the group no more is forgotten */
  silent (self: PeerName, status: Status | undefined): PeerName[] {
    if (status === undefined) return []
    const { role, leader, configuration: { voters, learners }, progress } = status
    for (const peer of this.#heardMs.keys()) if (!voters.includes(peer) && !learners.includes(peer)) this.#heardMs.delete(peer)
    if (role === 'leader') return progress.filter(({ peer, active }) => voters.includes(peer) && !active).map(({ peer }) => peer)
    // Who learns asks for no votes.
    if (leader !== undefined || !voters.includes(self)) return []
    const nowMs = this.#clock.nowMs()
    return voters.filter((peer) => peer !== self && nowMs - (this.#heardMs.get(peer) ?? this.#sinceMs) > this.#silentMs)
  }
}
