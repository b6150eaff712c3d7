/**
 * The cache: given a key and a request, what is stored, what is already on its way, or a new flight.
 * The HTTP handler and the answers to peers both come through here, so a peer gets nothing that a
 * client could not. Freshness is RFC 9111 section 4; one flight a key and variant.
 */
import type { Clock } from '../../protocols/clock.ts'
import { hasField, type Fields } from '../../protocols/fields.ts'
import type { ContentKey, PeerName } from '../../protocols/ids.ts'
import { Purged, type Subject } from '../../protocols/purge/marks.ts'
import { tagsOf } from '../../protocols/purge/tags.ts'
import { requestCacheControl, responseCacheControl, type CacheControl } from '../http/cache-control.ts'
import type { ForwardReason } from '../http/cache-status.ts'
import { freshenedFields, validators } from '../http/conditional.ts'
import { currentAgeMs, lifetimeMs, mayServeStale, mayServeWhileRevalidating, needsValidation } from '../http/freshness.ts'
import { storability } from '../http/storable.ts'
import { selectVariant, variantKey, varyNames } from '../http/vary.ts'
import { fetchedBecause, type DecisionKind, type DecisionNote } from '../explain/decisions.ts'
import type { BodyReader, Store, StoredResponse } from '../store/store.ts'
import { ExpiringKeys } from './expiring-keys.ts'
import { Fill, type FillHead } from './fill.ts'
import { claimOnce, Flight, Flights, Level, type FlightOutcome } from './flight.ts'
import { Phase, Source } from './phase.ts'
import { Revalidations } from './revalidations.ts'
import type { CacheSettings } from './settings.ts'
import { nothingPurged, subjectOf, type PurgeView } from '../purge/ports.ts'
import type { CacheRequest, CacheResult, Fetcher, ObtainRequest } from './ports.ts'
import { freshnessOf, hostOf, whileRevalidateMs, type Site } from './sites.ts'
import type { Upstream } from './upstream.ts'

export type * from './ports.ts'

export interface CacheInit {
  readonly store: Store
  readonly fetcher: Fetcher
  readonly settings: CacheSettings
  readonly clock: Clock
  /** Whether a head is current by itself, as what is published here: nobody else is asked about it. */
  readonly isAuthoritative?: (head: StoredResponse) => boolean
  /** What was purged here; the store shows nothing that was purged hard. */
  readonly purges?: PurgeView
  /** Told what became of a key, for explanations. Must not throw. */
  readonly onDecision?: (key: ContentKey, what: DecisionKind, note?: DecisionNote) => void
}

export class Cache {
  readonly #init: CacheInit
  readonly #purges: PurgeView
  readonly #flights = new Flights()
  /** Also those that nobody can join any more: the oldest of them says how old what is yet to be stored may be. */
  readonly #running = new Set<Flight>()
  readonly #private: ExpiringKeys
  readonly #revalidations: Revalidations

  constructor (init: CacheInit) {
    this.#init = init
    this.#purges = init.purges ?? nothingPurged
    this.#private = new ExpiringKeys(init.settings.notShareableMs, init.settings.notShareableKeysMax)
    this.#revalidations = new Revalidations(init)
  }

  /** Fetches running now. */
  get flights (): number { return this.#flights.size }

  /** Epoch of the oldest fetch that may yet be stored; Infinity without any. */
  get oldestEpoch (): number { return Math.min(Infinity, ...[...this.#running].map(({ epoch }) => epoch)) }

  /** Fetches of the key under way, each with its head once that has come. */
  flying (key: ContentKey): ReadonlyArray<{ readonly head?: FillHead }> { return this.#flights.of(key).filter(({ signal }) => !signal.aborted) }

  /** Whether requests for the key pass for a while, as its last response was not shareable. */
  notShareable (key: ContentKey): boolean { return this.#private.has(key, this.#init.clock.nowMs()) }

  /** The stored variant for these request fields, whatever its age. */
  stored (key: ContentKey, fields: Fields): StoredResponse | undefined {
    return selectVariant(this.#init.store.variants(key), fields)
  }

  /** Age and lifetime of a head now, ms. What was purged softly had its lifetime end then. */
  timing (head: Omit<StoredResponse, 'length' | 'hash'>, site?: Site): { ageMs: number, lifetimeMs: number } {
    const nowMs = this.#init.clock.wallMs()
    const ageMs = currentAgeMs(head, nowMs)
    const wholeMs = lifetimeMs(head, freshnessOf(site, head.target, head.status))
    const staleAtMs = Math.min(head.staleAtMs ?? Infinity, this.#purges.softenedAtMs(subjectOf(head)) ?? Infinity)
    return { ageMs, lifetimeMs: staleAtMs === Infinity ? wholeMs : Math.min(wholeMs, Math.max(0, ageMs - Math.max(0, nowMs - staleAtMs))) }
  }

  /** Whether a stored head may answer these request fields as it is. */
  answers (head: StoredResponse, fields: Fields, site?: Site): boolean {
    if (this.#init.isAuthoritative?.(head) === true) return true
    const { ageMs, lifetimeMs } = this.timing(head, site)
    return !needsValidation(head, requestCacheControl(fields), ageMs, lifetimeMs)
  }

  /** Answers from the store, or from a flight. Rejects only when `signal` aborts. */
  async request (request: CacheRequest): Promise<CacheResult> {
    const control = requestCacheControl(request.fields)
    let variant: string | undefined
    /** Its head is here and its body is not to be had: as good as not stored. */
    let lost: StoredResponse | undefined
    for (;;) {
      const found = this.stored(request.key, request.fields)
      const stored = found !== undefined && found.hash === lost?.hash ? undefined : found
      const phase = stored === undefined ? undefined : this.#hitPhase(stored, control, request.site)
      const behind = stored !== undefined && phase === undefined && this.#servesBehind(request, control, stored)
      if (stored !== undefined && (phase !== undefined || behind)) {
        const body = await this.#open(stored, request.signal)
        if (body !== undefined) {
          if (behind) this.#revalidate(request, stored)
          return { kind: 'stored', phase: phase ?? Phase.Stale, head: stored, body, source: Source.Store, collapsed: false }
        }
        lost = stored
        continue
      }
      if (control.onlyIfCached) return { kind: 'failed', status: 504, reason: 'the request allows only what is cached, and nothing fitting is' }
      if (this.#passes(request, control.noStore)) return { kind: 'pass', reason: 'private' }

      variant ??= stored?.variant ?? this.#likelyVariant(request)
      let name = control.noCache === false ? variant : `${variant}|reload`
      let flight = this.#joinable(request.key, name)
      if (flight !== undefined && flight.level < request.level) {
        // It may be waiting on the very edge that asks: a flight of its own cannot.
        name += `|${request.level}`
        flight = this.#joinable(request.key, name)
      }
      const collapsed = flight !== undefined
      if (flight === undefined) {
        if (this.#isFarRange(request, stored)) return { kind: 'pass', reason: 'partial' }
        flight = this.#depart(name, request, stored)
      }
      const release = flight.interest.join()
      const result = await this.#settle(request, flight, collapsed, stored, release)
      if (result.kind !== 'again') return result
      // Another variant than this request's, or too late to join: the next round finds its own flight.
      if (result.variant === variant) this.#flights.remove(request.key, name, flight)
      variant = result.variant
    }
  }

  /** As what a stored head answers a request without asking anybody; undefined where it does not. */
  #hitPhase (head: StoredResponse, control: CacheControl, site: Site): Phase | undefined {
    if (this.#init.isAuthoritative?.(head) === true) return Phase.Hit
    const { ageMs, lifetimeMs } = this.timing(head, site)
    if (needsValidation(head, control, ageMs, lifetimeMs)) return undefined
    return ageMs < lifetimeMs ? Phase.Hit : Phase.Stale
  }

  /** Whether what is stored answers at once, though stale, while it is fetched anew (RFC 5861 section 3). */
  #servesBehind ({ site, fields, staleWhileRevalidate }: CacheRequest, control: CacheControl, stored: StoredResponse): boolean {
    if (staleWhileRevalidate !== true || hasField(fields, 'authorization')) return false
    const { ageMs, lifetimeMs } = this.timing(stored, site)
    return mayServeWhileRevalidating(control, ageMs - lifetimeMs, whileRevalidateMs(site, stored))
  }

  /** Once at a time; one that a client waits on will do. */
  #revalidate (request: CacheRequest, stored: StoredResponse): void {
    if (this.#joinable(request.key, stored.variant) !== undefined || !this.#revalidations.mayBegin(request.key)) return
    void this.#revalidations.follow(this.#depart(stored.variant, request, stored), stored)
  }

  /** @returns undefined when the body turned out missing or damaged: the store has dropped it then */
  async #open (head: StoredResponse, signal: AbortSignal): Promise<BodyReader | undefined> {
    const body = await this.#init.store.open(head)
    if (signal.aborted) body?.close()
    signal.throwIfAborted()
    return body
  }

  /**
   * A running flight that a peer's `have` may wait on: one that waits on nobody else any more.
   *
   * @returns undefined where there is none, or where waiting could close a circle
   */
  async running (key: ContentKey, fields: Fields, signal: AbortSignal): Promise<Extract<CacheResult, { kind: 'filling' }> | undefined> {
    for (const flight of this.#flights.of(key)) {
      if (flight.level !== Level.Origin || flight.signal.aborted || this.#isOver(flight)) continue
      const release = flight.interest.join()
      const outcome = await Promise.race([this.#wait(flight, signal, release), flight.sunk])
      if (outcome?.kind === 'filling' && outcome.fill.joinable && outcome.fill.fromOrigin && fits(outcome.fill.head, fields)) {
        const { fill, source, peer, storing, stale } = outcome
        return { kind: 'filling', head: fill.head, fill, source, peer, storing, stale, collapsed: true, forward: 'uri-miss', release }
      }
      release()
    }
    return undefined
  }

  #passes (request: CacheRequest, noStore: boolean): boolean {
    return noStore || hasField(request.fields, 'authorization') || this.notShareable(request.key)
  }

  #isFarRange (request: CacheRequest, stored: StoredResponse | undefined): boolean {
    return stored === undefined && request.rangeStart !== undefined && request.rangeStart > this.#init.settings.rangeWaitBytesMax
  }

  /** Why what is stored did not do (RFC 9211 section 2.2). */
  #forwardReason (request: CacheRequest, stored: StoredResponse | undefined): ForwardReason {
    if (stored === undefined) return this.#init.store.variants(request.key).length > 0 ? 'vary-miss' : 'uri-miss'
    const { ageMs, lifetimeMs } = this.timing(stored, request.site)
    return ageMs < lifetimeMs && responseCacheControl(stored.fields).noCache === false ? 'request' : 'stale'
  }

  /** The variant that this request will most likely get, from what is known of the key's Vary. */
  #likelyVariant (request: CacheRequest): string {
    const known = this.#init.store.variants(request.key)[0]
    return known === undefined ? '' : variantKey(known.vary, request.fields)
  }

  /** A flight under way, unless what it brings was purged since it began: who comes now is not to have that. */
  #joinable (key: ContentKey, name: string): Flight | undefined {
    const flight = this.#flights.get(key, name)
    if (flight === undefined || !this.#isOver(flight)) return flight
    this.#flights.remove(key, name, flight)
    return undefined
  }

  #isOver (flight: Flight): boolean {
    return this.#purges.isPurged(flight.subject) !== Purged.None
  }

  #depart (name: string, request: CacheRequest, stored: StoredResponse | undefined): Flight {
    const land = (): void => { this.#flights.remove(request.key, name, flight) }
    const end = (): void => {
      land()
      this.#running.delete(flight)
    }
    const { site, target, host } = request
    const sought: Subject = { epoch: this.#purges.stamp, site: site.name, target, host: host === undefined ? undefined : hostOf(host) }
    const flight: Flight = new Flight(request.level, sought, async (self) => await this.#fly(self, request, stored, end))
    this.#flights.add(request.key, name, flight)
    this.#running.add(flight)
    flight.signal.addEventListener('abort', land)
    flight.outcome.then((outcome) => { if (outcome.kind !== 'filling') end() }, end)
    return flight
  }

  async #fly (flight: Flight, request: CacheRequest, stored: StoredResponse | undefined, onOver: () => void): Promise<FlightOutcome> {
    // The rest runs after the flight is known to those who come next.
    await Promise.resolve()
    const asked: ObtainRequest = {
      ...request,
      signal: flight.signal,
      stored,
      validators: stored === undefined ? [] : validators(stored.fields),
      onLevel: (level) => { flight.raise(level) },
      onAsk: () => flight.ask(),
      onUnreachable: () => { flight.sink() }
    }
    const got = await this.#init.fetcher.obtain(asked)
    // The others have what is held here, and no origin can be reached: it is served as it is, its age too.
    if (got.kind === 'not-modified' && got.stale === true) return { kind: 'failed', status: 504, reason: 'no origin can be reached' }
    if (got.kind === 'not-modified') {
      if (stored === undefined) return { kind: 'failed', status: 502, reason: 'a 304 came to a request without conditions' }
      const fields = freshenedFields(stored.fields, got.fields)
      const { staleAtMs: _, ...kept } = stored
      const head = { ...kept, fields, receivedAtMs: got.receivedAtMs, initialAgeMs: got.initialAgeMs, epoch: flight.epoch, tags: tagsOf(fields) }
      // Purged by its tags of before, or by those it has now, while the origin was asked.
      const since = [{ ...head, tags: stored.tags }, head].map((subject) => this.#purges.isPurged(subject))
      if (since.includes(Purged.Hard)) return { kind: 'purged' }
      this.#init.onDecision?.(request.key, 'revalidated', { source: got.source === Source.Peer ? 'peer' : 'origin', peer: got.peer })
      if (since.includes(Purged.Soft)) return { kind: 'validated', head, source: got.source, peer: got.peer }
      // Under another Vary it would be another variant: it serves those who wait, and is not kept.
      if (String(varyNames(head.fields)) === String(stored.vary)) await this.#init.store.update(head)
      else await this.#init.store.remove(stored.key, stored.variant)
      return { kind: 'validated', head, source: got.source, peer: got.peer }
    }
    if (got.kind === 'private') {
      this.#private.add(request.key, this.#init.clock.nowMs())
      this.#init.onDecision?.(request.key, 'not-shareable', { why: 'says the owner', source: 'peer' })
      return { kind: 'private', claim: () => undefined }
    }
    if (got.kind === 'failed') {
      this.#init.onDecision?.(request.key, 'failed', { why: got.reason })
      return got
    }
    return await this.#startFill(flight, asked, got.upstream, onOver)
  }

  async #startFill (flight: Flight, request: ObtainRequest, upstream: Upstream, onOver: () => void): Promise<FlightOutcome> {
    const { store, settings, fetcher, onDecision } = this.#init
    const { defaultTtlMs } = freshnessOf(request.site, request.target, upstream.status)
    const verdict = storability({ method: 'GET', requestFields: request.fields, status: upstream.status, fields: upstream.fields, defaultTtlMs, negativeTtlMs: request.site.lifetimes === undefined ? 0 : defaultTtlMs })
    const vary = varyNames(upstream.fields)
    onDecision?.(request.key, 'fetched', { why: fetchedBecause(this.#forwardReason(request, request.stored), upstream.status), source: upstream.source, peer: upstream.peer })
    if (!verdict.storable) onDecision?.(request.key, verdict.shareable ? 'refused' : 'not-shareable', { why: verdict.reason, source: upstream.source })
    const writer = verdict.shareable && vary !== '*' ? await store.create(request.key, upstream.length) : undefined
    if (writer === undefined || vary === '*') {
      if (!verdict.shareable) this.#private.add(request.key, this.#init.clock.nowMs())
      return { kind: 'private', claim: claimOnce(upstream, flight.interest) }
    }
    const head: FillHead = {
      key: request.key,
      variant: variantKey(vary, request.fields),
      site: request.site.name,
      target: request.target,
      status: upstream.status,
      fields: upstream.fields,
      vary,
      receivedAtMs: upstream.receivedAtMs,
      initialAgeMs: upstream.initialAgeMs,
      length: upstream.length,
      hash: upstream.hash,
      epoch: flight.epoch,
      tags: tagsOf(upstream.fields),
      ...(flight.subject.host === undefined ? {} : { host: flight.subject.host }),
      ...(upstream.stale ? { staleAtMs: upstream.receivedAtMs } : {})
    }
    // Whoever broke off once is not asked again for the same body.
    const lost = new Set<PeerName>()
    const fill = new Fill({
      head, upstream, writer, settings, onOver,
      interest: flight.interest,
      storable: () => verdict.storable && !this.#isOver(flight),
      resume: async (offset, failed) => {
        if (failed.peer !== undefined) lost.add(failed.peer)
        return await fetcher.resume({ ...request, silent: [...request.silent, ...lost] }, offset, head, failed)
      }
    })
    flight.land(fill)
    void fill.run()
    return {
      kind: 'filling', fill, storing: verdict.storable, stale: upstream.stale,
      source: upstream.source === 'peer' ? Source.Peer : Source.Origin, peer: upstream.peer
    }
  }

  async #settle (request: CacheRequest, flight: Flight, collapsed: boolean, stored: StoredResponse | undefined, release: () => void): Promise<CacheResult | { kind: 'again', variant: string }> {
    const outcome = await this.#wait(flight, request.signal, release)
    const forward = this.#forwardReason(request, stored)
    if (outcome.kind === 'filling') {
      const { fill, source, peer, storing, stale } = outcome
      const variant = variantKey(fill.head.vary, request.fields)
      if (collapsed && (variant !== fill.head.variant || !fill.joinable)) {
        release()
        return { kind: 'again', variant }
      }
      return { kind: 'filling', head: fill.head, fill, source, peer, storing, stale, collapsed, forward, release }
    }
    if (outcome.kind === 'private') {
      // Only the request that it was given to may have it.
      const upstream = collapsed ? undefined : outcome.claim()
      release()
      return { kind: 'pass', reason: 'private', upstream }
    }
    release()
    if (outcome.kind === 'purged') return { kind: 'again', variant: stored?.variant ?? '' }
    if (outcome.kind === 'validated') {
      const body = fits(outcome.head, request.fields) ? await this.#open(outcome.head, request.signal) : undefined
      if (body === undefined) return { kind: 'again', variant: variantKey(outcome.head.vary, request.fields) }
      return { kind: 'stored', phase: Phase.Revalidated, head: outcome.head, body, source: outcome.source, collapsed, forward }
    }
    // RFC 9111 section 4.2.4: no origin can be reached, and what is stored does not forbid it.
    const body = stored !== undefined && mayServeStale(stored) && this.#isWithinError(stored, request.site) ? await this.#open(stored, request.signal) : undefined
    if (stored !== undefined && body !== undefined) return { kind: 'stored', phase: Phase.Stale, head: stored, body, source: Source.Store, collapsed, forward }
    return outcome
  }

  /** Whether the site still serves it when no origin answers. */
  #isWithinError (stored: StoredResponse, site: Site): boolean {
    const { ageMs, lifetimeMs } = this.timing(stored, site)
    return site.staleIfErrorMs === undefined || ageMs - lifetimeMs <= site.staleIfErrorMs
  }

  async #wait (flight: Flight, signal: AbortSignal, release: () => void): Promise<FlightOutcome> {
    const { promise, reject } = Promise.withResolvers<never>()
    const onAbort = (): void => { reject(signal.reason as Error) }
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      signal.throwIfAborted()
      return await Promise.race([flight.outcome, promise])
    } catch (error) {
      release()
      signal.throwIfAborted()
      return { kind: 'failed', status: 502, reason: error instanceof Error ? error.message : String(error) }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}

function fits (head: FillHead, fields: Fields): boolean {
  return head.variant === variantKey(head.vary, fields)
}
