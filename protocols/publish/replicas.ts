/**
 * Which edges hold a published object: a pure function of the member list, the same on every edge. The regions take turns
 * in the key's home order, each giving its next owner in a zone that has no copy yet; when no such zone is left, the
 * rest follow in the same turns. So the first replica is the home region's first owner, which is where the
 * usual way of a request ends, and the second is in another region where there is one. Where no zones
 * are known a region counts as one.
 */
import type { ContentKey, PeerName, Region } from '../ids.ts'

/** What is known of the colony; `Locate` fits, with the members' zones. */
export interface Ground {
  homeRegions: (key: ContentKey) => readonly Region[]
  owners: (key: ContentKey, n: number, region: Region) => readonly PeerName[]
  zoneOf: (peer: PeerName) => string | undefined
}

/** Owners of a region that are looked at: a fixed number, so that a longer answer always begins with the shorter one. */
const ownersMax = 24

/** @returns the first `n`; fewer where the colony is smaller. A longer answer begins with the shorter. */
export function replicas (ground: Ground, key: ContentKey, n: number): PeerName[] {
  const queues = ground.homeRegions(key).map((region) => firstOfZones(ground.owners(key, ownersMax, region), ground.zoneOf))
  const apart = inTurns(queues.map(({ first }) => first))
  return [...apart, ...inTurns(queues.map(({ rest }) => rest))].slice(0, n)
}

/** Parts a region's owners into the first of each zone and those after them, each in their order. */
function firstOfZones (owners: readonly PeerName[], zoneOf: Ground['zoneOf']): { first: PeerName[], rest: PeerName[] } {
  const zones = new Set<string | undefined>()
  const first: PeerName[] = []
  const rest: PeerName[] = []
  for (const owner of owners) {
    const zone = zoneOf(owner)
    if (zones.has(zone)) rest.push(owner)
    else first.push(owner)
    zones.add(zone)
  }
  return { first, rest }
}

function inTurns (queues: readonly (readonly PeerName[])[]): PeerName[] {
  const turns: PeerName[] = []
  const rounds = Math.max(0, ...queues.map(({ length }) => length))
  for (let round = 0; round < rounds; round++) {
    for (const queue of queues) {
      const peer = queue[round]
      if (peer !== undefined) turns.push(peer)
    }
  }
  return turns
}
