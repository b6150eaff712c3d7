/**
 * A map from two whole numbers to an object, for what comes and goes millions of times in a run: open addressing with linear
 * probing over a typed array. A `Map` would do, but for the collector of garbage: a map that is added to and deleted from leaves its
 * old tables behind, each pointing to the next and to what it held, so once one of them is old, all that follows grows old with it.
 */
import { mix } from '../workload/sizes.ts'

export class PairTable<V> {
  #size = 0
  /** Pairs side by side; where there is no value they mean nothing. */
  #pairs = new Int32Array(2 * 1_024)
  #values: Array<V | undefined> = new Array<V | undefined>(1_024).fill(undefined)

  get size (): number { return this.#size }

  get (one: number, other: number): V | undefined { return this.#values[this.#find(one, other)] }

  /** @param one whole, -2^31 to 2^31 - 1; `other` too */
  set (one: number, other: number, value: V): void {
    let at = this.#find(one, other)
    if (this.#values[at] === undefined) {
      if (++this.#size * 2 > this.#values.length) {
        this.#grow()
        at = this.#find(one, other)
      }
      this.#pairs[2 * at] = one
      this.#pairs[2 * at + 1] = other
    }
    this.#values[at] = value
  }

  /** Without tombstones: what would no longer be found moves up (Knuth, volume 3, algorithm 6.4 R). @returns whether it was there */
  delete (one: number, other: number): boolean {
    const pairs = this.#pairs
    const values = this.#values
    const mask = values.length - 1
    let hole = this.#find(one, other)
    if (values[hole] === undefined) return false
    this.#size--
    for (let at = hole + 1 & mask; values[at] !== undefined; at = at + 1 & mask) {
      const wanted = place(pairs[2 * at]!, pairs[2 * at + 1]!) & mask
      if ((at - wanted & mask) < (at - hole & mask)) continue
      pairs[2 * hole] = pairs[2 * at]!
      pairs[2 * hole + 1] = pairs[2 * at + 1]!
      values[hole] = values[at]
      hole = at
    }
    values[hole] = undefined
    return true
  }

  /** All values, in an order that follows from what was added and deleted, and means nothing. */
  values (): V[] { return this.#values.filter((value) => value !== undefined) }

  /** @returns its place, or the free one where it belongs */
  #find (one: number, other: number): number {
    const pairs = this.#pairs
    const values = this.#values
    const mask = values.length - 1
    let at = place(one, other) & mask
    while (values[at] !== undefined && (pairs[2 * at] !== one || pairs[2 * at + 1] !== other)) at = at + 1 & mask
    return at
  }

  #grow (): void {
    const [pairs, values] = [this.#pairs, this.#values]
    this.#pairs = new Int32Array(pairs.length * 2)
    this.#values = new Array<V | undefined>(values.length * 2).fill(undefined)
    for (let from = 0; from < values.length; from++) {
      if (values[from] === undefined) continue
      const to = this.#find(pairs[2 * from]!, pairs[2 * from + 1]!)
      this.#pairs[2 * to] = pairs[2 * from]!
      this.#pairs[2 * to + 1] = pairs[2 * from + 1]!
      this.#values[to] = values[from]
    }
  }
}

function place (one: number, other: number): number { return mix(other ^ Math.imul(one, 0x9e3779b1)) }
