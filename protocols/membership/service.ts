/**
 * Membership of the colony, as a libp2p service: it joins, finds the edges of its region through the
 * DHT, announces itself, holds the list of all members, keeps the links and measures them. The parts do
 * the work (`members.ts` decides, `topics.ts` and `exchange.ts` carry, `discovery.ts` finds, `dialler.ts`
 * links); here they are put together and follow libp2p's life cycle. No request waits for any of it.
 */
import { deadline } from '../clock.ts'
import { messageOf } from '../errors.ts'
import { peerIdOf, signAnnouncement } from './announcement.ts'
import { Dialler } from './dialler.ts'
import { Discovery } from './discovery.ts'
import { Exchange, exchangeProtocol } from './exchange.ts'
import { Intake } from './intake.ts'
import { Joins } from './joins.ts'
import { linkTargets } from './links.ts'
import { Members } from './members.ts'
import { Periodic } from '../periodic.ts'
import { zeroCounters } from './ports.ts'
import { RoundTrips } from './round-trips.ts'
import { Topics } from './topics.ts'
import type { Announcement, Member, SignedAnnouncement } from './announcement.ts'
import type { Patch } from './members.ts'
import type { Counters, Membership, MembershipComponents, MembershipInit } from './ports.ts'
import type { PeerName } from '../ids.ts'
import type { Connection, PeerId, Stream } from '@libp2p/interface'

export type { Member } from './announcement.ts'
export type { Membership, MembershipComponents, MembershipInit } from './ports.ts'

/** @throws AnnouncementError from `start` when a field of `init` cannot be announced */
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
  readonly #exchange: Exchange
  readonly #topics: Topics
  readonly #dialler: Dialler
  readonly #joins: Joins
  readonly #discovery: Discovery
  readonly #roundTrips: RoundTrips
  /** Linked peers that speak the exchange protocol. */
  readonly #speakers = new Map<PeerName, PeerId>()
  /** Every repeated work, in the order of a joining edge's life. */
  readonly #tasks: readonly Periodic[]
  readonly #core: Periodic
  readonly #joining: Periodic
  readonly #linking: Periodic
  readonly #measuring: Periodic
  readonly #looking: Periodic
  readonly #providing: Periodic
  #controller = new AbortController()
  #topology: string | undefined
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
      self: {
        peer: self,
        name: init.name,
        region,
        ...(init.zone !== undefined && { zone: init.zone }),
        http: init.http ?? '',
        weight: init.weight ?? 1,
        originHash: init.originHash ?? '',
        load: 0,
        draining: false
      },
      incarnation: Math.trunc(clock.wallMs()),
      nowMs: clock.nowMs(),
      random: clock.random,
      settings
    })
    const intake = new Intake({ clock, network, members: this.#members, onMerge: () => { this.#noticeChanges() } })
    this.#exchange = new Exchange({ clock, settings, members: this.#members, intake })
    this.#topics = new Topics({ network, region, digestBytesMax: settings.digestBytesMax, intake, counters })
    const isLinked = (peer: PeerName): boolean => this.#isLinked(peer)
    const hasLinks = (): boolean => components.connectionManager.getConnections().length > 0
    this.#dialler = new Dialler({
      clock,
      settings,
      self,
      isLinked,
      dial: async (peer, signal) => await components.connectionManager.openConnection(knownId(peer), { signal }),
      onSettled: () => { this.#linking.soon() },
      counters
    })
    this.#joins = new Joins({
      clock,
      settings,
      addresses: init.join.filter((address) => !address.toString().endsWith(`/p2p/${self}`)),
      isLinked,
      hasLinks,
      dial: async (address, signal) => (await components.connectionManager.openConnection(address, { signal })).remotePeer.toString(),
      warn: (message) => { this.#log.error(message) },
      counters
    })
    this.#discovery = new Discovery({
      clock,
      settings,
      network,
      region,
      contentRouting: components.contentRouting,
      hasLinks,
      hasFellow: () => this.members().some((member) => member.region === region && isLinked(member.peer)),
      onProvider: (peer) => {
        if (!this.isMember(peer)) this.#dialler.tryOnce(peer)
        this.#linking.soon()
      },
      counters
    })
    this.#roundTrips = new RoundTrips({
      clock,
      settings,
      linked: () => this.members().map(({ peer }) => peer).filter(isLinked),
      ping: async (peer, signal) => await components.ping.ping(knownId(peer), { signal })
    })

    const task = (run: (signal: AbortSignal) => number | Promise<number>): Periodic => new Periodic({
      clock,
      run,
      onError: (error) => { this.#log.error('%s', messageOf(error)) },
      retryMs: settings.linkIntervalMs
    })
    this.#core = task(async () => await this.#tick())
    this.#joining = task(async (signal) => await this.#joins.round(signal))
    this.#linking = task(async (signal) => await this.#link(signal))
    this.#measuring = task(async (signal) => await this.#roundTrips.round(signal))
    this.#providing = task(async (signal) => await this.#discovery.provide(signal))
    this.#looking = task(async (signal) => await this.#discovery.lookup(signal))
    const repairing = task(async (signal) => await this.#repair(signal))
    this.#tasks = [this.#joining, this.#core, this.#linking, this.#measuring, this.#providing, this.#looking, repairing]
  }

  self (): Member {
    return this.#members.self()
  }

  members (): readonly Member[] {
    return this.#members.live()
  }

  member (peer: PeerName): Member | undefined {
    return this.#members.member(peer)
  }

  isMember (peer: PeerName): boolean {
    return this.#members.member(peer) !== undefined
  }

  onChange (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  announce (patch: Patch): void {
    this.#members.announce(patch, this.#init.clock.nowMs())
    this.#noticeChanges()
  }

  rttMs (peer: PeerName): number | undefined {
    return this.#roundTrips.rttMs(peer)
  }

  counters (): Readonly<Counters & { expired: number, clones: number }> {
    return { ...this.#counters, expired: this.#members.expired, clones: this.#members.clones }
  }

  async start (): Promise<void> {
    const { registrar, events } = this.#components
    this.#controller = new AbortController()
    // Before anyone can ask for it: an exchange that finds nothing of oneself would have to be repeated.
    await this.#announceOwn()
    await registrar.handle(exchangeProtocol, this.#onStream, { maxInboundStreams: 4, maxOutboundStreams: 4 })
    this.#topology = await registrar.register(exchangeProtocol, { onConnect: this.#onSpeaker, onDisconnect: this.#onSilence })
    events.addEventListener('peer:connect', this.#onLink)
    events.addEventListener('peer:disconnect', this.#onUnlink)
  }

  afterStart (): void {
    this.#topics.start(this.#components.pubsub)
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
    if (this.#topology === undefined) return
    registrar.unregister(this.#topology)
    this.#topology = undefined
    this.#speakers.clear()
    await registrar.unhandle(exchangeProtocol)
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
    return await signAnnouncement(this.#init.network, announcement, this.#components.privateKey)
  }

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
    if (missed.length > 0 && clock.nowMs() >= this.#redialAtMs) {
      this.#redialAtMs = clock.nowMs() + settings.goneRedialMs
      this.#dialler.tryOnce(pick(missed, clock.random()))
    }
    this.#dialler.keep(linkTargets(this.self(), this.members(), settings))
    this.#dialler.round(signal)
    return settings.linkIntervalMs
  }

  /** Exchanges lists with one linked peer; an edge without any, as at its start, tries those of an earlier life. */
  async #repair (signal: AbortSignal): Promise<number> {
    const { clock, settings } = this.#init
    const speakers = [...this.#speakers.values()]
    if (speakers.length > 0) await this.#exchangeWith(pick(speakers, clock.random()), signal)
    else await this.#tryKnownPeers()
    return settings.antiEntropyIntervalMs * (0.5 + clock.random())
  }

  async #exchangeWith (peer: PeerId, signal: AbortSignal): Promise<void> {
    const [connection] = this.#components.connectionManager.getConnections(peer)
    if (connection !== undefined) await this.#exchangeOver(connection, signal)
  }

  async #exchangeOver (connection: Connection, signal: AbortSignal): Promise<void> {
    await this.#counted(this.#exchange.initiate(connection, signal))
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

  #isLinked (peer: PeerName): boolean {
    const id = peerIdOf(peer)
    return id !== undefined && this.#components.connectionManager.getConnections(id).length > 0
  }

  readonly #onStream = async (stream: Stream): Promise<void> => {
    await this.#counted(this.#exchange.respond(stream, this.#controller.signal))
  }

  /** The side that dialled begins the exchange: one is enough for both. */
  readonly #onSpeaker = (peer: PeerId, connection: Connection): void => {
    this.#speakers.set(peer.toString(), peer)
    this.#measuring.soon()
    if (connection.direction === 'outbound') void this.#exchangeOver(connection, this.#controller.signal)
  }

  readonly #onSilence = (peer: PeerId): void => {
    this.#speakers.delete(peer.toString())
  }

  readonly #onLink = (): void => {
    if (this.#components.connectionManager.getConnections().length > 1) return
    this.#discovery.restart()
    this.#providing.soon(this.#init.settings.discoveryFastMs)
    this.#looking.soon(this.#init.settings.discoveryFastMs)
  }

  readonly #onUnlink = (): void => {
    this.#linking.soon()
  }
}

function knownId (peer: PeerName): PeerId {
  const id = peerIdOf(peer)
  if (id === undefined) throw new TypeError(`${peer} is not an Ed25519 peer id`)
  return id
}

function pick<T> (items: readonly T[], chance: number): T {
  return items[Math.floor(chance * items.length)] as T
}
