/**
 * What routing sees of the colony: membership, rings, who holds what, and the asking of peers, joined into
 * one port. Keeps the rings up to date with the members and this edge's load known to the others.
 */
import type { Clock } from '../protocols/clock.ts'
import type { Directory } from '../protocols/directory/directory.ts'
import { rank } from '../protocols/directory/ranking.ts'
import type { Fetch } from '../protocols/fetch/service.ts'
import type { Filters } from '../protocols/filters/service.ts'
import type { LoadGate } from '../protocols/locate/bounded-load.ts'
import type { Locate, LocateMember } from '../protocols/locate/locate.ts'
import type { Member, Membership } from '../protocols/membership/service.ts'
import type { ContentKey, PeerName, Region } from '../protocols/ids.ts'
import type { Providers } from '../protocols/providers/service.ts'
import type { Logger } from './log.ts'
import type { Peers } from './routing/peers.ts'

export interface MeshInit {
  readonly membership: Membership
  readonly fetch: Fetch
  readonly directory: Directory
  readonly filters: Filters
  readonly providers: Providers
  readonly locate: Locate
  readonly gate: LoadGate
  readonly clock: Clock
  readonly logger: Logger
  readonly loadAnnounceMs: number
  /** What a peer announces above it counts as it. */
  readonly weightMax: number
  /** The weight that was agreed for an edge; undefined where it keeps the one that it announces. */
  readonly weightOf?: (member: Member) => number | undefined
  /** Where the published object of a key belongs. */
  readonly replicas: (key: ContentKey) => readonly PeerName[]
  /** The region's ring is another one now. */
  readonly onRingChange: () => void
  /** Members came, went or said something new. */
  readonly onChange: () => void
}

export class Mesh implements Peers {
  readonly #init: MeshInit
  readonly #warned = new Set<PeerName>()
  #ring: string | undefined
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
  /** Members as rings take them. An edge that is leaving still answers `have`, but owns nothing. */
  owning (): LocateMember[] {
    const { membership, weightMax, weightOf } = this.#init
    return membership.members().filter(({ draining }) => !draining)
      .map((member) => ({ peer: member.peer, region: member.region, zone: member.zone, weight: weightOf?.(member) ?? Math.min(member.weight, weightMax) }))
  }

  owners (key: ContentKey, n: number, region: Region): PeerName[] { return this.#init.locate.owners(key, n, region) }
  homeRegions (key: ContentKey): Region[] { return this.#init.locate.homeRegions(key) }
  previousOwner (key: ContentKey): PeerName | undefined { return this.#init.locate.previousOwner(key) }
  holders (key: ContentKey): readonly PeerName[] { return this.#init.directory.holders(key) }
  neighbours (key: ContentKey): readonly PeerName[] { return rank(key, this.#init.filters.candidates(key), this.#standings) }
  replicas (key: ContentKey): readonly PeerName[] { return this.#init.replicas(key) }
  wrongNeighbour (peer: PeerName): void { this.#init.filters.wrong(peer) }
  providers (key: ContentKey, signal: AbortSignal): AsyncIterable<PeerName> { return this.#init.providers.find(key, { signal }) }
  rttMs (peer: PeerName): number | undefined { return this.#init.membership.distanceMs(peer) }
  ask: Peers['ask'] = async (peer, ask, options) => await this.#init.fetch.ask(peer, ask, options)

  /** Other weights were agreed on. */
  reweigh (): void { if (this.#stop.length > 0) this.#update() }

  #update (): void {
    const { membership, locate } = this.#init
    const members = membership.members()
    locate.update(this.owning())
    this.#byRegion = new Map([...Map.groupBy(members, (member) => member.region)].map(([region, each]) => [region, each.map((member) => member.peer)]))
    this.#warnOfOtherOrigins(members)
    this.#init.directory.membersChanged()
    this.#init.onChange()
    const ring = locate.ringHash()
    if (ring === this.#ring) return
    this.#ring = ring
    this.#init.directory.ringChanged()
    this.#init.onRingChange()
  }

  /** Whether some edge, maybe gone by now, fills its sites from elsewhere than this one. */
  hasOtherOrigins (): boolean { return this.#warned.size > 0 }

  #warnOfOtherOrigins (members: readonly Member[]): void {
    const own = this.#init.membership.self()
    for (const { peer, name, region, originHash } of members) {
      if (originHash === own.originHash || this.#warned.has(peer)) continue
      this.#warned.add(peer)
      this.#init.logger.warn({ peer, member: name, region }, 'an edge of this colony fills its sites from other origins: what either has is served by both')
    }
  }

  get #standings (): Parameters<typeof rank>[2] {
    const { membership } = this.#init
    return { self: this.self, rttMs: (peer) => membership.rttMs(peer), estimateMs: (peer) => membership.distanceMs(peer), load: (peer) => membership.member(peer)?.load }
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
