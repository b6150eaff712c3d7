/**
 * How this edge serves, counted from its start: what its reports to the leader of a roll-out are differences of. One
 * array is written for each request, nothing else.
 */
import { latencyBucket, latencyBuckets, type Health } from '../../protocols/config/health.ts'
import { Phase, Source } from '../cache/phase.ts'

export class HealthCount {
  #requests = 0
  #errors = 0
  #hits = 0
  #origin = 0
  readonly #latency = new Array<number>(latencyBuckets).fill(0)

  /** A client's request was answered. @param durationMs to the head of the response */
  count ({ status, phase, source, durationMs }: { readonly status: number, readonly phase: Phase, readonly source?: Source | undefined, readonly durationMs: number }): void {
    this.#requests++
    if (status >= 500) this.#errors++
    if (phase === Phase.Hit || phase === Phase.Stale) this.#hits++
    if (source === Source.Origin) this.#origin++
    this.#latency[latencyBucket(durationMs)]!++
  }

  get total (): Health {
    return { requests: this.#requests, errors: this.#errors, hits: this.#hits, origin: this.#origin, latency: [...this.#latency] }
  }
}

/** What came between two totals. */
export function healthSince (now: Health, before: Health): Health {
  return {
    requests: now.requests - before.requests,
    errors: now.errors - before.errors,
    hits: now.hits - before.hits,
    origin: now.origin - before.origin,
    latency: now.latency.map((each, bucket) => each - before.latency[bucket]!)
  }
}
