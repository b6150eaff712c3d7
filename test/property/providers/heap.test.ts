import { describe, it } from 'vitest'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Heap } from '../../../protocols/providers/heap.ts'

interface Item { readonly value: number, place: number }

describe('a heap', () => {
  it('gives what is left in its order, whichever items were taken out of its middle', () => {
    const rounds = fc.array(fc.record({ pushed: fc.array(fc.nat(1_000), { maxLength: 60, size: 'max' }), taken: fc.array(fc.nat(1_000), { maxLength: 20, size: 'max' }), popped: fc.nat(10) }), { maxLength: 6, size: 'max' })
    fc.assert(fc.property(rounds, (rounds) => {
      const heap = new Heap<Item>((a, b) => a.value < b.value)
      const items: Item[] = []
      const pop = (): void => {
        const item = heap.peek()
        assert.equal(heap.pop(), item)
        assert.equal(item?.value, items.length === 0 ? undefined : Math.min(...items.map(({ value }) => value)))
        if (item !== undefined) items.splice(items.indexOf(item), 1)
      }
      for (const { pushed, taken, popped } of rounds) {
        for (const value of pushed) {
          const item = { value, place: -1 }
          heap.push(item)
          items.push(item)
        }
        for (const which of taken) {
          const [item] = items.splice(which % items.length, 1)
          if (item === undefined) break
          assert(heap.delete(item))
          assert(!heap.delete(item))
        }
        for (let count = 0; count < popped; count++) pop()
        assert.deepEqual(new Set(heap), new Set(items))
      }
      while (items.length > 0) pop()
      assert.equal(heap.size, 0)
    }), { numRuns: 200 })
  })
})
