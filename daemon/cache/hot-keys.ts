/**
 * Which keys are asked for most at this edge, in bounded memory: told of every request, read by `colony top`.
 * Space-Saving (Metwally, Agrawal, El Abbadi 2005): a key without a counter takes over the lowest one, so a key that is
 * asked for often can never go unseen. All counts halve once in a half-life, so that what was hot an hour
 * ago does not stay at the top.
 */
import type { Clock } from '../../protocols/clock.ts'
import type { ContentKey } from '../../protocols/ids.ts'

export const hotKeyDefaults = Object.freeze({
  /**
   * Keys with a counter, about 300 bytes each and their targets. An estimate is too high by at most one in so many
   * of the requests counted: higher is more exact.
   */
  countersMax: 1_000,
  /** After so long a request counts half, ms. Lower follows what is hot now, higher what is hot on the whole. */
  halfLifeMs: 60_000,
  /** Keys that an edge tells others when asked. */
  topMax: 10
})
export type HotKeySettings = { readonly [K in keyof typeof hotKeyDefaults]: number }

export interface HotKey {
  readonly site: string
  readonly target: string
  /** Requests a second, over about two half-lives. */
  readonly perSecond: number
  /** `perSecond` is too high by at most so much. */
  readonly errorPerSecond: number
}

/** Counters of one count, side by side. */
interface Run { count: number, /** Index of its last counter. */ end: number }

/** One that no key has yet counts 0. */
interface Counter { key: ContentKey | undefined, site: string, target: string, run: Run, error: number, at: number }

/**
 * Counters stand in an array, the lowest first, and those of one count know where their run ends. One more request moves
 * a counter to the end of its run by one exchange, where its new count fits in: O(1) a request, nothing is ever
 * sorted. (Runs are the paper's buckets, without their lists.)
 *
 * With N the decayed number of requests and m counters, a key's count is never too low, and too high by at most
 * N / m + 1, which is its `error`; every key asked for more often than that has a counter. The 1 is what rounding up
 * at each halving comes to, as 1/2 + 1/4 + ... does.
 */
export class HotKeys {
  readonly #settings: HotKeySettings
  readonly #clock: Clock
  readonly #byKey = new Map<ContentKey, Counter>()
  readonly #rising: Counter[]
  /** Time up to the last halving, halved as the counts are: a count over it is a rate. */
  #windowMs = 0
  #halvedAtMs: number

  constructor ({ settings, clock }: { readonly settings: HotKeySettings, readonly clock: Clock }) {
    this.#settings = settings
    this.#clock = clock
    this.#halvedAtMs = clock.nowMs()
    const unused: Run = { count: 0, end: settings.countersMax - 1 }
    this.#rising = Array.from({ length: settings.countersMax }, (_, at): Counter => ({ key: undefined, site: '', target: '', run: unused, error: 0, at }))
  }

  /** One more request. */
  count (key: ContentKey, site: string, target: string): void {
    this.#decay()
    const counter = this.#byKey.get(key) ?? this.#takeLowest(key, site, target)
    if (counter === undefined) return
    const { run } = counter
    const { count, end } = run
    this.#exchange(counter, end)
    const above = this.#rising[end + 1]?.run
    const alone = this.#rising[end - 1]?.run !== run
    if (!alone) run.end--
    if (above?.count === count + 1) counter.run = above
    else if (alone) run.count++
    else counter.run = { count: count + 1, end }
  }

  /** @returns at most `n` keys, the one asked for most first */
  top (n: number): HotKey[] {
    this.#decay()
    // In the first second of an edge one request is no thousand a second.
    const seconds = Math.max(1, (this.#windowMs + this.#clock.nowMs() - this.#halvedAtMs) / 1_000)
    return this.#rising.slice(Math.max(0, this.#rising.length - n)).reverse().filter(({ key }) => key !== undefined)
      .map(({ site, target, run, error }) => ({ site, target, perSecond: run.count / seconds, errorPerSecond: error / seconds }))
  }

  /** The decayed number of a key's requests, and by how much it may be too high; undefined without a counter. */
  estimate (key: ContentKey): { readonly count: number, readonly error: number } | undefined {
    this.#decay()
    const counter = this.#byKey.get(key)
    return counter === undefined ? undefined : { count: counter.run.count, error: counter.error }
  }

  #takeLowest (key: ContentKey, site: string, target: string): Counter | undefined {
    const lowest = this.#rising[0]
    if (lowest === undefined) return undefined
    if (lowest.key !== undefined) this.#byKey.delete(lowest.key)
    this.#byKey.set(key, lowest)
    lowest.key = key
    lowest.site = site
    lowest.target = target
    lowest.error = lowest.run.count
    return lowest
  }

  #exchange (counter: Counter, at: number): void {
    const other = this.#rising[at]
    if (other === undefined) return
    this.#rising[counter.at] = other
    other.at = counter.at
    this.#rising[at] = counter
    counter.at = at
  }

  /** Halving keeps the order, so runs only merge. Rounded up, a count is never too low. */
  #decay (): void {
    const { halfLifeMs } = this.#settings
    const nowMs = this.#clock.nowMs()
    if (nowMs - this.#halvedAtMs < halfLifeMs) return
    const halvings = Math.floor((nowMs - this.#halvedAtMs) / halfLifeMs)
    const left = 0.5 ** halvings
    this.#halvedAtMs += halvings * halfLifeMs
    this.#windowMs = this.#windowMs * left + halfLifeMs * (1 - left)
    let run: Run | undefined
    for (const counter of this.#rising) {
      const count = Math.ceil(counter.run.count * left)
      if (run?.count !== count) run = { count, end: counter.at }
      run.end = counter.at
      counter.run = run
      // Half the error, and what rounding up added.
      counter.error = counter.error * left + (1 - left)
    }
  }
}
