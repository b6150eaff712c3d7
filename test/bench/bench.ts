/**
 * What a bench is, and the small sums that all of them need: percentiles, and chance that repeats with
 * its seed. A bench measures and tells; it never asserts a time, and wrong bytes or too many requests
 * are figures of its table like any other.
 */
import { availableParallelism, cpus } from 'node:os'

export interface BenchOptions {
  /** Smaller sizes, to see that it works. */
  readonly quick: boolean
  /** Of everything that is left to chance. */
  readonly seed: number
  /** One line about how far it is. */
  readonly progress: (text: string) => void
}

export type Cell = string | number

export interface BenchResult {
  /** One sentence: what is measured. */
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: ReadonlyArray<readonly Cell[]>
  /** What a reader has to know to judge the figures, and whatever went wrong. */
  readonly notes: readonly string[]
  readonly json: Readonly<Record<string, unknown>>
}

export interface Bench {
  readonly name: string
  readonly run: (options: BenchOptions) => Promise<BenchResult>
}

/** What the figures were measured on. */
export function rigText (): string {
  return `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.versions.node}, loopback, a process for each edge`
}

/** @param share 0 to 1; the nearest rank, so the result is one of the values. NaN for none */
export function percentile (values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? NaN
}

export function median (values: readonly number[]): number {
  return percentile(values, 0.5)
}

export interface Spread {
  readonly count: number
  readonly p10: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

export function spreadOf (values: readonly number[]): Spread {
  const [p10, p50, p90, p99, max] = [0.1, 0.5, 0.9, 0.99, 1].map((share) => rounded(percentile(values, share))) as [number, number, number, number, number]
  return { count: values.length, p10, p50, p90, p99, max }
}

/** To a thousandth: finer than anything measured here. NaN, which JSON cannot say, stays NaN for the table. */
export function rounded (value: number): number {
  return Math.round(value * 1_000) / 1_000
}

/** Chance in [0, 1) that is the same for the same seed (mulberry32). */
export function chance (seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
