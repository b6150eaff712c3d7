import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { announcementOf, membersOf, unsigned } from '../../unit/membership/support.ts'
import type { Members } from '../../../protocols/membership/members.ts'
import type { SignedAnnouncement } from '../../../protocols/membership/announcement.ts'

/** Few peers and small numbers, so that versions meet, also with different contents. */
const announcement: fc.Arbitrary<SignedAnnouncement> = fc.record({
  peer: fc.constantFrom('a', 'b', 'c'),
  incarnation: fc.integer({ min: 1, max: 3 }),
  sequence: fc.integer({ min: 1, max: 4 }),
  weight: fc.integer({ min: 1, max: 2 }),
  region: fc.constantFrom('here', 'there'),
  leaving: fc.boolean()
}).map(({ peer, ...fields }) => unsigned(announcementOf(peer, fields)))

const batch = fc.array(announcement, { maxLength: 20 })

/** As a subject speaks that never says two things under one version. */
const honestBatch = batch.map((announcements) => announcements.map(({ announcement: { peer, incarnation, sequence } }) =>
  unsigned(announcementOf(peer, { incarnation, sequence, leaving: (incarnation + sequence) % 3 === 0 }))))

function versions (members: Members): object[] {
  return members.live().map(({ peer, incarnation, sequence }) => ({ peer, incarnation, sequence })).sort((a, b) => a.peer < b.peer ? -1 : 1)
}

function merged (...batches: readonly SignedAnnouncement[][]): Members {
  const members = membersOf('self')
  for (const each of batches.flat()) members.receive(each, 0)
  return members
}

function stateOf (members: Members): object {
  return {
    live: [...members.live()].sort((a, b) => a.peer < b.peer ? -1 : 1),
    vector: new Map([...members.vector()].sort()),
    missed: members.missed().sort(),
    delegate: members.isDelegate()
  }
}

describe('merging announcements', () => {
  it('is commutative', () => {
    fc.assert(fc.property(batch, batch, (one, other) => {
      expect(stateOf(merged(one, other))).toEqual(stateOf(merged(other, one)))
    }))
  })

  it('is associative', () => {
    fc.assert(fc.property(batch, batch, batch, (one, two, three) => {
      expect(stateOf(merged([...one, ...two], three))).toEqual(stateOf(merged(two, [...three, ...one])))
    }))
  })

  it('comes to the same list by way of a relay that held other things', () => {
    fc.assert(fc.property(honestBatch, honestBatch, (one, two) => {
      const members = merged(one)
      for (const each of merged(two).missing(members.vector())) members.receive(each, 0)
      expect(versions(members)).toEqual(versions(merged(one, two)))
    }))
  })

  it('is idempotent, and changes nothing the second time', () => {
    fc.assert(fc.property(batch, (one) => {
      const once = merged(one)
      const revision = once.revision
      const state = stateOf(once)
      for (const each of one) expect(once.receive(each, 0)).not.toBe('news')
      expect(once.revision).toBe(revision)
      expect(stateOf(once)).toEqual(state)
    }))
  })

  it('never goes back: after expiry too, only something newer brings a member back', () => {
    fc.assert(fc.property(batch, announcement, (one, late) => {
      const members = merged(one)
      for (let nowMs = members.nextDeadline(); nowMs < 300_000; nowMs = members.nextDeadline()) {
        const { announce, digest } = members.tick(nowMs)
        if (announce !== undefined) members.keepOwn(unsigned(announce), nowMs)
        if (digest) members.takeDigest(nowMs)
      }
      expect(members.live().map(({ peer }) => peer)).toEqual(['self'])
      const { peer, incarnation, sequence, leaving } = late.announcement
      const [heldIncarnation, heldSequence] = members.vector().get(peer) ?? [0, 0]
      const standing = members.standing(late)
      members.receive(late, 300_000)
      const older = incarnation < heldIncarnation || (incarnation === heldIncarnation && sequence < heldSequence)
      if (older || standing !== 'news' || leaving) expect(members.member(peer)).toBeUndefined()
      else expect(members.member(peer)).toMatchObject({ incarnation, sequence })
    }))
  })
})
