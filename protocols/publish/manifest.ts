/**
 * What is published, in a few hundred bytes: where it is found, which version it is, and the hash of its
 * bytes. A manifest travels between edges and lies in each holder's database; the bytes lie beside it under
 * their hash. A deletion is a manifest, too (a tombstone), so that it wins over older versions wherever they turn up.
 * Every field is checked on decode, whether it came from a peer or from disk.
 */
import { createHash } from 'node:crypto'
import { WireError } from '../errors.ts'
import type { Field, Fields } from '../fields.ts'
import { isContentKey, type ContentKey } from '../ids.ts'
import { decodeVersion, type Version } from './version.ts'

/** Where an object is found. */
export interface Address {
  readonly key: ContentKey
  readonly site: string
  /** Normalised origin-form target in ASCII. */
  readonly target: string
  /** The client's Host where the site preserves it. */
  readonly host?: string
}

/** Bytes that an object has or will have. */
export interface BodyName extends Address {
  /** SHA-256 of the body, base64url. */
  readonly hash: string
  /** Bytes. */
  readonly length: number
}

export interface Manifest extends BodyName {
  readonly version: Version
  /** Response fields as published; of `publishedFields` only. */
  readonly fields: Fields
  /** Edges that are to hold it. */
  readonly copies: number
  /** The request that made it, so that its retry is known. */
  readonly idempotencyKey?: string
  /** Nothing is published here any more. */
  readonly deleted: boolean
  /** The writer's wall clock, ms: for people and Last-Modified. */
  readonly createdAtMs: number
}

/** Fields of a PUT that its object keeps: they describe the content, never the connection or one client. */
export const publishedFields: ReadonlySet<string> = new Set([
  'access-control-allow-origin', 'access-control-expose-headers', 'cache-control', 'content-disposition', 'content-encoding',
  'content-language', 'content-security-policy', 'content-type', 'cross-origin-resource-policy', 'link', 'x-content-type-options'
])

/** Bounds of a manifest's texts: 16 of them fit into one payload. */
export const targetCharsMax = 4_096
export const fieldsCharsMax = 4_096
export const idempotencyKeyCharsMax = 255

/** SHA-256 of no bytes: what a tombstone has for a body. */
export const emptyHash = createHash('sha256').digest('base64url')

/** The strong validator of an object's bytes (RFC 9110 section 8.8.3). */
export function etagOf ({ hash }: BodyName): string {
  return `"${hash}"`
}

/** @throws WireError */
export function decodeManifest (value: unknown): Manifest {
  const from = record(value)
  const body = decodeBodyName(from)
  return {
    ...body,
    version: decodeVersion(from.version),
    fields: decodeFields(from.fields),
    copies: integer(from.copies, 'copies', 1, 1_000),
    ...(from.idempotencyKey === undefined ? {} : { idempotencyKey: text(from.idempotencyKey, 'idempotencyKey', /^[\x20-\x7e]+$/, idempotencyKeyCharsMax) }),
    deleted: from.deleted === true,
    createdAtMs: integer(from.createdAtMs, 'createdAtMs', 0, 8.64e15)
  }
}

/** @throws WireError */
export function decodeBodyName (value: unknown): BodyName {
  const from = record(value)
  if (!isContentKey(from.hash)) throw new WireError('a peer sent a hash that is not a SHA-256 in base64url')
  return { ...decodeAddress(from), hash: from.hash, length: integer(from.length, 'length', 0, Number.MAX_SAFE_INTEGER) }
}

/** @throws WireError */
export function decodeAddress (value: unknown): Address {
  const from = record(value)
  if (!isContentKey(from.key)) throw new WireError('a peer named something that is not a content key')
  return {
    key: from.key,
    site: text(from.site, 'site', /^[^\p{Cc}]+$/u, 256),
    target: text(from.target, 'target', /^\/[\x21-\x7e]*$/, targetCharsMax),
    ...(from.host === undefined ? {} : { host: text(from.host, 'host', /^[A-Za-z0-9\-._~!$&'()*+,;=%:[\]]*$/, 300) })
  }
}

/** @throws WireError when one is not of `publishedFields`, or may not stand in HTTP */
export function decodeFields (value: unknown): Field[] {
  if (!Array.isArray(value) || value.length > publishedFields.size) throw new WireError(`a peer sent more than ${publishedFields.size} published fields`)
  const fields = value.map((pair: unknown): Field => {
    const [name, content] = Array.isArray(pair) && pair.length === 2 ? pair as [unknown, unknown] : []
    if (typeof name !== 'string' || !publishedFields.has(name)) throw new WireError('a peer sent a field that is not one of published content')
    if (typeof content !== 'string' || !/^[\t\x20-\x7e\x80-\xff]*$/.test(content)) throw new WireError(`a peer sent the field ${name} with a value that HTTP does not allow`)
    return [name, content]
  })
  if (fields.reduce((sum, [name, content]) => sum + name.length + content.length, 0) > fieldsCharsMax) {
    throw new WireError(`a peer sent published fields of more than ${fieldsCharsMax} characters`)
  }
  return fields
}

function record (value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireError('a peer sent a manifest that is not a map')
  return value as Record<string, unknown>
}

function integer (value: unknown, name: string, min: number, max: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) throw new WireError(`a peer sent ${name} outside ${min} to ${max}`)
  return value as number
}

function text (value: unknown, name: string, pattern: RegExp, charsMax: number): string {
  if (typeof value !== 'string' || value.length > charsMax || !pattern.test(value)) throw new WireError(`a peer sent ${name} with what may not stand in it`)
  return value
}
