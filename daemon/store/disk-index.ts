/**
 * What is on disk, in memory: for each object one packed head (packed-head.ts) in the one map that the
 * eviction queues have anyway. With its place in the queues an object of ten header fields takes about
 * 650 bytes; as objects with maps around them it took 2.3 KB. A head is unpacked when it is asked for,
 * which takes a few microseconds.
 */
import type { ContentKey } from '../../protocols/ids.ts'
import { mostRecentFirst, variantId } from './heads.ts'
import { isPackedOf, packHead, startOfPacked, unpackHead } from './packed-head.ts'
import type { PackedHead } from './packed-head.ts'
import { S3Fifo } from './s3-fifo.ts'
import type { Evicted, S3FifoInit } from './s3-fifo.ts'
import type { StoredResponse, VariantKey } from './store.ts'

/** Characters of a content key, which every variant's id begins with. */
const keyLength = 43

/** An object of the index, or one that has just left it. */
export interface DiskObject {
  readonly key: ContentKey
  readonly packed: PackedHead
}

export class DiskIndex {
  readonly #fifo: S3Fifo<PackedHead>
  /** Variants other than '' of keys that have any: most have none. */
  readonly #variants = new Map<ContentKey, readonly VariantKey[]>()

  constructor (init: S3FifoInit) {
    this.#fifo = new S3Fifo(init)
  }

  get size (): number {
    return this.#fifo.size
  }

  /** Bytes on disk, with those reserved for fills. */
  get bytes (): number {
    return this.#fifo.bytes
  }

  get reserved (): number {
    return this.#fifo.reserved
  }

  fits (cost: number): boolean {
    return this.#fifo.fits(cost)
  }

  release (bytes: number): void {
    this.#fifo.release(bytes)
  }

  /** @returns what is evicted for it */
  reserve (bytes: number): DiskObject[] {
    return this.#left(this.#fifo.reserve(bytes))
  }

  /** Variants of a key, the most recently received first, but those that `known` has already. */
  heads (key: ContentKey, known: readonly StoredResponse[] = []): StoredResponse[] {
    const heads: StoredResponse[] = []
    for (const variant of this.#variantsOf(key)) {
      if (known.some((head) => head.variant === variant)) continue
      heads.push(unpackHead(key, this.#fifo.get(variantId(key, variant)) as PackedHead))
    }
    return mostRecentFirst(heads)
  }

  /** The object with the very body that `head` describes. */
  find (head: StoredResponse): DiskObject | undefined {
    const packed = this.#fifo.get(variantId(head.key, head.variant))
    return packed !== undefined && isPackedOf(packed, head) ? { key: head.key, packed } : undefined
  }

  /** Those of a key, or its one variant. */
  select (key: ContentKey, variant?: VariantKey): DiskObject[] {
    const variants = variant === undefined ? this.#variantsOf(key) : [variant]
    return variants.flatMap((each) => {
      const packed = this.#fifo.get(variantId(key, each))
      return packed === undefined ? [] : [{ key, packed }]
    })
  }

  /** Whether it is still held, with this very head. */
  has ({ key, packed }: DiskObject): boolean {
    return this.#fifo.get(variantId(key, startOfPacked(packed).variant)) === packed
  }

  * all (): Generator<DiskObject> {
    for (const [id, packed] of this.#fifo.residents()) yield { key: id.slice(0, keyLength) as ContentKey, packed }
  }

  /** Counts a use. */
  access (head: StoredResponse): void {
    this.#fifo.access(variantId(head.key, head.variant))
  }

  /** @returns what is evicted for it; what it replaces is not among that */
  insert ({ key, packed }: DiskObject, variant: VariantKey, cost: number): DiskObject[] {
    const evicted = this.#left(this.#fifo.insert(variantId(key, variant), cost, packed))
    this.#list(key, variant)
    return evicted
  }

  /** Admits what an earlier run left. @returns what is evicted for it */
  restore ({ key, packed }: DiskObject, variant: VariantKey, cost: number): DiskObject[] {
    const evicted = this.#left(this.#fifo.restore(variantId(key, variant), cost, packed))
    this.#list(key, variant)
    return evicted
  }

  /** Gives an object another head of the same body. */
  update (object: DiskObject, head: StoredResponse): void {
    this.#fifo.set(variantId(head.key, head.variant), packHead(head, startOfPacked(object.packed).body))
  }

  delete ({ key, packed }: DiskObject): void {
    const { variant } = startOfPacked(packed)
    this.#fifo.remove(variantId(key, variant))
    this.#unlist(key, variant)
  }

  #variantsOf (key: ContentKey): readonly VariantKey[] {
    const others = this.#variants.get(key) ?? []
    return this.#fifo.has(key) ? ['', ...others] : others
  }

  #left (evicted: ReadonlyArray<Evicted<PackedHead>>): DiskObject[] {
    return evicted.map(({ id, value }) => {
      const key = id.slice(0, keyLength) as ContentKey
      this.#unlist(key, id.slice(keyLength))
      return { key, packed: value }
    })
  }

  #list (key: ContentKey, variant: VariantKey): void {
    const others = this.#variants.get(key) ?? []
    if (variant !== '' && !others.includes(variant)) this.#variants.set(key, [variant, ...others])
  }

  #unlist (key: ContentKey, variant: VariantKey): void {
    const others = this.#variants.get(key)?.filter((each) => each !== variant)
    if (others === undefined) return
    if (others.length === 0) this.#variants.delete(key)
    else this.#variants.set(key, others)
  }
}
