/**
 * The machine's clock and chance behind the Clock port: the only file of the daemon that touches
 * them. Everything else takes a Clock, so that tests and the simulator decide what time it is.
 */
// Not by the global of that name: that is a getter, and takes 220 ns in place of 155.
import { performance } from 'node:perf_hooks'
import type { Clock } from '../protocols/clock.ts'

export const systemClock: Clock = Object.freeze({
  wallMs: () => Date.now(),
  nowMs: () => performance.now(),
  random: () => Math.random(),
  after: (delayMs: number, callback: () => void) => {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return () => { clearTimeout(timer) }
  }
})
