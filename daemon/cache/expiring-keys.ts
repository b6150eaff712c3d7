/**
 * Keys remembered for a while, all for the same time, and not more of them than so many: those whose last response was not
 * shareable, so that requests pass straight to the origin instead of queueing behind one flight whose outcome nobody else may
 * have ("hit for miss"), and those whose last revalidation brought nothing.
 */
import type { ContentKey } from '../../protocols/ids.ts'

export class ExpiringKeys {
  readonly #untilMs = new Map<ContentKey, number>()
  readonly #lifetimeMs: number
  readonly #countMax: number

  constructor (lifetimeMs: number, countMax: number) {
    this.#lifetimeMs = lifetimeMs
    this.#countMax = countMax
  }

  add (key: ContentKey, nowMs: number): void {
    this.#untilMs.delete(key)
    this.#untilMs.set(key, nowMs + this.#lifetimeMs)
    // A Map keeps insertion order, and all lifetimes are equal: the first is the oldest.
    const oldest = this.#untilMs.keys().next().value
    if (this.#untilMs.size > this.#countMax && oldest !== undefined) this.#untilMs.delete(oldest)
  }

  has (key: ContentKey, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(key)
    if (untilMs === undefined) return false
    if (nowMs < untilMs) return true
    this.#untilMs.delete(key)
    return false
  }
}
