/**
 * The Cache-Status field (RFC 9211): how this edge handled the request, added after what caches nearer
 * to the origin said of it. Last thing on a response's way to the front; it says what the log and the
 * metrics say. Syntax by Structured Fields (RFC 9651).
 */
import type { Field, Fields } from '../../protocols/fields.ts'

/** Why a request went on to another server (RFC 9211 section 2.2). */
export type ForwardReason = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial'

export interface CacheStatusInit {
  /** The edge's name. */
  readonly cache: string
  /** Answered without going to another server. */
  readonly hit: boolean
  /** Left out on a hit. */
  readonly fwd?: ForwardReason
  /** Status that the other server gave, when it differs from the response's. */
  readonly fwdStatus?: number
  /** The response was stored. */
  readonly stored?: boolean
  /** The request shared another one's fetch. */
  readonly collapsed?: boolean
  /** Freshness left, seconds; negative when stale. */
  readonly ttl?: number
  readonly key?: string
  /** Where it came from: `peer`, `origin`. */
  readonly detail?: string
}

export function cacheStatus ({ cache, hit, fwd, fwdStatus, stored, collapsed, ttl, key, detail }: CacheStatusInit): string {
  let value = tokenOrString(cache)
  if (hit) value += ';hit'
  else if (fwd !== undefined) {
    value += `;fwd=${fwd}`
    if (fwdStatus !== undefined) value += `;fwd-status=${fwdStatus}`
    if (stored === true) value += ';stored'
    if (collapsed === true) value += ';collapsed'
  }
  if (ttl !== undefined) value += `;ttl=${Math.floor(ttl)}`
  if (key !== undefined) value += `;key=${quotedString(key)}`
  if (detail !== undefined) value += `;detail=${tokenOrString(detail)}`
  return value
}

/** The fields with this edge's member at the end of the list: the last is the nearest to the client. */
export function withCacheStatus (fields: Fields, init: CacheStatusInit): Field[] {
  return [...fields, ['cache-status', cacheStatus(init)]]
}

/** RFC 9651 section 3.3.4, or a string where a token cannot say it. */
function tokenOrString (text: string): string {
  return /^[A-Za-z*][A-Za-z0-9!#$%&'*+\-.^_`|~:/]*$/.test(text) ? text : quotedString(text)
}

/** RFC 9651 section 3.3.3: visible ASCII only; anything else becomes `?`. */
function quotedString (text: string): string {
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
}
