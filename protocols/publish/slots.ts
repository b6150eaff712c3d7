/** A bound on how many of something run at once; the others wait their turn, in order. */
export class Slots {
  #free: number
  readonly #max: number
  readonly #waiting: Array<() => void> = []

  constructor (max: number) { this.#free = this.#max = Math.max(1, Math.floor(max)) }

  get idle (): boolean { return this.#free === this.#max }

  /** @throws what `work` throws; the signal's reason when it aborts before the work began */
  async run<T> (work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    signal.throwIfAborted()
    if (this.#free === 0) await this.#turn(signal)
    else this.#free--
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }

  async #turn (signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const leave = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(resolve), 1)
      reject(signal.reason as Error)
    }
    this.#waiting.push(resolve)
    // Resolved, it is out of the list: the signal takes nothing back.
    void promise.then(() => { signal.removeEventListener('abort', leave) }, () => {})
    signal.addEventListener('abort', leave, { once: true })
    await promise
  }
}
