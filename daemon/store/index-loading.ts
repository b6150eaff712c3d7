/**
 * Reads the index of an earlier run while the tier is in use already. Records come in the order of their
 * keys; a key that is asked for, or changed, before its turn is read by itself in that very moment, and
 * the walk passes over it. So a million objects are served from within milliseconds of a start, although reading
 * all of them takes seconds, and a removal is not undone by a record that was read before it.
 */
import type { ContentKey } from '../../protocols/ids.ts'
import { isContentKey } from '../../protocols/ids.ts'
import type { DiskObject } from './disk-index.ts'
import { isDamage } from './head-records.ts'
import type { HeadRecords } from './head-records.ts'
import { isPacked } from './packed-head.ts'

/** What is needed of the records. */
export type LoadingRecords = Pick<HeadRecords, 'isOpen' | 'read' | 'after' | 'mend'>

export class IndexLoading {
  readonly #records: LoadingRecords
  readonly #restore: (object: DiskObject) => Promise<void> | undefined
  /** The last key that the walk has come to. */
  #position = ''
  /** Keys beyond it that were read before their turn, or are not to be read. */
  readonly #early = new Set<string>()
  #done = false

  /** @param restore takes an object into the index; resolves when what had to leave for it is gone */
  constructor (records: LoadingRecords, restore: (object: DiskObject) => Promise<void> | undefined) {
    this.#records = records
    this.#restore = restore
  }

  get done (): boolean {
    return this.#done
  }

  /**
   * Sees to it that what an earlier run left of a key is in the index.
   *
   * @returns false when that cannot be read now
   */
  ensure (key: ContentKey): boolean {
    if (this.#done || key <= this.#position || this.#early.has(key)) return true
    if (!this.#records.isOpen) return false
    this.#early.add(key)
    void this.#take(key, this.#records.read(key))
    return true
  }

  /** What an earlier run left of a key is not to be read any more. */
  skip (key: ContentKey): void {
    this.#early.add(key)
  }

  /**
   * Reads some hundred records.
   *
   * @returns whether all are read
   * @throws what the system says; may be called again once the records are open again
   */
  async step (): Promise<boolean> {
    if (this.#done) return true
    try {
      const entries = await this.#records.after(this.#position)
      await this.#takeAll(entries)
      if (entries.length === 0) this.#done = true
    } catch (error) {
      if (!isDamage(error)) throw error
      await this.#records.mend(error)
    }
    if (this.#done) this.#early.clear()
    return this.#done
  }

  async #takeAll (entries: ReadonlyArray<readonly [key: string, record: string]>): Promise<void> {
    const leaving: Promise<void>[] = []
    for (const [key, record] of entries) {
      this.#position = key
      if (!this.#early.delete(key)) leaving.push(...this.#take(key, record))
    }
    await Promise.all(leaving)
  }

  #take (key: string, record: string | undefined): Promise<void>[] {
    if (record === undefined || !isContentKey(key)) return []
    const leaving: Promise<void>[] = []
    for (const packed of record.split('\n')) {
      const work = isPacked(key, packed) ? this.#restore({ key, packed }) : undefined
      if (work !== undefined) leaving.push(work)
    }
    return leaving
  }
}
