/**
 * What of purges outlives the process on this edge: which epoch each had and what it meant here, so that after a restart stored
 * responses are held against the same marks; and how far epochs have come. Epochs are set aside in blocks, in advance, and what is
 * fetched bears none beyond the last block that is synced: after a power cut a head on disk may bear too little, which purges
 * more, and never an epoch that is given to a later purge. The order itself is durable elsewhere: one that was lost
 * here is applied anew when it comes again, and purges more.
 */
import { messageOf } from '../../protocols/errors.ts'
import type { Place } from '../../protocols/purge/marks.ts'
import { decodeHead, encodeHead } from '../../protocols/wire.ts'
import type { Database } from '../database.ts'

export interface Entry {
  /** `purgeIdText`. */
  readonly id: string
  readonly epoch: number
  readonly soft: boolean
  /** When it was applied here, wall clock, ms. */
  readonly atMs: number
  /** None once everything stored before has been looked at. */
  readonly places: readonly Place[]
}

export interface LedgerInit {
  readonly database: () => Database
  readonly epochsPerBlock: number
  readonly wallMs: () => number
  readonly logger: { warn: (fields: object, message: string) => void }
}

type Write = { readonly type: 'put', readonly key: string, readonly value: Uint8Array } | { readonly type: 'del', readonly key: string }

const ceilingKey = 'ceiling'
const entriesFrom = 'e'

export class Ledger {
  readonly #init: LedgerInit
  #database: Database | undefined
  /** Written next, the last of a key alone. */
  #waiting = new Map<string, Write>()
  #writing: Promise<void> | undefined
  #reserved = 0
  #ceiling = 0

  constructor (init: LedgerInit) { this.#init = init }

  /** No head may bear a higher epoch. */
  get ceiling (): number { return this.#ceiling }

  /** @returns the epoch to begin with, and what was applied before, the oldest first. @throws what the database says */
  async open (): Promise<{ readonly epoch: number, readonly entries: readonly Entry[] }> {
    this.#database = this.#init.database()
    const entries: Entry[] = []
    for await (const [, value] of this.#database.iterator({ gte: entriesFrom })) {
      try {
        entries.push(decodeHead(value) as unknown as Entry)
      } catch (error) {
        this.#init.logger.warn({ error: messageOf(error) }, 'a record of a purge is damaged; the purge counts anew when it comes again')
      }
    }
    const stored = await this.#database.get(ceilingKey)
    // Seconds go on where the ledger is lost and bodies are not: heads of before bear less, unless there was more than a purge a second.
    const begin = Math.max(stored === undefined ? 0 : Number(decodeHead(stored).ceiling) || 0, Math.floor(this.#init.wallMs() / 1000))
    this.#reserved = this.#ceiling = begin
    this.reach(begin)
    await this.synced().catch((error: unknown) => { this.#warn(error) })
    return { epoch: begin, entries }
  }

  /** Sets more epochs aside when few are left beyond this one. */
  reach (epoch: number): void {
    const { epochsPerBlock } = this.#init
    if (epoch + epochsPerBlock / 2 < this.#reserved) return
    this.#reserved = Math.max(epoch, this.#reserved) + epochsPerBlock
    this.#write({ type: 'put', key: ceilingKey, value: encodeHead({ ceiling: this.#reserved }) })
  }

  put (entry: Entry): void {
    this.#write({ type: 'put', key: keyOf(entry.epoch), value: encodeHead(entry) })
  }

  delete (epoch: number): void {
    this.#write({ type: 'del', key: keyOf(epoch) })
  }

  /** Resolves when all that was given here before is synced. @throws what the database says; it is tried again with the next write */
  async synced (): Promise<void> {
    if (this.#waiting.size > 0) this.#writing ??= this.#run()
    await this.#writing
  }

  async close (): Promise<void> {
    await this.synced().catch((error: unknown) => { this.#warn(error) })
    this.#database = undefined
  }

  #write (write: Write): void {
    this.#waiting.set(write.key, write)
    this.#writing ??= this.#run()
    this.#writing.catch(() => {})
  }

  async #run (): Promise<void> {
    // In the next turn: what an order, or many of them, change goes into one write.
    await Promise.resolve()
    try {
      while (this.#waiting.size > 0) await this.#flush()
    } finally {
      this.#writing = undefined
    }
  }

  async #flush (): Promise<void> {
    const writes = this.#waiting
    const reserved = this.#reserved
    this.#waiting = new Map()
    try {
      if (this.#database === undefined) throw new Error('the ledger of purges is closed')
      await this.#database.batch([...writes.values()], { sync: true })
      this.#ceiling = reserved
    } catch (error) {
      this.#waiting = new Map([...writes, ...this.#waiting])
      throw error
    }
  }

  #warn (error: unknown): void {
    this.#init.logger.warn({ error: messageOf(error) }, 'what was purged cannot be noted on disk: after a restart more counts as purged')
  }
}

function keyOf (epoch: number): string {
  return `${entriesFrom}${String(epoch).padStart(10, '0')}`
}
