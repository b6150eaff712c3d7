/**
 * How a purge gets into this edge, from whoever it comes: checked, applied at once, written down, and only then answered for. A copy that
 * comes while the first one is being written waits for the same write.
 */
import type { Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import { encodeHead } from '../wire.ts'
import { PurgeRejectedError, PurgeStoreError } from './errors.ts'
import type { Floor, LogEntry, PurgeLog } from './log.ts'
import type { PurgeApplier, PurgeLogger, PurgeStore } from './ports.ts'
import { purgeIdText } from './selector.ts'
import { lacks } from './vector.ts'
import { isAuthentic, type SignedPurge, type Verify } from './signed.ts'
import type { Purge, PurgeId } from './purge.ts'

export interface IntakeInit {
  readonly self: string
  readonly clock: Clock
  readonly network: string
  readonly log: PurgeLog
  readonly store: PurgeStore
  readonly applier: PurgeApplier
  readonly verify: Verify
  readonly logger: PurgeLogger
  /** All that is stored was marked: what was missed before does not matter any more. */
  readonly onRevalidated: () => void
}

/** Names of what is kept beside the entries. */
export const Record = { Floors: 'floors', Everything: 'everything', Seen: 'seen', View: 'view' } as const

export class Intake {
  readonly #init: IntakeInit
  /** Applied and not written down, by the text of their ids; without a write where the last one failed. */
  readonly #unwritten = new Map<string, { readonly entry: LogEntry, writing: Promise<void> | undefined }>()

  #revalidating: Promise<void> = Promise.resolve()

  constructor (init: IntakeInit) { this.#init = init }

  /**
   * Resolves when it is applied and written down, now or before.
   *
   * @throws PurgeRejectedError, PurgeStoreError
   */
  async take (signed: SignedPurge): Promise<void> {
    const { log, network, verify } = this.#init
    const text = purgeIdText(signed.purge.id)
    if (!log.has(signed.purge.id)) {
      if (!await isAuthentic(signed, network, verify)) throw new PurgeRejectedError(text, 'its signature is not of the edge that it names')
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
   * @param why absent where that is no wonder: there never was a log
   * @param floors lives of which the missing ones are: from now on they count as known
   */
  async revalidateAll (why: string | undefined, floors: readonly Floor[] = []): Promise<void> {
    const done = this.#revalidating.then(async () => { await this.#revalidateAll(why, floors) })
    this.#revalidating = done.catch(() => {})
    await done
  }

  /** Applies what an earlier life of this edge had taken in, where that was lost. */
  restore (everything: { readonly number: number, readonly atMs: number } | undefined): void {
    const { log, applier } = this.#init
    let isDue = everything !== undefined
    for (const { number, signed } of log.entries()) {
      if (isDue && number > everything!.number) {
        applier.apply(this.#everything(everything!.number, everything!.atMs))
        isDue = false
      }
      applier.apply(signed.purge)
    }
    if (isDue) applier.apply(this.#everything(everything!.number, everything!.atMs))
  }

  async keepFloors (drop: readonly number[] = []): Promise<void> {
    const { log, store } = this.#init
    await store.write({ drop, records: { [Record.Floors]: encodeHead({ number: log.number, floors: log.floors().map(({ peer, incarnation, floor, lastMs }) => [peer, incarnation, floor, lastMs]) }) } })
  }

  async #revalidateAll (why: string | undefined, floors: readonly Floor[]): Promise<void> {
    const { log, store, applier, clock, logger, onRevalidated } = this.#init
    const unknown = floors.filter(({ peer, incarnation, floor }) => lacks(log.vector(), new Map([[peer, [{ incarnation, sequence: floor }]]])).size > 0)
    // Another edge told of them, too.
    if (floors.length > 0 && unknown.length === 0) return
    const [number, atMs] = [log.nextNumber(), clock.wallMs()]
    if (why === undefined) logger.info({}, 'there is no record of purges: what was stored before there was one is revalidated before it is served')
    else logger.warn({ why, lives: unknown.length }, 'purges are missing that cannot be had any more: everything that was stored is revalidated before it is served')
    applier.apply(this.#everything(number, atMs))
    // Known only once it is written that all of it is revalidated.
    await Promise.all([applier.synced?.(), store.write({ records: { [Record.Everything]: encodeHead({ number, atMs }), [Record.Seen]: encodeHead({ wallMs: atMs }) } })])
    log.adopt(unknown)
    await this.keepFloors()
    onRevalidated()
  }

  /** A purge of this edge's own, for no other: its sequence is 0. */
  #everything (number: number, atMs: number): Purge {
    return { id: { peer: this.#init.self, incarnation: number, sequence: 0 }, selectors: [{ kind: 'everything' }], soft: true, atMs }
  }

  #admit (signed: SignedPurge, orderKey?: string): void {
    const { log, applier, clock } = this.#init
    const { standing, entry } = log.take(signed, clock.wallMs(), orderKey)
    if (standing.kind === 'refused') throw new PurgeRejectedError(purgeIdText(signed.purge.id), standing.why)
    if (entry === undefined) return
    applier.apply(signed.purge)
    this.#unwritten.set(purgeIdText(signed.purge.id), { entry, writing: undefined })
  }

  async #written (text: string): Promise<void> {
    const unwritten = this.#unwritten.get(text)
    if (unwritten === undefined) return
    const { store, applier } = this.#init
    unwritten.writing ??= Promise.all([store.write({ entries: [unwritten.entry] }), applier.synced?.()]).then(
      () => { this.#unwritten.delete(text) },
      (error: unknown) => {
        unwritten.writing = undefined
        throw new PurgeStoreError(`the purge ${text} cannot be written down: ${messageOf(error)}`, { cause: error })
      })
    await unwritten.writing
  }
}
