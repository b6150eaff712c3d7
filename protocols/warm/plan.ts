/**
 * Which edges are to have a key that is warmed: its owners in each chosen region, as those are whom everyone asks. The
 * first of them goes ahead: it is the owner in the region nearest to the key's home, on which all the others wait
 * anyway, and what it learns (an error, not to be stored) need not be learned again by each of the others.
 */
import type { ContentKey, PeerName, Region } from '../ids.ts'

export interface WarmTarget {
  readonly peer: PeerName
  readonly region: Region
}

/** The rings and the order of the regions, as `Locate` knows them. */
export interface WarmOwners {
  owners: (key: ContentKey, n: number, region: Region) => readonly PeerName[]
  /** All regions that have members, the home of `key` first. */
  homeRegions: (key: ContentKey) => readonly Region[]
}

/** @param copies wanted in each region; one that has fewer edges gets as many as those */
export function planWarm (locate: WarmOwners, key: ContentKey, regions: ReadonlySet<Region>, copies: number): WarmTarget[] {
  return locate.homeRegions(key).filter((region) => regions.has(region))
    .flatMap((region) => locate.owners(key, copies, region).map((peer) => ({ peer, region })))
}
