/**
 * The files of bodies that are in use, and the unlinking of those that are no longer held. Only what
 * somebody has pinned is an object here; a million others are names in the index. A file stays until
 * its last reader is gone, and its bytes are counted until then.
 */
import { FileBody } from './file-body.ts'
import { FileHandles } from './file-handles.ts'
import { unlinkIfThere } from './file-layout.ts'

export class BodyFiles {
  readonly #handles: FileHandles
  readonly #failed: (error: unknown) => void
  /** Those with a pin, of writers and of readers, by path. */
  readonly #pinned = new Map<string, FileBody>()
  /** Unlinks that nobody waits for. */
  readonly #unlinks = new Set<Promise<void>>()
  #orphanedBytes = 0

  /** @param failed told when a file cannot be unlinked */
  constructor (handlesMax: number, failed: (error: unknown) => void) {
    this.#handles = new FileHandles(handlesMax)
    this.#failed = failed
  }

  /** Bytes of bodies that are no longer held and not unlinked yet. */
  get orphanedBytes (): number {
    return this.#orphanedBytes
  }

  /** The body in a file, the same for all who have it pinned. To be pinned at once. */
  at (path: string): FileBody {
    let body = this.#pinned.get(path)
    if (body === undefined) {
      body = new FileBody(path, this.#handles, () => { this.#pinned.delete(path) })
      this.#pinned.set(path, body)
    }
    return body
  }

  isPinned (path: string): boolean {
    return this.#pinned.has(path)
  }

  /**
   * Unlinks a body of so many bytes as soon as nobody reads it.
   *
   * @param before what has to be done first
   * @returns resolves when it is gone, or when only its readers are waited for
   */
  async drop (path: string, bytes: number, before: Promise<unknown>): Promise<void> {
    this.#orphanedBytes += bytes
    await before
    const unlink = async (): Promise<void> => {
      await this.unlink(path)
      this.#orphanedBytes -= bytes
    }
    const body = this.#pinned.get(path)
    if (body === undefined) {
      await unlink()
      return
    }
    body.whenUnpinned(() => {
      const work = unlink()
      this.#unlinks.add(work)
      void work.finally(() => { this.#unlinks.delete(work) })
    })
  }

  async unlink (path: string): Promise<void> {
    await this.#handles.forget(path)
    try {
      await unlinkIfThere(path)
    } catch (error) {
      this.#failed(error)
    }
  }

  async close (): Promise<void> {
    while (this.#unlinks.size > 0) await Promise.all(this.#unlinks)
    await this.#handles.close()
  }
}
