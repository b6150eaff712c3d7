import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { DiskIndex } from '../../../daemon/store/disk-index.ts'
import type { DiskObject } from '../../../daemon/store/disk-index.ts'
import { packHead, startOfPacked } from '../../../daemon/store/packed-head.ts'
import type { StoredResponse } from '../../../daemon/store/store.ts'
import { bodyOf, headOf, keyOf } from '../../support/store.ts'

const keys = ['a', 'b', 'c', 'd'].map(keyOf)
const command = fc.record({
  kind: fc.constantFrom('insert', 'insert', 'insert', 'restore', 'update', 'delete', 'access', 'reserve'),
  key: fc.constantFrom(...keys),
  variant: fc.constantFrom('', '', 'gzip', 'br'),
  receivedAtMs: fc.nat(1_000),
  cost: fc.integer({ min: 10, max: 25 })
})

describe('DiskIndex under any sequence of calls', () => {
  it('agrees with a plain map of heads about what is held, of each key and altogether', () => {
    fc.assert(fc.property(fc.array(command, { minLength: 20, maxLength: 120 }), (commands) => {
      const index = new DiskIndex({ bytesMax: 100, objectShareMax: 0.25 })
      const model = new Map<string, StoredResponse>()
      const idOf = (head: StoredResponse): string => `${head.key} ${head.variant}`
      const leave = (evicted: readonly DiskObject[]): void => {
        for (const { key, packed } of evicted) expect(model.delete(`${key} ${startOfPacked(packed).variant}`)).toBe(true)
      }
      for (const [step, { kind, key, variant, receivedAtMs, cost }] of commands.entries()) {
        const held = model.get(`${key} ${variant}`)
        if (kind === 'insert' || (kind === 'restore' && held === undefined)) {
          const head = headOf(key, bodyOf(step), { variant, receivedAtMs })
          leave(index[kind]({ key, packed: packHead(head, `name-${step}`) }, variant, cost))
          model.set(idOf(head), head)
        } else if (kind === 'reserve') {
          leave(index.reserve(cost))
          index.release(cost)
        } else if (held !== undefined) {
          const object = index.find(held)!
          const next = { ...held, receivedAtMs }
          if (kind === 'access') index.access(held)
          else if (kind === 'delete') {
            index.delete(object)
            model.delete(idOf(held))
            expect(index.has(object)).toBe(false)
          } else if (kind === 'update') {
            index.update(object, next)
            model.set(idOf(held), next)
          }
        }
        expect(index.size).toBe(model.size)
        expect(index.bytes).toBeLessThanOrEqual(100)
        for (const each of keys) {
          const expected = [...model.values()].filter((head) => head.key === each)
          const heads = index.heads(each)
          expect(heads).toHaveLength(expected.length)
          expect(heads).toEqual(expect.arrayContaining(expected))
          expect(heads.map((head) => head.receivedAtMs)).toEqual(heads.map((head) => head.receivedAtMs).toSorted((a, b) => b - a))
          expect(index.heads(each, expected.slice(1))).toEqual(expected.slice(0, 1))
          expect(index.select(each)).toHaveLength(expected.length)
          for (const head of expected) expect(index.find(head)).toBeDefined()
        }
        expect([...index.all()].map(({ key: each, packed }) => `${each} ${startOfPacked(packed).variant}`).sort()).toEqual([...model.keys()].sort())
      }
    }), { numRuns: 60 })
  })
})
