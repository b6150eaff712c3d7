/**
 * How far a group reaches, and who of its reach takes part, by what membership says: all edges of a region in the region's
 * group, one edge of each of a few regions in the global one.
 *
 * The global group's rule needs nobody to decide and no word beyond the member list: a region's candidate is the edge there that has
 * lived longest, and candidates stand ready as learners. It converges, as every edge comes to hold the same list; it is stable, as an
 * edge that comes, or starts again, is the youngest and changes nothing, and elections within regions do not matter. Whoever has a
 * region's vote keeps it while it lives; when it goes, or has been silent for as long as in a region, its region's candidate takes
 * its place, or that of a region without a vote. So there is one voter a region: five with five regions or more, three with
 * three or four, else one, as an even number bears no more failures (protocols/raft/steward.ts does the rest, with regions as its zones).
 * All other edges follow by copies (daemon/agreed/copies.ts).
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
  /** How many vote; without it as many as the steward finds right for their number. Then a zone has one vote at most. */
  readonly seats?: (fellows: Iterable<Fellow>, voters: readonly PeerName[]) => number
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

/** Regions whose candidates stand ready: the five that may vote, and two in reserve. More cost the leader messages over long ways. */
const candidatesMax = 7

export const globalReach: Reach = Object.freeze({
  slot: 'global',
  title: 'the global group',
  includes: () => true,
  candidates: (members) => eldest(members, 1),
  // Others wait until they are called.
  peers: (members, self) => eldest(members, 1).some(({ peer }) => peer === self) ? eldest(members, 3).map(({ peer }) => peer) : [],
  order: byAge,
  zoneOf: ({ region }) => region,
  seats: (fellows, voters) => {
    const regions = new Set([...fellows].filter(({ peer, presence }) => presence === 'here' || (presence === 'silent' && voters.includes(peer))).map(({ peer, zone }) => zone ?? peer))
    return regions.size >= 5 ? 5 : regions.size >= 3 ? 3 : 1
  }
} satisfies Reach)

/** The `count` longest-lived edges of each region, of the regions whose eldest is oldest: who has a part in the global group, or knows who has. */
export function eldest (members: readonly Member[], count: number): Member[] {
  const staying = members.filter(({ draining }) => !draining)
  const regions = [...Map.groupBy(staying, ({ region }) => region).values()].map((each) => each.sort(byAge))
  return regions.sort(([one], [other]) => byAge(one!, other!)).slice(0, candidatesMax).flatMap((each) => each.slice(0, count))
}

function byAge (one: Member, other: Member): number {
  return one.incarnation - other.incarnation || (one.peer < other.peer ? -1 : 1)
}
