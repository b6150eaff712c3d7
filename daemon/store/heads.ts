/**
 * Heads of stored responses: which are held, what they are called, what they cost in memory and whether
 * they agree with a body. Shared by the tiers, so that all of them mean the same by "this variant"
 * and check a commit alike.
 */
import type { ContentKey } from '../../protocols/ids.ts'
import { StoreMismatchError } from './errors.ts'
import type { StoredResponse, VariantKey } from './store.ts'

/** What an object with its maps and links takes beside its texts, bytes: an estimate, rather too high. */
const headOverheadBytes = 512

/** The id of a variant in the eviction queues: a key has a fixed length, so two never meet. */
export function variantId (key: ContentKey, variant: VariantKey): string {
  return `${key}${variant}`
}

/** About how many bytes of memory a head takes. */
export function headBytes (head: StoredResponse): number {
  let bytes = headOverheadBytes + head.target.length + 2 * head.variant.length + 8 * (head.tags?.length ?? 0)
  for (const [name, value] of head.fields) bytes += name.length + value.length
  return bytes
}

/** Whether both speak of one body, so that a reader of it serves either head. */
export function sameBody (a: StoredResponse, b: StoredResponse): boolean {
  return a.hash === b.hash && a.length === b.length
}

/** @throws StoreMismatchError when the head does not describe this body */
export function checkHead (head: StoredResponse, key: ContentKey, written: number, digest: string): void {
  if (head.key !== key) throw new StoreMismatchError(`the head is for key ${head.key}, the body was written for ${key}`)
  if (head.length !== written) throw new StoreMismatchError(`the head of ${key} says ${head.length} bytes, ${written} were written`)
  if (head.hash !== digest) throw new StoreMismatchError(`the head of ${key} says hash ${head.hash}, the body has ${digest}`)
}

interface Held {
  head: StoredResponse
}

/** What is held, by key and variant; heads of a key in the order that `Store.variants` promises. */
export class HeadIndex<Entry extends Held> {
  readonly #entries = new Map<string, Entry>()
  readonly #heads = new Map<ContentKey, readonly StoredResponse[]>()

  get size (): number {
    return this.#entries.size
  }

  variants (key: ContentKey): readonly StoredResponse[] {
    return this.#heads.get(key) ?? []
  }

  get (id: string): Entry | undefined {
    return this.#entries.get(id)
  }

  /** The entry with the very body that `head` describes. */
  find (head: StoredResponse): Entry | undefined {
    const entry = this.#entries.get(variantId(head.key, head.variant))
    return entry !== undefined && sameBody(entry.head, head) ? entry : undefined
  }

  /** Those of a key, or its one variant. */
  select (key: ContentKey, variant?: VariantKey): Entry[] {
    const variants = variant === undefined ? this.variants(key).map((head) => head.variant) : [variant]
    return variants.flatMap((each) => this.#entries.get(variantId(key, each)) ?? [])
  }

  set (entry: Entry): void {
    this.#entries.set(variantId(entry.head.key, entry.head.variant), entry)
    this.#list(entry.head)
  }

  /** Gives an entry a newer head, and its place among the variants. */
  update (entry: Entry, head: StoredResponse): void {
    entry.head = head
    this.#list(head)
  }

  delete (entry: Entry): void {
    const { key, variant } = entry.head
    if (!this.#entries.delete(variantId(key, variant))) return
    const rest = this.variants(key).filter((head) => head.variant !== variant)
    if (rest.length === 0) this.#heads.delete(key)
    else this.#heads.set(key, rest)
  }

  clear (): void {
    this.#entries.clear()
    this.#heads.clear()
  }

  values (): MapIterator<Entry> {
    return this.#entries.values()
  }

  #list (head: StoredResponse): void {
    this.#heads.set(head.key, mostRecentFirst([head, ...this.variants(head.key).filter((each) => each.variant !== head.variant)]))
  }
}

/** Sorts in place, most recently received first; of equals the earlier in the list stays first. */
export function mostRecentFirst (heads: StoredResponse[]): StoredResponse[] {
  return heads.sort((a, b) => b.receivedAtMs - a.receivedAtMs)
}
