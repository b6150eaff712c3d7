/**
 * Memory over files. A body that is small enough is gathered in memory, is in the memory tier at its commit
 * and is written to disk behind; a larger one goes to a file while it is still being read. A head may
 * be known in memory, in the queue to the disk and on disk at once; a commit drops what the lower ones had
 * of the variant, so the three never disagree about a body. A small body on disk is taken
 * into memory at its second use (the ghosts of memory's S3-FIFO remember the first one, or its eviction).
 */
import type { ContentKey } from '../../protocols/ids.ts'
import { codeOf } from '../../protocols/errors.ts'
import type { FileStore } from './file-store.ts'
import type { FileWriter } from './file-writer.ts'
import { mostRecentFirst, sameBody, variantId } from './heads.ts'
import type { MemoryStore, MemoryWriter } from './memory-store.ts'
import type { DropCause, StoreEvents, StoreSettings } from './settings.ts'
import type { BodyReader, Store, StoredResponse, StoreStats, StoreWriter, Tier, VariantKey } from './store.ts'
import { TieredWriter } from './tiered-writer.ts'
import { WriteBehind } from './write-behind.ts'

export interface TieredStoreInit {
  readonly memory: MemoryStore
  readonly files: FileStore
  readonly settings: StoreSettings
  readonly events?: StoreEvents
}

export class TieredStore implements Store {
  readonly #memory: MemoryStore
  readonly #files: FileStore
  readonly #behind: WriteBehind
  readonly #settings: StoreSettings
  readonly #events: StoreEvents
  /** Bodies being taken into memory, by variant: readers that come together share one reading. */
  readonly #promotions = new Map<string, Promise<void>>()

  constructor (init: TieredStoreInit) {
    this.#memory = init.memory
    this.#files = init.files
    this.#settings = init.settings
    this.#events = init.events ?? {}
    this.#behind = new WriteBehind(init.files, init.settings, (head, cause) => { this.left(head, cause) })
  }

  async start (): Promise<void> {
    await this.#files.start()
  }

  /** Writes what waits for the disk first. */
  async stop (): Promise<void> {
    await this.#behind.flush()
    await this.#files.stop()
  }

  variants (key: ContentKey): readonly StoredResponse[] {
    const inMemory = this.#memory.variants(key)
    const below = [...this.#behind.variants(key), ...this.#files.variants(key, inMemory)]
    if (below.length === 0) return inMemory
    const heads = [...inMemory]
    for (const head of below) {
      if (!heads.some((each) => each.variant === head.variant)) heads.push(head)
    }
    return heads.length === inMemory.length ? inMemory : mostRecentFirst(heads)
  }

  async open (head: StoredResponse): Promise<BodyReader | undefined> {
    const above = await this.#openAbove(head)
    if (above !== undefined) return above
    if (head.length <= this.#memory.objectBytesMax && this.#files.tier(head) !== undefined && this.#memory.recall(head)) {
      await this.#promote(head)
      const promoted = await this.#openAbove(head)
      if (promoted !== undefined) return promoted
    }
    return await this.#files.open(head)
  }

  async create (key: ContentKey, lengthHint?: number): Promise<StoreWriter | undefined> {
    const first = await this.#memory.create(key, lengthHint) ?? await this.#files.create(key, lengthHint)
    if (first === undefined) {
      this.#events.refused?.(key, this.#files.refusalOf(lengthHint ?? 0))
      return undefined
    }
    return new TieredWriter({
      key,
      first,
      files: this.#files,
      lengthHint,
      memoryUnknownBytesMax: this.#settings.memoryUnknownBytesMax,
      commitMemory: async (writer, head) => await this.#commitMemory(writer, head),
      commitFile: async (writer, head) => await this.#commitFile(writer, head),
      refused: (reason) => { this.#events.refused?.(key, reason) }
    })
  }

  async update (head: StoredResponse): Promise<void> {
    this.#behind.update(head)
    await Promise.all([this.#memory.update(head), this.#files.update(head)])
  }

  async remove (key: ContentKey, variant?: VariantKey): Promise<void> {
    this.#behind.cancel(key, variant)
    await Promise.all([this.#memory.remove(key, variant), this.#files.remove(key, variant)])
  }

  * heads (): Generator<StoredResponse> {
    // Memory's ids, which are few beside the disk's: what moves from one to the other meanwhile is still said once.
    const said = new Set<string>()
    for (const heads of [this.#memory.heads(), this.#behind.heads()]) {
      for (const head of heads) {
        const id = variantId(head.key, head.variant)
        if (said.has(id)) continue
        said.add(id)
        yield head
      }
    }
    for (const head of this.#files.heads()) {
      if (!said.has(variantId(head.key, head.variant))) yield head
    }
  }

  tier (head: StoredResponse): Tier | undefined {
    return this.#behind.body(head) === undefined ? this.#memory.tier(head) ?? this.#files.tier(head) : 'memory'
  }

  /** For the tiers: a variant is held by one of them less. */
  left (head: StoredResponse, cause: DropCause): void {
    const { key, variant } = head
    const above = [...this.#memory.variants(key), ...this.#behind.variants(key)]
    if (!above.some((each) => each.variant === variant) && !this.#files.holds(key, variant)) this.#events.dropped?.(head, cause)
  }

  /** Counts the objects of memory one by one: for a scrape, not for each request. */
  stats (): StoreStats {
    const memory = this.#memory.stats()
    const files = this.#files.stats()
    const notOnDisk = new Set<string>()
    for (const heads of [this.#memory.heads(), this.#behind.heads()]) {
      for (const head of heads) {
        if (this.#files.tier(head) === undefined) notOnDisk.add(variantId(head.key, head.variant))
      }
    }
    return {
      objects: files.objects + notOnDisk.size,
      memoryBytes: memory.memoryBytes,
      memoryBytesMax: memory.memoryBytesMax,
      diskBytes: files.diskBytes,
      diskBytesMax: files.diskBytesMax,
      evictions: memory.evictions + files.evictions
    }
  }

  async #openAbove (head: StoredResponse): Promise<BodyReader | undefined> {
    return await this.#memory.open(head) ?? this.#behind.body(head)?.pin()
  }

  async #commitMemory (writer: MemoryWriter, head: StoredResponse): Promise<boolean> {
    const committed = writer.admit(head)
    if (!committed) return false
    // In the same turn as the commit, so that nothing can evict the body before the queue has it.
    if (!this.#behind.add(head, writer.body)) this.#events.queueFull?.()
    this.#events.committed?.(head)
    await this.#files.remove(head.key, head.variant)
    return true
  }

  async #commitFile (file: FileWriter, head: StoredResponse): Promise<boolean> {
    return await file.commit(head, {
      visible: () => {
        // A body of the variant that still waits must not overwrite this one later.
        this.#behind.cancel(head.key, head.variant)
        void this.#memory.remove(head.key, head.variant)
        this.#events.committed?.(head)
      }
    })
  }

  async #promote (head: StoredResponse): Promise<void> {
    const id = variantId(head.key, head.variant)
    let promotion = this.#promotions.get(id)
    if (promotion === undefined) {
      promotion = this.#load(head)
      this.#promotions.set(id, promotion)
      void promotion.finally(() => { this.#promotions.delete(id) })
    }
    await promotion
  }

  /** Takes a body into memory, where its hash is checked as in any commit; a file that fails is dropped. */
  async #load (head: StoredResponse): Promise<void> {
    const writer = await this.#memory.create(head.key, head.length)
    const reader = await this.#files.open(head)
    try {
      if (writer === undefined || reader === undefined) return
      while (writer.written < head.length) {
        if (!writer.takes(1)) return
        await writer.write(await reader.read(writer.written, head.length))
      }
      // Replaced or removed meanwhile: what was read is no longer wanted. A newer head of the body is.
      const current = this.#files.current(head)
      if (current !== undefined && sameBody(current, head)) writer.admit(current)
    } catch (error) {
      if (codeOf(error) === 'COLONY_STORE_MISMATCH') await this.#files.damaged(head)
    } finally {
      reader?.close()
      await writer?.close()
    }
  }
}
