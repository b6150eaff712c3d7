/**
 * What this edge tells peers: the answering side of `have` and `fill` over the cache. `have` looks
 * only at what is stored or already arriving; `fill` is a request like a client's, made as the key's owner. A
 * peer cannot name what it likes: a key must be what this edge computes from site and target itself.
 */
import type { Clock } from '../../protocols/clock.ts'
import type { LoadGate } from '../../protocols/locate/bounded-load.ts'
import { holdersMax, pathMax, Verb, type Ask, type RemoteHead } from '../../protocols/fetch/messages.ts'
import type { FetchProvider, Offer, ProviderAnswer } from '../../protocols/fetch/provider.ts'
import type { ContentKey, PeerName, Region } from '../../protocols/ids.ts'
import type { Cache, CacheResult } from '../cache/cache.ts'
import { Level } from '../cache/flight.ts'
import type { Sites } from '../cache/sites.ts'
import { readStored } from '../cache/stored-body.ts'
import { sameVersion, versionOf } from '../cache/upstream.ts'
import { mayServeStale } from '../http/freshness.ts'
import type { BodyReader, Store, StoredResponse } from '../store/store.ts'

export interface ProviderInit {
  readonly cache: Cache
  readonly store: Store
  readonly sites: Sites
  readonly gate: LoadGate
  readonly clock: Clock
  readonly region: Region
  readonly regionOf: (peer: PeerName) => Region | undefined
  /** Who else holds a key, by this edge's directory; empty where it does not own the key. */
  readonly holders: (key: ContentKey) => readonly PeerName[]
  /** Bytes that a peer names by their hash alone: of published versions, current or not. */
  readonly byHash?: (ask: Ask) => StoredResponse | undefined
  readonly onAnswer: (ask: Ask, from: PeerName, kind: ProviderAnswer['kind']) => void
}

type Filling = Extract<CacheResult, { kind: 'filling' }>
const miss: ProviderAnswer = { kind: 'miss' }

export class Provider implements FetchProvider {
  readonly #init: ProviderInit

  constructor (init: ProviderInit) { this.#init = init }

  async answer (ask: Ask, from: PeerName, signal: AbortSignal): Promise<ProviderAnswer> {
    const answer = await this.#answer(ask, from, signal)
    this.#init.onAnswer(ask, from, answer.kind)
    return answer
  }

  async #answer (ask: Ask, from: PeerName, signal: AbortSignal): Promise<ProviderAnswer> {
    const site = this.#init.sites.byName(ask.site)
    if (site === undefined || !this.#init.sites.keyMatches(ask.key, site, ask.target, ask.host)) return miss
    if (!this.#admits(ask)) return { kind: 'busy' }
    const held = await this.#fromStore(ask)
    if (held !== undefined) return held
    return ask.verb === Verb.Have ? await this.#have(ask, from, signal) : await this.#fill(ask, from, signal)
  }

  /**
   * Bounded load: also what is stored here is the next owner's to serve when this one has more than its
   * share. The next one takes it from here by `have`, which is never turned away.
   */
  #admits (ask: Ask): boolean {
    const { gate, clock } = this.#init
    if (ask.verb === Verb.Fill && !ask.last) return gate.admit(clock.nowMs(), ask.turnedAway)
    gate.take(clock.nowMs())
    return true
  }

  /** What is stored and fit: named by its hash, fresh, or exactly the version that is resumed, or stale where that will do. */
  async #fromStore (ask: Ask): Promise<Offer | undefined> {
    const { cache, sites, store } = this.#init
    const named = this.#init.byHash?.(ask)
    const stored = named ?? cache.stored(ask.key, ask.fields)
    if (stored === undefined) return undefined
    const isFresh = named !== undefined || ask.version !== undefined || cache.answers(stored, ask.fields, sites.byName(ask.site))
    const fits = ask.version === undefined ? isFresh || (ask.staleOk && mayServeStale(stored)) : named !== undefined || sameVersion(ask.version, versionOf(stored))
    // Without its body it is not held, whatever its head says.
    const body = fits ? await store.open(stored) : undefined
    return body === undefined ? undefined : this.#offerStored(ask, stored, body, !isFresh)
  }

  async #have (ask: Ask, from: PeerName, signal: AbortSignal): Promise<ProviderAnswer> {
    const running = await this.#init.cache.running(ask.key, ask.fields, signal)
    if (running !== undefined) return this.#offerFilling(ask, running)
    const stale = this.#init.cache.stored(ask.key, ask.fields) !== undefined
    const holders = this.#init.holders(ask.key).filter((peer) => peer !== from).slice(0, holdersMax)
    return { ...miss, ...(holders.length > 0 && { holders }), ...(stale && { stale }) }
  }

  async #fill (ask: Ask, from: PeerName, signal: AbortSignal): Promise<ProviderAnswer> {
    const { cache, sites } = this.#init
    const site = sites.byName(ask.site)
    // The path is told by the asker; its last station is whoever is asking now.
    if (site === undefined || ask.path.at(-1) !== from || ask.path.length > pathMax) return miss
    const result = await cache.request({
      site,
      key: ask.key,
      target: ask.target,
      host: ask.host,
      fields: ask.fields,
      path: ask.path,
      silent: ask.silent,
      level: this.#init.regionOf(from) === this.#init.region ? Level.Owner : Level.Home,
      signal,
      traceparent: ask.traceparent
    })
    switch (result.kind) {
      case 'failed': return { kind: 'failed', status: result.status, reason: result.reason }
      case 'pass':
        result.upstream?.cancel()
        return { kind: 'private' }
      case 'filling': return this.#offerFilling(ask, result)
      case 'stored': {
        // Stale here means that this edge reached no origin: the asker tries its own first.
        const isStale = result.phase === 'stale'
        const fits = ask.version === undefined || sameVersion(ask.version, versionOf(result.head))
        if (fits && (!isStale || ask.staleOk)) return this.#offerStored(ask, result.head, result.body, isStale)
        result.body.close()
        return isStale && !ask.staleOk ? { kind: 'failed', status: 504, reason: 'no origin could be reached; a stale copy is held' } : miss
      }
    }
  }

  #offerStored (ask: Ask, stored: StoredResponse, body: BodyReader, stale: boolean): Offer {
    return {
      kind: 'hit',
      head: this.#remoteHead(stored),
      stale,
      same: ask.held !== undefined && sameVersion(ask.held, versionOf(stored)),
      open: (offset, chunkBytesMax) => readStored(body, stored, { start: offset, end: stored.length }, chunkBytesMax),
      total: () => ({ length: stored.length, hash: stored.hash }),
      release: body.close
    }
  }

  #offerFilling (ask: Ask, { head, fill, stale, release }: Filling): ProviderAnswer {
    const fits = ask.version === undefined || sameVersion(ask.version, versionOf(head))
    if (!fits || (stale && !ask.staleOk)) {
      release()
      return miss
    }
    return {
      kind: 'hit',
      head: this.#remoteHead(head),
      stale,
      same: ask.held !== undefined && sameVersion(ask.held, versionOf(head)),
      open: (offset, _chunkBytesMax, signal) => fill.read(offset, undefined, signal),
      total: () => fill.total(),
      release
    }
  }

  #remoteHead (head: Omit<StoredResponse, 'length' | 'hash'> & { readonly length?: number, readonly hash?: string }): RemoteHead {
    return { status: head.status, fields: head.fields, ageMs: this.#init.cache.timing(head).ageMs, length: head.length, hash: head.hash }
  }
}
