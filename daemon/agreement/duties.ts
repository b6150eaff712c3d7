/**
 * What the leader of a group does beside leading it, while its lease lasts: collecting the region's digest, ticking placement,
 * driving a roll-out. A duty begins with a term and ends with the signal, however the lease ended. A process
 * that was stopped learns that late, so each act of a duty asks `leads()` first and carries the term; whoever is addressed
 * refuses a lower one than it knows (DESIGN.md, rules of agreement).
 */
import type { Clock } from '../../protocols/clock.ts'

export interface Duty {
  readonly term: number
  /** Aborts when the lease ends. */
  readonly signal: AbortSignal
}

export interface DutiesInit {
  readonly clock: Clock
  /** The term of the lease that runs now. */
  readonly leads: () => number | undefined
  /** Whether there may be a lease soon. */
  readonly isLeader: () => boolean
  /** How long the lease that runs now lasts unless it is renewed, ms. */
  readonly leaseMs: () => number
  /** Between two looks at the lease while leading, ms; one comes sooner where the lease ends sooner. */
  readonly lookMs: number
}

export class Duties {
  readonly #init: DutiesInit
  readonly #all = new Map<(duty: Duty) => void, { term: number, controller: AbortController } | undefined>()
  #cancel: () => void = () => {}
  #ended = false

  constructor (init: DutiesInit) { this.#init = init }

  /** @returns ends it for good */
  add (run: (duty: Duty) => void): () => void {
    this.#all.set(run, undefined)
    this.look()
    return () => {
      this.#all.get(run)?.controller.abort()
      this.#all.delete(run)
    }
  }

  /** Begins and ends what the lease says. Without duties nothing is looked at. */
  look (): void {
    this.#cancel()
    if (this.#ended || this.#all.size === 0) return
    const { clock, leads, leaseMs, isLeader, lookMs } = this.#init
    const term = leads()
    // First, as one duty that throws must not keep the others beyond their lease.
    if (isLeader()) this.#cancel = clock.after(term === undefined ? lookMs : Math.min(lookMs, leaseMs()), () => { this.look() })
    for (const [run, running] of this.#all) {
      if (running?.term === term) continue
      running?.controller.abort(new Error('the lease is over'))
      this.#all.set(run, undefined)
      if (term === undefined) continue
      const controller = new AbortController()
      this.#all.set(run, { term, controller })
      run({ term, signal: controller.signal })
    }
  }

  end (): void {
    this.#ended = true
    this.#cancel()
    for (const running of this.#all.values()) running?.controller.abort(new Error('the edge is stopping'))
    this.#all.clear()
  }
}
