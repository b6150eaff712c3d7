/**
 * Rings and home regions for all edges of a world. Edges that see the same members of a region see the same ring,
 * so they share one `Locate` for it: 1,200 edges with 120 rings of 250 KB each would not fit into any machine. Which
 * members an edge sees, and what it saw before, stays its own.
 */
import { homePlace, rankRegions, regionHash } from '../../../protocols/locate/home.ts'
import { Locate, type LocateMember, type LocateSettings } from '../../../protocols/locate/locate.ts'
import { KeyWord } from '../../../protocols/key-word.ts'
import { hashText, mix } from '../../workload/sizes.ts'
import type { Ring } from '../../../protocols/locate/ring.ts'
import type { ContentKey, Region } from '../../../protocols/ids.ts'
import type { Member } from '../../../protocols/membership/announcement.ts'
import type { Objects } from './objects.ts'

/** Views kept when nobody may need them any more: every region's present one, and some of the past. */
const sharedMax = 2_048
/** Sets of regions for which homes are remembered, 2 bytes an object each. */
const homeTablesMax = 4

export class Rings {
  readonly #settings: LocateSettings
  readonly #objects: Objects
  readonly #locates = new Map<string, Locate>()
  readonly #members = new Map<string, RegionMembers>()
  readonly #homes = new Map<string, Homes>()
  readonly #owners = new WeakMap<Locate, Owners>()
  readonly #indexOf: (peer: string) => number

  constructor (settings: LocateSettings, objects: Objects, indexOf: (peer: string) => number) {
    this.#indexOf = indexOf
    this.#settings = settings
    this.#objects = objects
  }

  /** @param before what the same edge saw of the region until now */
  locate (region: Region, members: RegionMembers, before: RegionMembers | undefined): Locate {
    const name = `${region}/${before?.signature ?? ''}/${members.signature}`
    let locate = this.#locates.get(name)
    if (locate === undefined) {
      locate = new Locate({ region, settings: this.#settings })
      if (before !== undefined) locate.update(before.owning)
      locate.update(members.owning)
      this.#locates.set(name, locate)
      if (this.#locates.size > sharedMax) this.#locates.delete(this.#locates.keys().next().value as string)
    }
    return locate
  }

  /** @returns the same for equal members in the same order: a thousand edges hold one in place of a thousand */
  shared (members: RegionMembers, region: Region): RegionMembers {
    const name = `${region}/${members.peers[0] ?? ''}/${members.signature}`
    const known = this.#members.get(name)
    if (known?.peers.length === members.peers.length && known.peers.every((peer, at) => peer === members.peers[at])) return known
    this.#members.delete(name)
    this.#members.set(name, members)
    if (this.#members.size > sharedMax) this.#members.delete(this.#members.keys().next().value as string)
    return members
  }

  /** Where objects are at home among these regions, which are sorted: a table for all edges that see the same ones. */
  homes (regions: readonly Region[], signature: string): Homes {
    let homes = this.#homes.get(signature)
    if (homes === undefined) {
      if (this.#homes.size >= homeTablesMax) this.#homes.delete(this.#homes.keys().next().value as string)
      homes = new Homes(this.#objects, regions)
      this.#homes.set(signature, homes)
    }
    return homes
  }

  /** The ring of a `Locate` from here, by numbers of edges. */
  owners (locate: Locate): Owners {
    let owners = this.#owners.get(locate)
    if (owners === undefined) {
      owners = new Owners(locate.ring()!, this.#indexOf)
      this.#owners.set(locate, owners)
    }
    return owners
  }

  ranked (key: ContentKey, regions: readonly Region[]): Region[] { return rankRegions(key, regions) }
}

/** The home of each object, worked out when somebody asks for the first time. */
export class Homes {
  readonly #objects: Objects
  readonly #hashes: Int32Array
  /** The region's place, plus one. */
  #places: Uint16Array | undefined

  constructor (objects: Objects, regions: readonly Region[]) {
    this.#objects = objects
    this.#hashes = Int32Array.from(regions, regionHash)
  }

  /** @returns the region's place among the sorted ones; -1 where there is none */
  of (object: number): number {
    // An edge that has just started sees its own region alone, and nobody asks it: no table for that.
    this.#places ??= new Uint16Array(this.#objects.count)
    const known = this.#places[object]!
    if (known > 0) return known - 1
    const place = homePlace(this.#objects.word(object, KeyWord.Home), this.#hashes)
    this.#places[object] = place + 1
    return place
  }
}

/** What one edge sees of a region. */
export interface RegionMembers {
  readonly peers: readonly string[]
  readonly owning: readonly LocateMember[]
  /** Equal for equal `owning`, whatever the order. */
  readonly signature: string
}

export interface View {
  readonly revision: number
  readonly regions: readonly Region[]
  readonly regionsSignature: string
  readonly byRegion: ReadonlyMap<Region, RegionMembers>
  readonly locates: ReadonlyMap<Region, Locate>
  readonly homes: Homes
  /** The own region's place among `regions`; -1 where it has no ring. */
  readonly place: number
  /** For each of `regions`: its ring, and which edge each member of it is. */
  readonly owners: readonly Owners[]
}

const stretchBits = 18
const contested = -1

/** The owners by a region's ring, as numbers of edges: for stretches of the circle without a point by one look into a table. */
export class Owners {
  readonly #ring: Ring
  readonly #edges: Int32Array
  #stretches: Int16Array | undefined

  constructor (ring: Ring, indexOf: (peer: string) => number) {
    this.#ring = ring
    this.#edges = Int32Array.from(ring.peers(), indexOf)
  }

  /** @param word the key's for rings */
  of (word: number): number {
    const stretches = this.#stretches ??= this.#survey()
    const edge = stretches[word >>> 32 - stretchBits]!
    return edge === contested ? this.#edges[this.#ring.ownerPlace(word)]! : edge
  }

  #survey (): Int16Array {
    const { positions, members } = this.#ring.points
    const stretches = new Int16Array(2 ** stretchBits)
    let at = 0
    for (let stretch = 0; stretch < stretches.length; stretch++) {
      const first = at
      const end = (stretch + 1) * 2 ** (32 - stretchBits)
      while (at < positions.length && positions[at]! < end) at++
      // The first point behind it; past the last one, the first.
      stretches[stretch] = at > first ? contested : this.#edges[members[at === positions.length ? 0 : at]!]!
    }
    return stretches
  }
}

/**
 * As daemon/mesh.ts makes rings of members: one that leaves still answers `have`, but owns nothing.
 *
 * @param remembers whether who owned a key before is asked for: else all edges of a region share its ring
 */
export function viewOf (rings: Rings, own: Region, members: readonly Member[], revision: number, weightMax: number, remembers: boolean, last: View | undefined): View {
  const lists = new Map<Region, Member[]>()
  for (const member of members) {
    const list = lists.get(member.region)
    if (list === undefined) lists.set(member.region, [member])
    else list.push(member)
  }
  const byRegion = new Map<Region, RegionMembers>()
  const locates = new Map<Region, Locate>()
  for (const [region, list] of lists) {
    const now = rings.shared(regionMembers(list, weightMax), region)
    const before = last?.byRegion.get(region)
    const same = before?.signature === now.signature
    byRegion.set(region, now)
    const locate = same ? last?.locates.get(region) : undefined
    if (locate !== undefined) locates.set(region, locate)
    else if (now.owning.length > 0) locates.set(region, rings.locate(region, now, region === own && remembers ? before : undefined))
  }
  const regions = [...locates.keys()].sort()
  const ownersOf = (all: readonly Region[]): Owners[] => all.map((region) => rings.owners(locates.get(region)!))
  if (last !== undefined && last.regions.length === regions.length && regions.every((region, at) => region === last.regions[at])) {
    const { homes, regionsSignature, place } = last
    return { revision, regions: last.regions, regionsSignature, byRegion, locates, homes, place, owners: ownersOf(regions) }
  }
  const regionsSignature = regions.join()
  return { revision, regions, regionsSignature, byRegion, locates, homes: rings.homes(regions, regionsSignature), place: regions.indexOf(own), owners: ownersOf(regions) }
}

function regionMembers (members: readonly Member[], weightMax: number): RegionMembers {
  const owning: LocateMember[] = []
  const peers: string[] = []
  let sum = 0
  let other = 0
  for (const { peer, region, weight, zone, draining } of members) {
    peers.push(peer)
    if (draining) continue
    const capped = Math.min(weight, weightMax)
    owning.push({ peer, region, weight: capped, zone })
    const hash = mix(hashText(peer) ^ mix(hashText(`${capped}/${zone ?? ''}`)))
    sum = (sum + hash) | 0
    other = (other + mix(hash ^ 0x3c6ef372)) | 0
  }
  return { peers, owning, signature: `${owning.length}.${sum >>> 0}.${other >>> 0}` }
}
