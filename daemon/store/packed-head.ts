/**
 * The head of an object on disk as one short line of text: what the index keeps of a million objects in
 * memory and, in the same form, in its records. JSON without the brackets; the fields' usual names are
 * numbers; the key is not in it, as that is what a line is found by. A line ends with the CRC-32 of the
 * key and the line, because LevelDB does not check what it reads unless asked, and a changed field or
 * length must not be served.
 */
import { crc32 } from 'node:zlib'
import type { Field } from '../../protocols/fields.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import type { TagHash } from '../../protocols/purge/tags.ts'
import type { StoredResponse, VariantKey } from './store.ts'

/**
 * A line. It begins with length, hash, name of the body's file and variant, so that these are had
 * without reading the rest.
 */
export type PackedHead = string & { readonly packed: unique symbol }

/** Part of the data folder's format: only ever added to, at the end. */
const fieldNames: readonly string[] = Object.freeze([
  'accept-ranges', 'access-control-allow-origin', 'age', 'alt-svc', 'cache-control', 'cdn-cache-control', 'connection',
  'content-disposition', 'content-encoding', 'content-language', 'content-length', 'content-location', 'content-range',
  'content-security-policy', 'content-type', 'date', 'etag', 'expires', 'last-modified', 'link', 'location', 'pragma',
  'referrer-policy', 'repr-digest', 'server', 'server-timing', 'set-cookie', 'strict-transport-security',
  'timing-allow-origin', 'vary', 'via', 'x-cache', 'x-content-type-options', 'x-frame-options', 'x-powered-by',
  'x-request-id', 'x-xss-protection'
])
const fieldNumbers = new Map(fieldNames.map((name, index) => [name, index]))

const startPattern = /^(\d{1,15}),"([\w-]{43})","([\w-]{1,64})",("(?:[^"\\]|\\.)*"),/

/** @param body name of the body's file */
export function packHead (head: StoredResponse, body: string): PackedHead {
  const fields = head.fields.flatMap(([name, value]) => [fieldNumbers.get(name) ?? name, value])
  const rest = [head.variant, head.status, head.receivedAtMs, head.initialAgeMs, head.site, head.target, head.vary, fields, ...purgePart(head)]
  const line = `${startOf(head)},"${body}",${JSON.stringify(rest).slice(1, -1)}`
  return `${line},${sumOf(head.key, line)}` as PackedHead
}

/** What a record says of an object before its head is unpacked. */
export interface PackedStart {
  readonly length: number
  readonly body: string
  readonly variant: VariantKey
}

export function startOfPacked (line: PackedHead): PackedStart {
  const [, length, , body = '', variant = '""'] = startPattern.exec(line) ?? []
  return { length: Number(length), body, variant: variant === '""' ? '' : JSON.parse(variant) as VariantKey }
}

/** Whether a line that was read from a record is one that was packed under this key. */
export function isPacked (key: ContentKey, line: string): line is PackedHead {
  const end = line.lastIndexOf(',')
  return startPattern.test(line) && Number(line.slice(end + 1)) === sumOf(key, line.slice(0, end))
}

/** Whether the line's body is the one that `head` describes. */
export function isPackedOf (line: PackedHead, head: StoredResponse): boolean {
  return line.startsWith(startOf(head))
}

/** Read by those who know it alone: in a line of before there were purges, the sum stands in its place. */
type PurgePart = [epoch: number, tags: TagHash[], host: string, staleAtMs: number]
type Unpacked = [length: number, hash: string, body: string, variant: string, status: number, receivedAtMs: number,
  initialAgeMs: number, site: string, target: string, vary: string[], fields: (string | number)[], purge: Partial<PurgePart> | number]

export function unpackHead (key: ContentKey, line: PackedHead): StoredResponse {
  const [length, hash, , variant, status, receivedAtMs, initialAgeMs, site, target, vary, flat, purge] = JSON.parse(`[${line}]`) as Unpacked
  const fields: Field[] = []
  for (let at = 0; at < flat.length; at += 2) {
    const name = flat[at] as string | number
    fields.push([typeof name === 'number' ? fieldNames[name] ?? '' : name, flat[at + 1] as string])
  }
  const head = { key, variant, site, target, status, fields, vary, receivedAtMs, initialAgeMs, length, hash }
  if (typeof purge === 'number') return head
  const [epoch = 0, tags = [], host = '', staleAtMs = 0] = purge
  return { ...head, epoch, tags, ...(host === '' ? {} : { host }), ...(staleAtMs === 0 ? {} : { staleAtMs }) }
}

/** What is usual is left out from the end: most heads add an epoch alone. */
function purgePart ({ epoch, tags = [], host = '', staleAtMs = 0 }: StoredResponse): [] | [Partial<PurgePart>] {
  if (epoch === undefined) return []
  const part: PurgePart = [epoch, [...tags], host, Math.round(staleAtMs)]
  const length = staleAtMs !== 0 ? 4 : host !== '' ? 3 : tags.length > 0 ? 2 : 1
  return [part.slice(0, length) as Partial<PurgePart>]
}

function startOf (head: StoredResponse): string {
  return `${head.length},"${head.hash}"`
}

function sumOf (key: ContentKey, line: string): number {
  return crc32(line, crc32(key))
}
