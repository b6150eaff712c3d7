/**
 * How a purge gets into this edge, from whoever it comes: checked, applied at once, written down, and only then answered for. A copy that
 * comes while the first one is being written waits for the same write.
 */
import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import { encodeHead } from '../wire.ts'
import { PurgeRefusedError, PurgeStoreError } from './errors.ts'
import type { Floor, LogEntry, PurgeLog } from './log.ts'
import type { NumberedApplier, PurgeLogger, PurgeStore } from './ports.ts'
import { purgeIdText } from './selector.ts'
import { isAuthentic, type SignedPurge, type Verify } from './signed.ts'
import type { Purge, PurgeId } from './purge.ts'

export interface IntakeInit {
  readonly self: string
  readonly clock: Clock
  readonly network: string
  readonly log: PurgeLog
  readonly store: PurgeStore
  readonly applier: NumberedApplier
  readonly verify: Verify
  readonly logger: PurgeLogger
}

/** Names of what is kept beside the entries. */
export const Record = { Floors: 'floors', Everything: 'everything', Seen: 'seen', View: 'view' } as const

export class Intake {
  readonly #init: IntakeInit
  /** Applied and not written down, by the text of their ids; without a write where the last one failed. */
  readonly #unwritten = new Map<string, { readonly entry: LogEntry, writing: Promise<void> | undefined }>()

  constructor (init: IntakeInit) { this.#init = init }

  /**
   * Resolves when it is applied and written down, now or before.
   *
   * @throws PurgeRefusedError, PurgeStoreError
   */
  async take (signed: SignedPurge): Promise<void> {
    const { log, network, verify } = this.#init
    const text = purgeIdText(signed.purge.id)
    if (!log.has(signed.purge.id)) {
      if (!await isAuthentic(signed, network, verify)) throw new PurgeRefusedError(text, 'its signature is not of the edge that it names')
      this.#admit(signed)
    }
    await this.#written(text)
  }

  /** The same of an order that was taken here. */
  async takeOwn (signed: SignedPurge, orderKey: string | undefined): Promise<void> {
    this.#admit(signed, orderKey)
    await this.written(signed.purge.id)
  }

  /** Resolves when what was taken in is written down. @throws PurgeStoreError */
  async written (id: PurgeId): Promise<void> { await this.#written(purgeIdText(id)) }

  /**
   * Purges are missing that cannot be had: whatever they said, it is about what is stored, so all of that is to be asked about anew.
   *
   * @param floors lives of which the missing ones are: from now on they count as known
   */
  async revalidateAll (why: string, floors: readonly Floor[]): Promise<void> {
    const { log, store, applier, clock, logger } = this.#init
    const number = log.nextNumber()
    const atMs = clock.wallMs()
    logger.warn({ why, lives: floors.length }, 'purges are missing that cannot be had any more: everything that was stored is revalidated before it is served')
    applier.apply(this.everything(atMs), number)
    // Known only once it is written that all of it is revalidated.
    await store.write({ records: { [Record.Everything]: encodeHead({ number, atMs }) } })
    log.adopt(floors)
    await this.keepFloors()
  }

  async keepFloors (drop: readonly number[] = []): Promise<void> {
    const { log, store } = this.#init
    await store.write({ drop, records: { [Record.Floors]: encodeHead({ number: log.number, floors: log.floors().map(({ peer, incarnation, floor, lastMs }) => [peer, incarnation, floor, lastMs]) }) } })
  }

  /** A purge of this edge's own, for no other: its sequence is 0. */
  everything (atMs: number): Purge {
    return { id: { peer: this.#init.self, incarnation: 0, sequence: 0 }, selectors: [{ kind: 'everything' }], soft: true, atMs }
  }

  #admit (signed: SignedPurge, orderKey?: string): void {
    const { log, applier, clock } = this.#init
    const { standing, entry } = log.take(signed, clock.wallMs(), orderKey)
    if (standing.kind === 'refused') throw new PurgeRefusedError(purgeIdText(signed.purge.id), standing.why)
    if (entry === undefined) return
    applier.apply(signed.purge, entry.number)
    this.#unwritten.set(purgeIdText(signed.purge.id), { entry, writing: undefined })
  }

  async #written (text: string): Promise<void> {
    const unwritten = this.#unwritten.get(text)
    if (unwritten === undefined) return
    unwritten.writing ??= this.#init.store.write({ entries: [unwritten.entry] }).then(
      () => { this.#unwritten.delete(text) },
      (error: unknown) => {
        unwritten.writing = undefined
        throw new PurgeStoreError(`the purge ${text} cannot be written down: ${messageOf(error)}`, { cause: error })
      })
    await unwritten.writing
  }
}
