/**
 * The store as the cache and the answers to peers see it, with what is published here in front of what is cached: a key
 * with a current version here has that one variant and no other, and it is never evicted, replaced or asked after
 * elsewhere. So published content goes the usual way of a request, and lies in other edges' caches for its lifetime.
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
  /** After a key has another newest version here, or none. */
  readonly onChange: (key: ContentKey) => void
}

export class PublishedStore implements Store {
  readonly #init: PublishedStoreInit

  constructor (init: PublishedStoreInit) {
    this.#init = init
    // What was cached of a key before is not what it has now.
    init.published.onChange(async (key) => {
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
    const current = this.#current(key)
    return current === undefined ? this.#init.inner.variants(key) : [current]
  }

  /** Whether this head is what is published under its key: current by definition, whatever a request would have validated. */
  isPublished ({ key, hash, fields }: StoredResponse): boolean {
    const [newest] = this.#init.published.history(key)
    return newest !== undefined && (newest.deleted ? goneHash : newest.hash) === hash && hasField(fields, versionField)
  }

  /** Bytes that peers may ask for by their hash: an older version, or one that is only being published. */
  byHash (site: string, target: string, key: ContentKey, hash: string): StoredResponse | undefined {
    const length = this.#init.published.lengthOf(hash)
    if (length === undefined) return undefined
    return { key, variant: '', site, target, status: 200, fields: [], vary: [], receivedAtMs: this.#init.clock.wallMs(), initialAgeMs: 0, length, hash }
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
      hash: deleted ? goneHash : manifest.hash
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
    if (!this.isPublished(head)) await this.#init.inner.update(head)
  }

  async remove (key: ContentKey, variant?: VariantKey): Promise<void> {
    await this.#init.inner.remove(key, variant)
  }

  * heads (): Generator<StoredResponse> {
    for (const key of this.#init.published.keys()) {
      const current = this.#current(key)
      if (current !== undefined) yield current
    }
    for (const head of this.#init.inner.heads()) {
      if (this.#current(head.key) === undefined) yield head
    }
  }

  tier (head: StoredResponse): Tier | undefined {
    return this.isPublished(head) && this.#init.published.has(head.hash) ? 'disk' : this.#init.inner.tier(head)
  }

  stats (): StoreStats { return this.#init.inner.stats() }

  #current (key: ContentKey): StoredResponse | undefined {
    const { published, hasOrigin } = this.#init
    const [newest] = published.history(key)
    if (newest === undefined) return undefined
    // With its body lost, or on its way from another holder, this edge is as good as one that does not hold it.
    const shown = newest.deleted ? !hasOrigin(newest.site) : published.has(newest.hash)
    return shown ? this.headOf(newest) : undefined
  }
}

const goneReader: BodyReader = {
  read: async (offset, lengthMax) => goneBody.subarray(offset, offset + lengthMax),
  close: () => {}
}
