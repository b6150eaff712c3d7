/**
 * How well a set of edges serves, and whether a change made it worse. Edges report counts for an interval; counts add
 * up, so any set of edges over any time is one `Health`. The edges that changed are held against themselves before and
 * against those that have not changed, and a change is blamed only for what both comparisons show: then neither an
 * origin that fails everywhere nor an edge that was always slower is mistaken for it.
 *
 * @see Wilson 1927 (bounds of a share); Newcombe 1998, method 10 (of a difference); David and Nagaraja 2003,
 *      section 7.1 (bounds of a quantile by order statistics)
 */
import { z } from 'zod'

/** What some edges served in some time. Adds up. */
export interface Health {
  readonly requests: number
  /** Answered with a 5xx, the origin's own included. */
  readonly errors: number
  /** Answered from the cache, fresh or stale. */
  readonly hits: number
  /** Asked of the origin. */
  readonly origin: number
  /** Requests by their time to the first byte: below 1 ms, 2 ms, 4 ms, … the last one all above. */
  readonly latency: readonly number[]
}

/** Upper bounds of the buckets of `latency`, ms: powers of two up to 32 s; one more bucket lies above. */
const bucketsMs = Array.from({ length: 16 }, (_, power) => 2 ** power)
export const latencyBuckets = bucketsMs.length + 1

const count = z.int().min(0).max(2 ** 48)
export const healthSchema = z.object({
  requests: count, errors: count, hits: count, origin: count, latency: z.array(count).length(latencyBuckets).readonly()
})

export const noHealth: Health = Object.freeze({ requests: 0, errors: 0, hits: 0, origin: 0, latency: Object.freeze(new Array<number>(latencyBuckets).fill(0)) })

export function addHealth (a: Health, b: Health): Health {
  return {
    requests: a.requests + b.requests,
    errors: a.errors + b.errors,
    hits: a.hits + b.hits,
    origin: a.origin + b.origin,
    latency: a.latency.map((each, bucket) => each + (b.latency[bucket] ?? 0))
  }
}

/** The bucket that a time belongs to. */
export function latencyBucket (ms: number): number {
  const bucket = bucketsMs.findIndex((bound) => ms < bound)
  return bucket === -1 ? bucketsMs.length : bucket
}

/** How much worse a change may make things. A roll-out may be given its own. */
export const healthDefaults = Object.freeze({
  /** Rise of the share of errors, 0 to 1. Lower: aborts for less; below what errors vary by themselves nothing passes. */
  errorRateRiseMax: 0.01,
  /** Fall of the share of hits. What a change of keys or weights is expected to miss is added to it. */
  hitRatioFallMax: 0.1,
  /** Rise of requests to the origin for each request of a client. The same is added. */
  originLoadRiseMax: 0.1,
  /** Times the 90th percentile of the time to the first byte may grow. Buckets double, so less than 1.5 is within their grain. */
  latencyGrowthMax: 2,
  /** Growth of it that never matters, ms: from 1 to 3 ms is a factor, and nothing to a client. */
  latencyRiseMs: 20,
  /** Requests on the changed edges, and on whatever they are held against, before anything is judged. Fewer: sooner, and blind to small faults. */
  requestsMin: 500,
  /**
   * Standard deviations by which a bound must be passed. The same counts are judged again and again while they grow, and
   * errors come in bursts, so far more than the customary 2. Higher: fewer false aborts, later true ones.
   */
  confidence: 4
})
export type HealthBounds = { readonly [K in keyof typeof healthDefaults]: number }

export type Judgement =
  /** Too few requests. */
  | { readonly kind: 'unknown', readonly reason: string }
  /** Beyond a bound as counted, and not surely: more requests will tell. */
  | { readonly kind: 'doubtful', readonly reason: string }
  | { readonly kind: 'fine' }
  /** Surely worse than the bounds allow. `everywhere`: the unchanged edges are, too, so it may not be the change. */
  | { readonly kind: 'worse', readonly reason: string, readonly everywhere: boolean }

/** The changed edges now, the same ones before, and the unchanged ones now. */
export interface Compared {
  readonly now: Health
  readonly before: Health
  readonly untouched: Health
}

/**
 * @param moved share of requests whose content has to be found anew through the change itself, 0 to 1
 */
export function judge ({ now, before, untouched }: Compared, bounds: HealthBounds, moved = 0): Judgement {
  if (now.requests < bounds.requestsMin) return { kind: 'unknown', reason: `${now.requests} of ${bounds.requestsMin} requests so far` }
  const hasBefore = before.requests >= bounds.requestsMin
  const hasUntouched = untouched.requests >= bounds.requestsMin
  if (!hasBefore && !hasUntouched) return { kind: 'unknown', reason: `nothing to hold it against: fewer than ${bounds.requestsMin} requests before and elsewhere` }
  let doubt: string | undefined
  for (const measure of measures(bounds, moved)) {
    const against = (z: number): { readonly blamed: boolean, readonly everywhere: boolean } => {
      const worseThanBefore = hasBefore && measure.worse(now, before, z)
      const worseThanUntouched = hasUntouched && measure.worse(now, untouched, z)
      return {
        blamed: (worseThanBefore || !hasBefore) && (worseThanUntouched || !hasUntouched),
        everywhere: worseThanBefore && hasUntouched && measure.worse(untouched, before, z)
      }
    }
    const others = [
      ...(hasBefore ? [`it was ${measure.shown(before)} before`] : []),
      ...(hasUntouched ? [`it is ${measure.shown(untouched)} on the edges without the change`] : [])
    ]
    const reason = `${measure.name} is ${measure.shown(now)}, ${others.join(' and ')}; the bound is ${measure.bound}`
    const { blamed, everywhere } = against(bounds.confidence)
    if (blamed || everywhere) return { kind: 'worse', everywhere: !blamed, reason }
    if (against(0).blamed) doubt ??= reason
  }
  return doubt === undefined ? { kind: 'fine' } : { kind: 'doubtful', reason: doubt }
}

interface Measure {
  readonly name: string
  readonly shown: (health: Health) => string
  readonly bound: string
  /** `z` standard deviations sure; 0: as counted. */
  readonly worse: (now: Health, other: Health, z: number) => boolean
}

function measures (bounds: HealthBounds, moved: number): Measure[] {
  const { latencyGrowthMax, latencyRiseMs } = bounds
  const share = (name: string, of: (health: Health) => number, sign: 1 | -1, max: number): Measure => ({
    name,
    shown: (health) => `${percent(of(health) / health.requests)} of ${health.requests} requests`,
    bound: `${sign === 1 ? '+' : '-'}${percent(max)}`,
    worse: (now, other, z) => {
      const part = (health: Health): number => sign === 1 ? of(health) : Math.max(0, health.requests - of(health))
      return riseAtLeast(part(now), now.requests, part(other), other.requests, z) > max
    }
  })
  return [
    share('the error rate', ({ errors }) => errors, 1, bounds.errorRateRiseMax),
    share('the hit ratio', ({ hits }) => hits, -1, bounds.hitRatioFallMax + moved),
    share('the origin load', ({ origin }) => origin, 1, bounds.originLoadRiseMax + moved),
    {
      name: 'the 90th percentile of the time to the first byte',
      shown: (health) => `${Math.round(quantile(health.latency, 0.9, 0))} ms`,
      bound: `${latencyGrowthMax} times and ${latencyRiseMs} ms more`,
      worse: (now, other, z) => {
        const was = quantile(other.latency, 0.9, z)
        return quantile(now.latency, 0.9, -z) > Math.max(was * latencyGrowthMax, was + latencyRiseMs)
      }
    }
  ]
}

/** How much larger the share `a / n` is than `b / m` at the least, `z` standard deviations sure. */
function riseAtLeast (a: number, n: number, b: number, m: number, z: number): number {
  const p = Math.min(1, a / n)
  const q = Math.min(1, b / m)
  const [low] = wilson(p, n, z)
  const [, high] = wilson(q, m, z)
  return p - q - Math.sqrt((p - low) ** 2 + (high - q) ** 2)
}

function wilson (p: number, n: number, z: number): readonly [low: number, high: number] {
  const middle = p + z * z / (2 * n)
  const half = z * Math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
  const scale = 1 + z * z / n
  return [(middle - half) / scale, (middle + half) / scale]
}

/** The quantile, or its bound `z` standard deviations of its rank away, ms, by interpolation within a bucket. */
function quantile (latency: readonly number[], share: number, z: number): number {
  const total = latency.reduce((sum, each) => sum + each, 0)
  const rank = Math.min(total, Math.max(0, total * share + z * Math.sqrt(total * share * (1 - share))))
  let below = 0
  for (const [bucket, each] of latency.entries()) {
    const low = bucketsMs[bucket - 1] ?? 0
    const high = bucketsMs[bucket] ?? low * 2
    if (each > 0 && below + each >= rank) return low + (high - low) * (rank - below) / each
    below += each
  }
  return 0
}

function percent (share: number): string {
  const value = share * 100
  return `${value === 0 || value >= 10 ? Math.round(value * 10) / 10 : value.toPrecision(2)} %`
}
