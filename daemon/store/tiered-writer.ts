/**
 * Writes a body that begins in memory and goes on in a file when it outgrows that: at once when a
 * length is promised that memory does not hold, after `memoryUnknownBytesMax` when none is promised, and
 * earlier when all fills together hold their share of memory. Readers notice nothing: the
 * file takes over when it has every byte.
 */
import type { ContentKey } from '../../protocols/ids.ts'
import { codeOf } from '../../protocols/errors.ts'
import type { FileStore } from './file-store.ts'
import type { FileWriter } from './file-writer.ts'
import type { MemoryWriter } from './memory-store.ts'
import type { StoredResponse, StoreWriter } from './store.ts'

export interface TieredWriterInit {
  readonly key: ContentKey
  readonly memory: MemoryWriter
  readonly files: FileStore
  readonly lengthHint: number | undefined
  /** Bytes after which a body of unknown length goes on in a file. */
  readonly memoryUnknownBytesMax: number
  /** Makes a body in memory visible. */
  readonly commitMemory: (writer: MemoryWriter, head: StoredResponse) => Promise<boolean>
  /** Makes a body in a file visible. */
  readonly commitFile: (writer: FileWriter, head: StoredResponse) => Promise<boolean>
}

export class TieredWriter implements StoreWriter {
  readonly #init: TieredWriterInit
  #file: FileWriter | undefined
  #triedEarly = false
  #work: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor (init: TieredWriterInit) {
    this.#init = init
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
    await this.#init.memory.close()
    await this.#file?.close()
  }

  get #current (): MemoryWriter | FileWriter {
    return this.#file ?? this.#init.memory
  }

  async #append (chunk: Uint8Array): Promise<void> {
    if (this.#file !== undefined) {
      await this.#file.write(chunk)
      return
    }
    const { memory, lengthHint, memoryUnknownBytesMax } = this.#init
    const length = memory.written + chunk.byteLength
    // Tried once: without a usable disk an unknown length may take what memory allows a known one.
    if (lengthHint === undefined && length > memoryUnknownBytesMax && !this.#triedEarly) {
      this.#triedEarly = true
      await this.#spill()
    } else if (memory.whole && !memory.takes(chunk.byteLength)) await this.#spill()
    await this.#current.write(chunk)
  }

  async #commit (head: StoredResponse): Promise<boolean> {
    const { memory, commitMemory, commitFile } = this.#init
    if (this.#file === undefined) {
      if (await commitMemory(memory, head)) return true
      // Too large with its head for memory's share, yet perhaps not for the disk's.
      if (!memory.whole || !await this.#spill()) return false
    }
    return await commitFile(this.#current as FileWriter, head)
  }

  /** Goes on in a file. @returns false when the disk does not take it: all stays as it was */
  async #spill (): Promise<boolean> {
    const { key, memory, files, lengthHint } = this.#init
    const file = await files.create(key, Math.max(lengthHint ?? 0, memory.written))
    if (file === undefined) return false
    try {
      while (file.written < memory.written) await file.write(await memory.read(file.written, memory.written))
    } catch (error) {
      await file.close()
      if (codeOf(error) === 'COLONY_STORE_FULL') return false
      throw error
    }
    this.#file = file
    // What readers were given are views, and live on; new reads go to the file.
    await memory.close()
    return true
  }

  async #during<T> (work: Promise<T>): Promise<T> {
    this.#work = work
    return await work
  }
}
