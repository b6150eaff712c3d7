/**
 * What routing sees of the colony: membership, rings and the asking of peers, joined into one port.
 * Keeps the rings up to date with the members and this edge's load known to the others.
 */
import type { Clock } from '../protocols/clock.ts'
import type { Fetch } from '../protocols/fetch/service.ts'
import type { LoadGate } from '../protocols/locate/bounded-load.ts'
import type { Locate } from '../protocols/locate/locate.ts'
import type { Member, Membership } from '../protocols/membership/service.ts'
import type { PeerName, Region } from '../protocols/ids.ts'
import type { Logger } from './log.ts'
import type { Peers } from './routing/peers.ts'

export interface MeshInit {
  readonly membership: Membership
  readonly fetch: Fetch
  readonly locate: Locate
  readonly gate: LoadGate
  readonly clock: Clock
  readonly logger: Logger
  readonly loadAnnounceMs: number
  /** What a peer announces above it counts as it. */
  readonly weightMax: number
}

export class Mesh implements Peers {
  readonly #init: MeshInit
  readonly #warned = new Set<PeerName>()
  #byRegion: ReadonlyMap<Region, readonly PeerName[]> = new Map()
  #stop: Array<() => void> = []

  constructor (init: MeshInit) { this.#init = init }

  get self (): PeerName { return this.#init.membership.self().peer }
  get region (): Region { return this.#init.membership.self().region }

  start (): void {
    this.#update()
    this.#stop.push(this.#init.membership.onChange(() => { this.#update() }))
    this.#announceLoad()
  }

  stop (): void {
    for (const stop of this.#stop) stop()
    this.#stop = []
  }

  regionOf (peer: PeerName): Region | undefined { return this.#init.membership.member(peer)?.region }
  members (region: Region): readonly PeerName[] { return this.#byRegion.get(region) ?? [] }
  owners (key: Parameters<Peers['owners']>[0], n: number, region: Region): PeerName[] { return this.#init.locate.owners(key, n, region) }
  homeRegions (key: Parameters<Peers['owners']>[0]): Region[] { return this.#init.locate.homeRegions(key) }
  previousOwner (key: Parameters<Peers['owners']>[0]): PeerName | undefined { return this.#init.locate.previousOwner(key) }
  rttMs (peer: PeerName): number | undefined { return this.#init.membership.rttMs(peer) }
  ask: Peers['ask'] = async (peer, ask, options) => await this.#init.fetch.ask(peer, ask, options)

  #update (): void {
    const { membership, locate, weightMax } = this.#init
    const members = membership.members()
    // An edge that is leaving still answers `have`, but owns nothing.
    const owning = members.filter((member) => !member.draining)
    locate.update(owning.map(({ peer, region, weight, zone }) => ({ peer, region, zone, weight: Math.min(weight, weightMax) })))
    this.#byRegion = new Map([...Map.groupBy(members, (member) => member.region)].map(([region, each]) => [region, each.map((member) => member.peer)]))
    this.#warnOfOtherOrigins(members)
  }

  #warnOfOtherOrigins (members: readonly Member[]): void {
    const own = this.#init.membership.self()
    for (const { peer, name, region, originHash } of members) {
      if (originHash === own.originHash || this.#warned.has(peer)) continue
      this.#warned.add(peer)
      this.#init.logger.warn({ peer, member: name, region }, 'an edge of this colony fills its sites from other origins: what either has is served by both')
    }
  }

  #announceLoad (): void {
    const { membership, locate, gate, clock, loadAnnounceMs } = this.#init
    const own = membership.self()
    const othersPerSecond = membership.members().filter(({ peer, region }) => region === own.region && peer !== own.peer).map(({ load }) => load)
    gate.observe({ othersPerSecond, weightShare: locate.weightShare(own.peer) ?? 1 })
    membership.announce({ load: Math.round(gate.announce(clock.nowMs()) * 10) / 10 })
    this.#stop.push(clock.after(loadAnnounceMs, () => {
      this.#stop.pop()
      this.#announceLoad()
    }))
  }
}
