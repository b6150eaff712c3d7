/**
 * Which fields travel on and which stay on one connection (RFC 9110 section 7.6.1), and the comma
 * lists that many fields are made of (RFC 9110 section 5.6.1). Every message passes here once on its
 * way in: what is stored, matched against Vary or sent on is what these functions return.
 */
import { fieldValue } from '../../protocols/fields.ts'
import type { Field, Fields } from '../../protocols/fields.ts'

/**
 * Fields that end at this hop: those of RFC 9110 section 7.6.1, Trailer (trailers are dropped here),
 * and those of RFC 9111 section 3.1 that concern one proxy only.
 */
const hopByHop = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
  'proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization'
])

/**
 * Fields that Connection cannot take away. RFC 9110 section 7.6.1 forbids senders to name them there;
 * obeying one who does would lose a `no-store` or a `Vary` and hand one client's content to another.
 */
const alwaysEndToEnd = new Set(['cache-control', 'vary', 'set-cookie', 'authorization'])

/** Fields that ask about a representation that the client holds, or for a part of one. */
const conditional = new Set([
  'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range'
])

/** The fields without those that concern only the connection they came on. */
export function endToEnd (fields: Fields): Field[] {
  const connection = fieldValue(fields, 'connection')
  const named = new Set(connection === undefined ? [] : listMembers(connection.toLowerCase()))
  return fields.filter(([name]) => !hopByHop.has(name) && (!named.has(name) || alwaysEndToEnd.has(name)))
}

/**
 * Request fields for an origin when the method and the body pass through: end-to-end, without Host
 * (the origin's own is set by whoever sends), Expect (the front has already said `100 Continue`) and what is meant for this edge.
 */
export function passedRequestFields (fields: Fields): Field[] {
  return endToEnd(fields).filter(([name]) => name !== 'host' && name !== 'expect' && name !== 'colony-token')
}

/**
 * Request fields for an origin when the edge asks on its own behalf, to fill its cache: always for the
 * whole representation, and without a body, whatever part the client wants or already has.
 */
export function upstreamRequestFields (fields: Fields): Field[] {
  return passedRequestFields(fields).filter(([name]) => !conditional.has(name) && name !== 'content-length')
}

/** Content-Length as a number of bytes, where there is one; lists and nonsense count as none. */
export function contentLength (fields: Fields): number | undefined {
  const value = fieldValue(fields, 'content-length')
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : undefined
}

/** Members of a comma list, trimmed; commas in quoted strings do not part, empty members are dropped. */
export function listMembers (value: string): string[] {
  return splitList(value).filter((member) => member !== '')
}

/** Like `listMembers`, but empty members are kept. An unclosed quoted string runs to the end. */
export function splitList (value: string): string[] {
  if (!value.includes('"')) return value.split(',').map(trimSpace)
  const members: string[] = []
  let quoted = false
  let start = 0
  for (let at = 0; at < value.length; at++) {
    const char = value[at]
    if (char === '"') quoted = !quoted
    else if (char === '\\' && quoted) at++
    else if (char === ',' && !quoted) {
      members.push(trimSpace(value.slice(start, at)))
      start = at + 1
    }
  }
  members.push(trimSpace(value.slice(start)))
  return members
}

/** The text of a quoted string (RFC 9110 section 5.6.4), or the value itself when it is not one. */
export function unquoted (value: string): string {
  if (value.length < 2 || !value.startsWith('"') || !value.endsWith('"')) return value
  return value.slice(1, -1).replace(/\\(.)/g, '$1')
}

/** Without optional white space around it; String.trim would also take other kinds of space. */
function trimSpace (value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isSpace(value.charCodeAt(start))) start++
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

function isSpace (code: number): boolean {
  return code === 0x20 || code === 0x09
}
