/**
 * Membership of the colony, as a libp2p service: it joins, finds the edges of its region through the
 * DHT, announces itself, holds the list of all members, keeps the links and measures them. The parts do
 * the work (`members.ts` decides, `topics.ts` and `exchange.ts` carry, `discovery.ts` finds, `dialler.ts`
 * links); here they are put together and follow libp2p's life cycle. No request waits for any of it.
 */
import { randomBytes } from 'node:crypto'
import { deadline } from '../clock.ts'
import { messageOf } from '../errors.ts'
import { Allowed } from './allowed.ts'
import { addressesMax, peerIdOf, signAnnouncement } from './announcement.ts'
import { knownId, pick } from './choice.ts'
import { Dialler } from './dialler.ts'
import { Discovery } from './discovery.ts'
import { Distances } from './distances.ts'
import { Exchange, exchangeProtocol } from './exchange.ts'
import { Intake } from './intake.ts'
import { Joins } from './joins.ts'
import { Links, linksToDial } from './links.ts'
import { listening } from './listening.ts'
import { Members, type Patch } from './members.ts'
import { Periodic } from '../periodic.ts'
import { ownFields, zeroCounters } from './ports.ts'
import { PulseLanes, pulseProtocol } from './pulse-lanes.ts'
import { Silences } from './silences.ts'
import { Speakers } from './speakers.ts'
import { Topics } from './topics.ts'
import type { Announcement, Member, SignedAnnouncement } from './announcement.ts'
import type { Counters, Membership, MembershipComponents, MembershipInit } from './ports.ts'
import type { PeerName } from '../ids.ts'
import type { Connection, PeerId, Stream } from '@libp2p/interface'

export type { Member } from './announcement.ts'
export type { Membership, MembershipComponents, MembershipInit } from './ports.ts'

/** @throws AnnouncementError from `afterStart` when a field of `init` cannot be announced */
export function membership (init: MembershipInit): (components: MembershipComponents) => Membership {
  return (components) => new MembershipService(init, components)
}

class MembershipService implements Membership {
  readonly [Symbol.toStringTag] = '@colony/membership'
  readonly #init: MembershipInit
  readonly #components: MembershipComponents
  readonly #log: ReturnType<MembershipComponents['logger']['forComponent']>
  readonly #counters = zeroCounters()
  readonly #listeners = new Set<() => void>()
  readonly #members: Members
  readonly #allowed: Allowed
  readonly #exchange: Exchange
  readonly #topics: Topics
  readonly #dialler: Dialler
  readonly #joins: Joins
  readonly #discovery: Discovery
  readonly #distances: Distances
  readonly #pulseLanes: PulseLanes
  readonly #links: Links
  readonly #silences: Silences
  /** Peers that there is a connection to. */
  readonly #linked = new Set<PeerName>()
  readonly #speakers: Speakers
  /** Every repeated work, in the order of a joining edge's life. */
  readonly #tasks: readonly Periodic[]
  readonly #core: Periodic
  readonly #linking: Periodic
  readonly #measuring: Periodic
  readonly #looking: Periodic
  readonly #providing: Periodic
  readonly #repairing: Periodic
  #controller = new AbortController()
  #topology: string | undefined
  #announcedAddresses = ''
  #revision = 0
  #clones = 0
  #redialAtMs = 0
  #gossiping = false
  #left = false

  constructor (init: MembershipInit, components: MembershipComponents) {
    const { clock, settings, network, region } = init
    this.#init = init
    this.#components = components
    this.#log = components.logger.forComponent('colony:membership')
    const self = components.peerId.toString()
    const counters = this.#counters
    this.#members = new Members({
      self: ownFields(self, init),
      isAllowed: (peer) => this.#allowed.has(peer),
      incarnation: Math.trunc(clock.wallMs()),
      nowMs: clock.nowMs(),
      random: clock.random,
      seed: () => randomBytes(32),
      settings
    })
    this.#links = new Links(self, settings)
    this.#silences = new Silences(components.connectionManager)
    this.#speakers = new Speakers({ settings, self: () => this.self(), member: (peer) => this.member(peer) })
    const intake = new Intake({ clock, network, members: this.#members, onMerge: () => { this.#noticeChanges() } })
    this.#exchange = new Exchange({ clock, settings, members: this.#members, intake })
    this.#topics = new Topics({ network, region, digestBytesMax: settings.digestBytesMax, intake, counters })
    const warn = (message: string): void => { this.#log.error(message) }
    const dial = (peer: PeerName): void => { if (this.#allowed.has(peer)) this.#dialler.tryOnce(peer) }
    this.#allowed = new Allowed({ self, clock, settings, dial, warn, members: this.#members, connectionManager: components.connectionManager })
    const hasLinks = (): boolean => this.#linked.size > 0
    this.#dialler = new Dialler({
      clock,
      settings,
      self,
      isLinked: (peer) => this.isLinked(peer),
      dial: async (peer, signal) => await components.connectionManager.openConnection(knownId(peer), { signal }),
      onSettled: () => { this.#linking.soon() },
      counters
    })
    this.#joins = new Joins({
      clock,
      settings,
      addresses: init.join.filter((address) => !address.toString().endsWith(`/p2p/${self}`)),
      isLinked: (peer) => this.isLinked(peer),
      hasLinks,
      dial: async (address, signal) => (await components.connectionManager.openConnection(address, { signal })).remotePeer.toString(),
      warn,
      counters
    })
    this.#discovery = new Discovery({
      clock,
      settings,
      network,
      region,
      contentRouting: components.contentRouting,
      hasLinks,
      isDiscoverer: (of) => this.#members.ranksBelow(settings.discoverersMax, of),
      hasFellow: () => this.members().some((member) => member.region === region && member.peer !== self),
      onProvider: (peer) => {
        if (!this.isMember(peer)) dial(peer)
        this.#linking.soon()
      },
      counters
    })
    this.#distances = new Distances({
      clock, settings, coordinates: init.coordinates,
      coordinateOf: (peer) => this.#members.member(peer)?.coordinate,
      onMoved: (coordinate) => { this.announce({ coordinate }) },
      linked: () => this.members().map(({ peer }) => peer).filter((peer) => this.isLinked(peer)),
      ping: async (peer, signal) => await components.ping.ping(knownId(peer), { signal })
    })
    this.#pulseLanes = new PulseLanes({
      clock,
      settings,
      members: this.#members,
      peers: () => this.#speakers.values(),
      connection: (peer) => components.connectionManager.getConnections(peer)[0],
      onNews: () => { this.#noticeChanges() },
      onBehind: (teller) => {
        this.#speakers.tells(teller)
        this.#repairing.soon(this.#members.repairDelayMs() * (0.5 + clock.random()))
      },
      counters
    })

    const task = (run: (signal: AbortSignal) => number | Promise<number>): Periodic => new Periodic({
      clock,
      run,
      onError: (error) => { this.#log.error('%s', messageOf(error)) },
      retryMs: settings.linkIntervalMs
    })
    this.#core = task(async () => await this.#tick())
    const joining = task(async (signal) => await this.#joins.round(signal))
    this.#linking = task(async (signal) => await this.#link(signal))
    this.#measuring = task(async (signal) => await this.#distances.round(signal))
    this.#providing = task(async (signal) => await this.#discovery.provide(signal))
    this.#looking = task(async (signal) => await this.#discovery.lookup(signal))
    this.#repairing = task(async (signal) => await this.#repair(signal))
    const pulsing = task((signal) => this.#pulseLanes.round(signal))
    this.#tasks = [joining, this.#core, this.#linking, this.#measuring, this.#providing, this.#looking, this.#repairing, pulsing]
  }

  self (): Member { return this.#members.self() }
  members (): readonly Member[] { return this.#members.live() }
  member (peer: PeerName): Member | undefined { return this.#members.member(peer) }
  hasLeft (peer: PeerName): boolean { return this.#members.hasLeft(peer) || !this.#allowed.has(peer) }
  missed (): readonly PeerName[] { return this.#members.missed() }
  admits (peer: PeerName): boolean { return this.#allowed.admits(peer) }
  allow (peers: readonly PeerName[]): void {
    this.#allowed.replace(peers)
    this.#linking.soon()
    this.#noticeChanges()
  }
  isLinked (peer: PeerName): boolean { return this.#linked.has(peer) }
  isMember (peer: PeerName): boolean { return this.#members.member(peer) !== undefined }

  onChange (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  announce (patch: Patch): void {
    this.#members.announce(patch, this.#init.clock.nowMs())
    this.#noticeChanges()
  }
  addresses (peer: PeerName): readonly string[] { return this.#members.addresses(peer) }
  rttMs (peer: PeerName): number | undefined { return this.#distances.rttMs(peer) }
  distanceMs (peer: PeerName): number | undefined { return this.#distances.distanceMs(peer) }

  counters (): Readonly<Counters & { expired: number, clones: number }> {
    return { ...this.#counters, expired: this.#members.expired, clones: this.#members.clones }
  }

  start (): void {
    const { events, connectionManager } = this.#components
    this.#controller = new AbortController()
    events.addEventListener('peer:connect', this.#onLink)
    events.addEventListener('peer:disconnect', this.#onUnlink)
    events.addEventListener('self:peer:update', this.#onSelf)
    for (const { remotePeer } of connectionManager.getConnections()) this.#linked.add(remotePeer.toString())
  }

  async afterStart (): Promise<void> {
    const { registrar, pubsub } = this.#components
    await listening(this.#components)
    // Before anyone can ask for it: an exchange that finds nothing of oneself would have to be repeated.
    await this.#announceOwn()
    await registrar.handle(exchangeProtocol, this.#onStream, { maxInboundStreams: 4, maxOutboundStreams: 4 })
    await registrar.handle(pulseProtocol, this.#onPulses, { maxInboundStreams: 2, maxOutboundStreams: 2 })
    this.#topology = await registrar.register(exchangeProtocol, { onConnect: this.#onSpeaker, onDisconnect: this.#onSilence })
    this.#topics.start(pubsub)
    this.#gossiping = true
    for (const task of this.#tasks) task.start()
  }

  /** Takes leave, so that others drop this edge at once and not for its silence. */
  async beforeStop (): Promise<void> {
    if (!this.#gossiping) return
    this.#gossiping = false
    this.#left = true
    for (const task of this.#tasks) task.stop()
    const { clock, settings } = this.#init
    try {
      const leave = await this.#sign(this.#members.leave())
      this.#members.keepOwn(leave, clock.nowMs())
      await this.#topics.publishOwn(leave)
      await this.#topics.publishDigest([leave])
      // Gossip is only queued by now and dies with the streams, so the linked peers are handed it as well.
      const { signal, clear } = deadline(clock, settings.leaveTimeoutMs, 'the leave', this.#controller.signal)
      await Promise.all(Array.from(this.#speakers.values(), async (peer) => { await this.#exchangeWith(peer, signal) })).finally(clear)
    } catch (error) {
      this.#log.error('could not take leave: %s', messageOf(error))
    }
    this.#topics.stop()
  }

  async stop (): Promise<void> {
    const { registrar, events } = this.#components
    for (const task of this.#tasks) task.stop()
    this.#controller.abort()
    events.removeEventListener('peer:connect', this.#onLink)
    events.removeEventListener('peer:disconnect', this.#onUnlink)
    events.removeEventListener('self:peer:update', this.#onSelf)
    this.#linked.clear()
    if (this.#topology === undefined) return
    registrar.unregister(this.#topology)
    this.#topology = undefined
    this.#speakers.clear()
    await registrar.unhandle(exchangeProtocol)
    await registrar.unhandle(pulseProtocol)
  }

  /** Does what the core says is due. @returns ms until it is due again */
  async #tick (): Promise<number> {
    const { clock } = this.#init
    const due = this.#members.tick(clock.nowMs())
    this.#noticeChanges()
    if (due.announce !== undefined) {
      const own = await this.#sign(due.announce)
      this.#members.keepOwn(own, clock.nowMs())
      await this.#topics.publishOwn(own)
    }
    if (due.digest) await this.#topics.publishDigest(this.#members.takeDigest(clock.nowMs()))
    return Math.max(0, this.#members.nextDeadline() - clock.nowMs())
  }

  async #announceOwn (): Promise<void> {
    const { clock } = this.#init
    const nowMs = clock.nowMs()
    if (this.#left) this.#members.rejoin(Math.trunc(clock.wallMs()), nowMs)
    this.#left = false
    const { announce } = this.#members.tick(nowMs)
    if (announce !== undefined) this.#members.keepOwn(await this.#sign(announce), nowMs)
  }

  async #sign (announcement: Announcement): Promise<SignedAnnouncement> {
    const addresses = this.#ownAddresses()
    this.#announcedAddresses = addresses.join()
    return await signAnnouncement(this.#init.network, { ...announcement, ...(addresses.length > 0 && { addresses }) }, this.#components.privateKey)
  }

  #ownAddresses (): string[] { return this.#components.addressManager.getAddresses().slice(0, addressesMax).map(String) }

  /** After anything that may have changed the list: wakes what depends on it. */
  #noticeChanges (): void {
    this.#core.soon(this.#members.nextDeadline() - this.#init.clock.nowMs())
    if (this.#members.clones !== this.#clones) {
      this.#clones = this.#members.clones
      this.#log.error('another process announces itself with this edge\'s identity, or this identity was restored; continuing as incarnation %d. Was the data folder copied?', this.self().incarnation)
    }
    if (this.#members.revision === this.#revision) return
    this.#revision = this.#members.revision
    this.#linking.soon()
    // A link may be older than the news that its other end is a member.
    this.#measuring.soon()
    for (const listener of this.#listeners) listener()
  }

  /** Dials what is missing. */
  #link (signal: AbortSignal): number {
    const { clock, settings } = this.#init
    const missed = this.#members.missed()
    this.#silences.update(missed)
    if (missed.length > 0 && clock.nowMs() >= this.#redialAtMs) {
      this.#redialAtMs = clock.nowMs() + settings.goneRedialMs
      this.#dialler.tryOnce(pick(missed, clock.random()))
    }
    const { region } = this.self()
    this.#dialler.keep(linksToDial(this.#links.targets(region, this.members()), this.#linked, region, (peer) => this.#members.member(peer)?.region, settings))
    this.#dialler.round(signal)
    return settings.linkIntervalMs
  }

  /** Exchanges lists with one linked peer; an edge without any, as at its start, tries those of an earlier life. */
  async #repair (signal: AbortSignal): Promise<number> {
    const { clock } = this.#init
    const speaker = this.#speakers.next(clock.random())
    if (speaker === undefined) await this.#tryKnownPeers()
    else await this.#exchangeWith(speaker, signal)
    return this.#speakers.pauseMs(clock.random())
  }

  async #exchangeWith (peer: PeerId, signal: AbortSignal): Promise<void> {
    const [connection] = this.#components.connectionManager.getConnections(peer)
    if (connection !== undefined) await this.#counted(this.#exchange.initiate(connection, signal))
  }

  async #counted (exchange: Promise<void>): Promise<void> {
    try {
      await exchange
      this.#counters.exchanges++
    } catch (error) {
      this.#counters.exchangeFailures++
      this.#log('an exchange of member lists failed: %s', messageOf(error))
    }
  }

  /** Peers of an earlier life: an edge comes back without being told whom to join. */
  async #tryKnownPeers (): Promise<void> {
    const known = await this.#components.peerStore.all({ limit: this.#init.settings.knownPeersMax })
    for (const { id } of known) if (peerIdOf(id.toString()) !== undefined) this.#dialler.tryOnce(id.toString())
    this.#linking.soon()
  }

  readonly #onStream = async (stream: Stream, connection: Connection): Promise<void> => {
    await this.#counted(this.#exchange.respond(stream, connection.remotePeer.toString(), this.#controller.signal))
  }

  readonly #onPulses = async (stream: Stream, connection: Connection): Promise<void> => {
    await this.#pulseLanes.receive(stream, connection.remotePeer.toString())
  }

  /** The side that dialled begins the exchange: one is enough for both. */
  readonly #onSpeaker = (peer: PeerId, connection: Connection): void => {
    const isNews = this.#speakers.add(peer)
    if (this.#speakers.size === 1) this.#repairing.soon(this.#speakers.pauseMs(this.#init.clock.random()))
    this.#measuring.soon()
    // Who dialled may still count this edge as a member, and see no reason to begin.
    if (isNews && (connection.direction === 'outbound' || this.#silences.has(peer.toString()))) void this.#counted(this.#exchange.initiate(connection, this.#controller.signal))
  }

  readonly #onSilence = (peer: PeerId): void => {
    this.#speakers.delete(peer.toString())
    this.#pulseLanes.drop(peer.toString())
  }

  readonly #onLink = ({ detail: peer }: CustomEvent<PeerId>): void => {
    this.#linked.add(peer.toString())
    if (this.#linked.size > 1) return
    this.#discovery.restart()
    this.#providing.soon(this.#init.settings.provideDelayMs)
    this.#looking.soon(this.#init.settings.discoveryFastMs)
  }

  /** It listens elsewhere now. */
  readonly #onSelf = (): void => {
    if (!this.#gossiping || this.#ownAddresses().join() === this.#announcedAddresses) return
    this.#members.touch(this.#init.clock.nowMs())
    this.#noticeChanges()
  }

  readonly #onUnlink = ({ detail: peer }: CustomEvent<PeerId>): void => {
    this.#linked.delete(peer.toString())
    this.#linking.soon()
  }
}
