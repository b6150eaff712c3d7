/**
 * Every edge finds the same owners, whatever the order of its list; keys fall to the members of a region by their weights,
 * those that are at home there, too; the second owner is another one than the first; and when members come or go,
 * keys move from those that went and to those that came alone. Homes are spread evenly over the regions.
 */
import { Ring } from '../../../protocols/locate/ring.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import type { Edge } from '../edge/edge.ts'
import type { EdgeChecker, Sight } from './edge-checker.ts'

/** Keys beyond the origin's objects, so that a small world is looked at as closely as a large one. */
const samples = 4_000
/** Points of a ring lie by chance: a member's share may differ from its weight's by this part. */
const shareSlack = 0.15
/** And chance may draw a sample so many standard deviations off: once in many thousand years. */
const deviations = 5
/** Past this many regions a sample says nothing about their homes. */
const regionsMax = 20
/** Rings are looked at so often, ms; each one once. */
const lookMs = 5_000
/** In regions larger than this only hashes are compared: rings change all the time there, and one is made for each. */
const membersMax = 40

interface Drawn {
  readonly peers: ReadonlySet<string>
  readonly owners: readonly (number | undefined)[]
}

export function ringShares (sight: Sight): EdgeChecker {
  const name = 'ring-shares'
  const { edges, objects, settings: { locate }, fail } = sight
  let keys: ContentKey[] | undefined
  const seen = new Map<string, Drawn>()
  const last = new Map<string, Drawn>()
  let lookAtMs = 0
  let looks = 0

  const lookAtHomes = (edge: Edge): void => {
    const regions = edge.homeRegions(keys![0]!)
    if (regions.length > regionsMax || seen.has(regions.toSorted().join())) return
    seen.set(regions.toSorted().join(), { peers: new Set(), owners: [] })
    const counts = new Map<string, number>()
    for (const key of keys!) {
      const [home] = edge.homeRegions(key)
      counts.set(home!, (counts.get(home!) ?? 0) + 1)
    }
    for (const region of regions) {
      const off = unlikely(counts.get(region) ?? 0, samples, 1 / regions.length, 0)
      if (off !== undefined) fail(name, `${edge.peer}: ${region} is the home of ${off}`)
    }
  }

  const shares = (edge: Edge, owners: ReadonlyArray<number | undefined>, of: (at: number) => boolean, what: string): void => {
    const counts = new Map<number | undefined, number>()
    let total = 0
    for (const [at, owner] of owners.entries()) {
      if (!of(at)) continue
      total++
      counts.set(owner, (counts.get(owner) ?? 0) + 1)
    }
    const members = edge.members.live().filter(({ region, draining }) => region === edge.region && !draining)
    const weights = members.reduce((sum, { weight }) => sum + weight, 0)
    for (const { peer, weight } of members) {
      const index = edges.findIndex((other) => other.peer === peer)
      const off = unlikely(counts.get(index) ?? 0, total, weight / weights, shareSlack)
      if (off !== undefined) fail(name, `${edge.peer}: ${peer}, of weight ${weight} among ${weights}, owns ${off}${what}`)
    }
  }

  const moves = (edge: Edge, before: Drawn, now: Drawn): void => {
    // Whoever changed its weight may win and lose keys; weights of edges stay in the world.
    for (let at = 0; at < now.owners.length; at++) {
      const [from, to] = [before.owners[at], now.owners[at]]
      if (from === to || from === undefined || to === undefined) continue
      const [fromPeer, toPeer] = [edges[from]!.peer, edges[to]!.peer]
      if (!now.peers.has(fromPeer) || !before.peers.has(toPeer)) continue
      fail(name, `${edge.peer}: a key moved from ${fromPeer} to ${toPeer}, and neither of them came or went`)
    }
  }

  const lookAtRing = (edge: Edge): void => {
    const hash = edge.ringHash(edge.region)
    const members = edge.members.live().filter(({ region, draining }) => region === edge.region && !draining)
    if (hash === undefined || members.length === 0) return
    const inItsOrder = new Ring(members.map(({ peer, weight, zone }) => ({ peer, weight: Math.min(weight, locate.weightMax), zone })), locate).epochHash
    if (inItsOrder !== hash) fail(name, `${edge.peer} has the ring ${hash} of ${edge.region}; its list of members gives ${inItsOrder}`)
    if (members.length > membersMax) return
    const place = `${edge.region}/${hash}`
    let now = seen.get(place)
    if (now === undefined) {
      const owners = keys!.map((key) => edge.owners(key, 2, edge.region))
      for (const [first, second] of owners) if (first === second) fail(name, `${edge.peer}: the second owner of a key is the first one again, ${edges[first!]!.peer}`)
      now = { peers: new Set(members.map(({ peer }) => peer)), owners: owners.map(([owner]) => owner) }
      seen.set(place, now)
      shares(edge, now.owners, () => true, '')
      const atHome = keys!.map((key) => edge.homeRegions(key)[0] === edge.region)
      if (edge.homeRegions(keys![0]!).length <= regionsMax) shares(edge, now.owners, (at) => atHome[at]!, ' that are at home in its region')
    }
    const before = last.get(edge.region)
    if (before !== undefined && before !== now) moves(edge, before, now)
    last.set(edge.region, now)
  }

  return {
    name,
    onLook: () => {
      const nowMs = sight.nowMs()
      if (nowMs < lookAtMs) return
      lookAtMs = nowMs + lookMs
      // One edge at a time: each ring is made once, and every edge's order of members comes its turn.
      const edge = edges[looks++ % edges.length]!
      if (!edge.up) return
      keys ??= Array.from({ length: samples }, (_, at) => objects.key(objects.count + at))
      lookAtRing(edge)
      lookAtHomes(edge)
    }
  }
}

/** @returns in words how many of how many it is, when chance does not explain that */
function unlikely (count: number, total: number, share: number, slack: number): string | undefined {
  const expected = share * total
  const allowed = slack * expected + deviations * Math.sqrt(expected * (1 - share)) + 3
  return Math.abs(count - expected) > allowed ? `${count} of ${total} keys; ${Math.round(expected)} would be its share` : undefined
}
