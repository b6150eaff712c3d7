/** The memory of decisions: the latest of each key, bounded in both directions, and what the store tells. */
import { describe, expect, it } from 'vitest'
import { DecisionKind, Decisions, storeDecisions } from '../../../daemon/explain/decisions.ts'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import { bodyOf, keyOf, put, settingsOf, stillClock } from '../../support/store.ts'

describe('the memory of decisions', () => {
  it('keeps the latest of a key, the latest first, with their times', () => {
    const clock = stillClock()
    const decisions = new Decisions({ decisionsPerKeyMax: 2, decisionKeysMax: 10 }, clock)
    for (const what of [DecisionKind.Fetched, DecisionKind.Admitted, DecisionKind.Evicted] as const) {
      clock.advance(10)
      decisions.note(keyOf('a'), what, { why: what })
    }
    expect(decisions.of(keyOf('a'))).toEqual([{ atMs: 30, what: 'evicted', why: 'evicted' }, { atMs: 20, what: 'admitted', why: 'admitted' }])
    expect(decisions.of(keyOf('b'))).toEqual([])
  })

  it('forgets the key that was decided about least recently', () => {
    const decisions = new Decisions({ decisionsPerKeyMax: 2, decisionKeysMax: 2 }, stillClock())
    for (const name of ['a', 'b', 'a', 'c']) decisions.note(keyOf(name), DecisionKind.Admitted)
    expect(['a', 'b', 'c'].map((name) => decisions.of(keyOf(name)).length)).toEqual([2, 0, 1])
    expect(decisions.size).toBe(2)
  })

  it('says of a real store what came, what made room for what, and what was removed', async () => {
    const decisions = new Decisions({ decisionsPerKeyMax: 8, decisionKeysMax: 1_000 }, stillClock())
    const store = new MemoryStore({ settings: settingsOf({ memoryBytesMax: 200_000, memoryObjectBytesMax: 20_000 }), events: storeDecisions(decisions) })
    const names = Array.from({ length: 40 }, (_, index) => `object-${index}`)
    for (const name of names) await put(store, name, bodyOf(10_000))
    const told = (name: string): string[] => decisions.of(keyOf(name)).map(({ what }) => what)
    const held = names.filter((name) => store.variants(keyOf(name)).length > 0)
    const gone = names.filter((name) => !held.includes(name))
    expect(gone.length).toBeGreaterThan(10)
    for (const name of held) expect(told(name)).toEqual(['admitted'])
    for (const name of gone) expect(told(name)).toEqual(['evicted', 'admitted'])
    const keys = new Set(names.map(keyOf))
    for (const name of gone) expect(keys.has(decisions.of(keyOf(name))[0]?.byKey as never)).toBe(true)
    await store.remove(keyOf(held[0] ?? ''))
    expect(told(held[0] ?? '')).toEqual(['removed', 'admitted'])
  })
})
