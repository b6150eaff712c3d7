import { describe, expect, it } from 'vitest'
import { Breaker, type Permit } from '../../../daemon/origin/breaker.ts'

const settings = { breakerFailures: 3, breakerOpenMs: 1_000 }

function pass (breaker: Breaker, nowMs: number): Permit {
  const permit = breaker.pass(nowMs)
  if (permit === undefined) throw new Error('not let through')
  return permit
}

function opened (random = 0): Breaker {
  const breaker = new Breaker(settings, () => random)
  for (let n = 0; n < 3; n++) breaker.fail(pass(breaker, 0), 0)
  return breaker
}

describe('the breaker', () => {
  it('opens after the stated number of failures in a row', () => {
    const breaker = new Breaker(settings, () => 0)
    for (let n = 0; n < 2; n++) breaker.fail(pass(breaker, 0), 0)
    expect(breaker.state(0)).toBe('closed')
    breaker.fail(pass(breaker, 0), 0)
    expect(breaker.state(0)).toBe('open')
    expect(breaker.pass(0)).toBeUndefined()
  })

  it('forgets failures when the origin answers in between', () => {
    const breaker = new Breaker(settings, () => 0)
    for (let n = 0; n < 2; n++) breaker.fail(pass(breaker, 0), 0)
    breaker.succeed(pass(breaker, 0))
    for (let n = 0; n < 2; n++) breaker.fail(pass(breaker, 0), 0)
    expect(breaker.state(0)).toBe('closed')
  })

  it('lets exactly one request try when it was open for its time', () => {
    const breaker = opened()
    expect(breaker.pass(999)).toBeUndefined()
    expect(breaker.state(1_000)).toBe('half-open')
    pass(breaker, 1_000)
    expect(breaker.admits(1_000)).toBe(false)
    expect(breaker.pass(5_000)).toBeUndefined()
  })

  it('closes when the trial is answered', () => {
    const breaker = opened()
    breaker.succeed(pass(breaker, 1_000))
    expect(breaker.state(1_000)).toBe('closed')
    pass(breaker, 1_000)
    pass(breaker, 1_000)
  })

  it('opens again for its whole time when the trial fails', () => {
    const breaker = opened()
    breaker.fail(pass(breaker, 1_500), 1_500)
    expect(breaker.state(2_499)).toBe('open')
    expect(breaker.state(2_500)).toBe('half-open')
  })

  it('lets another request try when the asker of the trial left', () => {
    const breaker = opened()
    breaker.drop(pass(breaker, 1_000))
    expect(breaker.state(1_000)).toBe('half-open')
    pass(breaker, 1_000)
  })

  it('stays open longer by chance, up to half its time', () => {
    expect(opened(0.5).state(1_249)).toBe('open')
    expect(opened(0.5).state(1_250)).toBe('half-open')
  })

  it('takes no notice of outcomes from before it opened', () => {
    const breaker = new Breaker(settings, () => 0)
    const slow = pass(breaker, 0)
    for (let n = 0; n < 3; n++) breaker.fail(pass(breaker, 0), 0)
    breaker.succeed(slow)
    expect(breaker.state(0)).toBe('open')
    const trial = pass(breaker, 1_000)
    breaker.drop(slow)
    expect(breaker.admits(1_000)).toBe(false)
    breaker.succeed(trial)
    expect(breaker.state(1_000)).toBe('closed')
  })
})
