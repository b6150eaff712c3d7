import { describe, expect, it } from 'vitest'
import { contentKey } from '../../../protocols/ids.ts'
import { Ring, ringDefaults } from '../../../protocols/locate/ring.ts'
import type { RingMember } from '../../../protocols/locate/ring.ts'
import { benchMembers, evenKeys } from '../../bench/ring.ts'

const keys = Array.from({ length: 300 }, (_, index) => contentKey('site', `/${index}`))
const named = (...peers: string[]): RingMember[] => peers.map((peer) => ({ peer, weight: 1 }))

describe('a ring', () => {
  it('has no owners without members', () => {
    const ring = new Ring([])
    expect(ring.size).toBe(0)
    expect(ring.owner(keys[0]!)).toBeUndefined()
    expect(ring.owners(keys[0]!, 3)).toEqual([])
  })

  it('gives every key to its only member', () => {
    const ring = new Ring(named('a'))
    for (const key of evenKeys(64)) expect(ring.owners(key, 3)).toEqual(['a'])
  })

  it('starts over at its first point for a key behind its last', () => {
    // With so few points the ends of the circle lie outside all of them.
    const ring = new Ring(named('a', 'b', 'c'), { ...ringDefaults, pointsPerWeight: 1 })
    const [first, last] = [evenKeys(2 ** 16)[0]!, evenKeys(2 ** 16).at(-1)!]
    expect(ring.owners(last, 3)).toEqual(ring.owners(first, 3))
  })

  it('answers with no more owners than asked for, and none for none', () => {
    const ring = new Ring(named('a', 'b', 'c'))
    expect(ring.owners(keys[0]!, 0)).toEqual([])
    expect(ring.owners(keys[0]!, 2)).toHaveLength(2)
    expect(ring.owners(keys[0]!, 9)).toHaveLength(3)
  })

  it('knows its members and their shares', () => {
    const ring = new Ring([{ peer: 'b', weight: 3 }, { peer: 'a', weight: 1 }])
    expect(ring.size).toBe(2)
    expect(ring.peers()).toEqual(['a', 'b'])
    expect([ring.has('a'), ring.has('c')]).toEqual([true, false])
    expect([ring.weightShare('a'), ring.weightShare('b'), ring.weightShare('c')]).toEqual([0.25, 0.75, 0])
  })

  it('names the same owners in every release of this ring version', () => {
    // When this fails, edges of two releases would disagree: raise ringVersion, then take over the new values.
    const ring = new Ring([{ peer: 'a', weight: 1 }, { peer: 'b', weight: 2, zone: 'z' }, { peer: 'c', weight: 0.5, server: 's' }])
    expect(ring.epochHash).toBe('yrUu3VDzYptS')
    expect(keys.slice(0, 24).map((key) => ring.owner(key)).join('')).toBe('cbababbbbacbbababaababab')
  })

  it.each([3, 10, 30, 100])('strays less than 10 % from equal shares with %i equal members', (count) => {
    const ring = new Ring(benchMembers(count, 5000))
    const sample = evenKeys(2 ** 17)
    const loads = new Map<string, number>()
    for (const key of sample) loads.set(ring.owner(key)!, (loads.get(ring.owner(key)!) ?? 0) + 1)
    const mean = sample.length / count
    expect(loads.size).toBe(count)
    expect(Math.max(...loads.values()) / mean - 1).toBeLessThan(0.1)
    expect(1 - Math.min(...loads.values()) / mean).toBeLessThan(0.1)
  })

  it('refuses a weight that is not positive, finite and within its bound', () => {
    for (const weight of [0, -1, NaN, Infinity, ringDefaults.weightMax + 1]) {
      expect(() => new Ring([{ peer: 'a', weight }])).toThrow(/weight/)
    }
  })

  it('refuses a peer that is listed twice', () => {
    expect(() => new Ring(named('a', 'b', 'a'))).toThrow(/twice/)
  })
})

describe('servers and zones', () => {
  it('takes one owner of each server', () => {
    const ring = new Ring([
      { peer: 'a1', weight: 1, server: 'a' }, { peer: 'a2', weight: 1, server: 'a' },
      { peer: 'b1', weight: 1, server: 'b' }, { peer: 'b2', weight: 1, server: 'b' }
    ])
    for (const key of keys) {
      const owners = ring.owners(key, 4)
      expect(owners.map((peer) => peer[0]).sort()).toEqual(['a', 'b'])
    }
  })

  it('passes over a zone that has an owner, then returns to those passed over in ring order', () => {
    const zones: Record<string, string> = { a: 'x', b: 'x', c: 'x', d: 'y' }
    const plain = new Ring(named('a', 'b', 'c', 'd'))
    const zoned = new Ring(named('a', 'b', 'c', 'd').map((member) => ({ ...member, zone: zones[member.peer] })))
    let moved = 0
    for (const key of keys) {
      const order = plain.owners(key, 4)
      const first = order[0]!
      const second = order.find((peer) => zones[peer] !== zones[first])!
      const expected = [first, second, ...order.filter((peer) => peer !== first && peer !== second)]
      expect(zoned.owners(key, 4)).toEqual(expected)
      if (expected[1] !== order[1]) moved++
    }
    expect(moved).toBeGreaterThan(0)
  })

  it('keeps the plain order when only one zone is known', () => {
    const plain = new Ring(named('a', 'b', 'c'))
    const zoned = new Ring([{ peer: 'a', weight: 1, zone: 'x' }, { peer: 'b', weight: 1 }, { peer: 'c', weight: 1, zone: 'x' }])
    for (const key of keys) expect(zoned.owners(key, 3)).toEqual(plain.owners(key, 3))
  })
})

describe('the epoch hash', () => {
  const base = new Ring(named('a', 'b'))

  it('is short and the same for the same members', () => {
    expect(base.epochHash).toMatch(/^[A-Za-z0-9_-]{12}$/)
    expect(new Ring([{ peer: 'b', weight: 1, server: 'b' }, { peer: 'a', weight: 1, zone: undefined }]).epochHash).toBe(base.epochHash)
  })

  it('differs with a member, a weight, a zone, a server or the number of points', () => {
    const others = [
      new Ring(named('a')),
      new Ring([{ peer: 'a', weight: 1.01 }, { peer: 'b', weight: 1 }]),
      new Ring([{ peer: 'a', weight: 1, zone: 'x' }, { peer: 'b', weight: 1 }]),
      new Ring([{ peer: 'a', weight: 1, server: 'b' }, { peer: 'b', weight: 1 }]),
      new Ring(named('a', 'b'), { ...ringDefaults, pointsPerWeight: 100 })
    ]
    expect(new Set([base, ...others].map(({ epochHash }) => epochHash)).size).toBe(others.length + 1)
  })
})
