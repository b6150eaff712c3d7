/**
 * Work that repeats: one run at a time, the next one after the delay that the last one asked for. A run
 * that throws is reported and repeated; nothing here ends an edge.
 */
import type { Clock } from './clock.ts'

export interface PeriodicInit {
  readonly clock: Clock
  /** @returns ms until the next run; the signal aborts at `stop` */
  readonly run: (signal: AbortSignal) => number | Promise<number>
  readonly onError: (error: unknown) => void
  /** Delay after a run that threw, ms. */
  readonly retryMs: number
}

export class Periodic {
  readonly #init: PeriodicInit
  #controller: AbortController | undefined
  #cancel: (() => void) | undefined
  #dueAtMs = Infinity
  #running = false

  constructor (init: PeriodicInit) {
    this.#init = init
  }

  start (): void {
    this.#controller ??= new AbortController()
    this.soon()
  }

  /** Runs within `delayMs`; an earlier run that is already planned stays. */
  soon (delayMs = 0): void {
    if (this.#controller === undefined) return
    const dueAtMs = this.#init.clock.nowMs() + Math.max(0, delayMs)
    if (dueAtMs >= this.#dueAtMs) return
    this.#dueAtMs = dueAtMs
    if (!this.#running) this.#plan()
  }

  /** No run begins after this; the one under way is told by its signal. May be called twice. */
  stop (): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#controller?.abort()
    this.#controller = undefined
    this.#dueAtMs = Infinity
  }

  #plan (): void {
    this.#cancel?.()
    const delayMs = Math.max(0, this.#dueAtMs - this.#init.clock.nowMs())
    this.#cancel = this.#init.clock.after(delayMs, () => { void this.#run() })
  }

  async #run (): Promise<void> {
    const controller = this.#controller
    if (controller === undefined || this.#running) return
    this.#running = true
    this.#dueAtMs = Infinity
    let delayMs = this.#init.retryMs
    try {
      delayMs = await this.#init.run(controller.signal)
    } catch (error) {
      if (!controller.signal.aborted) this.#init.onError(error)
    }
    this.#running = false
    // Stopped meanwhile, perhaps started again: then `soon` has set the next run, and it is planned here.
    if (controller === this.#controller) this.soon(delayMs)
    if (this.#controller !== undefined && this.#dueAtMs !== Infinity) this.#plan()
  }
}
