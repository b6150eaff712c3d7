/**
 * One request, from its line to its response: host to site, target to key, then the cache, then what the
 * client may see of it: conditions, range, Age, Via, Cache-Status. Everything that is not a plain GET or
 * HEAD passes to the origin with its body. Follow it to `daemon/cache/cache.ts` for what happens inside.
 */
import type { Clock } from '../../protocols/clock.ts'
import { fieldValue, hasField, withField, withoutFields, type Field, type Fields } from '../../protocols/fields.ts'
import type { Cache, CacheResult } from '../cache/cache.ts'
import type { FillHead } from '../cache/fill.ts'
import { Level } from '../cache/flight.ts'
import { Phase, Source } from '../cache/phase.ts'
import type { CacheSettings } from '../cache/settings.ts'
import type { Located, Site, Sites } from '../cache/sites.ts'
import { readStored } from '../cache/stored-body.ts'
import { OriginError } from '../origin/errors.ts'
import { isSafe } from '../origin/message.ts'
import { PublishError } from '../../protocols/publish/errors.ts'
import { isReadLevel, ReadLevel } from '../../protocols/publish/reader.ts'
import type { Selector } from '../../protocols/purge/purge.ts'
import type { Publish } from '../publish/publish.ts'
import type { Store } from '../store/store.ts'
import { withCacheStatus, type CacheStatusInit, type ForwardReason } from './cache-status.ts'
import { evaluate, hasOriginPrecondition, notModifiedFields } from './conditional.ts'
import { contentLength, endToEnd, passedRequestFields } from './fields.ts'
import type { Body, EdgeRequest, EdgeResponse, Handler } from './message.ts'
import { problem } from './problem.ts'
import { contentRange, ifRangeMatches, parseRange, parseUnknownLength, unsatisfiedContentRange } from './range.ts'
import { withVia } from './via.ts'

/** What one request came to: one line in the log, one count in the metrics. */
export interface RequestReport {
  readonly request: EdgeRequest
  readonly phase: Phase
  readonly source?: Source
  /** What a plain GET or HEAD asked for. */
  readonly located?: Located
  readonly status: number
  /** From the request's head to the response's, ms. */
  readonly durationMs: number
  readonly reason?: string
}

export interface HandlerInit {
  readonly name: string
  readonly cache: Cache
  readonly store: Store
  readonly sites: Sites
  /** Reads of what was published, at a level of consistency. */
  readonly published?: Pick<Publish, 'read'>
  /** Whether other edges fill the same sites from other origins: then not published does not mean that there is nothing. */
  readonly hasOtherOrigins?: () => boolean
  /** Waits for what a request's causal token names. @returns the answer to give instead, where it does not come */
  readonly honour?: (token: string, signal: AbortSignal) => Promise<EdgeResponse | undefined>
  /** Purges a URL by `PURGE`. */
  readonly purge?: (selector: Selector, signal: AbortSignal) => Promise<EdgeResponse>
  readonly settings: CacheSettings
  readonly clock: Clock
  readonly onReport: (report: RequestReport) => void
  /** @param source where the body came from; none where the edge speaks for itself */
  readonly onBodyBytes: (bytes: number, source: Source | undefined) => void
}

interface Outcome { response: EdgeResponse, phase: Phase, source?: Source, reason?: string, located?: Located, site?: Site }
/** A head with a way to its body. */
interface Representation { head: FillHead, read: (start: number, end: number | undefined) => Body, drop: () => void }

export function createHandler (init: HandlerInit): Handler {
  const handler = new EdgeHandler(init)
  return async (request) => await handler.handle(request)
}

class EdgeHandler {
  readonly #init: HandlerInit

  constructor (init: HandlerInit) { this.#init = init }

  async handle (request: EdgeRequest): Promise<EdgeResponse> {
    const { clock, onReport } = this.#init
    const startMs = clock.nowMs()
    const { response: given, phase, source, reason, located, site } = await this.#respond(request)
    const rule = (located?.site ?? site)?.fieldRule
    const response = rule === undefined ? given : { ...given, fields: rule(given.fields) }
    onReport({ request, phase, source, reason, located, status: response.status, durationMs: clock.nowMs() - startMs })
    return response.body === undefined ? response : { ...response, body: this.#counted(response.body, source) }
  }

  async #respond (request: EdgeRequest): Promise<Outcome> {
    const { sites, cache, honour } = this.#init
    const token = fieldValue(request.fields, 'colony-token')
    const instead = token === undefined ? undefined : await honour?.(token, request.signal)
    if (instead !== undefined) return failed(instead)
    const site = sites.byHost(request.host)
    if (site === undefined) return failed(problem(421, undefined, `no site of this edge answers for the host ${request.host}`))
    const located = sites.locate(site, request.target, request.host)
    if (located === undefined) return failed(problem(400, undefined, 'the request target is not a path'))
    if (request.method === 'PURGE' && site.purgeMethod === true) return failed(await this.#purge(request, site))
    const plain = (request.method === 'GET' || request.method === 'HEAD') && request.body === undefined
    if (!plain) return { ...await this.#pass(request, { ...located, target: located.whole }, 'method'), site }
    const fields = withoutFields(endToEnd(request.fields), 'host', 'colony-token')
    if (hasOriginPrecondition(fields)) return { ...await this.#pass(request, located, 'bypass'), site }

    const level = fieldValue(fields, 'colony-consistency') ?? ReadLevel.One
    if (!isReadLevel(level)) return failed(problem(400, undefined, `Colony-Consistency is ${JSON.stringify(level.slice(0, 40))}: expected one, quorum or all`))
    if (level !== ReadLevel.One) {
      const read = await this.#published(request, located, fields, level)
      if (read !== undefined) return { ...read, located }
    }

    const asked = {
      ...located, fields, path: [], silent: [], level: Level.Asker, staleWhileRevalidate: true,
      signal: request.signal, traceparent: request.traceparent
    }
    let result = await cache.request({ ...asked, rangeStart: rangeStart(fields) })
    if (result.kind === 'pass' && result.reason === 'partial') {
      const passed = await this.#pass(request, located, 'partial')
      if (passed.phase !== Phase.Failed) return { ...passed, site }
      // The origin cannot be reached: whoever holds the whole serves the part.
      result = await cache.request(asked)
    }
    if (result.kind === 'failed' && site.origin === undefined) {
      // Nobody on the usual way has it: only the replicas can say whether there is anything.
      const read = await this.#published(request, located, fields, level)
      if (read !== undefined) return { ...read, located }
    }
    return { ...await this.#finish(request, located, fields, result), located }
  }

  /** Behind a proxy on this machine all clients come from it: what such a one adds is not let pass. */
  async #purge (request: EdgeRequest, site: Site): Promise<EdgeResponse> {
    if (request.isLocal !== true || ['forwarded', 'x-forwarded-for', 'via'].some((name) => hasField(request.fields, name))) return problem(403, undefined, `PURGE on the site ${site.name} is taken from this edge's own machine only, and through no proxy: use /v1/purge on its admin listener`)
    return await this.#init.purge?.({ kind: 'url', site: site.name, host: request.host, target: request.target, queries: 'exact' }, request.signal) ??
      problem(501, undefined, 'this edge takes no orders to purge')
  }

  /** What the replicas say; undefined where nothing is published, and an origin may have something. */
  async #published (request: EdgeRequest, located: Located, fields: Fields, level: ReadLevel): Promise<Outcome | undefined> {
    const { published } = this.#init
    const { site, target } = located
    if (published === undefined || !site.published) return undefined
    try {
      const result = await published.read({ ...located, site: site.name }, level, request.signal)
      if (result.kind === 'none') {
        if (site.origin !== undefined || (result.tombstone === undefined && this.#init.hasOtherOrigins?.() === true)) return undefined
        const answer = result.tombstone === undefined
          ? problem(404, undefined, `nothing is published at ${target} of the site ${site.name}`)
          : problem(410, undefined, `what was published at ${target} of the site ${site.name} was deleted`)
        return failed(this.#marked(answer, { hit: false, fwd: 'miss' }))
      }
      const { head } = result
      const representation = { head, read: (start: number, end = head.length) => result.read(start, end), drop: () => {} }
      return { phase: Phase.Hit, source: Source.Store, response: this.#represent(request, located, fields, representation, { hit: true, detail: level }, false) }
    } catch (error) {
      request.signal.throwIfAborted()
      if (!(error instanceof PublishError)) throw error
      return failed(this.#marked(problem(error.status, undefined, error.message), { hit: false, fwd: 'miss' }), error.message)
    }
  }

  async #finish (request: EdgeRequest, located: Located, fields: Fields, result: CacheResult): Promise<Outcome> {
    switch (result.kind) {
      case 'failed': return failed(this.#marked(problem(result.status, undefined, result.reason), { hit: false, fwd: 'miss' }), result.reason)
      case 'pass': {
        if (result.upstream === undefined) return await this.#pass(request, located, 'bypass')
        const { upstream } = result
        const source = upstream.source === 'peer' ? Source.Peer : Source.Origin
        return {
          phase: Phase.Pass,
          source,
          response: this.#marked({
            status: upstream.status, fields: withoutFields(upstream.fields, 'content-length'), length: upstream.length,
            body: request.method === 'HEAD' ? dropped(upstream.cancel) : upstream.body
          }, { hit: false, fwd: 'uri-miss', detail: source })
        }
      }
      case 'stored': {
        const { settings } = this.#init
        const { head, body, phase, source, forward, collapsed } = result
        request.signal.addEventListener('abort', body.close, { once: true })
        const representation = {
          head,
          read: (start: number, end = head.length) => readStored(body, head, { start, end }, settings.readChunkBytes),
          drop: body.close
        }
        // Stale without a reason to ask anybody is a hit as well: its ttl says so.
        const status: Status = forward === undefined
          ? { hit: true }
          : phase === Phase.Revalidated
            ? { hit: false, fwd: forward, fwdStatus: 304, collapsed, detail: source }
            : { hit: false, fwd: forward, collapsed, detail: 'origin-unreachable' }
        return { phase, source, response: this.#represent(request, located, fields, representation, status, true) }
      }
      case 'filling': {
        const { head, fill, source, release, storing, collapsed, forward } = result
        request.signal.addEventListener('abort', release, { once: true })
        const representation = { head, read: (start: number, end?: number) => released(fill.read(start, end, request.signal), release), drop: release }
        const status = { hit: false, fwd: forward, fwdStatus: head.status, stored: storing, collapsed, detail: source }
        const aged = source === Source.Peer || head.initialAgeMs >= 1_000
        return { phase: Phase.Miss, source, response: this.#represent(request, located, fields, representation, status, aged) }
      }
    }
  }

  /** What this client gets of a representation: all of it, a part, only its head, or that nothing changed. */
  #represent (request: EdgeRequest, { site }: Located, fields: Fields, { head, read, drop }: Representation, status: Status, aged: boolean): EdgeResponse {
    const { ageMs, lifetimeMs } = this.#init.cache.timing(head, site)
    const base = withoutFields(head.fields, 'content-length', 'age', 'accept-ranges')
    if (aged) base.push(['age', String(Math.floor(ageMs / 1000))])
    if (head.status === 200) base.push(['accept-ranges', 'bytes'])
    const mark = (response: EdgeResponse): EdgeResponse => this.#marked(response, { ...status, ttl: (lifetimeMs - ageMs) / 1000 })

    const verdict = evaluate(fields, head)
    if (verdict !== 'send') {
      drop()
      if (verdict === 'not-modified') return mark({ status: 304, fields: notModifiedFields(base) })
      return mark(problem(412, undefined, 'a precondition of the request is not met'))
    }
    const range = this.#range(request, fields, head)
    if (range.kind === 'unsatisfiable') {
      drop()
      return mark({ status: 416, fields: [...base, ['content-range', unsatisfiedContentRange(head.length ?? 0)]], length: 0 })
    }
    if (range.kind === 'range') {
      return mark({
        status: 206,
        fields: withField(base, 'content-range', contentRange(range, head.length)),
        length: range.end - range.start,
        body: read(range.start, range.end)
      })
    }
    if (request.method === 'HEAD' || head.status === 204) {
      drop()
      return mark({ status: head.status, fields: base, length: head.length })
    }
    return mark({ status: head.status, fields: base, length: head.length, body: read(0, undefined) })
  }

  /** A range of a body whose length nobody knows yet is ignored, as RFC 9110 section 14.2 allows. */
  #range (request: EdgeRequest, fields: Fields, head: FillHead): ReturnType<typeof parseRange> {
    if (request.method !== 'GET' || head.status !== 200 || head.length === undefined) return { kind: 'none' }
    if (!ifRangeMatches(fieldValue(fields, 'if-range'), head.fields)) return { kind: 'none' }
    return parseRange(fieldValue(fields, 'range'), head.length)
  }

  /** Straight to the origin and back, bodies streaming both ways. */
  async #pass (request: EdgeRequest, { site, target, host, key }: Located, fwd: ForwardReason): Promise<Outcome> {
    const { name, store } = this.#init
    if (site.origin === undefined) return failed(this.#marked(problem(504, undefined, `the site ${site.name} has no origin on this edge`), { hit: false, fwd }))
    try {
      const response = await site.origin.request({
        method: request.method,
        target,
        fields: withVia(passedRequestFields(request.fields), name),
        host,
        body: request.body,
        signal: request.signal,
        traceparent: request.traceparent
      })
      // RFC 9111 section 4.4: what an unsafe method changed is no longer what is stored.
      if (!isSafe(request.method) && response.status < 400) await store.remove(key)
      return {
        phase: Phase.Pass,
        source: Source.Origin,
        response: this.#marked({
          status: response.status,
          fields: withoutFields(response.fields, 'content-length'),
          length: contentLength(response.fields),
          body: response.body
        }, { hit: false, fwd, fwdStatus: response.status, detail: Source.Origin })
      }
    } catch (error) {
      request.signal.throwIfAborted()
      if (!(error instanceof OriginError)) throw error
      return failed(this.#marked(problem(error.status, undefined, error.message), { hit: false, fwd }), error.message)
    }
  }

  #marked (response: EdgeResponse, status: Status): EdgeResponse {
    const { name } = this.#init
    return { ...response, fields: withCacheStatus(withVia(response.fields, name), { cache: name, ...status }) }
  }

  async * #counted (body: Body, source: Source | undefined): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#init.onBodyBytes(chunk.byteLength, source)
      yield chunk
    }
  }
}

type Status = Omit<CacheStatusInit, 'cache'>

function failed (response: EdgeResponse, reason?: string): Outcome {
  return { response, phase: Phase.Failed, reason }
}

/** The first byte of a single range; a suffix begins who knows where. */
function rangeStart (fields: readonly Field[]): number | undefined {
  const range = parseUnknownLength(fieldValue(fields, 'range'))
  if (range === undefined) return undefined
  return 'suffix' in range ? Infinity : range.start
}

async function * released (body: Body, release: () => void): AsyncGenerator<Uint8Array> {
  try {
    yield * body
  } finally {
    release()
  }
}

function dropped (cancel: () => void): undefined {
  cancel()
  return undefined
}
