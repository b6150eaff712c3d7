import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Breaker, type Permit } from '../../../daemon/origin/breaker.ts'

const step = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const) }),
  fc.record({ kind: fc.constantFrom('succeed' as const, 'fail' as const, 'drop' as const), which: fc.nat() }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 700 }) })
)

/** Runs the steps, handing each step's state before and after to `check`. */
function run (failuresMax: number, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[], check: (seen: {
  kind: string, nowMs: number, before: string, after: string, passed: boolean, openedAtMs: number
}) => void): void {
  let nowMs = 0
  let openedAtMs = -Infinity
  const breaker = new Breaker({ breakerFailures: failuresMax, breakerOpenMs: 1_000 }, () => 0.5)
  const permits: Permit[] = []
  for (const each of steps) {
    const before = breaker.state(nowMs)
    let passed = false
    if (each.kind === 'wait') nowMs += each.ms
    else if (each.kind === 'pass') {
      const permit = breaker.pass(nowMs)
      passed = permit !== undefined
      if (permit !== undefined) permits.push(permit)
    } else {
      const [permit] = permits.splice(permits.length === 0 ? 0 : each.which % permits.length, 1)
      if (permit !== undefined) breaker[each.kind](permit, nowMs)
    }
    const after = breaker.state(nowMs)
    if (each.kind === 'fail' && before !== 'open' && after === 'open') openedAtMs = nowMs
    check({ kind: each.kind, nowMs, before, after, passed, openedAtMs })
  }
}

describe('the breaker, over any order of outcomes', () => {
  const steps = fc.array(step, { maxLength: 200 })
  const failuresMax = fc.integer({ min: 1, max: 5 })

  it('is open for exactly its time after it opened, and nobody passes meanwhile', () => {
    fc.assert(fc.property(failuresMax, steps, (max, list) => {
      run(max, list, ({ kind, nowMs, after, passed, openedAtMs }) => {
        if (nowMs - openedAtMs < 1_250) {
          expect(after).toBe('open')
          if (kind === 'pass') expect(passed).toBe(false)
        } else {
          expect(after).not.toBe('open')
        }
      })
    }))
  })

  it('opens only by a failure and closes only by a success of the one that tries', () => {
    fc.assert(fc.property(failuresMax, steps, (max, list) => {
      run(max, list, ({ kind, before, after }) => {
        if (before !== 'open' && after === 'open') expect(kind).toBe('fail')
        if (before !== 'closed' && after === 'closed') {
          expect(kind).toBe('succeed')
          expect(before).toBe('half-open')
        }
      })
    }))
  })

  it('lets one request at a time through while half-open', () => {
    fc.assert(fc.property(failuresMax, steps, (max, list) => {
      let trials = 0
      run(max, list, ({ kind, before, passed }) => {
        if (before !== 'half-open') trials = 0
        else if (passed) expect(++trials).toBe(1)
        // Any outcome may have been that of the trial.
        else if (kind !== 'wait' && kind !== 'pass') trials = 0
      })
    }))
  })
})
