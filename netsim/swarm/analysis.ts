/**
 * What coordination costs and how that grows: from runs of one swarm at several sizes, the costs ranked, a power law
 * fitted to each, at which sizes which one is the largest, and where one leaves its law. Pure.
 */
import { type Fit, fitPower } from './fit.ts'

/** The costs of one size, by name; those of one kind have one unit and are compared with each other. */
export interface Sample {
  readonly size: number
  readonly costs: Readonly<Record<string, number>>
}

export interface RankedCost {
  readonly name: string
  /** At the largest size. */
  readonly value: number
  /** Of all costs at the largest size, 0 to 1. */
  readonly share: number
  /** Undefined for a cost that is nothing at some size. */
  readonly fit?: Fit
}

export interface Dominance {
  readonly name: string
  readonly fromSize: number
  /** Infinity: from there on. */
  readonly toSize: number
}

/** Between two neighbouring sizes a cost grew unlike it does over all of them. */
export interface Jump {
  readonly name: string
  readonly fromSize: number
  readonly toSize: number
  /** How much it grew there, and how much its law says. */
  readonly grew: number
  readonly expected: number
}

export interface Analysis {
  readonly ranked: readonly RankedCost[]
  readonly dominance: readonly Dominance[]
  readonly jumps: readonly Jump[]
}

export const analysisDefaults = Object.freeze({
  /** The largest size that the laws are asked about. Beyond a hundred times the largest measured one they are fiction. */
  extrapolatedSizeMax: 10_000,
  /** A step of so many times its law's, or that part of it, is a jump. Lower: noise is told as jumps. */
  jumpFactor: 2
})

export function analyse (samples: readonly Sample[], settings = analysisDefaults): Analysis {
  const sorted = samples.toSorted((a, b) => a.size - b.size)
  const largest = sorted.at(-1)
  if (largest === undefined) return { ranked: [], dominance: [], jumps: [] }
  const total = Object.values(largest.costs).reduce((sum, value) => sum + value, 0)
  const ranked = Object.entries(largest.costs)
    .map(([name, value]): RankedCost => ({
      name, value,
      share: total === 0 ? 0 : value / total,
      fit: fitPower(sorted.map(({ size, costs }) => ({ size, value: costs[name] ?? 0 })))
    }))
    .sort((a, b) => b.value - a.value)
  return { ranked, dominance: dominanceOf(ranked, sorted[0]!.size, settings.extrapolatedSizeMax), jumps: jumpsOf(ranked, sorted, settings.jumpFactor) }
}

/** Walks up the sizes, a tenth more at each step, and says which law is the highest where. */
function dominanceOf (ranked: readonly RankedCost[], from: number, to: number): Dominance[] {
  const laws = ranked.flatMap(({ name, fit }) => fit === undefined ? [] : [{ name, fit }])
  const spans: Array<{ name: string, fromSize: number, toSize: number }> = []
  for (let size = from; laws.length > 0 && size <= to; size = Math.max(size + 1, Math.round(size * 1.1))) {
    const { name } = laws.reduce((best, law) => valueAt(law.fit, size) > valueAt(best.fit, size) ? law : best)
    const last = spans.at(-1)
    if (last?.name === name) last.toSize = size
    else spans.push({ name, fromSize: size, toSize: size })
  }
  return spans.map((span, at) => at === spans.length - 1 ? { ...span, toSize: Infinity } : span)
}

function jumpsOf (ranked: readonly RankedCost[], samples: readonly Sample[], factor: number): Jump[] {
  return ranked.flatMap(({ name, fit }) => fit === undefined ? [] : samples.slice(1).flatMap(({ size, costs }, at) => {
    const before = samples[at]!
    const grew = costs[name]! / before.costs[name]!
    const expected = (size / before.size) ** fit.exponent
    const ratio = grew / expected
    return ratio >= factor || ratio <= 1 / factor ? [{ name, fromSize: before.size, toSize: size, grew, expected }] : []
  }))
}

export function valueAt ({ factor, exponent }: Fit, size: number): number {
  return factor * size ** exponent
}
