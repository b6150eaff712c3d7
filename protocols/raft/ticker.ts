/**
 * The time of a group's core: how many whole ticks have passed that it was not told of, and one timer for when it has something
 * to do. Time counts by the clock, not by timers, so a process that was stopped knows at its next step how long.
 */
import type { Clock } from '../clock.ts'

export class Ticker {
  readonly #clock: Clock
  readonly #tickMs: number
  readonly #onDue: () => void
  /** Up to when the core was told. */
  #toldMs = 0
  #armedMs = Infinity
  #disarm: () => void = () => {}

  constructor (clock: Clock, tickMs: number, onDue: () => void) {
    this.#clock = clock
    this.#tickMs = tickMs
    this.#onDue = onDue
  }

  /** A core begins now. */
  start (): void { this.#toldMs = this.#clock.nowMs() }

  /** @returns ticks that passed since it was asked last */
  passed (): number {
    const ticks = Math.floor((this.#clock.nowMs() - this.#toldMs) / this.#tickMs)
    if (ticks <= 0) return 0
    this.#toldMs += ticks * this.#tickMs
    return ticks
  }

  /** Has `onDue` called after so many ticks; Infinity for never. A timer that comes too early only looks again, so a later one is not set. */
  arm (ticks: number): void {
    const dueMs = this.#toldMs + ticks * this.#tickMs
    if (dueMs >= this.#armedMs) return
    this.stop()
    this.#armedMs = dueMs
    this.#disarm = this.#clock.after(Math.max(0, dueMs - this.#clock.nowMs()), () => {
      this.#armedMs = Infinity
      this.#onDue()
    })
  }

  stop (): void {
    this.#disarm()
    this.#armedMs = Infinity
  }
}
