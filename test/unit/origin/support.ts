/**
 * What the origin tests share: origins over real sockets, well-behaved (node:http) and scripted byte
 * by byte (node:net), and a clock that moves only when told, so that no test waits for a timeout.
 */
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { onTestFinished, vi } from 'vitest'
import type { OriginError } from '../../../daemon/origin/errors.ts'
import { Origin, type OriginEvent, type OriginRequest, type OriginResponse } from '../../../daemon/origin/origin.ts'
import { originDefaults, type OriginSettings } from '../../../daemon/origin/settings.ts'
import type { Clock } from '../../../protocols/clock.ts'

export interface ManualClock extends Clock {
  /** Moves time on and runs the timers that are due, in order. */
  move: (ms: number) => void
  readonly timers: number
}

export function manualClock (random = 0): ManualClock {
  let nowMs = 1_000
  const timers = new Set<{ atMs: number, callback: () => void }>()
  return {
    wallMs: () => 1_700_000_000_000 + nowMs,
    nowMs: () => nowMs,
    random: () => random,
    after: (delayMs, callback) => {
      const timer = { atMs: nowMs + delayMs, callback }
      timers.add(timer)
      return () => { timers.delete(timer) }
    },
    move: ms => {
      const untilMs = nowMs + ms
      for (;;) {
        const due = [...timers].filter(timer => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0]
        if (due === undefined) break
        timers.delete(due)
        nowMs = due.atMs
        due.callback()
      }
      nowMs = untilMs
    },
    get timers () { return timers.size }
  }
}

export interface TestServer {
  readonly url: string
  readonly port: number
  /** Connections accepted so far, in order. */
  readonly sockets: readonly Socket[]
  /** Request heads received so far, in order. */
  readonly requests: string[]
}

/**
 * An origin that does with each request's socket what `answer` says. A request is its head; bodies are
 * for the tests that send one.
 *
 * @param answer called for each request with its number, over all connections, from 0
 */
export async function rawOrigin (answer: (socket: Socket, number: number, head: string) => void): Promise<TestServer> {
  const requests: string[] = []
  const server = createServer(socket => {
    let pending = ''
    socket.on('data', (data: Buffer) => {
      pending += data.toString('latin1')
      for (let end = pending.indexOf('\r\n\r\n'); end !== -1; end = pending.indexOf('\r\n\r\n')) {
        const head = pending.slice(0, end + 2)
        pending = pending.slice(end + 4)
        requests.push(head)
        answer(socket, requests.length - 1, head)
      }
    })
  })
  return await listening(server, requests)
}

export async function httpOrigin (listener: RequestListener): Promise<TestServer> {
  return await listening(createHttpServer(listener), [])
}

async function listening (server: Server, requests: string[]): Promise<TestServer> {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => {})
  })
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise(resolve => { server.close(resolve) })
  })
  return { url: `http://127.0.0.1:${port}`, port, sockets, requests }
}

/** A port on which nobody listens. */
export async function closedPort (): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  await new Promise(resolve => { server.close(resolve) })
  return port
}

export interface TestOrigin {
  readonly origin: Origin
  readonly clock: ManualClock
  readonly events: OriginEvent[]
}

export function originAt (url: string, settings: Partial<OriginSettings> = {}, clock = manualClock()): TestOrigin {
  const events: OriginEvent[] = []
  const origin = new Origin(url, { ...originDefaults, ...settings }, clock, event => { events.push(event) })
  onTestFinished(async () => { await origin.close() })
  return { origin, clock, events }
}

export const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

export function get (target = '/', changes: Partial<OriginRequest> = {}): OriginRequest {
  return { method: 'GET', target, fields: [], signal: new AbortController().signal, traceparent, ...changes }
}

export async function text (response: OriginResponse): Promise<string> {
  const chunks: Uint8Array[] = []
  for await (const chunk of response.body) chunks.push(chunk)
  return Buffer.concat(chunks).toString('latin1')
}

/** The error with which `work` fails. */
export async function failure (work: Promise<unknown>): Promise<OriginError> {
  try {
    await work
  } catch (error) {
    return error as OriginError
  }
  throw new Error('it did not fail')
}

export async function until (condition: () => boolean): Promise<void> {
  await vi.waitUntil(condition, { timeout: 10_000, interval: 2 })
}

/** A whole small answer as text. */
export function answer (body: string, ...fields: string[]): string {
  return ['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...fields, '', body].join('\r\n')
}
