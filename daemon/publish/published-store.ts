/**
 * The store as the cache and the answers to peers see it, with what is published here in front of what is cached: a key
 * with a current version here has that one variant and no other, and it is never evicted, replaced or asked after
 * elsewhere. So published content goes the usual way of a request, and lies in other edges' caches for its lifetime.
 * An edge that holds what belongs elsewhere by now is not told of new versions: its copy counts as a cached one.
 *
 * A deleted key of a site without an origin is answered `410 Gone` like any other content: there is nobody else to ask,
 * and a mere miss would leave the copies in other edges' caches to be served stale for ever.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../protocols/clock.ts'
import type { Field } from '../../protocols/fields.ts'
import { hasField } from '../../protocols/fields.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { etagOf, type Manifest } from '../../protocols/publish/manifest.ts'
import { versionText } from '../../protocols/publish/version.ts'
import { formatHttpDate } from '../http/date.ts'
import type { BodyReader, Store, StoredResponse, StoreStats, StoreWriter, Tier, VariantKey } from '../store/store.ts'
import type { Published } from './published.ts'

/** Names the version that a response is of. */
export const versionField = 'colony-version'

const goneBody = Buffer.from(`${JSON.stringify({ title: 'Gone', status: 410, detail: 'what was published here was deleted' })}\n`)
const goneHash = createHash('sha256').update(goneBody).digest('base64url')

export interface PublishedStoreInit {
  /** Everything else. */
  readonly inner: Store
  readonly published: Published
  readonly clock: Clock
  /** For content that states no lifetime, seconds. */
  readonly defaultMaxAgeS: number
  readonly hasOrigin: (site: string) => boolean
  /** Whether this edge is one of those that are to hold the key. */
  readonly belongs: (key: ContentKey, copies: number) => boolean
  /** After a key has another newest version here, or none. */
  readonly onChange: (key: ContentKey) => void
}

export class PublishedStore implements Store {
  readonly #init: PublishedStoreInit
  /** When a copy that belongs elsewhere was last found current, ms, by key. */
  readonly #confirmedAtMs = new Map<ContentKey, number>()

  constructor (init: PublishedStoreInit) {
    this.#init = init
    // What was cached of a key before is not what it has now.
    init.published.onChange(async (key) => {
      this.#confirmedAtMs.delete(key)
      await init.inner.remove(key)
      init.onChange(key)
    })
  }

  async start (): Promise<void> {
    await this.#init.published.start()
    await this.#init.inner.start()
  }

  async stop (): Promise<void> {
    await this.#init.inner.stop()
    await this.#init.published.stop()
  }

  variants (key: ContentKey): readonly StoredResponse[] {
    const { inner, published, belongs } = this.#init
    const [newest] = published.history(key)
    const current = newest === undefined ? undefined : this.#shown(newest)
    if (newest === undefined || current === undefined) return inner.variants(key)
    if (belongs(key, newest.copies)) return [current]
    const cached = inner.variants(key)
    return cached.length > 0 ? cached : [{ ...current, receivedAtMs: this.#confirmedAtMs.get(key) ?? newest.createdAtMs }]
  }

  /** Whether this head is what is published under its key: current by definition, whatever a request would have validated. */
  isPublished (head: StoredResponse): boolean {
    const newest = this.#newest(head)
    return newest !== undefined && this.#init.belongs(head.key, newest.copies)
  }

  /** Bytes that peers may ask for by their hash: an older version, or one that is only being published. */
  byHash (site: string, target: string, key: ContentKey, hash: string): StoredResponse | undefined {
    const length = this.#init.published.lengthOf(hash)
    if (length === undefined) return undefined
    return { key, variant: '', site, target, status: 200, fields: [], vary: [], receivedAtMs: this.#init.clock.wallMs(), initialAgeMs: 0, length, hash, epoch: Infinity }
  }

  /** The head under which a version is served. */
  headOf (manifest: Manifest): StoredResponse {
    const { key, site, target, deleted, version, createdAtMs } = manifest
    const fields: Field[] = deleted ? [['content-type', 'application/problem+json']] : [...manifest.fields]
    if (!hasField(fields, 'cache-control')) fields.push(['cache-control', `max-age=${this.#init.defaultMaxAgeS}`])
    if (!deleted) fields.push(['etag', etagOf(manifest)], ['last-modified', formatHttpDate(createdAtMs)])
    fields.push([versionField, versionText(version)])
    return {
      key, variant: '', site, target, fields,
      status: deleted ? 410 : 200,
      vary: [],
      receivedAtMs: this.#init.clock.wallMs(),
      initialAgeMs: 0,
      length: deleted ? goneBody.byteLength : manifest.length,
      hash: deleted ? goneHash : manifest.hash,
      // Deleting it is for those who published it: a purge means the copies of it elsewhere.
      epoch: Infinity
    }
  }

  async open (head: StoredResponse): Promise<BodyReader | undefined> {
    if (head.hash === goneHash) return goneReader
    return await this.#init.published.open(head.hash) ?? await this.#init.inner.open(head)
  }

  async create (key: ContentKey, lengthHint?: number): Promise<StoreWriter | undefined> {
    return await this.#init.inner.create(key, lengthHint)
  }

  async update (head: StoredResponse): Promise<void> {
    if (this.#newest(head) === undefined) await this.#init.inner.update(head)
    else this.#confirmedAtMs.set(head.key, head.receivedAtMs)
  }

  async remove (key: ContentKey, variant?: VariantKey): Promise<void> {
    await this.#init.inner.remove(key, variant)
  }

  * heads (): Generator<StoredResponse> {
    for (const key of this.#init.published.keys()) yield * this.variants(key)
    for (const head of this.#init.inner.heads()) {
      if (this.#init.published.history(head.key).length === 0) yield head
    }
  }

  tier (head: StoredResponse): Tier | undefined {
    return this.#newest(head) !== undefined && this.#init.published.has(head.hash) ? 'disk' : this.#init.inner.tier(head)
  }

  stats (): StoreStats { return this.#init.inner.stats() }

  /** The newest version under a head's key, where the head is of that very version. */
  #newest ({ key, hash, fields }: StoredResponse): Manifest | undefined {
    const [newest] = this.#init.published.history(key)
    return newest !== undefined && (newest.deleted ? goneHash : newest.hash) === hash && hasField(fields, versionField) ? newest : undefined
  }

  #shown (newest: Manifest): StoredResponse | undefined {
    const { published, hasOrigin } = this.#init
    // With its body lost, or on its way from another holder, this edge is as good as one that does not hold it.
    const shown = newest.deleted ? !hasOrigin(newest.site) : published.has(newest.hash)
    return shown ? this.headOf(newest) : undefined
  }
}

const goneReader: BodyReader = {
  read: async (offset, lengthMax) => goneBody.subarray(offset, offset + lengthMax),
  close: () => {}
}
