/**
 * The origin of a workload: serves `/o/<number>` for every number, whole or in part, with a strong
 * validator that names the object's version, and can be told to change objects, to be slow, to refuse or
 * to be gone. Counts what it was asked, which is what a cache is measured by. Holds no body: all follow
 * from the seed (content.ts).
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { contentRange, parseRange, unsatisfiedContentRange } from '../../daemon/http/range.ts'
import { type Clock, sleep } from '../../protocols/clock.ts'
import { ColonyError, messageOf } from '../../protocols/errors.ts'
import { Content, etagOf, objectOf } from './content.ts'
import type { Shape } from './shape.ts'

export const originDefaults = Object.freeze({
  /** Fresh for an hour: longer than a run, so that what is asked again is there because an edge let it go. */
  cacheControl: 'public, max-age=3600',
  /** Objects that the counters name, the most asked for first. */
  topObjectsMax: 20,
  /** Of a control message; it is a line. */
  controlBytesMax: 64 * 1024
})

/** Each field that is left out stays as it was. */
export interface Control {
  /** Before the head of every answer, ms. */
  readonly delayMs?: number
  /** Every connection with a request is reset, as by a machine that is gone. */
  readonly down?: boolean
  /** Every answer has this status, 400 to 599, and no content; null is as usual. */
  readonly status?: number | null
  readonly cacheControl?: string
  /** These objects get their next version. */
  readonly bump?: number | readonly number[]
}

export interface Counters {
  /** All that were answered or reset, but for those about the origin itself. */
  readonly requests: number
  /** Body bytes handed to sockets. */
  readonly bytes: number
  readonly notModified: number
  /** How many different ones were asked for. */
  readonly objects: number
  readonly byObject: ReadonlyArray<{ readonly object: number, readonly requests: number }>
}

export interface OriginInit {
  /** The clients' own. */
  readonly seed: number | string
  readonly shape: Shape
  readonly clock: Clock
  readonly host?: string
  /** Default: a free one. */
  readonly port?: number
  readonly cacheControl?: string
}

export class Origin {
  readonly #init: OriginInit
  readonly #content: Content
  readonly #server: Server
  readonly #versions = new Map<number, number>()
  readonly #asked = new Map<number, number>()
  #control: { delayMs: number, down: boolean, status: number | null, cacheControl: string }
  #requests = 0
  #bytes = 0
  #notModified = 0

  constructor (init: OriginInit) {
    this.#init = init
    this.#content = new Content({ seed: init.seed, ...init.shape.sizes })
    this.#control = { delayMs: 0, down: false, status: null, cacheControl: init.cacheControl ?? originDefaults.cacheControl }
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        if (error instanceof ColonyError && !response.headersSent) plain(response, 400, error.message)
        else response.destroy()
      })
    })
    // Edges keep connections for as long as they like: an origin that closes first makes requests fail for no reason of theirs.
    this.#server.keepAliveTimeout = 0
  }

  /** @returns its URL, without a slash at the end */
  async listen (): Promise<string> {
    const { host = '127.0.0.1', port = 0 } = this.#init
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen({ host, port }, resolve)
    })
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`
  }

  async close (): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise<void>((resolve) => { this.#server.close(() => { resolve() }) })
  }

  get counters (): Counters {
    const byObject = [...this.#asked].map(([object, requests]) => ({ object, requests })).sort((a, b) => b.requests - a.requests)
    return { requests: this.#requests, bytes: this.#bytes, notModified: this.#notModified, objects: byObject.length, byObject: byObject.slice(0, originDefaults.topObjectsMax) }
  }

  /** @throws ColonyError for what cannot be */
  control ({ bump = [], ...rest }: Control): void {
    for (const object of [bump].flat()) this.#versions.set(object, this.#version(object) + 1)
    this.#control = { ...this.#control, ...rest }
  }

  async #answer (request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request
    if (url === '/counters') return json(response, this.counters)
    if (url === '/control' && method === 'POST') {
      this.control(parseControl(await textOf(request)))
      return json(response, this.#control)
    }
    this.#requests++
    const { down, delayMs, status } = this.#control
    if (down) return void request.socket.resetAndDestroy()
    if (delayMs > 0) await sleep(this.#init.clock, delayMs)
    if (status !== null) return plain(response, status, 'the origin was told to answer so')
    const object = objectOf(url)
    // Those beyond the workload's own are there, too: nobody holds them yet.
    if (object === undefined) return plain(response, 404, 'there is /o/NUMBER, from 0 to 4294967295')
    if (method !== 'GET' && method !== 'HEAD') return plain(response, 405, `${method} is not for this origin: GET and HEAD are`)
    this.#asked.set(object, (this.#asked.get(object) ?? 0) + 1)
    this.#send(object, request, response)
  }

  #send (object: number, { method, headers }: IncomingMessage, response: ServerResponse): void {
    const ifRange = headers['if-range']
    const version = this.#version(object)
    const etag = etagOf(object, version)
    const length = this.#content.sizes.of(object)
    const fields = { etag, 'cache-control': this.#control.cacheControl, 'accept-ranges': 'bytes' }
    if (headers['if-none-match']?.includes(etag) === true) {
      this.#notModified++
      response.writeHead(304, fields).end()
      return
    }
    const range = ifRange === undefined || ifRange === etag ? parseRange(headers.range, length) : { kind: 'none' as const }
    if (range.kind === 'unsatisfiable') {
      response.writeHead(416, { 'content-range': unsatisfiedContentRange(length), 'content-length': '0' }).end()
      return
    }
    const { start, end } = range.kind === 'range' ? range : { start: 0, end: length }
    const type = { 'content-type': 'application/octet-stream', 'content-length': String(end - start) }
    if (range.kind === 'range') response.writeHead(206, { ...fields, ...type, 'content-range': contentRange(range, length) })
    else response.writeHead(200, { ...fields, ...type })
    if (method === 'GET') {
      this.#bytes += end - start
      // Views of one ring, so that even the largest object waits in the socket's queue at no cost.
      for (const part of this.#content.read(object, version, start, end)) response.write(part)
    }
    response.end()
  }

  #version (object: number): number {
    return this.#versions.get(object) ?? 1
  }
}

/** @throws ColonyError */
function parseControl (text: string): Control {
  let control: Record<string, unknown>
  try {
    control = JSON.parse(text) as Record<string, unknown>
  } catch (error) {
    throw controlError(`it is no JSON: ${messageOf(error)}`)
  }
  if (typeof control !== 'object' || control === null) throw controlError('expected an object')
  for (const [name, value] of Object.entries(control)) {
    const check = Object.hasOwn(controlChecks, name) ? controlChecks[name as keyof Control] : undefined
    if (check === undefined) throw controlError(`${JSON.stringify(name)} is not one of ${Object.keys(controlChecks).join(', ')}`)
    if (!check.allowed(value)) throw controlError(`${name} is ${JSON.stringify(value)}: expected ${check.expected}`)
  }
  return control
}

const isObject = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32

const controlChecks: Readonly<Record<keyof Control, { readonly expected: string, readonly allowed: (value: unknown) => boolean }>> = {
  delayMs: { expected: 'milliseconds from 0 to 60000', allowed: (value) => typeof value === 'number' && value >= 0 && value <= 60_000 },
  down: { expected: 'true or false', allowed: (value) => typeof value === 'boolean' },
  status: { expected: '400 to 599, or null', allowed: (value) => value === null || (Number.isInteger(value) && (value as number) >= 400 && (value as number) <= 599) },
  cacheControl: { expected: 'a Cache-Control field', allowed: (value) => typeof value === 'string' && /^[\x20-\x7e]*$/.test(value) },
  bump: { expected: 'an object\'s number, or a list of them', allowed: (value) => Array.isArray(value) ? value.every(isObject) : isObject(value) }
}

function controlError (why: string): ColonyError {
  return new ColonyError('COLONY_WORKLOAD_CONTROL', `cannot control the origin: ${why}`)
}

async function textOf (request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += String(chunk)
    if (text.length > originDefaults.controlBytesMax) throw controlError(`the message is longer than ${originDefaults.controlBytesMax} bytes`)
  }
  return text
}

function json (response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${JSON.stringify(value)}\n`)
}

function plain (response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' }).end(`${text}\n`)
}
