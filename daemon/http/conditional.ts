/**
 * Conditional requests, on both sides of the edge: a client's preconditions against a response that
 * is ready to be sent (RFC 9110 section 13), and the edge's own validation of what it stores (RFC 9111
 * sections 4.3 and 3.2). Validators are compared as RFC 9110 section 8.8.3.2 says.
 */
import { fieldValue, hasField } from '../../protocols/fields.ts'
import type { Field, Fields } from '../../protocols/fields.ts'
import { parseHttpDate } from './date.ts'
import { endToEnd } from './fields.ts'

export interface EntityTag {
  readonly weak: boolean
  /** What stands between the quotes; a backslash in it is just a character. */
  readonly opaque: string
}

export const Outcome = {
  /** Send the response as it is. */
  Send: 'send',
  /** 304: the client has it already. */
  NotModified: 'not-modified',
  /** 412. */
  PreconditionFailed: 'precondition-failed'
} as const
export type Outcome = typeof Outcome[keyof typeof Outcome]

const entityTagText = '(W/)?"([\\x21\\x23-\\x7e\\x80-\\xff]*)"'
const entityTag = new RegExp(`^${entityTagText}$`)
const entityTagEach = new RegExp(entityTagText, 'g')

/** @returns undefined when the value is absent or not exactly one entity tag */
export function parseEntityTag (value: string | undefined): EntityTag | undefined {
  const match = value === undefined ? null : entityTag.exec(value)
  return match === null ? undefined : { weak: match[1] !== undefined, opaque: match[2] ?? '' }
}

/** RFC 9110 section 8.8.3.2: both strong and equal. */
export function strongMatch (a: EntityTag | undefined, b: EntityTag | undefined): boolean {
  return a !== undefined && b !== undefined && !a.weak && !b.weak && a.opaque === b.opaque
}

function weakMatch (a: EntityTag, b: EntityTag): boolean {
  return a.opaque === b.opaque
}

/**
 * Whether the request has a precondition that is meant for the origin. RFC 9111 section 4.3.2 wants
 * caches to leave If-Match and If-Unmodified-Since alone: a stored version may be older than the one
 * the client means, so only a head that the origin has just given or confirmed decides them rightly.
 */
export function hasOriginPrecondition (requestFields: Fields): boolean {
  return hasField(requestFields, 'if-match') || hasField(requestFields, 'if-unmodified-since')
}

/**
 * Evaluates the preconditions of a GET or HEAD in the order of RFC 9110 section 13.2.2 (If-Range is
 * range.ts's part). Preconditions count only where the answer would otherwise be a success (13.2.1);
 * dates that cannot be read count as absent.
 */
export function evaluate (requestFields: Fields, head: { readonly status: number, readonly fields: Fields }): Outcome {
  if (head.status < 200 || head.status > 299) return Outcome.Send
  const tag = parseEntityTag(fieldValue(head.fields, 'etag'))
  const modifiedMs = parseHttpDate(fieldValue(head.fields, 'last-modified'))

  const ifMatch = fieldValue(requestFields, 'if-match')
  if (ifMatch !== undefined) {
    if (!isAny(ifMatch) && !entityTags(ifMatch).some((each) => strongMatch(each, tag))) return Outcome.PreconditionFailed
  } else {
    const unmodifiedSinceMs = parseHttpDate(fieldValue(requestFields, 'if-unmodified-since'))
    if (unmodifiedSinceMs !== undefined && modifiedMs !== undefined && modifiedMs > unmodifiedSinceMs) {
      return Outcome.PreconditionFailed
    }
  }

  const ifNoneMatch = fieldValue(requestFields, 'if-none-match')
  if (ifNoneMatch !== undefined) {
    const held = isAny(ifNoneMatch) || (tag !== undefined && entityTags(ifNoneMatch).some((each) => weakMatch(each, tag)))
    return held ? Outcome.NotModified : Outcome.Send
  }
  const modifiedSinceMs = parseHttpDate(fieldValue(requestFields, 'if-modified-since'))
  // Without Last-Modified a cache goes by Date (RFC 9111 section 4.3.2).
  const changedMs = modifiedMs ?? parseHttpDate(fieldValue(head.fields, 'date'))
  const unchanged = modifiedSinceMs !== undefined && changedMs !== undefined && changedMs <= modifiedSinceMs
  return unchanged ? Outcome.NotModified : Outcome.Send
}

/**
 * The fields that ask an origin whether what is stored is still right (RFC 9111 section 4.3.1); none
 * when the stored response has no validator that can be used.
 *
 * @param fields of the stored response
 */
export function validators (fields: Fields): Field[] {
  const asked: Field[] = []
  const tag = fieldValue(fields, 'etag')
  if (tag !== undefined && parseEntityTag(tag) !== undefined) asked.push(['if-none-match', tag])
  const modified = fieldValue(fields, 'last-modified')
  if (modified !== undefined && parseHttpDate(modified) !== undefined) asked.push(['if-modified-since', modified])
  return asked
}

/** RFC 9110 section 15.4.5, and the fields that tell how this answer itself came about. */
const notModifiedNames = new Set([
  'cache-control', 'content-location', 'date', 'etag', 'expires', 'vary', 'age', 'cache-status', 'via'
])

/** The fields of a 304 for a response with these: Last-Modified only where there is no ETag to go by. */
export function notModifiedFields (fields: Fields): Field[] {
  const tagged = hasField(fields, 'etag')
  return fields.filter(([name]) => notModifiedNames.has(name) || (name === 'last-modified' && !tagged))
}

/**
 * What a 304 does not change in a stored response. Content-Length and Content-Range by RFC 9111
 * section 3.2; Content-Encoding because the stored bytes are in the coding they came in; Age because it
 * is kept as `initialAgeMs`. Set-Cookie is Colony's own exception: a cookie of this one validation must
 * not be handed to everybody later.
 */
const neverFreshened = new Set(['content-length', 'content-range', 'content-encoding', 'age', 'set-cookie'])

/**
 * The stored fields after a 304 (RFC 9111 section 3.2): each field of the 304 replaces all of that name.
 * A new Vary is among them; the caller derives `vary` and `variant` again.
 */
export function freshenedFields (stored: Fields, fields304: Fields): Field[] {
  const news = endToEnd(fields304).filter(([name]) => !neverFreshened.has(name))
  const replaced = new Set(news.map(([name]) => name))
  return [...stored.filter(([name]) => !replaced.has(name)), ...news]
}

function isAny (value: string): boolean {
  return value.trim() === '*'
}

/** Every well-formed tag in a list; what is malformed matches nothing. */
function entityTags (value: string): EntityTag[] {
  return Array.from(value.matchAll(entityTagEach), ([, weak, opaque]) => ({ weak: weak !== undefined, opaque: opaque ?? '' }))
}
