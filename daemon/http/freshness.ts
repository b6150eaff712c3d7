/**
 * How old a stored response is, how long it is fresh, and whether it may answer a request without
 * being validated (RFC 9111 sections 4.2, 5.2.1 and 5.2.2). Pure: the wall clock is a parameter. No
 * heuristics: a response without stated lifetime has the site's default one, which is 0 (DESIGN.md).
 */
import { fieldValue } from '../../protocols/fields.ts'
import type { Fields } from '../../protocols/fields.ts'
import type { StoredResponse } from '../store/store.ts'
import { deltaSeconds, responseCacheControl } from './cache-control.ts'
import type { CacheControl } from './cache-control.ts'
import { parseHttpDate } from './date.ts'
import { listMembers } from './fields.ts'

/** What freshness needs of a stored response, so that any head will do. */
export type StoredHead = Pick<StoredResponse, 'fields' | 'receivedAtMs' | 'initialAgeMs'>

export interface FreshnessPolicy {
  /** The site's lifetime for responses that state none, ms; 0 makes them stale at once. */
  readonly defaultTtlMs: number
  /** Bounds of every lifetime, stated or not, ms. */
  readonly minTtlMs?: number | undefined
  readonly maxTtlMs?: number | undefined
}

/**
 * `corrected_initial_age` of RFC 9111 section 4.2.3: the greater of what Date and what Age say. An
 * invalid Age or Date is ignored (sections 5.1; RFC 9110 section 6.6.1).
 *
 * @param fields as received, Age among them
 * @returns ms, 0 or more
 */
export function initialAgeMs ({ fields, requestedAtMs, receivedAtMs }: {
  readonly fields: Fields
  readonly requestedAtMs: number
  readonly receivedAtMs: number
}): number {
  const dateMs = parseHttpDate(fieldValue(fields, 'date'), receivedAtMs) ?? receivedAtMs
  const apparentAgeMs = Math.max(0, receivedAtMs - dateMs)
  // Only the first of several values counts (section 5.1).
  const ageMs = (deltaSeconds(listMembers(fieldValue(fields, 'age') ?? '')[0]) ?? 0) * 1000
  const responseDelayMs = Math.max(0, receivedAtMs - requestedAtMs)
  return Math.max(apparentAgeMs, ageMs + responseDelayMs)
}

/** `current_age` of RFC 9111 section 4.2.3, ms. A wall clock that jumps back does not make it younger than it came. */
export function currentAgeMs (stored: StoredHead, wallNowMs: number): number {
  return stored.initialAgeMs + Math.max(0, wallNowMs - stored.receivedAtMs)
}

/**
 * The lifetime that the response states (RFC 9111 section 4.2.1): s-maxage, else max-age, else
 * Expires less Date (less `receivedAtMs` where Date cannot be read). An invalid or repeated Expires is
 * a past one (section 5.3).
 *
 * @returns ms, 0 or more; undefined when it states none
 */
export function explicitLifetimeMs (fields: Fields, receivedAtMs: number): number | undefined {
  const control = responseCacheControl(fields)
  const seconds = control.sMaxage ?? control.maxAge
  if (seconds !== undefined) return seconds * 1000
  const expires = fieldValue(fields, 'expires')
  if (expires === undefined) return undefined
  const expiresMs = parseHttpDate(expires, receivedAtMs)
  if (expiresMs === undefined) return 0
  return Math.max(0, expiresMs - (parseHttpDate(fieldValue(fields, 'date'), receivedAtMs) ?? receivedAtMs))
}

/** The stated lifetime, else the site's default, within the site's bounds, ms. */
export function lifetimeMs (stored: StoredHead, { defaultTtlMs, minTtlMs = 0, maxTtlMs = Infinity }: FreshnessPolicy): number {
  return Math.max(minTtlMs, Math.min(maxTtlMs, explicitLifetimeMs(stored.fields, stored.receivedAtMs) ?? defaultTtlMs))
}

/** RFC 9111 section 4.2: fresh while the lifetime exceeds the age. Says nothing of `no-cache`. */
export function isFresh (stored: StoredHead, wallNowMs: number, policy: FreshnessPolicy): boolean {
  return lifetimeMs(stored, policy) > currentAgeMs(stored, wallNowMs)
}

/**
 * Whether the response lets itself be served stale when it cannot be validated (RFC 9111 section
 * 4.2.4). `s-maxage` forbids it as `proxy-revalidate` does (section 5.2.2.10).
 */
export function mayServeStale (stored: Pick<StoredHead, 'fields'>): boolean {
  const control = responseCacheControl(stored.fields)
  return !control.mustRevalidate && !control.proxyRevalidate && control.sMaxage === undefined && control.noCache === false
}

/**
 * How long past its lifetime the response may be served at once while it is validated (RFC 5861 section 3), ms: as it says itself,
 * else as its site says. What is meant for content does not keep an error alive, and what forbids to be served stale (RFC 9111
 * section 4.2.4) goes before both.
 *
 * @param siteMs the site's own value
 */
export function revalidationWindowMs (stored: Pick<StoredResponse, 'fields' | 'status'>, siteMs = 0): number {
  if (!mayServeStale(stored)) return 0
  const { staleWhileRevalidate } = responseCacheControl(stored.fields)
  if (staleWhileRevalidate !== undefined) return staleWhileRevalidate * 1000
  return stored.status < 400 ? siteMs : 0
}

/**
 * Whether a response may answer this request at once while it is validated. Not where the request says itself how old or stale its
 * answer may be (RFC 9111 section 5.2.1), nor where nobody may have the answer that validates it.
 *
 * @param pastMs age less lifetime: it is not too old to be served where that is negative, and something else forbids it
 * @param windowMs of `revalidationWindowMs`
 */
export function mayServeWhileRevalidating (request: CacheControl, pastMs: number, windowMs: number): boolean {
  if (request.noCache !== false || request.noStore || request.maxAge !== undefined || request.minFresh !== undefined || request.maxStale !== undefined) return false
  return pastMs >= 0 && pastMs < windowMs
}

/**
 * Whether the request is content with the stored response as it is (RFC 9111 section 5.2.1): fresh,
 * by the request's own measure too, or no staler than `max-stale` where the response allows that. The
 * request's max-age=0 always asks for validation, as reloading browsers mean it. `only-if-cached` does
 * not matter here: it decides what happens when the answer is no.
 *
 * @param request of `requestCacheControl`, which knows Pragma
 */
export function requestAllows (stored: Pick<StoredHead, 'fields'>, request: CacheControl, ageMs: number, lifetimeMs: number): boolean {
  if (request.noCache !== false) return false
  if (request.minFresh !== undefined && lifetimeMs - ageMs < request.minFresh * 1000) return false
  const limitMs = request.maxAge === undefined ? lifetimeMs : Math.min(lifetimeMs, request.maxAge * 1000)
  if (limitMs > ageMs) return true
  if (request.maxStale === undefined || ageMs - limitMs > request.maxStale * 1000) return false
  return lifetimeMs > ageMs || mayServeStale(stored)
}

/**
 * Whether the stored response must be validated before it answers this request: its own `no-cache`
 * says so, or the request is not content with it. `no-cache` for some fields only counts as for all
 * (RFC 9111 section 5.2.2.4 lets caches do that).
 */
export function needsValidation (stored: Pick<StoredHead, 'fields'>, request: CacheControl, ageMs: number, lifetimeMs: number): boolean {
  return responseCacheControl(stored.fields).noCache !== false || !requestAllows(stored, request, ageMs, lifetimeMs)
}
