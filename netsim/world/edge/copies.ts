/**
 * What an edge has stored: for each object one version with its age, in typed arrays; the eviction policy names the
 * slots. Freshness is daemon/http/freshness.ts without header fields: `initialAgeMs` as it came, and the wall clock since.
 */
import { DaemonFifo, type Fifo, type FifoInit } from './fifo.ts'
import { PackedFifo } from './packed-fifo.ts'

export interface CopiesInit extends FifoInit {
  /** Typed arrays instead of the daemon's own objects: for millions of copies. */
  readonly packed: boolean
}

/** One copy, as it is kept over a restart. */
export interface Copy {
  readonly version: number
  readonly bytes: number
  readonly initialAgeMs: number
  readonly receivedAtMs: number
}

/** Of a record, in words of 4 bytes: version, bytes, then two numbers of 8 bytes. Side by side, as each look-up wants several and memory is slow. */
const recordWords = 6
const recordBytes = 4 * recordWords

export class Copies {
  readonly bytesMax: number
  #words: Int32Array
  /** The same memory: initial age and time of receipt, at 1 and 2 of each record's 3. */
  #times: Float64Array
  readonly #fifo: Fifo
  #slots = 0
  #free: number[] = []

  constructor (init: CopiesInit) {
    this.bytesMax = init.bytesMax
    this.#fifo = init.packed ? new PackedFifo(init) : new DaemonFifo(init)
    const words = recordWords * Math.max(16, Math.ceil(init.expected ?? 0))
    this.#words = init.memory?.(words) ?? new Int32Array(words)
    this.#times = new Float64Array(this.#words.buffer, this.#words.byteOffset, words / 2)
  }

  get bytes (): number { return this.#fifo.bytes }
  get size (): number { return this.#fifo.size }

  /** @returns the slot, -1 when it is not stored */
  find (object: number): number { return this.#fifo.get(object) }

  /** The same, for a request: counts for eviction. */
  use (object: number): number { return this.#fifo.use(object) }

  /** RFC 9111 section 4.2.3. A wall clock that jumps back does not make it younger than it came. */
  ageMs (slot: number, wallMs: number): number {
    return this.#times[slot * 3 + 1]! + Math.max(0, wallMs - this.#times[slot * 3 + 2]!)
  }

  version (slot: number): number { return this.#words[slot * recordWords]! }
  bytesAt (slot: number): number { return this.#words[slot * recordWords + 1]! }

  copy (slot: number): Copy {
    return { version: this.version(slot), bytes: this.bytesAt(slot), initialAgeMs: this.#times[slot * 3 + 1]!, receivedAtMs: this.#times[slot * 3 + 2]! }
  }

  /** Replaces what was stored. @returns objects that left for it; undefined when it is too large to be stored, which drops an older copy */
  put (object: number, copy: Copy): number[] | undefined {
    if (!this.#fifo.fits(copy.bytes)) {
      this.remove(object)
      return undefined
    }
    return this.#store(object, copy, false)
  }

  /** After a start: what the disk kept. */
  restore (object: number, copy: Copy): number[] {
    return this.#fifo.fits(copy.bytes) ? this.#store(object, copy, true) : [object]
  }

  /** The origin or a peer said that this version is still current: only its age is new. */
  refresh (object: number, initialAgeMs: number, receivedAtMs: number): void {
    const slot = this.#fifo.get(object)
    if (slot === -1) return
    this.#times[slot * 3 + 1] = initialAgeMs
    this.#times[slot * 3 + 2] = receivedAtMs
  }

  remove (object: number): void {
    const slot = this.#fifo.get(object)
    this.#fifo.remove(object)
    if (slot !== -1) this.#free.push(slot)
  }

  clear (): void {
    if (this.#slots === 0) return
    this.#fifo.clear()
    this.#slots = 0
    this.#free = []
  }

  * objects (): Generator<number> { for (const [object] of this.#fifo.residents()) yield object }

  #store (object: number, copy: Copy, restored: boolean): number[] {
    const old = this.#fifo.get(object)
    const slot = old !== -1 ? old : this.#free.pop() ?? this.#slots++
    if (slot * recordBytes >= this.#words.byteLength) this.#grow()
    this.#words[slot * recordWords] = copy.version
    this.#words[slot * recordWords + 1] = copy.bytes
    this.#times[slot * 3 + 1] = copy.initialAgeMs
    this.#times[slot * 3 + 2] = copy.receivedAtMs
    const left = restored ? this.#fifo.restore(object, copy.bytes, slot) : this.#fifo.insert(object, copy.bytes, slot)
    if (left.length === 0) return nothing
    const objects: number[] = []
    for (let at = 0; at < left.length; at += 2) {
      objects.push(left[at]!)
      this.#free.push(left[at + 1]!)
    }
    return objects
  }

  #grow (): void {
    const words = this.#words
    // By half as much again: a large world has a thousand of these.
    this.#words = new Int32Array(recordWords * (this.#slots + (this.#slots >> 1)))
    this.#words.set(words)
    this.#times = new Float64Array(this.#words.buffer)
  }
}

const nothing: number[] = []
