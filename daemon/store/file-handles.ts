/**
 * A bounded pool of open files, by path. Bodies on disk are read and written through it, so that any
 * number of fills and readers share a fixed number of handles: an idle handle is closed when another
 * file needs its place, and opened again at the next use (a body's file is never unlinked while someone
 * has it pinned). When all are busy a use waits for its turn.
 */
import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

interface Slot {
  readonly handle: Promise<FileHandle>
  users: number
  /** No new users: the slot is closed when the last one is done. */
  forgotten: boolean
}

export class FileHandles {
  readonly #handlesMax: number
  /** In the order of use, so that the first idle one is the longest unused. */
  readonly #slots = new Map<string, Slot>()
  /** Slots that are open or being closed. */
  #open = 0
  readonly #waiting: (() => void)[] = []

  constructor (handlesMax: number) {
    this.#handlesMax = Math.max(1, handlesMax)
  }

  get open (): number {
    return this.#open
  }

  /**
   * Runs `work` on the open file.
   *
   * @param flags as for `open(2)`, used when the file is not open yet
   * @throws what opening or `work` throws
   */
  async use<T> (path: string, flags: string, work: (handle: FileHandle) => Promise<T>): Promise<T> {
    const slot = await this.#acquire(path, flags)
    try {
      return await work(await slot.handle)
    } catch (error) {
      // A handle on which something failed is not worth keeping.
      this.#unlist(path, slot)
      throw error
    } finally {
      slot.users--
      if (slot.forgotten && slot.users === 0) await this.#close(slot)
      else this.#wake()
    }
  }

  /** Closes a file, at once or when its last user is done. */
  async forget (path: string): Promise<void> {
    const slot = this.#slots.get(path)
    if (slot === undefined) return
    this.#unlist(path, slot)
    if (slot.users === 0) await this.#close(slot)
  }

  async close (): Promise<void> {
    await Promise.all([...this.#slots.keys()].map(async (path) => await this.forget(path)))
  }

  async #acquire (path: string, flags: string): Promise<Slot> {
    for (;;) {
      const known = this.#slots.get(path)
      if (known !== undefined) {
        this.#slots.delete(path)
        this.#slots.set(path, known)
        known.users++
        return known
      }
      if (this.#open < this.#handlesMax) {
        this.#open++
        const slot: Slot = { handle: open(path, flags), users: 1, forgotten: false }
        // The failure is met by those who wait for the handle.
        slot.handle.catch(() => {})
        this.#slots.set(path, slot)
        return slot
      }
      const idle = this.#slots.entries().find(([, slot]) => slot.users === 0)
      if (idle !== undefined) await this.forget(idle[0])
      else await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    }
  }

  #unlist (path: string, slot: Slot): void {
    slot.forgotten = true
    if (this.#slots.get(path) === slot) this.#slots.delete(path)
  }

  async #close (slot: Slot): Promise<void> {
    try {
      await (await slot.handle).close()
    } catch {
      // Never opened, or closed with an error: in both cases there is nothing left to close.
    }
    this.#open--
    this.#wake()
  }

  #wake (): void {
    this.#waiting.shift()?.()
  }
}
