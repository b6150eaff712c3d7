/**
 * The disk tier's heads as records of a LevelDB, one for each key with a line for each variant. A record is
 * written as the index has it when its turn comes, many in one batch, so that the changes of a key
 * cannot overtake each other. Not synced: LevelDB hands each batch to the system before it answers, and
 * that outlives the process. A damaged database is repaired, or set aside when that does not help:
 * what it forgets costs a fetch, and a record that it brings back has no body any more.
 */
import { readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import { IndexDamagedError } from './errors.ts'
import type { StoreLogger } from './settings.ts'

/** Records read or written together: some milliseconds of work, after which others have their turn. */
const batchRecordsMax = 1000
/** Of those, as many as fit: unless heads are very large, all. */
const batchBytesMax = 4 * 1024 * 1024

export interface HeadRecordsInit {
  /** The disk tier's folder; the database is `index` in it. */
  readonly folder: string
  readonly logger: StoreLogger
  /** What the record of a key is to be now; undefined for none. */
  readonly recordOf: (key: ContentKey) => string | undefined
  /** Every key of the index. */
  readonly keys: () => Iterable<ContentKey>
}

export class HeadRecords {
  readonly #init: HeadRecordsInit
  readonly #path: string
  #level: ClassicLevel<string, string> | undefined
  /** A write failed: LevelDB takes no more before it is opened again. */
  #failed = false
  /** Keys whose records are not as the index has them. */
  readonly #changed = new Set<ContentKey>()
  #writing: Promise<void> | undefined
  #next: Promise<void> | undefined

  constructor (init: HeadRecordsInit) {
    this.#init = init
    this.#path = join(init.folder, 'index')
  }

  get isOpen (): boolean {
    return this.#level?.status === 'open'
  }

  /** Opens the database, or opens it again after a write has failed. @throws what the system says */
  async open (): Promise<void> {
    if (this.isOpen && !this.#failed) return
    await this.close()
    try {
      await this.#open()
    } catch (error) {
      if (!isDamage(error)) throw error
      await this.mend(error)
    }
    this.#failed = false
    if (this.#changed.size > 0) await this.#write()
  }

  /**
   * Repairs a damaged database, or sets it aside and begins an empty one. Open afterwards.
   *
   * @throws what the system says when neither can be done
   */
  async mend (damage: unknown): Promise<void> {
    const { logger } = this.#init
    const fields = { folder: this.#path, error: reasonOf(damage) }
    await this.close()
    // Written again, whatever is lost.
    for (const key of this.#init.keys()) this.#changed.add(key)
    try {
      await ClassicLevel.repair(this.#path)
      await this.#open()
      // A repaired database may still have blocks that cannot be read.
      for (let key: string | undefined = ''; key !== undefined;) key = (await this.after(key)).at(-1)?.[0]
      logger.warn(fields, 'the index of the disk tier was damaged and is repaired; what it lost is fetched again')
    } catch {
      await this.close()
      const aside = `${this.#path}.damaged`
      await rm(aside, { recursive: true, force: true })
      await rename(this.#path, aside)
      await this.#open()
      logger.warn({ ...fields, aside }, 'the index of the disk tier was damaged beyond repair and is set aside; the tier starts empty')
    }
  }

  /** The record of a key, at once: blocks for a disk read where the system does not have it in memory. */
  read (key: ContentKey): string | undefined {
    try {
      return this.#level?.getSync(key)
    } catch {
      // Damaged: the walk meets it, too, and has it mended.
      return undefined
    }
  }

  /** @returns the next records in the order of their keys, some hundreds of them; none at the end. @throws what the system says */
  async after (key: string): Promise<ReadonlyArray<readonly [key: string, record: string]>> {
    if (this.#level === undefined) throw new Error('the index of the disk tier is closed')
    const iterator = this.#level.iterator({ gt: key, highWaterMarkBytes: batchBytesMax })
    try {
      return await iterator.nextv(batchRecordsMax)
    } finally {
      await iterator.close()
    }
  }

  /** Writes the record of a key as the index has it. Resolves when it outlives the process. @throws what the system says */
  async save (key: ContentKey): Promise<void> {
    this.#changed.add(key)
    await this.#write()
  }

  async close (): Promise<void> {
    for (let last; last !== (this.#next ?? this.#writing);) {
      last = this.#next ?? this.#writing
      await last?.catch(() => {})
    }
    await this.#level?.close()
    this.#level = undefined
  }

  async #open (): Promise<void> {
    const files: readonly string[] = await readdir(this.#path).catch(() => [])
    // LevelDB would take it for a new database, and remove the rest.
    if (files.some((file) => file.endsWith('.ldb')) && !files.includes('CURRENT')) throw new IndexDamagedError(`${this.#path} has no CURRENT`)
    this.#level = new ClassicLevel<string, string>(this.#path)
    await this.#level.open()
  }

  async #write (): Promise<void> {
    this.#next ??= this.#writeAfter(this.#writing)
    await this.#next
  }

  async #writeAfter (before: Promise<void> | undefined): Promise<void> {
    // Also where nothing is being written: what changes in this turn goes into one batch.
    await before?.catch(() => {})
    this.#writing = this.#next
    this.#next = undefined
    const keys = [...this.#changed]
    this.#changed.clear()
    try {
      if (this.#level === undefined || this.#failed) throw new Error('the index of the disk tier is closed')
      for (let at = 0; at < keys.length; at += batchRecordsMax) {
        await this.#level.batch(keys.slice(at, at + batchRecordsMax).map((key) => {
          const value = this.#init.recordOf(key)
          return value === undefined ? { type: 'del', key } : { type: 'put', key, value }
        }))
      }
    } catch (error) {
      this.#failed = true
      // With the next save after the database was opened again.
      for (const key of keys) this.#changed.add(key)
      throw error
    }
  }
}

/**
 * Whether the database itself is at fault, and not the disk or its rights. Files of it that are gone or cut
 * short come as errors of the system, which LevelDB tells apart by their text alone.
 */
export function isDamage (error: unknown): boolean {
  const { cause = error } = error as { cause?: unknown }
  const code = codeOf(cause)
  return code === 'LEVEL_CORRUPTION' || code === 'COLONY_INDEX_DAMAGED' ||
    (code === 'LEVEL_IO_ERROR' && /No such file or directory|Invalid argument/.test(messageOf(cause)))
}

function reasonOf (error: unknown): string {
  return messageOf((error as { cause?: unknown }).cause ?? error)
}
