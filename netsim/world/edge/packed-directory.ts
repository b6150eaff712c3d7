/**
 * Who of a region holds what, in a large world: one table for all owners of the region in typed arrays, some 30 bytes an
 * object, in place of an own `Holders` at each. What a holder tells is known to the owner a report's interval later, as
 * the reports of protocols/directory are; which owner is told, and that a restarted one asks again, is not modelled.
 */
import { mix } from '../../workload/sizes.ts'

/** Holders kept of one object; more add nothing for whoever asks two of them. */
export const holdersMax = 4

export class PackedDirectory {
  readonly #delayMs: number
  /** Object plus one; 0 is free. */
  #objects = new Int32Array(1_024)
  /** Of each object `holdersMax` holders, plus one; 0 is none. */
  #holders = new Uint16Array(1_024 * holdersMax)
  #used = 0
  // Told, and not known yet: a ring of three columns.
  #dueMs = new Float64Array(1_024)
  #told = new Int32Array(1_024)
  /** Holder plus one; below 0 for one that has dropped it. */
  #by = new Int32Array(1_024)
  #first = 0
  #waiting = 0

  /** @param delayMs from a change to its being known */
  constructor (delayMs: number) { this.#delayMs = delayMs }

  /** @param holder its place in the region */
  tell (object: number, holder: number, has: boolean, nowMs: number): void {
    this.#learn(nowMs)
    if (this.#waiting === this.#told.length) this.#widen()
    const at = this.#first + this.#waiting++ & this.#told.length - 1
    this.#dueMs[at] = nowMs + this.#delayMs
    this.#told[at] = object
    this.#by[at] = has ? holder + 1 : -1 - holder
  }

  /** Writes who is known to hold it into `into`. @returns how many */
  holders (object: number, nowMs: number, into: Int32Array): number {
    this.#learn(nowMs)
    const at = this.#find(object)
    let count = 0
    if (this.#objects[at] === 0) return 0
    for (let place = at * holdersMax; place < (at + 1) * holdersMax; place++) if (this.#holders[place]! > 0) into[count++] = this.#holders[place]! - 1
    return count
  }

  /** It is gone with all that it had. */
  forget (holder: number): void {
    for (let at = 0; at < this.#holders.length; at++) if (this.#holders[at] === holder + 1) this.#holders[at] = 0
    for (let step = 0; step < this.#waiting; step++) {
      const at = this.#first + step & this.#told.length - 1
      if (Math.abs(this.#by[at]!) === holder + 1) this.#by[at] = 0
    }
  }

  #learn (nowMs: number): void {
    while (this.#waiting > 0 && this.#dueMs[this.#first]! <= nowMs) {
      const by = this.#by[this.#first]!
      if (by > 0) this.#add(this.#told[this.#first]!, by)
      else if (by < 0) this.#drop(this.#told[this.#first]!, -by)
      this.#first = this.#first + 1 & this.#told.length - 1
      this.#waiting--
    }
  }

  #add (object: number, holder: number): void {
    let at = this.#find(object)
    if (this.#objects[at] === 0) {
      if (++this.#used * 8 > this.#objects.length * 5) {
        this.#grow()
        at = this.#find(object)
      }
      this.#objects[at] = object + 1
    }
    let free = -1
    for (let place = at * holdersMax; place < (at + 1) * holdersMax; place++) {
      if (this.#holders[place] === holder) return
      if (this.#holders[place] === 0 && free === -1) free = place
    }
    if (free !== -1) this.#holders[free] = holder
  }

  #drop (object: number, holder: number): void {
    const at = this.#find(object)
    if (this.#objects[at] === 0) return
    for (let place = at * holdersMax; place < (at + 1) * holdersMax; place++) if (this.#holders[place] === holder) this.#holders[place] = 0
  }

  /** @returns its place, or the free one where it belongs */
  #find (object: number): number {
    const mask = this.#objects.length - 1
    let at = mix(object) & mask
    while (this.#objects[at] !== 0 && this.#objects[at] !== object + 1) at = at + 1 & mask
    return at
  }

  /** What nobody holds any more is left out. */
  #grow (): void {
    const [objects, holders] = [this.#objects, this.#holders]
    this.#objects = new Int32Array(objects.length * 2)
    this.#holders = new Uint16Array(holders.length * 2)
    this.#used = 1
    for (let from = 0; from < objects.length; from++) {
      if (objects[from] === 0) continue
      let kept = 0
      for (let place = from * holdersMax; place < (from + 1) * holdersMax; place++) kept |= holders[place]!
      if (kept === 0) continue
      const to = this.#find(objects[from]! - 1)
      this.#objects[to] = objects[from]!
      for (let place = 0; place < holdersMax; place++) this.#holders[to * holdersMax + place] = holders[from * holdersMax + place]!
      this.#used++
    }
  }

  #widen (): void {
    const length = this.#told.length
    const [dueMs, told, by] = [new Float64Array(2 * length), new Int32Array(2 * length), new Int32Array(2 * length)]
    for (let step = 0; step < length; step++) {
      const at = this.#first + step & length - 1
      dueMs[step] = this.#dueMs[at]!
      told[step] = this.#told[at]!
      by[step] = this.#by[at]!
    }
    this.#dueMs = dueMs
    this.#told = told
    this.#by = by
    this.#first = 0
  }
}
