/**
 * The HTTP front on node:http: sockets in, EdgeRequests to the handler, EdgeResponses out. The handler
 * knows nothing of it, so that another front can take its place. It holds the limits that protect the edge
 * from clients (header sizes and times), answers what is not HTTP with a problem document, ties each
 * request's signal to its connection, and drains when it stops.
 */
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Clock } from '../../protocols/clock.ts'
import { codeOf, ColonyError, messageOf } from '../../protocols/errors.ts'
import { incoming } from './incoming.ts'
import type { EdgeRequest, EdgeResponse, Handler } from './message.ts'
import { BodyError, writeResponse } from './outgoing.ts'
import { problem, rawProblem } from './problem.ts'
import { traceId } from './trace.ts'

export const httpServerDefaults = Object.freeze({
  /** Request line and fields together, bytes. Higher lets each connection hold more memory, and must stay well below a peer frame's head (64 KiB). */
  headersBytesMax: 16 * 1024,
  /** Field lines of a request. Browsers send about 20; higher costs time in every look through them. */
  headersCountMax: 100,
  /** From the first byte of a request, or from the connection, to the end of its fields, ms. Lower drops slow mobile clients, higher serves slow attackers. */
  headersTimeoutMs: 15_000,
  /** From the start of a request to the end of its body, ms; 0 for no limit, as uploads that pass through may be long. */
  requestTimeoutMs: 0,
  /** How long an idle connection waits for another request, ms. Higher keeps more sockets open, lower makes clients connect again. */
  keepAliveTimeoutMs: 30_000,
  /** How often the two time limits of requests are looked at, ms: they strike that much late at most. */
  timeoutCheckIntervalMs: 1_000,
  /** How long a head waits for its body's first bytes, ms, to go in one write and so that a body that fails at once is a 502. Higher delays streams that begin slowly. */
  headHoldMs: 500,
  /** A client that takes no byte for so long is dropped, ms: what it reads from stays pinned meanwhile. */
  sendIdleTimeoutMs: 60_000,
  /** How long a client may go on sending what nobody reads (after a refusal or an early answer) before it is cut, ms. Lower, and it may lose the answer; higher takes in more for nothing. */
  lingerMs: 1_000
})
export type HttpServerSettings = { readonly [K in keyof typeof httpServerDefaults]: number }

export interface HttpLogger {
  warn: (fields: Readonly<Record<string, unknown>>, message: string) => void
  error: (fields: Readonly<Record<string, unknown>>, message: string) => void
}

export interface HttpServerInit {
  readonly host: string
  /** 0 takes a free one. */
  readonly port: number
  readonly settings: HttpServerSettings
  readonly clock: Clock
  readonly handler: Handler
  readonly logger: HttpLogger
}

/** The root of what a server at that address answers. */
export function httpUrl ({ host, port }: ListenAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

export interface ListenAddress {
  readonly host: string
  readonly port: number
}

/** The front cannot listen where it was told to. */
export class HttpListenError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_HTTP_LISTEN', message, options)
  }
}

interface Refusal {
  readonly status: number
  readonly detail: string
}

/** Node hands a CONNECT over as a bare socket. */
const connectRefusal: Refusal = {
  status: 501,
  detail: 'This edge is a cache in front of sites, not a forward proxy: it does not open tunnels.'
}

export class HttpServer {
  readonly #init: HttpServerInit
  #server: Server | undefined
  /** Every open connection, with what aborts the requests that are running on it. */
  readonly #connections = new Map<Socket, Set<AbortController>>()
  #draining = false

  constructor (init: HttpServerInit) {
    this.#init = init
  }

  /**
   * @returns the address it really listens on
   * @throws HttpListenError in one sentence that an operator can act on
   */
  async start (): Promise<ListenAddress> {
    const { host, port, settings } = this.#init
    const server = createServer({
      maxHeaderSize: settings.headersBytesMax,
      headersTimeout: settings.headersTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      keepAliveTimeout: settings.keepAliveTimeoutMs,
      connectionsCheckingInterval: settings.timeoutCheckIntervalMs,
      // Checked in incoming.ts, where the answer can be a problem document.
      requireHostHeader: false
    })
    // One more than allowed: some versions of node drop what is beyond without a word, and we must see it.
    server.maxHeadersCount = settings.headersCountMax + 1
    server.on('connection', (socket) => { this.#onConnection(socket) })
    server.on('request', (message, res) => { void this.#onRequest(message, res) })
    server.on('clientError', (error, socket) => { this.#onClientError(error, socket as Socket) })
    server.on('connect', (_message, socket) => { this.#refuse(socket as Socket, connectRefusal) })
    await new Promise<void>((resolve, reject) => {
      const onError = (error: Error): void => { reject(listenError(host, port, error)) }
      server.once('error', onError)
      server.listen({ host, port }, () => {
        server.off('error', onError)
        resolve()
      })
    })
    server.on('error', (error) => {
      this.#init.logger.error({ error }, 'the HTTP listener failed to accept a connection')
    })
    this.#draining = false
    this.#server = server
    const { address, port: realPort } = server.address() as AddressInfo
    return { host: address, port: realPort }
  }

  /**
   * Accepts nothing more, closes idle connections, and lets running responses finish. May be called
   * again, also while it runs.
   *
   * @param graceMs after so long what still runs is cut, ms
   */
  async stop ({ graceMs = 0 }: { readonly graceMs?: number } = {}): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#draining = true
    const closed = new Promise<void>((resolve) => { server.close(() => { resolve() }) })
    for (const [socket, running] of this.#connections) {
      if (running.size === 0) socket.destroy()
    }
    const cut = (): void => {
      for (const socket of this.#connections.keys()) socket.destroy()
    }
    const cancel = graceMs > 0 ? this.#init.clock.after(graceMs, cut) : undefined
    if (cancel === undefined) cut()
    await closed
    cancel?.()
    this.#server = undefined
  }

  #onConnection (socket: Socket): void {
    const running = new Set<AbortController>()
    this.#connections.set(socket, running)
    // In some versions of node a response that waits behind another one on its connection has no close
    // event of its own: the socket's counts for all of them.
    socket.once('close', () => {
      this.#connections.delete(socket)
      for (const controller of running) controller.abort(new DOMException('the client closed the connection', 'AbortError'))
    })
  }

  async #onRequest (message: IncomingMessage, res: ServerResponse): Promise<void> {
    const { socket } = message
    const { settings, clock } = this.#init
    const controller = new AbortController()
    const { signal } = controller
    const running = this.#connections.get(socket)
    running?.add(controller)
    // Whatever goes wrong in writing shows in the connection's end.
    res.on('error', () => {})
    res.once('close', () => {
      if (!res.writableFinished) controller.abort(new DOMException('the client closed the connection', 'AbortError'))
      running?.delete(controller)
      if (!message.complete) this.#discard(message)
      if (this.#draining && running?.size === 0) socket.destroySoon()
    })
    const { request, refusal } = incoming(message, signal, settings.headersCountMax)
    const write = async (response: EdgeResponse, last: boolean): Promise<void> => {
      const closing = (): boolean => last || this.#draining
      await writeResponse(res, { response, method: message.method ?? 'GET', signal, clock, closing, settings })
    }
    try {
      // A refused request may be an attempt to smuggle another one behind it: nothing after it is read.
      if (request === undefined) await write(refusal, true)
      else await write(await this.#init.handler(request), false)
    } catch (error) {
      // With the client gone, failing to serve it is the expected end.
      if (signal.aborted) return
      const answer = this.#failed(error, request)
      if (res.headersSent) truncate(message)
      else await write(answer, false).catch(() => { socket.destroy() })
    }
  }

  /** Logs a failure, once, and says what the client is told when it has not had a head yet. */
  #failed (error: unknown, request: EdgeRequest | undefined): EdgeResponse {
    const { logger } = this.#init
    const fields = {
      error,
      code: codeOf(error),
      method: request?.method,
      host: request?.host,
      target: request?.target,
      traceId: request === undefined ? undefined : traceId(request.traceparent)
    }
    if (error instanceof BodyError) {
      logger.warn(fields, 'a response body failed')
      return problem(502, undefined, 'The content could not be fetched; try again.')
    }
    logger.error(fields, 'a request failed')
    return problem(500, undefined, 'This edge failed to handle the request; its log says why.')
  }

  /** What node's parser could not read, or not in time. The answer may come again for bytes that still arrive. */
  #onClientError (error: Error, socket: Socket): void {
    if (codeOf(error) === 'ECONNRESET') socket.destroy()
    else this.#refuse(socket, parseRefusal(error, this.#init.settings))
  }

  /**
   * The request was answered before its body was read. What is left of it is thrown away, for a while: cut at
   * once, a client that still sends may lose the answer; left alone, node waits for ever.
   */
  #discard (message: IncomingMessage): void {
    const { socket } = message
    if (socket.destroyed) return
    const cancel = this.#init.clock.after(this.#init.settings.lingerMs, () => { socket.destroy() })
    socket.once('close', cancel)
    message.once('end', () => {
      cancel()
      socket.off('close', cancel)
    })
    message.resume()
  }

  /** The last words on a connection. */
  #refuse (socket: Socket, { status, detail }: Refusal): void {
    if (socket.writableEnded) return
    // In the midst of a response another one would be taken for its body.
    const running = this.#connections.get(socket)?.size ?? 0
    if (running > 0 || !socket.writable) {
      socket.destroy()
      return
    }
    const cancel = this.#init.clock.after(this.#init.settings.lingerMs, () => { socket.destroy() })
    socket.once('close', cancel)
    socket.on('error', () => {})
    socket.resume()
    socket.end(rawProblem(status, detail, this.#init.clock.wallMs()))
  }
}

/** Ends the connection so that the client knows the body as incomplete. */
function truncate (message: IncomingMessage): void {
  // Without chunks (HTTP/1.0) an orderly end would look like the body's: only a reset does not.
  if (message.httpVersion === '1.1') message.socket.destroy()
  else message.socket.resetAndDestroy()
}

function parseRefusal (error: Error, settings: HttpServerSettings): Refusal {
  const code = codeOf(error)
  if (code === 'HPE_HEADER_OVERFLOW') {
    return { status: 431, detail: `The request's header is larger than ${settings.headersBytesMax} bytes or ${settings.headersCountMax} fields; send less.` }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return { status: 408, detail: 'The request did not arrive in time; send it faster.' }
  return { status: 400, detail: `The request is not HTTP/1.1 as this edge reads it${code === undefined ? '' : ` (${code})`}.` }
}

function listenError (host: string, port: number, error: Error): HttpListenError {
  const where = `${host.includes(':') ? `[${host}]` : host}:${port}`
  return new HttpListenError(`cannot listen for HTTP on ${where}: ${listenReason(error)}`, { cause: error })
}

function listenReason (error: Error): string {
  switch (codeOf(error)) {
    case 'EADDRINUSE': return 'the port is in use; stop the program that holds it or choose another port'
    case 'EACCES': return 'this user may not; choose a port above 1023 or grant the right'
    case 'EADDRNOTAVAIL': return 'this machine has no such address; choose one of its own, or 0.0.0.0 for all'
    case 'ENOTFOUND': return 'the name does not resolve; choose an address of this machine'
    default: return `${messageOf(error)}; choose another address or port`
  }
}
