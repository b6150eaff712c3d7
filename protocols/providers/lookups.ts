/**
 * Look-ups of a key's providers, bounded in every way: how many run, how long each runs, how many providers it
 * takes in, how much is remembered. Those who look for one key share one query of the DHT, each seeing
 * the providers as they are found; a query that nobody reads any more is ended. A record counts only while
 * its provider is a member of the colony.
 */
import { deadline, type Clock } from '../clock.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import { Pace } from './pace.ts'
import type { ProvidersSettings } from './settings.ts'

export interface LookupsInit {
  readonly clock: Clock
  readonly settings: Pick<ProvidersSettings, 'lookupTimeoutMs' | 'lookupsInFlightMax' | 'lookupsPerMinuteMax' | 'providersMax' | 'recordsMax' | 'hitRememberMs' | 'missRememberMs' | 'rememberedMax'>
  /** Asks the DHT. What it gives, and how often, is not believed; it should end when `signal` aborts. */
  readonly query: (key: ContentKey, signal: AbortSignal) => AsyncIterable<PeerName>
  readonly hasLinks: () => boolean
  /** Whether a peer counts as a provider: a member, and another edge than this one. */
  readonly counts: (peer: PeerName) => boolean
}

export interface LookupCounters {
  /** Queries begun. */
  lookups: number
  /** Queries that found a provider. */
  found: number
  /** Look-ups refused, as too many were under way or in this minute, or there was no link. */
  skipped: number
  /** Look-ups answered out of memory. */
  remembered: number
  timedOut: number
  /** Queries that the DHT broke off. */
  lookupErrors: number
}

export class Lookups {
  readonly counters: LookupCounters = { lookups: 0, found: 0, skipped: 0, remembered: 0, timedOut: 0, lookupErrors: 0 }
  readonly #init: LookupsInit
  readonly #running = new Map<ContentKey, Lookup>()
  readonly #pace: Pace
  /** The longest remembered first. */
  readonly #ended = new Map<ContentKey, { readonly lookup: Lookup, readonly untilMs: number }>()

  constructor (init: LookupsInit) {
    this.#init = init
    const { lookupsPerMinuteMax } = init.settings
    this.#pace = new Pace(lookupsPerMinuteMax, lookupsPerMinuteMax)
  }

  /** Each provider once, as it is found; see `Providers.find`. */
  async * find (key: ContentKey, signal: AbortSignal): AsyncGenerator<PeerName, void, undefined> {
    signal.throwIfAborted()
    const lookup = this.#recall(key) ?? this.#running.get(key) ?? this.#begin(key)
    if (lookup === undefined) return
    lookup.readers++
    try {
      for (let index = 0; ; index++) {
        while (index >= lookup.found.length) {
          if (lookup.ended) return
          await lookup.change(signal)
        }
        const peer = lookup.found[index] as PeerName
        if (this.#init.counts(peer)) yield peer
      }
    } finally {
      if (--lookup.readers === 0) lookup.abandoned.abort()
    }
  }

  /** Ends all that run. */
  stop (): void {
    for (const { abandoned } of this.#running.values()) abandoned.abort()
  }

  #recall (key: ContentKey): Lookup | undefined {
    const past = this.#ended.get(key)
    if (past === undefined) return undefined
    if (this.#init.clock.nowMs() < past.untilMs) {
      this.counters.remembered++
      return past.lookup
    }
    this.#ended.delete(key)
  }

  #begin (key: ContentKey): Lookup | undefined {
    const { clock, settings, hasLinks } = this.#init
    if (this.#running.size >= settings.lookupsInFlightMax || !hasLinks() || !this.#pace.take(clock.nowMs())) {
      this.counters.skipped++
      return undefined
    }
    const lookup = new Lookup()
    this.#running.set(key, lookup)
    this.counters.lookups++
    void this.#run(key, lookup)
    return lookup
  }

  async #run (key: ContentKey, lookup: Lookup): Promise<void> {
    const { clock, settings, query, counts } = this.#init
    const { signal, clear } = deadline(clock, settings.lookupTimeoutMs, 'a look-up of providers', lookup.abandoned.signal)
    // The readers are let go by the deadline itself, however long the DHT takes to notice it.
    signal.addEventListener('abort', () => {
      if (!lookup.ended && !lookup.abandoned.signal.aborted) this.counters.timedOut++
      this.#end(key, lookup)
    })
    let records = 0
    try {
      for await (const peer of query(key, signal)) {
        if (lookup.ended) return
        if (counts(peer)) lookup.add(peer)
        if (lookup.found.length < settings.providersMax && ++records < settings.recordsMax) continue
        this.#end(key, lookup)
        return
      }
    } catch {
      if (!signal.aborted) this.counters.lookupErrors++
    } finally {
      clear()
      this.#end(key, lookup)
    }
  }

  #end (key: ContentKey, lookup: Lookup): void {
    if (lookup.ended) return
    lookup.end()
    this.#running.delete(key)
    if (lookup.found.length > 0) this.counters.found++
    // Broken off before its time: it says nothing about who else has the key.
    if (lookup.abandoned.signal.aborted) return
    const { clock, settings } = this.#init
    this.#ended.delete(key)
    this.#ended.set(key, { lookup, untilMs: clock.nowMs() + (lookup.found.length > 0 ? settings.hitRememberMs : settings.missRememberMs) })
    const first = this.#ended.keys().next().value
    if (this.#ended.size > settings.rememberedMax && first !== undefined) this.#ended.delete(first)
  }
}

/** One query and its readers. */
class Lookup {
  readonly found: PeerName[] = []
  /** Aborts when the last reader has left. */
  readonly abandoned = new AbortController()
  readers = 0
  ended = false
  readonly #wakes = new Set<() => void>()

  add (peer: PeerName): void {
    if (this.found.includes(peer)) return
    this.found.push(peer)
    this.#wake()
  }

  end (): void {
    this.ended = true
    this.#wake()
  }

  /** Resolves at the next provider or at the end; rejects with the signal's reason. */
  async change (signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const onAbort = (): void => { reject(signal.reason as Error) }
    this.#wakes.add(resolve)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      await promise
    } finally {
      this.#wakes.delete(resolve)
      signal.removeEventListener('abort', onAbort)
    }
  }

  #wake (): void {
    for (const wake of this.#wakes) wake()
  }
}
