/**
 * A circuit breaker: after a number of failures in a row it stays open for a while, during which
 * nobody waits for an origin that cannot be reached; then it lets one request through, which closes
 * or opens it again (M. Nygard, "Release It!", 2007). A pure core: time and chance come from outside.
 * It counts what the caller calls a failure, which is the connection and never a 5xx answer: an origin
 * that answers 500 is there, and its answers are for the cache's rules.
 */
export type BreakerState = 'closed' | 'open' | 'half-open'

export interface BreakerSettings {
  readonly breakerFailures: number
  readonly breakerOpenMs: number
}

/**
 * Stands for one request let through; handed back with its outcome. Outcomes of requests that were let
 * through before the last change of state say nothing about the present one and are ignored.
 */
export type Permit = number & { readonly permit: unique symbol }

export class Breaker {
  readonly #settings: BreakerSettings
  readonly #random: () => number
  /** Failures in a row while closed. */
  #failures = 0
  #open = false
  #openUntilMs = 0
  /** While half-open: one request is on its way. */
  #probing = false
  /** Counts changes of state; a permit is its value when given. */
  #epoch = 0

  constructor (settings: BreakerSettings, random: () => number) {
    this.#settings = settings
    this.#random = random
  }

  state (nowMs: number): BreakerState {
    if (!this.#open) return 'closed'
    return nowMs < this.#openUntilMs ? 'open' : 'half-open'
  }

  /** Whether `pass` would let a request through. */
  admits (nowMs: number): boolean {
    const state = this.state(nowMs)
    return state === 'closed' || (state === 'half-open' && !this.#probing)
  }

  /** @returns a permit, to be handed to exactly one of `succeed`, `fail` and `drop`; undefined: not now */
  pass (nowMs: number): Permit | undefined {
    if (!this.admits(nowMs)) return undefined
    if (this.#open) this.#probing = true
    return this.#epoch as Permit
  }

  /** The origin answered. */
  succeed (permit: Permit): void {
    if (permit !== this.#epoch) return
    this.#failures = 0
    if (this.#open) this.#change(false)
  }

  /** The origin could not be reached. */
  fail (permit: Permit, nowMs: number): void {
    if (permit !== this.#epoch) return
    this.#failures++
    if (this.#open || this.#failures >= this.#settings.breakerFailures) {
      this.#openUntilMs = nowMs + this.#settings.breakerOpenMs * (1 + this.#random() / 2)
      this.#change(true)
    }
  }

  /** The request ended without saying anything about the origin: the asker left. */
  drop (permit: Permit): void {
    if (permit === this.#epoch) this.#probing = false
  }

  #change (open: boolean): void {
    this.#open = open
    this.#failures = 0
    this.#probing = false
    this.#epoch++
  }
}
