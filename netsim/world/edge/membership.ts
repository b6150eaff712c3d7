/**
 * Membership of one simulated edge: drives the real `Members` by its deadlines and by what arrives, and stands in for
 * what protocols/membership/service.ts does with libp2p: announcements and digests by gossip (a broadcast with some
 * hops' delay, within what hangs together by links), proofs of life and exchanges of lists over links, dials of the link
 * targets, of join addresses and of members that fell silent. The DHT is left out: join addresses stand for it.
 */
import { Links } from '../../../protocols/membership/links.ts'
import { Members } from '../../../protocols/membership/members.ts'
import type { Announcement, SignedAnnouncement } from '../../../protocols/membership/announcement.ts'
import type { Pulse } from '../../../protocols/membership/pulse.ts'
import type { PeerName } from '../../../protocols/ids.ts'
import type { TimerId } from '../engine.ts'
import type { Message } from './messages.ts'
import { Part } from './messages.ts'
import { rememberedStep } from './pulse-steps.ts'
import { PulseRounds } from './pulse-rounds.ts'
import { Timer, type Self } from './self.ts'

/** Nobody reads it: the world's edges believe each other's names. */
const unsigned = new Uint8Array(0)

interface Dial { readonly atMs: number, readonly delayMs: number }

export class Membership {
  /** Peers that a connection exists to. */
  readonly links = new Set<number>()
  readonly #self: Self
  readonly #onChange: () => void
  #members!: Members
  #revision = -1
  #coreAtMs = Infinity
  #coreTimer: TimerId = -1
  #linkAtMs = Infinity
  #cancelLink: (() => void) | undefined
  readonly #wanted: Links
  readonly #pulses: PulseRounds
  #repairAtMs = Infinity
  #cancelRepair: (() => void) | undefined
  #redialAtMs = 0
  #joinAtMs = 0
  #joinDelayMs = 0
  /** Linked edges that know of announcements that were missed here. */
  readonly #tellers = new Set<number>()
  /** Until lists are exchanged again, ms. */
  #pauseMs = 0
  readonly #dials = new Map<number, Dial>()
  /** Linked in an earlier life: the peer store. */
  readonly #known = new Set<number>()
  #left = false
  /** It is about to meet all others: it need not look for them, nor they for it. */
  #meets = false
  #own: SignedAnnouncement | undefined

  constructor (self: Self, onChange: () => void) {
    this.#self = self
    this.#onChange = onChange
    this.#wanted = new Links(self.seat.peer, self.settings.membership)
    this.#pulses = new PulseRounds(self, this.links)
  }

  get members (): Members { return this.#members }
  get leaving (): boolean { return this.#left }

  start (): void {
    const { seat, machine, settings } = this.#self
    this.links.clear()
    this.#dials.clear()
    this.#tellers.clear()
    this.#pauseMs = settings.membership.antiEntropyFirstMs
    this.#left = false
    this.#coreAtMs = this.#linkAtMs = this.#repairAtMs = Infinity
    this.#cancelLink = this.#cancelRepair = undefined
    this.#pulses.start()
    this.#redialAtMs = this.#joinAtMs = this.#joinDelayMs = 0
    this.#revision = -1
    this.#members = new Members({
      self: { peer: seat.peer, name: seat.peer, region: seat.region, http: '', weight: seat.weight, originHash: '', load: 0, draining: false },
      incarnation: Math.trunc(machine.wallMs()),
      nowMs: machine.nowMs(),
      random: machine.random,
      ...settings.model.pulses === 1 && { seed: () => secret(machine.random), step: rememberedStep },
      settings: settings.membership
    })
    this.#meets = this.#self.warm && this.#self.trueMs() === 0
    this.tick()
    if (!this.#meets) this.#link()
    this.#checkLinks()
    this.#repairSoon(0)
    if (settings.model.pulses === 1) this.#pulse()
  }

  /** Knows all of them and is linked as they want it, at once: how a large world begins. */
  meet (others: readonly Membership[]): void {
    const { machine, settings } = this.#self
    this.#meets = false
    this.#joinAtMs = machine.nowMs() + settings.membership.joinSlowMs
    for (const other of others) if (other !== this && other.#own !== undefined) this.#members.receive(other.#own, machine.nowMs())
    for (const name of this.#targets()) {
      const peer = this.#self.indexOf(name)
      this.#linked(peer)
      others[peer]!.#linked(this.#self.index)
    }
    this.#noticeChanges()
  }

  /** Takes leave, as the service's `beforeStop`. */
  leave (): void {
    const { machine } = this.#self
    this.#left = true
    const leave = this.#signed(this.#members.leave())
    this.#members.keepOwn(leave, machine.nowMs())
    this.#publish(this.#self.seat.fellows, { kind: 'announcement', signed: leave }, 1)
    this.#publish(this.#self.everyone, { kind: 'digest', announcements: [leave] }, 1)
    for (const peer of this.links) this.#exchange(peer)
  }

  announceLoad (load: number): void {
    this.#members.announce({ load }, this.#self.machine.nowMs())
    this.#plan()
  }

  /** What the core says is due. */
  tick (): void {
    this.#coreTimer = -1
    this.#coreAtMs = Infinity
    const { machine } = this.#self
    const due = this.#members.tick(machine.nowMs())
    this.#noticeChanges()
    if (due.announce !== undefined) {
      const signed = this.#own = this.#signed(due.announce)
      this.#members.keepOwn(signed, machine.nowMs())
      this.#publish(this.#self.seat.fellows, { kind: 'announcement', signed }, 1)
    }
    if (due.digest && !this.#meets) {
      const announcements = this.#members.takeDigest(machine.nowMs())
      if (announcements.length > 0) this.#publish(this.#self.everyone, { kind: 'digest', announcements }, announcements.length)
    }
    this.#plan()
  }

  /** @returns whether the message was for membership */
  receive (from: number, message: Message): boolean {
    switch (message.kind) {
      // Gossip travels over links: what has none to the sender's part of the colony hears nothing.
      case 'announcement':
        if (this.#self.mesh.connected(from, this.#self.index)) this.#take([message.signed])
        return true
      case 'digest':
        if (this.#self.mesh.connected(from, this.#self.index)) this.#take(message.announcements)
        return true
      case 'dial':
        // A handshake needs both ways.
        if (this.#self.network.isCut(this.#self.index, from)) return true
        this.#linked(from)
        this.#self.send(from, { kind: 'linked' }, this.#self.settings.model.headBytes, Part.Links)
        return true
      case 'linked':
        this.#linked(from)
        this.#exchange(from)
        return true
      case 'unlinked':
        this.unlink(from)
        return true
      case 'vector': {
        if (!this.#isOpen(from)) return true
        const news = this.#members.missing(message.vector, this.#self.peerOf(from))
        this.#tell(from, { kind: 'vector-and-news', vector: this.#members.vector(), news }, news.length)
        return true
      }
      case 'vector-and-news': {
        this.#take(message.news)
        const news = this.#members.missing(message.vector, this.#self.peerOf(from))
        if (news.length > 0) this.#tell(from, { kind: 'news', news }, news.length)
        return true
      }
      case 'news':
        this.#take(message.news)
        return true
      case 'pulses':
        this.#takePulses(from, message.pulses)
        return true
      default: return false
    }
  }

  /** The connection broke. */
  unlink (peer: number): void {
    this.#dials.delete(peer)
    if (!this.links.delete(peer)) return
    this.#pulses.drop(peer)
    this.#self.mesh.broke()
    this.#linkSoon()
  }

  refused (peer: number): void {
    this.unlink(peer)
    this.#failed(peer)
  }

  #take (announcements: readonly SignedAnnouncement[]): void {
    const nowMs = this.#self.machine.nowMs()
    for (const signed of announcements) {
      if (this.#members.receive(signed, nowMs) === 'news') this.#self.watch.merged(this.#self.index, signed.announcement)
    }
    this.#noticeChanges()
  }

  #noticeChanges (): void {
    this.#plan()
    if (this.#members.revision === this.#revision) return
    this.#revision = this.#members.revision
    if (!this.#left) this.#linkSoon()
    this.#onChange()
  }

  #plan (): void {
    const atMs = this.#members.nextDeadline()
    if (atMs >= this.#coreAtMs) return
    const { machine } = this.#self
    machine.cancel(this.#coreTimer)
    this.#coreAtMs = atMs
    this.#coreTimer = machine.post(atMs, Timer.Core, 0)
  }

  #signed (announcement: Announcement): SignedAnnouncement {
    return { announcement, body: unsigned, signature: unsigned, bytes: unsigned }
  }

  /** To all that subscribe, and round a cut where somebody else is linked on both sides, as gossip does. */
  #publish (receivers: Int32Array, message: Message, announcements: number): void {
    const { index, network, settings: { model } } = this.#self
    const bytes = announcements * model.announcementBytes
    this.#self.bill(Part.Gossip, bytes, receivers.length)
    network.broadcast(index, receivers, message, bytes, { relayed: true, extraMs: model.gossipHopsMs })
    if (this.#self.calm()) return
    for (const to of receivers) {
      if (to === index || !network.isCut(index, to)) continue
      for (const relay of this.links) {
        if (network.isCut(index, relay) || network.isCut(relay, to)) continue
        network.send(relay, to, message, bytes)
        break
      }
    }
  }

  #exchange (peer: number): void {
    this.#tell(peer, { kind: 'vector', vector: this.#members.vector() }, 0)
  }

  #tell (peer: number, message: Message, announcements: number): void {
    const { model } = this.#self.settings
    const entries = 'vector' in message ? message.vector.size : 0
    this.#self.send(peer, message, model.headBytes + entries * model.vectorEntryBytes + announcements * model.announcementBytes, Part.Membership)
  }

  #targets (): ReadonlySet<PeerName> { return this.#wanted.targets(this.#self.seat.region, this.#members.live()) }

  /** What comes over a connection that this side has given up is answered by a reset, and the other side hears of it. */
  #isOpen (from: number): boolean {
    if (this.links.has(from)) return true
    this.#self.send(from, { kind: 'unlinked' }, this.#self.settings.model.headBytes, Part.Links)
    return false
  }

  #takePulses (from: number, pulses: readonly Pulse[]): void {
    if (!this.#isOpen(from)) return
    const { machine } = this.#self
    const isBehind = this.#pulses.take(this.#members, pulses, from)
    this.#noticeChanges()
    if (!isBehind) return
    this.#tellers.add(from)
    this.#repairSoon(this.#members.repairDelayMs() * (0.5 + machine.random()))
  }

  readonly #pulse = (): void => {
    if (this.#left) return
    const { machine, settings: { membership } } = this.#self
    this.#pulses.round(this.#members)
    machine.after(membership.pulseSendMs, this.#pulse)
  }

  #repairSoon (delayMs: number): void {
    const { machine } = this.#self
    const atMs = machine.nowMs() + delayMs
    if (atMs >= this.#repairAtMs) return
    this.#cancelRepair?.()
    this.#repairAtMs = atMs
    this.#cancelRepair = machine.after(delayMs, () => {
      this.#repairAtMs = Infinity
      this.#repair()
    })
  }

  /** With one linked peer, chosen at random, best with one that knows more. */
  #repair (): void {
    if (this.#left) return
    const { machine, settings: { membership } } = this.#self
    const tellers = [...this.#tellers].filter((peer) => this.links.has(peer))
    this.#tellers.clear()
    const peers = tellers.length > 0 ? tellers : [...this.links]
    if (peers.length > 0) this.#exchange(peers[Math.floor(machine.random() * peers.length)]!)
    else this.#linkSoon()
    this.#repairSoon(this.#pauseMs * (0.5 + machine.random()))
    this.#pauseMs = Math.min(membership.antiEntropyIntervalMs, 2 * this.#pauseMs)
  }

  #linkSoon (delayMs = this.#self.settings.membership.linkIntervalMs): void {
    const { machine } = this.#self
    const atMs = machine.nowMs() + delayMs
    if (atMs >= this.#linkAtMs) return
    this.#cancelLink?.()
    this.#linkAtMs = atMs
    this.#cancelLink = machine.after(delayMs, () => {
      this.#linkAtMs = Infinity
      this.#link()
    })
  }

  /** Dials what is missing: targets, join addresses, now and then somebody who fell silent. */
  #link (): void {
    if (this.#left) return
    const { machine, settings: { membership }, seat } = this.#self
    const nowMs = machine.nowMs()
    const missed = this.#members.missed()
    if (missed.length > 0 && nowMs >= this.#redialAtMs) {
      this.#redialAtMs = nowMs + membership.goneRedialMs
      this.#dial(this.#self.indexOf(missed[Math.floor(machine.random() * missed.length)]!), nowMs)
    }
    if (nowMs >= this.#joinAtMs) {
      const isAlone = this.links.size === 0
      this.#joinDelayMs = isAlone ? Math.min(membership.joinBackoffMaxMs, Math.max(1_000, 2 * this.#joinDelayMs)) : membership.joinSlowMs
      this.#joinAtMs = nowMs + this.#joinDelayMs
      for (const peer of seat.join) this.#dial(peer, nowMs)
      if (isAlone) for (const peer of this.#known) this.#dial(peer, nowMs)
    }
    let isMissing = false
    for (const name of this.#targets()) {
      const peer = this.#self.indexOf(name)
      if (this.links.has(peer)) continue
      isMissing = true
      this.#dial(peer, nowMs)
    }
    const restMs = isMissing || this.links.size === 0 ? membership.linkIntervalMs : missed.length > 0 ? membership.goneRedialMs : membership.joinSlowMs
    this.#linkSoon(Math.min(restMs, Math.max(membership.linkIntervalMs, this.#joinAtMs - nowMs)))
  }

  #dial (peer: number, nowMs: number): void {
    const { index, settings: { membership, model } } = this.#self
    const dial = this.#dials.get(peer)
    if (peer === index || this.links.has(peer) || (dial !== undefined && dial.atMs > nowMs)) return
    const delayMs = Math.min(membership.dialBackoffMaxMs, dial === undefined ? membership.dialBackoffMs : 2 * dial.delayMs)
    this.#dials.set(peer, { atMs: nowMs + membership.dialTimeoutMs + delayMs, delayMs })
    this.#self.send(peer, { kind: 'dial' }, model.headBytes, Part.Links)
  }

  #failed (peer: number): void {
    const dial = this.#dials.get(peer)
    if (dial !== undefined) this.#dials.set(peer, { atMs: this.#self.machine.nowMs() + dial.delayMs, delayMs: dial.delayMs })
    this.#linkSoon()
  }

  #linked (peer: number): void {
    this.#dials.delete(peer)
    this.#known.add(peer)
    if (this.links.has(peer)) return
    this.links.add(peer)
    this.#self.mesh.linked(this.#self.index, peer)
  }

  /** A link whose way is cut gives no answer to pings. */
  #checkLinks (): void {
    const { machine, network, index, settings: { model } } = this.#self
    machine.after(model.linkCheckIntervalMs * (0.5 + machine.random()), () => {
      if (!this.#self.calm()) for (const peer of this.links) if (network.isCut(index, peer) || network.isCut(peer, index)) this.unlink(peer)
      this.#checkLinks()
    })
  }
}

/** The beginning of a chain of proofs of life. */
function secret (random: () => number): Uint8Array {
  return Uint8Array.from({ length: 16 }, () => Math.floor(256 * random()))
}
