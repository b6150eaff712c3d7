/**
 * Requests that wait for the configuration to change: for what a token names, or for whatever comes next. Bounded in
 * number and time, as each holds a connection.
 */
import type { Clock } from '../../protocols/clock.ts'
import type { AgreedServiceSettings } from './settings.ts'

export class Waiters {
  readonly #clock: Clock
  readonly #settings: AgreedServiceSettings
  /** Another process counts anew. */
  readonly #start: string
  readonly #waiting = new Set<() => void>()
  #watching = 0
  #changes = 0

  constructor (clock: Clock, settings: AgreedServiceSettings) {
    this.#clock = clock
    this.#settings = settings
    this.#start = clock.wallMs().toString(36)
  }

  get mark (): string { return `${this.#start}-${this.#changes}` }

  /** Something changed. */
  wake (): void {
    this.#changes++
    for (const look of [...this.#waiting]) look()
  }

  /** Nobody waits any longer. */
  end (): void {
    this.wake()
  }

  /** Resolves when `holds`, when `signal` aborts, or at once where too many wait already. */
  async until (holds: () => boolean, signal: AbortSignal): Promise<void> {
    if (holds() || signal.aborted || this.#waiting.size >= this.#settings.tokenWaitersMax) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const look = (): void => { if (holds()) resolve() }
    const onAbort = (): void => { resolve() }
    this.#waiting.add(look)
    signal.addEventListener('abort', onAbort, { once: true })
    await promise
    this.#waiting.delete(look)
    signal.removeEventListener('abort', onAbort)
  }

  /** Resolves when there was a change after `mark`, after `waitMs`, or when `signal` aborts. */
  async after (mark: string, waitMs: number, signal: AbortSignal): Promise<void> {
    if (this.#watching >= this.#settings.watchersMax) return
    this.#watching++
    let over = false
    const cancel = this.#clock.after(Math.min(waitMs, this.#settings.watchMaxMs), () => {
      over = true
      for (const look of [...this.#waiting]) look()
    })
    await this.until(() => over || mark !== this.mark, signal)
    cancel()
    this.#watching--
  }
}
