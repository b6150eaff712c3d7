/**
 * A budget of events a minute, as a token bucket written down by the moment at which it is full again (the
 * generic cell rate algorithm, ITU-T I.371). What it holds back for bursts it takes off the steady rate, so
 * that no minute, wherever it begins, has more than the budget.
 */
const minuteMs = 60_000

export class Pace {
  /** Steady rate, events a minute; also the scale in which time is counted here, as whole numbers stay exact. */
  readonly #perMinute: number
  readonly #burst: number
  #fullAt = -Infinity

  /**
   * @param perMinuteMax whole, at least 1
   * @param burstMax events at once after idle time; no more than a twentieth of the budget are allowed in any case
   */
  constructor (perMinuteMax: number, burstMax: number) {
    this.#burst = Math.max(1, Math.min(burstMax, Math.floor(perMinuteMax / 20)))
    this.#perMinute = perMinuteMax - this.#burst + 1
  }

  /** @returns whether one more event is within the budget; then it is counted */
  take (nowMs: number): boolean {
    if (nowMs < this.nextMs()) return false
    this.#fullAt = Math.max(this.#fullAt, Math.ceil(nowMs) * this.#perMinute) + minuteMs
    return true
  }

  /** When `take` will next succeed, whole ms. */
  nextMs (): number {
    return Math.ceil((this.#fullAt - (this.#burst - 1) * minuteMs) / this.#perMinute)
  }
}
