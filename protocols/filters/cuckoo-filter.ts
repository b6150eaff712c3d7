/**
 * A set of content keys in a few bits each, which may say yes wrongly and never no wrongly: a cuckoo
 * filter with buckets of four (Fan, Andersen, Kaminsky, Mitzenmacher 2014). A key is kept as a short
 * fingerprint in one of two buckets, the second found from the first and the fingerprint alone, so that
 * keys can be deleted and a change touches one slot. The edge that owns the set changes it; others
 * hold a copy and only look up. See README.md for why not a Bloom filter.
 *
 * A key is a SHA-256, so two of its words are the hash. Each filter multiplies them by odd numbers of its own and
 * keeps the high bits (Dietzfelbinger and others 1997, universal): what two keys share in one filter,
 * by bad luck or on purpose, they do not share in the next.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import type { ContentKey, PeerName } from '../ids.ts'
import { KeyWord, keyWord } from '../key-word.ts'

export interface FilterShape {
  /** Buckets are 2 to this power; 4 to `bucketBitsCeiling`. */
  readonly bucketBits: number
  /** Bits of a fingerprint, 4 to 24. */
  readonly printBits: number
}

/** The two multipliers of one filter, 32 bits each. */
export type Salt = readonly [place: number, print: number]

export const bucketBitsMin = 4
/** 2^20 buckets: 4 million keys. */
export const bucketBitsCeiling = 20
export const printBitsMin = 4
export const printBitsMax = 24
const slotsPerBucket = 4
/** Share of slots in use beyond which finding a place takes long and moves many fingerprints; 0.95 is the end. */
const fillMax = 0.9
/** Slots looked at to find a place for one key. At `fillMax` a few dozen are needed. */
const searchSlotsMax = 500
/** A slot is read as four bytes, so the last one needs some behind it. */
const paddingBytes = 3

export class CuckooFilter {
  readonly shape: FilterShape
  /** Slots in the table. */
  readonly slots: number
  /** The whole table, packed: slot `n` is bits `n * printBits` and on, lowest first; 0 is an empty slot. */
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #mask: number
  readonly #placeShift: number
  readonly #printShift: number
  readonly #placeFactor: number
  readonly #printFactor: number
  readonly #changed = new Set<number>()
  #size = 0

  /** An empty filter. Same shape, salt and bytes: same answers. */
  constructor (shape: FilterShape, salt: Salt) {
    const { bucketBits, printBits } = shape
    assert(bucketBits >= bucketBitsMin && bucketBits <= bucketBitsCeiling, `a filter has 2^${bucketBitsMin} to 2^${bucketBitsCeiling} buckets, not 2^${bucketBits}`)
    assert(printBits >= printBitsMin && printBits <= printBitsMax, `a fingerprint has ${printBitsMin} to ${printBitsMax} bits, not ${printBits}`)
    this.shape = shape
    this.slots = slotsPerBucket << bucketBits
    const table = new Uint8Array(tableBytes(shape) + paddingBytes)
    this.bytes = table.subarray(0, tableBytes(shape))
    this.#view = new DataView(table.buffer)
    this.#mask = 2 ** printBits - 1
    this.#placeShift = 32 - bucketBits
    this.#printShift = 32 - printBits
    this.#placeFactor = salt[0] | 1
    this.#printFactor = salt[1] | 1
  }

  /** Keys added and not deleted; meaningless in a copy. */
  get size (): number {
    return this.#size
  }

  /** Whether it should be rebuilt larger before more is added. */
  get isFull (): boolean {
    return this.#size >= this.slots * fillMax
  }

  /** Whether `takeChanged` would bring anything. */
  get hasChanged (): boolean {
    return this.#changed.size > 0
  }

  /** CRC-32 of the table: copies that are equal have equal ones. */
  digest (): number {
    return crc32(this.bytes)
  }

  /** Never wrong in saying no; wrong in saying yes for about `falsePositiveRate(shape)` of the keys when it is full. */
  has (key: ContentKey): boolean {
    return this.hasWords(keyWord(key, KeyWord.FilterPlace), keyWord(key, KeyWord.FilterPrint))
  }

  /** The same for the words of `filterWords`: whoever asks many filters reads them from the key once. */
  hasWords (place: number, print: number): boolean {
    const wanted = this.#printOf(print)
    const bucket = this.#bucketOf(place)
    return this.#find(bucket, wanted) !== -1 || this.#find(this.#otherBucket(bucket, wanted), wanted) !== -1
  }

  /**
   * Adds a key, which must not be in the set: twice added it must be deleted twice.
   *
   * @returns false, with nothing changed, when no place was found: rebuild it larger
   */
  add (key: ContentKey): boolean {
    const print = this.#printOf(keyWord(key, KeyWord.FilterPrint))
    const bucket = this.#bucketOf(keyWord(key, KeyWord.FilterPlace))
    const slot = this.#makeRoom(bucket, this.#otherBucket(bucket, print))
    if (slot === -1) return false
    this.#change(slot, print)
    this.#size++
    return true
  }

  /**
   * Deletes a key, which must have been added: of one that was not, it may delete another's fingerprint.
   *
   * @returns false when it cannot have been added
   */
  delete (key: ContentKey): boolean {
    const print = this.#printOf(keyWord(key, KeyWord.FilterPrint))
    const bucket = this.#bucketOf(keyWord(key, KeyWord.FilterPlace))
    const first = this.#find(bucket, print)
    const slot = first === -1 ? this.#find(this.#otherBucket(bucket, print), print) : first
    if (slot === -1) return false
    this.#change(slot, 0)
    this.#size--
    return true
  }

  /** Slots changed since the last call, ascending. */
  takeChanged (): Uint32Array {
    const slots = Uint32Array.from(this.#changed).sort()
    this.#changed.clear()
    return slots
  }

  /** What stands in a slot; 0 is nothing. */
  print (slot: number): number {
    const bit = slot * this.shape.printBits
    return this.#view.getUint32(bit >>> 3, true) >>> (bit & 7) & this.#mask
  }

  /** Writes a slot of a copy: no change of its own. */
  setPrint (slot: number, print: number): void {
    const bit = slot * this.shape.printBits
    const shift = bit & 7
    const word = this.#view.getUint32(bit >>> 3, true)
    this.#view.setUint32(bit >>> 3, word & ~(this.#mask << shift) | print << shift, true)
  }

  #change (slot: number, print: number): void {
    this.setPrint(slot, print)
    this.#changed.add(slot)
  }

  #bucketOf (place: number): number {
    return Math.imul(place, this.#placeFactor) >>> this.#placeShift
  }

  /** Never 0, which is an empty slot. */
  #printOf (print: number): number {
    return Math.imul(print, this.#printFactor) >>> this.#printShift || 1
  }

  /** The other of the two buckets of a fingerprint, whichever of them is given. */
  #otherBucket (bucket: number, print: number): number {
    return bucket ^ Math.imul(print, 0x9e3779b1) >>> this.#placeShift
  }

  /** The slot in `bucket` that holds `print`, or -1. */
  #find (bucket: number, print: number): number {
    const first = bucket * slotsPerBucket
    for (let slot = first; slot < first + slotsPerBucket; slot++) {
      if (this.print(slot) === print) return slot
    }
    return -1
  }

  /**
   * An empty slot in one of two buckets, made by moving fingerprints to their other buckets where there is
   * none. Breadth first (Li, Andersen, Kaminsky, Freedman 2014), as each fingerprint moved is a change
   * to be sent: the shortest chain is found, and where there is none nothing has been touched.
   */
  #makeRoom (one: number, other: number): number {
    for (const bucket of [one, other]) {
      const empty = this.#find(bucket, 0)
      if (empty !== -1) return empty
    }
    const seen = new Set([one, other])
    /** Slots whose fingerprint could move, each with the place in this list of the one that would move in its stead. */
    const slots: number[] = []
    const parents: number[] = []
    const enlist = (bucket: number, parent: number): void => {
      for (let at = 0; at < slotsPerBucket; at++) {
        slots.push(bucket * slotsPerBucket + at)
        parents.push(parent)
      }
    }
    for (const bucket of seen) enlist(bucket, -1)
    for (let node = 0; node < slots.length && node < searchSlotsMax; node++) {
      const slot = slots[node] as number
      const next = this.#otherBucket(Math.floor(slot / slotsPerBucket), this.print(slot))
      if (seen.has(next)) continue
      seen.add(next)
      const empty = this.#find(next, 0)
      if (empty !== -1) return this.#shift(slots, parents, node, empty)
      enlist(next, node)
    }
    return -1
  }

  /** Moves the fingerprints of a chain, the last one first. @returns the slot that is free then */
  #shift (slots: readonly number[], parents: readonly number[], last: number, empty: number): number {
    let free = empty
    for (let node = last; node !== -1; node = parents[node] as number) {
      const slot = slots[node] as number
      this.#change(free, this.print(slot))
      free = slot
    }
    return free
  }
}

/** The words of a key that `hasWords` takes. */
export function filterWords (key: ContentKey): readonly [place: number, print: number] {
  return [keyWord(key, KeyWord.FilterPlace), keyWord(key, KeyWord.FilterPrint)]
}

/** Bytes of a table. */
export function tableBytes ({ bucketBits, printBits }: FilterShape): number {
  return (printBits << bucketBits) * slotsPerBucket / 8
}

/** Of a full filter: two buckets of four are compared, each slot right by chance once in `2^printBits`. */
export function falsePositiveRate ({ printBits }: Pick<FilterShape, 'printBits'>): number {
  return 2 * slotsPerBucket / 2 ** printBits
}

/** The smallest filter for so many keys at a rate, within what a filter can be. */
export function shapeFor (keys: number, rate: number): FilterShape {
  const bucketBits = Math.ceil(Math.log2(Math.max(1, keys) / fillMax / slotsPerBucket))
  const printBits = Math.ceil(Math.log2(2 * slotsPerBucket / rate))
  return { bucketBits: clamp(bucketBits, bucketBitsMin, bucketBitsCeiling), printBits: clamp(printBits, printBitsMin, printBitsMax) }
}

/** The salt of one edge's filter, which everyone can compute: nothing to be sent, and nothing to lie about. */
export function saltOf (peer: PeerName, incarnation: number, generation: number): Salt {
  const hash = createHash('sha256').update(`${peer} ${incarnation} ${generation}`).digest()
  return [hash.readUInt32LE(0), hash.readUInt32LE(4)]
}

function clamp (value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value))
}
