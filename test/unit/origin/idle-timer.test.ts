import { describe, expect, it } from 'vitest'
import { IdleTimer } from '../../../daemon/origin/idle-timer.ts'
import { manualClock } from './support.ts'

describe('a timeout since the last progress', () => {
  it('expires once, when nothing happened for the limit', () => {
    const clock = manualClock()
    let expired = 0
    const timer = new IdleTimer(clock, () => 100, () => { expired++ })
    timer.progress()
    clock.move(60)
    timer.progress()
    clock.move(99)
    expect(expired).toBe(0)
    clock.move(1)
    expect(expired).toBe(1)
    timer.progress()
    clock.move(1_000)
    expect(expired).toBe(1)
  })

  it('follows a limit that becomes shorter or longer', () => {
    const clock = manualClock()
    let limitMs = 1_000
    let expired = 0
    const timer = new IdleTimer(clock, () => limitMs, () => { expired++ })
    timer.progress()
    limitMs = 50
    timer.progress()
    clock.move(40)
    limitMs = 500
    timer.progress()
    clock.move(499)
    expect(expired).toBe(0)
    clock.move(1)
    expect(expired).toBe(1)
  })

  it('keeps no timer when it was stopped', () => {
    const clock = manualClock()
    const timer = new IdleTimer(clock, () => 100, () => { throw new Error('expired') })
    timer.progress()
    timer.stop()
    timer.progress()
    expect(clock.timers).toBe(0)
  })
})
