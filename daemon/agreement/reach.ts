/**
 * How far a group reaches, and who of its reach takes part, by what membership says: all edges of a region in the region's
 * group, one edge of each of a few regions in the global one.
 *
 * The global group's rule needs nobody to decide and no word beyond the member list: a region's candidate is the edge there that has
 * lived longest, and candidates stand ready as learners. It converges, as every edge comes to hold the same list; it is stable, as an
 * edge that comes, or starts again, is the youngest and changes nothing, and elections within regions do not matter. Whoever has a
 * region's vote keeps it while it lives; when it goes, or has been silent for as long as in a region, its region's candidate takes
 * its place, or that of a region without a vote. So there is one voter a region: five with five regions or more, three with
 * three or four, as an even number bears no more failures (protocols/raft/steward.ts does the rest, with regions as its zones). With
 * one region or two three edges of them vote, where there are as many, or the scope would be lost with one machine. All other
 * edges follow by copies (daemon/agreed/copies.ts).
 */
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { Member } from '../../protocols/membership/service.ts'
import type { Fellow } from '../../protocols/raft/steward.ts'

export interface Reach {
  readonly slot: 'region' | 'global'
  /** In messages. */
  readonly title: string
  /** Whether it could take part at all. */
  readonly includes: (member: Member) => boolean
  /** Who of the live members should take part. */
  readonly candidates: (members: readonly Member[]) => readonly Member[]
  /** Whom to ask who leads. */
  readonly peers: (members: readonly Member[], self: PeerName) => readonly PeerName[]
  /** Who founds it first, where nobody was there before. */
  readonly order: (one: Member, other: Member) => number
  /** What fails as one. */
  readonly zoneOf: (member: Member) => string | undefined
  /** How many vote; without it as many as the steward finds right for their number. */
  readonly seats?: (fellows: Iterable<Fellow>, voters: readonly PeerName[]) => number
  /** Whether no zone has a second vote, where members and voters are of so many. */
  readonly isSpread?: (zones: number) => boolean
}

export function regionReach (region: Region): Reach {
  const inRegion = (members: readonly Member[]): Member[] => members.filter((member) => member.region === region)
  return {
    slot: 'region',
    title: 'the region\'s group',
    includes: (member) => member.region === region,
    candidates: inRegion,
    peers: (members) => inRegion(members).map(({ peer }) => peer),
    order: (one, other) => one.peer < other.peer ? -1 : 1,
    zoneOf: ({ zone }) => zone
  }
}

/** From so many regions on each has one vote at most. */
const spreadMin = 3

/** Regions whose candidates stand ready: the five that may vote, and two in reserve. More cost the leader messages over long ways. */
const candidatesMax = 7

export const globalReach: Reach = Object.freeze({
  slot: 'global',
  title: 'the global group',
  includes: () => true,
  candidates: (members) => eldest(members, candidatesOf(members)),
  // Others wait until they are called.
  peers: (members, self) => eldest(members, candidatesOf(members)).some(({ peer }) => peer === self) ? eldest(members, 3).map(({ peer }) => peer) : [],
  order: byAge,
  zoneOf: ({ region }) => region,
  seats: (fellows, voters) => {
    const staying = [...fellows].filter(({ peer, presence }) => presence === 'here' || (presence === 'silent' && voters.includes(peer)))
    if (new Set(staying.map(({ peer, zone }) => zone ?? peer)).size >= 5) return 5
    return staying.length >= 3 ? 3 : 1
  },
  isSpread: (zones) => zones >= spreadMin
} satisfies Reach)

/** In each region. */
function candidatesOf (members: readonly Member[]): number {
  return new Set(members.map(({ region }) => region)).size >= spreadMin ? 1 : 3
}

/** The `count` longest-lived edges of each region, of the regions whose eldest is oldest: who has a part in the global group, or knows who has. */
export function eldest (members: readonly Member[], count: number): Member[] {
  const staying = members.filter(({ draining }) => !draining)
  const regions = [...Map.groupBy(staying, ({ region }) => region).values()].map((each) => each.sort(byAge))
  return regions.sort(([one], [other]) => byAge(one!, other!)).slice(0, candidatesMax).flatMap((each) => each.slice(0, count))
}

function byAge (one: Member, other: Member): number {
  return one.incarnation - other.incarnation || (one.peer < other.peer ? -1 : 1)
}

/**
 * At whom a newcomer knocks: at those that it has a link to, as a region in which each newcomer dialled one after the other would be all
 * handshakes. They may be newcomers all, so now and then, while no answer comes, at anybody.
 */
export function doors (peers: readonly PeerName[], isLinked: (peer: PeerName) => boolean, atAnybody: boolean): readonly PeerName[] {
  const linked = peers.filter(isLinked)
  return linked.length === 0 || atAnybody ? peers : linked
}
