/**
 * A client's body on its way into the mesh: refused as early as its length tells, written and hashed as it comes, and
 * compared with every digest that the client gave (RFC 9530; `Colony-Hash` where that is too much for a script). An upload
 * that ends early leaves nothing.
 */
import { messageOf } from '../../protocols/errors.ts'
import { fieldValue, type Field, type Fields } from '../../protocols/fields.ts'
import { PublishError, PublishFault } from '../../protocols/publish/errors.ts'
import { fieldsCharsMax, idempotencyKeyCharsMax, publishedFields } from '../../protocols/publish/manifest.ts'
import { parseCacheControl } from '../http/cache-control.ts'
import { contentLength, listMembers, unquoted } from '../http/fields.ts'
import type { Body } from '../http/message.ts'
import type { Published } from './published.ts'

/** A body that is here, and stays at least until `unpin`. */
export interface Uploaded {
  readonly hash: string
  readonly length: number
  readonly unpin: () => void
}

/** @throws PublishError; nothing is kept then */
export async function upload (published: Published, fields: Fields, body: Body | undefined): Promise<Uploaded> {
  const digests = expectedDigests(fields)
  const announced = body === undefined ? 0 : contentLength(fields)
  const writer = await published.create(announced)
  try {
    await receive(writer, body)
    if (announced !== undefined && writer.written !== announced) throw new PublishError(PublishFault.Interrupted, `the upload ended after ${writer.written} of ${announced} bytes: nothing was published; send it again`)
    const hash = writer.hash()
    for (const { field, value } of digests) {
      if (value !== hash) throw new PublishError(PublishFault.Digest, `the body is not the one that ${field} speaks of (its SHA-256 is ${hash} in base64url, ${value} was given): nothing was published; send it again`)
    }
    return await writer.finish()
  } finally {
    await writer.abort()
  }
}

async function receive (writer: { readonly written: number, readonly write: (chunk: Uint8Array) => Promise<void> }, body: Body = none()): Promise<void> {
  const chunks = body[Symbol.asyncIterator]()
  for (;;) {
    let next: IteratorResult<Uint8Array>
    try {
      next = await chunks.next()
    } catch (error) {
      throw new PublishError(PublishFault.Interrupted, `the upload broke off after ${writer.written} bytes (${messageOf(error)}): nothing was published; send it again`, { cause: error })
    }
    if (next.done === true) return
    try {
      await writer.write(next.value)
    } catch (error) {
      await chunks.return?.()
      throw error
    }
  }
}

async function * none (): AsyncGenerator<Uint8Array> {}

/** SHA-256 digests that the request gives, base64url. @throws PublishError for one that cannot be read */
function expectedDigests (fields: Fields): Array<{ readonly field: string, readonly value: string }> {
  const digests: Array<{ field: string, value: string }> = []
  for (const field of ['Content-Digest', 'Repr-Digest']) {
    // RFC 9530 section 2: a dictionary of byte sequences; algorithms that are not known are passed over.
    for (const member of listMembers(fieldValue(fields, field.toLowerCase()) ?? '')) {
      const match = /^sha-256=(.*)$/.exec(member)
      if (match === null) continue
      const bytes = /^:([A-Za-z0-9+/]{43}=):$/.exec(match[1] ?? '')
      if (bytes === null) throw new PublishError(PublishFault.Request, `${field} is ${member}: expected sha-256=:BASE64: with 32 bytes (RFC 9530)`)
      digests.push({ field, value: Buffer.from(bytes[1] ?? '', 'base64').toString('base64url') })
    }
  }
  const own = fieldValue(fields, 'colony-hash')
  if (own !== undefined) digests.push({ field: 'Colony-Hash', value: ownHash(own) })
  return digests
}

/** Hexadecimal as `sha256sum` prints it, or base64url. */
function ownHash (text: string): string {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return Buffer.from(text, 'hex').toString('base64url')
  if (/^[A-Za-z0-9_-]{43}$/.test(text)) return text
  throw new PublishError(PublishFault.Request, `Colony-Hash is ${text.slice(0, 80)}: expected a SHA-256, 64 hexadecimal digits or 43 characters of base64url`)
}

/** What of a PUT's fields its object keeps. @throws PublishError for what cannot be published */
export function objectFields (fields: Fields): Field[] {
  if (fieldValue(fields, 'content-range') !== undefined) throw new PublishError(PublishFault.Request, 'a PUT publishes a whole body: Content-Range is not allowed (RFC 9110 section 14.5)')
  const kept = fields.filter(([name]) => publishedFields.has(name))
  if (new Set(kept.map(([name]) => name)).size < kept.length) throw new PublishError(PublishFault.Request, `each of ${[...publishedFields].join(', ')} may be given once`)
  const control = parseCacheControl(fieldValue(kept, 'cache-control'))
  if (control.private !== false || control.noStore) throw new PublishError(PublishFault.Request, 'Cache-Control has private or no-store: what is published is held by several edges and given to everybody')
  if (kept.reduce((sum, [name, value]) => sum + name.length + value.length, 0) > fieldsCharsMax) {
    throw new PublishError(PublishFault.Request, `the fields to keep have more than ${fieldsCharsMax} characters`)
  }
  return kept
}

/** draft-ietf-httpapi-idempotency-key-header: a string in quotes; bare text is taken, too. */
export function idempotencyKey (fields: Fields): string | undefined {
  const value = fieldValue(fields, 'idempotency-key')
  if (value === undefined) return undefined
  const text = unquoted(value.trim())
  if (!/^[\x20-\x7e]+$/.test(text) || text.length > idempotencyKeyCharsMax) {
    throw new PublishError(PublishFault.Request, `Idempotency-Key is ${JSON.stringify(text.slice(0, 80))}: expected 1 to ${idempotencyKeyCharsMax} printable characters`)
  }
  return text
}
