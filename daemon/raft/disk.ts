/**
 * The one LevelDB under all Raft logs of an edge. Writes of its groups that arrive while a sync is running go into the
 * next batch together: one sync for all. After a write that failed nothing more is written, as what
 * stands on the disk is no longer known; only opening it again tells.
 */
import { mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import { RaftStoreError, type RaftStore } from '../../protocols/raft/store.ts'
import { type Database, type Databases, ownDatabases } from '../database.ts'
import { LevelRaftStore } from './store.ts'
import { bootId, Witness } from './witness.ts'

export type Operation = { readonly type: 'put', readonly key: string, readonly value: Uint8Array } | { readonly type: 'del', readonly key: string }

export interface RaftDiskInit {
  readonly folder: string
  readonly databases?: Databases
  /** Id of the machine's boot, for tests. */
  readonly boot?: string
  readonly logger: { readonly warn: (fields: object, message: string) => void }
}

export class RaftDisk {
  readonly #init: RaftDiskInit
  readonly #boot: string
  #level: Database | undefined
  #gathered: Operation[] = []
  #gathering: Promise<void> | undefined
  #running: Promise<unknown> = Promise.resolve()
  #failure: RaftStoreError | undefined
  readonly #stores = new Map<string, LevelRaftStore>()

  constructor (init: RaftDiskInit) {
    this.#init = init
    this.#boot = init.boot ?? bootId()
  }

  /**
   * A database that cannot be read is put aside, not removed: then every group that had written something finds its
   * witness without a log, and knows.
   *
   * @throws RaftStoreError in one sentence for an operator
   */
  async open (): Promise<void> {
    const { folder, logger } = this.#init
    try {
      await mkdir(folder, { recursive: true })
      try {
        this.#level = await openAndRead(this.#database())
      } catch (error) {
        if (!isDamage(error)) throw error
        const aside = await putAside(join(folder, 'log'))
        logger.warn({ folder, aside, reason: reasonOf(error) }, 'the Raft logs are damaged and were put aside: this edge comes back as a learner and gets them from the others')
        this.#level = await openAndRead(this.#database())
      }
    } catch (error) {
      this.#failure = new RaftStoreError(`the Raft logs in ${folder} cannot be opened (${reasonOf(error)}): check the folder's owner and rights and that no other colonyd uses it`, { cause: error })
      throw this.#failure
    }
  }

  /** @param group its name on this edge: `region`, `global` */
  store (group: string): RaftStore {
    const known = this.#stores.get(group)
    if (known !== undefined) return known
    const store = new LevelRaftStore({ name: encodeURIComponent(group), disk: this, witness: new Witness(join(this.#init.folder, `${encodeURIComponent(group)}.witness`), this.#boot) })
    this.#stores.set(group, store)
    return store
  }

  /** Every record under `prefix`, in order. */
  async * read (prefix: string): AsyncGenerator<[string, Uint8Array]> {
    yield * this.#opened().iterator({ gte: prefix, lt: `${prefix}\uffff` })
  }

  /** All of it, synced, or none. @throws RaftStoreError, then and ever after, when that cannot be known */
  async write (operations: readonly Operation[]): Promise<void> {
    for (const operation of operations) this.#gathered.push(operation)
    await (this.#gathering ??= this.#running.then(async () => { await this.#flush() }))
  }

  /** When what is being written is there. */
  async close (): Promise<void> {
    await this.#gathering?.catch(() => {})
    await this.#running
    for (const store of this.#stores.values()) await store.close(this.#failure === undefined)
    this.#stores.clear()
    await this.#level?.close()
    this.#level = undefined
  }

  async #flush (): Promise<void> {
    const operations = this.#gathered
    this.#gathered = []
    this.#gathering = undefined
    if (this.#failure !== undefined) throw this.#failure
    const batch = this.#opened().batch(operations as Operation[], { sync: true })
    this.#running = batch.catch(() => {})
    try {
      await batch
    } catch (error) {
      this.#failure = new RaftStoreError(`the Raft logs in ${this.#init.folder} cannot be written (${reasonOf(error)}): this edge takes no part in agreement until there is space and it was started again`, { cause: error })
      throw this.#failure
    }
  }

  #opened (): Database {
    if (this.#level === undefined) throw this.#failure ?? new RaftStoreError('the Raft logs are not open')
    return this.#level
  }

  #database (): Database { return (this.#init.databases ?? ownDatabases)(join(this.#init.folder, 'log')) }
}

/** Reads every block once: LevelDB finds a damaged one only where it is read, maybe in the middle of a later compaction. */
async function openAndRead (level: Database): Promise<Database> {
  try {
    await level.open()
    for await (const _record of level.iterator());
    return level
  } catch (error) {
    await level.close().catch(() => {})
    throw error
  }
}

async function putAside (folder: string): Promise<string> {
  for (let number = 1; ; number++) {
    const aside = join(dirname(folder), `log.damaged-${number}`)
    try {
      await rename(folder, aside)
      return aside
    } catch (error) {
      if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error) ?? '')) throw error
    }
  }
}

/** What is wrong is in the files, not in what this process may do. */
function isDamage (error: unknown): boolean {
  return [error, (error as { cause?: unknown }).cause].some((each) => codeOf(each) === 'LEVEL_CORRUPTION' ||
    (codeOf(each) === 'LEVEL_IO_ERROR' && !/permission|read-only|no space|too many open/i.test(messageOf(each))))
}

function reasonOf (error: unknown): string {
  const cause = (error as { cause?: unknown }).cause ?? error
  return codeOf(cause) === 'LEVEL_LOCKED' ? 'it is in use' : messageOf(cause)
}
