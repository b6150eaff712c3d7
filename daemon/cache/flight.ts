/**
 * One flight a key: concurrent misses share one fetch, and all of them its outcome.
 *
 * A flight may wait on another edge's flight, and so edges must never wait on each other in a circle,
 * whatever each believes the ring to be. That is what levels are for: a flight says whom it waits on, an ask
 * to fill joins only a flight of at least its own level, which is above the asker's, and `have` joins
 * only what waits on the origin alone, on no peer beside it. Every wait leads upwards, so none leads back.
 */
import type { Subject } from '../../protocols/purge/marks.ts'
import type { StoredResponse } from '../store/store.ts'
import type { Fill, FillHead } from './fill.ts'
import { Interest } from './interest.ts'
import type { Source } from './phase.ts'
import type { Upstream } from './upstream.ts'
import type { ContentKey, PeerName } from '../../protocols/ids.ts'

/** Whom a flight waits on, or an ask may wait on: each level waits only on higher ones. */
export const Level = {
  /** May wait on the key's owner in its region. */
  Asker: 0,
  /** The region's owner: may wait on the owner in the key's home region. */
  Owner: 1,
  /** The home region's owner: waits on no fill. */
  Home: 2,
  /** Waits on the origin alone, or its bytes come from there. */
  Origin: 3
} as const
export type Level = typeof Level[keyof typeof Level]

export type FlightOutcome =
  /** A body is arriving, to be read through `fill`. */
  | { readonly kind: 'filling', readonly fill: Fill, readonly storing: boolean, readonly stale: boolean, readonly source: Source, readonly peer?: PeerName }
  /** What was stored, and found current, was purged before that was known. */
  | { readonly kind: 'purged' }
  /** What was stored is current again. */
  | { readonly kind: 'validated', readonly head: StoredResponse, readonly source: Source, readonly peer?: PeerName }
  /** Not to be shared: whoever's request it was may claim the response once, all others ask for themselves. */
  | { readonly kind: 'private', readonly claim: () => Upstream | undefined }
  | { readonly kind: 'failed', readonly status: number, readonly reason: string }

export class Flight {
  readonly interest = new Interest()
  /** What is known of what it is to bring, with the epoch at which it began. */
  readonly #sought: Subject
  readonly outcome: Promise<FlightOutcome>
  readonly #abort = new AbortController()
  readonly #sunk = Promise.withResolvers<undefined>()
  #base: Level
  #level: Level
  /** Peers that were asked `have` and have not answered. */
  #asking = 0
  #fill: Fill | undefined

  /** @param run does the work; is aborted when nobody wants its outcome any more */
  constructor (level: Level, sought: Subject, run: (flight: Flight) => Promise<FlightOutcome>) {
    this.#sought = sought
    this.#level = level
    this.#base = level
    this.interest.onChange(() => {
      if (this.interest.count === 0) this.#abort.abort(new DOMException('nobody waits for it any more', 'AbortError'))
    })
    this.outcome = run(this)
    this.outcome.catch(() => {})
  }

  get signal (): AbortSignal { return this.#abort.signal }

  /** Which purges came before it. */
  get epoch (): number { return this.#sought.epoch }

  /** By which purges it is over for those who come later; before its head is here its tags are unknown. */
  get subject (): Subject { return this.#fill === undefined ? this.#sought : { ...this.#sought, tags: this.#fill.head.tags } }

  /**
   * While a body comes in from a peer, or another source for it is sought, it is what it was at the start. While a peer is asked
   * beside the origin it is as the home's: two that race their origins with each other would keep each other going when nobody else wants them.
   */
  get level (): Level {
    if (this.#fill === undefined) return this.#asking > 0 ? Math.min(this.#level, Level.Home) as Level : this.#level
    return this.#fill.fromOrigin ? Level.Origin : this.#base
  }

  /** A peer is asked `have`. @returns to be called once, when that has ended */
  ask (): () => void {
    this.#asking++
    return () => { this.#asking-- }
  }

  /** How far the fetch has come; down again before a body arrives only by `sink`. */
  raise (level: Level): void {
    this.#level = Math.max(this.#level, level) as Level
    if (level !== Level.Origin) this.#base = this.#level
  }

  /** No origin can be reached: it may wait on any edge now, so no edge may wait on it, nor go on waiting. */
  sink (): void {
    this.#level = Level.Asker
    this.#sunk.resolve(undefined)
  }

  /** Resolves when it sinks. */
  get sunk (): Promise<undefined> { return this.#sunk.promise }

  /** Of the body that is arriving; absent before. */
  get head (): FillHead | undefined { return this.#fill?.head }

  /** The body is arriving. */
  land (fill: Fill): void { this.#fill = fill }
}

/** All flights of an edge, by key, and for each key by variant. */
export class Flights {
  readonly #byKey = new Map<ContentKey, Map<string, Flight>>()
  #size = 0

  get size (): number { return this.#size }

  get (key: ContentKey, variant: string): Flight | undefined { return this.#byKey.get(key)?.get(variant) }

  of (key: ContentKey): Flight[] { return [...this.#byKey.get(key)?.values() ?? []] }

  add (key: ContentKey, variant: string, flight: Flight): void {
    const flights = this.#byKey.get(key) ?? new Map<string, Flight>()
    if (!flights.has(variant)) this.#size++
    flights.set(variant, flight)
    this.#byKey.set(key, flights)
  }

  /** Takes this very flight out, if it is still there. */
  remove (key: ContentKey, variant: string, flight: Flight): void {
    const flights = this.#byKey.get(key)
    if (flights?.get(variant) !== flight) return
    flights.delete(variant)
    this.#size--
    if (flights.size === 0) this.#byKey.delete(key)
  }
}

/** The first to call has the upstream; unclaimed, it is dropped when nobody waits any more. */
export function claimOnce (upstream: Upstream, interest: Interest): () => Upstream | undefined {
  let left: Upstream | undefined = upstream
  const claim = (): Upstream | undefined => {
    const claimed = left
    left = undefined
    return claimed
  }
  const onChange = (): void => { if (interest.count === 0) claim()?.cancel() }
  interest.onChange(onChange)
  onChange()
  return claim
}
