/**
 * The server's tests' two ends: a front on a free port with the settings a test wants, and a TCP client
 * that sends exactly the bytes it is told and gathers what comes back until the connection ends.
 */
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { systemClock } from '../../../daemon/clock.ts'
import type { EdgeResponse, Handler } from '../../../daemon/http/message.ts'
import { HttpServer, httpServerDefaults } from '../../../daemon/http/server.ts'
import type { HttpServerSettings } from '../../../daemon/http/server.ts'

export interface LogLine {
  readonly level: 'warn' | 'error'
  readonly fields: Readonly<Record<string, unknown>>
  readonly message: string
}

export interface Front {
  readonly server: HttpServer
  readonly port: number
  readonly url: string
  readonly log: LogLine[]
}

export async function front (handler: Handler, settings: Partial<HttpServerSettings> = {}): Promise<Front> {
  const log: LogLine[] = []
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    settings: { ...httpServerDefaults, ...settings },
    clock: systemClock,
    handler,
    logger: {
      warn: (fields, message) => { log.push({ level: 'warn', fields, message }) },
      error: (fields, message) => { log.push({ level: 'error', fields, message }) }
    }
  })
  const { port } = await server.start()
  onTestFinished(async () => { await server.stop() })
  return { server, port, url: `http://127.0.0.1:${port}`, log }
}

export class RawClient {
  readonly socket: Socket
  received = ''
  ended = false
  /** Code of the error that ended the connection. */
  failure: string | undefined

  constructor (port: number) {
    this.socket = connect({ port, host: '127.0.0.1' })
    this.socket.on('data', (chunk) => { this.received += chunk.toString('latin1') })
    this.socket.on('error', (error: NodeJS.ErrnoException) => { this.failure = error.code })
    this.socket.on('close', () => { this.ended = true })
    onTestFinished(() => { this.socket.destroy() })
  }

  send (text: string): this {
    this.socket.write(text, 'latin1')
    return this
  }

  /** Everything received until the connection ended. */
  async end (): Promise<string> {
    await until(() => this.ended, 'the connection to end')
    return this.received
  }
}

/** Waits for a condition, at most ten seconds. */
export async function until (condition: () => boolean, what: string): Promise<void> {
  const lastMs = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > lastMs) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => { setTimeout(resolve, 2) })
  }
}

export function ok (text: string, init: Partial<EdgeResponse> = {}): EdgeResponse {
  return { status: 200, fields: [], length: Buffer.byteLength(text), body: chunks(text), ...init }
}

export async function * chunks (...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}
