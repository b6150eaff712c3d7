/**
 * What things are called across the colony: content keys, peers, regions. A content key is derived
 * from the site's name and the normalised URL, never from the host name or port that a client used
 * (unless the site preserves the host), so every edge computes the same key.
 */
import { createHash } from 'node:crypto'

declare const brand: unique symbol
/** SHA-256 in base64url (43 characters) of key version, site name and normalised URL. */
export type ContentKey = string & { readonly [brand]: 'ContentKey' }
/** A libp2p peer id in its base58 text form. */
export type PeerName = string
export type Region = string

/**
 * Part of every key: raise it when the normalisation below changes, so that edges of two versions
 * never mean different things by one key.
 */
export const keyVersion = 1

/**
 * @param site the site's name, or `name|host` where the site preserves the client's Host
 * @param target origin-form target as normalised by `normaliseTarget`
 */
export function contentKey (site: string, target: string): ContentKey {
  return createHash('sha256').update(`${keyVersion}\0${site}\0${target}`).digest('base64url') as ContentKey
}

/** Whether `value` has the shape of a content key; for what peers send. */
export function isContentKey (value: unknown): value is ContentKey {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value)
}

const unreserved = /[A-Za-z0-9\-._~]/

/**
 * Syntax-based normalisation of an origin-form target (RFC 3986 section 6.2.2): percent-encoding in
 * upper case, unreserved octets decoded, dot segments removed, an empty path made `/`. The query keeps
 * its order. Nothing that RFC 3986 lets mean something else is changed (`a//b` stays).
 *
 * @returns the normalised target, or undefined when it is not an origin-form target
 */
export function normaliseTarget (target: string): string | undefined {
  if (!target.startsWith('/') || /[\0-\x20\x7f#]/.test(target)) return undefined
  const query = target.indexOf('?')
  const path = query === -1 ? target : target.slice(0, query)
  const rest = query === -1 ? '' : target.slice(query)
  return removeDotSegments(normalisePercent(path)) + normalisePercent(rest)
}

function normalisePercent (text: string): string {
  // Not behind a stray percent sign: what is decoded there could complete another encoding.
  return text.replace(/(?<!%[0-9A-Fa-f]?)%([0-9A-Fa-f]{2})/g, (_match, hex: string) => {
    const char = String.fromCharCode(parseInt(hex, 16))
    return unreserved.test(char) ? char : `%${hex.toUpperCase()}`
  })
}

/** RFC 3986 section 5.2.4. */
function removeDotSegments (path: string): string {
  if (!path.includes('/.')) return path
  const output: string[] = []
  const segments = path.split('/').slice(1)
  for (const [index, segment] of segments.entries()) {
    const last = index === segments.length - 1
    if (segment === '..') output.pop()
    if (segment === '.' || segment === '..') {
      if (last) output.push('')
    } else output.push(segment)
  }
  return `/${output.join('/')}`
}
