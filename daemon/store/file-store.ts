/**
 * The disk tier: bodies and heads in files (names in file-layout.ts), an index of heads in memory that a
 * start rebuilds, S3-FIFO within a budget of bytes on disk. The rename of a head is the commit point, so
 * a process that is killed at any moment leaves whole objects or nothing. Files are not synced:
 * the page cache outlives the process, and after a power cut a body of the wrong length is dropped.
 * A file that turns out damaged is dropped and counted; a disk that cannot be written turns the tier off
 * (disk-health.ts), and what can be read is still served.
 */
import { rename, writeFile } from 'node:fs/promises'
import { codeOf } from '../../protocols/errors.ts'
import type { Clock } from '../../protocols/clock.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { DiskHealth } from './disk-health.ts'
import { FileBody } from './file-body.ts'
import { FileHandles } from './file-handles.ts'
import { basePath, bodyPath, diskCost, headPath, newHeadPath, prepareFolder, recover, unlinkIfThere } from './file-layout.ts'
import type { Recovered } from './file-layout.ts'
import { FileWriter } from './file-writer.ts'
import type { FileWriterHost } from './file-writer.ts'
import { encodeHeadFile, HeadIndex, variantId } from './heads.ts'
import { S3Fifo } from './s3-fifo.ts'
import type { StoreEvents, StoreLogger, StoreSettings } from './settings.ts'
import type { BodyReader, Store, StoredResponse, StoreStats, VariantKey } from './store.ts'

export interface FileStoreInit {
  /** Made when it is not there. Belongs to one process at a time. */
  readonly folder: string
  readonly settings: StoreSettings
  readonly clock: Clock
  readonly logger: StoreLogger
  readonly events?: StoreEvents
}

interface FileEntry {
  head: StoredResponse
  readonly base: string
  readonly body: FileBody
  /** The last change of the head's file: changes of one object follow each other. */
  headWork: Promise<void>
}

/** The process is out of handles or memory: says nothing about the file. */
const passingCodes: readonly (string | undefined)[] = ['EMFILE', 'ENFILE', 'ENOMEM']

export class FileStore implements Store {
  /** Longest body held, bytes. */
  readonly objectBytesMax: number
  readonly #folder: string
  readonly #settings: StoreSettings
  readonly #events: StoreEvents
  readonly #health: DiskHealth
  readonly #handles: FileHandles
  readonly #host: FileWriterHost
  #fifo: S3Fifo
  readonly #index = new HeadIndex<FileEntry>()
  /** Unlinks under way. */
  readonly #background = new Set<Promise<void>>()
  #state: 'stopped' | 'unread' | 'running' = 'stopped'
  #nextSequence = 0
  #nextCommit = 0
  /** Bytes of bodies that were dropped while pinned. */
  #orphanedBytes = 0
  #evictions = 0

  constructor (init: FileStoreInit) {
    this.#folder = init.folder
    this.#settings = init.settings
    this.#events = init.events ?? {}
    const { diskBytesMax, diskObjectShareMax, diskRetryMs, diskHandlesMax } = init.settings
    // Less a head's block and what rounding up to blocks adds, so that what may be written may be committed.
    this.objectBytesMax = Math.max(0, Math.floor(diskBytesMax * diskObjectShareMax) - 2 * diskCost(0))
    this.#health = new DiskHealth({ folder: init.folder, retryMs: diskRetryMs, clock: init.clock, logger: init.logger, events: this.#events })
    this.#handles = new FileHandles(diskHandlesMax)
    this.#fifo = this.#newFifo()
    this.#host = {
      objectBytesMax: this.objectBytesMax,
      grant: async (bytes) => await this.#grant(bytes),
      giveBack: (bytes) => { this.#fifo.release(bytes) },
      failed: (error) => { this.#health.fail(error) },
      admit: async (head, base, body, granted, wanted) => await this.#admit(head, base, body, granted, wanted),
      discard: async (body) => { await this.#unlinkBody(body) }
    }
  }

  /** Never throws for the disk's sake: a folder that cannot be used leaves the tier off until a retry. */
  async start (): Promise<void> {
    if (this.#state !== 'stopped') return
    this.#state = 'unread'
    try {
      await this.#readFolder()
    } catch (error) {
      this.#health.fail(error)
    }
  }

  async stop (): Promise<void> {
    this.#state = 'stopped'
    await Promise.all(this.#index.values().map((entry) => entry.headWork))
    while (this.#background.size > 0) await Promise.all(this.#background)
    await this.#handles.close()
  }

  variants (key: ContentKey): readonly StoredResponse[] {
    return this.#index.variants(key)
  }

  /** The head now held for the body that `head` describes. */
  current (head: StoredResponse): StoredResponse | undefined {
    return this.#index.find(head)?.head
  }

  async open (head: StoredResponse): Promise<BodyReader | undefined> {
    const entry = this.#index.find(head)
    if (entry === undefined) return undefined
    this.#fifo.access(variantId(head.key, head.variant))
    const { body } = entry
    const known = body.pinned
    const close = body.pin()
    // While others read it the file was there when they began; one look per body, not per reader.
    if (!known && !await this.#isWhole(entry)) {
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
    if (this.#state === 'stopped' || lengthHint > this.objectBytesMax) return undefined
    if (!await this.#health.check(async () => { await this.#retry() })) return undefined
    // A start is still reading the folder, and would take a body without a head for a leftover.
    if (this.#state !== 'running') return undefined
    const base = basePath(this.#folder, key, this.#nextSequence++)
    const body = new FileBody(bodyPath(base), this.#handles)
    try {
      await body.make()
    } catch (error) {
      this.#health.fail(error)
      return undefined
    }
    return new FileWriter(this.#host, key, base, body)
  }

  async update (head: StoredResponse): Promise<void> {
    const entry = this.#index.find(head)
    if (entry === undefined) return
    this.#index.update(entry, head)
    await this.#changeHead(entry, async () => {
      if (this.#index.get(variantId(head.key, head.variant)) === entry) await this.#writeHead(entry.base, entry.head)
    })
  }

  async remove (key: ContentKey, variant?: VariantKey): Promise<void> {
    await Promise.all(this.#index.select(key, variant).map(async (entry) => { await this.#drop(entry) }))
  }

  /** Drops a body whose bytes are not what its head says, and counts it. */
  async damaged (head: StoredResponse): Promise<void> {
    const entry = this.#index.find(head)
    if (entry === undefined) return
    this.#events.damaged?.()
    await this.#drop(entry)
  }

  stats (): StoreStats {
    return {
      objects: this.#index.size,
      memoryBytes: 0,
      memoryBytesMax: 0,
      diskBytes: this.#fifo.bytes + this.#orphanedBytes,
      diskBytesMax: this.#settings.diskBytesMax,
      evictions: this.#evictions
    }
  }

  async #readFolder (): Promise<void> {
    await prepareFolder(this.#folder)
    const { objects, nextSequence } = await recover(this.#folder)
    this.#index.clear()
    const { reserved } = this.#fifo
    this.#fifo = this.#newFifo()
    this.#fifo.reserve(reserved)
    this.#nextSequence = Math.max(this.#nextSequence, nextSequence)
    for (const object of objects) await this.#restore(object)
    this.#state = 'running'
  }

  async #restore ({ head, base, commit }: Recovered): Promise<void> {
    this.#nextCommit = commit + 1
    const entry: FileEntry = { head, base, body: new FileBody(bodyPath(base), this.#handles), headWork: Promise.resolve() }
    const cost = diskCost(head.length)
    if (!this.#fifo.fits(cost)) {
      await this.#unlink(entry)
      return
    }
    const evicted = this.#fifo.restore(variantId(head.key, head.variant), cost)
    this.#index.set(entry)
    await this.#evict(evicted)
  }

  /** A start that failed is made up for; later, the index stands, and files that are gone show when they are read. */
  async #retry (): Promise<void> {
    if (this.#state === 'running') await prepareFolder(this.#folder)
    else await this.#readFolder()
  }

  #newFifo (): S3Fifo {
    const { diskBytesMax, diskObjectShareMax, diskObjectsMax } = this.#settings
    return new S3Fifo({ bytesMax: diskBytesMax, objectShareMax: diskObjectShareMax, entriesMax: diskObjectsMax })
  }

  async #isWhole (entry: FileEntry): Promise<boolean> {
    try {
      if (await entry.body.size() === entry.head.length) return true
    } catch (error) {
      if (passingCodes.includes(codeOf(error))) return false
    }
    await this.damaged(entry.head)
    return false
  }

  async #grant (bytes: number): Promise<boolean> {
    if (this.#state !== 'running' || !this.#health.usable) return false
    const { diskBytesMax, diskFillShareMax } = this.#settings
    if (this.#fifo.reserved + bytes > diskBytesMax * diskFillShareMax) return false
    await this.#evict(this.#fifo.reserve(bytes))
    return true
  }

  async #admit (head: StoredResponse, base: string, body: FileBody, granted: number, wanted: () => boolean): Promise<boolean> {
    const cost = diskCost(head.length)
    if (this.#state !== 'running' || !this.#health.usable || !this.#fifo.fits(cost)) return false
    try {
      await this.#writeHead(base, head)
    } catch (error) {
      this.#health.fail(error)
      await this.#unlinkHead(base)
      return false
    }
    if (!wanted()) {
      await this.#unlinkHead(base)
      return false
    }
    const id = variantId(head.key, head.variant)
    const previous = this.#index.get(id)
    this.#fifo.release(granted)
    const evicted = this.#fifo.insert(id, cost)
    this.#index.set({ head, base, body, headWork: Promise.resolve() })
    await Promise.all([this.#evict(evicted), previous === undefined ? undefined : this.#unlink(previous)])
    return true
  }

  async #evict (ids: readonly string[]): Promise<void> {
    const unlinked: Promise<void>[] = []
    for (const id of ids) {
      const entry = this.#index.get(id)
      if (entry === undefined) continue
      this.#evictions++
      this.#events.evicted?.('disk')
      this.#index.delete(entry)
      unlinked.push(this.#unlink(entry))
    }
    await Promise.all(unlinked)
  }

  async #drop (entry: FileEntry): Promise<void> {
    this.#fifo.remove(variantId(entry.head.key, entry.head.variant))
    this.#index.delete(entry)
    await this.#unlink(entry)
  }

  /** Head first: a body without a head is nobody's, a head without a body would be a lie. */
  async #unlink (entry: FileEntry): Promise<void> {
    const bytes = diskCost(entry.head.length)
    this.#orphanedBytes += bytes
    await this.#changeHead(entry, async () => { await unlinkIfThere(headPath(entry.base)) })
    await new Promise<void>((resolve) => {
      const unlink = async (): Promise<void> => {
        await this.#unlinkBody(entry.body)
        this.#orphanedBytes -= bytes
        resolve()
      }
      entry.body.whenUnpinned(() => { this.#inBackground(unlink()) })
      // Who drops it does not wait for readers.
      if (entry.body.pinned) resolve()
    })
  }

  async #unlinkBody (body: FileBody): Promise<void> {
    await this.#handles.forget(body.path)
    await this.#tryUnlink(body.path)
  }

  async #unlinkHead (base: string): Promise<void> {
    await this.#tryUnlink(newHeadPath(base))
    await this.#tryUnlink(headPath(base))
  }

  async #tryUnlink (path: string): Promise<void> {
    try {
      await unlinkIfThere(path)
    } catch (error) {
      this.#health.fail(error)
    }
  }

  async #writeHead (base: string, head: StoredResponse): Promise<void> {
    await writeFile(newHeadPath(base), encodeHeadFile({ commit: this.#nextCommit++, head }))
    await rename(newHeadPath(base), headPath(base))
  }

  async #changeHead (entry: FileEntry, change: () => Promise<void>): Promise<void> {
    entry.headWork = entry.headWork.then(change).catch((error: unknown) => { this.#health.fail(error) })
    await entry.headWork
  }

  #inBackground (work: Promise<void>): void {
    this.#background.add(work)
    void work.finally(() => { this.#background.delete(work) })
  }
}
