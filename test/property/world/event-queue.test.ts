/** The queue against the plainest one there is: a list sorted by time and insertion. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { EventQueue, type TimerId } from '../../../netsim/world/event-queue.ts'

type Step = { readonly kind: 'push', readonly timeMs: number } | { readonly kind: 'take' } | { readonly kind: 'cancel', readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('push' as const), timeMs: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'take' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat() }) }
)

describe('the event queue', () => {
  it('gives events by time, equal times by insertion, and never a cancelled one', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const queue = new EventQueue()
      const ids: TimerId[] = []
      const times: number[] = []
      const waiting = new Set<number>()
      const takeBoth = (): void => {
        const expected = [...waiting].toSorted((a, b) => times[a]! - times[b]! || a - b)[0]
        expect(queue.firstMs()).toBe(expected === undefined ? Infinity : times[expected])
        expect(queue.take()).toBe(expected !== undefined)
        if (expected === undefined) return
        waiting.delete(expected)
        expect([queue.timeMs, queue.a, queue.payload]).toEqual([times[expected], expected, `event ${expected}`])
      }
      for (const each of steps) {
        if (each.kind === 'push') {
          const name = ids.length
          times.push(each.timeMs)
          waiting.add(name)
          ids.push(queue.push(each.timeMs, { onEvent: () => {} }, 1, name, 0, `event ${name}`))
        } else if (each.kind === 'take') takeBoth()
        else if (ids.length > 0) {
          const name = each.which % ids.length
          expect(queue.cancel(ids[name]!)).toBe(waiting.delete(name))
        }
        expect(queue.size).toBe(waiting.size)
      }
      while (waiting.size > 0) takeBoth()
    }))
  })

  it('keeps more events than it began with room for', () => {
    const queue = new EventQueue()
    const count = 5_000
    for (let name = 0; name < count; name++) queue.push((name * 7919) % count, { onEvent: () => {} }, 0, name, -name, undefined)
    for (let timeMs = 0; timeMs < count; timeMs++) {
      queue.take()
      expect([queue.timeMs, (queue.a * 7919) % count, queue.b]).toEqual([timeMs, timeMs, -queue.a])
    }
  })
})
