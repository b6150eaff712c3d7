/**
 * The store without what was purged hard: nobody who asks it (the cache, a peer's `have`, the edge's own announcements) finds such
 * a response, from the moment the purge is applied. What is met on the way is removed; the rest is the sweeper's.
 */
import type { ContentKey } from '../../protocols/ids.ts'
import { Purged } from '../../protocols/purge/marks.ts'
import type { BodyReader, Store, StoredResponse, StoreStats, StoreWriter, Tier, VariantKey } from '../store/store.ts'
import { subjectOf, type PurgeView } from './ports.ts'

export class PurgedStore implements Store {
  readonly #inner: Store
  readonly #purges: PurgeView

  constructor (inner: Store, purges: PurgeView) {
    this.#inner = inner
    this.#purges = purges
  }

  async start (): Promise<void> { await this.#inner.start() }

  async stop (): Promise<void> { await this.#inner.stop() }

  variants (key: ContentKey): readonly StoredResponse[] {
    const heads = this.#inner.variants(key)
    // Nothing is made for the usual case: a hit.
    for (const head of heads) if (this.#isGone(head)) return this.#without(key, heads)
    return heads
  }

  async open (head: StoredResponse): Promise<BodyReader | undefined> {
    return this.#isGone(head) ? undefined : await this.#inner.open(head)
  }

  async create (key: ContentKey, lengthHint?: number): Promise<StoreWriter | undefined> {
    return await this.#inner.create(key, lengthHint)
  }

  async update (head: StoredResponse): Promise<void> {
    if (!this.#isGone(head)) await this.#inner.update(head)
  }

  async remove (key: ContentKey, variant?: VariantKey): Promise<void> { await this.#inner.remove(key, variant) }

  * heads (): Generator<StoredResponse> {
    for (const head of this.#inner.heads()) if (!this.#isGone(head)) yield head
  }

  tier (head: StoredResponse): Tier | undefined { return this.#inner.tier(head) }

  stats (): StoreStats { return this.#inner.stats() }

  /** Everything, what was purged too: for the sweeper. */
  all (): Iterable<StoredResponse> { return this.#inner.heads() }

  /** Removes what is purged of a key, and nothing that came since. @returns how many variants */
  async tidy (key: ContentKey): Promise<number> {
    const gone = this.#inner.variants(key).filter((head) => this.#isGone(head))
    await Promise.all(gone.map(async ({ variant }) => { await this.#inner.remove(key, variant) }))
    return gone.length
  }

  #without (key: ContentKey, heads: readonly StoredResponse[]): StoredResponse[] {
    // Later: whoever asks may be in the midst of a removal.
    queueMicrotask(() => { this.tidy(key).catch(() => {}) })
    return heads.filter((head) => !this.#isGone(head))
  }

  #isGone (head: StoredResponse): boolean {
    return this.#purges.isPurged(subjectOf(head)) === Purged.Hard
  }
}
