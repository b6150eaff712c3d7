/**
 * Writes a body that begins in memory where that may take it, and goes on in a file when it outgrows that: at once when a
 * length is promised that memory does not hold, after `memoryUnknownBytesMax` when none is promised, and
 * earlier when all fills together hold their share of memory. Readers notice nothing: the
 * file takes over when it has every byte.
 */
import type { ContentKey } from '../../protocols/ids.ts'
import { codeOf } from '../../protocols/errors.ts'
import type { FileStore } from './file-store.ts'
import { FileWriter } from './file-writer.ts'
import type { MemoryWriter } from './memory-store.ts'
import type { Refusal } from './settings.ts'
import type { StoredResponse, StoreWriter } from './store.ts'

export interface TieredWriterInit {
  readonly key: ContentKey
  readonly first: MemoryWriter | FileWriter
  readonly files: FileStore
  readonly lengthHint: number | undefined
  /** Bytes after which a body of unknown length goes on in a file. */
  readonly memoryUnknownBytesMax: number
  /** Makes a body in memory visible. */
  readonly commitMemory: (writer: MemoryWriter, head: StoredResponse) => Promise<boolean>
  /** Makes a body in a file visible. */
  readonly commitFile: (writer: FileWriter, head: StoredResponse) => Promise<boolean>
  /** The body is not stored. */
  readonly refused: (reason: Refusal) => void
}

export class TieredWriter implements StoreWriter {
  readonly #init: TieredWriterInit
  #current: MemoryWriter | FileWriter
  #triedEarly = false
  /** Why the disk did not take over. */
  #refusal: Refusal | undefined
  #refused = false
  #work: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor (init: TieredWriterInit) {
    this.#init = init
    this.#current = init.first
  }

  get written (): number {
    return this.#current.written
  }

  async write (chunk: Uint8Array): Promise<void> {
    await this.#during(this.#append(chunk))
  }

  async read (offset: number, lengthMax: number): Promise<Uint8Array> {
    return await this.#current.read(offset, lengthMax)
  }

  digest (): string {
    return this.#current.digest()
  }

  async commit (head: StoredResponse): Promise<boolean> {
    return await this.#during(this.#commit(head))
  }

  async close (): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#work.catch(() => {})
    await this.#current.close()
  }

  async #append (chunk: Uint8Array): Promise<void> {
    const first = this.#current
    // No turn passes between finding that memory takes the chunk and its taking it.
    if (!(first instanceof FileWriter) && this.#outgrows(first, chunk.byteLength)) await this.#spill(first)
    try {
      await this.#current.write(chunk)
    } catch (error) {
      this.#refuse()
      throw error
    }
  }

  async #commit (head: StoredResponse): Promise<boolean> {
    const { commitMemory, commitFile } = this.#init
    const first = this.#current
    // Too large with its head for memory's share, it may still not be for the disk's.
    const committed = first instanceof FileWriter
      ? await commitFile(first, head)
      : await commitMemory(first, head) || (first.whole && await this.#spill(first) && await commitFile(this.#current as FileWriter, head))
    if (!committed) this.#refuse()
    return committed
  }

  #outgrows (memory: MemoryWriter, bytes: number): boolean {
    const { lengthHint, memoryUnknownBytesMax } = this.#init
    // Tried once: without a usable disk an unknown length may take what memory allows a known one.
    if (lengthHint === undefined && memory.written + bytes > memoryUnknownBytesMax && !this.#triedEarly) {
      this.#triedEarly = true
      return true
    }
    return memory.whole && !memory.takes(bytes)
  }

  /** Goes on in a file. @returns false when the disk does not take it: all stays as it was */
  async #spill (memory: MemoryWriter): Promise<boolean> {
    const { key, files, lengthHint } = this.#init
    const length = Math.max(lengthHint ?? 0, memory.written)
    const file = await files.create(key, length)
    if (file === undefined) {
      this.#refusal = files.refusalOf(length)
      return false
    }
    try {
      while (file.written < memory.written) await file.write(await memory.read(file.written, memory.written))
    } catch (error) {
      await file.close()
      this.#refusal = file.refusal
      if (codeOf(error) === 'COLONY_STORE_FULL') return false
      throw error
    }
    this.#current = file
    this.#refusal = undefined
    // What readers were given are views, and live on; new reads go to the file.
    await memory.close()
    return true
  }

  #refuse (): void {
    if (!this.#refused) this.#init.refused(this.#refusal ?? this.#current.refusal ?? 'disk off')
    this.#refused = true
  }

  async #during<T> (work: Promise<T>): Promise<T> {
    this.#work = work
    return await work
  }
}
