/**
 * A file as the plain web servers behind mirrors and pages serve it: ETag, Last-Modified, single ranges and
 * conditional requests (RFC 9110 sections 13 and 14), and no word of how long it is fresh.
 */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { gzipSync } from 'node:zlib'
import type { TestOrigin } from '../support/origin.ts'

export interface Published {
  readonly type?: string
  /** Default: `longAgo`. */
  readonly modified?: Date
  readonly fields?: Readonly<Record<string, string>>
  /** Sends it by gzip to whoever takes that, and says so by Vary. */
  readonly coded?: boolean
  /** Awaited before the second half is sent. */
  readonly half?: Promise<void>
}

/** A day before the test, in whole seconds as HTTP has them. */
export const longAgo = new Date(Math.floor(Date.now() / 1000 - 86_400) * 1000)

export function publish (origin: TestOrigin, path: string, plain: Uint8Array, { type = 'application/octet-stream', modified = longAgo, fields, coded = false, half }: Published = {}): void {
  origin.on(path, async (request, response) => {
    const zipped = coded && /\bgzip\b/.test(String(request.headers['accept-encoding']))
    const body = zipped ? gzipSync(plain) : plain
    const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`
    const head = {
      'content-type': type, etag, 'last-modified': modified.toUTCString(), 'accept-ranges': 'bytes',
      ...coded && { vary: 'Accept-Encoding' }, ...zipped && { 'content-encoding': 'gzip' }, ...fields
    }
    if (isHeld(request, etag, modified)) {
      response.writeHead(304, head).end()
      return
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '')
    const start = Number(range?.[1] ?? 0)
    const end = range?.[2] === undefined || range[2] === '' ? body.byteLength : Math.min(Number(range[2]) + 1, body.byteLength)
    if (range === null) response.writeHead(200, { ...head, 'content-length': body.byteLength })
    else response.writeHead(206, { ...head, 'content-length': end - start, 'content-range': `bytes ${start}-${end - 1}/${body.byteLength}` })
    if (half !== undefined) {
      response.write(body.subarray(start, end / 2))
      await half
      response.end(body.subarray(end / 2, end))
    } else response.end(body.subarray(start, end))
  })
}

function isHeld ({ headers }: IncomingMessage, etag: string, modified: Date): boolean {
  if (headers['if-none-match'] !== undefined) return headers['if-none-match'].includes(etag)
  return headers['if-modified-since'] !== undefined && Date.parse(headers['if-modified-since']) >= modified.getTime()
}
