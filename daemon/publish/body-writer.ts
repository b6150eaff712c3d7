/**
 * One published body on its way in, from a client or another edge: written to a file of its own, hashed as it comes, against
 * a budget that many share. Until `finish` has synced it and given it its name it is nothing: a start drops it.
 */
import { createHash, type Hash } from 'node:crypto'
import { unlink, type FileHandle } from 'node:fs/promises'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import { PublishError, PublishFault } from '../../protocols/publish/errors.ts'

/** Bytes of the budget that one body on its way in has taken. */
export class Room {
  readonly #bytesMax: number
  readonly #used: () => number
  readonly #add: (bytes: number) => void
  #granted = 0

  constructor (bytesMax: number, used: () => number, add: (bytes: number) => void) {
    this.#bytesMax = bytesMax
    this.#used = used
    this.#add = add
  }

  /** @throws PublishError when the budget does not allow a body of that length */
  grow (length: number): void {
    const more = length - this.#granted
    if (more <= 0) return
    if (this.#used() + more > this.#bytesMax) throw new PublishError(PublishFault.Full, `this edge's room for published content is used up (${this.#used()} of ${this.#bytesMax} bytes, settings.publish.bytesMax): delete something, or raise it`)
    this.#granted = length
    this.#add(more)
  }

  release (): void {
    this.#add(-this.#granted)
    this.#granted = 0
  }
}

export interface BodyWriterInit {
  readonly handle: FileHandle
  readonly path: string
  readonly room: Room
  readonly check: (length: number) => void
  readonly land: (hash: string, length: number) => Promise<() => void>
}

/** One body on its way in. Ends with `finish` or `abort`. */
export class BodyWriter {
  readonly #init: BodyWriterInit
  readonly #digest: Hash = createHash('sha256')
  #written = 0
  #over = false

  constructor (init: BodyWriterInit) { this.#init = init }

  get written (): number { return this.#written }

  /** @throws PublishError when it grows too large, the budget is used up, or the disk does not take it */
  async write (chunk: Uint8Array): Promise<void> {
    const { handle, room, check } = this.#init
    const length = this.#written + chunk.byteLength
    check(length)
    room.grow(length)
    try {
      for (let at = 0; at < chunk.byteLength;) {
        const { bytesWritten } = await handle.write(chunk, at, chunk.byteLength - at)
        at += bytesWritten
      }
    } catch (error) {
      throw diskError(error)
    }
    this.#digest.update(chunk)
    this.#written = length
  }

  /** SHA-256 of what was written so far, base64url. */
  hash (): string { return this.#digest.copy().digest('base64url') }

  /** Syncs the bytes and their name. @returns the body, pinned until `unpin` */
  async finish (): Promise<{ readonly hash: string, readonly length: number, readonly unpin: () => void }> {
    const hash = this.hash()
    try {
      await this.#init.handle.sync()
      await this.#init.handle.close()
      const unpin = await this.#init.land(hash, this.#written)
      this.#over = true
      return { hash, length: this.#written, unpin }
    } catch (error) {
      throw diskError(error)
    }
  }

  /** Drops what was written. No effect after `finish`. */
  async abort (): Promise<void> {
    if (this.#over) return
    this.#over = true
    this.#init.room.release()
    await this.#init.handle.close().catch(() => {})
    await unlink(this.#init.path).catch(() => {})
  }
}

/** What the file system said, as a fault of publishing. */
export function diskError (error: unknown): PublishError {
  if (error instanceof PublishError) return error
  return new PublishError(PublishFault.Full, `the disk of this edge does not take published content (${codeOf(error) ?? messageOf(error)}): make room on it, or check its rights`, { cause: error })
}
