import { describe, expect, it } from 'vitest'
import { Holdings } from '../../../protocols/filters/holdings.ts'
import { Neighbours, type Outcome } from '../../../protocols/filters/neighbours.ts'
import type { Update } from '../../../protocols/filters/messages.ts'
import { keyAt, keysOf, settingsWith } from './support.ts'

const settings = settingsWith({ messageBytesMax: 1_024 })

function holdingsOf (peer: string, from: number, count: number, incarnation = 1): Holdings {
  const holdings = new Holdings({ self: peer, incarnation, settings })
  for (const key of keysOf(from, count)) holdings.add(key)
  return holdings
}

function applyAll (neighbours: Neighbours, peer: string, updates: readonly Update[]): Outcome[] {
  return updates.map((update) => neighbours.apply(peer, update))
}

describe('the filters of others', () => {
  it('name who has a key, and say nothing of those who told nothing', () => {
    const neighbours = new Neighbours(settings)
    applyAll(neighbours, 'a', holdingsOf('a', 0, 20).takeChanges())
    applyAll(neighbours, 'b', holdingsOf('b', 10, 20).takeChanges())
    expect(neighbours.candidates(keyAt(5), 0)).toEqual(['a'])
    expect(neighbours.candidates(keyAt(15), 0)).toEqual(['a', 'b'])
    expect(neighbours.candidates(keyAt(99), 0)).toEqual([])
    expect([neighbours.has('a', keyAt(5)), neighbours.has('b', keyAt(5)), neighbours.has('c', keyAt(5))]).toEqual([true, false, undefined])
    expect(neighbours.counters()).toMatchObject({ lookups: 3, named: 3 })
    neighbours.forget('a')
    expect(neighbours.candidates(keyAt(15), 0)).toEqual(['b'])
    neighbours.keepOnly(['a'])
    expect(neighbours.candidates(keyAt(15), 0)).toEqual([])
  })

  it('are not asked before all pages are there, which may come in any order', () => {
    const neighbours = new Neighbours(settings)
    const [first, ...rest] = holdingsOf('a', 0, 2_000).takeChanges()
    expect(applyAll(neighbours, 'a', rest.toReversed())).toEqual(rest.map(() => 'applied'))
    expect(neighbours.has('a', keyAt(5))).toBeUndefined()
    expect(neighbours.apply('a', rest[0]!)).toBe('stale')
    expect(neighbours.apply('a', first!)).toBe('applied')
    expect(neighbours.has('a', keyAt(5))).toBe(true)
    expect(neighbours.apply('a', first!)).toBe('stale')
  })

  it('show a lost message at the next one, or at the repeated version, and answer on until the whole has come', () => {
    for (const notice of [(holdings: Holdings) => [holdings.still()!], (holdings: Holdings) => { holdings.add(keyAt(31)); return holdings.takeChanges() }]) {
      const neighbours = new Neighbours(settings)
      const holdings = holdingsOf('a', 0, 20)
      applyAll(neighbours, 'a', holdings.takeChanges())
      expect(neighbours.apply('a', holdings.still()!)).toBe('applied')
      holdings.add(keyAt(30))
      holdings.takeChanges()
      expect(neighbours.isCurrent('a')).toBe(true)
      expect(applyAll(neighbours, 'a', notice(holdings))).toEqual(['gap'])
      expect(neighbours.isCurrent('a')).toBe(false)
      expect(neighbours.has('a', keyAt(5))).toBe(true)
      expect(applyAll(neighbours, 'a', holdings.fullPages())).toEqual(['applied'])
      expect([neighbours.isCurrent('a'), neighbours.has('a', keyAt(30))]).toEqual([true, true])
    }
  })

  it('of an edge that started again replace those of its earlier life, and never the other way', () => {
    const neighbours = new Neighbours(settings)
    const [old, young] = [holdingsOf('a', 0, 20, 1), holdingsOf('a', 50, 20, 2)]
    const oldFull = old.takeChanges()
    applyAll(neighbours, 'a', oldFull)
    const youngFull = young.takeChanges()
    expect(neighbours.apply('a', young.still()!)).toBe('gap')
    expect(applyAll(neighbours, 'a', youngFull)).toEqual(['applied'])
    expect(applyAll(neighbours, 'a', [...oldFull, old.still()!])).toEqual(['stale', 'stale'])
    expect([neighbours.has('a', keyAt(5)), neighbours.has('a', keyAt(55))]).toEqual([false, true])
  })

  it('are refused where they are too large, too often wrong, too many or not what their digest says', () => {
    const [update] = holdingsOf('a', 0, 20).takeChanges()
    const [other] = holdingsOf('b', 0, 20).takeChanges()
    const outcome = (some: object, change: object = {}): Outcome => new Neighbours({ ...settings, ...some }).apply('a', { ...update!, ...change } as Update)
    expect(outcome({})).toBe('applied')
    expect(outcome({ filterBytesMax: 100 })).toBe('rejected')
    expect(outcome({}, { shape: { bucketBits: 20, printBits: 24 } })).toBe('rejected')
    expect(outcome({ statedRateMax: 0.0001 })).toBe('rejected')
    expect(outcome({}, { digest: 1 })).toBe('rejected')
    const one = new Neighbours({ ...settings, neighboursMax: 1 })
    expect([one.apply('a', update!), one.apply('b', other!)]).toEqual(['applied', 'rejected'])
    expect(one.sizes().filters).toBe(1)
  })

  it('go on from a whole table that came between the pages of a change', () => {
    const neighbours = new Neighbours(settings)
    const holdings = holdingsOf('a', 0, 2_000)
    applyAll(neighbours, 'a', holdings.takeChanges())
    for (const key of keysOf(0, 300)) holdings.delete(key)
    const pages = holdings.takeChanges()
    expect(pages.length).toBeGreaterThan(1)
    expect(neighbours.apply('a', pages[0]!)).toBe('applied')
    expect(new Set(applyAll(neighbours, 'a', holdings.fullPages()))).toEqual(new Set(['applied']))
    expect(neighbours.apply('a', pages[1]!)).toBe('stale')
    holdings.add(keyAt(1))
    expect(applyAll(neighbours, 'a', holdings.takeChanges())).toEqual(['applied'])
  })

  it('notice that they differ though no message is missing', () => {
    const neighbours = new Neighbours(settings)
    const holdings = holdingsOf('a', 0, 20)
    applyAll(neighbours, 'a', holdings.takeChanges())
    holdings.add(keyAt(30))
    const [changes] = holdings.takeChanges()
    expect(neighbours.apply('a', { ...changes!, changes: [] } as Update)).toBe('gap')
    expect(applyAll(neighbours, 'a', holdings.fullPages())).toEqual(['applied'])
  })

  it('go unasked for a while when they are wrong far more often than they state', () => {
    const some = { ...settings, wrongsMin: 5, wrongFactor: 10, wrongWindowMs: 1_000, ignoreMs: 10_000 }
    const neighbours = new Neighbours(some)
    applyAll(neighbours, 'a', holdingsOf('a', 0, 20).takeChanges())
    const ask = (nowMs: number): boolean => neighbours.candidates(keyAt(5), nowMs).includes('a')
    for (let wrong = 0; wrong < 4; wrong++) {
      expect(ask(0)).toBe(true)
      neighbours.wasWrong('a', 0)
    }
    // The next one falls into another window, and so counts alone.
    neighbours.wasWrong('a', 1_001)
    expect(ask(1_001)).toBe(true)
    for (let wrong = 0; wrong < 4; wrong++) neighbours.wasWrong('a', 1_002)
    expect([ask(1_002), ask(11_001), ask(11_002)]).toEqual([false, false, true])
    expect(neighbours.has('a', keyAt(5))).toBe(true)
    // As often as chance allows: one in a thousand look-ups, a hundred times.
    for (let lookup = 0; lookup < 100_000; lookup++) {
      ask(20_000)
      if (lookup % 1_000 === 999) neighbours.wasWrong('a', 20_000)
    }
    expect(ask(20_000)).toBe(true)
    expect(neighbours.counters()).toMatchObject({ wrong: 4 + 1 + 4 + 100, ignored: 1 })
    neighbours.wasWrong('nobody', 0)
  })
})
