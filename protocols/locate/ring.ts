/**
 * The consistent-hash ring of one region: who owns a key, and who comes next when that one is busy or
 * silent. Each member stands on a circle of 2^32 positions at many points (virtual nodes) in
 * proportion to its weight; a key belongs to the first point at or after its own position. The same
 * members give the same ring on every machine, in whatever order they are listed, so edges agree on
 * owners without a word. A miss asks it once; it is rebuilt whole when the region's members change.
 *
 * @see Karger and others 1997 (consistent hashing); DeCandia and others 2007, section 4.2 (virtual
 *      nodes by weight, distinct servers on the walk)
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { ContentKey, PeerName } from '../ids.ts'
import { KeyWord, keyWord } from '../key-word.ts'

export interface RingMember {
  readonly peer: PeerName
  /** Relative capacity, in (0, `weightMax`]; 1 is the ordinary server. */
  readonly weight: number
  /** Rack, room or power feed: what fails together. Undefined when not known. */
  readonly zone?: string | undefined
  /** The machine, where several members share one; the peer itself when undefined. */
  readonly server?: string | undefined
}

/** All edges of a colony must hold the same values, or they compute different owners; `epochHash` shows it. */
export const ringDefaults = Object.freeze({
  /**
   * Points of a member of weight 1. A member's share strays from the fair one by about `1 / sqrt(points)`:
   * with 4096 that is 1.6 %, so the largest of 100 equal members stays below 6 % (measured; 800 points
   * pass 10 % in a third of such rings, 400 in nearly all) and a join moves at most 1.05 of its fair
   * share (460 joins: at most 1.043). Raising costs 6 bytes and about 50 ns of building for each point.
   */
  pointsPerWeight: 4096,
  /**
   * Largest weight. It bounds what one announcement can make every edge of its region allocate: 16 is
   * 65,536 points, 384 KiB. Raising it widens that; lowering it flattens regions of unequal servers.
   */
  weightMax: 16
})
export type RingSettings = { readonly [K in keyof typeof ringDefaults]: number }

/** Part of `epochHash`: raise it when the same members would get other owners than before. */
const ringVersion = 1
/** A point names its member in 16 bits. */
const membersMax = 65_536

interface Points {
  /** Positions on the circle, ascending; equal ones in the order of their members. */
  readonly positions: Uint32Array
  /** For each position, which member stands there. */
  readonly members: Uint16Array
}

/** Immutable. The points are made at the first look-up, so a ring that is only compared costs one small hash. */
export class Ring {
  /** 12 characters of base64url over members, weights, zones, servers and settings: equal rings, equal hashes. */
  readonly epochHash: string
  readonly #members: readonly RingMember[]
  readonly #indexOf: ReadonlyMap<PeerName, number>
  readonly #weightSum: number
  readonly #serverCount: number
  readonly #zoneCount: number
  readonly #pointsPerWeight: number
  #made: Points | undefined

  /** @param members in any order; a peer twice, or a weight outside (0, `weightMax`], is the caller's error */
  constructor (members: readonly RingMember[], settings: RingSettings = ringDefaults) {
    assert(members.length <= membersMax, `a ring holds at most ${membersMax} members, not ${members.length}`)
    for (const { peer, weight } of members) {
      assert(weight > 0 && weight <= settings.weightMax, `weight ${weight} of ${peer} is outside (0, ${settings.weightMax}]`)
    }
    // By code unit, never by locale: the order decides between equal points on every machine.
    this.#members = members.toSorted((a, b) => a.peer < b.peer ? -1 : a.peer > b.peer ? 1 : 0)
    this.#indexOf = new Map(this.#members.map(({ peer }, index) => [peer, index]))
    assert.equal(this.#indexOf.size, members.length, 'a peer is listed twice')
    this.#weightSum = this.#members.reduce((sum, { weight }) => sum + weight, 0)
    this.#serverCount = new Set(this.#members.map(serverOf)).size
    this.#zoneCount = new Set(this.#members.map(({ zone }) => zone).filter((zone) => zone !== undefined)).size
    this.#pointsPerWeight = settings.pointsPerWeight
    this.epochHash = createHash('sha256').update(JSON.stringify([
      ringVersion,
      settings.pointsPerWeight,
      this.#members.map((member) => [member.peer, member.weight, member.zone ?? null, serverOf(member)])
    ])).digest('base64url').slice(0, 12)
  }

  /** Members. */
  get size (): number {
    return this.#members.length
  }

  /** For whoever builds an index of his own; not to be changed. */
  get points (): { readonly positions: Readonly<Uint32Array>, readonly members: Readonly<Uint16Array> } { return this.#points() }

  /** Memory of the points, bytes; makes them when they are not there yet. */
  get bytes (): number {
    const { positions, members } = this.#points()
    return positions.byteLength + members.byteLength
  }

  /** Members in the order of their names. */
  peers (): PeerName[] {
    return this.#members.map(({ peer }) => peer)
  }

  has (peer: PeerName): boolean {
    return this.#indexOf.has(peer)
  }

  /** The member's weight over the sum of all weights, 0 to 1; 0 for one that is not a member. */
  weightShare (peer: PeerName): number {
    const member = this.#members[this.#indexOf.get(peer) ?? -1]
    return member === undefined ? 0 : member.weight / this.#weightSum
  }

  /** Who owns `key`: the first of `owners`, without the walk. Undefined on an empty ring. */
  owner (key: ContentKey): PeerName | undefined {
    return this.#members[this.ownerPlace(keyWord(key, KeyWord.Ring))]?.peer
  }

  /** The owner's place in `peers()`, by the key's word for rings; -1 on an empty ring. */
  ownerPlace (position: number): number {
    return this.size === 0 ? -1 : this.#points().members[this.#firstPoint(position)] as number
  }

  /**
   * The first `n` owners of `key`, the first choice first, each on a server of its own; fewer when
   * there are fewer servers. While some known zone has no owner yet, a server whose zone has one is
   * passed over, and comes back, in its turn, when no zone is left. Zones never change the first owner,
   * and a server whose zone is not known is taken where it stands. A longer answer begins with the shorter.
   */
  owners (key: ContentKey, n: number): PeerName[] {
    const wanted = Math.min(n, this.#serverCount)
    if (wanted <= 0) return []
    const { members } = this.#points()
    const chosen: PeerName[] = []
    const passed: PeerName[] = []
    const servers = new Set<string>()
    const zones = new Set<string>()
    let at = this.#firstPoint(keyWord(key, KeyWord.Ring))
    while (chosen.length < wanted && servers.size < this.#serverCount) {
      const member = this.#members[members[at] as number] as RingMember
      at = at + 1 === members.length ? 0 : at + 1
      if (servers.has(serverOf(member))) continue
      servers.add(serverOf(member))
      const { peer, zone } = member
      if (zone !== undefined && zones.has(zone) && zones.size < this.#zoneCount) {
        passed.push(peer)
        continue
      }
      chosen.push(peer)
      if (zone === undefined || zones.has(zone)) continue
      zones.add(zone)
      // Every zone has its owner now: those passed over stand nearer than whoever follows.
      if (zones.size === this.#zoneCount) chosen.push(...passed.splice(0))
    }
    return [...chosen, ...passed].slice(0, wanted)
  }

  /**
   * Index of the first point at or after a position; past the last one, the first. By binary search near where it should be, as points
   * are spread evenly: so far off that the search has to begin anew is one in thousands.
   */
  #firstPoint (position: number): number {
    const { positions } = this.#points()
    const guess = position / 2 ** 32 * positions.length
    const slack = 2 * Math.sqrt(positions.length)
    let low = Math.max(0, Math.floor(guess - slack))
    let high = Math.min(positions.length, Math.ceil(guess + slack))
    if (low > 0 && positions[low - 1] as number >= position) low = 0
    if (high < positions.length && positions[high] as number < position) high = positions.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (positions[middle] as number < position) low = middle + 1
      else high = middle
    }
    return low === positions.length ? 0 : low
  }

  #points (): Points {
    this.#made ??= makePoints(this.#members, this.#pointsPerWeight)
    return this.#made
  }
}

function serverOf ({ peer, server }: RingMember): string {
  return server ?? peer
}

/**
 * A member's points depend on its own name and weight alone, which is what makes a join move keys to
 * the joiner only. They are the output of SHAKE128 over the name: one call gives as many as are
 * wanted, and those of a lower weight are the first of a higher, so a raised weight only wins keys.
 */
function makePoints (members: readonly RingMember[], pointsPerWeight: number): Points {
  const counts = members.map(({ weight }) => Math.max(1, Math.round(weight * pointsPerWeight)))
  const total = counts.reduce((sum, count) => sum + count, 0)
  const points = { positions: new Uint32Array(total), members: new Uint16Array(total) }
  let at = 0
  for (const [index, count] of counts.entries()) {
    const stream = createHash('shake128', { outputLength: count * 4 }).update(members[index]?.peer ?? '').digest()
    points.members.fill(index, at, at + count)
    for (let offset = 0; offset < stream.length; offset += 4) points.positions[at++] = stream.readUInt32LE(offset)
  }
  return sortPoints(points)
}

/**
 * Radix sort by position, 11 bits a pass. Stable, so equal positions keep the order of their members.
 * The event loop stands still while a ring is built, and this is three to five times as fast as the
 * runtime's own sort of packed numbers.
 */
function sortPoints (points: Points): Points {
  const length = points.positions.length
  let from = points
  let to: Points = { positions: new Uint32Array(length), members: new Uint16Array(length) }
  for (const shift of [0, 11, 22]) {
    const starts = new Uint32Array(2049)
    for (let at = 0; at < length; at++) {
      const digit = (from.positions[at] as number) >>> shift & 2047
      starts[digit + 1] = starts[digit + 1] as number + 1
    }
    for (let digit = 0; digit < 2048; digit++) starts[digit + 1] = (starts[digit + 1] as number) + (starts[digit] as number)
    for (let at = 0; at < length; at++) {
      const position = from.positions[at] as number
      const digit = position >>> shift & 2047
      const place = starts[digit] as number
      starts[digit] = place + 1
      to.positions[place] = position
      to.members[place] = from.members[at] as number
    }
    const swap = from
    from = to
    to = swap
  }
  return from
}
