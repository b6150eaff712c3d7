/**
 * Errors as people and programs read them (RFC 9457): a status, a title that is the same for every
 * error of its kind, and one sentence about this one. Used wherever the edge itself answers with an
 * error; never for what an origin said.
 */
import { STATUS_CODES } from 'node:http'
import type { Field } from '../../protocols/fields.ts'
import { formatHttpDate } from './date.ts'
import type { EdgeResponse } from './message.ts'

/** Members beyond the standard ones (RFC 9457 section 3.2). */
export type ProblemExtra = Readonly<Record<string, unknown>>

/** Never stored on the way: it tells about this moment. */
const fields: readonly Field[] = [['content-type', 'application/problem+json'], ['cache-control', 'no-store']]

/**
 * @param title short, the same for every problem of this kind; the status's own phrase when undefined
 * @param detail one sentence: what was wrong, with which value, and what to do
 */
export function problem (status: number, title: string | undefined, detail: string, extra?: ProblemExtra): EdgeResponse {
  const bytes = document(status, title, detail, extra)
  return { status, fields, length: bytes.byteLength, body: once(bytes) }
}

/**
 * A problem as the last bytes of a connection on which node:http has no response to offer: what its
 * parser could not read, and CONNECT.
 *
 * @param wallMs for Date
 */
export function rawProblem (status: number, detail: string, wallMs: number): Buffer {
  const bytes = document(status, undefined, detail)
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}`,
    ...fields.map(([name, value]) => `${name}: ${value}`),
    `date: ${formatHttpDate(wallMs)}`,
    `content-length: ${bytes.byteLength}`,
    'connection: close'
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes])
}

function document (status: number, title: string | undefined, detail: string, extra?: ProblemExtra): Buffer {
  return Buffer.from(`${JSON.stringify({ ...extra, title: title ?? STATUS_CODES[status] ?? 'Error', status, detail })}\n`)
}

async function * once (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
