/**
 * Which members an edge keeps a connection to, computed from the member list alone, so that every
 * edge can also compute it for another. In its own region: all, while the region is small, otherwise
 * its neighbours on K pseudo-random rings, which make an expander of about 2K links however large the
 * region is (Rapid: Suresh et al. 2018, section 4.1). In other regions: a few each, chosen by
 * rendezvous hashing (Thaler and Ravishankar 1998), so that edges of one region spread over the other.
 */
import { hash } from 'node:crypto'
import type { Member } from './announcement.ts'
import type { PeerName, Region } from '../ids.ts'
import type { MembershipSettings } from './settings.ts'

export type LinkSettings = Pick<MembershipSettings, 'regionLinksMax' | 'ringCount' | 'otherRegionLinks' | 'globalLinksMax'>

type Subject = Pick<Member, 'peer' | 'region'>

/** @returns the peers to be connected with, `self` not among them */
export function linkTargets (self: Subject, members: readonly Subject[], settings: LinkSettings): ReadonlySet<PeerName> {
  return new Links(self.peer, settings).targets(self.region, members)
}

/** The links of one edge. Places of peers are kept, as each list of members has nearly the same ones as the last. */
export class Links {
  readonly #self: PeerName
  readonly #settings: LinkSettings
  /** By peer: its places on the rings. */
  #places = new Map<PeerName, readonly number[]>()
  /** By peer or region: its place in this edge's own order. */
  #ranks = new Map<string, number>()
  #members: readonly Subject[] | undefined
  #targets: ReadonlySet<PeerName> = new Set()

  constructor (self: PeerName, settings: LinkSettings) {
    this.#self = self
    this.#settings = settings
  }

  /** @returns the peers to be connected with, this edge not among them; the same for the same array of members */
  targets (region: Region, members: readonly Subject[]): ReadonlySet<PeerName> {
    if (members === this.#members) return this.#targets
    this.#members = members
    this.#targets = this.#choose(region, members)
    return this.#targets
  }

  #choose (ownRegion: Region, members: readonly Subject[]): Set<PeerName> {
    const fellows: PeerName[] = []
    const others = new Map<Region, PeerName[]>()
    for (const { peer, region } of members) {
      if (peer === this.#self) continue
      if (region === ownRegion) fellows.push(peer)
      else if (others.get(region)?.push(peer) === undefined) others.set(region, [peer])
    }
    this.#forget(fellows, others)
    const targets = fellows.length <= this.#settings.regionLinksMax ? new Set(fellows) : this.#ringNeighbours(fellows)
    for (const peer of this.#otherRegions(others)) targets.add(peer)
    return targets
  }

  /** The nearest peer on either side of this edge on each ring. Both sides choose each other. */
  #ringNeighbours (peers: readonly PeerName[]): Set<PeerName> {
    const chosen = new Set<PeerName>()
    for (let ring = 0; ring < this.#settings.ringCount; ring++) {
      const own = this.#placesOf(this.#self)[ring] ?? 0
      let [next, previous, first, last] = [ends, ends, ends, ends]
      for (const peer of peers) {
        const at = { peer, place: this.#placesOf(peer)[ring] ?? 0 }
        if (at.place > own && (next === ends || at.place < next.place)) next = at
        if (at.place < own && (previous === ends || at.place > previous.place)) previous = at
        if (first === ends || at.place < first.place) first = at
        if (last === ends || at.place > last.place) last = at
      }
      chosen.add(next === ends ? first.peer : next.peer)
      chosen.add(previous === ends ? last.peer : previous.peer)
    }
    return chosen
  }

  /** Every region gets its first link before any gets its second; where the links run out, rendezvous hashing decides. */
  #otherRegions (others: ReadonlyMap<Region, readonly PeerName[]>): PeerName[] {
    const { otherRegionLinks, globalLinksMax } = this.#settings
    const regions = this.#ranked([...others.keys()])
    const choices = regions.map((region) => this.#ranked(others.get(region) ?? []).slice(0, otherRegionLinks))
    const rounds = Array.from({ length: otherRegionLinks }, (_, round) => choices.flatMap((peers) => peers.slice(round, round + 1)))
    return rounds.flat().slice(0, globalLinksMax)
  }

  #ranked (candidates: readonly string[]): string[] {
    return candidates
      .map((candidate) => ({ candidate, place: memo(this.#ranks, candidate, () => score(this.#self, candidate)) }))
      .sort((a, b) => b.place - a.place)
      .map(({ candidate }) => candidate)
  }

  #placesOf (peer: PeerName): readonly number[] {
    return memo(this.#places, peer, () => Array.from({ length: this.#settings.ringCount }, (_, ring) => score(`ring ${ring}`, peer)))
  }

  /** Those that have gone, once they are as many as those that are here. */
  #forget (fellows: readonly PeerName[], others: ReadonlyMap<Region, readonly PeerName[]>): void {
    if (this.#places.size > 2 * fellows.length + 64) this.#places = new Map()
    if (this.#ranks.size > 2 * [...others.values()].reduce((sum, peers) => sum + 1 + peers.length, 32)) this.#ranks = new Map()
  }
}

/**
 * The links to dial. One into another region is left as long as another link leads there and the edge has as many into
 * other regions as it wants: with each edge that joins, some old ones would rather be linked to it, and old links stay.
 *
 * @param linked whom this edge is connected with
 */
export function linksToDial (
  targets: ReadonlySet<PeerName>,
  linked: Iterable<PeerName>,
  ownRegion: Region,
  regionOf: (peer: PeerName) => Region | undefined,
  { globalLinksMax }: Pick<LinkSettings, 'globalLinksMax'>
): Set<PeerName> {
  const abroad = [...linked].map(regionOf).filter((region) => region !== undefined && region !== ownRegion)
  const isSpare = (region: Region | undefined): boolean => region !== ownRegion && abroad.length >= globalLinksMax && abroad.includes(region)
  return new Set([...targets].filter((peer) => !isSpare(regionOf(peer))))
}

/** Beyond either end of a ring. */
const ends = { peer: '', place: 0 }

function memo<Value> (known: Map<string, Value>, key: string, make: () => Value): Value {
  const held = known.get(key)
  if (held !== undefined) return held
  const made = make()
  known.set(key, made)
  return made
}

/** 48 bits, the most that a buffer reads as a number: an edge keeps one for each member. */
function score (salt: string, subject: string): number {
  return hash('sha256', `${salt}\0${subject}`, 'buffer').readUIntBE(0, 6)
}
