/** A large world's store decides as the daemon's does. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DaemonFifo } from '../../../netsim/world/edge/fifo.ts'
import { PackedFifo } from '../../../netsim/world/edge/packed-fifo.ts'

const object = fc.nat(40)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('insert' as const), object, bytes: fc.integer({ min: 1, max: 250 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('use' as const), object }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('remove' as const, 'get' as const), object }) }
)

describe('the packed S3-FIFO', () => {
  it('evicts what the daemon\'s evicts, in the same order, whatever is stored, used and removed', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const init = { bytesMax: 1_000, objectShareMax: 0.25 }
      const [daemon, packed] = [new DaemonFifo(init), new PackedFifo(init)]
      for (const [slot, each] of steps.entries()) {
        if (each.kind === 'insert') expect(packed.insert(each.object, each.bytes, slot)).toEqual(daemon.insert(each.object, each.bytes, slot))
        else if (each.kind === 'remove') for (const fifo of [daemon, packed]) fifo.remove(each.object)
        else expect(packed[each.kind](each.object)).toBe(daemon[each.kind](each.object))
        expect([packed.bytes, packed.size, packed.fits(251)]).toEqual([daemon.bytes, daemon.size, daemon.fits(251)])
      }
      const sorted = (fifo: DaemonFifo | PackedFifo): unknown[] => [...fifo.residents()].sort(([one], [other]) => one - other)
      expect(sorted(packed)).toEqual(sorted(daemon))
    }), { numRuns: 300 })
  })

  it('remembers as many that it evicted as the daemon\'s, over thousands of objects', () => {
    const init = { bytesMax: 5_000, objectShareMax: 0.25 }
    const [daemon, packed] = [new DaemonFifo(init), new PackedFifo(init)]
    let state = 7
    for (let slot = 0; slot < 20_000; slot++) {
      state = Math.imul(state, 1_103_515_245) + 12_345 >>> 0
      const id = state % 4_000
      expect(packed.use(id)).toBe(daemon.use(id))
      if (slot % 3 === 0) expect(packed.insert(id, 1 + state % 7, slot)).toEqual(daemon.insert(id, 1 + state % 7, slot))
    }
  })
})
