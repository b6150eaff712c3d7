import { describe, it } from 'vitest'
import fc from 'fast-check'
import assert from 'node:assert/strict'
import { Pace } from '../../../protocols/providers/pace.ts'

describe('a pace', () => {
  it('has no more than its budget in any minute, and nearly all of it when it is always used', () => {
    const pauses = fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 100_000, noNaN: true })), { minLength: 1, maxLength: 40, size: 'max' })
    fc.assert(fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 20 }), fc.double({ min: 0, max: 1e7, noNaN: true }), pauses, (perMinuteMax, burstMax, startMs, pauses) => {
      const pace = new Pace(perMinuteMax, burstMax)
      const takenMs: number[] = []
      let nowMs = startMs
      for (const pauseMs of [...pauses, ...Array.from({ length: 2 * perMinuteMax }, () => 0)]) {
        nowMs = Math.max(nowMs + pauseMs, pace.nextMs())
        assert(pace.take(nowMs))
        takenMs.push(nowMs)
        assert((takenMs.at(-1 - perMinuteMax) ?? -Infinity) <= nowMs - 60_000)
      }
      const steadyMs = nowMs - (takenMs.at(-2 * perMinuteMax) ?? nowMs)
      assert(steadyMs <= 2 * 60_000 / 0.9, `${2 * perMinuteMax} in ${steadyMs} ms`)
    }))
  })

  it('gives nothing before it said', () => {
    fc.assert(fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 20 }), fc.nat(1_000), (perMinuteMax, burstMax, earlyMs) => {
      const pace = new Pace(perMinuteMax, burstMax)
      while (pace.take(1_000));
      assert(!pace.take(Math.min(pace.nextMs() - 1, 1_000 + earlyMs)))
      assert(pace.take(pace.nextMs()))
    }))
  })
})
