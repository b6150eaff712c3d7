/**
 * How this edge serves, counted from its start: what its reports to the leader of a roll-out are differences of. One
 * array is written for each request, nothing else.
 */
import { latencyBucket, latencyBuckets, type Health } from '../../protocols/config/health.ts'
import { Phase, Source } from '../cache/phase.ts'

export interface Totals extends Health {
  /** Asks of an origin that brought no answer, for clients and peers alike. */
  readonly unanswered: number
}

export class HealthCount {
  #requests = 0
  #errors = 0
  #hits = 0
  #origin = 0
  #unanswered = 0
  readonly #latency = new Array<number>(latencyBuckets).fill(0)

  /** A client's request was answered. @param durationMs to the head of the response */
  count ({ status, phase, source, durationMs }: { readonly status: number, readonly phase: Phase, readonly source?: Source | undefined, readonly durationMs: number }): void {
    this.#requests++
    if (status >= 500) this.#errors++
    if (phase === Phase.Hit || phase === Phase.Stale) this.#hits++
    if (source === Source.Origin) this.#origin++
    this.#latency[latencyBucket(durationMs)]!++
  }

  /** An origin was asked, or would have been, and there was no answer. */
  originFailed (): void { this.#unanswered++ }

  get total (): Totals {
    return { requests: this.#requests, errors: this.#errors, hits: this.#hits, origin: this.#origin, unanswered: this.#unanswered, latency: [...this.#latency] }
  }
}

/**
 * What came between two totals. An origin that does not answer counts as errors, also where the client never saw one: a mesh
 * fills from elsewhere what one edge cannot fetch, and would hide from a roll-out's first step what its last one breaks.
 */
export function healthSince (now: Totals, before: Totals): Health {
  const requests = now.requests - before.requests
  return {
    requests,
    // Not their sum: most requests that fail do so for want of an origin's answer.
    errors: Math.min(requests, Math.max(now.errors - before.errors, now.unanswered - before.unanswered)),
    hits: now.hits - before.hits,
    origin: now.origin - before.origin,
    latency: now.latency.map((each, bucket) => each - before.latency[bucket]!)
  }
}
