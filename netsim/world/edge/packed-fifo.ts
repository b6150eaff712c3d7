/**
 * S3-FIFO (Yang and others, SOSP 2023) over typed arrays, for worlds that hold millions of copies: some 50 bytes an
 * entry where objects and maps take 300. An entry's numbers lie side by side, as memory is what a large world waits for. The same decisions as daemon/store/s3-fifo.ts, in the same order; without
 * reservations, which the model does not make. Entries are found by open addressing with linear probing.
 */
import type { Fifo, FifoInit } from './fifo.ts'
import { mix } from '../../workload/sizes.ts'

const mainShare = 0.9
const usesMax = 3
const promotionUses = 2
const ghostEntriesMin = 1_024
const none = -1

/** Queues: 0 the small one, 1 main, 2 the ghosts. */
const Small = 0
const Main = 1
const Ghost = 2
type Queue = 0 | 1 | 2

/** Words of an entry. */
const Word = { Object: 0, Bytes: 1, Value: 2, Uses: 3, Queue: 4, Older: 5, Newer: 6 } as const
const entryWords = 7

export class PackedFifo implements Fifo {
  readonly #init: FifoInit
  /** Entries, each in one queue. */
  #words: Int32Array
  #entries = 0
  #free = none
  /** By hashed object pairs of its number plus one and its entry; 0 is empty. */
  #table: Int32Array
  #used = 0
  readonly #oldest = new Int32Array(3).fill(none)
  readonly #newest = new Int32Array(3).fill(none)
  readonly #sizes = new Float64Array(3)
  readonly #sums = new Float64Array(3)

  constructor (init: FifoInit) {
    this.#init = init
    const expected = Math.max(64, Math.ceil(init.expected ?? 0))
    const memory = init.memory ?? ((words) => new Int32Array(words))
    this.#words = memory(expected * entryWords)
    this.#table = memory(2 * 2 ** Math.ceil(Math.log2(expected / 0.7)))
  }

  get bytes (): number { return this.#sums[Small]! + this.#sums[Main]! }
  get size (): number { return this.#sizes[Small]! + this.#sizes[Main]! }

  get (object: number): number {
    const entry = this.#find(object)
    return entry === none || this.#words[entryWords * entry + Word.Queue] === Ghost ? none : this.#words[entryWords * entry + Word.Value]!
  }

  use (object: number): number {
    const entry = this.#find(object)
    if (entry === none || this.#words[entryWords * entry + Word.Queue] === Ghost) return none
    if (this.#words[entryWords * entry + Word.Uses]! < usesMax) this.#words[entryWords * entry + Word.Uses]!++
    return this.#words[entryWords * entry + Word.Value]!
  }

  fits (bytes: number): boolean { return bytes <= this.#init.bytesMax * this.#init.objectShareMax }

  insert (object: number, bytes: number, value: number): number[] {
    const known = this.#find(object)
    if (known === none) return this.#admit(object, bytes, value, Small, 0)
    const queue = this.#words[entryWords * known + Word.Queue] as Queue
    const uses = queue === Ghost ? 0 : this.#words[entryWords * known + Word.Uses]!
    this.#forget(known)
    return this.#admit(object, bytes, value, queue === Ghost ? Main : queue, uses)
  }

  restore (object: number, bytes: number, value: number): number[] {
    const toMain = this.#sums[Main]! + bytes <= this.#init.bytesMax * mainShare
    return this.#admit(object, bytes, value, toMain ? Main : Small, 0)
  }

  remove (object: number): void {
    const entry = this.#find(object)
    if (entry !== none) this.#forget(entry)
  }

  clear (): void {
    this.#table.fill(0)
    this.#entries = this.#used = 0
    this.#free = none
    this.#oldest.fill(none)
    this.#newest.fill(none)
    this.#sizes.fill(0)
    this.#sums.fill(0)
  }

  * residents (): Generator<readonly [number, number]> {
    for (const queue of [Small, Main]) {
      for (let entry = this.#oldest[queue]!; entry !== none; entry = this.#words[entryWords * entry + Word.Newer]!) yield [this.#words[entryWords * entry + Word.Object]!, this.#words[entryWords * entry + Word.Value]!]
    }
  }

  #admit (object: number, bytes: number, value: number, queue: Queue, uses: number): number[] {
    const evicted: number[] = []
    const { bytesMax } = this.#init
    while (this.size > 0 && this.bytes + bytes > bytesMax) {
      if (this.#sums[Main]! > bytesMax * mainShare || this.#sizes[Small] === 0) this.#evictFromMain(evicted)
      else this.#evictFromSmall(evicted)
    }
    const entry = this.#newEntry()
    this.#words[entryWords * entry + Word.Object] = object
    this.#words[entryWords * entry + Word.Bytes] = bytes
    this.#words[entryWords * entry + Word.Value] = value
    this.#words[entryWords * entry + Word.Uses] = uses
    this.#enter(entry)
    this.#push(entry, queue)
    return evicted
  }

  #evictFromSmall (evicted: number[]): void {
    const entry = this.#oldest[Small]!
    this.#take(entry)
    if (this.#words[entryWords * entry + Word.Uses]! >= promotionUses) {
      this.#words[entryWords * entry + Word.Uses] = 0
      this.#push(entry, Main)
      return
    }
    evicted.push(this.#words[entryWords * entry + Word.Object]!, this.#words[entryWords * entry + Word.Value]!)
    this.#words[entryWords * entry + Word.Bytes] = 0
    this.#words[entryWords * entry + Word.Uses] = 0
    this.#push(entry, Ghost)
    while (this.#sizes[Ghost]! > Math.max(ghostEntriesMin, this.size)) this.#forget(this.#oldest[Ghost]!)
  }

  #evictFromMain (evicted: number[]): void {
    const entry = this.#oldest[Main]!
    if (this.#words[entryWords * entry + Word.Uses] === 0) {
      evicted.push(this.#words[entryWords * entry + Word.Object]!, this.#words[entryWords * entry + Word.Value]!)
      this.#forget(entry)
      return
    }
    this.#take(entry)
    this.#words[entryWords * entry + Word.Uses]!--
    this.#push(entry, Main)
  }

  #push (entry: number, queue: Queue): void {
    const newest = this.#newest[queue]!
    this.#words[entryWords * entry + Word.Queue] = queue
    this.#words[entryWords * entry + Word.Newer] = none
    this.#words[entryWords * entry + Word.Older] = newest
    if (newest === none) this.#oldest[queue] = entry
    else this.#words[entryWords * newest + Word.Newer] = entry
    this.#newest[queue] = entry
    this.#sums[queue]! += this.#words[entryWords * entry + Word.Bytes]!
    this.#sizes[queue]!++
  }

  #take (entry: number): void {
    const queue = this.#words[entryWords * entry + Word.Queue]!
    const older = this.#words[entryWords * entry + Word.Older]!
    const newer = this.#words[entryWords * entry + Word.Newer]!
    if (older === none) this.#oldest[queue] = newer
    else this.#words[entryWords * older + Word.Newer] = newer
    if (newer === none) this.#newest[queue] = older
    else this.#words[entryWords * newer + Word.Older] = older
    this.#sums[queue]! -= this.#words[entryWords * entry + Word.Bytes]!
    this.#sizes[queue]!--
  }

  #forget (entry: number): void {
    this.#take(entry)
    this.#leave(entry)
    this.#words[entryWords * entry + Word.Newer] = this.#free
    this.#free = entry
  }

  #newEntry (): number {
    if (this.#free !== none) {
      const entry = this.#free
      this.#free = this.#words[entryWords * entry + Word.Newer]!
      return entry
    }
    if (this.#entries * entryWords === this.#words.length) this.#grow()
    return this.#entries++
  }

  /** By half as much again: a large world has a thousand of these. */
  #grow (): void {
    const words = this.#words
    this.#words = new Int32Array(entryWords * (this.#entries + (this.#entries >> 1)))
    this.#words.set(words)
  }

  #find (object: number): number {
    const table = this.#table
    const mask = table.length - 2
    for (let at = mix(object) * 2 & mask; ; at = at + 2 & mask) {
      const found = table[at]!
      if (found === object + 1) return table[at + 1]!
      if (found === 0) return none
    }
  }

  #enter (entry: number): void {
    // Seven tenths full at most.
    if (++this.#used * 20 > this.#table.length * 7) {
      const old = this.#table
      this.#table = new Int32Array(old.length * 2)
      for (let at = 0; at < old.length; at += 2) if (old[at] !== 0) this.#place(old[at]!, old[at + 1]!)
    }
    this.#place(this.#words[entryWords * entry + Word.Object]! + 1, entry)
  }

  #place (name: number, entry: number): void {
    const table = this.#table
    const mask = table.length - 2
    let at = mix(name - 1) * 2 & mask
    while (table[at] !== 0) at = at + 2 & mask
    table[at] = name
    table[at + 1] = entry
  }

  /** Deletion without tombstones: what would no longer be found moves up (Knuth, volume 3, algorithm 6.4 R). */
  #leave (entry: number): void {
    const table = this.#table
    const mask = table.length - 2
    const object = this.#words[entryWords * entry + Word.Object]!
    let hole = mix(object) * 2 & mask
    while (table[hole] !== object + 1) hole = hole + 2 & mask
    this.#used--
    for (let at = hole + 2 & mask; table[at] !== 0; at = at + 2 & mask) {
      const wanted = mix(table[at]! - 1) * 2 & mask
      if ((at - wanted & mask) < (at - hole & mask)) continue
      table[hole] = table[at]!
      table[hole + 1] = table[at + 1]!
      hole = at
    }
    table[hole] = 0
  }
}
