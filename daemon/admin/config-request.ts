/** What a request about agreed configuration says, checked: scope, author, reason, idempotency key, base version, body. */
import { randomUUID } from 'node:crypto'
import { fieldValue } from '../../protocols/fields.ts'
import { isMap } from '../../protocols/config/canonical.ts'
import type { Scope } from '../../protocols/config/merge.ts'
import { decodeToken } from '../../protocols/config/token.ts'
import { printable } from '../../protocols/text.ts'
import type { ChangeRequest } from '../agreed/service.ts'
import type { EdgeRequest } from '../http/message.ts'
import type { AdminRequest } from './route.ts'

/** The request is wrong; the message is a sentence. */
export class RequestFault extends Error {
  readonly status: number

  constructor (status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** @throws RequestFault */
export function scopeOf (query: URLSearchParams): Scope {
  const scope = query.get('scope')
  if (scope === 'local' || scope === 'regional' || scope === 'global') return scope
  throw new RequestFault(400, scope === null ? 'scope is missing: expected ?scope=local, regional or global' : `scope is ${JSON.stringify(scope.slice(0, 40))}: expected local, regional or global`)
}

/** @throws RequestFault or TokenError */
export function changeRequest ({ query, request }: AdminRequest): ChangeRequest & { readonly base?: number } {
  const scope = scopeOf(query)
  const token = fieldValue(request.fields, 'colony-token')
  const priority = query.get('priority')
  if (priority !== null && !(/^\d{1,3}$/.test(priority) && Number(priority) <= 100)) throw new RequestFault(400, `priority is ${JSON.stringify(priority.slice(0, 40))}: expected a whole number from 0 to 100`)
  const base = baseOf(fieldValue(request.fields, 'if-match'))
  return {
    scope,
    id: keyOf(fieldValue(request.fields, 'idempotency-key')),
    author: text(query, 'author', 128) ?? 'unknown',
    reason: text(query, 'reason', 1_000) ?? '',
    plan: text(query, 'plan', 4_096),
    dryRun: query.get('dryRun') === 'true',
    ...(priority !== null && { priority: Number(priority) }),
    ...(token !== undefined && { token: decodeToken(token) }),
    ...(base !== undefined && { base })
  }
}

/** The version that was looked at (RFC 9110 section 13.1.1); `*` is whatever is agreed now. */
function baseOf (ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined
  const match = /^\s*"(\d{1,15})"\s*$/.exec(ifMatch)
  if (match === null) throw new RequestFault(400, `If-Match is ${JSON.stringify(ifMatch.slice(0, 40))}: expected a version, such as "7"`)
  return Number(match[1])
}

/** A change without a key of its author's gets one, for this one time. */
function keyOf (given: string | undefined): string {
  if (given === undefined) return randomUUID()
  const key = given.trim().replace(/^"(.*)"$/, '$1')
  if (!/^[\x21-\x7e]{1,128}$/.test(key)) throw new RequestFault(400, `Idempotency-Key is ${JSON.stringify(given.slice(0, 40))}: expected 1 to 128 printable characters without blanks`)
  return key
}

function text (query: URLSearchParams, name: string, charsMax: number): string | undefined {
  const value = query.get(name)
  if (value === null) return undefined
  if (value.length > charsMax) throw new RequestFault(400, `${name} has ${value.length} characters: expected at most ${charsMax}`)
  return printable(value)
}

/** @throws RequestFault for a body that is too large, or no JSON */
export async function readJson ({ body, fields }: EdgeRequest, bytesMax: number): Promise<unknown> {
  const type = fieldValue(fields, 'content-type')?.split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json' && type !== 'application/merge-patch+json') throw new RequestFault(415, `the body is ${type ?? 'of no stated type'}: expected application/json, or application/merge-patch+json (RFC 7396) for a patch`)
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of body ?? []) {
    bytes += chunk.byteLength
    if (bytes > bytesMax) throw new RequestFault(413, `the body is larger than ${bytesMax} bytes`)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    throw new RequestFault(400, 'the body is not JSON')
  }
}

/** @throws RequestFault */
export function versionOf (body: unknown, name: string): number {
  const value = isMap(body) ? body[name] : undefined
  if (typeof value === 'number' && Number.isSafeInteger(value) && value > 0) return value
  throw new RequestFault(400, `${name} is ${value === undefined ? 'missing' : JSON.stringify(value).slice(0, 40)}: expected a version, such as {"${name}":7}`)
}
