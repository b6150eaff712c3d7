/**
 * Writes one body into its file while others read it. The bytes count against the disk budget from the
 * moment they are written; the head is written at the commit, by the store. A body that was not
 * committed is unlinked by `close`, or after the next start when the process died before.
 */
import { createHash } from 'node:crypto'
import type { ContentKey } from '../../protocols/ids.ts'
import { StoreFullError } from './errors.ts'
import type { FileBody } from './file-body.ts'
import { checkHead } from './heads.ts'
import type { Refusal } from './settings.ts'
import type { StoredResponse, StoreWriter } from './store.ts'

/** For tiers: what else happens in the turn in which an object becomes visible. */
export interface CommitMoment {
  /** Asked just before: false drops it instead. */
  readonly wanted?: () => boolean
  /** Called just after. */
  readonly visible?: () => void
}

/** What a writer needs of its store. */
export interface FileWriterHost {
  readonly objectBytesMax: number
  /** Takes bytes of the disk budget for the fill of `key`. @returns why not, if so */
  grant: (bytes: number, key: ContentKey) => Promise<Refusal | undefined>
  giveBack: (bytes: number) => void
  /** A write failed: the disk is to be left alone. */
  failed: (error: unknown) => void
  /** A body is not stored. */
  refused: (key: ContentKey, reason: Refusal) => void
  /** Makes the object visible and writes its head; `take` hands over what was granted. @returns why not, if so */
  admit: (head: StoredResponse, name: string, take: () => number, moment: CommitMoment) => Promise<Refusal | 'unwanted' | undefined>
  /** Drops the file of a body that was not committed. */
  discard: (body: FileBody) => Promise<void>
}

export class FileWriter implements StoreWriter {
  readonly #host: FileWriterHost
  readonly #key: ContentKey
  /** Of the body's file. */
  readonly #name: string
  readonly #body: FileBody
  readonly #unpin: () => void
  readonly #hash = createHash('sha256')
  #written = 0
  #granted = 0
  /** Why it is not stored, once that is so. */
  refusal: Refusal | undefined
  /** The write or commit under way: a close in its midst must not count or unlink before it is over. */
  #work: Promise<unknown> = Promise.resolve()
  /** Takes neither bytes nor a commit any more. */
  #done = false
  #committed = false
  #closed = false

  constructor (host: FileWriterHost, key: ContentKey, name: string, body: FileBody) {
    this.#host = host
    this.#key = key
    this.#name = name
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

  async commit (head: StoredResponse, moment: CommitMoment = {}): Promise<boolean> {
    if (this.#done) return false
    checkHead(head, this.#key, this.#written, this.digest())
    this.#done = true
    return await this.#during(this.#admit(head, moment))
  }

  async close (): Promise<void> {
    if (this.#closed) return
    const work = this.#work
    this.#closed = true
    this.#done = true
    await work.catch(() => {})
    this.#host.giveBack(this.#take())
    this.#unpin()
    if (!this.#committed) await this.#host.discard(this.#body)
  }

  async #append (chunk: Uint8Array): Promise<void> {
    if (this.#done) throw new StoreFullError(this.refusal ?? 'too large', `the body of ${this.#key} takes no more bytes after ${this.#written}`)
    const written = this.#written + chunk.byteLength
    const refusal = written > this.#host.objectBytesMax ? 'too large' : await this.#host.grant(chunk.byteLength, this.#key)
    if (refusal !== undefined) {
      this.#done = true
      this.#refuse(refusal)
      throw new StoreFullError(refusal, `the body of ${this.#key} outgrew the disk tier at ${this.#written} bytes`)
    }
    this.#granted += chunk.byteLength
    try {
      await this.#body.write(chunk, this.#written)
    } catch (error) {
      this.#done = true
      this.#host.failed(error)
      this.#refuse('disk off')
      throw new StoreFullError('disk off', `the body of ${this.#key} cannot be written`, { cause: error })
    }
    this.#hash.update(chunk)
    this.#written = written
  }

  async #admit (head: StoredResponse, moment: CommitMoment): Promise<boolean> {
    const refusal = await this.#host.admit(head, this.#name, () => this.#take(), moment)
    if (refusal !== undefined && refusal !== 'unwanted') this.#refuse(refusal)
    this.#committed = refusal === undefined
    return this.#committed
  }

  #take (): number {
    const granted = this.#granted
    this.#granted = 0
    return granted
  }

  #refuse (reason: Refusal): void {
    if (this.refusal === undefined) this.#host.refused(this.#key, reason)
    this.refusal ??= reason
  }

  async #during<T> (work: Promise<T>): Promise<T> {
    this.#work = work
    return await work
  }
}
