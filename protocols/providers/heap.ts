/** A binary heap whose items know their place in it, so that any of them can be taken out in O(log n). */
export interface HeapItem {
  /** Its place in the one heap that holds it, -1 in none. Kept by the heap. */
  place: number
}

export class Heap<T extends HeapItem> {
  readonly #items: T[] = []
  readonly #before: (a: T, b: T) => boolean

  /** @param before a strict order; it may only change so that equal items stay equal and no two swap */
  constructor (before: (a: T, b: T) => boolean) {
    this.#before = before
  }

  get size (): number { return this.#items.length }

  /** The first in order. */
  peek (): T | undefined {
    return this.#items[0]
  }

  push (item: T): void {
    this.#rise(item, this.#items.length)
  }

  pop (): T | undefined {
    const first = this.#items[0]
    if (first !== undefined) this.delete(first)
    return first
  }

  /** @returns whether it was here */
  delete (item: T): boolean {
    const { place } = item
    if (this.#items[place] !== item) return false
    item.place = -1
    const last = this.#items.pop()
    if (last === undefined || last === item) return true
    this.#rise(last, place)
    this.#sink(last)
    return true
  }

  /** In no order. */
  * [Symbol.iterator] (): Iterator<T> {
    yield * this.#items
  }

  #rise (item: T, from: number): void {
    let place = from
    while (place > 0) {
      const above = (place - 1) >> 1
      const parent = this.#items[above] as T
      if (!this.#before(item, parent)) break
      this.#put(parent, place)
      place = above
    }
    this.#put(item, place)
  }

  #sink (item: T): void {
    let place = item.place
    while (true) {
      let below = place * 2 + 1
      const left = this.#items[below]
      const right = this.#items[below + 1]
      if (left === undefined) break
      if (right !== undefined && this.#before(right, left)) below++
      const child = this.#items[below] as T
      if (!this.#before(child, item)) break
      this.#put(child, place)
      place = below
    }
    this.#put(item, place)
  }

  #put (item: T, place: number): void {
    this.#items[place] = item
    item.place = place
  }
}
