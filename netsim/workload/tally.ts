/**
 * Counts what became of each request of a workload, in sums and in latency histograms of high dynamic
 * range (Tene's HdrHistogram), and makes the report of them. Latency is told from when a request was
 * meant to start: a client that waits for a slow server before it asks again, and counts only from then,
 * leaves out just the requests that would have waited (coordinated omission; Tene 2013, and wrk2).
 */
import { build, type Histogram } from 'hdr-histogram-js'
import type { Group, Latency, Progress } from './messages.ts'
import { AnswerSource, type Verdict } from './verifier.ts'

export interface Finished {
  /** Index of the region that asked. */
  readonly region: number
  readonly latencyMs: number
  readonly serviceMs: number
  /** Of the last answer; 0 where no head came. */
  readonly status: number
  readonly bytes: number
  /** In what was cut, on any try. */
  readonly wrongBytes: number
  readonly firstTryFailed: boolean
  /** No copy could be anywhere, and the origin was down. */
  readonly unanswerable: boolean
  readonly outcome: Verdict | { readonly kind: 'failed', readonly error: string }
}

/** Of one and of three significant figures' precision: 12 KB and 75 KB each. */
const roughDigits = 2
const fineDigits = 3
/** What takes longer counts as this long, 2 min; every timeout is far below. */
const latencyMaxMicros = 120_000_000
const wrongTold = 10

export class Tally {
  readonly #regionNames: readonly string[]
  readonly #total = new Sums(fineDigits)
  readonly #service = histogram(fineDigits)
  readonly #byRegion: readonly Sums[]
  readonly #bySource: Readonly<Record<AnswerSource, Sums>>
  readonly #byStatus = new Map<string, number>()
  readonly #byError = new Map<string, number>()
  readonly #wrong: string[] = []
  #unanswerable = 0
  #firstTryErrors = 0
  #wrongAnswers = 0
  #wrongBytes = 0
  /** Of the current second. */
  readonly #second = histogram(fineDigits)
  #atLastRow = { requests: 0, errors: 0, firstTryErrors: 0, wrongAnswers: 0, bytes: 0, hits: 0, peerFetches: 0, originFetches: 0 }

  constructor (regionNames: readonly string[]) {
    this.#regionNames = regionNames
    this.#byRegion = regionNames.map(() => new Sums(roughDigits))
    this.#bySource = mapValues(sources, () => new Sums(roughDigits))
  }

  finished ({ region, latencyMs, serviceMs, status, bytes, wrongBytes, firstTryFailed, unanswerable, outcome }: Finished): void {
    const right = outcome.kind === 'right'
    const groups = [this.#total, this.#byRegion[region]!, ...(right ? [this.#bySource[outcome.source]] : [])]
    for (const group of groups) group.add(right, right ? bytes : 0, latencyMs)
    if (right) {
      record(this.#second, latencyMs)
      record(this.#service, serviceMs)
    } else count(this.#byError, outcome.kind === 'failed' ? outcome.error : outcome.kind === 'wrong' ? 'wrong' : `status-${status}`)
    count(this.#byStatus, status === 0 ? 'none' : String(status))
    if (firstTryFailed) this.#firstTryErrors++
    if (!right && unanswerable) this.#unanswerable++
    this.#wrongBytes += wrongBytes
    if (outcome.kind !== 'wrong') return
    this.#wrongAnswers++
    this.#wrongBytes += outcome.wrongBytes
    if (this.#wrong.length < wrongTold) this.#wrong.push(outcome.what)
  }

  /** Ends a row of the series. */
  report (atMs: number, inFlight: number, cpuMs: number): Progress {
    const { requests, errors, bytes } = this.#total
    const now = {
      requests,
      errors,
      firstTryErrors: this.#firstTryErrors,
      wrongAnswers: this.#wrongAnswers,
      bytes,
      hits: this.#bySource.hit.requests,
      peerFetches: this.#bySource.peer.requests,
      originFetches: this.#bySource.origin.requests
    }
    const { p50, p99, max } = latencyOf(this.#second)
    this.#second.reset()
    const row = { ...mapValues(now, (key, value) => value - this.#atLastRow[key]), atMs, p50Ms: p50, p99Ms: p99, maxMs: max, inFlight }
    this.#atLastRow = now
    const right = requests - errors
    const { hits, ...sums } = now
    const report = {
      ...sums,
      seconds: atMs / 1000,
      unanswerable: this.#unanswerable,
      wrongBytes: this.#wrongBytes,
      availability: requests === 0 ? 1 : right / requests,
      hitRatio: right === 0 ? 0 : hits / right,
      byRegion: Object.fromEntries(this.#byRegion.map((group, index) => [this.#regionNames[index]!, group.report()])),
      bySource: mapValues(this.#bySource, (_source, group) => group.report()),
      byStatus: Object.fromEntries(this.#byStatus),
      byError: Object.fromEntries(this.#byError),
      latencyMs: latencyOf(this.#total.histogram),
      serviceMs: latencyOf(this.#service),
      inFlight,
      cpuMs,
      wrong: [...this.#wrong]
    }
    return { report, row }
  }
}

class Sums {
  readonly histogram: Histogram
  requests = 0
  errors = 0
  bytes = 0

  constructor (digits: 2 | 3) {
    this.histogram = histogram(digits)
  }

  add (right: boolean, bytes: number, latencyMs: number): void {
    this.requests++
    this.bytes += bytes
    if (right) record(this.histogram, latencyMs)
    else this.errors++
  }

  report (): Group {
    return { requests: this.requests, errors: this.errors, bytes: this.bytes, latencyMs: latencyOf(this.histogram) }
  }
}

const sources = Object.fromEntries(Object.values(AnswerSource).map((source) => [source, undefined])) as Record<AnswerSource, undefined>

function histogram (digits: 2 | 3): Histogram {
  return build({ bitBucketSize: 32, lowestDiscernibleValue: 1, highestTrackableValue: latencyMaxMicros, numberOfSignificantValueDigits: digits })
}

function record (into: Histogram, ms: number): void {
  into.recordValue(Math.min(latencyMaxMicros, Math.max(0, Math.round(ms * 1000))))
}

function latencyOf (from: Histogram): Latency {
  if (from.totalCount === 0) return { p50: 0, p90: 0, p99: 0, p999: 0, max: 0 }
  const at = (percentile: number): number => from.getValueAtPercentile(percentile) / 1000
  return { p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: from.maxValue / 1000 }
}

function count (into: Map<string, number>, key: string): void {
  into.set(key, (into.get(key) ?? 0) + 1)
}

function mapValues<K extends string, V, R> (from: Readonly<Record<K, V>>, map: (key: K, value: V) => R): Record<K, R> {
  return Object.fromEntries((Object.entries(from) as Array<[K, V]>).map(([key, value]) => [key, map(key, value)])) as Record<K, R>
}
