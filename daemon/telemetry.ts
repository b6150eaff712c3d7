/**
 * What an edge counts of itself, once, for all who read it: Prometheus, /v1/status and the log. The
 * parts report events here and know nothing of metrics.
 */
import type { Ask } from '../protocols/fetch/messages.ts'
import type { PeerName } from '../protocols/ids.ts'
import { Phase, Source } from './cache/phase.ts'
import type { RequestReport } from './http/handler.ts'
import { traceId } from './http/trace.ts'
import type { Log, Logger } from './log.ts'
import type { Metrics } from './metrics.ts'
import type { Step } from './routing/step.ts'
import type { OriginEvent } from './origin/origin.ts'
import type { StoreEvents } from './store/index.ts'

export interface Tally {
  readonly requests: Record<Phase, number>
  /** Requests answered out of this edge's own store, over all. */
  readonly hitRatio: number
  /** Misses that a peer answered. */
  readonly peerFetches: number
  /** Requests that an origin answered. */
  readonly originFetches: number
  readonly servedBytes: number
  readonly originBytes: number
  /** What was tried to fetch what was not here, by step. */
  readonly steps: Readonly<Partial<Record<Step, number>>>
}

export class Telemetry {
  readonly #requests = Object.fromEntries(Object.values(Phase).map((phase) => [phase, 0])) as Record<Phase, number>
  #peerFetches = 0
  #originFetches = 0
  #servedBytes = 0
  readonly #servedBySource: Record<Source, number> = { store: 0, peer: 0, origin: 0 }
  #originBytes = 0
  readonly #http: Logger
  readonly #origin: Logger
  readonly #observeRequest: (report: RequestReport) => void
  readonly #observeOrigin: (event: OriginEvent) => void
  readonly #observeServed: (bytes: number) => void
  readonly #steps: Partial<Record<Step, number>> = {}
  /** Counts and logs what a peer asked and got. */
  readonly onAnswer: (ask: Ask, from: PeerName, kind: string) => void
  /** Counts what was tried for a fetch. */
  readonly onStep: (step: Step) => void
  /** What the store tells of its disk. */
  readonly storeEvents: Pick<StoreEvents, 'damaged' | 'diskUsable' | 'queueFull'>

  constructor (metrics: Metrics, log: Log) {
    this.#http = log.scope('http')
    this.#origin = log.scope('origin')
    const requests = metrics.counter('http', 'requests', '', 'Requests, by phase of the cache and source of the answer.', ['phase', 'source'])
    const latency = metrics.histogram('http', 'response', 'seconds', 'From the head of a request to the head of its response, by phase.', ['phase'])
    const served = metrics.counter('http', 'body', 'bytes', 'Body bytes sent to clients.')
    const origins = metrics.counter('origin', 'requests', '', 'Requests to origins, by outcome.', ['outcome'])
    const received = metrics.counter('origin', 'body', 'bytes', 'Body bytes that came from origins.')
    const steps = metrics.counter('routing', 'steps', '', 'What was tried to fetch what was not here, by step.', ['step'])
    const ttfb = metrics.histogram('origin', 'first_byte', 'seconds', 'Time to the first byte of an origin.')
    this.#observeRequest = ({ phase, source, durationMs }) => {
      requests.inc({ phase, source: source ?? 'none' })
      latency.observe({ phase }, durationMs / 1000)
    }
    const answers = metrics.counter('fetch', 'answers', '', 'Answers to peers, by verb and kind.', ['verb', 'kind'])
    const fetch = log.scope('fetch')
    this.onAnswer = (ask, from, kind) => {
      answers.inc({ verb: ask.verb, kind })
      fetch.debug({ peer: from, verb: ask.verb, key: ask.key, target: ask.target, answer: kind, traceId: traceId(ask.traceparent) }, 'answered a peer')
    }
    this.onStep = (step) => {
      steps.inc({ step })
      this.#steps[step] = (this.#steps[step] ?? 0) + 1
    }
    const damaged = metrics.counter('store', 'damaged', '', 'Stored bodies that turned out missing, short or changed, and were dropped.')
    const disk = metrics.gauge('store', 'disk_usable', '', 'Whether the disk tier is in use: 0 after a failed write, until it is tried again.')
    const unwritten = metrics.counter('store', 'unwritten', '', 'Objects that stay in memory only, as too much waited for the disk.')
    disk.set(1)
    this.storeEvents = {
      damaged: () => { damaged.inc() },
      diskUsable: (usable) => { disk.set(usable ? 1 : 0) },
      queueFull: () => { unwritten.inc() }
    }
    this.#observeServed = (bytes) => { served.inc(bytes) }
    this.#observeOrigin = (event) => {
      if (event.kind === 'answered') {
        origins.inc({ outcome: 'answered' })
        ttfb.observe(event.ttfbMs / 1000)
      } else if (event.kind === 'received') received.inc(event.bytes)
      else if (event.kind === 'failed') origins.inc({ outcome: event.error.code.toLowerCase().replace('colony_origin_', '') })
      else if (event.kind === 'repeated') origins.inc({ outcome: 'repeated' })
    }
  }

  onReport (report: RequestReport): void {
    const { request, phase, source, status, durationMs, reason } = report
    this.#requests[phase]++
    if (phase === Phase.Miss && source === Source.Peer) this.#peerFetches++
    this.#observeRequest(report)
    const line = { method: request.method, host: request.host, target: request.target, phase, source, status, durationMs: Math.round(durationMs * 10) / 10, traceId: traceId(request.traceparent), reason }
    if (phase === Phase.Failed && status >= 500) this.#http.warn(line, 'request failed')
    else this.#http.debug(line, 'request')
  }

  onBodyBytes (bytes: number, source: Source | undefined): void {
    this.#servedBytes += bytes
    if (source !== undefined) this.#servedBySource[source] += bytes
    this.#observeServed(bytes)
  }

  /** Body bytes sent to clients, by where they came from; what the edge says itself is not among them. */
  servedBytesBySource (): Readonly<Record<Source, number>> { return { ...this.#servedBySource } }

  onOrigin (event: OriginEvent): void {
    this.#observeOrigin(event)
    if (event.kind === 'answered') this.#originFetches++
    if (event.kind === 'received') this.#originBytes += event.bytes
    if (event.kind === 'failed' && event.error.code !== 'COLONY_ORIGIN_ABORTED') this.#origin.debug({ origin: event.origin, error: event.error }, 'origin request failed')
    if (event.kind === 'breaker') {
      const { origin, state } = event
      if (state === 'open') this.#origin.warn({ origin, state }, 'origin cannot be reached: left alone for a while')
      else this.#origin.info({ origin, state }, 'origin can be reached again')
    }
  }

  tally (): Tally {
    const requests = { ...this.#requests }
    const all = Object.values(requests).reduce((sum, count) => sum + count, 0)
    const held = requests[Phase.Hit] + requests[Phase.Stale] + requests[Phase.Revalidated]
    return {
      requests,
      hitRatio: all === 0 ? 0 : held / all,
      peerFetches: this.#peerFetches,
      originFetches: this.#originFetches,
      servedBytes: this.#servedBytes,
      originBytes: this.#originBytes,
      steps: { ...this.#steps }
    }
  }
}
