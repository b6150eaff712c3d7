/**
 * A real origin for tests: node:http on loopback, whose answers each test sets by path, and which
 * keeps every request that reached it.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

export interface Seen { method: string, url: string, headers: IncomingHttpHeaders }

export class TestOrigin {
  readonly seen: Seen[] = []
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #answers = new Map<string, Answer>()
  url = ''
  bytesSent = 0

  constructor () {
    this.#server = createServer((request, response) => {
      this.seen.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers })
      const path = (request.url ?? '').replace(/\?.*$/, '')
      const answer = this.#answers.get(path)
      if (answer === undefined) response.writeHead(404).end('not here')
      else void answer(request, response)
    })
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => { this.#sockets.delete(socket) })
      socket.on('error', () => {})
    })
  }

  async start (port = 0): Promise<this> {
    this.#server.listen(port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
    return this
  }

  on (path: string, answer: Answer): this {
    this.#answers.set(path, answer)
    return this
  }

  /** A body of `length` deterministic bytes with a strong ETag, ranges and conditional requests. */
  file (path: string, length: number, options: { maxAge?: number, delayMs?: number, fields?: Record<string, string>, version?: string, pace?: (sent: number) => Promise<void>, etag?: boolean } = {}): Buffer {
    const body = bytesOf(`${path}${options.version ?? ''}`, length)
    const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`
    this.on(path, async (request, response) => {
      if (options.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, options.delayMs))
      const fields: Record<string, string> = { ...options.fields }
      if (options.etag !== false) fields.etag = etag
      if (options.maxAge !== undefined) fields['cache-control'] = `max-age=${options.maxAge}`
      if (options.etag !== false && request.headers['if-none-match'] === etag) {
        response.writeHead(304, fields).end()
        return
      }
      const range = /^bytes=(\d+)-$/.exec(request.headers.range ?? '')
      const fits = request.headers['if-range'] === undefined || request.headers['if-range'] === etag
      const start = range !== null && fits ? Number(range[1]) : 0
      if (start > 0) response.writeHead(206, { ...fields, 'content-length': length - start, 'content-range': `bytes ${start}-${length - 1}/${length}` })
      else response.writeHead(200, { ...fields, 'content-length': length })
      for (let at = start; at < length; at += 65_536) {
        if (options.pace !== undefined) await options.pace(at)
        if (response.destroyed) return
        const chunk = body.subarray(at, at + 65_536)
        this.bytesSent += chunk.byteLength
        if (!response.write(chunk)) await drained(response)
      }
      response.end()
    })
    return body
  }

  count (path: string): number { return this.seen.filter((each) => each.url.replace(/\?.*$/, '') === path).length }

  /** Ends it at once, with its connections. */
  async close (): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

async function drained (response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}

/** The same bytes for the same name, always. */
export function bytesOf (name: string, length: number): Buffer {
  const out = Buffer.alloc(length)
  let block = createHash('sha256').update(name).digest()
  for (let at = 0; at < length; at += 32) {
    block.copy(out, at)
    block = createHash('sha256').update(block).digest()
  }
  return out
}

export function sha256 (bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
