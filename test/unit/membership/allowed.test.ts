/** A list of peers that may be members, in place, changed and taken away: whom it drops, refuses, and lets in again. */
import { describe, expect, it } from 'vitest'
import { Allowed } from '../../../protocols/membership/allowed.ts'
import { Members } from '../../../protocols/membership/members.ts'
import { PulseChain, pulseId } from '../../../protocols/membership/pulse.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'
import { announcementOf, manualClock, unsigned } from './support.ts'

function rig (): { allowed: Allowed, members: Members, names: () => string[], links: Set<string>, dialled: string[], warnings: string[] } {
  const { incarnation, sequence: _sequence, refreshMs: _refreshMs, leaving: _leaving, ...self } = announcementOf('m')
  const members = new Members({ self, incarnation, nowMs: 0, random: () => 0.5, seed: () => new Uint8Array(16), settings: membershipDefaults, isAllowed: (peer) => allowed.has(peer) })
  const links = new Set<string>()
  const dialled: string[] = []
  const warnings: string[] = []
  const allowed = new Allowed({
    self: 'm', clock: manualClock(), members,
    settings: { goneMax: 3 },
    connectionManager: { getConnections: () => [...links].map((peer) => ({ remotePeer: { toString: () => peer }, abort: () => { links.delete(peer) } })) as never },
    dial: (peer) => { dialled.push(peer) },
    warn: (message) => { warnings.push(message) }
  })
  return { allowed, members, links, dialled, warnings, names: () => members.live().map(({ peer }) => peer) }
}

const chain = new PulseChain(new Uint8Array(16).fill(9))
const ofX = (sequence = 1): ReturnType<typeof unsigned> => unsigned(announcementOf('x', { pulse: chain.anchor, sequence }))
const pulse = (count: number): Parameters<Members['receivePulse']>[0] => ({ id: pulseId('x', chain.anchor), sequence: 1, count, value: chain.value(count) })

describe('a list of allowed peers', () => {
  it('takes effect at once: who is not on it is no member, has no link, and is not brought back by what others say', () => {
    const { allowed, members, names, links } = rig()
    for (const signed of [ofX(), unsigned(announcementOf('y'))]) members.receive(signed, 0)
    for (const peer of ['x', 'y']) links.add(peer)
    allowed.replace(['m', 'y'])
    expect([names(), [...links]]).toEqual([['m', 'y'], ['y']])
    expect(members.receive(ofX(2), 1)).toBe('stranger')
    expect(members.receivePulse(pulse(1), 'y', 1)).toBe('unknown')
    expect([names(), members.missed()]).toEqual([['m', 'y'], []])
  })

  it('forgets those that fell silent before, so that no proof of life brings them back', () => {
    const { allowed, members, names } = rig()
    members.receive(ofX(), 0)
    for (let nowMs = members.nextDeadline(); names().includes('x'); nowMs = members.nextDeadline()) {
      const { announce } = members.tick(nowMs)
      if (announce !== undefined) members.keepOwn(unsigned(announce), nowMs)
      members.takeDigest(nowMs)
    }
    expect(members.missed()).toEqual(['x'])
    allowed.replace(['m'])
    expect(members.missed()).toEqual([])
    members.receivePulse(pulse(1), 'y', 1e6)
    expect(names()).toEqual(['m'])
  })

  it('that is taken away, or names a peer again, lets it in in the same life, and dials those that were turned away', () => {
    const { allowed, members, names, links, dialled } = rig()
    members.receive(ofX(), 0)
    links.add('x')
    allowed.replace(['m'])
    expect(allowed.admits('z')).toBe(false)
    allowed.replace(['x'])
    expect(dialled).toEqual(['x'])
    expect(members.receive(ofX(), 1)).toBe('news')
    expect(names()).toEqual(['m', 'x'])
    allowed.replace([])
    expect([dialled, allowed.admits('z')]).toEqual([['x', 'z'], true])
  })

  it('says of each peer once that it is refused, of a bounded number, and of the edge itself that others shut it out', () => {
    const { allowed, links, warnings } = rig()
    links.add('x')
    for (let again = 0; again < 3; again++) {
      allowed.replace(['m', `someone ${again}`])
      for (const peer of ['x', 'y', 'z', 'u', 'v']) expect(allowed.admits(peer)).toBe(false)
    }
    expect(warnings).toEqual(['x', 'y', 'z'].map((peer) => `shuts out peer ${peer}: it is not in peers.allowed`))
    allowed.replace(['x', 'y', 'z'])
    allowed.replace(['x', 'y'])
    expect(warnings[3]).toBe('this edge is not in peers.allowed: others shut it out, and it serves alone')
    expect([allowed.has('m'), warnings.filter((each) => each.includes('this edge'))]).toEqual([true, [warnings[3]]])
  })
})
