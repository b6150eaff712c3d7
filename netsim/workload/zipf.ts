/**
 * Draws popularity ranks by Zipf's law: rank r comes up with a probability proportional to `r ** -exponent`.
 * Rejection-inversion (Hörmann and Derflinger 1996, "Rejection-inversion to generate variates from
 * monotone discrete distributions", ACM TOMACS 6(3)): no table, so ten million objects cost as much
 * memory as ten, and about 1.1 trials a draw whatever the exponent.
 */
import type { Random } from '../random.ts'

export class Zipf {
  readonly #objects: number
  readonly #exponent: number
  /** Integral of the hat from a half before rank 1, cut so that rank 1 is always taken, to a half after the last rank. */
  readonly #from: number
  readonly #to: number
  /** A point so near below its rank is taken without a further look. */
  readonly #sureDistance: number

  /**
   * @param objects how many ranks there are, 1 to 2^32
   * @param exponent 0 (all alike) or more; requests for web objects are at 0.6 to 1.1
   * @see Breslau, Cao, Fan, Phillips and Shenker 1999, for the range
   * @throws RangeError
   */
  constructor (objects: number, exponent: number) {
    if (!Number.isInteger(objects) || objects < 1 || objects > 2 ** 32) throw new RangeError(`objects is ${objects}: expected a whole number from 1 to 2^32`)
    if (!(exponent >= 0 && exponent <= exponentMax)) throw new RangeError(`exponent is ${exponent}: expected 0 to ${exponentMax}`)
    this.#objects = objects
    this.#exponent = exponent
    this.#from = this.#integral(1.5) - 1
    this.#to = this.#integral(objects + 0.5)
    this.#sureDistance = 2 - this.#inverse(this.#integral(2.5) - this.#height(2))
  }

  /** @returns a rank from 0, the most asked for, to `objects - 1` */
  rank (random: Random): number {
    while (true) {
      // Two draws: 32 bits are too coarse for the rare ranks of a large catalogue.
      const uniform = random.next() + random.next() / 2 ** 32
      const area = this.#to + uniform * (this.#from - this.#to)
      const point = this.#inverse(area)
      const rank = Math.min(this.#objects, Math.max(1, Math.round(point)))
      if (rank - point <= this.#sureDistance || area >= this.#integral(rank + 0.5) - this.#height(rank)) return rank - 1
    }
  }

  /** The law itself, continued between the ranks. */
  #height (x: number): number {
    return x ** -this.#exponent
  }

  /** Of the law, from 1 to x: `(x ** (1 - e) - 1) / (1 - e)`, and the logarithm for e = 1, without cancellation near it. */
  #integral (x: number): number {
    const log = Math.log(x)
    return log * growth((1 - this.#exponent) * log)
  }

  #inverse (area: number): number {
    // Rounding may bring it below the value for x = 0, where there is no logarithm.
    return Math.exp(area * logGrowth(Math.max(-1, area * (1 - this.#exponent))))
  }
}

/** Above it, nearly all requests are for one object. */
export const exponentMax = 5

/** `(e^x - 1) / x` */
function growth (x: number): number {
  return Math.abs(x) > 1e-8 ? Math.expm1(x) / x : 1 + x / 2
}

/** `ln(1 + x) / x` */
function logGrowth (x: number): number {
  return Math.abs(x) > 1e-8 ? Math.log1p(x) / x : 1 - x / 2
}
