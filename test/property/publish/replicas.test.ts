/** Placement over all colonies: spread, agreed upon, and stable. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { contentKey, type ContentKey } from '../../../protocols/ids.ts'
import { Locate, type LocateMember } from '../../../protocols/locate/locate.ts'
import { Placement } from '../../../protocols/publish/placement.ts'
import { replicas } from '../../../protocols/publish/replicas.ts'

/** Few points: rings are built for every run. */
const ring = { pointsPerWeight: 16, weightMax: 16 }
const keys = fc.integer({ min: 0, max: 1_000 }).map((number) => contentKey('default', `/${number}`))

/** Regions with edges in zones, zones known for all or for none. */
const colonies = fc.tuple(fc.boolean(), fc.array(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }))
  .map(([zoned, regions]) => regions.flatMap((zones, region) => zones.flatMap((count, zone) => Array.from({ length: count }, (_, edge): LocateMember => ({
    peer: `r${region}z${zone}e${edge}`, region: `r${region}`, weight: 1, zone: zoned ? `z${zone}` : undefined
  })))))

function placed (members: readonly LocateMember[], key: ContentKey, n: number): LocateMember[] {
  const locate = new Locate({ region: '', settings: ring })
  locate.update(members)
  const byPeer = new Map(members.map((member) => [member.peer, member]))
  return replicas({
    homeRegions: (each) => locate.homeRegions(each),
    owners: (each, count, region) => locate.owners(each, count, region),
    zoneOf: (peer) => byPeer.get(peer)?.zone
  }, key, n).map((peer) => byPeer.get(peer)!)
}

const placeOf = ({ region, zone }: LocateMember): string => JSON.stringify([region, zone])

it('takes as many different zones as there are, and as many edges as are wanted', () => {
  fc.assert(fc.property(colonies, keys, fc.integer({ min: 1, max: 8 }), (members, key, n) => {
    const chosen = placed(members, key, n)
    expect(new Set(chosen).size).toBe(Math.min(n, members.length))
    expect(new Set(chosen.map(placeOf)).size).toBe(Math.min(n, new Set(members.map(placeOf)).size))
    // Regions first: a whole one may be cut off.
    expect(new Set(chosen.map(({ region }) => region)).size).toBe(Math.min(n, new Set(members.map(({ region }) => region)).size))
  }))
})

it('begins with the home region\'s first owner, and a longer answer with the shorter', () => {
  fc.assert(fc.property(colonies, keys, fc.integer({ min: 1, max: 8 }), (members, key, n) => {
    const locate = new Locate({ region: '', settings: ring })
    locate.update(members)
    const [home] = locate.homeRegions(key)
    expect(placed(members, key, 1).map(({ peer }) => peer)).toEqual(locate.owners(key, 1, home!))
    expect(placed(members, key, n + 1).slice(0, n)).toEqual(placed(members, key, n))
  }))
})

it('is the same for any order of the list', () => {
  fc.assert(fc.property(colonies.chain((members) => fc.tuple(fc.constant(members), fc.shuffledSubarray(members, { minLength: members.length }))), keys, ([members, shuffled], key) => {
    expect(placed(shuffled, key, 3)).toEqual(placed(members, key, 3))
  }))
})

it('stays as it is when an edge goes that holds nothing of the key', () => {
  fc.assert(fc.property(colonies, keys, fc.integer({ min: 1, max: 5 }), fc.nat(), (members, key, n, pick) => {
    const chosen = placed(members, key, n)
    const others = members.filter((member) => !chosen.includes(member))
    fc.pre(others.length > 0)
    const gone = others[pick % others.length]
    expect(placed(members.filter((member) => member !== gone), key, n)).toEqual(chosen)
  }))
})

it('gives up the place of a gone edge only after the delay, and keeps it when the edge returns', () => {
  fc.assert(fc.property(colonies, keys, fc.nat(), fc.integer({ min: 0, max: 200 }), (members, key, pick, awayMs) => {
    fc.pre(members.length > 1)
    const placement = new Placement({ repairDelayMs: 100, ring })
    placement.update(members, 0)
    const before = placement.replicas(key, 3)
    const gone = before[pick % before.length]!
    placement.update(members.filter(({ peer }) => peer !== gone), 1_000)
    expect(placement.replicas(key, 3)).not.toContain(gone)
    placement.tick(1_000 + awayMs)
    expect(placement.settled(key, 3)).toEqual(awayMs < 100 ? before : placement.replicas(key, 3))
    expect(placement.nextChangeMs()).toBe(awayMs < 100 ? 1_100 : Infinity)
    placement.update(members, 1_000 + awayMs)
    expect(placement.settled(key, 3)).toEqual(before)
    expect(placement.replicas(key, 3)).toEqual(before)
  }))
})
