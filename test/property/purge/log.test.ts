/** The purge log: whatever came, was pruned and read anew, who asks gets all that it lacks, or hears that it cannot. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PurgeLog, type LogEntry } from '../../../protocols/purge/log.ts'
import type { PurgeId } from '../../../protocols/purge/purge.ts'
import { spreadDefaults } from '../../../protocols/purge/settings.ts'
import type { SignedPurge } from '../../../protocols/purge/signed.ts'
import { covers } from '../../../protocols/purge/vector.ts'

const settings = { ...spreadDefaults, horizonMs: 1_000, logEntriesMax: 20, aheadMaxMs: 100 }
const none = new Uint8Array(4)
const signedOf = (id: PurgeId, atMs: number): SignedPurge => ({ purge: { id, selectors: [{ kind: 'everything' }], soft: true, atMs }, body: none, signature: none })
const newLog = (entries: readonly LogEntry[] = [], floors: ReturnType<PurgeLog['floors']> = [], number = 0): PurgeLog => new PurgeLog({ self: 'self', settings, entries, floors, number })

interface Step { readonly issuer: number, readonly passMs: number, readonly lost: readonly boolean[], readonly restart: number }
const steps: fc.Arbitrary<Step[]> = fc.array(fc.record({
  issuer: fc.nat(2), passMs: fc.oneof({ weight: 5, arbitrary: fc.nat(60) }, { weight: 1, arbitrary: fc.nat(900) }), lost: fc.array(fc.boolean(), { minLength: 3, maxLength: 3 }), restart: fc.integer({ min: -9, max: 2 })
}), { maxLength: 60 })

/** What one edge fetches of another, page by page. @returns whether something was beyond the horizon */
function fetch (to: PurgeLog, from: PurgeLog, nowMs: number): boolean {
  let isBeyond = false
  for (let page = 0; page < 100; page++) {
    const { purges, more, floors } = from.missing(to.vector(), 30, nowMs)
    if (floors.length > 0) isBeyond = true
    to.adopt(floors)
    for (const each of purges) to.take(each, nowMs)
    if (!more) return isBeyond
  }
  throw new Error('it never ended')
}

describe('the purge log', () => {
  it('brings every edge level with every other, and each edge has every purge or heard that some cannot be had', () => {
    fc.assert(fc.property(steps, (all) => {
      const names = ['x', 'y', 'z']
      const edges = names.map((self) => ({ log: new PurgeLog({ self, settings }), has: new Set<string>(), revalidatedMs: -1 }))
      const issued: Array<{ text: string, atMs: number }> = []
      let nowMs = 10_000
      const prune = (edge: typeof edges[number]): void => { if (edge.log.prune(nowMs).lost) edge.revalidatedMs = nowMs }
      for (const { issuer, passMs, lost, restart } of all) {
        nowMs += passMs
        for (const each of edges) prune(each)
        const by = edges[issuer]!
        const signed = signedOf(by.log.nextId(nowMs), nowMs)
        issued.push({ text: JSON.stringify(signed.purge.id), atMs: nowMs })
        for (const [index, edge] of edges.entries()) {
          if (edge !== by && lost[index] === true) continue
          if (edge.log.take(signed, nowMs).standing.kind === 'news') edge.has.add(JSON.stringify(signed.purge.id))
        }
        const again = edges[restart]
        if (again !== undefined) again.log = new PurgeLog({ self: names[restart]!, settings, entries: [...again.log.entries()], floors: again.log.floors(), number: again.log.number })
      }
      expect(new Set(issued.map(({ text }) => text)).size).toBe(issued.length)
      for (let round = 0; round < 2; round++) {
        for (const to of edges) {
          for (const from of edges) {
            if (to === from) continue
            const before = new Set([...to.log.entries()])
            if (fetch(to.log, from.log, nowMs)) to.revalidatedMs = nowMs
            for (const entry of to.log.entries()) if (!before.has(entry)) to.has.add(JSON.stringify(entry.signed.purge.id))
          }
        }
      }
      for (const one of edges) {
        for (const other of edges) expect(covers(one.log.vector(), other.log.stated(nowMs))).toBe(true)
        // Those of the last horizon are there; of older ones it was told at the latest now.
        for (const { text, atMs } of issued) if (!one.has.has(text) && one.revalidatedMs < atMs) expect(atMs).toBeLessThan(nowMs - settings.horizonMs)
      }
    }), { numRuns: 300 })
  })

  it('keeps within its budget, and asks who lacks what was let go to revalidate', () => {
    const log = newLog()
    for (let sequence = 1; sequence <= 50; sequence++) log.take(signedOf({ peer: 'x', incarnation: 1, sequence }, 10_000), 10_000)
    expect(log.prune(10_000).numbers).toHaveLength(30)
    expect(log.size).toBe(20)
    expect(log.missing(new Map(), 10_000, 10_000)).toMatchObject({ floors: [{ peer: 'x', floor: 30 }] })
    expect(log.missing(new Map([['x', [{ incarnation: 1, sequence: 30 }]]]), 10_000, 10_000)).toMatchObject({ floors: [], more: false })
  })

  it('gives no number twice, also when it is read anew after all of it was let go', () => {
    const log = newLog()
    const { entry } = log.take(signedOf(log.nextId(10_000), 10_000), 10_000)
    log.prune(20_000)
    const again = newLog([], log.floors(), log.number)
    const id = again.nextId(10_000)
    expect(again.has(id)).toBe(false)
    expect(again.take(signedOf(id, 20_000), 20_000).entry!.number).toBeGreaterThan(entry!.number)
  })

  it('begins a new life where others know a later one of this edge', () => {
    const log = newLog()
    const first = log.nextId(10_000)
    log.take(signedOf(first, 10_000), 10_000)
    log.take(signedOf({ peer: 'self', incarnation: first.incarnation + 5, sequence: 7 }, 10_000), 10_000)
    expect(log.nextId(10_001)).toEqual({ peer: 'self', incarnation: first.incarnation + 6, sequence: 1 })
  })

  it('refuses what is older than the horizon, and what is from the future', () => {
    const log = newLog()
    const id = { peer: 'x', incarnation: 1, sequence: 1 }
    expect(log.take(signedOf(id, 8_999), 10_000).standing).toMatchObject({ kind: 'refused', why: expect.stringContaining('beyond the horizon') })
    expect(log.take(signedOf(id, 10_101), 10_000).standing).toMatchObject({ kind: 'refused', why: expect.stringContaining('a clock is wrong') })
    expect(log.take(signedOf(id, 9_000), 10_000).standing.kind).toBe('news')
  })

  it('forgets lives that ended long ago, after it stopped telling of them', () => {
    const log = newLog()
    log.take(signedOf({ peer: 'x', incarnation: 1, sequence: 1 }, 10_000), 10_000)
    const sizes = [10_000, 11_100, 11_600, 13_100].map((nowMs) => {
      log.prune(nowMs)
      // Views are looked at anew now and then: a new log has none.
      const again = newLog([...log.entries()], log.floors(), log.number)
      return [again.required(nowMs).size, again.stated(nowMs).size, again.vector().size]
    })
    expect(sizes).toEqual([[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 0]])
  })
})
