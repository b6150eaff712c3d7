/**
 * When a region's delegate tells the other regions, and of whom: what changed, after a moment and not more often than digests may
 * come; and the whole region now and then, as gossip loses messages. While nothing changes the whole is told ever more
 * seldom (the Trickle algorithm, RFC 6206, without its suppression): a still colony costs next to nothing however large it is.
 */
import type { PeerName } from '../ids.ts'
import type { MembershipSettings } from './settings.ts'

export interface DigestPlanInit {
  readonly settings: Pick<MembershipSettings, 'firstDigestMs' | 'digestDelayMs' | 'digestIntervalMaxMs'>
  readonly nowMs: number
  /** Shortest time between two digests, ms. */
  readonly gapMs: () => number
  /** Between two full digests while the region changes, ms. */
  readonly intervalMs: () => number
  /** Makes a time longer or shorter by chance. */
  readonly spread: (ms: number) => number
  /** False: edges of other regions take digests for signs of life, so they come as often while all is still. */
  readonly rests: boolean
}

export class DigestPlan {
  readonly #init: DigestPlanInit
  readonly #changed = new Set<PeerName>()
  #dueAtMs: number
  #toldAtMs: number
  #fullAtMs: number
  /** Full digests in a row before which nothing had changed. */
  #still = 0

  constructor (init: DigestPlanInit) {
    this.#init = init
    // Until it knows of others a newcomer takes itself for the region's delegate, and theirs tells of it in any case.
    this.#dueAtMs = this.#fullAtMs = init.nowMs + init.settings.firstDigestMs
    this.#toldAtMs = this.#dueAtMs - init.gapMs()
  }

  get nextMs (): number { return Math.min(this.#dueAtMs, this.#fullAtMs) }

  /** A member of the region joined, changed or left. */
  change (peer: PeerName, nowMs: number): void {
    const { settings, gapMs } = this.#init
    this.#changed.add(peer)
    this.#dueAtMs = Math.min(this.#dueAtMs, Math.max(nowMs + settings.digestDelayMs, this.#toldAtMs + gapMs()))
    this.stir(nowMs)
  }

  /** Something changed that only full digests tell. */
  stir (nowMs: number): void {
    if (this.#still === 0) return
    this.#still = 0
    this.#fullAtMs = Math.min(this.#fullAtMs, nowMs + this.#init.spread(this.#init.intervalMs()))
  }

  /** @returns whom the digest that is due tells of beside all live ones, or of whom alone */
  take (nowMs: number): { readonly full: boolean, readonly changed: ReadonlySet<PeerName> } {
    const { settings, intervalMs, spread, rests } = this.#init
    const full = nowMs >= this.#fullAtMs
    const changed = new Set(this.#changed)
    if (full) {
      const usualMs = intervalMs()
      this.#fullAtMs = nowMs + spread(Math.max(usualMs, Math.min(settings.digestIntervalMaxMs, usualMs * 2 ** this.#still)))
      if (rests) this.#still++
    }
    this.#dueAtMs = Infinity
    this.#toldAtMs = nowMs
    this.#changed.clear()
    return { full, changed }
  }

  /** All is to be told at once. */
  restart (nowMs: number): void {
    this.#dueAtMs = this.#fullAtMs = nowMs
    this.#still = 0
  }

  end (): void { this.#dueAtMs = this.#fullAtMs = Infinity }
}
