/**
 * Whose proofs of life are held, and which of them are still news: the core of a gossip failure detector
 * (van Renesse, Minsky, Hayden 1998) with proofs that a relay cannot make (`pulse.ts`). A pulse is passed on
 * for a while after it was learned, to each link once, and never to whom it came from.
 */
import { follows, hashStep, pulseId, PulseChain, pulsesMax } from './pulse.ts'
import type { Pulse, PulseStep } from './pulse.ts'
import type { PeerName } from '../ids.ts'

interface Held {
  readonly id: string
  readonly peer: PeerName
  readonly anchor: Uint8Array
  /** Of the latest announcement. */
  sequence: number
  count: number
  value: Uint8Array
  /** As it is passed on; undefined until it is. */
  pulse: Pulse | undefined
  /** When this count was learned. */
  atMs: number
  /** Who told it; undefined of one's own. */
  from: PeerName | undefined
}

/**
 * How a pulse stands to what is held: `news` (its subject lives), `old`, `unknown` (no announcement with its
 * anchor is held), `forged`.
 */
export type PulseStanding = 'news' | 'old' | 'unknown' | 'forged'

interface Received {
  readonly standing: PulseStanding
  readonly peer?: PeerName
  /** Whether who told it knows a later announcement than the one held. */
  readonly behind?: boolean
}

/** Most pulses come several times: what is said of those is said without making anything. */
const unknown: Received = Object.freeze({ standing: 'unknown' })
const old: Received = Object.freeze({ standing: 'old' })

export class Pulses {
  readonly #seed: () => Uint8Array
  readonly #step: PulseStep
  readonly #held = new Map<string, Held>()
  /** The same as a list, until one comes or goes: it is gone through several times a second. */
  #list: readonly Held[] | undefined
  readonly #ids = new Map<PeerName, string>()
  #chain: PulseChain
  #count = 0

  /** @param seed makes secrets of at least 16 bytes */
  constructor (seed: () => Uint8Array, step: PulseStep = hashStep) {
    this.#seed = seed
    this.#step = step
    this.#chain = new PulseChain(seed(), step)
  }

  /** For one's next announcement. A chain that is used up gives way to a new one. */
  anchor (): Uint8Array {
    if (this.isUsedUp()) {
      this.#chain = new PulseChain(this.#seed(), this.#step)
      this.#count = 0
    }
    return this.#chain.anchor
  }

  isUsedUp (): boolean { return this.#count >= pulsesMax }

  /** Adds one's own next pulse. */
  beat (self: PeerName, sequence: number, nowMs: number): void {
    this.follow(self, this.#chain.anchor, sequence)
    const held = this.#held.get(this.#ids.get(self) ?? '')
    if (held === undefined || this.isUsedUp()) return
    const count = ++this.#count
    held.count = count
    held.value = this.#chain.value(count)
    held.sequence = sequence
    held.atMs = nowMs
    held.pulse = undefined
  }

  /**
   * An announcement of `peer` holds: from here on its pulses are believed. None without an anchor.
   * @returns whether it is another chain than before
   */
  follow (peer: PeerName, anchor: Uint8Array | undefined, sequence: number): boolean {
    const known = this.#held.get(this.#ids.get(peer) ?? '')
    if (known !== undefined && anchor !== undefined && Buffer.compare(known.anchor, anchor) === 0) {
      if (known.sequence !== sequence) known.pulse = undefined
      known.sequence = sequence
      return false
    }
    this.forget(peer)
    if (anchor === undefined) return known !== undefined
    const id = pulseId(peer, anchor)
    this.#list = undefined
    this.#ids.set(peer, id)
    this.#held.set(id, { id, peer, anchor, sequence, count: 0, value: anchor, pulse: undefined, atMs: -Infinity, from: undefined })
    return true
  }

  forget (peer: PeerName): void {
    this.#list = undefined
    this.#held.delete(this.#ids.get(peer) ?? '')
    this.#ids.delete(peer)
  }

  /** Whoever passes a pulse on says with it which announcement it holds itself: the first to tell of a life may lack what a later one knows. */
  receive (pulse: Pulse, from: PeerName, nowMs: number): Received {
    const held = this.#held.get(pulse.id)
    if (held === undefined) return unknown
    const behind = isLater(pulse.sequence, held.sequence)
    if (pulse.count <= held.count) return behind && pulse.count === held.count ? { standing: 'old', peer: held.peer, behind } : old
    if (!follows(held.value, pulse.value, pulse.count - held.count, this.#step)) return { standing: 'forged' }
    held.count = pulse.count
    held.value = pulse.value
    held.atMs = nowMs
    held.from = from
    held.pulse = pulse.sequence === held.sequence ? pulse : undefined
    return { standing: 'news', peer: held.peer, behind }
  }

  /** What was learned at `sinceMs` or later, but from `to` itself. */
  newsFor (to: PeerName, sinceMs: number): Pulse[] {
    const news: Pulse[] = []
    this.#list ??= [...this.#held.values()]
    for (const held of this.#list) {
      const { id, count, value, sequence, atMs, from, peer } = held
      if (atMs >= sinceMs && from !== to && peer !== to) news.push(held.pulse ??= { id, sequence, count, value })
    }
    return news
  }
}

/** Of sequences, of which pulses have the last 16 bits (serial number arithmetic, RFC 1982). */
function isLater (told: number, held: number): boolean {
  const ahead = (told - held) & 0xffff
  return ahead > 0 && ahead < 0x8000
}
