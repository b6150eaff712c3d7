import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { Ring, ringDefaults } from '../../../protocols/locate/ring.ts'
import type { RingMember } from '../../../protocols/locate/ring.ts'
import { evenKeys } from '../../bench/ring.ts'

const key = fc.string().map((target) => contentKey('site', target))
const weight = fc.double({ min: 0.05, max: 4, noNaN: true })
const peer = fc.string({ minLength: 1, maxLength: 12 })

function membersOf (member: fc.Arbitrary<RingMember>, minLength: number): fc.Arbitrary<RingMember[]> {
  return fc.uniqueArray(member, { minLength, maxLength: 12, selector: (each) => each.peer })
}
const anyMembers = membersOf(fc.record({
  peer,
  weight,
  zone: fc.option(fc.constantFrom('x', 'y', 'z'), { nil: undefined }),
  server: fc.option(fc.constantFrom('s', 't', 'u'), { nil: undefined })
}), 1)
const plainMembers = membersOf(fc.record({ peer, weight }), 2)
const zonedMembers = membersOf(fc.record({ peer, weight, zone: fc.constantFrom('x', 'y', 'z') }), 1)
const few = { numRuns: 60 }
const sample = evenKeys(512)

describe('a ring, whatever its members', () => {
  it('names distinct servers, as many as asked for and there are', () => {
    fc.assert(fc.property(anyMembers, key, fc.integer({ min: 1, max: 15 }), (members, each, n) => {
      const serverOf = new Map(members.map((member) => [member.peer, member.server ?? member.peer]))
      const owners = new Ring(members).owners(each, n)
      expect(owners).toHaveLength(Math.min(n, new Set(serverOf.values()).size))
      expect(new Set(owners.map((owner) => serverOf.get(owner))).size).toBe(owners.length)
    }), few)
  })

  it('begins a longer answer with the shorter one, and every answer with the owner', () => {
    fc.assert(fc.property(anyMembers, key, (members, each) => {
      const ring = new Ring(members)
      const all = ring.owners(each, members.length)
      expect(all[0]).toBe(ring.owner(each))
      for (let n = 0; n < members.length; n++) expect(ring.owners(each, n)).toEqual(all.slice(0, n))
    }), few)
  })

  it('is the same in whatever order its members are listed', () => {
    const shuffled = anyMembers.chain((members) => fc.tuple(
      fc.constant(members),
      fc.shuffledSubarray(members, { minLength: members.length })
    ))
    fc.assert(fc.property(shuffled, key, ([members, others], each) => {
      const [ring, other] = [new Ring(members), new Ring(others)]
      expect(other.epochHash).toBe(ring.epochHash)
      expect(other.owners(each, 5)).toEqual(ring.owners(each, 5))
    }), few)
  })

  it('moves keys to a joiner only, and those of a leaver only', () => {
    fc.assert(fc.property(plainMembers, fc.nat(), (members, at) => {
      const changing = members[at % members.length]!
      const [large, small] = [new Ring(members), new Ring(members.filter((member) => member !== changing))]
      for (const each of sample) {
        const owner = large.owner(each)
        if (owner !== changing.peer) expect(small.owner(each)).toBe(owner)
        // The next owner takes over, so the copy that it holds for the busy first one is found.
        else expect(small.owner(each)).toBe(large.owners(each, 2)[1])
      }
    }), few)
  })

  it('moves keys to a member whose weight is raised only', () => {
    fc.assert(fc.property(plainMembers, fc.nat(), (members, at) => {
      const raised = members[at % members.length]!
      const before = new Ring(members)
      const after = new Ring(members.map((member) => member === raised ? { ...member, weight: member.weight * 2 } : member))
      for (const each of sample) expect([before.owner(each), raised.peer]).toContain(after.owner(each))
    }), few)
  })

  it('gives each member keys in proportion to its weight', () => {
    const keys = evenKeys(2 ** 15)
    const heavy = membersOf(fc.record({ peer, weight: fc.double({ min: 0.5, max: 4, noNaN: true }) }), 2).map((members) => members.slice(0, 6))
    fc.assert(fc.property(heavy, (members) => {
      const ring = new Ring(members)
      const loads = new Map<string, number>()
      for (const each of keys) loads.set(ring.owner(each)!, (loads.get(ring.owner(each)!) ?? 0) + 1)
      for (const member of members) {
        const share = (loads.get(member.peer) ?? 0) / keys.length
        // Six standard deviations of a share made of that many random arcs.
        const allowed = 6 / Math.sqrt(member.weight * ringDefaults.pointsPerWeight)
        expect(Math.abs(share / ring.weightShare(member.peer) - 1)).toBeLessThan(allowed)
      }
    }), { numRuns: 15 })
  })

  it('names one owner of each zone before a second of any, and never another first owner for a zone', () => {
    fc.assert(fc.property(zonedMembers, key, (members, each) => {
      const zoneOf = new Map(members.map((member) => [member.peer, member.zone]))
      const zones = new Set(zoneOf.values()).size
      const owners = new Ring(members).owners(each, members.length)
      expect(new Set(owners.slice(0, zones).map((owner) => zoneOf.get(owner))).size).toBe(zones)
      expect(owners[0]).toBe(new Ring(members.map(({ peer, weight }) => ({ peer, weight }))).owner(each))
    }), few)
  })

  it('finds the first point at or after every position, also where points lie unevenly', () => {
    // The rings of a few, and two of those so uneven that the search has to leave the neighbourhood where a point should be: one in thousands.
    for (const number of [1, 2, 3, 1_126, 26_366]) {
      const ring = new Ring([{ peer: `edge-${number}`, weight: 1 }, { peer: `other-${number}`, weight: 1 }], { pointsPerWeight: 24, weightMax: 16 })
      const { positions, members } = ring.points
      for (const [at, position] of positions.entries()) {
        expect(ring.ownerPlace(position)).toBe(members[at])
        expect(ring.ownerPlace(position + 1)).toBe(members[(at + 1) % members.length])
      }
    }
  })
})
