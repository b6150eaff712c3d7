/**
 * The purge log on the disk: a sublevel of the edge's small database, an entry for each purge and a few records beside them. Writes that
 * come while one is being synced go into the next batch together, so that a burst of purges costs few syncs.
 *
 *     e/<number, 16 digits>   CBOR: body, signature, idempotency key
 *     r/<name>                as it was given
 */
import { messageOf } from '../../protocols/errors.ts'
import type { LogEntry } from '../../protocols/purge/log.ts'
import type { KeptPurges, PurgeBatch, PurgeStore } from '../../protocols/purge/ports.ts'
import { spreadDefaults } from '../../protocols/purge/settings.ts'
import { readSigned, wireOf } from '../../protocols/purge/signed.ts'
import { decodeHead, encodeHead } from '../../protocols/wire.ts'
import type { Database } from '../database.ts'

type Operation = { readonly type: 'put', readonly key: string, readonly value: Uint8Array } | { readonly type: 'del', readonly key: string }

export interface PurgeDiskInit {
  readonly database: Pick<Database, 'iterator' | 'batch'>
  readonly logger: { readonly warn: (fields: object, message: string) => void }
}

export class PurgeDisk implements PurgeStore {
  readonly #init: PurgeDiskInit
  #gathered: Operation[] = []
  #gathering: Promise<void> | undefined
  #running: Promise<unknown> = Promise.resolve()

  constructor (init: PurgeDiskInit) { this.#init = init }

  async load (): Promise<KeptPurges> {
    const { database, logger } = this.#init
    const entries: LogEntry[] = []
    const records = new Map<string, Uint8Array>()
    let isDamaged = false
    for await (const [key, value] of database.iterator({})) {
      if (key.startsWith('r/')) records.set(key.slice(2), new Uint8Array(value))
      else {
        try {
          entries.push(entryOf(key, value))
        } catch (error) {
          isDamaged = true
          logger.warn({ key, reason: messageOf(error) }, 'a purge in the log on the disk cannot be read')
        }
      }
    }
    return { entries, records, isDamaged }
  }

  async write ({ entries = [], drop = [], records = {} }: PurgeBatch): Promise<void> {
    for (const { number, signed, orderKey } of entries) this.#gathered.push({ type: 'put', key: keyOf(number), value: encodeHead({ ...wireOf(signed), orderKey }) })
    for (const number of drop) this.#gathered.push({ type: 'del', key: keyOf(number) })
    for (const [name, value] of Object.entries(records)) this.#gathered.push({ type: 'put', key: `r/${name}`, value })
    await (this.#gathering ??= this.#running.then(async () => { await this.#flush() }))
  }

  async #flush (): Promise<void> {
    const operations = this.#gathered
    this.#gathered = []
    this.#gathering = undefined
    const batch = this.#init.database.batch(operations as Operation[], { sync: true })
    this.#running = batch.catch(() => {})
    await batch
  }
}

function keyOf (number: number): string { return `e/${String(number).padStart(16, '0')}` }

function entryOf (key: string, value: Uint8Array): LogEntry {
  const number = Number(key.slice(2))
  if (!Number.isSafeInteger(number) || number < 1) throw new Error('its number is none')
  const head = decodeHead(value)
  // What was taken in under a higher limit is still a purge.
  return { number, signed: readSigned(head, Math.max(spreadDefaults.purgeBytesMax, value.byteLength)), ...(typeof head.orderKey === 'string' && { orderKey: head.orderKey }) }
}
