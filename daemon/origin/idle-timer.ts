/**
 * A timeout that counts from the last progress. Progress is noted for every chunk of a body, so it
 * must cost next to nothing: a timer that rings too early looks at the time of the last progress and
 * is set again, and only one that would ring too late is set anew at once.
 */
import type { Clock } from '../../protocols/clock.ts'

export class IdleTimer {
  readonly #clock: Clock
  readonly #limitMs: () => number
  readonly #expire: () => void
  #progressAtMs = 0
  #ringsAtMs = Infinity
  #stopped = false
  #cancel: (() => void) | undefined

  /**
   * @param limitMs the timeout at this moment; it may change with the state of what is watched
   * @param expire called once
   */
  constructor (clock: Clock, limitMs: () => number, expire: () => void) {
    this.#clock = clock
    this.#limitMs = limitMs
    this.#expire = expire
  }

  /** Starts the timeout, or starts it again, with the present limit. */
  progress (): void {
    if (this.#stopped) return
    this.#progressAtMs = this.#clock.nowMs()
    if (this.#deadlineMs < this.#ringsAtMs) this.#set()
  }

  /** For good. May be called twice. */
  stop (): void {
    this.#stopped = true
    this.#cancel?.()
  }

  get #deadlineMs (): number {
    return this.#progressAtMs + this.#limitMs()
  }

  #set (): void {
    this.#cancel?.()
    this.#ringsAtMs = this.#deadlineMs
    // At least one, as a timer may ring a fraction of a millisecond early.
    this.#cancel = this.#clock.after(Math.max(this.#ringsAtMs - this.#clock.nowMs(), 1), () => {
      if (this.#clock.nowMs() < this.#deadlineMs) {
        this.#set()
      } else {
        this.stop()
        this.#expire()
      }
    })
  }
}
