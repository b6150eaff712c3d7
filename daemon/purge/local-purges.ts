/**
 * Purges on this edge: applies what was ordered, here or elsewhere, and says of anything stored, or on its way, whether it is purged.
 * Applying is done within one turn of the event loop and costs a few marks (protocols/purge/marks.ts); what they mean after a
 * restart is the ledger's. A purge that comes twice counts once.
 */
import type { Clock } from '../../protocols/clock.ts'
import { Marks, type Purged, type Subject } from '../../protocols/purge/marks.ts'
import type { Applier, Purge } from '../../protocols/purge/purge.ts'
import { purgeIdText } from '../../protocols/purge/selector.ts'
import type { Entry, Ledger } from './ledger.ts'
import { placesOf, type PurgeSites } from './places.ts'
import type { PurgeView } from './ports.ts'
import type { PurgeSettings } from './settings.ts'

export interface LocalPurgesInit {
  readonly sites: PurgeSites
  readonly ledger: Ledger
  readonly clock: Pick<Clock, 'wallMs'>
  readonly settings: PurgeSettings
  /** After a purge was applied. Must not throw. */
  readonly onApplied: (purge: Purge) => void
}

export class LocalPurges implements Applier, PurgeView {
  readonly #init: LocalPurgesInit
  #marks: Marks
  /** What the ledger has, by id, the oldest first. */
  readonly #entries = new Map<string, Entry>()
  #settled = 0

  constructor (init: LocalPurgesInit) {
    this.#init = init
    this.#marks = new Marks(init.settings)
  }

  /** Before anything stored is served. @throws what the database says */
  async start (): Promise<void> {
    const { epoch, entries } = await this.#init.ledger.open()
    this.#marks = new Marks(this.#init.settings, epoch)
    for (const entry of entries) {
      this.#entries.set(entry.id, entry)
      if (entry.places.length > 0) this.#marks.restore(entry.places, entry.epoch, entry)
    }
  }

  async stop (): Promise<void> { await this.#init.ledger.close() }

  get stamp (): number { return Math.min(this.#marks.epoch, this.#init.ledger.ceiling) }

  /** Of the youngest purge that is not settled, 0 without any. */
  get latest (): number { return this.#marks.latest }

  /** Marks kept. */
  get marks (): number { return this.#marks.size }

  isPurged (subject: Subject): Purged { return this.#marks.isPurged(subject) }

  softenedAtMs (subject: Subject): number | undefined { return this.#marks.softenedAtMs(subject) }

  /** Whether it was applied, in this life of the edge or an earlier one. */
  has (id: Purge['id']): boolean { return this.#entries.has(purgeIdText(id)) }

  apply (purge: Purge): void {
    const { sites, ledger, clock, onApplied } = this.#init
    const id = purgeIdText(purge.id)
    if (this.#entries.has(id)) return
    const places = placesOf(sites, purge.selectors)
    const time = { soft: purge.soft, atMs: clock.wallMs() }
    const epoch = this.#marks.apply(places, time)
    const entry: Entry = { id, epoch, places, ...time }
    this.#entries.set(id, entry)
    ledger.reach(epoch)
    ledger.put(entry)
    this.#forget()
    onApplied(purge)
  }

  /** Resolves when all that was applied counts after a restart, too. @throws what the database says */
  async synced (): Promise<void> { await this.#init.ledger.synced() }

  /** Everything stored that is older than this epoch has been looked at, and no fetch under way is: marks up to it are dropped. */
  settle (epoch: number): void {
    this.#marks.settle(epoch)
    this.#settled = Math.max(this.#settled, epoch)
    for (const [id, entry] of this.#entries) {
      if (entry.epoch > epoch || entry.places.length === 0) continue
      const left: Entry = { ...entry, places: [] }
      this.#entries.set(id, left)
      this.#init.ledger.put(left)
    }
    this.#forget()
  }

  /** The oldest ids, and none that still means something. */
  #forget (): void {
    for (const [id, { epoch, places }] of this.#entries) {
      if (this.#entries.size <= this.#init.settings.idsMax || places.length > 0) return
      this.#entries.delete(id)
      this.#init.ledger.delete(epoch)
    }
  }
}
