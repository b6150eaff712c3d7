/**
 * Decides which content key to announce next in the DHT: a pure core that `service.ts` drives. Announcing
 * everything cannot work (a walk and 20 messages for each key, again and again), so there is a budget, and
 * what it is spent on is fixed: published content before rare before common, and in each of them the newest
 * first. When there is more than the budget can keep announced, it is thus the least rare and oldest that
 * wait, and how many and how long is told (`behind`).
 */
import type { ContentKey } from '../ids.ts'
import { Heap, type HeapItem } from './heap.ts'
import { Pace } from './pace.ts'
import type { ProvidersSettings } from './settings.ts'

/**
 * Why a key is worth a record, the most worthy first: `published` content has no origin to fall back on, of
 * `rare` content few copies exist, `common` content is found by other ways nearly always.
 */
const rarities = ['published', 'rare', 'common'] as const
export type Rarity = typeof rarities[number]

export interface AnnouncerInit {
  readonly settings: Pick<ProvidersSettings, 'reannounceMs' | 'announcesPerMinuteMax' | 'announcesInFlightMax' | 'announceRetryMs' | 'keysMax'>
}

/** In the heap of those that wait or of those that are due, or in none while in flight. */
interface Wanted extends HeapItem {
  readonly key: ContentKey
  /** Place in `rarities`. */
  readonly rank: number
  /** Grows with each want. */
  readonly order: number
  dueMs: number
  failures: number
}

export class Announcer {
  readonly #settings: AnnouncerInit['settings']
  readonly #pace: Pace
  /** Each rarity's keys, the oldest first. */
  readonly #wanted = rarities.map(() => new Map<ContentKey, Wanted>())
  readonly #waiting = new Heap<Wanted>((a, b) => a.dueMs < b.dueMs)
  readonly #due = new Heap<Wanted>((a, b) => a.rank === b.rank ? a.order > b.order : a.rank < b.rank)
  /** Keys between `next` and `done`, those dropped meanwhile too: their announcements are still under way. */
  readonly #inFlight = new Set<ContentKey>()
  #orders = 0
  #displaced = 0

  constructor ({ settings }: AnnouncerInit) {
    this.#settings = settings
    this.#pace = new Pace(settings.announcesPerMinuteMax, settings.announcesInFlightMax)
  }

  get size (): number { return this.#wanted.reduce((sum, keys) => sum + keys.size, 0) }
  get inFlight (): number { return this.#inFlight.size }
  /** Keys that gave way, or were refused, for want of room. */
  get displaced (): number { return this.#displaced }

  has (key: ContentKey): boolean {
    return this.#find(key) !== undefined
  }

  /**
   * The key is held here and worth announcing: at once, and then every `reannounceMs`. May be repeated; with
   * another rarity it changes class and is its newest.
   *
   * @returns the key that is forgotten for want of room, perhaps this one
   */
  want (key: ContentKey, rarity: Rarity, nowMs: number): ContentKey | undefined {
    const rank = rarities.indexOf(rarity)
    const known = this.#find(key)
    if (known?.rank === rank) return undefined
    let displaced: Wanted | undefined
    if (known !== undefined) this.#forget(known)
    else if (this.size >= this.#settings.keysMax) {
      displaced = this.#leastWorthy()
      this.#displaced++
      if (displaced === undefined || displaced.rank < rank) return key
      this.#forget(displaced)
    }
    const wanted = { key, rank, order: this.#orders++, dueMs: known?.dueMs ?? nowMs, failures: known?.failures ?? 0, place: -1 }
    this.#wanted[rank]?.set(key, wanted)
    if (!this.#inFlight.has(key)) this.#waiting.push(wanted)
    return displaced?.key
  }

  /** The key is not held any more. @returns whether it was wanted */
  drop (key: ContentKey): boolean {
    const wanted = this.#find(key)
    if (wanted !== undefined) this.#forget(wanted)
    return wanted !== undefined
  }

  /** @returns the key to announce now, to be followed by `done`; undefined when none is due or may be */
  next (nowMs: number): ContentKey | undefined {
    this.#promote(nowMs)
    if (this.#due.size === 0 || this.#inFlight.size >= this.#settings.announcesInFlightMax || !this.#pace.take(nowMs)) return undefined
    const { key } = this.#due.pop() as Wanted
    this.#inFlight.add(key)
    return key
  }

  /** How the announcement of a key that `next` gave went. */
  done (key: ContentKey, ok: boolean, nowMs: number): void {
    const wanted = this.#find(key)
    if (!this.#inFlight.delete(key) || wanted === undefined) return
    const { reannounceMs, announceRetryMs } = this.#settings
    wanted.failures = ok ? 0 : wanted.failures + 1
    wanted.dueMs = nowMs + (ok ? reannounceMs : Math.min(reannounceMs, announceRetryMs * 2 ** (wanted.failures - 1)))
    this.#waiting.push(wanted)
  }

  /** Every key is due: the mesh is another than the one that was told. */
  renew (nowMs: number): void {
    // Clamped alike, no two of them swap: the heap stays one.
    for (const wanted of this.#waiting) wanted.dueMs = Math.min(wanted.dueMs, nowMs)
  }

  /** When `next` may have a key again, ms; Infinity when only `want` or `done` can change that. */
  nextDeadline (): number {
    if (this.#inFlight.size >= this.#settings.announcesInFlightMax) return Infinity
    const dueMs = this.#due.size > 0 ? -Infinity : this.#waiting.peek()?.dueMs ?? Infinity
    return Math.max(dueMs, this.#pace.nextMs())
  }

  /** Keys that are due and not under way, and for how long the oldest of them has been, ms. Looks at each of them. */
  behind (nowMs: number): { readonly keys: number, readonly ms: number } {
    this.#promote(nowMs)
    let oldestMs = nowMs
    for (const { dueMs } of this.#due) oldestMs = Math.min(oldestMs, dueMs)
    return { keys: this.#due.size, ms: nowMs - oldestMs }
  }

  #promote (nowMs: number): void {
    for (let first = this.#waiting.peek(); first !== undefined && first.dueMs <= nowMs; first = this.#waiting.peek()) {
      this.#waiting.delete(first)
      this.#due.push(first)
    }
  }

  #find (key: ContentKey): Wanted | undefined {
    for (const keys of this.#wanted) {
      const wanted = keys.get(key)
      if (wanted !== undefined) return wanted
    }
  }

  #leastWorthy (): Wanted | undefined {
    return this.#wanted.findLast(({ size }) => size > 0)?.values().next().value
  }

  #forget (wanted: Wanted): void {
    this.#wanted[wanted.rank]?.delete(wanted.key)
    if (!this.#waiting.delete(wanted)) this.#due.delete(wanted)
  }
}
