import { describe, it } from 'vitest'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Heap } from '../../../protocols/providers/heap.ts'

describe('a heap', () => {
  it('gives the first of what is in it, whichever was taken out of its middle', () => {
    const command = fc.oneof(fc.record({ push: fc.nat(50) }), fc.record({ push: fc.nat(50) }), fc.record({ take: fc.nat(100) }), fc.constant({ pop: true }))
    fc.assert(fc.property(fc.array(command, { maxLength: 120 }), (commands) => {
      interface Item { readonly value: number, place: number }
      const heap = new Heap<Item>((a, b) => a.value < b.value)
      const items: Item[] = []
      for (const command of commands) {
        if ('push' in command) {
          const item = { value: command.push, place: -1 }
          heap.push(item)
          items.push(item)
        } else {
          const item = 'take' in command ? items[command.take % items.length] : heap.pop()
          if (item === undefined) continue
          if ('take' in command) assert(heap.delete(item))
          else assert.equal(item.value, Math.min(...items.map(({ value }) => value)))
          assert(!heap.delete(item))
          items.splice(items.indexOf(item), 1)
        }
        assert.equal(heap.size, items.length)
        assert.equal(heap.peek()?.value, items.length === 0 ? undefined : Math.min(...items.map(({ value }) => value)))
        assert.deepEqual(new Set(heap), new Set(items))
      }
    }))
  })
})
