/**
 * Who passes a purge to whom: from the edge that took the order to its region's two delegates, from those to their region and to two
 * delegates of every other region, and from these to theirs. Two everywhere, so that one that is dead or slow delays nobody; every edge
 * tells copies by the id. The sender says what the receiver is to do with it, so that two edges that see the members
 * differently pass a purge on once too often rather than not at all. Pure.
 */
import type { PeerName, Region } from '../ids.ts'

/** What an edge knows of another, for this. */
export interface TreeMember {
  readonly peer: PeerName
  readonly region: Region
  readonly draining: boolean
}

/** What who gets a purge does with it. */
export const Duty = {
  /** Nothing: it is for itself. */
  Keep: 'keep',
  /** Passes it to its region. */
  Region: 'region',
  /** Passes it to its region, and to the delegates of all others. */
  All: 'all'
} as const
export type Duty = typeof Duty[keyof typeof Duty]

export const duties: readonly Duty[] = Object.values(Duty)
export const delegatesPerRegion = 2

/** Places of the tree: each of `first` gets it, and one of `spare`, in order, for each of them that does not answer. */
export interface Branch {
  readonly duty: Duty
  readonly first: readonly PeerName[]
  readonly spare: readonly PeerName[]
}

/** The members of a region in the order in which they are its delegates: lowest peer id first, those that are leaving last. */
export function delegates (members: readonly TreeMember[]): PeerName[] {
  return members.toSorted((one, other) => Number(one.draining) - Number(other.draining) || (one.peer < other.peer ? -1 : 1)).map(({ peer }) => peer)
}

/** What the edge that took the order does: a delegate all of it, another has its region's delegates do it and tells those it is linked with. */
export function issue (self: TreeMember, members: readonly TreeMember[], isLinked: (peer: PeerName) => boolean): Branch[] {
  const order = delegates(fellowsOf(self, members))
  const others = order.filter((peer) => peer !== self.peer)
  const isDelegate = order.indexOf(self.peer) < delegatesPerRegion
  const first = others.slice(0, isDelegate ? delegatesPerRegion - 1 : delegatesPerRegion)
  const rest = others.slice(first.length)
  const helped = { duty: Duty.All, first, spare: rest }
  if (!isDelegate) return [helped, branchTo(Duty.Keep, rest.filter(isLinked))].filter(isSome)
  return [helped, branchTo(Duty.Keep, rest), ...abroad(self, members)].filter(isSome)
}

/** What an edge does that was given the purge with this duty. */
export function pass (duty: Duty, self: TreeMember, members: readonly TreeMember[]): Branch[] {
  if (duty === Duty.Keep) return []
  const fellows = branchTo(Duty.Keep, fellowsOf(self, members).map(({ peer }) => peer).filter((peer) => peer !== self.peer))
  return [fellows, ...(duty === Duty.All ? abroad(self, members) : [])].filter(isSome)
}

/**
 * Whom an edge asks how far it is: everyone its region's delegates, and one of those it is linked with, in turn; delegates all of
 * their region, and the delegates of the others.
 *
 * @param linked members that it is linked with
 */
export function askees (self: TreeMember, members: readonly TreeMember[], linked: readonly PeerName[], turn: number): PeerName[] {
  const fellows = fellowsOf(self, members)
  const own = delegates(fellows)
  const isDelegate = own.indexOf(self.peer) < delegatesPerRegion
  const asked = new Set(isDelegate ? own : own.slice(0, delegatesPerRegion))
  if (isDelegate) for (const { first } of abroad(self, members)) for (const peer of first) asked.add(peer)
  const inTurn = linked[turn % Math.max(1, linked.length)]
  if (inTurn !== undefined) asked.add(inTurn)
  asked.delete(self.peer)
  return [...asked]
}

function abroad (self: TreeMember, members: readonly TreeMember[]): Branch[] {
  return [...Map.groupBy(members, ({ region }) => region)].filter(([region]) => region !== self.region).map(([, each]) => {
    const order = delegates(each)
    return { duty: Duty.Region, first: order.slice(0, delegatesPerRegion), spare: order.slice(delegatesPerRegion) }
  })
}

function fellowsOf (self: TreeMember, members: readonly TreeMember[]): TreeMember[] {
  return [...members.filter(({ peer, region }) => region === self.region && peer !== self.peer), self]
}

function branchTo (duty: Duty, first: readonly PeerName[]): Branch { return { duty, first, spare: [] } }

function isSome ({ first }: Branch): boolean { return first.length > 0 }
