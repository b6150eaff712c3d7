/**
 * One edge of the simulated colony: membership, rings, directory, cache and the way of a request put together as the
 * daemon's index.ts, colony.ts and mesh.ts do. The cores are the real ones; everything is synchronous and driven by
 * messages and timers of its machine.
 */
import { LoadGate } from '../../../protocols/locate/bounded-load.ts'
import type { Locate } from '../../../protocols/locate/locate.ts'
import type { ContentKey, PeerName, Region } from '../../../protocols/ids.ts'
import type { Members } from '../../../protocols/membership/members.ts'
import { Disk } from '../disk.ts'
import type { Host } from '../machine.ts'
import type { AgreementPlan } from '../scenario.ts'
import { Agreement } from './agreement.ts'
import { Asks } from './asks.ts'
import { Cache, Level, Source } from './cache.ts'
import { Copies, type Copy } from './copies.ts'
import { Fetcher, type Peers } from './fetcher.ts'
import { Holdings } from './holdings.ts'
import type { Lean } from './lean.ts'
import { Membership } from './membership.ts'
import type { Message } from './messages.ts'
import { OpenRequest, OpenRequests } from './open-requests.ts'
import { Provider, type Pending } from './provider.ts'
import { viewOf, type View } from './rings.ts'
import { Timer, type Self } from './self.ts'
import type { Question } from './trip.ts'

/** What becomes of a client's request. */
export interface Customer {
  /** `source` undefined for an error. */
  readonly answered: (edge: number, object: number, version: number, bytes: number, source: Source | undefined, stale: boolean, tookMs: number) => void
}

export interface EdgeInit {
  readonly self: Self
  readonly customer: Customer
  /** For millions of objects: typed arrays, nothing survives a restart, and requests go this way. */
  readonly lean?: Lean | undefined
  /** It takes part in its region's Raft group. */
  readonly agreement?: AgreementPlan | undefined
}

export class Edge implements Host, Peers {
  readonly index: number
  readonly region: Region
  readonly cache: Cache
  readonly membership: Membership
  readonly holdings: Holdings
  readonly agreement: Agreement | undefined
  /** Clients' requests under way. */
  readonly open = new OpenRequests()
  readonly #self: Self
  readonly #customer: Customer
  readonly #lean: Lean | undefined
  readonly #asks: Asks
  readonly #fetcher: Fetcher
  readonly #provider: Provider
  #view: View | undefined

  constructor ({ self, customer, lean, agreement: plan }: EdgeInit) {
    const { seat, settings: { model }, machine } = self
    this.index = self.index
    this.region = seat.region
    this.#self = self
    this.#customer = customer
    this.#lean = lean
    this.#asks = new Asks(self)
    this.#fetcher = new Fetcher(self, this, this.#asks)
    const packed = lean !== undefined
    const copies = new Copies({ bytesMax: seat.bytesMax, objectShareMax: model.objectShareMax, packed, ...lean !== undefined && { expected: lean.copiesExpected, memory: lean.memory } })
    const disk = packed ? undefined : machine.attach(new Disk<Copy>({ after: machine.after }))
    this.holdings = new Holdings(self, copies, {
      rttMs: (peer) => this.rttMs(self.indexOf(peer)),
      load: (peer) => this.members.member(peer)?.load,
      incarnation: (peer) => this.members.member(peer)?.incarnation
    })
    this.cache = new Cache(self, this.#fetcher, copies, disk, (_object, key) => { this.holdings.changed(key) })
    this.#provider = new Provider(self, this.cache, this, (peer) => this.members.member(self.peerOf(peer))?.region)
    this.membership = new Membership(self, () => { this.#membersChanged() })
    this.agreement = plan === undefined ? undefined : new Agreement({ self, plan, peers: Array.from(seat.fellows, self.peerOf) })
  }

  get members (): Members { return this.membership.members }
  get peer (): PeerName { return this.#self.seat.peer }
  get up (): boolean { return this.#self.machine.up }
  get gate (): LoadGate { return this.#provider.gate }

  start (): void {
    const { settings } = this.#self
    this.#view = undefined
    this.#provider.gate = new LoadGate(settings.locate)
    this.#asks.start()
    this.#fetcher.start()
    this.holdings.start()
    this.cache.start()
    this.membership.start()
    this.agreement?.start()
    this.#announceLoad()
  }

  /** Clients whose requests were under way see their connections end. */
  crash (): void {
    this.#self.mesh.broke()
    for (const peer of this.membership.links) this.#self.watch.broken(this.index, peer)
    this.membership.links.clear()
    for (const { object, sinceMs } of this.open.clear()) this.#answer(object, -1, 0, undefined, false, sinceMs)
    this.#lean?.crash(this.index)
    this.agreement?.crash()
    for (const flight of this.cache.flights.values()) flight.over = true
    this.cache.flights.clear()
  }

  stop (): void { this.membership.leave() }

  receive (from: number, message: unknown): void {
    const heard = message as Message
    if (heard.kind === 'question') this.#lean!.receive(this.index, heard)
    else if (heard.kind === 'raft') this.agreement!.receive(heard.message)
    else if (heard.kind === 'ask') this.#provider.answer(from, heard)
    else if (!this.#asks.receive(from, heard) && !this.membership.receive(from, heard)) this.holdings.receive(from, heard)
  }

  refused (to: number, message: unknown): void {
    const said = message as Message
    this.membership.refused(to)
    if (said.kind === 'question') return this.#lean!.refused(this.index, said)
    if (said.kind === 'raft') return this.agreement!.refused(to)
    this.#asks.refused(to, said)
    this.holdings.refused(said)
  }

  onTimer (kind: number, value: number, payload: unknown): void {
    switch (kind) {
      case Timer.Core: return this.membership.tick()
      case Timer.Silence: return this.#asks.silence(value)
      case Timer.Sign: return this.#provider.sign(payload as Pending)
      case Timer.Agreement: return this.agreement!.onTimer()
      case Timer.Request: this.request(value, payload as number)
    }
  }

  /** A client asks. On a machine that is paused or slow it waits for its turn. */
  arrive (object: number): void {
    const { machine } = this.#self
    const nowMs = this.#self.trueMs()
    if (machine.paused || machine.slowMs > 0) machine.post(machine.nowMs(), Timer.Request, object, nowMs)
    else this.request(object, nowMs)
  }

  request (object: number, sinceMs: number): void {
    const { cache } = this
    const slot = cache.copies.use(object)
    if (slot !== -1 && cache.isFresh(object, slot)) {
      this.#answer(object, cache.copies.version(slot), cache.copies.bytesAt(slot), Source.Store, false, sinceMs)
      return
    }
    const open = new OpenRequest(object, sinceMs)
    this.open.add(open)
    if (this.#lean !== undefined) return this.#lean.request(this.index, open)
    cache.request({ object, key: this.#self.objects.key(object), level: Level.Asker, path: [], silent: [] }, (result) => {
      if (!this.open.delete(open)) return
      if (result.kind === 'failed') this.#answer(object, -1, 0, undefined, false, sinceMs)
      else this.#answer(object, result.head.version, result.head.bytes, result.source, result.head.stale, sinceMs)
    })
  }

  /** In a large world, what a client waits for is there; `question` undefined: nothing could be had. */
  land (open: OpenRequest, question: Question | undefined, source: Source): void {
    if (!this.open.delete(open)) return
    const { object, sinceMs } = open
    const { copies } = this.cache
    const slot = question === undefined ? copies.find(object) : -1
    if (question !== undefined) this.#answer(object, question.version, question.bytes, source, false, sinceMs)
    else if (slot === -1) this.#answer(object, -1, 0, undefined, false, sinceMs)
    // RFC 9111 section 4.2.4: no origin can be reached.
    else this.#answer(object, copies.version(slot), copies.bytesAt(slot), Source.Store, true, sinceMs)
  }

  /** The connection to a peer is gone, as its process is. */
  unlink (peer: number): void { if (this.up) this.membership.unlink(peer) }

  ringHash (region: Region = this.region): string | undefined { return this.#locate(region)?.ringHash(region) }
  owner (key: ContentKey): number | undefined { return this.owners(key, 1, this.region)[0] }

  owners (key: ContentKey, n: number, region: Region): number[] {
    return this.#locate(region)?.owners(key, n, region).map(this.#self.indexOf) ?? []
  }

  homeRegion (object: number): Region | undefined {
    const { regions, homes } = this.view()
    return regions[homes.of(object)]
  }

  homeRegions (key: ContentKey): Region[] { return this.#self.rings.ranked(key, this.view().regions) }

  previousOwner (key: ContentKey): number | undefined {
    const peer = this.#locate(this.region)?.previousOwner(key)
    return peer === undefined ? undefined : this.#self.indexOf(peer)
  }

  holders (key: ContentKey): number[] { return this.holdings.holders(key).map(this.#self.indexOf) }
  regionPeers (region: Region): readonly PeerName[] { return this.view().byRegion.get(region)?.peers ?? [] }
  membersOf (region: Region): number[] { return this.regionPeers(region).map(this.#self.indexOf) }

  rttMs (peer: number): number | undefined {
    return this.#asks.met(peer) || this.membership.links.has(peer) ? this.#self.network.rttMs(this.index, peer) : undefined
  }

  #answer (object: number, version: number, bytes: number, source: Source | undefined, stale: boolean, sinceMs: number): void {
    const isError = source === undefined || version === -1
    const tookMs = this.#self.trueMs() - sinceMs + this.#self.settings.model.hitMs
    this.#customer.answered(this.index, object, version, bytes, isError ? undefined : source, stale, tookMs)
  }

  /** Members, rings and homes as this edge sees them now. */
  view (): View {
    const { members } = this
    if (this.#view?.revision !== members.revision) {
      const { rings, settings } = this.#self
      this.#view = viewOf(rings, this.region, members.live(), members.revision, settings.locate.weightMax, this.#lean === undefined, this.#view)
      this.#lean?.viewChanged(this.index, this.#view)
    }
    return this.#view
  }

  #locate (region: Region): Locate | undefined { return this.view().locates.get(region) }

  /** As daemon/mesh.ts does, but for the rings, which are made when somebody asks. */
  #membersChanged (): void {
    const own = this.view().byRegion.get(this.region)
    if (own === undefined || this.#lean !== undefined) return
    this.holdings.regionChanged(own.peers, this.#locate(this.region)?.ring())
  }

  /** As daemon/mesh.ts, each `loadAnnounceMs`. */
  #announceLoad (): void {
    const { machine, settings: { routing } } = this.#self
    const othersPerSecond: number[] = []
    for (const peer of this.regionPeers(this.region)) {
      const member = this.members.member(peer)
      if (member !== undefined && peer !== this.peer) othersPerSecond.push(member.load)
    }
    this.gate.observe({ othersPerSecond, weightShare: this.#locate(this.region)?.weightShare(this.peer) ?? 1 })
    if (!this.membership.leaving) this.membership.announceLoad(Math.round(this.gate.announce(machine.nowMs()) * 10) / 10)
    machine.after(routing.loadAnnounceMs, () => { this.#announceLoad() })
  }
}
