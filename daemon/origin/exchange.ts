/**
 * One request and its response on one connection: what undici's parser reports becomes a head, a
 * body under back-pressure and, whatever happens, one end. All timeouts after the connection run here,
 * on the clock that was handed in. What undici lets pass is checked here: an answer longer than its
 * Content-Length, a body delimited by the connection's close whose connection was reset, a transfer
 * coding nobody asked for, interim (1xx) answers without end (RFC 9112 sections 6 and 8).
 */
import type { Dispatcher } from 'undici'
import type { Clock } from '../../protocols/clock.ts'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import { fieldsFromRaw } from '../../protocols/fields.ts'
import { Body } from './body.ts'
import type { Connection } from './connection.ts'
import { OriginError, type OriginErrorCode, type OriginErrorInit } from './errors.ts'
import { framing, requestHeaders, responseFields, type Framing } from './head.ts'
import { IdleTimer } from './idle-timer.ts'
import { isSafe, type OriginRequest, type OriginResponse } from './message.ts'
import type { OriginSettings } from './settings.ts'

export interface ExchangeInit {
  /** The origin's URL, for messages. */
  readonly origin: string
  readonly basePath: string
  readonly request: OriginRequest
  readonly connection: Connection
  readonly settings: OriginSettings
  readonly clock: Clock
}

/** How an exchange ended; the connection is good for another one only when it is `whole`. */
export interface ExchangeEnd {
  readonly kind: 'whole' | 'dropped' | 'failed'
  readonly error?: OriginError
  readonly bytes: number
}

/** A connection that the other side closed or reset. */
const closedCodes: ReadonlySet<string | undefined> = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE'])
/** A request that undici refuses to write. */
const unsendableCodes: ReadonlySet<string | undefined> = new Set(['UND_ERR_INVALID_ARG', 'UND_ERR_NOT_SUPPORTED'])

export class Exchange implements Dispatcher.DispatchHandler {
  readonly #init: ExchangeInit
  readonly #timer: IdleTimer
  readonly #head = Promise.withResolvers<OriginResponse>()
  readonly #ended = Promise.withResolvers<ExchangeEnd>()
  #state: 'asking' | 'answering' | 'ended' = 'asking'
  #controller: Dispatcher.DispatchController | undefined
  #body: Body | undefined
  #framing: Framing = 'none'
  #lastChunk: Uint8Array | undefined
  #bytes = 0
  /** A first byte of an answer has come. */
  #answered = false
  /** The request's body has more to come and it is the asker that we wait for. */
  #awaitsAsker = false
  #repeatable = false
  #requestedAtMs = 0
  #startedAtMs = 0

  constructor (init: ExchangeInit) {
    this.#init = init
    this.#timer = new IdleTimer(init.clock, () => this.#limitMs, () => { this.#expire() })
  }

  /** Resolves when the exchange no longer uses its connection; never rejects. */
  get ended (): Promise<ExchangeEnd> {
    return this.#ended.promise
  }

  /**
   * Whether the failed request may be sent again: it is safe, has no body, and the origin closed a
   * connection that had been used before without a byte of an answer (RFC 9112 section 9.3.1).
   */
  get repeatable (): boolean {
    return this.#repeatable
  }

  /** Sends the request. May be called once. @throws OriginError */
  async start (): Promise<OriginResponse> {
    const { request, connection, basePath, clock } = this.#init
    this.#requestedAtMs = clock.wallMs()
    this.#startedAtMs = clock.nowMs()
    request.signal.addEventListener('abort', this.#onAbort, { once: true })
    if (request.signal.aborted) this.#onAbort()
    else {
      this.#timer.progress()
      connection.dispatch({
        method: request.method,
        path: basePath + request.target,
        headers: requestHeaders(request.fields, request.host, request.traceparent, request.body !== undefined),
        // undici takes any async iterable; its types name only some.
        body: request.body === undefined ? null : this.#outgoing(request.body) as unknown as Uint8Array
      }, this)
    }
    return await this.#head.promise
  }

  /** Ends the exchange because the origin's side of the edge is closing. */
  abort (what: string): void {
    this.#fail('COLONY_ORIGIN_ABORTED', what)
  }

  onRequestStart (controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    this.#timer.progress()
  }

  onBodySent (): void {
    this.#timer.progress()
  }

  onRequestSent (): void {
    this.#timer.progress()
  }

  onResponseStarted (): void {
    this.#answered = true
  }

  onResponseStart (controller: Dispatcher.DispatchController, status: number): void {
    // Interim answers are not passed on, and do not count as progress.
    if (status < 200 || this.#state !== 'asking') return
    const { request, settings, clock } = this.#init
    const fields = fieldsFromRaw(controller.rawHeaders as Buffer[])
    this.#framing = framing(request.method, status, fields)
    if (fields.length > settings.headersMax) {
      this.#fail('COLONY_ORIGIN_BROKEN', `answered with ${fields.length} header fields; ${settings.headersMax} are allowed`)
      return
    }
    if (this.#framing === 'unknown') {
      this.#fail('COLONY_ORIGIN_BROKEN', 'answered with a transfer coding other than chunked, which was not asked for')
      return
    }
    this.#state = 'answering'
    this.#timer.progress()
    this.#body = new Body(settings.bodyBufferBytesMax, { resume: this.#onRoom, drop: this.#onDrop })
    this.#head.resolve({
      status,
      fields: responseFields(fields),
      requestedAtMs: this.#requestedAtMs,
      receivedAtMs: clock.wallMs(),
      ttfbMs: clock.nowMs() - this.#startedAtMs,
      body: this.#body
    })
  }

  onResponseData (controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#state !== 'answering' || this.#body === undefined) return
    this.#bytes += chunk.byteLength
    this.#lastChunk = chunk
    this.#body.push(chunk)
    if (this.#body.full) controller.pause()
    this.#timer.progress()
  }

  onResponseEnd (): void {
    const { connection } = this.#init
    if (this.#state !== 'answering') return
    if (this.#framing === 'length' && this.#lastChunk !== undefined && connection.readPast(this.#lastChunk)) {
      this.#fail('COLONY_ORIGIN_BROKEN', `sent more than the ${this.#bytes} bytes that its Content-Length announced`)
    } else if (this.#framing === 'close' && connection.lost) {
      this.#fail('COLONY_ORIGIN_BROKEN', `lost the connection after ${this.#bytes} bytes of a body of unknown length`)
    } else {
      this.#finish({ kind: 'whole', bytes: this.#bytes })
      this.#body?.end()
    }
  }

  onResponseError (_controller: Dispatcher.DispatchController | null, error: Error): void {
    if (this.#state === 'ended') return
    const { request, connection, settings } = this.#init
    const code = codeOf(error)
    // The first line: an assertion of undici's goes on with its source.
    const because = `${messageOf(error).split('\n')[0] || 'no reason given'}${code === undefined ? '' : ` (${code})`}`
    if (unsendableCodes.has(code)) {
      this.#fail('COLONY_ORIGIN_BROKEN', `cannot be sent this request: ${because}`, { cause: error })
    } else if (code === 'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH') {
      this.#fail('COLONY_ORIGIN_ABORTED', 'was sent a body that differs from its Content-Length', { cause: error })
    } else if (connection.failedToConnect(error)) {
      this.#fail('COLONY_ORIGIN_UNREACHABLE', connectFailure(code, because, settings), { cause: error, unreachable: true })
    } else if (code === 'UND_ERR_HEADERS_OVERFLOW') {
      this.#fail('COLONY_ORIGIN_BROKEN', `answered with more than ${settings.headersBytesMax} bytes of header fields`, { cause: error })
    } else if (this.#state === 'answering') {
      this.#fail('COLONY_ORIGIN_BROKEN', `cut its answer short after ${this.#bytes} bytes: ${because}`, { cause: error })
    } else if (this.#answered) {
      this.#fail('COLONY_ORIGIN_BROKEN', `sent a malformed answer: ${because}`, { cause: error })
    } else {
      this.#repeatable = isSafe(request.method) && request.body === undefined && connection.reused && closedCodes.has(code)
      this.#fail('COLONY_ORIGIN_BROKEN', `closed the connection without an answer: ${because}`, { cause: error, unreachable: true })
    }
  }

  readonly #onAbort = (): void => {
    this.#fail('COLONY_ORIGIN_ABORTED', 'was asked by someone who left', { cause: this.#init.request.signal.reason })
  }

  readonly #onRoom = (): void => {
    this.#timer.progress()
    this.#controller?.resume()
  }

  readonly #onDrop = (): void => {
    this.#finish({ kind: 'dropped', bytes: this.#bytes })
  }

  #fail (code: OriginErrorCode, what: string, init?: OriginErrorInit): void {
    if (this.#state === 'ended') return
    const error = new OriginError(code, this.#init.origin, what, init)
    this.#finish({ kind: 'failed', error, bytes: this.#bytes })
    this.#body?.fail(error)
    this.#head.reject(error)
  }

  #finish (end: ExchangeEnd): void {
    this.#state = 'ended'
    this.#lastChunk = undefined
    this.#timer.stop()
    this.#init.request.signal.removeEventListener('abort', this.#onAbort)
    this.#ended.resolve(end)
  }

  /** The request's body on its way out, telling whose turn it is. */
  async * #outgoing (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    this.#awaitsAsker = true
    try {
      for await (const chunk of body) {
        this.#awaitsAsker = false
        yield chunk
        this.#awaitsAsker = true
      }
    } catch (error) {
      this.#fail('COLONY_ORIGIN_ABORTED', `was sent a body that failed: ${messageOf(error)}`, { cause: error })
      throw error
    } finally {
      this.#awaitsAsker = false
    }
  }

  /** The timeout of the present state, ms. */
  get #limitMs (): number {
    const { settings } = this.#init
    if (this.#state === 'asking') return settings.headersTimeoutMs
    return this.#body?.full === true ? settings.bodyUnreadTimeoutMs : settings.bodyIdleTimeoutMs
  }

  #expire (): void {
    const { settings } = this.#init
    if (this.#body?.full === true) {
      this.#fail('COLONY_ORIGIN_ABORTED', `has an answer that nobody read for ${settings.bodyUnreadTimeoutMs} ms`)
    } else if (this.#state === 'answering') {
      this.#fail('COLONY_ORIGIN_TIMEOUT', `sent nothing for ${settings.bodyIdleTimeoutMs} ms in mid-body, after ${this.#bytes} bytes`)
    } else if (this.#awaitsAsker) {
      // The asker's silence must not open the breaker for everyone else.
      this.#fail('COLONY_ORIGIN_ABORTED', `was sent no more of a request's body for ${settings.headersTimeoutMs} ms`)
    } else {
      this.#fail('COLONY_ORIGIN_TIMEOUT', `sent no answer within ${settings.headersTimeoutMs} ms`, { unreachable: true })
    }
  }
}

function connectFailure (code: string | undefined, because: string, settings: OriginSettings): string {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN': return `cannot be reached: its name does not resolve (${code})`
    case 'ECONNREFUSED': return `refused the connection (${code})`
    case 'UND_ERR_CONNECT_TIMEOUT': return `gave no connection within ${settings.connectTimeoutMs} ms`
    default: return `cannot be reached: ${because}`
  }
}
