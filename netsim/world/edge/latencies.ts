/**
 * How long requests took: counts in buckets that grow by a sixteenth of a factor of two, so a percentile is right within
 * 4.5 %, and a note costs one increment.
 */
const stepsPerDoubling = 16
const lowestMs = 1 / 64
const buckets = stepsPerDoubling * 32

export class Latencies {
  count = 0
  maxMs = 0
  readonly #counts = new Float64Array(buckets)

  note (ms: number): void {
    this.count++
    if (ms > this.maxMs) this.maxMs = ms
    const bucket = ms <= lowestMs ? 0 : Math.min(buckets - 1, Math.ceil(stepsPerDoubling * Math.log2(ms / lowestMs)))
    this.#counts[bucket]!++
  }

  /** @param share 0 to 1. @returns ms that so many requests did not exceed; 0 when there were none */
  percentile (share: number): number {
    let left = share * this.count
    for (let bucket = 0; bucket < buckets && this.count > 0; bucket++) {
      left -= this.#counts[bucket]!
      if (left <= 0) return Math.min(this.maxMs, lowestMs * 2 ** (bucket / stepsPerDoubling))
    }
    return this.maxMs
  }
}
