/**
 * A disk as a table of records whose last writes may be lost: what was not synced when its machine crashes
 * survives up to a point in the order of writing, and nothing after it (a journalling file system or an
 * append-only log; Pillai and others 2014 on what may not be assumed). A graceful stop keeps everything.
 */
import type { Random } from '../random.ts'

interface Undo<V> {
  readonly key: string | number
  readonly before: V | undefined
}

export interface DiskSettings {
  /** A sync, ms: a flush of the drive's cache. */
  readonly syncMs: number
  /** Writes that the operating system holds back at most; older ones are on the disk. */
  readonly unsyncedMax: number
}

export const diskDefaults: DiskSettings = Object.freeze({
  /** A data-centre drive with its own capacitor takes 0.1 ms, a plain one 2-10 ms. */
  syncMs: 2,
  /** Linux writes back after 5-30 seconds; a count stands for that. Higher: crashes lose more. */
  unsyncedMax: 1_000
})

export interface DiskInit {
  /** Runs `callback` after a delay while the process lives: the machine's `after`. */
  readonly after: (delayMs: number, callback: () => void) => unknown
  readonly settings?: DiskSettings
}

export class Disk<V> {
  /** A sync from now on, ms; a fault may raise it. */
  syncMs: number
  readonly #after: DiskInit['after']
  readonly #unsyncedMax: number
  readonly #records = new Map<string | number, V>()
  /** How to take back the unsynced writes, in their order. */
  #tail: Array<Undo<V>> = []
  /** Writes ever. */
  #written = 0

  constructor ({ after, settings = diskDefaults }: DiskInit) {
    this.#after = after
    this.syncMs = settings.syncMs
    this.#unsyncedMax = settings.unsyncedMax
  }

  get size (): number { return this.#records.size }

  /** Writes that a crash may still undo. */
  get unsynced (): number { return this.#tail.length }

  get (key: string | number): V | undefined { return this.#records.get(key) }

  has (key: string | number): boolean { return this.#records.has(key) }

  keys (): IterableIterator<string | number> { return this.#records.keys() }

  entries (): IterableIterator<[string | number, V]> { return this.#records.entries() }

  /** Readable at once, durable after a sync. */
  write (key: string | number, value: V): void {
    this.#note(key)
    this.#records.set(key, value)
  }

  delete (key: string | number): void {
    if (!this.#records.has(key)) return
    this.#note(key)
    this.#records.delete(key)
  }

  /** All that was written before this call is durable when `done` is called; a crash before that promises nothing. */
  sync (done: () => void): void {
    const upTo = this.#written
    this.#after(this.syncMs, () => {
      this.#keep(upTo)
      done()
    })
  }

  /** The power goes: of the unsynced writes a first part survives, of a length left to chance. @returns writes lost */
  crash (random: Random): number {
    const kept = random.int(this.#tail.length + 1)
    const lost = this.#tail.splice(kept).reverse()
    for (const { key, before } of lost) {
      if (before === undefined) this.#records.delete(key)
      else this.#records.set(key, before)
    }
    this.settle()
    return lost.length
  }

  /** Everything is on the disk: after a graceful stop. */
  settle (): void {
    this.#tail = []
  }

  #note (key: string | number): void {
    this.#written++
    this.#tail.push({ key, before: this.#records.get(key) })
    // The oldest half at once: shifting one by one would move the rest every time.
    if (this.#tail.length >= 2 * this.#unsyncedMax) this.#tail.splice(0, this.#tail.length - this.#unsyncedMax)
  }

  #keep (upTo: number): void {
    const newer = this.#written - upTo
    if (newer < this.#tail.length) this.#tail.splice(0, this.#tail.length - newer)
  }
}
