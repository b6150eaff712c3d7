/** A bound on how many of something run at once; the others wait their turn, in order. */
export class Slots {
  #free: number
  readonly #waiting: Array<() => void> = []

  constructor (max: number) { this.#free = Math.max(1, max) }

  /** @throws what `work` throws; the signal's reason when it aborts before the work began */
  async run<T> (work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#free === 0) await new Promise<void>((resolve) => { this.#waiting.push(resolve) })
    else this.#free--
    try {
      signal.throwIfAborted()
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
  }
}
