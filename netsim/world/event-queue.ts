/**
 * The world's queue of what is going to happen: by time, and by insertion among equal times, so that a run
 * is one fixed sequence. A heap of four children a node over typed arrays (fewer levels than a binary one,
 * and the children of a node lie in one cache line); what an event carries stands beside it in slots, so
 * that most events allocate nothing. Cancelling only marks: the entry falls out when it is reached.
 */

/** Whoever events are for. One object serves many events: `kind`, `a`, `b` and `payload` say which. */
export interface Actor {
  readonly onEvent: (kind: number, a: number, b: number, payload: unknown) => void
}

/** Names one event that is due, so that it can be cancelled. Never used twice. */
export type TimerId = number

const slotsMax = 2 ** 24
const generationsMax = 2 ** 28
const nobody: Actor = Object.freeze({ onEvent: () => {} })

export class EventQueue {
  /** Taken out by `take`: what the event carries. */
  timeMs = 0
  actor: Actor = nobody
  kind = 0
  a = 0
  b = 0
  payload: unknown

  // The heap: time, order of insertion, slot.
  #times = new Float64Array(1_024)
  #orders = new Float64Array(1_024)
  #slots = new Int32Array(1_024)
  #size = 0
  #order = 0
  // The slots, and those that are free, as a list through `#nextFree`.
  #actors: Actor[] = []
  #payloads: unknown[] = []
  #kinds = new Int32Array(1_024)
  #as = new Float64Array(1_024)
  #bs = new Float64Array(1_024)
  #generations = new Int32Array(1_024)
  #nextFree = new Int32Array(1_024)
  #free = -1
  #cancelled = 0

  /** Events that are still to happen. */
  get size (): number { return this.#size - this.#cancelled }

  /** When the next event is due, ms; Infinity when there is none. */
  firstMs (): number {
    while (this.#size > 0 && this.#actors[this.#slots[0]!] === nobody) this.#drop()
    return this.#size === 0 ? Infinity : this.#times[0]!
  }

  push (timeMs: number, actor: Actor, kind: number, a: number, b: number, payload: unknown): TimerId {
    let slot = this.#free
    if (slot === -1) slot = this.#newSlot()
    else this.#free = this.#nextFree[slot]!
    this.#actors[slot] = actor
    this.#payloads[slot] = payload
    this.#kinds[slot] = kind
    this.#as[slot] = a
    this.#bs[slot] = b
    if (this.#size === this.#times.length) this.#growHeap()
    this.#rise(this.#size++, timeMs, this.#order++, slot)
    return this.#generations[slot]! * slotsMax + slot
  }

  /** Moves the first event into the fields of this object. @returns whether there was one */
  take (): boolean {
    if (this.firstMs() === Infinity) return false
    const slot = this.#slots[0]!
    this.timeMs = this.#times[0]!
    this.actor = this.#actors[slot]!
    this.payload = this.#payloads[slot]
    this.kind = this.#kinds[slot]!
    this.a = this.#as[slot]!
    this.b = this.#bs[slot]!
    this.#pop()
    this.#release(slot)
    return true
  }

  /** @returns whether it was still to happen */
  cancel (id: TimerId): boolean {
    const slot = id % slotsMax
    if (this.#generations[slot] !== Math.floor(id / slotsMax) || this.#actors[slot] === nobody) return false
    this.#actors[slot] = nobody
    this.#payloads[slot] = undefined
    this.#cancelled++
    return true
  }

  /** The first entry, cancelled, falls out. */
  #drop (): void {
    const slot = this.#slots[0]!
    this.#pop()
    this.#cancelled--
    this.#release(slot)
  }

  #release (slot: number): void {
    this.#actors[slot] = nobody
    this.#payloads[slot] = undefined
    this.#generations[slot] = (this.#generations[slot]! + 1) % generationsMax
    this.#nextFree[slot] = this.#free
    this.#free = slot
  }

  #rise (at: number, timeMs: number, order: number, slot: number): void {
    const times = this.#times
    const orders = this.#orders
    const slots = this.#slots
    while (at > 0) {
      const parent = (at - 1) >> 2
      // What rises is newer than all, so an equal time stays behind.
      if (times[parent]! <= timeMs) break
      times[at] = times[parent]!
      orders[at] = orders[parent]!
      slots[at] = slots[parent]!
      at = parent
    }
    times[at] = timeMs
    orders[at] = order
    slots[at] = slot
  }

  /** Takes the first entry out of the heap; the last one sinks from the top. */
  #pop (): void {
    const times = this.#times
    const orders = this.#orders
    const slots = this.#slots
    const size = --this.#size
    const timeMs = times[size]!
    const order = orders[size]!
    const slot = slots[size]!
    let at = 0
    for (;;) {
      const first = at * 4 + 1
      if (first >= size) break
      const end = Math.min(first + 4, size)
      let least = first
      let leastMs = times[first]!
      for (let child = first + 1; child < end; child++) {
        const childMs = times[child]!
        if (childMs < leastMs || (childMs === leastMs && orders[child]! < orders[least]!)) {
          least = child
          leastMs = childMs
        }
      }
      if (leastMs > timeMs || (leastMs === timeMs && orders[least]! > order)) break
      times[at] = leastMs
      orders[at] = orders[least]!
      slots[at] = slots[least]!
      at = least
    }
    times[at] = timeMs
    orders[at] = order
    slots[at] = slot
  }

  #newSlot (): number {
    const slot = this.#actors.length
    if (slot === slotsMax) throw new RangeError(`more than ${slotsMax} events are waiting`)
    if (slot === this.#kinds.length) {
      this.#kinds = grown(this.#kinds, new Int32Array(slot * 2))
      this.#as = grown(this.#as, new Float64Array(slot * 2))
      this.#bs = grown(this.#bs, new Float64Array(slot * 2))
      this.#generations = grown(this.#generations, new Int32Array(slot * 2))
      this.#nextFree = grown(this.#nextFree, new Int32Array(slot * 2))
    }
    this.#actors.push(nobody)
    this.#payloads.push(undefined)
    return slot
  }

  #growHeap (): void {
    const length = this.#size * 2
    this.#times = grown(this.#times, new Float64Array(length))
    this.#orders = grown(this.#orders, new Float64Array(length))
    this.#slots = grown(this.#slots, new Int32Array(length))
  }
}

function grown<T extends Float64Array | Int32Array> (from: T, to: T): T {
  to.set(from)
  return to
}
