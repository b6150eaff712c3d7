/**
 * S3-FIFO eviction (Yang, Zhang, Qiu, Yue, Rashmi: "FIFO queues are all you need for cache eviction",
 * SOSP 2023), counted in bytes. A newcomer enters a small queue of a tenth of the budget; what is
 * used twice there moves to the main queue, what is not leaves, and its id is remembered in a ghost
 * queue: asked for again, it enters the main queue at once. Pure: it decides about ids and keeps with
 * each what its tier knows of the object, so that no second map of a million ids is needed.
 *
 * Large objects. An object above `objectShareMax` of the budget does not fit. Room is made in the small
 * queue as long as that holds anything and main is within its 90 %, so a newcomer of up to 10 % never
 * costs main anything of its share. A larger one takes from main only what exceeds the small queue,
 * and once: it sits in the small queue, and the next large one pushes that one out. So a
 * scan of large objects, however long, leaves main `1 - objectShareMax` of the budget.
 * Bytes reserved for fills in flight are taken by the same rule.
 */
import assert from 'node:assert/strict'

/** Share of the budget that main holds before it is evicted from first (the paper's 90 %). */
const mainShare = 0.9
/** Counters are 2 bits in the paper: one popular burst must not keep an object for ever. */
const usesMax = 3
/** Uses in the small queue that move an object to main when its turn to leave comes. */
const promotionUses = 2
/** Ghosts kept at least, so that a second use is seen even while few objects are resident (after a restart). */
const ghostEntriesMin = 1024

interface Entry<Value> {
  readonly id: string
  /** Undefined in the ghost queue. */
  value: Value | undefined
  bytes: number
  uses: number
  queue: Queue<Value>
  older: Entry<Value> | undefined
  newer: Entry<Value> | undefined
}

/** An object that had to leave. */
export interface Evicted<Value> {
  readonly id: string
  readonly value: Value
}

/** A linked FIFO. A Map would do by order, but finding its first key passes over all deleted ones. */
class Queue<Value> {
  bytes = 0
  size = 0
  oldest: Entry<Value> | undefined
  newest: Entry<Value> | undefined

  push (entry: Entry<Value>): void {
    entry.queue = this
    entry.newer = undefined
    entry.older = this.newest
    if (this.newest === undefined) this.oldest = entry
    else this.newest.newer = entry
    this.newest = entry
    this.bytes += entry.bytes
    this.size++
  }

  take (entry: Entry<Value>): void {
    if (entry.older === undefined) this.oldest = entry.newer
    else entry.older.newer = entry.newer
    if (entry.newer === undefined) this.newest = entry.older
    else entry.newer.older = entry.older
    this.bytes -= entry.bytes
    this.size--
  }
}

export interface S3FifoInit {
  /** Budget, bytes. */
  readonly bytesMax: number
  /** Largest share of the budget for one object, in (0, 1]. */
  readonly objectShareMax: number
  /** Resident objects at most; unbounded when left out. */
  readonly entriesMax?: number
}

export class S3Fifo<Value> {
  #bytesMax: number
  readonly #objectShareMax: number
  readonly #entriesMax: number
  readonly #entries = new Map<string, Entry<Value>>()
  readonly #small = new Queue<Value>()
  readonly #main = new Queue<Value>()
  readonly #ghost = new Queue<Value>()
  #reserved = 0

  constructor (init: S3FifoInit) {
    this.#bytesMax = init.bytesMax
    this.#objectShareMax = init.objectShareMax
    this.#entriesMax = init.entriesMax ?? Infinity
  }

  /** Bytes of resident objects and reservations; never above the budget. */
  get bytes (): number {
    return this.#small.bytes + this.#main.bytes + this.#reserved
  }

  get reserved (): number {
    return this.#reserved
  }

  /** Resident objects. */
  get size (): number {
    return this.#small.size + this.#main.size
  }

  /** Ids remembered without their objects. */
  get ghosts (): number {
    return this.#ghost.size
  }

  has (id: string): boolean {
    return this.#resident(id) !== undefined
  }

  /** What is kept with a resident object. */
  get (id: string): Value | undefined {
    return this.#resident(id)?.value
  }

  /** Keeps something else with a resident object, whose place and size stay. */
  set (id: string, value: Value): void {
    const entry = this.#resident(id)
    if (entry !== undefined) entry.value = value
  }

  /** Resident objects in no order; may be changed while they are walked through. */
  * residents (): Generator<readonly [id: string, value: Value]> {
    for (const { id, queue, value } of this.#entries.values()) {
      if (queue !== this.#ghost) yield [id, value as Value]
    }
  }

  isGhost (id: string): boolean {
    return this.#entries.get(id)?.queue === this.#ghost
  }

  /** Whether an object of that size is admitted at all. */
  fits (bytes: number): boolean {
    return bytes <= this.#bytesMax * this.#objectShareMax
  }

  /** Counts a use. @returns whether `id` is resident */
  access (id: string): boolean {
    const entry = this.#resident(id)
    if (entry === undefined) return false
    entry.uses = Math.min(entry.uses + 1, usesMax)
    return true
  }

  /**
   * Admits an object; `fits(bytes)` must hold. A ghost enters main. A resident id is replaced: it keeps
   * its queue and counter, as it is the same content in a newer version.
   *
   * @returns what is evicted for it, never `id`
   */
  insert (id: string, bytes: number, value: Value): Evicted<Value>[] {
    const known = this.#entries.get(id)
    if (known === undefined) return this.#admit(id, bytes, value, this.#small, 0)
    this.#forget(known)
    return known.queue === this.#ghost
      ? this.#admit(id, bytes, value, this.#main, 0)
      : this.#admit(id, bytes, value, known.queue, known.uses)
  }

  /**
   * Admits what an earlier run left behind: to main until that has its share, then to the small queue.
   * All in the small queue, it would be washed away by the first scan.
   *
   * @returns what is evicted for it, never `id`
   */
  restore (id: string, bytes: number, value: Value): Evicted<Value>[] {
    const toMain = this.#main.bytes + bytes <= this.#bytesMax * mainShare && this.#main.size < this.#entriesMax * mainShare
    return this.#admit(id, bytes, value, toMain ? this.#main : this.#small, 0)
  }

  /**
   * Tells of a use of something that is not resident but could be.
   *
   * @returns whether it was used, or evicted unused, not long ago: it is worth inserting
   */
  recall (id: string): boolean {
    if (this.#entries.has(id)) return true
    this.#remember({ id, value: undefined, bytes: 0, uses: 0, queue: this.#ghost, older: undefined, newer: undefined })
    return false
  }

  /** Forgets an object, without a ghost: it was purged or is gone. */
  remove (id: string): void {
    const entry = this.#entries.get(id)
    if (entry !== undefined) this.#forget(entry)
  }

  /**
   * Takes bytes of the budget for something that is not an object yet. The caller bounds its
   * reservations to less than the budget.
   *
   * @returns what is evicted for it
   */
  reserve (bytes: number): Evicted<Value>[] {
    const evicted = this.#makeRoom(bytes, 0)
    this.#reserved += bytes
    return evicted
  }

  /** Gives back what was reserved. */
  release (bytes: number): void {
    this.#reserved -= bytes
    assert(this.#reserved >= 0, `${-this.#reserved} more bytes were released than reserved`)
  }

  /** Changes the budget. @returns what is evicted for it */
  resize (bytesMax: number): Evicted<Value>[] {
    this.#bytesMax = bytesMax
    return this.#makeRoom(0, 0)
  }

  #resident (id: string): Entry<Value> | undefined {
    const entry = this.#entries.get(id)
    return entry?.queue === this.#ghost ? undefined : entry
  }

  #admit (id: string, bytes: number, value: Value, queue: Queue<Value>, uses: number): Evicted<Value>[] {
    assert(this.fits(bytes), `an object of ${bytes} bytes does not fit into a budget of ${this.#bytesMax}`)
    const evicted = this.#makeRoom(bytes, 1)
    const entry: Entry<Value> = { id, value, bytes, uses, queue, older: undefined, newer: undefined }
    this.#entries.set(id, entry)
    queue.push(entry)
    return evicted
  }

  #makeRoom (bytes: number, entries: number): Evicted<Value>[] {
    const evicted: Evicted<Value>[] = []
    while (this.size > 0 && (this.bytes + bytes > this.#bytesMax || this.size + entries > this.#entriesMax)) {
      const mainIsOver = this.#main.bytes > this.#bytesMax * mainShare || this.#main.size > this.#entriesMax * mainShare
      if (mainIsOver || this.#small.size === 0) this.#evictFromMain(evicted)
      else this.#evictFromSmall(evicted)
    }
    assert(this.bytes + bytes <= this.#bytesMax, `${bytes} more bytes cannot be had: ${this.#reserved} of ${this.#bytesMax} are reserved`)
    return evicted
  }

  /** One step: the oldest newcomer leaves, or moves to main when it was used. */
  #evictFromSmall (evicted: Evicted<Value>[]): void {
    const entry = this.#small.oldest
    if (entry === undefined) return
    this.#small.take(entry)
    if (entry.uses >= promotionUses) {
      entry.uses = 0
      this.#main.push(entry)
      return
    }
    evicted.push({ id: entry.id, value: entry.value as Value })
    entry.value = undefined
    entry.bytes = 0
    entry.uses = 0
    this.#remember(entry)
  }

  /** One step: the oldest of main leaves, or goes round once more for one of its uses. */
  #evictFromMain (evicted: Evicted<Value>[]): void {
    const entry = this.#main.oldest
    if (entry === undefined) return
    if (entry.uses === 0) {
      this.#forget(entry)
      evicted.push({ id: entry.id, value: entry.value as Value })
      return
    }
    this.#main.take(entry)
    entry.uses--
    this.#main.push(entry)
  }

  /** The paper keeps as many ghosts as main has objects; as many as are resident is the same within a tenth. */
  #remember (entry: Entry<Value>): void {
    this.#entries.set(entry.id, entry)
    this.#ghost.push(entry)
    while (this.#ghost.size > Math.max(ghostEntriesMin, this.size)) this.#forget(this.#ghost.oldest as Entry<Value>)
  }

  #forget (entry: Entry<Value>): void {
    entry.queue.take(entry)
    this.#entries.delete(entry.id)
  }
}
