/**
 * The port behind which stored responses live. A stored response is a head (StoredResponse) and a
 * body of known length and hash; it becomes visible at once and whole, by `commit`, or never. One
 * conformance suite runs on every implementation (test/conformance/store.ts).
 */
import type { Startable } from '@libp2p/interface'
import type { Fields } from '../../protocols/fields.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import type { TagHash } from '../../protocols/purge/tags.ts'

/** Which of a key's variants: derived from the values of the request fields that Vary names; '' without Vary. */
export type VariantKey = string

export type Tier = 'memory' | 'disk'

/** The head of a stored response, as RFC 9111 section 3 wants it kept. */
export interface StoredResponse {
  readonly key: ContentKey
  readonly variant: VariantKey
  readonly site: string
  /** Normalised origin-form target. */
  readonly target: string
  readonly status: number
  /** End-to-end response fields as received; Age is not among them (it is in `initialAgeMs`). */
  readonly fields: Fields
  /** Field names of Vary, lower case, sorted. */
  readonly vary: readonly string[]
  /** Wall clock when this head was received or last validated here (RFC 9111 `response_time`), ms. */
  readonly receivedAtMs: number
  /** `corrected_initial_age` of RFC 9111 section 4.2.3, ms: how old it was when received. */
  readonly initialAgeMs: number
  /** Body length, bytes. */
  readonly length: number
  /** SHA-256 of the whole body, base64url. */
  readonly hash: string
  /** Which purges came before its fetch, or its last validation, began (protocols/purge/marks.ts); absent: it is older than all that are known. */
  readonly epoch?: number
  /** By which it can be purged; absent with `epoch`. */
  readonly tags?: readonly TagHash[]
  /** The client's host without its port, where the site keeps hosts apart. */
  readonly host?: string
  /** Wall clock from which on it is stale whatever its lifetime says, ms. */
  readonly staleAtMs?: number
}

/** A half-open range of bytes, `start <= end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** Reads one stored body while it is pinned: eviction or replacement in between does not disturb it. */
export interface BodyReader {
  /** @returns at least one and at most `lengthMax` bytes from `offset`; none at or after the end */
  read: (offset: number, lengthMax: number) => Promise<Uint8Array>
  /** Unpins. May be called twice. */
  close: () => void
}

/**
 * One body on its way in. Bytes that were written can be read at once, by any number of readers,
 * before and after the commit, until `close`.
 */
export interface StoreWriter {
  /** Bytes readable so far. */
  readonly written: number
  /**
   * Appends. Resolves when the bytes are readable and more may come.
   *
   * @throws StoreFullError when the body outgrows what the store can hold: the writer stays readable,
   *         takes no more, and cannot be committed
   */
  write: (chunk: Uint8Array) => Promise<void>
  /** @returns at most `lengthMax` bytes from `offset`, none when `offset` is at `written` */
  read: (offset: number, lengthMax: number) => Promise<Uint8Array>
  /** SHA-256 of the `written` bytes so far, base64url: what `head.hash` must say at the commit. */
  digest: () => string
  /**
   * Makes the response visible, replacing the same variant. Checks `length` and `hash` of what was
   * written against the head before anything is visible.
   *
   * @returns whether it was admitted (the store may refuse, as a full one does)
   * @throws StoreMismatchError when the head contradicts the bytes
   */
  commit: (head: StoredResponse) => Promise<boolean>
  /** Nothing more will be written or read: drops what was not committed. May be called twice. */
  close: () => Promise<void>
}

export interface StoreStats {
  readonly objects: number
  readonly memoryBytes: number
  readonly memoryBytesMax: number
  readonly diskBytes: number
  readonly diskBytesMax: number
  readonly evictions: number
}

export interface Store extends Startable {
  /** Heads of every variant held for `key`, the most recently received first. In memory, at once. */
  variants: (key: ContentKey) => readonly StoredResponse[]
  /** Opens a body; counts as a use for eviction. Undefined when it is no longer held. */
  open: (head: StoredResponse) => Promise<BodyReader | undefined>
  /**
   * @param lengthHint the expected body length in bytes, when known
   * @returns undefined when a body of that length can never be held
   */
  create: (key: ContentKey, lengthHint?: number) => Promise<StoreWriter | undefined>
  /** Replaces the head of a stored variant (after a 304), the body stays. No effect when it is gone. */
  update: (head: StoredResponse) => Promise<void>
  /** Drops all variants of a key, or one. Open readers finish. */
  remove: (key: ContentKey, variant?: VariantKey) => Promise<void>
  /**
   * Every variant held, in no order, for walks in the background: made one by one as they are asked for.
   * What comes or goes meanwhile may be among them or not.
   */
  heads: () => Iterable<StoredResponse>
  /** Where the body that `head` describes is read from: memory when that has it, whatever else does. Undefined when it is not held. */
  tier: (head: StoredResponse) => Tier | undefined
  stats: () => StoreStats
}
