import { describe, it } from 'vitest'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { S3Fifo } from '../../../daemon/store/s3-fifo.ts'
import type { Evicted } from '../../../daemon/store/s3-fifo.ts'

const bytesMax = 1000
const objectShareMax = 0.25

const command = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('insert' as const), id: fc.nat(60), bytes: fc.integer({ min: 1, max: 260 }) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('access' as const), id: fc.nat(60), bytes: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), id: fc.nat(60), bytes: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('recall' as const), id: fc.nat(60), bytes: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restore' as const), id: fc.integer({ min: 61, max: 70 }), bytes: fc.integer({ min: 1, max: 100 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reserve' as const), id: fc.constant(0), bytes: fc.nat(150) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('release' as const), id: fc.constant(0), bytes: fc.constant(0) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('resize' as const), id: fc.constant(0), bytes: fc.integer({ min: 600, max: 1400 }) }) }
)

describe('S3Fifo under any sequence of calls', () => {
  it('never exceeds its budget, has no id both resident and ghost, and agrees with a model of who is resident', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 300 }), fc.option(fc.integer({ min: 1, max: 20 }), { nil: undefined }), (commands, entriesMax) => {
      const fifo = new S3Fifo<number>({ bytesMax, objectShareMax, entriesMax })
      const model = new Map<string, number>()
      const reservations: number[] = []
      let budget = bytesMax
      const leave = (evicted: ReadonlyArray<Evicted<number>>, self?: string): void => {
        for (const { id, value } of evicted) {
          assert.notEqual(id, self)
          assert.equal(value, model.get(id))
          assert(model.delete(id), `${id} was evicted and not resident`)
        }
      }
      for (const { kind, id: number, bytes } of commands) {
        const id = String(number)
        if (kind === 'insert' && fifo.fits(bytes)) {
          leave(fifo.insert(id, bytes, bytes), id)
          model.set(id, bytes)
        } else if (kind === 'access') assert.equal(fifo.access(id), model.has(id))
        else if (kind === 'recall') fifo.recall(id)
        else if (kind === 'restore' && !model.has(id) && fifo.fits(bytes)) {
          fifo.remove(id)
          leave(fifo.restore(id, bytes, bytes), id)
          model.set(id, bytes)
        } else if (kind === 'remove') {
          fifo.remove(id)
          model.delete(id)
        } else if (kind === 'reserve' && fifo.reserved + bytes <= 300) {
          leave(fifo.reserve(bytes))
          reservations.push(bytes)
        } else if (kind === 'release') fifo.release(reservations.pop() ?? 0)
        else if (kind === 'resize') {
          budget = bytes
          leave(fifo.resize(bytes))
        }
        assert(fifo.bytes <= budget)
        assert(fifo.size <= (entriesMax ?? Infinity))
        assert.equal(fifo.bytes, [...model.values()].reduce((sum, each) => sum + each, 0) + fifo.reserved)
        assert.equal(fifo.size, model.size)
        for (let each = 0; each <= 70; each++) {
          assert.equal(fifo.get(String(each)), model.get(String(each)))
          assert.equal(fifo.has(String(each)), model.has(String(each)))
          assert(!(fifo.has(String(each)) && fifo.isGhost(String(each))))
        }
        assert(fifo.ghosts <= 1024)
      }
    }))
  })

  it('keeps a hot set through a scan of any sizes', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 250 }), { minLength: 50, maxLength: 300 })
    fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 12 }), sizes, (hot, scan) => {
      // At most 720 bytes: within the 750 that objects of a quarter leave to main.
      const fifo = new S3Fifo<number>({ bytesMax, objectShareMax })
      for (const [index, bytes] of hot.entries()) {
        fifo.insert(`hot ${index}`, bytes, bytes)
        fifo.access(`hot ${index}`)
        fifo.access(`hot ${index}`)
      }
      for (const [index, bytes] of scan.entries()) fifo.insert(`scan ${index}`, bytes, bytes)
      for (const index of hot.keys()) assert(fifo.has(`hot ${index}`), `hot ${index} was lost to the scan`)
    }))
  })
})
