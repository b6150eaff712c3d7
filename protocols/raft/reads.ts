/**
 * Reads that wait until the leader has confirmed that it still is one (read-index, thesis section 6.4). A read takes the
 * commit index of its arrival, which must be of this term's making, and waits for a majority's answers to a heartbeat that
 * left later. All reads between two heartbeats share one round.
 */
import { Refusal } from './messages.ts'
import type { State } from './state.ts'
import type { PeerName } from '../ids.ts'

interface Waiting {
  readonly context: string
  readonly from: PeerName
  /** Undefined until the leader has committed an entry of its own term. */
  at: { readonly index: number, readonly round: number } | undefined
}

export class Reads {
  readonly #state: State
  #waiting: Waiting[] = []

  constructor (state: State) {
    this.#state = state
  }

  get size (): number { return this.#waiting.length }

  /** @param round the next to leave; undefined while the leader's first entry is not committed */
  add (context: string, from: PeerName, round: number | undefined): void {
    this.#waiting.push({ context, from, at: round === undefined ? undefined : { index: this.#state.log.commit, round } })
  }

  /** The leader's first entry is committed: reads may begin to count. */
  open (round: number): void {
    const { commit: index } = this.#state.log
    for (const read of this.#waiting) read.at ??= { index, round }
  }

  /** A majority answered `round`. */
  confirmed (round: number): void {
    const isDone = ({ at }: Waiting): boolean => at !== undefined && at.round <= round
    for (const { context, from, at } of this.#waiting.filter(isDone)) answer(this.#state, context, from, at!.index)
    this.#waiting = this.#waiting.filter((read) => !isDone(read))
  }

  /** The leader is one no longer. */
  end (): void {
    for (const { context, from } of this.#waiting) refuse(this.#state, context, from, Refusal.NotLeader)
    this.#waiting = []
  }
}

/** Tells whoever asked, this server's host or a peer. */
export function answer (state: State, context: string, to: PeerName, index: number): void {
  if (to === state.self) state.reads.push({ context, index })
  else state.send({ kind: 'read-answer', to, context, index, refusal: undefined })
}

export function refuse (state: State, context: string, to: PeerName, refusal: Refusal): void {
  if (to === state.self) state.refusedReads.push({ context, refusal })
  else state.send({ kind: 'read-answer', to, context, index: 0, refusal })
}
