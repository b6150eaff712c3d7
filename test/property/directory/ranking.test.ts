/** The order in which holders are asked, for any holders. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rank } from '../../../protocols/directory/ranking.ts'
import { contentKey } from '../../../protocols/ids.ts'

const measured = fc.option(fc.double({ min: 0, max: 500, noNaN: true }), { nil: undefined })
const peers = fc.uniqueArray(fc.record({ name: fc.string({ minLength: 1 }), rttMs: measured, load: measured }), { minLength: 1, maxLength: 16, selector: ({ name }) => name })
const key = contentKey('site', '/')

type Peers = ReadonlyArray<{ readonly name: string, readonly rttMs?: number | undefined, readonly estimateMs?: number, readonly load?: number | undefined }>

function ranked (list: Peers, self = 'self', of = key): string[] {
  const known = new Map(list.map((peer) => [peer.name, peer]))
  return rank(of, list.map(({ name }) => name), { self, rttMs: (peer) => known.get(peer)?.rttMs, estimateMs: (peer) => known.get(peer)?.estimateMs, load: (peer) => known.get(peer)?.load })
}

describe('ranked holders', () => {
  it('are all of them, in an order that does not depend on theirs', () => {
    fc.assert(fc.property(peers, fc.func(fc.integer()), (list, order) => {
      const one = ranked(list)
      expect(one.toSorted()).toEqual(list.map(({ name }) => name).sort())
      expect(ranked(list.toSorted((a, b) => order(a.name) - order(b.name)))).toEqual(one)
    }))
  })

  it('never have one in front that is more than twice as far, nor among equally far ones one with more than twice the load', () => {
    fc.assert(fc.property(peers, (list) => {
      const known = new Map(list.map((peer) => [peer.name, peer]))
      const order = ranked(list).map((name) => known.get(name)!)
      for (const [at, one] of order.entries()) {
        for (const later of order.slice(at + 1)) {
          const [rttMs, laterRttMs] = [one.rttMs ?? 16, later.rttMs ?? 16]
          expect(rttMs).toBeLessThanOrEqual(Math.max(4, 2 * laterRttMs))
          if (rttMs === laterRttMs) expect(one.load ?? 0).toBeLessThanOrEqual(Math.max(64, 2 * (later.load ?? 0)))
        }
      }
    }))
  })

  it('do not change places for a millisecond: the load decides', () => {
    expect(ranked([{ name: 'near, busy', rttMs: 1, load: 1_000 }, { name: 'a little farther', rttMs: 2, load: 10 }])[0]).toBe('a little farther')
    expect(ranked([{ name: 'far', rttMs: 80, load: 0 }, { name: 'near, busy', rttMs: 1, load: 1_000 }])[0]).toBe('near, busy')
  })

  it('are as far as estimated where nobody measured, and never nearer than a connection takes to be made', () => {
    const order = ranked([
      { name: 'estimated far', estimateMs: 150 }, { name: 'measured far', rttMs: 100 }, { name: 'unknown', load: 300 },
      { name: 'estimated near', estimateMs: 1, load: 200 }, { name: 'measured near', rttMs: 8 }
    ])
    expect(order).toEqual(['measured near', 'estimated near', 'unknown', 'measured far', 'estimated far'])
  })

  it('spread over keys, and over those who ask', () => {
    const list = Array.from({ length: 8 }, (_, index) => ({ name: `12D3KooWPeer${index}` }))
    const firsts = (orders: string[][]): number[] => [...Map.groupBy(orders, ([first]) => first).values()].map((each) => each.length)
    const byKey = firsts(Array.from({ length: 800 }, (_, index) => ranked(list, 'self', contentKey('site', `/${index}`))))
    const byAsker = firsts(Array.from({ length: 800 }, (_, index) => ranked(list, `12D3KooWAsker${index}`)))
    for (const counts of [byKey, byAsker]) {
      expect(counts).toHaveLength(8)
      // 100 each, 9.4 the standard deviation.
      expect(Math.min(...counts)).toBeGreaterThan(60)
      expect(Math.max(...counts)).toBeLessThan(140)
    }
  })
})
