/**
 * Whose whole filter is to be asked for, and when. A new member is asked after a moment at random, as the whole
 * region notices it at once; one that does not answer, or breaks again at once, is asked ever less often. Every member is looked
 * at each time, so nothing needs to be remembered of those that gave what was wanted.
 */
import type { PeerName } from '../ids.ts'
import type { FiltersSettings } from './settings.ts'

export interface AsksInit {
  readonly settings: Pick<FiltersSettings, 'askIntervalMs' | 'askIntervalMaxMs' | 'askSpreadMs' | 'asksAtOnceMax'>
  readonly random: () => number
}

interface Due {
  atMs: number
  /** Asks since the filter was last whole when the next one would have been due: each doubles the interval. */
  inARow: number
}

export class Asks {
  readonly #init: AsksInit
  readonly #due = new Map<PeerName, Due>()

  constructor (init: AsksInit) {
    this.#init = init
  }

  /** Those of `lacking`, whose filters are missing or not whole, that are to be asked now; at most `asksAtOnceMax`. */
  take (lacking: readonly PeerName[], nowMs: number): PeerName[] {
    const { askIntervalMs, askIntervalMaxMs, askSpreadMs, asksAtOnceMax } = this.#init.settings
    const wanted = new Set(lacking)
    for (const [peer, { atMs }] of this.#due) if (!wanted.has(peer) && atMs <= nowMs) this.#due.delete(peer)
    for (const peer of lacking) {
      if (!this.#due.has(peer)) this.#due.set(peer, { atMs: nowMs + this.#init.random() * askSpreadMs, inARow: 0 })
    }
    const taken = lacking.filter((peer) => (this.#due.get(peer)?.atMs ?? 0) <= nowMs).slice(0, asksAtOnceMax)
    for (const peer of taken) {
      const due = this.#due.get(peer) as Due
      due.atMs = nowMs + Math.min(askIntervalMaxMs, askIntervalMs * 2 ** due.inARow)
      due.inARow++
    }
    return taken
  }
}
