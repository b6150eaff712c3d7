/**
 * A body in a file: who has it pinned, and when it may be unlinked. The name of its file is its own, so
 * a newer body of the same variant never touches it; a body that is no longer held stays until its last
 * reader is gone. Reads go through the pool of handles by position.
 */
import { StoreDamagedError } from './errors.ts'
import type { FileHandles } from './file-handles.ts'

/** Largest read in bytes, whatever the caller allows: it is allocated before the file is asked. */
const readBytesMax = 1024 * 1024

const empty = new Uint8Array(0)

export class FileBody {
  readonly path: string
  readonly #handles: FileHandles
  #pins = 0
  #onUnpinned: () => void

  /** @param onUnpinned called whenever the last pin is gone */
  constructor (path: string, handles: FileHandles, onUnpinned: () => void) {
    this.path = path
    this.#handles = handles
    this.#onUnpinned = onUnpinned
  }

  get pinned (): boolean {
    return this.#pins > 0
  }

  /** @returns unpins; may be called twice */
  pin (): () => void {
    this.#pins++
    let open = true
    return () => {
      if (!open) return
      open = false
      this.#pins--
      if (this.#pins === 0) this.#onUnpinned()
    }
  }

  /** Runs `callback`, too, when no pin is left, at once when there is none. */
  whenUnpinned (callback: () => void): void {
    if (this.#pins === 0) {
      callback()
      return
    }
    const before = this.#onUnpinned
    this.#onUnpinned = () => {
      before()
      callback()
    }
  }

  /** @returns the file's length, bytes */
  async size (): Promise<number> {
    return await this.#handles.use(this.path, 'r', async (handle) => (await handle.stat()).size)
  }

  /** Makes the file, which must not exist. */
  async make (): Promise<void> {
    await this.#handles.use(this.path, 'wx+', async () => {})
  }

  async write (chunk: Uint8Array, position: number): Promise<void> {
    await this.#handles.use(this.path, 'r+', async (handle) => {
      let done = 0
      while (done < chunk.byteLength) {
        const { bytesWritten } = await handle.write(chunk, done, chunk.byteLength - done, position + done)
        done += bytesWritten
      }
    })
  }

  /**
   * @param end bytes that the file should have
   * @throws StoreDamagedError when the file ends before, or cannot be read
   */
  async read (offset: number, lengthMax: number, end: number, flags: 'r' | 'r+'): Promise<Uint8Array> {
    const length = Math.min(lengthMax, end - offset, readBytesMax)
    if (length <= 0) return empty
    const buffer = Buffer.allocUnsafeSlow(length)
    let bytesRead: number
    try {
      ({ bytesRead } = await this.#handles.use(this.path, flags, async (handle) => await handle.read(buffer, 0, length, offset)))
    } catch (error) {
      throw new StoreDamagedError(`${this.path} cannot be read at ${offset}`, { cause: error })
    }
    if (bytesRead === 0) throw new StoreDamagedError(`${this.path} ends at or before ${offset}; it should have ${end} bytes`)
    return buffer.subarray(0, bytesRead)
  }
}
