/** A Raft log on the simulated disk: what was synced survives, what was not survives up to a batch, and nothing else does. */
import { describe, expect, it } from 'vitest'
import { Engine } from '../../../netsim/world/engine.ts'
import { RaftJournal } from '../../../netsim/world/edge/raft-journal.ts'
import { Machine } from '../../../netsim/world/machine.ts'
import { Random } from '../../../netsim/random.ts'
import type { Entry } from '../../../protocols/raft/messages.ts'

function setUp (seed: number): { readonly engine: Engine, readonly machine: Machine, readonly journal: RaftJournal } {
  const engine = new Engine()
  const machine = new Machine({ index: 0, name: 'm', engine, random: new Random(seed), skewMs: 0, driftPpm: 0 })
  machine.host = { start: () => {}, crash: () => {}, receive: () => {} }
  const journal = new RaftJournal(machine, new Random(seed), [1, 2])
  machine.boot()
  journal.open()
  return { engine, machine, journal }
}

function entry (index: number, term = 1): Entry { return { index, term, kind: 0, data: new Uint8Array(0) } }

describe('a Raft journal', () => {
  it('keeps what was synced, and of the rest a first part, batch by batch', () => {
    const ends = new Set<number>()
    for (let seed = 0; seed < 40; seed++) {
      const { engine, machine, journal } = setUp(seed)
      journal.write({ hardState: { term: 1, vote: 'a', commit: 0 }, entries: [entry(1), entry(2)] })
      let synced = false
      journal.sync(() => { synced = true })
      engine.run(engine.nowMs + 10)
      expect(synced).toBe(true)
      expect(journal.durable.lastIndex).toBe(2)
      // A later leader's entries, in place of the second one, and not synced.
      journal.write({ hardState: { term: 2, vote: 'b', commit: 1 }, entries: [entry(2, 2), entry(3, 2)] })
      journal.write({ entries: [entry(4, 2)] })
      expect([journal.written.lastIndex, journal.durable.lastIndex]).toEqual([4, 2])
      machine.crash()
      machine.boot()
      expect(journal.open()).toBe(true)
      const { hardState, lastIndex } = journal.written
      expect([[2, 1, 1], [3, 2, 2], [4, 2, 2]]).toContainEqual([lastIndex, hardState.term, journal.written.termAt(2)])
      ends.add(lastIndex)
    }
    expect([...ends].sort()).toEqual([2, 3, 4])
  })

  it('takes a snapshot in place of the entries before it, or of all where its place is not there', () => {
    const { journal } = setUp(1)
    journal.write({ entries: [entry(1), entry(2), entry(3)] })
    const configuration = { voters: ['a'], learners: [] }
    journal.write({ snapshot: { index: 2, term: 1, configuration, data: new Uint8Array(0) }, compactTo: 2 })
    expect(journal.written.entries.map(({ index }) => index)).toEqual([3])
    expect([journal.written.termAt(2), journal.written.holds(1, 1), journal.written.holds(3, 1), journal.written.holds(3, 2)]).toEqual([1, true, true, false])
    journal.write({ snapshot: { index: 9, term: 2, configuration, data: new Uint8Array(0) } })
    expect([journal.written.entries, journal.written.lastIndex, journal.written.lastTerm]).toEqual([[], 9, 2])
  })

  it('says the same after a thousand batches, whenever the power goes', () => {
    for (let seed = 0; seed < 20; seed++) {
      const { engine, machine, journal } = setUp(seed)
      for (let index = 1; index <= 1_000 + seed; index++) {
        journal.write({ hardState: { term: 1, vote: undefined, commit: index - 1 }, entries: [entry(index)] })
        if (index % 7 !== 0) continue
        journal.sync(() => {})
        engine.run(engine.nowMs + 10)
      }
      const { lastIndex } = journal.durable
      machine.crash()
      machine.boot()
      journal.open()
      expect(journal.written.lastIndex).toBeGreaterThanOrEqual(lastIndex)
      expect(journal.written.entries.map(({ index }) => index)).toEqual(Array.from({ length: journal.written.lastIndex }, (_, at) => at + 1))
    }
  })
})
