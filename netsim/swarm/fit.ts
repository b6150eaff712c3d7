/**
 * How a quantity grows with the size of the swarm: least squares of a power law, `value = factor * size ^ exponent`,
 * which is a line between the logarithms of both. An exponent of 0 is a cost that does not grow, 1 one that
 * grows as the swarm does. Pure.
 */
export interface Point {
  readonly size: number
  readonly value: number
}

export interface Fit {
  readonly exponent: number
  readonly factor: number
  /** Coefficient of determination of the line, 0 to 1: how much of the variation it explains. */
  readonly r2: number
}

/** Values that stray by less, as squares of logarithms, are one value but for rounding. */
const roundingSquares = 1e-18

/** @returns undefined for fewer than two sizes, or where a value is not positive */
export function fitPower (points: readonly Point[]): Fit | undefined {
  const usable = points.filter(({ size, value }) => size > 0 && value > 0)
  if (usable.length < points.length || new Set(usable.map(({ size }) => size)).size < 2) return undefined
  const xs = usable.map(({ size }) => Math.log(size))
  const ys = usable.map(({ value }) => Math.log(value))
  const [meanX, meanY] = [mean(xs), mean(ys)]
  const sxx = xs.reduce((sum, x) => sum + (x - meanX) ** 2, 0)
  const sxy = xs.reduce((sum, x, at) => sum + (x - meanX) * (ys[at]! - meanY), 0)
  const syy = ys.reduce((sum, y) => sum + (y - meanY) ** 2, 0)
  const exponent = sxy / sxx
  return { exponent, factor: Math.exp(meanY - exponent * meanX), r2: syy < roundingSquares ? 1 : sxy ** 2 / (sxx * syy) }
}

/** The size at which one power law overtakes the other; undefined where they never meet beyond size 1. */
export function crossing (one: Fit, other: Fit): number | undefined {
  if (one.exponent === other.exponent) return undefined
  const size = (other.factor / one.factor) ** (1 / (one.exponent - other.exponent))
  return size > 1 && Number.isFinite(size) ? size : undefined
}

function mean (values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}
