/**
 * The directory of holders of one edge, both sides of it: it tells the owners of its region what this edge
 * holds (reporter.ts), and keeps what others tell it (intake.ts, holders.ts). A fill at an owner, `find` of another edge and `explain`
 * read it; the store's commits and drops feed it. It drives the pure parts with a clock and calls, and never stands
 * on a request's way: a look-up in it is a look-up in memory.
 */
import { sleep, type Clock } from '../clock.ts'
import { WireError } from '../errors.ts'
import { handOverPages, type Page } from './hand-over.ts'
import { Holders } from './holders.ts'
import { Intake } from './intake.ts'
import type { Lane } from './lane.ts'
import { decodeHolders, decodeReportAnswer, decodeRequest, encodeFind, encodeHandOver, encodeReport, type HandOver, type Report, type ReportAnswer } from './messages.ts'
import { rank, type Standings } from './ranking.ts'
import { Reporter, type Holdings, type OwnerView } from './reporter.ts'
import type { DirectorySettings } from './settings.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import type { Answerer, Call } from '../rpc.ts'

export interface DirectoryInit extends Holdings, Standings {
  readonly clock: Clock
  readonly settings: DirectorySettings
  readonly call: Call
  /** The ring of this edge's region now; the object of one ring never changes. */
  readonly ring: () => OwnerView
  /** Members of this edge's region, itself included, those that leave and own nothing, too. */
  readonly regionMembers: () => Iterable<PeerName>
  /** Whether a peer is a member of the colony. */
  readonly isMember: (peer: PeerName) => boolean
  /** Changes when a member begins anew: what it was told is lost, and what it told may be. */
  readonly incarnation?: (peer: PeerName) => number | undefined
}

export interface FindOptions {
  readonly signal?: AbortSignal
  /** Default `findTimeoutMs`. */
  readonly timeoutMs?: number
}

export interface DirectoryCounters {
  /** Reports sent and answered, and keys in them. */
  reportsOut: number
  keysOut: number
  /** Reports that were not answered in time, or refused. */
  reportsFailed: number
  /** Reports taken from others, and keys in them. */
  reportsIn: number
  keysIn: number
  /** Reports after which everything had to be told again: told to us, and by us. */
  againsIn: number
  againsOut: number
  /** Keys given to new owners, and taken from previous ones. */
  handedOver: number
  takenOver: number
  /** Look-ups of others that were answered. */
  finds: number
}

export class Directory {
  readonly #init: DirectoryInit
  readonly #directory: Holders
  readonly #intake: Intake
  readonly #reporter: Reporter
  readonly #counters: DirectoryCounters = {
    reportsOut: 0, keysOut: 0, reportsFailed: 0, reportsIn: 0, keysIn: 0, againsIn: 0, againsOut: 0, handedOver: 0, takenOver: 0, finds: 0
  }

  #members: ReadonlySet<PeerName> = new Set()
  #incarnations: ReadonlyMap<PeerName, number | undefined> = new Map()
  /** The ring whose lost ranges were handed over. */
  #handed: OwnerView | undefined
  #handingOver: AbortController | undefined
  #running: AbortController | undefined
  #cancel: (() => void) | undefined
  #wakeAtMs = Infinity

  constructor (init: DirectoryInit) {
    this.#init = init
    this.#directory = new Holders(init.settings)
    this.#intake = new Intake(this.#directory, init.settings)
    const { self, settings, held, holds, clock: { random } } = init
    this.#reporter = new Reporter({ self, settings, held, holds, random })
  }

  /** Once the members and the ring are known. */
  start (): void {
    if (this.#running !== undefined) return
    this.#running = new AbortController()
    this.membersChanged()
    this.ringChanged()
  }

  /** May be called twice. Answers go on. */
  stop (): void {
    this.#running?.abort(new Error('the edge is stopping'))
    this.#running = undefined
    this.#handingOver?.abort()
    this.#cancel?.()
    this.#wakeAtMs = Infinity
  }

  /** The members of the region changed: to be called before `ringChanged` when that changed with them. */
  membersChanged (): void {
    if (this.#running === undefined) return
    const { regionMembers, incarnation, clock } = this.#init
    const before = this.#incarnations
    this.#members = new Set(regionMembers())
    this.#incarnations = new Map(Array.from(this.#members, (peer) => [peer, incarnation?.(peer)]))
    const same = new Set([...this.#members].filter((peer) => !before.has(peer) || before.get(peer) === this.#incarnations.get(peer)))
    this.#intake.retain((peer) => same.has(peer))
    if (same.size < this.#members.size) this.#reporter.membersChanged(same, clock.nowMs())
    this.#reporter.membersChanged(this.#members, clock.nowMs())
    this.#plan()
  }

  /** The ring of the region changed. */
  ringChanged (): void {
    if (this.#running === undefined) return
    const ring = this.#init.ring()
    this.#reporter.ringChanged(ring, this.#init.clock.nowMs())
    void this.#handOver(ring)
    this.#plan()
  }

  /** The store has `key` now. May be called for what it had before. */
  held (key: ContentKey): void { this.#changed(key) }

  /** The store does not have `key` any more. */
  dropped (key: ContentKey): void { this.#changed(key) }

  /** Who holds `key` as far as this edge's directory knows, without itself, whom to ask first in front. Right for keys that it owns. */
  holders (key: ContentKey): readonly PeerName[] {
    return rank(key, this.#directory.holders(key), this.#init)
  }

  /**
   * Asks the directory of `owner`, which names itself when it holds `key`.
   *
   * @returns holders that are members, whom to ask first in front; `self` is left out
   * @throws RpcError, WireError, or the signal's reason
   */
  async find (owner: PeerName, key: ContentKey, { signal, timeoutMs = this.#init.settings.findTimeoutMs }: FindOptions = {}): Promise<PeerName[]> {
    const { self, call, isMember } = this.#init
    if (owner === self) return [...this.holders(key)]
    const { head } = encodeFind(key)
    const holders = decodeHolders(await call(owner, head, { signal, timeoutMs }))
    return rank(key, holders.filter((peer) => peer !== self && isMember(peer)), this.#init)
  }

  /** Counts only up, but for `entries`: the keys in this edge's directory. */
  counters (): Readonly<DirectoryCounters & { fulls: number, evicted: number, entries: number }> {
    return { ...this.#counters, fulls: this.#reporter.fulls, evicted: this.#directory.evicted, entries: this.#directory.size }
  }

  readonly answer: Answerer = async (frame, from) => {
    const request = decodeRequest(frame)
    if (request.kind === 'find') return { head: { holders: this.#find(request.key) } }
    if (!this.#members.has(from)) throw new WireError(`peer ${from} is not of this region: its directories take nothing from it`)
    if (request.kind === 'hand-over') {
      this.#takeOver(request.handOver)
      return { head: { kind: 'ok' } }
    }
    const { report } = request
    const answer: ReportAnswer = this.#isOfEarlierLife(from, report) ? { kind: 'again' } : this.#intake.report(from, report)
    this.#counters.reportsIn++
    this.#counters.keysIn += report.added.length + report.dropped.length
    if (answer.kind === 'again') this.#counters.againsOut++
    this.#plan()
    return { head: answer }
  }

  #isOfEarlierLife (peer: PeerName, { life }: Report): boolean {
    const known = this.#init.incarnation?.(peer)
    return life !== undefined && known !== undefined && life < known
  }

  #find (key: ContentKey): PeerName[] {
    this.#counters.finds++
    const { self, holds } = this.#init
    const holders = this.#directory.holders(key)
    return holds(key) ? [self, ...holders] : holders
  }

  /** Of what a previous owner says, what this edge owns, about members. */
  #takeOver ({ entries }: HandOver): void {
    const { self, clock } = this.#init
    const ring = this.#init.ring()
    for (const [peer, keys] of entries) {
      if (peer === self || !this.#members.has(peer)) continue
      const owned = keys.filter((key) => ring.owner(key) === self)
      if (owned.length === 0) continue
      this.#intake.tell(peer, owned, clock.nowMs())
      this.#counters.takenOver += owned.length
    }
    this.#plan()
  }

  #changed (key: ContentKey): void {
    if (this.#running !== undefined) this.#wakeAt(this.#reporter.changed(key, this.#init.clock.nowMs()))
  }

  #run (): void {
    const { clock, settings } = this.#init
    const nowMs = clock.nowMs()
    this.#reporter.step(nowMs)
    for (const [lane, report] of this.#reporter.reports(nowMs)) void this.#report(lane, report)
    this.#intake.expire(nowMs)
    this.#directory.sweep(settings.walkKeysPerSlice)
    this.#plan()
  }

  #plan (): void {
    this.#wakeAt(this.#directory.stale ? 0 : Math.min(this.#reporter.nextDeadline(), this.#intake.nextDeadline()))
  }

  #wakeAt (atMs: number): void {
    if (this.#running === undefined || atMs >= this.#wakeAtMs) return
    const { clock } = this.#init
    this.#cancel?.()
    this.#wakeAtMs = atMs
    this.#cancel = clock.after(Math.max(0, atMs - clock.nowMs()), () => {
      this.#wakeAtMs = Infinity
      this.#run()
    })
  }

  async #report (lane: Lane, report: Report): Promise<void> {
    const { self, call, clock, settings, incarnation } = this.#init
    const { head, payload } = encodeReport({ ...report, life: incarnation?.(self) })
    try {
      const answer = decodeReportAnswer(await call(lane.peer, head, { payload, timeoutMs: settings.reportTimeoutMs, signal: this.#running?.signal }))
      this.#counters.reportsOut++
      this.#counters.keysOut += report.added.length + report.dropped.length
      if (answer.kind === 'again') this.#counters.againsIn++
      lane.answered(report, answer, clock.nowMs())
    } catch {
      // Not connectable, too slow, or another version: repeated with back-off, whatever the reason.
      this.#counters.reportsFailed++
      lane.failed(report, clock.nowMs())
    }
    this.#plan()
  }

  /** Gives the ranges lost since the last time to their new owners, once views have settled. A newer ring begins anew. */
  async #handOver (now: OwnerView): Promise<void> {
    this.#handingOver?.abort()
    const { signal } = this.#handingOver = new AbortController()
    const { self, clock, settings } = this.#init
    const before = this.#handed ??= now
    try {
      await sleep(clock, settings.settleMs, signal)
      const silent = new Set<PeerName>()
      for (const page of handOverPages({ self, directory: this.#directory, before, now, pageKeysMax: settings.reportKeysMax, sliceKeysMax: settings.walkKeysPerSlice })) {
        if (page === undefined) await sleep(clock, 0, signal)
        else if (this.#members.has(page.to) && !silent.has(page.to)) {
          if (!await this.#send(page, signal)) silent.add(page.to)
          await sleep(clock, 1_000 * page.size / settings.handOverKeysPerSecondMax, signal)
        }
      }
      this.#handed = now
    } catch (error) {
      // Stopped, or overtaken by a newer ring, which hands over from the same one as this.
      if (!signal.aborted) throw error
    }
  }

  /** @returns whether it was taken; else the holders' own reports will have to do */
  async #send ({ to, entries, size }: Page, signal: AbortSignal): Promise<boolean> {
    const { head, payload } = encodeHandOver({ entries })
    try {
      await this.#init.call(to, head, { payload, timeoutMs: this.#init.settings.reportTimeoutMs, signal })
      this.#counters.handedOver += size
      return true
    } catch {
      return false
    }
  }
}
