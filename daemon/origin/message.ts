/**
 * What is asked of an origin and what it answers, in types that know nothing of undici. Bodies are
 * streams of bytes both ways; nothing here holds a whole one.
 */
import type { Fields } from '../../protocols/fields.ts'

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/** Whether a request of this method may be sent twice, as it changes nothing (RFC 9110 section 9.2.1). */
export function isSafe (method: string): boolean {
  return safeMethods.has(method)
}

export interface OriginRequest {
  readonly method: string
  /** Origin-form, sent as given, after the origin's base path. */
  readonly target: string
  /** End-to-end fields; a Host among them is ignored. */
  readonly fields: Fields
  /** The Host to send, with `hostHeader: preserve`; otherwise it is the origin's own. */
  readonly host?: string
  /** Read once, at the pace at which the origin takes it. */
  readonly body?: AsyncIterable<Uint8Array>
  /** Ends the request whatever its state, also in the queue and in mid-body. */
  readonly signal: AbortSignal
  /** W3C Trace Context, sent in place of any that `fields` has. */
  readonly traceparent: string
}

export interface OriginResponse {
  /** 200 or above; interim answers are not handed on. */
  readonly status: number
  /** End-to-end fields as received; a field that was sent twice is here twice. */
  readonly fields: Fields
  /** Wall clock when the request went out (RFC 9111 `request_time`), ms. */
  readonly requestedAtMs: number
  /** Wall clock when the head was complete (RFC 9111 `response_time`), ms. */
  readonly receivedAtMs: number
  /** From handing the request to the connection, which may first have to be opened, to the head, ms. */
  readonly ttfbMs: number
  /**
   * The bytes as sent, content coding untouched; none for HEAD, 204 and 304. May be read once. Throws
   * OriginError when it is not whole. Ending the iteration early closes the connection. A body that
   * nobody reads gives its connection and place back after `bodyUnreadTimeoutMs`, or as soon as it has
   * arrived when it fits in `bodyBufferBytesMax`.
   */
  readonly body: AsyncIterable<Uint8Array>
}
