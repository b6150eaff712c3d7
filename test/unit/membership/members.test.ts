import { describe, expect, it } from 'vitest'
import { digestGapMs, digestIntervalMs, pulseIntervalMs, refreshIntervalMs } from '../../../protocols/membership/intervals.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'
import { announcementOf, membersOf, unsigned } from './support.ts'
import type { Members } from '../../../protocols/membership/members.ts'
import type { Announcement } from '../../../protocols/membership/announcement.ts'

const { refreshMs, digestIntervalMs: digestMs, silentRefreshes, expirySlackMs, announceDelayMs, digestDelayMs, firstDigestMs } = membershipDefaults

function hear (members: Members, peer: string, fields: Partial<Announcement>, nowMs: number): void {
  members.receive(unsigned(announcementOf(peer, fields)), nowMs)
}

/** Does what is due until `untilMs`, as the service would. */
function run (members: Members, untilMs: number): { announced: Announcement[], digests: string[][] } {
  const announced: Announcement[] = []
  const digests: string[][] = []
  for (let nowMs = members.nextDeadline(); nowMs <= untilMs; nowMs = members.nextDeadline()) {
    const due = members.tick(nowMs)
    if (due.announce !== undefined) {
      announced.push(due.announce)
      members.keepOwn(unsigned(due.announce), nowMs)
    }
    if (due.digest) digests.push(members.takeDigest(nowMs).map(({ announcement }) => announcement.peer))
  }
  return { announced, digests }
}

function names (members: Members): string[] {
  return members.live().map(({ peer }) => peer).sort()
}

describe('the member list', () => {
  it('holds oneself from the first moment', () => {
    expect(names(membersOf('self'))).toEqual(['self'])
  })

  it('drops a member of the own region after three promised intervals of silence, and not before', () => {
    const members = membersOf('m')
    const silentMs = silentRefreshes * refreshMs + expirySlackMs
    hear(members, 'a', {}, 0)
    run(members, silentMs - 1)
    expect(names(members)).toEqual(['a', 'm'])
    run(members, silentMs)
    expect(names(members)).toEqual(['m'])
    expect(members.missed()).toEqual(['a'])
  })

  it('waits as long as the silent member had promised, whatever its own interval is', () => {
    const members = membersOf('m')
    hear(members, 'a', { refreshMs: 30_000 }, 0)
    run(members, 60_000)
    expect(names(members)).toEqual(['a', 'm'])
    run(members, silentRefreshes * 30_000 + expirySlackMs)
    expect(names(members)).toEqual(['m'])
  })

  it('waits for the digest too before it drops a member of another region', () => {
    const members = membersOf('m')
    const silentMs = silentRefreshes * (refreshMs + digestMs) + expirySlackMs
    hear(members, 'a', { region: 'there' }, 0)
    run(members, silentMs - 1)
    expect(names(members)).toEqual(['a', 'm'])
    run(members, silentMs)
    expect(names(members)).toEqual(['m'])
  })

  it('keeps a member as long as something newer is heard of it, and not for repetitions', () => {
    const members = membersOf('m')
    hear(members, 'a', { sequence: 1 }, 0)
    run(members, 5_000)
    hear(members, 'a', { sequence: 2 }, 5_000)
    run(members, 10_000)
    hear(members, 'a', { sequence: 2 }, 10_000)
    expect(names(members)).toEqual(['a', 'm'])
    run(members, 12_000)
    expect(names(members)).toEqual(['m'])
  })

  it('takes a gone member back only with something newer', () => {
    const members = membersOf('m')
    hear(members, 'a', { sequence: 5 }, 0)
    run(members, 10_000)
    hear(members, 'a', { sequence: 5 }, 10_000)
    hear(members, 'a', { sequence: 4 }, 10_000)
    expect(names(members)).toEqual(['m'])
    hear(members, 'a', { sequence: 6 }, 10_000)
    expect(names(members)).toEqual(['a', 'm'])
  })

  it('drops a leaving member at once, and takes it back as a new incarnation', () => {
    const members = membersOf('m')
    hear(members, 'a', { sequence: 1 }, 0)
    hear(members, 'a', { sequence: 3, leaving: true }, 1)
    hear(members, 'a', { sequence: 2 }, 2)
    expect(names(members)).toEqual(['m'])
    expect(members.missed()).toEqual([])
    hear(members, 'a', { incarnation: 2_000, sequence: 1 }, 3)
    expect(names(members)).toEqual(['a', 'm'])
  })

  it('does not blame others when it was woken late itself', () => {
    const members = membersOf('m')
    hear(members, 'a', {}, 0)
    run(members, 1_000)
    members.tick(60_000)
    expect(names(members)).toEqual(['a', 'm'])
  })

  it('refuses unknown members past its bound, and remembers a bounded number of gone ones', () => {
    const members = membersOf('m', { settings: { membersMax: 3, goneMax: 1 } })
    for (const peer of ['a', 'b', 'c']) hear(members, peer, {}, 0)
    expect(names(members)).toEqual(['a', 'b', 'm'])
    for (const peer of ['a', 'b']) hear(members, peer, { sequence: 2, leaving: true }, 1)
    expect([...members.vector().keys()]).toEqual(['b'])
  })

  it('keeps the array and the revision when only a load changes, and shows the new load', () => {
    const members = membersOf('m')
    hear(members, 'a', { sequence: 1 }, 0)
    const [before, revision] = [members.live(), members.revision]
    hear(members, 'a', { sequence: 2, load: 7 }, 1)
    expect(members.live()).toBe(before)
    expect(members.revision).toBe(revision)
    expect(members.member('a')?.load).toBe(7)
    hear(members, 'a', { sequence: 3, weight: 2 }, 2)
    expect(members.live()).not.toBe(before)
    expect(members.revision).toBeGreaterThan(revision)
  })
})

describe('one\'s own announcement', () => {
  it('follows a change soon, and a change of load with the next refresh', () => {
    const members = membersOf('m')
    run(members, 1_500)
    members.announce({ load: 3 }, 1_500)
    expect(run(members, 1_999).announced).toEqual([])
    members.announce({ draining: true }, 1_500)
    expect(run(members, 1_500 + announceDelayMs).announced).toMatchObject([{ load: 3, draining: true, sequence: 2 }])
  })

  it('joins many changes into few announcements', () => {
    const members = membersOf('m')
    let announced = 0
    for (let nowMs = 0; nowMs < 10_000; nowMs += 50) {
      members.announce({ weight: 1 + nowMs / 1_000 }, nowMs)
      announced += run(members, nowMs).announced.length
    }
    expect(announced).toBeLessThanOrEqual(11)
  })

  it('speaks above a clone of itself and counts it', () => {
    const members = membersOf('m')
    run(members, 0)
    hear(members, 'm', { incarnation: 5_000 }, 10)
    expect(members.clones).toBe(1)
    expect(run(members, 2_000).announced[0]?.incarnation).toBe(5_001)
  })

  it('takes its own words, old or present, for no clone', () => {
    const members = membersOf('m')
    const { announced: [own] } = run(members, 0)
    hear(members, 'm', { incarnation: 10, sequence: 99 }, 10)
    if (own !== undefined) members.receive(unsigned(own), 10)
    expect(members.clones).toBe(0)
  })

  it('is nothing any more after the leave, until it comes back as a new incarnation', () => {
    const members = membersOf('m')
    run(members, 0)
    expect(members.leave()).toMatchObject({ leaving: true, sequence: 2 })
    expect(members.nextDeadline()).toBe(Infinity)
    members.rejoin(9_000, 5_000)
    expect(run(members, 5_000).announced).toMatchObject([{ incarnation: 9_000, sequence: 1, leaving: false }])
  })
})

describe('the digest of a region', () => {
  /** An edge that has been there for a while. */
  const settled = { settings: { firstDigestMs: 0 } }

  it('is told by a newcomer only once it has heard of others and had time to hear of a delegate', () => {
    const members = membersOf('b')
    expect(run(members, 60_000).digests).toEqual([])
    hear(members, 'c', {}, 60_000)
    expect(run(members, 60_000).digests[0]).toEqual(['b', 'c'])
    const informed = membersOf('b')
    hear(informed, 'a', {}, firstDigestMs - 1)
    expect(run(informed, 5_000).digests).toEqual([])
    const delegate = membersOf('b')
    hear(delegate, 'c', {}, 1)
    expect(run(delegate, firstDigestMs - 1).digests).toEqual([])
    expect(run(delegate, firstDigestMs).digests[0]).toEqual(['b', 'c'])
  })

  it('is told by the member with the lowest peer id alone, and holds its region alone', () => {
    const lowest = membersOf('a', settled)
    const other = membersOf('b', settled)
    hear(lowest, 'b', {}, 0)
    hear(other, 'a', {}, 0)
    hear(lowest, 'x', { region: 'there' }, 0)
    expect(run(lowest, 100).digests).toEqual([['a', 'b']])
    expect(run(other, 5_000).digests).toEqual([])
  })

  it('tells a change soon, and only what changed', () => {
    const members = membersOf('a', settled)
    hear(members, 'b', {}, 0)
    run(members, 500)
    hear(members, 'c', {}, 500)
    expect(run(members, 500 + digestDelayMs).digests).toEqual([['c']])
  })

  it('tells the changes of a storm together', () => {
    const members = membersOf('a', settled)
    hear(members, 'b', {}, 0)
    run(members, 500)
    const digests: string[][] = []
    for (let i = 0; i < 20; i++) {
      hear(members, `c${i + 10}`, {}, 500 + i * 100)
      digests.push(...run(members, 600 + i * 100).digests)
    }
    digests.push(...run(members, 10_000).digests)
    expect(digests.flat().sort()).toEqual(Array.from({ length: 20 }, (_, i) => `c${i + 10}`))
    expect(digests.length).toBeLessThanOrEqual(1 + 2_500 / digestGapMs(membershipDefaults, 1))
  })

  it('tells the leave of a member once', () => {
    const members = membersOf('a', settled)
    hear(members, 'b', {}, 0)
    hear(members, 'x', { region: 'there', refreshMs: 3_600_000 }, 0)
    run(members, 500)
    hear(members, 'b', { sequence: 2, leaving: true }, 500)
    expect(run(members, 1.5 * digestMs).digests).toEqual([['b'], ['a']])
  })

  it('passes to the next member when the delegate is gone', () => {
    const members = membersOf('b', settled)
    hear(members, 'a', {}, 0)
    hear(members, 'x', { region: 'there' }, 0)
    expect(members.isDelegate()).toBe(false)
    hear(members, 'a', { sequence: 2, leaving: true }, 100)
    expect(members.isDelegate()).toBe(true)
    expect(run(members, 200).digests).toEqual([['b', 'a']])
  })
})

describe('what another lacks', () => {
  it('is what is newer or unknown to it, and the leaves of those it holds', () => {
    const members = membersOf('m')
    run(members, 0)
    hear(members, 'a', { sequence: 4 }, 0)
    hear(members, 'b', { sequence: 4 }, 0)
    hear(members, 'c', { sequence: 4, leaving: true }, 0)
    const lacking = (vector: Array<[string, [number, number]]>): string[] =>
      members.missing(new Map(vector)).map(({ announcement }) => announcement.peer).sort()
    expect(lacking([])).toEqual(['a', 'b', 'm'])
    expect(lacking([['m', [1_000, 1]], ['a', [1_000, 4]], ['b', [1_000, 3]], ['c', [1_000, 3]]])).toEqual(['b', 'c'])
    expect(lacking([...members.vector()].map(([peer, [incarnation, sequence]]) => [peer, [incarnation, sequence]]))).toEqual([])
  })

  it('is also what it said itself before it fell silent: one that comes back with its clock set back has to outbid that', () => {
    const members = membersOf('m')
    hear(members, 'a', { incarnation: 9_000_000 }, 0)
    run(members, 60_000)
    const again = membersOf('a')
    const [announcement] = run(again, 0).announced
    expect(members.standing(unsigned(announcement!))).toBe('old')
    expect(members.missing(again.vector(), 'b')).not.toContainEqual(expect.objectContaining({ announcement: expect.objectContaining({ peer: 'a' }) }))
    for (const each of members.missing(again.vector(), 'a')) again.receive(each, 1_000)
    for (const each of run(again, 5_000).announced) members.receive(unsigned(each), 60_000)
    expect(names(members)).toEqual(['a', 'm'])
  })
})

describe('the intervals', () => {
  it('grow with the region and the colony', () => {
    expect(refreshIntervalMs(membershipDefaults, 9)).toBe(2_000)
    expect(refreshIntervalMs(membershipDefaults, 300)).toBe(30_000)
    expect(pulseIntervalMs(membershipDefaults, 100)).toBe(2_000)
    expect(pulseIntervalMs(membershipDefaults, 1_000)).toBe(20_000)
    expect(digestIntervalMs(membershipDefaults, 3, 9)).toBe(60_000)
    expect(digestIntervalMs(membershipDefaults, 100, 1_000)).toBe(100_000)
  })
})
