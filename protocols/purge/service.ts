/**
 * How a purge reaches every edge (the design's "Purge is not gossip", "Fences"). An order is applied here and written down, goes along
 * the tree (`tree.ts`, `flights.ts`), and what the tree missed is fetched in rounds of asking (`repair.ts`), which are also what
 * keeps this edge current (`fences.ts`). Only members may call, and each purge bears the signature of the edge that took the order.
 */
import { messageOf } from '../errors.ts'
import type { PeerName, Region } from '../ids.ts'
import { Periodic } from '../periodic.ts'
import type { Answerer } from '../rpc.ts'
import { decodeHead, encodeHead } from '../wire.ts'
import { Fences, type Standing } from './fences.ts'
import { Flights } from './flights.ts'
import { Intake, Record } from './intake.ts'
import { PurgeLog } from './log.ts'
import { decodeAsk, encodeMissing, encodePassed, encodeStated, floorOf } from './messages.ts'
import { Orders, type PurgeOrder, type WaitFor } from './orders.ts'
import type { KeptPurges, PurgesInit } from './ports.ts'
import type { PurgeId, PurgeVector } from './purge.ts'
import type { Receipt } from './receipt.ts'
import { Repair, type RepairCounters } from './repair.ts'
import type { SignedPurge } from './signed.ts'
import { askees, Duty, issue, pass, type TreeMember } from './tree.ts'
import { covers, decodeVector, encodeVector } from './vector.ts'
import { Viewer } from './viewer.ts'

export interface PurgesStatus {
  readonly standing: Standing
  /** Regions of which a majority was heard within the lease. */
  readonly regionsHeard: number
  readonly regions: number
  readonly logged: number
  readonly inFlight: number
}

/** Reads what was kept, and applies it anew. Nothing is said to others before `start`. @throws what the store throws */
export async function openPurges (init: PurgesInit): Promise<Purges> {
  return new Purges(init, await init.store.load())
}

export class Purges {
  readonly #init: PurgesInit
  readonly #log: PurgeLog
  readonly #fences: Fences
  readonly #intake: Intake
  readonly #flights: Flights
  readonly #repair: Repair
  readonly #orders: Orders
  readonly #viewer: Viewer
  readonly #rounds: Periodic
  readonly #keeping: Periodic
  readonly #everything: { readonly number: number, readonly atMs: number } | undefined
  #revalidating: Promise<void> | undefined
  #seenWallMs: number | undefined
  /** With the reason, where one must be given. */
  #mustRevalidate: { readonly why?: string } | undefined
  #lastCurrentMs: number | undefined
  #stated: { readonly of: PurgeVector, readonly bytes: Uint8Array } | undefined

  constructor (init: PurgesInit, kept: KeptPurges) {
    const { clock, settings, self, region, expectsOthers, call, isMember, rttMs, logger } = init
    this.#init = init
    const floors = recordOf(kept, Record.Floors)
    const everything = recordOf(kept, Record.Everything)
    this.#everything = everything === undefined ? undefined : { number: Number(everything.number), atMs: Number(everything.atMs) }
    const number = Math.max(Number(floors?.number ?? 0), this.#everything?.number ?? 0)
    this.#log = new PurgeLog({ self, settings, entries: kept.entries, floors: Array.isArray(floors?.floors) ? floors.floors.map(floorOf) : [], number })
    this.#fences = new Fences({ self, region, settings, expectsOthers, nowMs: clock.nowMs() })
    this.#intake = new Intake({ ...init, log: this.#log, onRevalidated: () => { this.#isLevel() } })
    this.#viewer = new Viewer({ ...init, isCurrent: () => this.isCurrent(), onView: (view) => { this.#fences.see(view) }, kept: recordOf(kept, Record.View) })
    this.#flights = new Flights({ clock, settings, call, isMember, rttMs })
    this.#repair = new Repair({
      clock, settings, call, logger,
      log: this.#log,
      intake: this.#intake,
      fences: this.#fences,
      askees: (turn) => {
        const members = init.members()
        return askees(this.#self(), members, members.map(({ peer }) => peer).filter((peer) => peer !== self && init.isLinked(peer)), turn)
      },
      onStated: (peer, vector) => { this.#orders.stated(peer, vector) },
      beforeCurrent: async () => {
        await this.#revalidateIfDue()
        if (!this.isCurrent()) await this.#viewer.written()
      },
      onHeard: (peer) => { this.#viewer.heard(peer) }
    })
    this.#orders = new Orders({
      ...init,
      log: this.#log,
      intake: this.#intake,
      isCurrent: () => this.isCurrent(),
      isAlone: () => this.#fences.isAlone,
      view: () => this.#viewer.everyone(),
      launch: (signed) => this.#flights.launch(signed, issue(this.#self(), init.members(), init.isLinked))
    })
    const periodic = (run: (signal: AbortSignal) => number | Promise<number>): Periodic => new Periodic({
      clock, run, retryMs: settings.vectorIntervalMs, onError: (error) => { logger.warn({ reason: messageOf(error) }, 'carrying purges failed') }
    })
    this.#rounds = periodic(async (signal) => await this.#repair.round(signal))
    this.#keeping = periodic(async () => await this.#keep())

    const seen = recordOf(kept, Record.Seen)
    this.#seenWallMs = typeof seen?.wallMs === 'number' ? seen.wallMs : undefined
    this.#mustRevalidate = kept.isDamaged ? { why: 'the purge log on the disk is damaged' } : this.#seenWallMs === undefined ? {} : undefined
    this.#viewer.update()
  }

  /** Applies what was kept, where that was lost; before anything stored is served. */
  restore (): void { this.#intake.restore(this.#everything) }

  /** Begins to ask others. */
  async start (): Promise<void> {
    // Where there are others, this comes when it is known what is missing; nothing stored is served as current before.
    if (this.isCurrent()) await this.#revalidateIfDue()
    this.#rounds.start()
    this.#keeping.start()
  }

  async stop (): Promise<void> {
    this.#rounds.stop()
    this.#keeping.stop()
    this.#flights.stop()
    this.#viewer.stop()
    if (this.isCurrent()) await this.#writeSeen()
  }

  /** Members came or went. */
  membersChanged (): void {
    this.#viewer.update()
    if (!this.isCurrent()) this.#rounds.soon(this.#init.settings.firstIntervalMs)
  }

  /**
   * Takes an order from whoever may give one here: who that is, the caller has checked. May be repeated under the same idempotency key.
   *
   * @throws PurgeKeyError, PurgeTooLargeError, PurgeStoreError, or the signal's reason
   */
  async purge (order: PurgeOrder, signal?: AbortSignal): Promise<Receipt> { return await this.#orders.order(order, signal) }

  /** @returns undefined for a purge that this edge does not hold, or not any more */
  async status (id: PurgeId, waitFor?: WaitFor, signal?: AbortSignal): Promise<Receipt | undefined> { return await this.#orders.status(id, waitFor, signal) }

  /** Whether what is stored here may be served as the site's ordinary rules say. Asked with every hit. */
  isCurrent (): boolean { return this.#fences.isCurrent(this.#init.clock.nowMs()) }

  /** @returns since when it may not, by the own clock; undefined while it may */
  fencedSinceMs (): number | undefined {
    const standing = this.#fences.standing(this.#init.clock.nowMs())
    return standing.kind === 'fenced' ? standing.sinceMs : undefined
  }

  /** What a transfer from this edge carries; undefined while this edge has not caught up once, or not for too long, and lends nothing. */
  stated (): Uint8Array | undefined {
    const { clock, settings } = this.#init
    const lastMs = this.isCurrent() ? clock.nowMs() : this.#lastCurrentMs
    if (lastMs === undefined || clock.nowMs() - lastMs > settings.horizonMs / 2) return undefined
    const of = this.#log.stated(clock.wallMs())
    if (this.#stated?.of !== of) this.#stated = { of, bytes: encodeVector(of) }
    return this.#stated.bytes
  }

  /** Whether what a peer sends with this vector has seen all purges that this edge has. @throws WireError for what is no vector */
  accepts (stated: Uint8Array | undefined): boolean {
    const required = this.#log.required(this.#init.clock.wallMs())
    return stated === undefined ? required.size === 0 : covers(decodeVector(stated, this.#init.settings), required)
  }

  vector (): PurgeVector { return this.#log.vector() }
  counters (): Readonly<RepairCounters> { return this.#repair.counters }

  state (): PurgesStatus {
    const nowMs = this.#init.clock.nowMs()
    const { view } = this.#fences
    return {
      standing: this.#fences.standing(nowMs),
      regionsHeard: [...view.keys()].filter((region: Region) => this.#fences.sees(region, nowMs)).length,
      regions: view.size,
      logged: this.#log.size,
      inFlight: this.#flights.size
    }
  }

  /** Answers members' calls. */
  readonly answer: Answerer = async (request, from) => {
    const ask = decodeAsk(request, this.#init.settings)
    switch (ask.kind) {
      case 'purge': return encodePassed(await this.#pass(ask.signed, ask.duty, from))
      case 'vector': return encodeStated(this.#repair.state(ask.hash))
      case 'missing': return encodeMissing(this.#repair.missing(ask.vector))
    }
  }

  async #pass (signed: SignedPurge, duty: Duty, from: PeerName): Promise<{ applied: PeerName[], complete: boolean }> {
    const { clock, settings, self, members } = this.#init
    await this.#intake.take(signed)
    const { id } = signed.purge
    // The one before it is missing: whoever had this one has that, too.
    if (id.sequence > 1 && !this.#log.has({ ...id, sequence: id.sequence - 1 })) this.#repair.fetch(from).catch(() => {})
    if (duty === Duty.Keep) return { applied: [self], complete: true }
    const flight = this.#flights.launch(signed, pass(duty, this.#self(), members().filter(({ peer }) => peer !== from)))
    flight.has([self, from], clock.nowMs())
    await flight.over(clock, settings.gatherMs)
    return { applied: [...flight.applied.keys()], complete: flight.isOver }
  }

  /** What is to be done now and then: letting go of what is over, and writing down that this edge is current. */
  async #keep (): Promise<number> {
    const { clock, settings } = this.#init
    this.#viewer.update()
    if (this.isCurrent()) await this.#writeSeen()
    const { numbers, lost } = this.#log.prune(clock.wallMs())
    if (lost) await this.#intake.revalidateAll('a purge was never had of which later ones are known')
    if (numbers.length > 0) await this.#intake.keepFloors(numbers)
    return settings.seenIntervalMs
  }

  async #revalidateIfDue (): Promise<void> {
    await (this.#revalidating ??= this.#judgeAbsence().finally(() => { this.#revalidating = undefined }))
  }

  /** An edge that was away for longer than purges are kept, or does not know, cannot learn what it missed. */
  async #judgeAbsence (): Promise<void> {
    const { clock, settings: { horizonMs } } = this.#init
    const awayMs = this.#lastCurrentMs !== undefined ? clock.nowMs() - this.#lastCurrentMs : this.#seenWallMs !== undefined ? clock.wallMs() - this.#seenWallMs : 0
    const due = this.#mustRevalidate ?? (awayMs > horizonMs ? { why: `this edge was away for ${Math.round(awayMs / 360_000) / 10} h, longer than purges are kept` } : undefined)
    if (due !== undefined) await this.#intake.revalidateAll(due.why)
    else if (this.isCurrent()) this.#isLevel()
  }

  /** What is stored here lacks no purge of before, as far as this edge can know. */
  #isLevel (): void {
    this.#mustRevalidate = undefined
    this.#lastCurrentMs = this.#init.clock.nowMs()
    this.#seenWallMs = this.#init.clock.wallMs()
  }

  async #writeSeen (): Promise<void> {
    this.#isLevel()
    await this.#init.store.write({ records: { [Record.Seen]: encodeHead({ wallMs: this.#seenWallMs }) } })
  }

  #self (): TreeMember {
    const { self, region, members } = this.#init
    return members().find(({ peer }) => peer === self) ?? { peer: self, region, draining: false }
  }
}

function recordOf (kept: KeptPurges, name: string): Readonly<Record<string, unknown>> | undefined {
  const bytes = kept.records.get(name)
  return bytes === undefined ? undefined : decodeHead(bytes)
}
