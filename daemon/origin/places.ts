/**
 * The limit on concurrent exchanges with one origin: a number of places, and a bounded queue in which
 * a request waits for one, first come first served, for a bounded time. It keeps a slow origin from
 * being buried by the edge, and the edge from piling up requests that nobody will wait for.
 */
import type { Clock } from '../../protocols/clock.ts'

export interface PlacesSettings {
  readonly concurrentMax: number
  readonly queueMax: number
  readonly queueWaitMs: number
}

/** Gives the place back; may be called again. */
export type Leave = () => void

export type Taken =
  | { readonly kind: 'place', readonly leave: Leave }
  | { readonly kind: 'full' | 'late' | 'aborted' | 'closed' }

interface Waiter {
  readonly settle: (taken: Taken) => void
}

export class Places {
  readonly #settings: PlacesSettings
  readonly #clock: Clock
  /** In order of arrival. */
  readonly #waiters = new Set<Waiter>()
  #taken = 0
  #closed = false

  constructor (settings: PlacesSettings, clock: Clock) {
    this.#settings = settings
    this.#clock = clock
  }

  get taken (): number {
    return this.#taken
  }

  get queued (): number {
    return this.#waiters.size
  }

  /** Takes a place, waiting for one when it must. Never rejects. */
  async take (signal: AbortSignal): Promise<Taken> {
    if (this.#closed) return { kind: 'closed' }
    if (signal.aborted) return { kind: 'aborted' }
    if (this.#taken < this.#settings.concurrentMax) return this.#place()
    if (this.#waiters.size >= this.#settings.queueMax) return { kind: 'full' }
    return await new Promise<Taken>(resolve => {
      const waiter: Waiter = {
        settle: taken => {
          this.#waiters.delete(waiter)
          cancel()
          signal.removeEventListener('abort', onAbort)
          resolve(taken)
        }
      }
      const onAbort = (): void => { waiter.settle({ kind: 'aborted' }) }
      const cancel = this.#clock.after(this.#settings.queueWaitMs, () => { waiter.settle({ kind: 'late' }) })
      signal.addEventListener('abort', onAbort, { once: true })
      this.#waiters.add(waiter)
    })
  }

  /** Sends everyone in the queue away, and all who come later. */
  close (): void {
    this.#closed = true
    for (const waiter of this.#waiters) waiter.settle({ kind: 'closed' })
  }

  #place (): Taken {
    this.#taken++
    let left = false
    return {
      kind: 'place',
      leave: () => {
        if (left) return
        left = true
        this.#taken--
        // The place passes on within the same turn, so no newcomer gets in front of the queue.
        for (const next of this.#waiters) {
          next.settle(this.#place())
          break
        }
      }
    }
  }
}
