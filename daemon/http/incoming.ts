/**
 * From node's IncomingMessage to an EdgeRequest, or to the problem that refuses it: what node's parser
 * lets through and HTTP does not (RFC 9112 section 3.2: Host, the forms of a request target), and what this
 * front does not do (CONNECT, Upgrade). First step on a request's way, before the handler.
 */
import type { IncomingMessage } from 'node:http'
import { fieldsFromRaw, fieldValue, withField } from '../../protocols/fields.ts'
import type { Fields } from '../../protocols/fields.ts'
import { listMembers } from './fields.ts'
import type { Body, EdgeRequest, EdgeResponse } from './message.ts'
import { problem } from './problem.ts'
import { continueTrace } from './trace.ts'

/** Host and optional port (RFC 3986 section 3.2.2), no user information; empty is allowed in the Host field. */
const authority = /^(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::\d*)?$/

export type Incoming =
  | { readonly request: EdgeRequest, readonly refusal?: undefined }
  | { readonly request?: undefined, readonly refusal: EdgeResponse }

/** @param headersCountMax field lines that a request may have */
export function incoming (message: IncomingMessage, signal: AbortSignal, headersCountMax: number): Incoming {
  const fields = fieldsFromRaw(message.rawHeaders)
  if (fields.length > headersCountMax) {
    return refused(431, `The request has more than ${headersCountMax} header fields; send fewer.`)
  }
  const method = message.method ?? 'GET'
  if (asksForUpgrade(fields)) {
    return refused(501, `This edge does not upgrade connections to ${fieldValue(fields, 'upgrade')}; ask the origin itself.`)
  }
  const hosts = fields.filter(([name]) => name === 'host')
  if (hosts.length > 1) return refused(400, `The request has ${hosts.length} Host fields; it must have one.`)
  const host = hosts[0]?.[1]
  if (host === undefined && message.httpVersion === '1.1') {
    return refused(400, 'The request has no Host field, which HTTP/1.1 requires.')
  }
  const target = splitTarget(message.url ?? '', method)
  if (target === undefined) {
    return refused(400, 'The request target is neither a path that begins with / nor an http or https URL.')
  }
  const chosen = target.host ?? host ?? ''
  if (!authority.test(chosen)) return refused(400, 'The request names a host that is not a host name or address with an optional port.')
  return {
    request: {
      method,
      target: target.path,
      host: chosen.toLowerCase(),
      // What the target says replaces what Host says, for every later reader too (RFC 9112 section 3.2.2).
      fields: target.host === undefined ? fields : withField(fields, 'host', target.host),
      body: body(message),
      signal,
      isLocal: isLoopback(message.socket.remoteAddress),
      traceparent: continueTrace(fieldValue(fields, 'traceparent'))
    }
  }
}

function isLoopback (address = ''): boolean {
  return address === '::1' || /^(::ffff:)?127\./.test(address)
}

function refused (status: number, detail: string): { readonly refusal: EdgeResponse } {
  return { refusal: problem(status, undefined, detail) }
}

/**
 * An offer of h2c is let pass unanswered, as RFC 9110 section 7.8 allows: common clients send it with
 * plain requests and go on in HTTP/1.1. Anything else (websocket) makes no sense without the upgrade.
 */
function asksForUpgrade (fields: Fields): boolean {
  const upgrade = fieldValue(fields, 'upgrade')
  if (upgrade === undefined || !listMembers((fieldValue(fields, 'connection') ?? '').toLowerCase()).includes('upgrade')) return false
  return listMembers(upgrade.toLowerCase()).some((protocol) => protocol !== 'h2c')
}

/** Origin-form, absolute-form or, for OPTIONS, asterisk-form (RFC 9112 section 3.2). */
function splitTarget (target: string, method: string): { path: string, host?: string } | undefined {
  if (target.startsWith('/')) return { path: target }
  if (target === '*' && method === 'OPTIONS') return { path: target }
  const match = /^https?:\/\/([^/?#]+)([^#]*)$/i.exec(target)
  if (match === null) return undefined
  const path = match[2] ?? ''
  return { host: match[1], path: path.startsWith('/') ? path : `/${path}` }
}

/** Ending its iteration early leaves the message readable: the front throws away what is left (server.ts). */
function body (message: IncomingMessage): Body | undefined {
  const length = message.headers['content-length']
  if (message.headers['transfer-encoding'] === undefined && (length === undefined || Number(length) === 0)) return undefined
  return { [Symbol.asyncIterator]: () => message.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array> }
}
