/** The table of pairs does as a map would, whatever comes and goes. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { PairTable } from '../../../netsim/world/pair-table.ts'

const change = fc.record({ one: fc.integer({ min: -3, max: 3 }), other: fc.integer({ min: 0, max: 400 }), comes: fc.boolean() })

it('finds what was set last under a pair, and nothing of what was deleted', () => {
  fc.assert(fc.property(fc.array(change, { maxLength: 4_000, size: 'max' }), (changes) => {
    const table = new PairTable<number>()
    const map = new Map<string, number>()
    for (const [at, { one, other, comes }] of changes.entries()) {
      const name = `${one}/${other}`
      if (comes) {
        table.set(one, other, at)
        map.set(name, at)
      } else expect(table.delete(one, other)).toBe(map.delete(name))
      expect(table.size).toBe(map.size)
    }
    for (let one = -3; one <= 3; one++) for (let other = 0; other <= 400; other++) if (table.get(one, other) !== map.get(`${one}/${other}`)) expect([one, other, table.get(one, other)]).toEqual([one, other, map.get(`${one}/${other}`)])
    expect(table.values().sort()).toEqual([...map.values()].sort())
  }), { numRuns: 30 })
})
