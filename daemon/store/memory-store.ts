/**
 * The memory tier: bodies and heads in the process, S3-FIFO within a budget of bytes. It is where most hits
 * are answered, and a whole store by itself when there is no disk tier. The budget counts heads and
 * fills in flight too. A body that is evicted while a reader has it pinned lives on until that closes;
 * `stats` counts it, but it cannot be taken back, so only such bodies can exceed the budget.
 */
import { createHash } from 'node:crypto'
import type { ContentKey } from '../../protocols/ids.ts'
import { ByteLog } from './byte-log.ts'
import { StoreFullError } from './errors.ts'
import { checkHead, headBytes, HeadIndex, variantId } from './heads.ts'
import { S3Fifo } from './s3-fifo.ts'
import type { Evicted } from './s3-fifo.ts'
import type { DropCause, Refusal, StoreEvents, StoreSettings } from './settings.ts'
import type { BodyReader, Store, StoredResponse, StoreStats, StoreWriter, Tier, VariantKey } from './store.ts'

export interface MemoryStoreInit {
  readonly settings: StoreSettings
  readonly events?: StoreEvents
  /** Bytes of the budget that are left to bodies which something else keeps pinned after their eviction. */
  readonly asideBytes?: number
}

interface MemoryEntry {
  head: StoredResponse
  readonly body: MemoryBody
}

export class MemoryStore implements Store {
  /** Longest body held, bytes. */
  readonly objectBytesMax: number
  readonly #settings: StoreSettings
  /** The budget without what is set aside, bytes. */
  readonly #bytesMax: number
  readonly #events: StoreEvents
  readonly #fifo: S3Fifo<MemoryEntry>
  readonly #index = new HeadIndex<MemoryEntry>()
  /** Bytes of bodies that were dropped while pinned. */
  #orphanedBytes = 0
  #evictions = 0

  constructor (init: MemoryStoreInit) {
    this.#settings = init.settings
    this.#events = init.events ?? {}
    const { memoryBytesMax, memoryObjectShareMax, memoryObjectBytesMax } = init.settings
    this.#bytesMax = memoryBytesMax - (init.asideBytes ?? 0)
    this.objectBytesMax = Math.min(memoryObjectBytesMax, Math.floor(this.#bytesMax * memoryObjectShareMax))
    this.#fifo = new S3Fifo({ bytesMax: this.#bytesMax, objectShareMax: memoryObjectShareMax })
  }

  start (): void {}

  stop (): void {}

  variants (key: ContentKey): readonly StoredResponse[] {
    return this.#index.variants(key)
  }

  async open (head: StoredResponse): Promise<BodyReader | undefined> {
    const body = this.body(head)
    if (body === undefined) return undefined
    this.#fifo.access(variantId(head.key, head.variant))
    return body.pin()
  }

  async create (key: ContentKey, lengthHint?: number): Promise<MemoryWriter | undefined> {
    if (lengthHint !== undefined && lengthHint > this.objectBytesMax) {
      this.#events.refused?.(key, 'too large')
      return undefined
    }
    return new MemoryWriter(this, key, lengthHint)
  }

  async update (head: StoredResponse): Promise<void> {
    const entry = this.#index.find(head)
    if (entry === undefined) return
    const cost = costOf(head, entry.body)
    if (!this.#fifo.fits(cost)) {
      this.#drop(entry, 'evicted')
      return
    }
    this.#evict(this.#fifo.insert(variantId(head.key, head.variant), cost, entry), head.key)
    this.#index.update(entry, head)
  }

  async remove (key: ContentKey, variant?: VariantKey): Promise<void> {
    for (const entry of this.#index.select(key, variant)) this.#drop(entry, 'removed')
  }

  heads (): Iterable<StoredResponse> {
    return this.#index.values().map((entry) => entry.head)
  }

  tier (head: StoredResponse): Tier | undefined {
    return this.#index.find(head) === undefined ? undefined : 'memory'
  }

  stats (): StoreStats {
    return {
      objects: this.#index.size,
      memoryBytes: this.#fifo.bytes + this.#orphanedBytes,
      memoryBytesMax: this.#settings.memoryBytesMax,
      diskBytes: 0,
      diskBytesMax: 0,
      evictions: this.#evictions
    }
  }

  /** The body that `head` describes, without counting a use. */
  body (head: StoredResponse): MemoryBody | undefined {
    return this.#index.find(head)?.body
  }

  /** Whether a body used from elsewhere should now be held here: it was used, or evicted, not long ago. */
  recall (head: StoredResponse): boolean {
    return this.#fifo.recall(variantId(head.key, head.variant))
  }

  /** For writers: whether so many bytes more may be in flight; fills together hold a share of the budget. */
  grants (bytes: number): boolean {
    return this.#fifo.reserved + bytes <= this.#bytesMax * this.#settings.memoryFillShareMax
  }

  /** For writers: takes bytes for the fill of `key` in flight. `grants` must hold. */
  grant (bytes: number, key: ContentKey): void {
    this.#evict(this.#fifo.reserve(bytes), key)
  }

  /** For writers: gives back what was granted. */
  giveBack (bytes: number): void {
    this.#fifo.release(bytes)
  }

  /** For writers: says that a body is not stored. */
  refused (key: ContentKey, reason: Refusal): void {
    this.#events.refused?.(key, reason)
  }

  /** For writers: makes a body visible that was granted `granted` bytes. */
  admit (head: StoredResponse, body: MemoryBody, granted: number): boolean {
    const cost = costOf(head, body)
    if (!this.#fifo.fits(cost)) return false
    this.#fifo.release(granted)
    const id = variantId(head.key, head.variant)
    const previous = this.#index.get(id)
    const entry: MemoryEntry = { head, body }
    this.#evict(this.#fifo.insert(id, cost, entry), head.key)
    this.#index.set(entry)
    if (previous !== undefined) this.#orphan(previous.body)
    this.#events.committed?.(head)
    return true
  }

  #evict (evicted: ReadonlyArray<Evicted<MemoryEntry>>, byKey: ContentKey): void {
    for (const { value: entry } of evicted) {
      this.#evictions++
      this.#events.evicted?.('memory', entry.head, byKey)
      this.#leave(entry, 'evicted')
    }
  }

  #drop (entry: MemoryEntry, cause: DropCause): void {
    this.#fifo.remove(variantId(entry.head.key, entry.head.variant))
    this.#leave(entry, cause)
  }

  /** What the queues have let go already, and may remember as a ghost. */
  #leave (entry: MemoryEntry, cause: DropCause): void {
    this.#index.delete(entry)
    this.#orphan(entry.body)
    this.#events.dropped?.(entry.head, cause)
  }

  #orphan (body: MemoryBody): void {
    const bytes = body.log.capacity
    this.#orphanedBytes += bytes
    body.whenUnpinned(() => { this.#orphanedBytes -= bytes })
  }
}

function costOf (head: StoredResponse, body: MemoryBody): number {
  return body.log.capacity + headBytes(head)
}

/** Bytes in memory and how many readers have them pinned. */
export class MemoryBody {
  readonly log: ByteLog
  #pins = 0
  #onUnpinned: (() => void) | undefined

  constructor (log: ByteLog) {
    this.log = log
  }

  pin (): BodyReader {
    this.#pins++
    let open = true
    return {
      read: async (offset, lengthMax) => this.log.read(offset, lengthMax),
      close: () => {
        if (!open) return
        open = false
        this.#pins--
        if (this.#pins === 0) this.#onUnpinned?.()
      }
    }
  }

  /** Runs `callback` when no reader is left, at once when there is none. */
  whenUnpinned (callback: () => void): void {
    if (this.#pins === 0) callback()
    else this.#onUnpinned = callback
  }
}

export class MemoryWriter implements StoreWriter {
  readonly body: MemoryBody
  readonly #store: MemoryStore
  readonly #key: ContentKey
  readonly #pin: BodyReader
  readonly #hash = createHash('sha256')
  #granted = 0
  #state: 'open' | 'full' | 'committed' | 'closed' = 'open'
  /** Why it is not stored, once that is so. */
  refusal: Refusal | undefined

  constructor (store: MemoryStore, key: ContentKey, lengthHint?: number) {
    this.#store = store
    this.#key = key
    this.body = new MemoryBody(new ByteLog(lengthHint))
    this.#pin = this.body.pin()
  }

  get written (): number {
    return this.body.log.length
  }

  /** Whether every write so far was taken, and more may come. */
  get whole (): boolean {
    return this.#state === 'open'
  }

  /** Whether a chunk of that size would be taken now. */
  takes (bytes: number): boolean {
    const { log } = this.body
    return this.whole && log.length + bytes <= this.#store.objectBytesMax &&
      this.#store.grants(log.capacityAfter(bytes) - log.capacity)
  }

  /** Takes all of the chunk or nothing. */
  async write (chunk: Uint8Array): Promise<void> {
    const { log } = this.body
    if (!this.takes(chunk.byteLength)) {
      if (this.whole) this.#state = 'full'
      const refusal = this.#refuse(log.length + chunk.byteLength > this.#store.objectBytesMax ? 'too large' : 'fills hold their share')
      throw new StoreFullError(refusal, `the body of ${this.#key} outgrew memory at ${log.length} bytes`)
    }
    const more = log.capacityAfter(chunk.byteLength) - log.capacity
    this.#store.grant(more, this.#key)
    this.#granted += more
    log.append(chunk)
    this.#hash.update(chunk)
  }

  async read (offset: number, lengthMax: number): Promise<Uint8Array> {
    return this.body.log.read(offset, lengthMax)
  }

  digest (): string {
    return this.#hash.copy().digest('base64url')
  }

  async commit (head: StoredResponse): Promise<boolean> {
    return this.admit(head)
  }

  /** `commit` within one turn. */
  admit (head: StoredResponse): boolean {
    if (!this.whole) return false
    checkHead(head, this.#key, this.written, this.digest())
    this.body.log.trim()
    if (!this.#store.admit(head, this.body, this.#granted)) {
      this.#refuse('too large')
      return false
    }
    this.#granted = 0
    this.#state = 'committed'
    return true
  }

  async close (): Promise<void> {
    if (this.#state === 'closed') return
    if (this.#state !== 'committed') this.body.log.clear()
    this.#state = 'closed'
    this.#store.giveBack(this.#granted)
    this.#granted = 0
    this.#pin.close()
  }

  #refuse (reason: Refusal): Refusal {
    if (this.refusal === undefined) this.#store.refused(this.#key, reason)
    this.refusal ??= reason
    return this.refusal
  }
}
