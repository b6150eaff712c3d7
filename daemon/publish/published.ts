/**
 * What this edge holds for good: manifests in the catalogue, bodies beside it, and the one promise that joins them: a
 * manifest is written after its body is synced, and a body is dropped after no manifest names it any more.
 * So whatever moment the process is killed at, a version is here whole or not at all.
 */
import { join } from 'node:path'
import type { Clock } from '../../protocols/clock.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { PublishError, PublishFault } from '../../protocols/publish/errors.ts'
import { kept, merged, type History } from '../../protocols/publish/history.ts'
import { emptyHash, type BodyName, type Manifest } from '../../protocols/publish/manifest.ts'
import type { Holdings } from '../../protocols/publish/ports.ts'
import type { PublishSettings } from '../../protocols/publish/settings.ts'
import { Bodies } from './bodies.ts'
import type { BodyWriter } from './body-writer.ts'
import type { Databases } from '../database.ts'
import { Catalogue } from './catalogue.ts'

export interface PublishedInit {
  /** The edge's data folder; everything goes to `published` in it. */
  readonly folder: string
  readonly databases?: Databases
  readonly settings: PublishSettings
  readonly clock: Clock
  readonly logger: { readonly warn: (fields: object, message: string) => void }
}

export interface PublishedStats {
  readonly objects: number
  readonly bytes: number
  readonly bytesMax: number
}

export class Published implements Holdings {
  readonly #init: PublishedInit
  readonly #catalogue: Catalogue
  readonly #bodies: Bodies
  /** How many wanted versions name a body. */
  readonly #names = new Map<string, number>()
  /** Writes of one key go one after the other. */
  readonly #turns = new Map<ContentKey, Promise<unknown>>()
  #onChange: (key: ContentKey) => Promise<void> = async () => {}

  constructor (init: PublishedInit) {
    this.#init = init
    const folder = join(init.folder, 'published')
    this.#catalogue = new Catalogue({ folder: join(folder, 'manifests'), databases: init.databases, logger: init.logger })
    this.#bodies = new Bodies({ folder, settings: init.settings, logger: init.logger, isNamed: (hash) => this.#names.has(hash) })
  }

  /** @throws DataFolderError in one sentence for an operator */
  async start (): Promise<void> {
    await this.#catalogue.start()
    await this.#bodies.start()
    for (const history of this.#catalogue.histories()) {
      for (const { hash, length } of this.#wanted(history)) {
        this.#bodies.expect(hash, length)
        this.#name(hash, 1)
      }
    }
    this.#bodies.sweep()
  }

  async stop (): Promise<void> {
    await Promise.allSettled(this.#turns.values())
    await this.#catalogue.stop()
    await this.#bodies.stop()
    this.#names.clear()
  }

  stats (): PublishedStats {
    return { objects: this.#catalogue.size, bytes: this.#bodies.bytes, bytesMax: this.#init.settings.bytesMax }
  }

  /** Calls `listener` after a key has another newest version here; the change counts as done when it resolves. */
  onChange (listener: (key: ContentKey) => Promise<void>): void { this.#onChange = listener }

  history (key: ContentKey): History { return this.#catalogue.history(key) }
  keys (): Iterable<ContentKey> { return this.#catalogue.keys() }
  list (site: string, after: string, limit: number): Manifest[] { return this.#catalogue.list(site, after, limit) }

  /** No bytes are always here. */
  has (hash: string): boolean { return hash === emptyHash || this.#bodies.has(hash) }
  lengthOf (hash: string): number | undefined { return hash === emptyHash ? 0 : this.#bodies.lengthOf(hash) }
  pin (hash: string): () => void { return this.#bodies.pin(hash) }
  open: Bodies['open'] = async (hash) => hash === emptyHash ? emptyReader : await this.#bodies.open(hash)

  async * read ({ hash }: BodyName, start: number, end: number): AsyncGenerator<Uint8Array> {
    if (start < end) yield * this.#bodies.read(hash, start, end)
  }

  /** A place for an upload, whose hash is not known yet. */
  async create (lengthHint?: number): Promise<BodyWriter> { return await this.#bodies.create(lengthHint) }

  async take (body: BodyName, source: () => AsyncIterable<Uint8Array>): Promise<void> {
    if (this.has(body.hash)) return
    const writer = await this.#bodies.create(body.length)
    try {
      for await (const chunk of source()) {
        if (writer.written + chunk.byteLength > body.length) throw wrongBytes(body, `more than ${body.length} bytes`)
        await writer.write(chunk)
      }
      if (writer.written !== body.length) throw wrongBytes(body, `${writer.written} bytes`)
      if (writer.hash() !== body.hash) throw wrongBytes(body, `bytes with the hash ${writer.hash()}`)
      const { unpin } = await writer.finish()
      // Whoever takes a body has it pinned.
      unpin()
    } finally {
      await writer.abort()
    }
  }

  async keep (manifest: Manifest): Promise<void> {
    await this.#inTurn(manifest.key, async () => {
      const { settings } = this.#init
      const before = this.history(manifest.key)
      const after = merged(before, manifest, settings.historyMax)
      if (after === before) return
      if (before.length === 0 && this.#catalogue.size >= settings.objectsMax) {
        throw new PublishError(PublishFault.Full, `this edge holds ${this.#catalogue.size} published objects and takes no more (settings.publish.objectsMax)`)
      }
      const length = this.lengthOf(manifest.hash)
      if (this.#wanted(after).includes(manifest) && length !== manifest.length) {
        // A wrong length would drop the body at the next start, for every object that has it.
        throw length === undefined ? new PublishError(PublishFault.Bytes, 'the body of that version is not on this edge') : wrongBytes(manifest, `${length} bytes`)
      }
      await this.#catalogue.write(manifest.key, after)
      this.#rename(before, after)
      if (after[0] !== before[0]) await this.#onChange(manifest.key)
    })
  }

  async forget (key: ContentKey): Promise<void> {
    await this.#inTurn(key, async () => {
      const before = this.history(key)
      await this.#catalogue.remove(key)
      this.#rename(before, [])
      await this.#onChange(key)
    })
  }

  #wanted (history: History): Manifest[] {
    return kept(history, this.#init.settings.versionsKept)
  }

  #rename (before: History, after: History): void {
    for (const { hash } of this.#wanted(after)) this.#name(hash, 1)
    for (const { hash } of this.#wanted(before)) this.#name(hash, -1)
  }

  #name (hash: string, by: 1 | -1): void {
    const count = (this.#names.get(hash) ?? 0) + by
    if (count > 0) this.#names.set(hash, count)
    else {
      this.#names.delete(hash)
      this.#bodies.reconsider(hash)
    }
  }

  async #inTurn (key: ContentKey, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(key) ?? Promise.resolve()).then(work)
    const over = turn.catch(() => {})
    this.#turns.set(key, over)
    await turn.finally(() => { if (this.#turns.get(key) === over) this.#turns.delete(key) })
  }
}

const emptyReader = { read: async () => new Uint8Array(0), close: () => {} }

function wrongBytes ({ hash, length }: BodyName, came: string): PublishError {
  return new PublishError(PublishFault.Digest, `${length} bytes with the hash ${hash} were announced and ${came} came: nothing was kept`)
}
