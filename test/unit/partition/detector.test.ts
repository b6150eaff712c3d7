import { describe, expect, it } from 'vitest'
import { describeSight, PartitionDetector, partitionDefaults } from '../../../protocols/partition/detector.ts'

const { settleMs } = partitionDefaults
const regionOf = (peer: string): string => ({ e: 'europe', a: 'asia', n: 'america' })[peer[0]!]!

/** An edge `e1` of europe that is told who lives (itself aside), who is missed, and whom it is linked to. */
function watching (): { detector: PartitionDetector, look: (live: string, missed: string, nowMs: number, links?: string) => boolean } {
  const words = (text: string): string[] => text.split(' ').filter((word) => word !== '')
  const detector = new PartitionDetector({ self: 'e1', region: 'europe', nowMs: 0 })
  return {
    detector,
    look: (live, missed, nowMs, links = '') => detector.look({
      members: ['e1', ...words(live)].map((peer) => ({ peer, region: regionOf(peer) })),
      missed: words(missed),
      isLinked: (peer) => words(links).includes(peer)
    }, nowMs)
  }
}

describe('the ladder of degradation', () => {
  it('is walked down and up again, each rung once it has been due for as long as a cut takes to show', () => {
    const { detector, look } = watching()
    expect([look('', '', 0), look('e2 a1 n1', '', 10)]).toEqual([false, false])
    expect(detector.rung).toBe('mesh')
    const walk: Array<[live: string, missed: string, rung: string]> = [['e2', 'a1 n1', 'region'], ['', 'e2 a1 n1', 'alone'], ['e2', 'a1 n1', 'region'], ['e2 n1', 'a1', 'mesh']]
    for (const [index, [live, missed, rung]] of walk.entries()) {
      const atMs = 10_000 * (index + 1)
      expect(look(live, missed, atMs)).toBe(false)
      expect(detector.nextDeadline()).toBe(atMs + settleMs)
      expect(look(live, missed, atMs + settleMs - 1)).toBe(false)
      expect(look(live, missed, atMs + settleMs)).toBe(true)
      expect([detector.rung, detector.nextDeadline()]).toEqual([rung, Infinity])
      expect(look(live, missed, atMs + 9_000)).toBe(false)
    }
  })

  it('is told once of a cut that takes one edge after the other off the list, by where it ends', () => {
    const { detector, look } = watching()
    look('e2 a1', '', 0)
    expect(look('e2', 'a1', 1_000)).toBe(false)
    expect(look('', 'a1 e2', 2_500)).toBe(false)
    expect(look('', 'a1 e2', 1_000 + settleMs)).toBe(true)
    expect(detector.rung).toBe('alone')
  })

  it('forgets a fall that was over before it was told', () => {
    const { detector, look } = watching()
    look('a1', '', 0)
    look('', 'a1', 1_000)
    look('a1', '', 1_000 + settleMs - 1)
    expect(look('a1', '', 60_000)).toBe(false)
    // A later one begins anew.
    look('', 'a1', 70_000)
    expect(look('', 'a1', 70_000 + settleMs - 1)).toBe(false)
    expect(detector.rung).toBe('mesh')
  })

  it('ends with the leave of those that were silent: who is gone for good is not missed', () => {
    const { detector, look } = watching()
    look('e2 a1', '', 0)
    look('e2', 'a1', 1_000)
    look('e2', 'a1', 5_000)
    expect(detector.rung).toBe('region')
    look('e2', '', 10_000)
    look('e2', '', 20_000)
    expect(detector.rung).toBe('mesh')
    expect(detector.sight(20_000).regions).toMatchObject([{ region: 'europe', here: 2, silent: 0 }])
  })

  it('is alone, not in its region, where that has no other edge or all of them are silent', () => {
    for (const fellow of ['', 'e2']) {
      const { detector, look } = watching()
      look(`${fellow} a1`, '', 0)
      look('', `${fellow} a1`, 1_000)
      look('', `${fellow} a1`, 9_000)
      expect(detector.rung).toBe('alone')
    }
  })
})

describe('what is seen', () => {
  it('is a majority of the region only with more than half of those that did not leave', () => {
    const { detector, look } = watching()
    const majority = (live: string, missed: string, nowMs: number): [boolean, number] => {
      look(live, missed, nowMs)
      const { majority, majorityForMs } = detector.sight(nowMs)
      return [majority, majorityForMs]
    }
    expect(majority('e2 e3 e4 a1', '', 0)).toEqual([true, 0])
    expect(majority('e2 e3 a1', 'e4', 1_000)).toEqual([true, 1_000])
    // An even split; and edges of other regions have no say.
    expect(majority('e2 a1', 'e3 e4', 2_000)).toEqual([false, 0])
    expect(majority('e2', 'e3 e4 a1', 3_000)).toEqual([false, 1_000])
    expect(majority('e2', 'e3 a1', 4_000)).toEqual([true, 0])
  })

  it('counts for each region who is here, silent and linked, and since when any was seen or none', () => {
    const { detector, look } = watching()
    look('e2 a1 a2 n1', '', 0, 'e2 a1')
    look('e2 a2 n1', 'a1', 5_000, 'e2')
    look('e2 n1', 'a1 a2', 6_000, 'e2 n1')
    expect(detector.sight(10_000).regions).toEqual([
      { region: 'america', here: 1, silent: 0, linked: 1, forMs: 10_000 },
      { region: 'asia', here: 0, silent: 2, linked: 0, forMs: 4_000 },
      { region: 'europe', here: 2, silent: 0, linked: 1, forMs: 10_000 }
    ])
  })

  it('is said in one sentence', () => {
    const { detector, look } = watching()
    const text = (): string => describeSight(detector.sight(0), 'europe')
    look('', '', 0)
    expect(text()).toBe('no other region is known; 1 of 1 edge of europe, a majority')
    look('e2 a1 n1', '', 0)
    look('a1', 'e2 n1', 0)
    expect(text()).toBe('1 of 2 other regions; 1 of 2 edges of europe, no majority')
  })
})
