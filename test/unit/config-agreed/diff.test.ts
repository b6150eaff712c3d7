/** What a change would do: its fields, its sites, and the keys that move on the rings it would make. */
import { describe, expect, it } from 'vitest'
import { changedFields, describeChange, movedShare, weighted } from '../../../protocols/config/diff.ts'
import { contentKey } from '../../../protocols/ids.ts'
import { Ring } from '../../../protocols/locate/ring.ts'
import { shop } from './support.ts'

const members = (count: number, weight = 1): { peer: string, region: string, weight: number, name: string }[] =>
  Array.from({ length: count }, (_, index) => ({ peer: `peer${index}`, region: 'fra', weight, name: `fra-${index}` }))

describe('movedShare', () => {
  it.each([
    ['a joining edge', members(9), members(10)],
    ['a heavier edge', members(5), members(5).with(2, { peer: 'peer2', region: 'fra', weight: 3, name: 'fra-2' })],
    ['two other edges', members(4).slice(0, 2), members(4).slice(2)]
  ])('is what many keys see: %s', (_what, before, after) => {
    const [a, b] = [new Ring(before), new Ring(after)]
    let moved = 0
    const keys = 20_000
    for (let each = 0; each < keys; each++) {
      const key = contentKey('site', `/${each}`)
      if (a.owner(key) !== b.owner(key)) moved++
    }
    expect(Math.abs(movedShare(a, b) - moved / keys)).toBeLessThan(0.02)
    expect(movedShare(b, a)).toBe(movedShare(a, b))
  })

  it('is exactly what a ring of few points gives its one mover, and nothing where nothing changed', () => {
    const settings = { pointsPerWeight: 1, weightMax: 16 }
    const [a, b] = [new Ring(members(2), settings), new Ring(members(1), settings)]
    const [low, high] = a.points.positions
    const between = (high! - low!) / 2 ** 32
    expect(movedShare(a, b)).toBeCloseTo(a.peers()[a.points.members[1]!] === 'peer1' ? between : 1 - between, 9)
    expect(movedShare(a, a)).toBe(0)
    expect(movedShare(a, new Ring([], settings))).toBe(1)
  })
})

describe('describeChange', () => {
  const before = { sites: { shop, blog: { hosts: ['blog.example'] } }, ring: { weights: { peer0: 1 } } }

  it('names each field with what it was and is', () => {
    expect(changedFields({ flags: { a: 1, b: 1 } }, { flags: { b: 2, c: 3 } })).toEqual([
      { path: 'flags/a', was: 1, regionWide: false }, { path: 'flags/b', was: 1, is: 2, regionWide: false }, { path: 'flags/c', is: 3, regionWide: false }
    ])
  })

  it('says which sites come, go and change, and which have to be fetched anew', () => {
    const after = { ...before, sites: { shop: { ...shop, key: { query: 'sort' } }, docs: { hosts: ['docs.example'] } } }
    const { sites, regionWide, moved, movedByRegion } = describeChange({ before, after, members: members(3) })
    expect(sites).toEqual([
      { site: 'blog', kind: 'removed', rekeyed: false }, { site: 'docs', kind: 'added', rekeyed: false }, { site: 'shop', kind: 'changed', rekeyed: true }
    ])
    expect([regionWide, moved, movedByRegion.size]).toEqual([true, 0.5, 0])
    expect(describeChange({ before, after, members: [], siteShares: { shop: 0.9 } }).moved).toBe(0.9)
  })

  it('computes the keys that move in each region on the rings of the edges', () => {
    const after = { ...before, ring: { weights: { peer0: 2, 'fra-1': 0.5 } } }
    const both = [...members(4), ...members(4).map((member) => ({ ...member, region: 'par', peer: `other${member.peer}`, name: `par-${member.peer}` }))]
    const { movedByRegion, moved } = describeChange({ before, after, members: both })
    expect([...movedByRegion.keys()]).toEqual(['fra'])
    const own = movedShare(new Ring(members(4)), new Ring(weighted(members(4), after)))
    expect(movedByRegion.get('fra')).toBe(own)
    expect(moved).toBe(own)
  })

  it('takes a weight by peer id before one by name', () => {
    expect(weighted(members(2), { ring: { weights: { 'fra-0': 3, peer0: 2 } } }).map(({ weight }) => weight)).toEqual([2, 1])
  })

  it('finds nothing where nothing changes', () => {
    expect(describeChange({ before, after: structuredClone(before), members: members(2) })).toMatchObject({ fields: [], sites: [], regionWide: false, moved: 0 })
  })
})
