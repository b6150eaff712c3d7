/**
 * Manifests on disk: one record for each key, its whole history, in a database of their own beside the bodies. A record
 * is written at once and synced, so a kill leaves the history before or after, never between. All of
 * them are in memory, too, as every request looks here first.
 */
import { mkdir } from 'node:fs/promises'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import type { History } from '../../protocols/publish/history.ts'
import { listingKey } from '../../protocols/publish/lister.ts'
import { decodeManifest, type Manifest } from '../../protocols/publish/manifest.ts'
import { decodeHead, encodeHead } from '../../protocols/wire.ts'
import { type Database, type Databases, ownDatabases } from '../database.ts'
import { DataFolderError } from '../state.ts'

/** Raise it when a record's shape changes so that older programs would misread it. */
const format = 1
/** Sorts before every content key. */
const formatKey = '!format'

export interface CatalogueInit {
  readonly folder: string
  readonly databases?: Databases
  readonly logger: { readonly warn: (fields: object, message: string) => void }
}

export class Catalogue {
  readonly #init: CatalogueInit
  readonly #level: Database
  readonly #histories = new Map<ContentKey, History>()
  /** Places of each site's keys in listings, sorted; undefined since it changed. */
  readonly #sites = new Map<string, Map<string, ContentKey>>()
  readonly #sorted = new Map<string, readonly string[]>()

  constructor (init: CatalogueInit) {
    this.#init = init
    this.#level = (init.databases ?? ownDatabases)(init.folder)
  }

  get size (): number { return this.#histories.size }

  /** @throws DataFolderError in one sentence for an operator */
  async start (): Promise<void> {
    const { folder, logger } = this.#init
    try {
      await mkdir(folder, { recursive: true })
      await this.#level.open()
    } catch (error) {
      const cause = (error as { cause?: unknown }).cause ?? error
      throw new DataFolderError(`the published content in ${folder} cannot be read (${codeOf(cause) ?? messageOf(cause)}): check the folder's owner and rights and that no other colonyd uses it; if it is damaged, remove it, and the other holders bring its content again`, { cause: error })
    }
    await this.#checkFormat()
    let unread = 0
    for await (const [key, value] of this.#level.iterator({ gt: formatKey })) {
      const history = readHistory(key, value)
      if (history === undefined) unread++
      else this.#set(key as ContentKey, history)
    }
    if (unread > 0) logger.warn({ folder, records: unread }, 'records of published content could not be read and were left out: other holders will bring them again')
  }

  async stop (): Promise<void> {
    await this.#level.close()
    this.#histories.clear()
    this.#sites.clear()
    this.#sorted.clear()
  }

  history (key: ContentKey): History { return this.#histories.get(key) ?? [] }
  keys (): Iterable<ContentKey> { return this.#histories.keys() }
  histories (): Iterable<History> { return this.#histories.values() }

  /** On disk, synced, and then known. */
  async write (key: ContentKey, history: History): Promise<void> {
    await this.#level.put(key, encodeHead({ manifests: history }), { sync: true })
    this.#set(key, history)
  }

  async remove (key: ContentKey): Promise<void> {
    await this.#level.del(key, { sync: true })
    const [newest] = this.history(key)
    this.#histories.delete(key)
    if (newest === undefined) return
    this.#sites.get(newest.site)?.delete(listingKey(newest))
    this.#sorted.delete(newest.site)
  }

  /** Newest versions of a site's keys, sorted by place, after `after`. */
  list (site: string, after: string, limit: number): Manifest[] {
    const places = this.#sites.get(site)
    if (places === undefined) return []
    const sorted = this.#sorted.get(site) ?? [...places.keys()].sort()
    this.#sorted.set(site, sorted)
    const start = firstAfter(sorted, after)
    return sorted.slice(start, start + limit).flatMap((place) => this.history(places.get(place)!)[0] ?? [])
  }

  #set (key: ContentKey, history: History): void {
    const [newest] = history
    if (newest === undefined) return
    this.#histories.set(key, history)
    const places = this.#sites.get(newest.site) ?? new Map<string, ContentKey>()
    this.#sites.set(newest.site, places)
    if (places.has(listingKey(newest))) return
    places.set(listingKey(newest), key)
    this.#sorted.delete(newest.site)
  }

  async #checkFormat (): Promise<void> {
    const stored = await this.#level.get(formatKey)
    const found = stored === undefined ? format : Number(Buffer.from(stored).toString())
    if (found > format) {
      await this.#level.close()
      throw new DataFolderError(`the published content in ${this.#init.folder} has the format ${found} of a newer version of colonyd and this one knows ${format}: run the newer version, or give another folder with --data`)
    }
    if (stored === undefined) await this.#level.put(formatKey, Buffer.from(String(format)), { sync: true })
  }
}

function readHistory (key: string, value: Uint8Array): History | undefined {
  try {
    const { manifests } = decodeHead(value)
    if (!Array.isArray(manifests) || manifests.length === 0) return undefined
    const history = manifests.map(decodeManifest)
    return history.every((manifest) => manifest.key === key) ? history : undefined
  } catch {
    return undefined
  }
}

/** Place of the first entry above `after`, by binary search. */
function firstAfter (sorted: readonly string[], after: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (sorted[middle]! <= after) low = middle + 1
    else high = middle
  }
  return low
}
