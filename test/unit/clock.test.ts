/** The machine's clock keeps the port's promises. */
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../daemon/clock.ts'
import { sleep } from '../../protocols/clock.ts'

describe('the machine\'s clock', () => {
  it('never goes back and wakes in the order of the delays', async () => {
    const before = systemClock.nowMs()
    const woken: string[] = []
    const late = sleep(systemClock, 20).then(() => woken.push('late'))
    const early = sleep(systemClock, 1).then(() => woken.push('early'))
    await Promise.all([late, early])
    expect(woken).toEqual(['early', 'late'])
    expect(systemClock.nowMs()).toBeGreaterThan(before)
    expect(systemClock.wallMs()).toBeGreaterThan(Date.UTC(2026, 0))
    expect(systemClock.random()).toBeLessThan(1)
  })

  it('does not call back what was cancelled, however often', async () => {
    let called = false
    const cancel = systemClock.after(1, () => { called = true })
    cancel()
    cancel()
    // A later timer of the same clock: had the first not been cancelled, it would have run before.
    await sleep(systemClock, 5)
    expect(called).toBe(false)
  })
})
