/**
 * The Cache-Control field of requests and responses (RFC 9111 section 5.2) as a record. Read by
 * freshness.ts and storable.ts. What is malformed or contradicts itself is read in the way that
 * reuses less: a lifetime becomes 0 (RFC 9111 section 4.2.1 encourages that), a demand the strictest.
 */
import { fieldValue } from '../../protocols/fields.ts'
import type { Fields } from '../../protocols/fields.ts'
import { listMembers, unquoted } from './fields.ts'

/** Largest delta-seconds that is told apart, seconds: about 68 years (RFC 9111 section 1.2.2). */
export const deltaSecondsMax = 2 ** 31

/** A directive that may be limited to some fields: absent, for the whole message, or names in lower case. */
export type Qualified = boolean | readonly string[]

/** Every number is in seconds, 0 to `deltaSecondsMax`. */
export interface CacheControl {
  readonly maxAge?: number
  readonly sMaxage?: number
  readonly noStore: boolean
  readonly noCache: Qualified
  readonly private: Qualified
  readonly public: boolean
  readonly mustRevalidate: boolean
  readonly proxyRevalidate: boolean
  readonly mustUnderstand: boolean
  readonly noTransform: boolean
  readonly immutable: boolean
  /** RFC 5861 section 3. */
  readonly staleWhileRevalidate?: number
  /** RFC 5861 section 4. */
  readonly staleIfError?: number
  readonly onlyIfCached: boolean
  /** Infinity when the client accepts a stale response of any age. */
  readonly maxStale?: number
  readonly minFresh?: number
}

/** @param value the field's lines joined by commas; undefined when the field is absent */
export function parseCacheControl (value: string | undefined): CacheControl {
  const directives = value === undefined ? [] : listMembers(value).map(directive)
  const has = (name: string): boolean => directives.some((each) => each.name === name)
  const all = (name: string): Array<string | undefined> =>
    directives.filter((each) => each.name === name).map((each) => each.argument)
  return {
    maxAge: lifetime(all('max-age')),
    sMaxage: lifetime(all('s-maxage')),
    noStore: has('no-store'),
    noCache: qualified(all('no-cache')),
    private: qualified(all('private')),
    public: has('public'),
    mustRevalidate: has('must-revalidate'),
    proxyRevalidate: has('proxy-revalidate'),
    mustUnderstand: has('must-understand'),
    noTransform: has('no-transform'),
    immutable: has('immutable'),
    staleWhileRevalidate: lifetime(all('stale-while-revalidate')),
    staleIfError: lifetime(all('stale-if-error')),
    onlyIfCached: has('only-if-cached'),
    maxStale: strictest(all('max-stale').map((each) => each === undefined ? Infinity : deltaSeconds(each) ?? 0), Math.min),
    minFresh: strictest(all('min-fresh').map((each) => deltaSeconds(each) ?? deltaSecondsMax), Math.max)
  }
}

/** Of a response. */
export function responseCacheControl (fields: Fields): CacheControl {
  return parseCacheControl(fieldValue(fields, 'cache-control'))
}

/** Of a request; `Pragma: no-cache` counts where Cache-Control is absent (RFC 9111 section 5.4). */
export function requestCacheControl (fields: Fields): CacheControl {
  const value = fieldValue(fields, 'cache-control')
  const pragma = value === undefined ? fieldValue(fields, 'pragma') : undefined
  const old = pragma !== undefined && listMembers(pragma.toLowerCase()).includes('no-cache')
  return parseCacheControl(old ? 'no-cache' : value)
}

/**
 * RFC 9111 section 1.2.2: too large a number counts as 2^31.
 *
 * @returns seconds, or undefined when it is not a run of digits
 */
export function deltaSeconds (value: string | undefined): number | undefined {
  if (value === undefined || !/^[0-9]+$/.test(value)) return undefined
  return Math.min(Number(value), deltaSecondsMax)
}

interface Directive {
  readonly name: string
  readonly argument: string | undefined
}

/**
 * The argument may be a token or a quoted string, whichever the directive asks for (section 5.2).
 * Space around `=` is not allowed: it stays in the argument and makes a number invalid.
 */
function directive (member: string): Directive {
  const equals = member.indexOf('=')
  if (equals === -1) return { name: member.toLowerCase(), argument: undefined }
  const name = member.slice(0, equals)
  const argument = unquoted(member.slice(equals + 1))
  return { name: name.trimEnd().toLowerCase(), argument: name.endsWith(' ') ? ` ${argument}` : argument }
}

/** Garbage and values that contradict each other are 0: stale (RFC 9111 section 4.2.1). */
function lifetime (given: ReadonlyArray<string | undefined>): number | undefined {
  if (given.length === 0) return undefined
  const [first, ...rest] = given.map((each) => deltaSeconds(each) ?? 0)
  return rest.every((each) => each === first) ? first : 0
}

function strictest (values: readonly number[], pick: (...values: number[]) => number): number | undefined {
  return values.length === 0 ? undefined : pick(...values)
}

/** Once without field names, or with none that can be read, the directive covers the whole message. */
function qualified (given: ReadonlyArray<string | undefined>): Qualified {
  if (given.length === 0) return false
  const names: string[] = []
  for (const each of given) {
    const members = each === undefined ? [] : listMembers(each.toLowerCase())
    if (members.length === 0) return true
    names.push(...members)
  }
  return names
}
