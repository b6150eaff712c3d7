import { describe, it } from 'vitest'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { ByteLog } from '../../../daemon/store/byte-log.ts'
import { bodyOf, readAll } from '../../support/store.ts'

describe('ByteLog', () => {
  it('gives back what was appended in any pieces, and foretells the memory that it takes', async () => {
    const pieces = fc.array(fc.oneof(fc.nat(100), fc.nat(70_000), fc.integer({ min: 200_000, max: 600_000 })), { maxLength: 8 })
    await fc.assert(fc.asyncProperty(pieces, fc.option(fc.nat(700_000), { nil: undefined }), fc.integer({ min: 1000, max: 1e6 }), async (lengths, hint, step) => {
      const log = new ByteLog(hint)
      const body = bodyOf(lengths.reduce((sum, each) => sum + each, 0))
      let at = 0
      for (const length of lengths) {
        const foretold = log.capacityAfter(length)
        log.append(body.subarray(at, at + length))
        at += length
        assert.equal(log.capacity, foretold)
        assert(log.capacity >= log.length)
        assert(log.capacity <= Math.max(2 * log.length, 64 * 1024) + 256 * 1024)
      }
      const before = log.read(0, 100)
      log.trim()
      assert.equal(log.capacity, body.byteLength)
      const whole = await readAll({ read: async (offset, lengthMax) => log.read(offset, lengthMax) }, step)
      assert.deepEqual(whole, Buffer.from(body))
      assert(Buffer.from(before).equals(body.subarray(0, before.byteLength)))
    }), { numRuns: 40 })
  })
})
