/**
 * An origin to try edges against: plain files with the cache headers that a careful site sends,
 * validators, conditional requests and single ranges (RFC 9110 sections 13 and 14), and a delay before
 * the first byte for whoever asks. Counts what it was asked, which is what a cache is measured by.
 * Stands at the end of a request's way; the demo runs it as a process of its own, tests and benches in theirs.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '../daemon/clock.ts'
import { evaluate, notModifiedFields } from '../daemon/http/conditional.ts'
import { formatHttpDate } from '../daemon/http/date.ts'
import { contentRange, ifRangeMatches, parseRange, unsatisfiedContentRange } from '../daemon/http/range.ts'
import { type Clock, sleep } from '../protocols/clock.ts'
import { codeOf } from '../protocols/errors.ts'
import { type Field, fieldsFromRaw, fieldValue } from '../protocols/fields.ts'
import { findResource, repositoryFolder, type Resource } from './origin-content.ts'

export const demoOriginDefaults = Object.freeze({
  /** Longest delay that a request may ask for, ms. Above an edge's own limit for an origin's head it would only show errors. */
  delayMaxMs: 10_000
})

export interface OriginInit {
  readonly host?: string
  /** Default: a free one. */
  readonly port?: number
  /** Whose files are served. Default: the repository that this module belongs to. */
  readonly folder?: string
  /** Before the first byte of every answer, ms; a request's own `?delay=` comes in its place. Default: 0. */
  readonly delayMs?: number
  readonly clock?: Clock
}

export interface OriginCounters {
  readonly requests: number
  /** Body bytes handed to sockets. */
  readonly bytes: number
}

export interface DemoOrigin {
  /** Without a slash at the end. */
  readonly url: string
  counters: () => OriginCounters
  /** Cuts what is under way. May be called twice. */
  close: () => Promise<void>
}

interface Answer {
  readonly status: number
  readonly fields: readonly Field[]
  /** Absent where there is no body. */
  readonly body?: { readonly length: number, readonly chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array> }
}

/** Resolves when it listens. */
export async function startOrigin (init: OriginInit = {}): Promise<DemoOrigin> {
  const { host = '127.0.0.1', port = 0, folder = repositoryFolder(), delayMs = 0, clock = systemClock } = init
  const counters = { requests: 0, bytes: 0 }
  const server = createServer((request, response) => {
    // Not counted: whoever asks how often the origin was asked should not change the answer.
    if (request.url === '/counters') {
      response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(`${JSON.stringify(counters)}\n`)
      return
    }
    const controller = new AbortController()
    response.once('close', () => { controller.abort() })
    answer(request, controller.signal).then(async (each) => { await send(request, response, each) }).catch((error: unknown) => {
      // The client left, or a file went away in mid-body: the connection's end says so.
      if (!controller.signal.aborted && codeOf(error) === undefined) throw error
      response.destroy()
    })
  })

  async function answer (request: IncomingMessage, signal: AbortSignal): Promise<Answer> {
    counters.requests++
    if (request.url?.startsWith('/') !== true) return text(400, 'the request target is not a path\n')
    const url = new URL(`http://origin${request.url}`)
    if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, `${request.method} is not for this origin: GET and HEAD are\n`, [['allow', 'GET, HEAD']])
    const asked = url.searchParams.get('delay') ?? String(delayMs)
    const { delayMaxMs } = demoOriginDefaults
    if (!/^\d{1,9}$/.test(asked) || Number(asked) > delayMaxMs) return text(400, `delay is ${JSON.stringify(asked)}: expected milliseconds from 0 to ${delayMaxMs}\n`)
    if (Number(asked) > 0) await sleep(clock, Number(asked), signal)
    const path = decoded(url.pathname)
    const resource = path === undefined ? undefined : await findResource(folder, path)
    return resource === undefined ? text(404, 'there is nothing of this name; / lists what there is\n') : represent(request, resource, clock.wallMs())
  }

  async function send (request: IncomingMessage, response: ServerResponse, { status, fields, body }: Answer): Promise<void> {
    response.writeHead(status, [...fields.flat(), 'date', formatHttpDate(clock.wallMs()), ...(body === undefined ? [] : ['content-length', String(body.length)])])
    if (body === undefined || request.method === 'HEAD') {
      response.end()
      return
    }
    await pipeline(async function * () {
      for await (const chunk of body.chunks) {
        counters.bytes += chunk.byteLength
        yield chunk
      }
    }, response)
  }

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port }, resolve)
  })
  const { port: realPort } = server.address() as AddressInfo
  return {
    url: `http://${host}:${realPort}`,
    counters: () => ({ ...counters }),
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => { server.close(() => { resolve() }) })
    }
  }
}

/** The whole, a part, or that nothing changed. */
function represent (request: IncomingMessage, resource: Resource, nowMs: number): Answer {
  const { type, etag, modifiedMs, cacheControl, length } = resource
  const fields: Field[] = [
    ['content-type', type], ['etag', etag], ['last-modified', formatHttpDate(modifiedMs)],
    ['cache-control', cacheControl], ['accept-ranges', 'bytes']
  ]
  const asked = fieldsFromRaw(request.rawHeaders)
  const verdict = evaluate(asked, { status: 200, fields })
  if (verdict === 'not-modified') return { status: 304, fields: notModifiedFields(fields) }
  if (verdict === 'precondition-failed') return text(412, 'a precondition of the request is not met\n')
  const dated: Field[] = [...fields, ['date', formatHttpDate(nowMs)]]
  const ranged = request.method === 'GET' && ifRangeMatches(fieldValue(asked, 'if-range'), dated)
  const range = ranged ? parseRange(fieldValue(asked, 'range'), length) : { kind: 'none' as const }
  switch (range.kind) {
    case 'none': return { status: 200, fields, body: { length, chunks: resource.read(0, length) } }
    case 'unsatisfiable': return text(416, 'the range lies beyond the end\n', [['content-range', unsatisfiedContentRange(length)]])
    case 'range': return {
      status: 206,
      fields: [...fields, ['content-range', contentRange(range, length)]],
      body: { length: range.end - range.start, chunks: resource.read(range.start, range.end) }
    }
  }
}

/** Answers that are about the request and not for caches. */
function text (status: number, body: string, fields: readonly Field[] = []): Answer {
  const bytes = Buffer.from(body)
  return { status, fields: [['content-type', 'text/plain; charset=utf-8'], ['cache-control', 'no-store'], ...fields], body: { length: bytes.length, chunks: [bytes] } }
}

/** @returns undefined for what is no percent-encoded text */
function decoded (path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    return undefined
  }
}
