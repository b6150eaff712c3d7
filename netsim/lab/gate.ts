/** Requests through a host's gate (gate-process.ts): asked from inside its namespace, read here. */
import { createHash } from 'node:crypto'
import { request, type IncomingHttpHeaders } from 'node:http'
import type { Clock } from '../../protocols/clock.ts'

export interface Asking {
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly timeoutMs: number
}

export interface GateAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** Until the last byte. */
  readonly tookMs: number
}

/** @throws what the socket says, or that it took too long */
export async function ask (socketPath: string, path: string, clock: Clock, { method = 'GET', headers = {}, body, timeoutMs }: Asking): Promise<GateAnswer> {
  const startMs = clock.nowMs()
  return await new Promise((resolve, reject) => {
    const asked = request({ socketPath, path, method, headers: { host: 'lab', connection: 'close', ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => { chunks.push(chunk) })
      response.once('error', fail)
      response.once('end', () => {
        cancel()
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks), tookMs: clock.nowMs() - startMs })
      })
    })
    const fail = (error: Error): void => {
      cancel()
      reject(error)
    }
    const cancel = clock.after(timeoutMs, () => { asked.destroy(new Error(`no answer to ${path} within ${timeoutMs} ms`)) })
    asked.once('error', fail)
    asked.end(body)
  })
}

export function sha256 (bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
