/**
 * The heads of messages between the edge and an origin: which request fields are sent, which response
 * fields are kept, and how a response's body ends. Fields that concern one connection only stay on it.
 */
import { fieldValue, withoutFields, type Field, type Fields } from '../../protocols/fields.ts'
import { endToEnd, passedRequestFields } from '../http/fields.ts'

/** How the end of a body is told (RFC 9112 section 6.3). */
export type Framing = 'none' | 'length' | 'chunked' | 'close' | 'unknown'

/**
 * @param fields all fields as received
 * @returns `unknown` for a transfer coding other than chunked: none is ever asked for, and to pass its
 *          bytes on without the field would change what they mean
 */
export function framing (method: string, status: number, fields: Fields): Framing {
  if (method === 'HEAD' || status === 204 || status === 304) return 'none'
  const coding = fieldValue(fields, 'transfer-encoding')
  if (coding !== undefined) return coding.trim().toLowerCase() === 'chunked' ? 'chunked' : 'unknown'
  return fieldValue(fields, 'content-length') === undefined ? 'close' : 'length'
}

/**
 * The end-to-end fields of a response. White space after a value is no part of it (RFC 9112
 * section 5.1), but undici's parser leaves it there.
 */
export function responseFields (fields: Fields): Field[] {
  return endToEnd(fields).map(([name, value]): Field => [name, withoutTrailingSpace(value)])
}

/**
 * The request's fields as undici's flat list. Host and traceparent are those given here; what belongs
 * to one connection is taken out once more, because undici throws on it; a Content-Length without a
 * body would promise bytes that never come.
 */
export function requestHeaders (fields: Fields, host: string | undefined, traceparent: string, hasBody: boolean): string[] {
  const sent = withoutFields(passedRequestFields(fields), 'traceparent', ...(hasBody ? [] : ['content-length']))
  if (host !== undefined) sent.unshift(['host', host])
  sent.push(['traceparent', traceparent])
  return sent.flat()
}

/** By hand: an expression for it takes time quadratic in a run of spaces, which an origin may send. */
function withoutTrailingSpace (value: string): string {
  let end = value.length
  while (end > 0 && (value[end - 1] === ' ' || value[end - 1] === '\t')) end--
  return value.slice(0, end)
}
