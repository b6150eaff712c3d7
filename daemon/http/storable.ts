/**
 * Whether a response may be stored, and whether others who wait for the same key may have it
 * (RFC 9111 section 3). Asked when an origin's head has arrived, before the first byte is written.
 * One deviation is Colony's own (DESIGN.md, "No stated lifetime, no origin"): a 200 without any stated
 * lifetime is stored, stale at once, to be validated or served when no origin can be reached.
 */
import { hasField } from '../../protocols/fields.ts'
import type { Fields } from '../../protocols/fields.ts'
import { requestCacheControl, responseCacheControl } from './cache-control.ts'
import { explicitLifetimeMs } from './freshness.ts'
import { varyNames } from './vary.ts'

export const NotStorable = {
  /** Only what GET brought is stored. */
  Method: 'method',
  /** The request forbids it. */
  RequestNoStore: 'request-no-store',
  /** The response forbids it. */
  NoStore: 'no-store',
  /** Meant for one user. Limited to some fields it counts as for all (section 5.2.2.7). */
  Private: 'private',
  /** The request carried credentials and the response does not open itself (section 3.5). */
  Authorization: 'authorization',
  /** `Vary: *` matches no second request. */
  Vary: 'vary',
  /** Sets a cookie and does not state that it is fresh for anybody for some time. */
  SetCookie: 'set-cookie',
  /** A status whose caching is not understood here. 206 is one for now. */
  Status: 'status',
  /** A status other than 200 that states no lifetime. */
  NoLifetime: 'no-lifetime'
} as const
export type NotStorable = typeof NotStorable[keyof typeof NotStorable]

/** `shareable: false`: every waiter on the flight is released at once to ask for itself. */
export type Storability =
  | { readonly storable: true, readonly shareable: true }
  | { readonly storable: false, readonly shareable: boolean, readonly reason: NotStorable }

export interface StorabilityInit {
  readonly method: string
  /** End-to-end fields of the request that caused the response. */
  readonly requestFields: Fields
  readonly status: number
  /** End-to-end fields of the response. */
  readonly fields: Fields
  /** The site's lifetime for responses that state none, ms. */
  readonly defaultTtlMs: number
  /** The same for errors; 0 where it is absent. */
  readonly negativeTtlMs?: number | undefined
}

/** Statuses that may have the site's default lifetime. */
const successes = new Set([200, 203, 204, 300, 301, 308])
/** Statuses that must state a lifetime of their own: an error must not outlive its cause unasked. */
const errors = new Set([404, 405, 410, 414, 501])

export function storability ({ method, requestFields, status, fields, defaultTtlMs, negativeTtlMs = 0 }: StorabilityInit): Storability {
  const control = responseCacheControl(fields)
  const understood = successes.has(status) || errors.has(status)
  // A past moment where Date is missing: a lifetime that cannot be computed counts as none.
  const statedMs = explicitLifetimeMs(fields, Infinity)
  if (method !== 'GET') return refused(NotStorable.Method)
  if (requestCacheControl(requestFields).noStore) return refused(NotStorable.RequestNoStore)
  // Section 5.2.2.3: no-store beside must-understand speaks to caches that do not know the status.
  if (control.noStore && !(control.mustUnderstand && understood)) return refused(NotStorable.NoStore)
  if (control.private !== false) return refused(NotStorable.Private)
  const opened = control.public || control.mustRevalidate || control.sMaxage !== undefined
  if (hasField(requestFields, 'authorization') && !opened) return refused(NotStorable.Authorization)
  if (varyNames(fields) === '*') return refused(NotStorable.Vary)
  const forAnybody = statedMs !== undefined && statedMs > 0 && control.noCache === false
  if (hasField(fields, 'set-cookie') && !forAnybody) return refused(NotStorable.SetCookie)
  // A server error tells about the origin, not about the client: waiters share it rather than repeat it.
  if (!understood) return refused(NotStorable.Status, status >= 500)
  const lifetimeMs = statedMs ?? (errors.has(status) ? negativeTtlMs : defaultTtlMs)
  if (status !== 200 && lifetimeMs === 0) return refused(NotStorable.NoLifetime, true)
  return { storable: true, shareable: true }
}

function refused (reason: NotStorable, shareable = false): Storability {
  return { storable: false, shareable, reason }
}
