/**
 * Writes one body into its file while others read it. The bytes count against the disk budget from the
 * moment they are written; the head is written at the commit, by the store. A body that was not
 * committed is unlinked by `close`, or by the next start when the process died before.
 */
import { createHash } from 'node:crypto'
import type { ContentKey } from '../../protocols/ids.ts'
import { StoreFullError } from './errors.ts'
import type { FileBody } from './file-body.ts'
import { checkHead } from './heads.ts'
import type { StoredResponse, StoreWriter } from './store.ts'

/** What a writer needs of its store. */
export interface FileWriterHost {
  readonly objectBytesMax: number
  /** Takes bytes of the disk budget. @returns false when fills hold their share already */
  grant: (bytes: number) => Promise<boolean>
  giveBack: (bytes: number) => void
  /** A write failed: the disk is to be left alone. */
  failed: (error: unknown) => void
  /** Writes the head and makes the object visible, taking over what was granted; false: nothing changed. */
  admit: (head: StoredResponse, base: string, body: FileBody, granted: number, wanted: () => boolean) => Promise<boolean>
  /** Drops the file of a body that was not committed. */
  discard: (body: FileBody) => Promise<void>
}

export class FileWriter implements StoreWriter {
  readonly #host: FileWriterHost
  readonly #key: ContentKey
  readonly #base: string
  readonly #body: FileBody
  readonly #unpin: () => void
  readonly #hash = createHash('sha256')
  #written = 0
  #granted = 0
  /** The write or commit under way: a close in its midst must not count or unlink before it is over. */
  #work: Promise<unknown> = Promise.resolve()
  /** Takes neither bytes nor a commit any more. */
  #done = false
  #committed = false
  #closed = false

  constructor (host: FileWriterHost, key: ContentKey, base: string, body: FileBody) {
    this.#host = host
    this.#key = key
    this.#base = base
    this.#body = body
    this.#unpin = body.pin()
  }

  get written (): number {
    return this.#written
  }

  async write (chunk: Uint8Array): Promise<void> {
    await this.#during(this.#append(chunk))
  }

  async read (offset: number, lengthMax: number): Promise<Uint8Array> {
    return await this.#body.read(offset, lengthMax, this.#written, 'r+')
  }

  digest (): string {
    return this.#hash.copy().digest('base64url')
  }

  /** @param wanted asked just before the object becomes visible: false drops it instead */
  async commit (head: StoredResponse, wanted: () => boolean = () => true): Promise<boolean> {
    if (this.#done) return false
    checkHead(head, this.#key, this.#written, this.digest())
    this.#done = true
    return await this.#during(this.#admit(head, wanted))
  }

  async close (): Promise<void> {
    if (this.#closed) return
    const work = this.#work
    this.#closed = true
    this.#done = true
    await work.catch(() => {})
    this.#host.giveBack(this.#granted)
    this.#granted = 0
    this.#unpin()
    if (!this.#committed) await this.#host.discard(this.#body)
  }

  async #append (chunk: Uint8Array): Promise<void> {
    if (this.#done) throw new StoreFullError(`the body of ${this.#key} takes no more bytes after ${this.#written}`)
    const written = this.#written + chunk.byteLength
    if (written > this.#host.objectBytesMax || !await this.#host.grant(chunk.byteLength)) {
      this.#done = true
      throw new StoreFullError(`the body of ${this.#key} outgrew the disk tier at ${this.#written} bytes`)
    }
    this.#granted += chunk.byteLength
    try {
      await this.#body.write(chunk, this.#written)
    } catch (error) {
      this.#done = true
      this.#host.failed(error)
      throw new StoreFullError(`the body of ${this.#key} cannot be written`, { cause: error })
    }
    this.#hash.update(chunk)
    this.#written = written
  }

  async #admit (head: StoredResponse, wanted: () => boolean): Promise<boolean> {
    if (!await this.#host.admit(head, this.#base, this.#body, this.#granted, wanted)) return false
    this.#granted = 0
    this.#committed = true
    return true
  }

  async #during<T> (work: Promise<T>): Promise<T> {
    this.#work = work
    return await work
  }
}
