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
export function linkTargets (self: Subject, members: readonly Subject[], settings: LinkSettings): Set<PeerName> {
  const fellows: PeerName[] = []
  const others = new Map<Region, PeerName[]>()
  for (const { peer, region } of members) {
    if (peer === self.peer) continue
    if (region === self.region) fellows.push(peer)
    else others.set(region, [...others.get(region) ?? [], peer])
  }
  const targets = fellows.length <= settings.regionLinksMax
    ? new Set(fellows)
    : ringNeighbours(self.peer, fellows, settings.ringCount)
  for (const peer of otherRegions(self.peer, others, settings)) targets.add(peer)
  return targets
}

/** The nearest peer on either side of `self` on each ring. Both sides choose each other. */
function ringNeighbours (self: PeerName, peers: readonly PeerName[], ringCount: number): Set<PeerName> {
  const chosen = new Set<PeerName>()
  for (let ring = 0; ring < ringCount; ring++) {
    const placed = [self, ...peers].map((peer) => ({ peer, place: score(`ring ${ring}`, peer) }))
    placed.sort((a, b) => a.place < b.place ? -1 : 1)
    const at = placed.findIndex(({ peer }) => peer === self)
    for (const step of [1, placed.length - 1]) {
      const neighbour = placed[(at + step) % placed.length]
      if (neighbour !== undefined) chosen.add(neighbour.peer)
    }
  }
  return chosen
}

/** Every region gets its first link before any gets its second; where the links run out, rendezvous hashing decides. */
function otherRegions (self: PeerName, others: ReadonlyMap<Region, readonly PeerName[]>, settings: LinkSettings): PeerName[] {
  const regions = ranked(self, [...others.keys()])
  const choices = regions.map((region) => ranked(self, others.get(region) ?? []).slice(0, settings.otherRegionLinks))
  const rounds = Array.from({ length: settings.otherRegionLinks }, (_, round) => choices.flatMap((peers) => peers.slice(round, round + 1)))
  return rounds.flat().slice(0, settings.globalLinksMax)
}

function ranked (self: PeerName, candidates: readonly string[]): string[] {
  return candidates
    .map((candidate) => ({ candidate, place: score(self, candidate) }))
    .sort((a, b) => a.place < b.place ? 1 : -1)
    .map(({ candidate }) => candidate)
}

/** Hex text of one length: compares as the number does. */
function score (salt: string, subject: string): string {
  return hash('sha256', `${salt}\0${subject}`).slice(0, 16)
}
