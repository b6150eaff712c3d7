/**
 * An answer on its way in, from the origin or a peer alike: what the cache fills from. Versions say
 * whether two answers are the same bytes, so that a transfer that broke off can go on from another source.
 */
import { fieldValue, type Fields } from '../../protocols/fields.ts'
import type { Verb, Version } from '../../protocols/fetch/messages.ts'
import type { PeerName } from '../../protocols/ids.ts'

export interface Upstream {
  readonly source: 'origin' | 'peer'
  readonly peer?: PeerName
  /** The verb that a peer was asked with. */
  readonly verb?: Verb
  readonly status: number
  /** End-to-end fields. */
  readonly fields: Fields
  /** Wall clock, ms. */
  readonly receivedAtMs: number
  /** RFC 9111 `corrected_initial_age`, ms. */
  readonly initialAgeMs: number
  /** Whole length, bytes, where known beforehand. */
  readonly length?: number
  /** The whole body's hash as a peer claims it, base64url. */
  readonly hash?: string
  /** A peer's copy that is past its lifetime, given because no origin could be reached. */
  readonly stale: boolean
  /** Bytes from the offset that was asked for. */
  readonly body: AsyncIterable<Uint8Array>
  /** What the sender said of the whole at its end: checked against what arrived. */
  readonly total: () => { length: number, hash?: string } | undefined
  /** Drops it unread. */
  readonly cancel: () => void
}

/** What identifies the bytes of a response: strong validator, hash, length. */
export function versionOf (head: { readonly fields: Fields, readonly length?: number, readonly hash?: string }): Version {
  return { etag: strongEtag(head.fields), hash: head.hash, length: head.length }
}

/**
 * Whether two answers are surely the same bytes: the same whole hash, or the same strong ETag
 * (RFC 9110 section 8.8.1) and no contradicting length. Anything else is "no": bytes are never joined on a guess.
 */
export function sameVersion (one: Version, other: Version): boolean {
  if (one.length !== undefined && other.length !== undefined && one.length !== other.length) return false
  if (one.etag !== undefined && other.etag !== undefined && one.etag !== other.etag) return false
  if (one.hash !== undefined && other.hash !== undefined) return one.hash === other.hash
  return one.etag !== undefined && one.etag === other.etag
}

function strongEtag (fields: Fields): string | undefined {
  const etag = fieldValue(fields, 'etag')
  return etag !== undefined && /^"[^"]*"$/.test(etag) ? etag : undefined
}
