/**
 * Proofs of life of one simulated edge, as protocols/membership/pulse-lanes.ts sends them: what is fresh goes to one
 * link after the other, one message each `pulseSendMs`, in a new order each round. The chains and their checks are the real ones.
 */
import type { Members } from '../../../protocols/membership/members.ts'
import { pulseBytes, type Pulse } from '../../../protocols/membership/pulse.ts'
import { Part } from './messages.ts'
import type { Self } from './self.ts'

/** Bytes before the pulses of a message: its length, the carrier's head. */
const frameBytes = 32

export class PulseRounds {
  readonly #self: Self
  readonly #links: ReadonlySet<number>
  /** By link, ms of this machine: since when it has been told all. */
  readonly #sentAtMs: Float64Array
  #turn: number[] = []

  constructor (self: Self, links: ReadonlySet<number>) {
    this.#self = self
    this.#links = links
    this.#sentAtMs = new Float64Array(self.everyone.length).fill(-Infinity)
  }

  start (): void {
    this.#turn = []
    this.#sentAtMs.fill(-Infinity)
  }

  /** The link is gone. */
  drop (peer: number): void { this.#sentAtMs[peer] = -Infinity }

  /** Sends what is fresh to the next link that lacks any of it. */
  round (members: Members): void {
    const { machine, settings: { membership }, send, peerOf } = this.#self
    const nowMs = machine.nowMs()
    if (this.#turn.length === 0) this.#turn = shuffled([...this.#links], machine.random)
    for (let peer = this.#turn.pop(); peer !== undefined; peer = this.#turn.pop()) {
      if (!this.#links.has(peer)) continue
      const pulses = members.pulsesFor(peerOf(peer), Math.max(this.#sentAtMs[peer]!, nowMs - membership.pulseFreshMs))
      if (pulses.length === 0) continue
      this.#sentAtMs[peer] = nowMs
      send(peer, { kind: 'pulses', pulses }, frameBytes + pulses.length * pulseBytes, Part.Membership)
      return
    }
  }

  /** @returns whether who sent them seems to know of an announcement that was missed here */
  take (members: Members, pulses: readonly Pulse[], from: number): boolean {
    const { machine, peerOf } = this.#self
    const nowMs = machine.nowMs()
    let behind = false
    for (const pulse of pulses) {
      const standing = members.receivePulse(pulse, peerOf(from), nowMs)
      if (standing === 'forged') throw new Error(`${peerOf(from)} sent a proof of life that is forged`)
      behind ||= standing === 'behind' || standing === 'unknown'
    }
    return behind && members.member(peerOf(from)) !== undefined
  }
}

function shuffled (items: number[], random: () => number): number[] {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1))
    ;[items[last], items[other]] = [items[other]!, items[last]!]
  }
  return items
}
