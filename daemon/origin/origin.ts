/**
 * One origin, shared by all sites that name its URL: the last source a request is sent to, after the
 * store and the peers. A request passes the breaker (is the origin reachable?), takes a place (is it
 * busy?) and then a connection for one exchange. HTTP/1.1 by undici (RFC 9112); nothing is decoded,
 * no redirect is followed, no 5xx is repeated: what the origin said is what the caller gets.
 */
import type { Clock } from '../../protocols/clock.ts'
import { Breaker, type BreakerState, type Permit } from './breaker.ts'
import { Connections } from './connection.ts'
import { OriginError, OriginUrlError, type OriginErrorCode } from './errors.ts'
import { Exchange } from './exchange.ts'
import type { SiteOrigin } from './in-turn.ts'
import type { OriginRequest, OriginResponse } from './message.ts'
import { Places, type Leave } from './places.ts'
import type { OriginSettings } from './settings.ts'

export type { OriginRequest, OriginResponse } from './message.ts'

export interface OriginState {
  readonly breaker: BreakerState
  /** Requests that hold a place. */
  readonly inFlight: number
  /** Requests that wait for one. */
  readonly queued: number
  /** Requests sent since the start; one that was sent again counts once. */
  readonly sent: number
}

/** What happened, for metrics and the log. Told at once; an observer must not throw. */
export type OriginEvent =
  | { readonly kind: 'answered', readonly origin: string, readonly status: number, readonly ttfbMs: number }
  /** A request ended in an error, before its head or in mid-body. */
  | { readonly kind: 'failed', readonly origin: string, readonly error: OriginError }
  /** A request was sent again on a fresh connection. */
  | { readonly kind: 'repeated', readonly origin: string }
  /** A response is over, whole or not: the bytes of its body that came. */
  | { readonly kind: 'received', readonly origin: string, readonly bytes: number }
  | { readonly kind: 'breaker', readonly origin: string, readonly state: 'open' | 'closed' }

export type OriginObserver = (event: OriginEvent) => void

const closing = 'is no longer used: the edge is closing'

export class Origin implements SiteOrigin {
  /** Itself alone. */
  readonly all: readonly Origin[] = [this]
  /** Scheme, authority and base path, without a slash at the end. */
  readonly url: string
  readonly #basePath: string
  readonly #settings: OriginSettings
  readonly #clock: Clock
  readonly #observe: OriginObserver
  readonly #breaker: Breaker
  readonly #places: Places
  readonly #connections: Connections
  readonly #exchanges = new Set<Exchange>()
  #sent = 0
  #ttfbMs: number | undefined
  #closed = false

  /** @throws OriginUrlError */
  constructor (url: string, settings: OriginSettings, clock: Clock, observe: OriginObserver = () => {}) {
    const parsed = parseOriginUrl(url)
    this.#basePath = parsed.pathname.replace(/\/$/, '')
    this.url = parsed.origin + this.#basePath
    this.#settings = settings
    this.#clock = clock
    this.#observe = observe
    this.#breaker = new Breaker(settings, clock.random)
    this.#places = new Places(settings, clock)
    this.#connections = new Connections(parsed, settings)
  }

  /**
   * Sends a request; resolves with the head. The place is held until the body has come, was dropped or
   * failed. A safe request without a body is repeated once, on a fresh connection, when the origin had
   * closed a reused one before a byte of an answer.
   *
   * @throws OriginError
   */
  async request (request: OriginRequest): Promise<OriginResponse> {
    try {
      // Before the queue: when nobody can pass there is nothing to wait for.
      if (!this.#breaker.admits(this.#clock.nowMs())) throw this.#openError()
      const leave = await this.#takePlace(request.signal)
      try {
        // A place can be given in the same turn in which the origin is closed.
        if (this.#closed) throw this.#closedError()
        return await this.#pass(request, leave)
      } catch (error) {
        leave()
        throw error
      }
    } catch (error) {
      if (error instanceof OriginError) this.#observe({ kind: 'failed', origin: this.url, error })
      throw error
    }
  }

  /**
   * Smoothed time to first byte over recent answers, ms; undefined before the first. What a peer must
   * beat to be worth asking. Includes opening a connection where one was needed.
   */
  ttfbMs (): number | undefined {
    return this.#ttfbMs
  }

  state (): OriginState {
    return { breaker: this.#breaker.state(this.#clock.nowMs()), inFlight: this.#places.taken, queued: this.#places.queued, sent: this.#sent }
  }

  /** Ends everything at once: draining is for the caller, who knows what is worth waiting for. May be called twice. */
  async close (): Promise<void> {
    this.#closed = true
    this.#places.close()
    for (const exchange of this.#exchanges) exchange.abort(closing)
    await this.#connections.close()
  }

  async #takePlace (signal: AbortSignal): Promise<Leave> {
    const taken = await this.#places.take(signal)
    const { concurrentMax, queueMax, queueWaitMs } = this.#settings
    switch (taken.kind) {
      case 'place': return taken.leave
      case 'full': throw this.#error('COLONY_ORIGIN_BUSY', `is busy: ${concurrentMax} requests under way and ${queueMax} waiting`)
      case 'late': throw this.#error('COLONY_ORIGIN_BUSY', `is busy: ${concurrentMax} requests under way, and none ended within ${queueWaitMs} ms`)
      case 'aborted': throw new OriginError('COLONY_ORIGIN_ABORTED', this.url, 'was asked by someone who left', { cause: signal.reason })
      case 'closed': throw this.#closedError()
    }
  }

  /** With a place: past the breaker, and back to it with the outcome. */
  async #pass (request: OriginRequest, leave: Leave): Promise<OriginResponse> {
    // Again, as the breaker may have opened during the wait for a place.
    const permit = this.#breaker.pass(this.#clock.nowMs())
    if (permit === undefined) throw this.#openError()
    try {
      const response = await this.#send(request, leave)
      this.#judge(() => { this.#breaker.succeed(permit) })
      return response
    } catch (error) {
      this.#judgeFailure(permit, error)
      throw error
    }
  }

  async #send (request: OriginRequest, leave: Leave): Promise<OriginResponse> {
    this.#sent++
    const first = this.#exchange(request, this.#connections.take())
    try {
      return await this.#start(first, leave)
    } catch (error) {
      if (!first.repeatable || this.#closed) throw error
      this.#observe({ kind: 'repeated', origin: this.url })
      return await this.#start(this.#exchange(request, this.#connections.fresh()), leave)
    }
  }

  #exchange (request: OriginRequest, connection: ReturnType<Connections['take']>): Exchange {
    const exchange = new Exchange({
      origin: this.url, basePath: this.#basePath, request, connection, settings: this.#settings, clock: this.#clock
    })
    this.#exchanges.add(exchange)
    void exchange.ended.then(async end => {
      this.#exchanges.delete(exchange)
      if (end.kind === 'whole') this.#connections.give(connection)
      else await this.#connections.drop(connection)
    })
    return exchange
  }

  /** The place is left when the body is over; when there is no head, that is for the caller. */
  async #start (exchange: Exchange, leave: Leave): Promise<OriginResponse> {
    const response = await exchange.start()
    this.#measure(response.ttfbMs)
    this.#observe({ kind: 'answered', origin: this.url, status: response.status, ttfbMs: response.ttfbMs })
    void exchange.ended.then(end => {
      leave()
      this.#observe({ kind: 'received', origin: this.url, bytes: end.bytes })
      if (end.error !== undefined) this.#observe({ kind: 'failed', origin: this.url, error: end.error })
    })
    return response
  }

  #judgeFailure (permit: Permit, error: unknown): void {
    this.#judge(() => {
      if (error instanceof OriginError && error.unreachable) this.#breaker.fail(permit, this.#clock.nowMs())
      else this.#breaker.drop(permit)
    })
  }

  /** Tells the breaker an outcome, and the observer when that changed its state. */
  #judge (tell: () => void): void {
    const nowMs = this.#clock.nowMs()
    const before = this.#breaker.state(nowMs)
    tell()
    const after = this.#breaker.state(nowMs)
    if (after !== before && after !== 'half-open') this.#observe({ kind: 'breaker', origin: this.url, state: after })
  }

  #measure (ttfbMs: number): void {
    const weight = this.#settings.ttfbWeight
    this.#ttfbMs = this.#ttfbMs === undefined ? ttfbMs : this.#ttfbMs + weight * (ttfbMs - this.#ttfbMs)
  }

  #openError (): OriginError {
    return this.#error('COLONY_ORIGIN_OPEN', 'could not be reached a moment ago and is not asked again yet')
  }

  #closedError (): OriginError {
    return this.#error('COLONY_ORIGIN_ABORTED', closing)
  }

  #error (code: OriginErrorCode, what: string): OriginError {
    return new OriginError(code, this.url, what)
  }
}

/** @throws OriginUrlError */
export function parseOriginUrl (value: string): URL {
  if (!URL.canParse(value)) throw new OriginUrlError(value, 'is not a URL')
  const url = new URL(value)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new OriginUrlError(value, 'is neither http nor https')
  if (url.username !== '' || url.password !== '') throw new OriginUrlError(url.host, 'carries credentials')
  if (url.search !== '' || url.hash !== '') throw new OriginUrlError(value, 'carries a query or a fragment')
  return url
}
