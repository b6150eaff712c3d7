/**
 * Keeps the links that `links.ts` asks for: dials what is missing, one attempt at a time for a peer and
 * a few at a time in all, and waits longer after each failure (exponential back-off with jitter). A link that ends at once is a
 * failure, too: who is refused learns it only by that, as its own end counts as linked before. It
 * never closes a link: others may have wanted it.
 */
import { deadline } from '../clock.ts'
import type { Counters } from './ports.ts'
import type { MembershipSettings } from './settings.ts'
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'

export interface DiallerInit {
  readonly clock: Clock
  readonly settings: Pick<MembershipSettings, 'dialsMax' | 'dialTimeoutMs' | 'dialBackoffMs' | 'dialBackoffMaxMs' | 'dialYieldMs' | 'linkProofMs'>
  readonly self: PeerName
  readonly isLinked: (peer: PeerName) => boolean
  readonly dial: (peer: PeerName, signal: AbortSignal) => Promise<unknown>
  /** Called after each attempt: there is room for the next one. */
  readonly onSettled: () => void
  readonly counters: Counters
}

interface Attempt {
  failures: number
  notBeforeMs: number
  /** A link that is there then was no failure. */
  provenMs: number
  running: boolean
}

export class Dialler {
  readonly #init: DiallerInit
  readonly #attempts = new Map<PeerName, Attempt>()
  /** Peers to be tried once, beside those to be kept. */
  readonly #once = new Set<PeerName>()
  #targets: ReadonlySet<PeerName> = new Set()

  constructor (init: DiallerInit) {
    this.#init = init
  }

  keep (targets: ReadonlySet<PeerName>): void {
    this.#targets = targets
  }

  /** Tries a peer once, for what it may know. A peer that failed lately is left alone. */
  tryOnce (peer: PeerName): void {
    if (peer !== this.#init.self) this.#once.add(peer)
  }

  /** Starts the dials that are due. Call it now and then, and after a link was lost. */
  round (signal: AbortSignal): void {
    const { clock, settings, isLinked } = this.#init
    const nowMs = clock.nowMs()
    this.#forget(nowMs)
    for (const peer of [...this.#once, ...this.#targets]) {
      if (isLinked(peer)) {
        const attempt = this.#attempts.get(peer)
        if (attempt?.running === false && attempt.provenMs <= nowMs) this.#attempts.delete(peer)
        this.#once.delete(peer)
        continue
      }
      const attempt = this.#attempt(peer, nowMs)
      if (attempt.running) continue
      const due = attempt.notBeforeMs <= nowMs
      if (due && this.#running() >= settings.dialsMax) return
      this.#once.delete(peer)
      if (due) void this.#dial(peer, attempt, signal)
    }
  }

  /** Both ends of a missing link want it: the lower peer id dials, the higher waits a little. */
  #attempt (peer: PeerName, nowMs: number): Attempt {
    const known = this.#attempts.get(peer)
    if (known !== undefined) return known
    const yieldMs = peer < this.#init.self && !this.#once.has(peer) ? this.#init.settings.dialYieldMs : 0
    const attempt = { failures: 0, notBeforeMs: nowMs + yieldMs, provenMs: nowMs, running: false }
    this.#attempts.set(peer, attempt)
    return attempt
  }

  async #dial (peer: PeerName, attempt: Attempt, parent: AbortSignal): Promise<void> {
    const { clock, settings, counters, dial, onSettled } = this.#init
    const { signal, clear } = deadline(clock, settings.dialTimeoutMs, `dialling ${peer}`, parent)
    attempt.running = true
    counters.dials++
    try {
      await dial(peer, signal)
      attempt.provenMs = clock.nowMs() + settings.linkProofMs
    } catch {
      // Ordinary: the peer is down, or its addresses are not known yet. The counter tells.
      counters.dialFailures++
    } finally {
      clear()
      attempt.running = false
      attempt.failures++
      attempt.notBeforeMs = clock.nowMs() + backoffMs(attempt.failures, settings.dialBackoffMs, settings.dialBackoffMaxMs, clock.random())
    }
    if (!parent.aborted) onSettled()
  }

  #running (): number {
    let running = 0
    for (const attempt of this.#attempts.values()) if (attempt.running) running++
    return running
  }

  /** A peer that is no target any more keeps its wait, so that finding it again does not shorten it. */
  #forget (nowMs: number): void {
    for (const [peer, { notBeforeMs, running }] of this.#attempts) {
      if (!running && notBeforeMs <= nowMs && !this.#targets.has(peer) && !this.#once.has(peer)) this.#attempts.delete(peer)
    }
  }
}

/** Doubles with each failure up to `maxMs`; between half of it and all of it, by `chance` in [0, 1). */
export function backoffMs (failures: number, baseMs: number, maxMs: number, chance: number): number {
  return Math.min(maxMs, baseMs * 2 ** Math.min(failures - 1, 30)) * (0.5 + chance / 2)
}
