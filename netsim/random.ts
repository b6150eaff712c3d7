/**
 * Chance that repeats: one seed decides everything a run draws, on every machine. Each user forks a stream
 * of its own by a label, so that one more draw in one place changes nothing in another.
 *
 * The generator is sfc32 (Doty-Humphrey's Small Fast Counting generator, PractRand), 128 bits of state,
 * seeded by FNV-1a over the seed and the labels. Not for secrets.
 */
export class Random {
  readonly #label: string
  #a: number
  #b: number
  #c: number
  #counter = 1

  constructor (seed: number | string) {
    this.#label = String(seed)
    this.#a = fnv1a(0x811c9dc5, this.#label)
    this.#b = fnv1a(this.#a, this.#label)
    this.#c = fnv1a(this.#b, this.#label)
    // The first draws still show how alike two labels are.
    for (let round = 0; round < 12; round++) this.#next()
  }

  /** A stream of its own: the same for the same seed and labels, however much was drawn here before. */
  fork (label: string | number): Random { return new Random(`${this.#label}/${label}`) }

  /** Uniform in [0, 1), 32 bits. Bound: may be handed on as a `Clock`'s chance. */
  readonly next = (): number => this.#next() / 4294967296

  /** A whole number from 0 to `below - 1`. */
  int (below: number): number { return Math.floor(this.next() * below) }

  chance (probability: number): boolean { return this.next() < probability }

  between (low: number, high: number): number { return low + this.next() * (high - low) }

  /** @throws RangeError for an empty list */
  pick<T> (items: readonly T[]): T {
    if (items.length === 0) throw new RangeError('nothing to pick from')
    return items[this.int(items.length)] as T
  }

  /** A new list in a random order (Fisher and Yates). */
  shuffled<T> (items: readonly T[]): T[] {
    const result = [...items]
    for (let at = result.length - 1; at > 0; at--) {
      const other = this.int(at + 1)
      const item = result[at] as T
      result[at] = result[other] as T
      result[other] = item
    }
    return result
  }

  /** Exponential: the gap to the next event of a Poisson process. */
  exponential (mean: number): number { return -mean * Math.log(1 - this.next()) }

  /** Standard normal (Box and Muller 1958). */
  normal (): number { return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next()) }

  #next (): number {
    const sum = (this.#a + this.#b + this.#counter++) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0
    return sum >>> 0
  }
}

function fnv1a (start: number, text: string): number {
  let hash = start
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  return hash | 0
}
