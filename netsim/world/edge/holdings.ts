/**
 * Who holds what, at one simulated edge: drives the real reporter, intake and table of holders, and hands over what
 * moved. Mirrors protocols/directory/directory.ts, with messages in place of its calls and its clock's sleeps as timers.
 */
import { handOverPages, type Page } from '../../../protocols/directory/hand-over.ts'
import { Holders } from '../../../protocols/directory/holders.ts'
import { Intake } from '../../../protocols/directory/intake.ts'
import type { Lane } from '../../../protocols/directory/lane.ts'
import { rank, type Standings } from '../../../protocols/directory/ranking.ts'
import { Reporter, type OwnerView } from '../../../protocols/directory/reporter.ts'
import type { Report } from '../../../protocols/directory/messages.ts'
import type { ContentKey, PeerName } from '../../../protocols/ids.ts'
import type { Copies } from './copies.ts'
import type { Message } from './messages.ts'
import { Part } from './messages.ts'
import type { Self } from './self.ts'

const nobody: OwnerView = { owner: () => undefined }

export interface Colleagues extends Omit<Standings, 'self'> {
  /** Changes when a member begins anew. */
  readonly incarnation: (peer: PeerName) => number | undefined
}

interface Sent { readonly lane: Lane, readonly report: Report, readonly cancel: () => void }

export class Holdings {
  readonly #self: Self
  readonly #copies: Copies
  readonly #colleagues: Colleagues
  #directory!: Holders
  #intake!: Intake
  #reporter!: Reporter
  #members: ReadonlySet<PeerName> = new Set()
  #incarnations: ReadonlyMap<PeerName, number | undefined> = new Map()
  #ring = nobody
  #handed: OwnerView | undefined
  #handOvers = 0
  #cancel: (() => void) | undefined
  #wakeAtMs = Infinity
  /** Reports that wait for their answer. The numbers go on over restarts. */
  readonly #sent = new Map<number, Sent>()
  #ids = 0

  constructor (self: Self, copies: Copies, colleagues: Colleagues) {
    this.#self = self
    this.#copies = copies
    this.#colleagues = colleagues
  }

  start (): void {
    const { settings: { directory }, seat, objects, machine } = this.#self
    this.#sent.clear()
    this.#members = new Set()
    this.#incarnations = new Map()
    this.#directory = new Holders(directory)
    this.#intake = new Intake(this.#directory, directory)
    this.#handed = undefined
    this.#ring = nobody
    this.#cancel = undefined
    this.#wakeAtMs = Infinity
    this.#handOvers++
    const keys = function * (copies: Copies): Generator<ContentKey> { for (const object of copies.objects()) yield objects.key(object) }
    this.#reporter = new Reporter({
      self: seat.peer,
      settings: directory,
      random: machine.random,
      held: () => keys(this.#copies),
      holds: (key) => this.#copies.find(objects.object(key)) !== -1
    })
  }

  /** The members of the region, or its ring, are others now. */
  regionChanged (peers: readonly PeerName[], ring: OwnerView | undefined): void {
    const nowMs = this.#self.machine.nowMs()
    const before = this.#incarnations
    this.#members = new Set(peers)
    this.#incarnations = new Map(peers.map((peer) => [peer, this.#colleagues.incarnation(peer)]))
    const same = new Set(peers.filter((peer) => !before.has(peer) || before.get(peer) === this.#incarnations.get(peer)))
    this.#intake.retain((peer) => same.has(peer))
    if (same.size < this.#members.size) this.#reporter.membersChanged(same, nowMs)
    this.#reporter.membersChanged(this.#members, nowMs)
    if (ring !== undefined && ring !== this.#ring) {
      this.#ring = ring
      this.#reporter.ringChanged(ring, nowMs)
      this.#handOver(ring)
    }
    this.#plan()
  }

  /** The edge has it now, or not any more. */
  changed (key: ContentKey): void {
    this.#wakeAt(this.#reporter.changed(key, this.#self.machine.nowMs()))
  }

  /** Who holds it as far as this edge's directory knows, whom to ask first in front. */
  holders (key: ContentKey): PeerName[] {
    return rank(key, this.#directory.holders(key), { self: this.#self.seat.peer, ...this.#colleagues })
  }

  /** For checkers: as it stands in the table. */
  known (key: ContentKey): readonly PeerName[] { return this.#directory.holders(key) }

  keys (): Iterable<ContentKey> { return this.#directory.keys() }
  get entries (): number { return this.#directory.size }

  /** @returns whether the message was for the directory */
  receive (from: number, message: Message): boolean {
    switch (message.kind) {
      case 'report': {
        const peer = this.#self.peerOf(from)
        if (!this.#members.has(peer)) return true
        this.#tell(from, { kind: 'reported', id: message.id, answer: this.#intake.report(peer, message.report) }, 0)
        this.#plan()
        return true
      }
      case 'reported': {
        const sent = this.#sent.get(message.id)
        if (sent === undefined) return true
        this.#sent.delete(message.id)
        sent.cancel()
        sent.lane.answered(sent.report, message.answer, this.#self.machine.nowMs())
        this.#plan()
        return true
      }
      case 'hand-over':
        if (this.#members.has(this.#self.peerOf(from))) this.#takeOver(message.entries)
        return true
      default: return false
    }
  }

  /** A report that met nobody. */
  refused (message: Message): void {
    if (message.kind === 'report') this.#failed(message.id)
  }

  #run (): void {
    const { machine, settings: { directory } } = this.#self
    const nowMs = machine.nowMs()
    this.#reporter.step(nowMs)
    for (const [lane, report] of this.#reporter.reports(nowMs)) {
      const id = ++this.#ids
      this.#sent.set(id, { lane, report, cancel: machine.after(directory.reportTimeoutMs, () => { this.#failed(id) }) })
      this.#tell(this.#self.indexOf(lane.peer), { kind: 'report', id, report }, report.added.length + report.dropped.length)
    }
    this.#intake.expire(nowMs)
    this.#directory.sweep(directory.walkKeysPerSlice)
    this.#plan()
  }

  #failed (id: number): void {
    const sent = this.#sent.get(id)
    if (sent === undefined) return
    this.#sent.delete(id)
    sent.cancel()
    sent.lane.failed(sent.report, this.#self.machine.nowMs())
    this.#plan()
  }

  #takeOver (entries: ReadonlyMap<PeerName, readonly ContentKey[]>): void {
    const { seat, machine } = this.#self
    for (const [peer, keys] of entries) {
      if (peer === seat.peer || !this.#members.has(peer)) continue
      const owned = keys.filter((key) => this.#ring.owner(key) === seat.peer)
      if (owned.length > 0) this.#intake.tell(peer, owned, machine.nowMs())
    }
    this.#plan()
  }

  /** A newer ring begins anew, from the same one as this. */
  #handOver (now: OwnerView): void {
    const { machine, seat, settings: { directory } } = this.#self
    const before = this.#handed ??= now
    const run = ++this.#handOvers
    machine.after(directory.settleMs, () => {
      if (run !== this.#handOvers) return
      this.#send(handOverPages({
        self: seat.peer, directory: this.#directory, before, now,
        pageKeysMax: directory.reportKeysMax, sliceKeysMax: directory.walkKeysPerSlice
      }), now, run)
    })
  }

  #send (pages: Generator<Page | undefined, undefined>, now: OwnerView, run: number): void {
    const { machine, settings: { directory } } = this.#self
    if (run !== this.#handOvers) return
    const { value: page, done } = pages.next()
    if (done === true) {
      this.#handed = now
      return
    }
    if (page !== undefined && this.#members.has(page.to)) this.#tell(this.#self.indexOf(page.to), { kind: 'hand-over', entries: page.entries }, page.size)
    machine.after(page === undefined ? 0 : 1_000 * page.size / directory.handOverKeysPerSecondMax, () => { this.#send(pages, now, run) })
  }

  #tell (to: number, message: Message, keys: number): void {
    const { model } = this.#self.settings
    this.#self.send(to, message, model.headBytes + keys * model.keyBytes, Part.Directory)
  }

  #plan (): void {
    this.#wakeAt(this.#directory.stale ? 0 : Math.min(this.#reporter.nextDeadline(), this.#intake.nextDeadline()))
  }

  #wakeAt (atMs: number): void {
    if (atMs >= this.#wakeAtMs) return
    const { machine } = this.#self
    this.#cancel?.()
    this.#wakeAtMs = atMs
    this.#cancel = machine.after(Math.max(0, atMs - machine.nowMs()), () => {
      this.#wakeAtMs = Infinity
      this.#run()
    })
  }
}
