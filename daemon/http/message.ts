/**
 * What the HTTP front hands to the handler and takes back: small types of our own, so that another
 * front (a parser of our own, a worker, a test) can be put under the same handler. Bodies are streams of
 * bytes at every step; nothing buffers a whole body.
 */
import type { Fields } from '../../protocols/fields.ts'

export type Body = AsyncIterable<Uint8Array>

export interface EdgeRequest {
  /** As sent, case-sensitive (RFC 9110 section 9.1). */
  readonly method: string
  /** The request target in origin-form, or `*` for OPTIONS; the front has split an absolute-form one. */
  readonly target: string
  /** Host field or authority, lower case, may carry a port; empty when the client sent none. */
  readonly host: string
  readonly fields: Fields
  /** Absent when the request has no body. May be read once. */
  readonly body?: Body
  /** Aborts when the client is gone. */
  readonly signal: AbortSignal
  /** Whether it came from this machine. */
  readonly isLocal?: boolean
  /** W3C Trace Context: the client's, continued, or a new one. */
  readonly traceparent: string
}

export interface EdgeResponse {
  readonly status: number
  readonly fields: Fields
  /** Bytes that follow, when known beforehand; the front then sends Content-Length. */
  readonly length?: number
  /** Absent for HEAD, 204 and 304. The front ends its iteration early when the client leaves. */
  readonly body?: Body
}

export type Handler = (request: EdgeRequest) => Promise<EdgeResponse>
