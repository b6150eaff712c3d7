/**
 * Single byte ranges (RFC 9110 section 14). Several ranges and other units are ignored, as section
 * 14.2 allows: the whole is sent. For a body that is still on its way in, whose length nobody knows
 * yet, the request's range is also available unresolved.
 */
import { fieldValue } from '../../protocols/fields.ts'
import type { Fields } from '../../protocols/fields.ts'
import type { ByteRange } from '../store/store.ts'
import { parseEntityTag, strongMatch } from './conditional.ts'
import { parseHttpDate } from './date.ts'

export type RangeResult =
  /** Send the whole. */
  | { readonly kind: 'none' }
  /** Send `start` to `end`, exclusive, with 206; never empty. */
  | { readonly kind: 'range', readonly start: number, readonly end: number }
  /** 416. */
  | { readonly kind: 'unsatisfiable' }

/** `end` is exclusive; without it, to the end. `suffix` counts bytes from the end. */
export type UnresolvedRange =
  | { readonly start: number, readonly end?: number }
  | { readonly suffix: number }

const none: RangeResult = { kind: 'none' }
const unsatisfiable: RangeResult = { kind: 'unsatisfiable' }

/** @param length of the whole representation, bytes */
export function parseRange (rangeHeader: string | undefined, length: number): RangeResult {
  const asked = parseUnknownLength(rangeHeader)
  if (asked === undefined) return none
  if ('suffix' in asked) {
    if (asked.suffix === 0) return unsatisfiable
    // Satisfiable, but no Content-Range could say so (section 14.1.2): the empty whole is the answer.
    if (length === 0) return none
    return { kind: 'range', start: Math.max(0, length - asked.suffix), end: length }
  }
  if (asked.start >= length) return unsatisfiable
  return { kind: 'range', start: asked.start, end: Math.min(asked.end ?? length, length) }
}

/** @returns undefined where the whole is to be sent */
export function parseUnknownLength (rangeHeader: string | undefined): UnresolvedRange | undefined {
  const match = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i.exec(rangeHeader ?? '')
  if (match === null) return undefined
  const [first, last] = [match[1] ?? '', match[2] ?? '']
  if (first === '') return last === '' ? undefined : { suffix: Number(last) }
  const start = Number(first)
  if (last === '') return { start }
  const end = Number(last) + 1
  return end > start ? { start, end } : undefined
}

/**
 * Whether the range still fits what the client holds (RFC 9110 section 13.1.5); when not, the whole is
 * sent. An entity tag by strong comparison; a date only when it is exactly Last-Modified and that is
 * strong, which takes a Date at least one second later (section 8.8.2.2).
 *
 * @param ifRange absent means no such condition
 */
export function ifRangeMatches (ifRange: string | undefined, headFields: Fields): boolean {
  if (ifRange === undefined) return true
  const tag = parseEntityTag(ifRange)
  if (tag !== undefined) return strongMatch(tag, parseEntityTag(fieldValue(headFields, 'etag')))
  const askedMs = parseHttpDate(ifRange)
  const modifiedMs = parseHttpDate(fieldValue(headFields, 'last-modified'))
  const dateMs = parseHttpDate(fieldValue(headFields, 'date'))
  if (askedMs === undefined || modifiedMs === undefined || dateMs === undefined) return false
  return askedMs === modifiedMs && dateMs - modifiedMs >= 1000
}

/**
 * The Content-Range of a 206 (RFC 9110 section 14.4).
 *
 * @param range not empty
 * @param length of the whole, bytes; absent when nobody knows it yet
 */
export function contentRange ({ start, end }: ByteRange, length?: number): string {
  return `bytes ${start}-${end - 1}/${length ?? '*'}`
}

/** The Content-Range of a 416. */
export function unsatisfiedContentRange (length: number): string {
  return `bytes */${length}`
}
