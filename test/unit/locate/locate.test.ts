import { beforeEach, describe, expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { rankRegions } from '../../../protocols/locate/home.ts'
import { Locate } from '../../../protocols/locate/locate.ts'
import type { LocateMember } from '../../../protocols/locate/locate.ts'
import { Ring } from '../../../protocols/locate/ring.ts'

const keys = Array.from({ length: 200 }, (_, index) => contentKey('site', `/${index}`))
const inRegion = (region: string, ...peers: string[]): LocateMember[] => peers.map((peer) => ({ peer, region, weight: 1 }))
const eu = inRegion('eu', 'eu-1', 'eu-2', 'eu-3')
const us = inRegion('us', 'us-1', 'us-2')

describe('locate', () => {
  let locate: Locate
  beforeEach(() => { locate = new Locate({ region: 'eu' }) })

  it('knows nothing before its first view', () => {
    expect(locate.owners(keys[0]!, 3)).toEqual([])
    expect(locate.homeRegions(keys[0]!)).toEqual([])
    expect(locate.previousOwner(keys[0]!)).toBeUndefined()
    expect(locate.ringHash()).toBeUndefined()
    expect(locate.weightShare('eu-1')).toBeUndefined()
    expect(locate.regions()).toEqual([])
  })

  it('names the owners of its own region, or of the one asked for', () => {
    locate.update([...us, ...eu])
    for (const key of keys) {
      expect(locate.owners(key, 2)).toEqual(new Ring(eu).owners(key, 2))
      expect(locate.owners(key, 2, 'us')).toEqual(new Ring(us).owners(key, 2))
      expect(locate.owners(key, 2, 'ap')).toEqual([])
    }
  })

  it('ranks the regions that have members', () => {
    locate.update([...us, ...eu])
    expect(locate.regions()).toEqual(['eu', 'us'])
    for (const key of keys) expect(locate.homeRegions(key)).toEqual(rankRegions(key, ['us', 'eu']))
  })

  it('tells which regions changed, and changes no ring for a view that says the same', () => {
    expect(locate.update([...us, ...eu]).sort()).toEqual(['eu', 'us'])
    expect(locate.update([...eu.toReversed(), ...us])).toEqual([])
    expect(locate.update([...eu, ...inRegion('us', 'us-1')])).toEqual(['us'])
    expect(locate.update(eu)).toEqual(['us'])
    expect(locate.regions()).toEqual(['eu'])
  })

  it('gives edges of one view the same ring hash', () => {
    const other = new Locate({ region: 'us' })
    locate.update([...us, ...eu])
    other.update([...eu.toReversed(), ...us])
    expect(other.ringHash('eu')).toBe(locate.ringHash())
    expect(other.ringHash()).not.toBe(locate.ringHash())
  })

  it('tells a member\'s share of its region', () => {
    locate.update([...us, { ...eu[0]!, weight: 3 }, eu[1]!])
    expect(locate.weightShare('eu-1')).toBe(0.75)
    expect(locate.weightShare('us-1')).toBeUndefined()
    expect(locate.weightShare('us-1', 'us')).toBe(0.5)
  })

  it('names the previous owner of exactly the keys that a join moved', () => {
    const before = new Ring(eu)
    locate.update(eu)
    locate.update([...eu, ...inRegion('eu', 'eu-4')])
    let moved = 0
    for (const key of keys) {
      if (locate.owners(key, 1)[0] === 'eu-4') {
        moved++
        expect(locate.previousOwner(key)).toBe(before.owner(key))
      } else expect(locate.previousOwner(key)).toBeUndefined()
    }
    expect(moved).toBeGreaterThan(0)
  })

  it('names no previous owner that has left', () => {
    locate.update(eu)
    locate.update(eu.slice(1))
    for (const key of keys) expect(locate.previousOwner(key)).toBeUndefined()
  })

  it('keeps previous owners through views that leave its region as it is, and forgets them at the next change', () => {
    const joined = [...eu, ...inRegion('eu', 'eu-4')]
    locate.update(eu)
    locate.update(joined)
    const moved = keys.find((key) => locate.previousOwner(key) !== undefined)!
    const owner = locate.previousOwner(moved)
    locate.update([...joined, ...us])
    expect(locate.previousOwner(moved)).toBe(owner)
    locate.update(joined.map((member) => member.peer === 'eu-4' ? { ...member, weight: 1.5 } : member))
    expect(locate.previousOwner(moved)).toBeUndefined()
  })
})
