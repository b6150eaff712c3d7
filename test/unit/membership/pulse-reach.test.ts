/** Proofs of life reach everyone in time: what an edge waits for them, and who hears of a chain that begins anew. */
import { describe, expect, it } from 'vitest'
import { pulseIntervalMs, pulseReachMs } from '../../../protocols/membership/intervals.ts'
import { Members } from '../../../protocols/membership/members.ts'
import { PulseChain, pulseId, pulsesMax } from '../../../protocols/membership/pulse.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'
import { announcementOf, unsigned } from './support.ts'

const { silentRefreshes, refreshMs, expirySlackMs, digestDelayMs } = membershipDefaults
const anchor = (byte: number): Uint8Array => new Uint8Array(16).fill(byte)

function edge (peer: string): Members {
  const { incarnation, sequence: _sequence, refreshMs: _refreshMs, leaving: _leaving, ...self } = announcementOf(peer)
  return new Members({ self, incarnation, nowMs: 0, random: () => 0.5, seed: () => anchor(7), settings: membershipDefaults })
}

/** Does what is due until `untilMs`. @returns when it announced, and digests with their times */
function run (members: Members, untilMs: number): { announcedMs: number[], digests: Array<readonly [atMs: number, peers: string[]]> } {
  const announcedMs: number[] = []
  const digests: Array<readonly [number, string[]]> = []
  for (let nowMs = members.nextDeadline(); nowMs <= untilMs; nowMs = members.nextDeadline()) {
    const due = members.tick(nowMs)
    if (due.announce !== undefined) {
      announcedMs.push(nowMs)
      members.keepOwn(unsigned(due.announce), nowMs)
    }
    if (due.digest) digests.push([nowMs, members.takeDigest(nowMs).map(({ announcement }) => announcement.peer)])
  }
  return { announcedMs, digests }
}

describe('proofs of life', () => {
  it('are waited for as long as a rumour takes to reach everyone', () => {
    expect(pulseReachMs(membershipDefaults, 1)).toBe(0)
    // In rounds of half a second: 3 and 2.1 of them for 8 edges, 10 and 6.9 for 1,024.
    expect(pulseReachMs(membershipDefaults, 8)).toBeCloseTo(2_540, -1)
    expect(pulseReachMs(membershipDefaults, 1_024)).toBeCloseTo(8_466, -1)
    const members = edge('m')
    for (let other = 0; other < 24; other++) members.receive(unsigned(announcementOf(`a${other}`, { pulse: anchor(other) })), 0)
    const silentMs = silentRefreshes * Math.max(refreshMs, pulseIntervalMs(membershipDefaults, 25)) + expirySlackMs + pulseReachMs(membershipDefaults, 25)
    run(members, silentMs - 1)
    expect(members.live()).toHaveLength(25)
    run(members, silentMs)
    expect(members.live()).toHaveLength(1)
  })

  it('are told other regions at once when their chain begins anew, as nothing is believed by the old one', () => {
    const members = edge('m')
    members.receive(unsigned(announcementOf('n', { pulse: anchor(1), refreshMs: 100_000 })), 0)
    run(members, 10_000)
    members.receive(unsigned(announcementOf('n', { pulse: anchor(2), refreshMs: 100_000, sequence: 2 })), 10_000)
    expect(run(members, 10_000 + digestDelayMs).digests).toEqual([[10_000 + digestDelayMs, ['n']]])
    // The same chain, another load: that can wait.
    members.receive(unsigned(announcementOf('n', { pulse: anchor(2), refreshMs: 100_000, sequence: 3, load: 9 })), 11_000)
    expect(run(members, 11_000 + digestDelayMs).digests).toEqual([])
  })

  it('alone bring a member back that fell silent, as long as it has not begun a new life', () => {
    const members = edge('m')
    const chain = new PulseChain(anchor(9))
    const told = { pulse: chain.anchor, refreshMs }
    members.receive(unsigned(announcementOf('n', told)), 0)
    run(members, 60_000)
    expect(members.member('n')).toBeUndefined()
    // Somebody's list has a newer word of it, which may be older than its silence.
    members.receive(unsigned(announcementOf('n', { ...told, sequence: 2 })), 60_000)
    expect(members.member('n')).toBeUndefined()
    expect(members.vector().get('n')).toEqual([1_000, 2])
    members.receivePulse({ id: pulseId('n', chain.anchor), sequence: 2, count: 1, value: chain.value(1) }, 'x', 60_000)
    expect(members.member('n')).toMatchObject({ sequence: 2 })
    run(members, 120_000)
    members.receive(unsigned(announcementOf('n', { ...told, incarnation: 2_000 })), 120_000)
    expect(members.member('n')).toMatchObject({ incarnation: 2_000 })
  })

  it('alone keep a member: what is passed on of its chain may be older than its silence', () => {
    const members = edge('m')
    const told = { pulse: anchor(9), refreshMs }
    const silentMs = silentRefreshes * refreshMs + expirySlackMs + pulseReachMs(membershipDefaults, 2)
    members.receive(unsigned(announcementOf('n', told)), 0)
    run(members, silentMs - 1)
    members.receive(unsigned(announcementOf('n', { ...told, sequence: 2, load: 9 })), silentMs - 1)
    members.receive(unsigned(announcementOf('n', { ...told, sequence: 3, draining: true })), silentMs - 1)
    expect(members.member('n')).toMatchObject({ sequence: 3 })
    run(members, silentMs)
    expect(members.member('n')).toBeUndefined()
    members.receive(unsigned(announcementOf('n', { ...told, incarnation: 2_000, pulse: anchor(10) })), silentMs)
    run(members, 2 * silentMs - 1)
    expect(members.member('n')).toMatchObject({ incarnation: 2_000 })
  })

  it('show that an announcement was missed, of the own region: those of others are told by digests', () => {
    const members = edge('m')
    const chains = { here: new PulseChain(anchor(9)), there: new PulseChain(anchor(10)) }
    const standing = (region: keyof typeof chains, sequence: number, count: number): string => {
      const chain = chains[region]
      return members.receivePulse({ id: pulseId(region, chain.anchor), sequence, count, value: chain.value(count) }, 'x', 10)
    }
    for (const region of ['here', 'there'] as const) members.receive(unsigned(announcementOf(region, { region, pulse: chains[region].anchor })), 0)
    expect([standing('here', 1, 1), standing('there', 1, 1)]).toEqual(['news', 'news'])
    expect([standing('here', 2, 2), standing('there', 2, 2)]).toEqual(['behind', 'news'])
    // It passes on what it holds: who told first of that life knew no more than this edge does.
    expect([standing('here', 1, 3), standing('here', 2, 3), standing('here', 1, 3), standing('here', 2, 2)]).toEqual(['news', 'behind', 'old', 'old'])
    // Sequences are counted round.
    expect([standing('here', 0xffff, 4), standing('here', 0x8000, 5)]).toEqual(['news', 'behind'])
  })

  it('are made also while there is always something else to say', () => {
    const members = edge('m')
    let spokenMs = 0
    for (let nowMs = members.nextDeadline(); nowMs <= 60_000; nowMs = members.nextDeadline()) {
      run(members, nowMs)
      members.announce({ load: 2 * members.self().load + 2 }, nowMs)
      members.touch(nowMs)
      if (members.pulsesFor('n', nowMs).length > 0) spokenMs = nowMs
      expect(nowMs - spokenMs).toBeLessThan(2 * refreshMs)
    }
  })

  it('begin anew, and say so to other regions, when a chain is used up', () => {
    const members = edge('m')
    members.receive(unsigned(announcementOf('x', { region: 'there', refreshMs: 3_600_000 })), 0)
    const { announcedMs: [, renewedMs], digests } = run(members, (pulsesMax + 10) * refreshMs)
    expect(renewedMs! / (pulsesMax * refreshMs)).toBeCloseTo(1, 1)
    expect(digests).toContainEqual([renewedMs! + digestDelayMs, ['m']])
  })
})
