/**
 * A request's way as straight code without promises: a generator that yields what it waits for and goes on, in the
 * same turn of the engine, when that is there. So the model reads like the daemon's routing and stays synchronous,
 * and one order of events gives one run.
 */

/** Begins something; calls `resume` once, perhaps at once. A generator's `yield` has one type for all: the yielding line says which it expects. */
export type Effect = (resume: (value: any) => void) => void

export type Task<T> = Generator<Effect, T, any>

/** Drives a task to its end. Whatever it waits for may never come: then nothing more happens, and nothing is held. */
export function run<T> (task: Task<T>, done: (value: T) => void): void {
  new Drive(task, done).go(undefined)
}

class Drive<T> {
  readonly #task: Task<T>
  readonly #done: (value: T) => void
  /** While an effect begins: what it resumed with at once, if it did. */
  #beginning = false
  #early = false
  #value: unknown

  constructor (task: Task<T>, done: (value: T) => void) {
    this.#task = task
    this.#done = done
  }

  go (value: unknown): void {
    for (;;) {
      const { done, value: result } = this.#task.next(value)
      if (done === true) {
        this.#done(result)
        return
      }
      this.#beginning = true
      this.#early = false
      result(this.#resume)
      this.#beginning = false
      if (!this.#early) return
      value = this.#value
    }
  }

  readonly #resume = (value: unknown): void => {
    if (!this.#beginning) {
      this.go(value)
      return
    }
    this.#early = true
    this.#value = value
  }
}

/** All effects at once; resumes with all results, in the order given. */
export function all<T> (effects: ReadonlyArray<(resume: (value: T) => void) => void>): (resume: (values: T[]) => void) => void {
  return (resume) => {
    const values = new Array<T>(effects.length)
    let missing = effects.length
    if (missing === 0) resume(values)
    for (const [at, effect] of effects.entries()) {
      effect((value) => {
        values[at] = value
        if (--missing === 0) resume(values)
      })
    }
  }
}

/** The first result that is good, else undefined once all have come. What comes later is dropped. */
export function first<T> (good: (value: T) => boolean, ...effects: ReadonlyArray<(resume: (value: T) => void) => void>): (resume: (value: T | undefined) => void) => void {
  return (resume) => {
    let missing = effects.length
    let over = false
    for (const effect of effects) {
      effect((value) => {
        missing--
        if (over || (!good(value) && missing > 0)) return
        over = true
        resume(good(value) ? value : undefined)
      })
    }
  }
}
