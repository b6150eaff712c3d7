import { describe, it } from 'vitest'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Announcer } from '../../../protocols/providers/announcer.ts'
import type { Rarity } from '../../../protocols/providers/announcer.ts'
import type { ContentKey } from '../../../protocols/ids.ts'

const rarities = ['published', 'rare', 'common'] as const
const rarity = fc.constantFrom(...rarities)
const key = fc.nat(30).map((number) => `key-${number}` as ContentKey)

const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('want' as const), key, rarity }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('drop' as const), key }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('next' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('done' as const), which: fc.nat(15), ok: fc.boolean() }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('advance' as const), byMs: fc.integer({ min: 1, max: 30_000 }) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wake' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('renew' as const) }) }
)

const settings = fc.record({
  reannounceMs: fc.integer({ min: 1_000, max: 120_000 }),
  announcesPerMinuteMax: fc.integer({ min: 1, max: 90 }),
  announcesInFlightMax: fc.integer({ min: 1, max: 4 }),
  announceRetryMs: fc.integer({ min: 500, max: 60_000 }),
  keysMax: fc.integer({ min: 1, max: 25 })
})

interface Modelled { rank: number, order: number, dueMs: number, failures: number }

describe('the announcer under any sequence of calls', () => {
  it('gives the most worthy due key within both limits, exactly when it said, and never a dropped one', () => {
    fc.assert(fc.property(settings, fc.array(command, { maxLength: 250, size: 'max' }), (settings, commands) => {
      const announcer = new Announcer({ settings })
      const model = new Map<ContentKey, Modelled>()
      const inFlight = new Set<ContentKey>()
      const startsMs: number[] = []
      let nowMs = 1_000_000
      let orders = 0
      let displaced = 0

      /** Keys that may be announced now, the most worthy first. */
      const due = (): ContentKey[] => [...model]
        .filter(([key, { dueMs }]) => dueMs <= nowMs && !inFlight.has(key))
        .sort(([, a], [, b]) => a.rank - b.rank || b.order - a.order)
        .map(([key]) => key)
      const next = (): ContentKey | undefined => {
        const expected = due()[0]
        const given = announcer.next(nowMs)
        if (given === undefined) return undefined
        assert.equal(given, expected)
        assert(!inFlight.has(given))
        inFlight.add(given)
        assert(inFlight.size <= settings.announcesInFlightMax)
        startsMs.push(nowMs)
        assert(startsMs.filter((startMs) => startMs > nowMs - 60_000).length <= settings.announcesPerMinuteMax)
        return given
      }
      const want = (key: ContentKey, rarity: Rarity): void => {
        const rank = rarities.indexOf(rarity)
        const known = model.get(key)
        const gone = announcer.want(key, rarity, nowMs)
        if (known?.rank === rank) return assert.equal(gone, undefined)
        const entry = { rank, order: orders++, dueMs: known?.dueMs ?? nowMs, failures: known?.failures ?? 0 }
        const least = [...model].sort(([, a], [, b]) => b.rank - a.rank || a.order - b.order)[0]
        if (known !== undefined || model.size < settings.keysMax || least === undefined) {
          model.set(key, entry)
          return assert.equal(gone, undefined)
        }
        displaced++
        if (least[1].rank < rank) return assert.equal(gone, key)
        assert.equal(gone, least[0])
        model.delete(least[0])
        model.set(key, entry)
      }

      for (const command of commands) {
        if (command.kind === 'want') want(command.key, command.rarity)
        else if (command.kind === 'drop') assert.equal(announcer.drop(command.key), model.delete(command.key))
        else if (command.kind === 'next') next()
        else if (command.kind === 'advance') nowMs += command.byMs
        else if (command.kind === 'done') {
          const key = [...inFlight][command.which % (inFlight.size || 1)] ?? 'never-given' as ContentKey
          announcer.done(key, command.ok, nowMs)
          const entry = model.get(key)
          if (!inFlight.delete(key) || entry === undefined) continue
          entry.failures = command.ok ? 0 : entry.failures + 1
          entry.dueMs = nowMs + (command.ok ? settings.reannounceMs : Math.min(settings.reannounceMs, settings.announceRetryMs * 2 ** (entry.failures - 1)))
        } else if (command.kind === 'renew') {
          announcer.renew(nowMs)
          for (const [key, entry] of model) if (!inFlight.has(key)) entry.dueMs = Math.min(entry.dueMs, nowMs)
        } else {
          const atMs = Math.max(nowMs, announcer.nextDeadline())
          if (atMs === Infinity) {
            assert(inFlight.size === settings.announcesInFlightMax || due().length === 0)
            continue
          }
          if (atMs > nowMs + 1) {
            nowMs = atMs - 1
            assert.equal(next(), undefined, 'a key before the deadline')
          }
          nowMs = atMs
          assert.notEqual(next(), undefined, 'no key at the deadline')
        }
        assert.equal(announcer.size, model.size)
        assert.equal(announcer.inFlight, inFlight.size)
        assert.equal(announcer.displaced, displaced)
        const waiting = due()
        const oldestMs = Math.min(nowMs, ...waiting.map((key) => model.get(key)?.dueMs ?? nowMs))
        assert.deepEqual(announcer.behind(nowMs), { keys: waiting.length, ms: nowMs - oldestMs })
      }
    }), { numRuns: 300 })
  })

  it('announces every key in each two periods where the budget suffices, and only the most worthy newest where it does not', () => {
    const run = fc.record({ perMinute: fc.integer({ min: 5, max: 80 }), load: fc.double({ min: 0.1, max: 3, noNaN: true }), tookMs: fc.integer({ min: 0, max: 500 }), seed: fc.nat() })
    fc.assert(fc.property(run, ({ perMinute, load, tookMs, seed }) => {
      const reannounceMs = 120_000
      // What the steady rate, nine tenths of the budget at the least, can keep announced.
      const capacity = Math.floor(0.9 * perMinute * reannounceMs / 60_000)
      const count = Math.max(1, Math.floor(load * capacity))
      const announcer = new Announcer({ settings: { reannounceMs, announcesPerMinuteMax: perMinute, announcesInFlightMax: 16, announceRetryMs: 1_000, keysMax: 1_000 } })
      const keys = Array.from({ length: count }, (_, index) => ({ key: `key-${index}` as ContentKey, rarity: rarities[(index * 7 + seed) % 3] ?? 'rare' }))
      for (const { key, rarity } of keys) announcer.want(key, rarity, 0)

      const lastMs = new Map<ContentKey, number>()
      const ending: Array<{ key: ContentKey, atMs: number }> = []
      const endMs = 6 * reannounceMs
      let widestMs = 0
      for (let nowMs = 0; nowMs < endMs; nowMs = Math.max(nowMs, Math.min(announcer.nextDeadline(), ending[0]?.atMs ?? Infinity, endMs))) {
        while (ending[0] !== undefined && ending[0].atMs <= nowMs) announcer.done(ending.shift()!.key, true, nowMs)
        for (let key = announcer.next(nowMs); key !== undefined; key = announcer.next(nowMs)) {
          widestMs = Math.max(widestMs, nowMs - (lastMs.get(key) ?? 0))
          lastMs.set(key, nowMs)
          ending.push({ key, atMs: nowMs + tookMs })
        }
      }
      const inOrder = keys.toReversed().sort((a, b) => rarities.indexOf(a.rarity) - rarities.indexOf(b.rarity))
      for (const { key } of inOrder.slice(0, capacity)) {
        assert(lastMs.has(key), `${key} was never announced`)
        assert((lastMs.get(key) ?? 0) >= endMs - 2 * reannounceMs - tookMs, `${key} was not announced again`)
      }
      if (load <= 1) assert(widestMs <= 2 * reannounceMs + tookMs)
      // Past the whole budget of a period, what is left over is never reached, and told.
      if (count > perMinute * reannounceMs / 60_000 + 16) {
        const last = inOrder.at(-1)?.key ?? '' as ContentKey
        assert(!lastMs.has(last))
        assert.equal(announcer.behind(endMs).ms, endMs)
      }
    }), { numRuns: 60 })
  })
})
