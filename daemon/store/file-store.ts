/**
 * The disk tier: bodies in files (file-layout.ts), their heads packed in memory (disk-index.ts) and in a
 * LevelDB (head-records.ts), S3-FIFO within a budget of bytes on disk. A commit is over when the head's record is
 * written, after all of the body, so a process that is killed at any moment leaves whole objects or
 * nothing. Nothing is synced: the page cache outlives the process, and after a power cut a body
 * of the wrong length is dropped when it is opened.
 *
 * A start opens the records and serves; what they hold is read in the background (index-loading.ts), and a
 * key that is asked for before its turn is read at once. A disk that cannot be written turns the
 * tier off (disk-health.ts), and what can be read is still served.
 */
import { codeOf } from '../../protocols/errors.ts'
import { sleep } from '../../protocols/clock.ts'
import type { Clock } from '../../protocols/clock.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { BodyFiles } from './body-files.ts'
import { DiskHealth } from './disk-health.ts'
import { DiskIndex } from './disk-index.ts'
import type { DiskObject } from './disk-index.ts'
import type { FileBody } from './file-body.ts'
import { bodyPath, diskCost, drawBodyName, prepareFolder, removeLeftovers } from './file-layout.ts'
import { FileWriter } from './file-writer.ts'
import type { CommitMoment, FileWriterHost } from './file-writer.ts'
import { HeadRecords } from './head-records.ts'
import { IndexLoading } from './index-loading.ts'
import { packHead, startOfPacked, unpackHead } from './packed-head.ts'
import type { DropCause, Refusal, StoreEvents, StoreLogger, StoreSettings } from './settings.ts'
import type { BodyReader, Store, StoredResponse, StoreStats, Tier, VariantKey } from './store.ts'

export interface FileStoreInit {
  /** Made when it is not there. Belongs to one process at a time. */
  readonly folder: string
  readonly settings: StoreSettings
  readonly clock: Clock
  readonly logger: StoreLogger
  readonly events?: StoreEvents
}

/** The process is out of handles or memory: says nothing about the file. */
const passingCodes: readonly (string | undefined)[] = ['EMFILE', 'ENFILE', 'ENOMEM']

export class FileStore implements Store {
  /** Longest body held, bytes. */
  readonly objectBytesMax: number
  readonly #init: FileStoreInit
  readonly #settings: StoreSettings
  readonly #events: StoreEvents
  readonly #health: DiskHealth
  readonly #bodies: BodyFiles
  readonly #host: FileWriterHost
  readonly #index: DiskIndex
  readonly #records: HeadRecords
  readonly #loading: IndexLoading
  /** Work that nobody waits for. */
  readonly #background = new Set<Promise<void>>()
  /** Undefined while stopped. */
  #stopping: AbortController | undefined
  #opened = false
  #reading = false
  #evictions = 0

  constructor (init: FileStoreInit) {
    const { folder, settings, clock, logger, events = {} } = init
    this.#init = init
    this.#settings = settings
    this.#events = events
    const { diskBytesMax, diskObjectShareMax, diskObjectsMax, diskRetryMs, diskHandlesMax } = settings
    // Less what the head and rounding up to blocks add, so that what may be written may be committed.
    this.objectBytesMax = Math.max(0, Math.floor(diskBytesMax * diskObjectShareMax) - diskCost(1))
    this.#health = new DiskHealth({ folder, retryMs: diskRetryMs, clock, logger, events })
    this.#bodies = new BodyFiles(diskHandlesMax, (error) => { this.#health.fail(error) })
    this.#index = new DiskIndex({ bytesMax: diskBytesMax, objectShareMax: diskObjectShareMax, entriesMax: diskObjectsMax })
    this.#records = new HeadRecords({
      folder,
      logger,
      recordOf: (key) => this.#recordOf(key),
      keys: () => this.#index.all().map(({ key }) => key)
    })
    this.#loading = new IndexLoading(this.#records, (object) => this.#restore(object))
    this.#host = {
      objectBytesMax: this.objectBytesMax,
      grant: async (bytes, key) => await this.#grant(bytes, key),
      giveBack: (bytes) => { this.#index.release(bytes) },
      failed: (error) => { this.#health.fail(error) },
      refused: (key, reason) => { this.#events.refused?.(key, reason) },
      admit: async (head, name, take, moment) => await this.#admit(head, name, take, moment),
      discard: async (body) => { await this.#bodies.unlink(body.path) }
    }
  }

  /** Never throws for the disk's sake: a folder that cannot be used leaves the tier off until a retry. */
  async start (): Promise<void> {
    if (this.#stopping !== undefined) return
    this.#stopping = new AbortController()
    try {
      await this.#open()
    } catch (error) {
      this.#health.fail(error)
    }
  }

  async stop (): Promise<void> {
    this.#stopping?.abort()
    this.#stopping = undefined
    this.#opened = false
    while (this.#background.size > 0) await Promise.all(this.#background)
    await this.#records.close()
    await this.#bodies.close()
  }

  /** @param known heads whose variants are left out */
  variants (key: ContentKey, known?: readonly StoredResponse[]): readonly StoredResponse[] {
    this.#loading.ensure(key)
    return this.#index.heads(key, known)
  }

  /** The head now held for the body that `head` describes. */
  current (head: StoredResponse): StoredResponse | undefined {
    const object = this.#find(head)
    return object === undefined ? undefined : unpackHead(object.key, object.packed)
  }

  async open (head: StoredResponse): Promise<BodyReader | undefined> {
    const object = this.#find(head)
    if (object === undefined) return undefined
    this.#index.access(head)
    const body = this.#bodies.at(this.#pathOf(object))
    const known = body.pinned
    const close = body.pin()
    // While others read it the file was there when they began; one look per body, not per reader.
    if (!known && !await this.#isWhole(body, head)) {
      close()
      return undefined
    }
    const read = async (offset: number, lengthMax: number): Promise<Uint8Array> => {
      try {
        return await body.read(offset, lengthMax, head.length, 'r')
      } catch (error) {
        if (!passingCodes.includes(codeOf((error as Error).cause))) await this.damaged(head)
        throw error
      }
    }
    return { read, close }
  }

  async create (key: ContentKey, lengthHint = 0): Promise<FileWriter | undefined> {
    if (lengthHint > this.objectBytesMax || !await this.#isReady()) {
      this.#events.refused?.(key, this.refusalOf(lengthHint))
      return undefined
    }
    const name = drawBodyName()
    const body = this.#bodies.at(bodyPath(this.#init.folder, key, name))
    const writer = new FileWriter(this.#host, key, name, body)
    try {
      await body.make()
      return writer
    } catch (error) {
      this.#health.fail(error)
      await writer.close()
      this.#events.refused?.(key, 'disk off')
      return undefined
    }
  }

  async update (head: StoredResponse): Promise<void> {
    const object = this.#find(head)
    if (object === undefined) return
    this.#index.update(object, head)
    await this.#save(head.key)
  }

  async remove (key: ContentKey, variant?: VariantKey): Promise<void> {
    if (!this.#loading.ensure(key)) {
      // An earlier run may have left some of it: gone unread, as soon as the records can be written.
      this.#loading.skip(key)
      await this.#save(key)
    }
    await Promise.all(this.#index.select(key, variant).map(async (object) => { await this.#drop(object, 'removed') }))
  }

  /** Drops a body whose bytes are not what its head says, and counts it. */
  async damaged (head: StoredResponse): Promise<void> {
    const object = this.#find(head)
    if (object === undefined) return
    this.#events.damaged?.()
    await this.#drop(object, 'damaged')
  }

  * heads (): Generator<StoredResponse> {
    for (const { key, packed } of this.#index.all()) yield unpackHead(key, packed)
  }

  tier (head: StoredResponse): Tier | undefined {
    return this.#find(head) === undefined ? undefined : 'disk'
  }

  holds (key: ContentKey, variant: VariantKey): boolean {
    this.#loading.ensure(key)
    return this.#index.select(key, variant).length > 0
  }

  /** Why `create` takes no body of that length. */
  refusalOf (length: number): Refusal {
    return length > this.objectBytesMax ? 'too large' : 'disk off'
  }

  /** While a start still reads the index, what it has read so far. */
  stats (): StoreStats {
    return {
      objects: this.#index.size,
      memoryBytes: 0,
      memoryBytesMax: 0,
      diskBytes: this.#index.bytes + this.#bodies.orphanedBytes,
      diskBytesMax: this.#settings.diskBytesMax,
      evictions: this.#evictions
    }
  }

  async #isReady (): Promise<boolean> {
    return this.#stopping !== undefined && await this.#health.check(async () => { await this.#open() }) && this.#opened
  }

  /** Also after a failure: the index in memory stands, and files that are gone show when they are read. */
  async #open (): Promise<void> {
    await prepareFolder(this.#init.folder)
    await this.#records.open()
    this.#opened = this.#stopping !== undefined
    if (this.#reading || this.#loading.done) return
    this.#reading = true
    // What a small store holds is there at once.
    await this.#loading.step().catch((error: unknown) => { this.#health.fail(error) })
    this.#inBackground(this.#load())
  }

  async #load (): Promise<void> {
    try {
      while (this.#opened && !await this.#loading.step()) continue
      if (this.#stopping === undefined || !this.#loading.done) return
      this.#events.loaded?.()
      await this.#removeLeftovers(this.#stopping.signal)
    } catch (error) {
      if (this.#opened) this.#health.fail(error)
    } finally {
      this.#reading = false
    }
  }

  /** Slowly, as it looks at every file: nobody waits for the space. */
  async #removeLeftovers (signal: AbortSignal): Promise<void> {
    const { folder, clock } = this.#init
    const needed = (path: string, key: ContentKey, name: string): boolean =>
      this.#bodies.isPinned(path) || this.#index.select(key).some(({ packed }) => startOfPacked(packed).body === name)
    await removeLeftovers(folder, needed, async () => { await sleep(clock, this.#settings.diskTidyPauseMs, signal) })
  }

  #recordOf (key: ContentKey): string | undefined {
    return this.#index.select(key).map(({ packed }) => packed).join('\n') || undefined
  }

  /** Takes in what an earlier run left. */
  #restore (object: DiskObject): Promise<void> | undefined {
    const { length, variant } = startOfPacked(object.packed)
    // Committed anew while the records could not be read.
    if (this.#index.select(object.key, variant).length > 0) return undefined
    const cost = diskCost(length)
    const fits = this.#index.fits(cost)
    const evicted = fits ? this.#index.restore(object, variant, cost) : []
    if (fits && evicted.length === 0) return undefined
    const leaving = fits ? this.#evict(evicted) : this.#unlink(object)
    this.#inBackground(leaving)
    return leaving
  }

  #find (head: StoredResponse): DiskObject | undefined {
    this.#loading.ensure(head.key)
    return this.#index.find(head)
  }

  #pathOf ({ key, packed }: DiskObject): string {
    return bodyPath(this.#init.folder, key, startOfPacked(packed).body)
  }

  async #isWhole (body: FileBody, head: StoredResponse): Promise<boolean> {
    try {
      if (await body.size() === head.length) return true
    } catch (error) {
      if (passingCodes.includes(codeOf(error))) return false
    }
    await this.damaged(head)
    return false
  }

  async #grant (bytes: number, key: ContentKey): Promise<Refusal | undefined> {
    if (!this.#opened || !this.#health.usable) return 'disk off'
    const { diskBytesMax, diskFillShareMax } = this.#settings
    if (this.#index.reserved + bytes > diskBytesMax * diskFillShareMax) return 'fills hold their share'
    await this.#evict(this.#index.reserve(bytes), key)
    return undefined
  }

  /** Visible in the turn in which it is called; whole for a later start when it resolves. */
  async #admit (head: StoredResponse, name: string, take: () => number, { wanted, visible }: CommitMoment): Promise<Refusal | 'unwanted' | undefined> {
    const cost = diskCost(head.length)
    if (!this.#opened || !this.#health.usable) return 'disk off'
    if (!this.#index.fits(cost)) return 'too large'
    if (wanted?.() === false) return 'unwanted'
    this.#loading.ensure(head.key)
    const [previous] = this.#index.select(head.key, head.variant)
    const object: DiskObject = { key: head.key, packed: packHead(head, name) }
    this.#index.release(take())
    const evicted = this.#index.insert(object, head.variant, cost)
    visible?.()
    this.#events.committed?.(head)
    const gone = [this.#evict(evicted, head.key), previous === undefined ? undefined : this.#unlink(previous)]
    const saved = await this.#save(head.key)
    await Promise.all(gone)
    if (saved) return undefined
    // Held by memory alone it would be lost with the process, after the commit was acknowledged.
    if (this.#index.has(object)) await this.#drop(object, 'damaged')
    return 'disk off'
  }

  async #evict (evicted: readonly DiskObject[], byKey?: ContentKey): Promise<void> {
    await Promise.all(evicted.map(async (object) => {
      const head = unpackHead(object.key, object.packed)
      this.#evictions++
      this.#events.evicted?.('disk', head, byKey)
      this.#events.dropped?.(head, 'evicted')
      await this.#unlink(object)
    }))
  }

  async #drop (object: DiskObject, cause: DropCause): Promise<void> {
    this.#index.delete(object)
    this.#events.dropped?.(unpackHead(object.key, object.packed), cause)
    await this.#unlink(object)
  }

  /** Record first: a body without a head is nobody's, a head without a body would be a lie. */
  async #unlink (object: DiskObject): Promise<void> {
    await this.#bodies.drop(this.#pathOf(object), diskCost(startOfPacked(object.packed).length), this.#save(object.key))
  }

  /** Writes a key's record as the index has it. @returns whether it could be written */
  async #save (key: ContentKey): Promise<boolean> {
    try {
      await this.#records.save(key)
      return true
    } catch (error) {
      // After a stop nothing is written any more: what a late reader found damaged shows again.
      if (this.#stopping !== undefined) this.#health.fail(error)
      return false
    }
  }

  #inBackground (work: Promise<void>): void {
    this.#background.add(work)
    void work.finally(() => { this.#background.delete(work) })
  }
}
