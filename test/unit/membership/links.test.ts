import { describe, expect, it } from 'vitest'
import { linksToDial, linkTargets } from '../../../protocols/membership/links.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'

const { regionLinksMax, ringCount, otherRegionLinks, globalLinksMax } = membershipDefaults

function region (name: string, size: number): Array<{ peer: string, region: string }> {
  return Array.from({ length: size }, (_, index) => ({ peer: `${name}-${index}`, region: name }))
}

describe('the links of an edge', () => {
  it('go to all members of a small region, and not to oneself', () => {
    const members = region('here', regionLinksMax + 1)
    const [self] = members
    if (self === undefined) throw new Error('unreachable')
    expect([...linkTargets(self, members, membershipDefaults)].sort()).toEqual(members.slice(1).map(({ peer }) => peer).sort())
  })

  it('go both ways along the rings of a large region, about two for each ring, and hold it together', () => {
    const members = region('here', 300)
    const targets = new Map(members.map((member) => [member.peer, linkTargets(member, members, membershipDefaults)]))
    for (const [peer, chosen] of targets) {
      expect(chosen.size).toBeLessThanOrEqual(2 * ringCount)
      expect(chosen.size).toBeGreaterThan(ringCount)
      for (const other of chosen) expect(targets.get(other)).toContain(peer)
    }
    const reached = new Set(['here-0'])
    for (const peer of reached) for (const next of targets.get(peer) ?? []) reached.add(next)
    expect(reached.size).toBe(300)
  })

  it('reach every other region, a few each', () => {
    const members = [...region('here', 3), ...region('there', 9), ...region('far', 2)]
    const targets = [...linkTargets({ peer: 'here-0', region: 'here' }, members, { ...membershipDefaults, globalLinksMax: 6 })]
    expect(targets.filter((peer) => peer.startsWith('there-'))).toHaveLength(otherRegionLinks)
    expect(targets.filter((peer) => peer.startsWith('far-'))).toHaveLength(2)
  })

  it('stay within their number where there are many regions, one region each before a second link into any', () => {
    const members = Array.from({ length: 30 }, (_, index) => region(`r${index}`, 5)).flat()
    const targets = [...linkTargets({ peer: 'self', region: 'here' }, members, membershipDefaults)]
    expect(targets).toHaveLength(globalLinksMax)
    expect(new Set(targets.map((peer) => peer.split('-')[0])).size).toBe(Math.min(30, globalLinksMax))
  })

  it('differ between the edges of a region, so that they spread over another', () => {
    const members = [...region('here', 20), ...region('there', 20)]
    const chosen = new Set(region('here', 20).flatMap((self) => [...linkTargets(self, members, membershipDefaults)].filter((peer) => peer.startsWith('there-'))))
    expect(chosen.size).toBeGreaterThan(15)
  })
})

describe('the links that are dialled', () => {
  const regionOf = (peer: string): string | undefined => peer === 'stranger' ? undefined : peer.split('-')[0]
  const targets = new Set(['here-1', 'there-1', 'there-2', 'far-1', 'farther-1'])
  const dialled = (linked: readonly string[]): string[] => [...linksToDial(targets, linked, 'here', regionOf, { globalLinksMax: 4 })]

  it('are all that are wanted while there are fewer links into other regions than wanted', () => {
    expect(dialled(['there-7', 'there-8', 'far-8', 'here-5', 'here-6', 'stranger'])).toEqual([...targets])
  })

  it('are those of the own region, and those into a region that no link leads to, where others do instead', () => {
    expect(dialled(['there-7', 'there-8', 'far-8', 'far-9'])).toEqual(['here-1', 'farther-1'])
  })
})
