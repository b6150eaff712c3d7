/**
 * The client of every bench: one GET over node:http, timed, read to its end or to where it was cut,
 * never held. It tells a whole body from a cut one as a careful client does: by the framing alone.
 */
import { createHash } from 'node:crypto'
import { request as httpRequest, type Agent } from 'node:http'

export interface ReadInit {
  /** Without one, a connection of its own. */
  readonly agent?: Agent
  /** Sees each chunk in its turn, and where in the body it begins. */
  readonly onChunk?: (chunk: Buffer, offset: number) => void
  /** Computes the body's hash; costs a core's second for each gigabyte or so. */
  readonly hash?: boolean
  /** Silence after which the client gives up, ms; `error` says so. */
  readonly idleMs?: number
}

export const stuck = 'nothing came any more'

export interface Read {
  /** 0 when no head came. */
  readonly status: number
  readonly cacheStatus: string
  readonly bytes: number
  /** The body ended as its framing says it should. */
  readonly whole: boolean
  /** Hexadecimal, where asked for. */
  readonly sha256: string
  /** From the asking to the body's first byte, ms; to the end where there was no byte. */
  readonly firstByteMs: number
  readonly totalMs: number
  /** Longest time between two chunks, ms. */
  readonly gapMs: number
  /** Why it is not whole. */
  readonly error: string
}

/** Never rejects: what went wrong is part of the measurement. */
export async function read (url: string, { agent, onChunk, hash = false, idleMs = 60_000 }: ReadInit = {}): Promise<Read> {
  return await new Promise((resolve) => {
    const startedMs = performance.now()
    const digest = hash ? createHash('sha256') : undefined
    let status = 0
    let cacheStatus = ''
    let bytes = 0
    let firstByteMs: number | undefined
    let lastMs = 0
    let gapMs = 0
    let over = false
    const end = (whole: boolean, error = ''): void => {
      if (over) return
      over = true
      const totalMs = performance.now() - startedMs
      resolve({ status, cacheStatus, bytes, whole, sha256: digest?.digest('hex') ?? '', firstByteMs: firstByteMs ?? totalMs, totalMs, gapMs, error })
    }
    const request = httpRequest(url, { agent: agent ?? false }, (response) => {
      status = response.statusCode ?? 0
      cacheStatus = String(response.headers['cache-status'] ?? '')
      response.on('data', (chunk: Buffer) => {
        const nowMs = performance.now() - startedMs
        if (firstByteMs === undefined) firstByteMs = nowMs
        else gapMs = Math.max(gapMs, nowMs - lastMs)
        lastMs = nowMs
        digest?.update(chunk)
        onChunk?.(chunk, bytes)
        bytes += chunk.byteLength
      })
      response.on('error', (error) => { end(false, request.errored?.message ?? error.message) })
      response.on('end', () => { end(response.complete, response.complete ? '' : 'it ended early') })
      response.on('close', () => { end(false, 'it was closed early') })
    })
    request.setTimeout(idleMs, () => { request.destroy(new Error(stuck)) })
    request.on('error', (error) => { end(false, error.message) })
    request.end()
  })
}

/** The last member of Cache-Status says what the edge that was asked did. */
export function detailOf ({ cacheStatus }: Read): 'hit' | 'peer' | 'origin' | 'other' {
  const own = cacheStatus.split(',').at(-1) ?? ''
  if (/;hit(;|$)/.test(own)) return 'hit'
  const detail = /;detail=(peer|origin)(;|$)/.exec(own)?.[1]
  return detail === 'peer' || detail === 'origin' ? detail : 'other'
}
