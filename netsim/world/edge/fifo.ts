/**
 * Which objects stay within an edge's byte budget: S3-FIFO by object number. Small worlds run the daemon's own
 * (daemon/store/s3-fifo.ts); a large one the same rules over typed arrays (packed-fifo.ts), which a property test holds
 * against it.
 */
import { S3Fifo } from '../../../daemon/store/s3-fifo.ts'

export interface FifoInit {
  readonly bytesMax: number
  /** Largest share of it for one object. */
  readonly objectShareMax: number
  /** So many objects are likely to come to be stored: memory is taken for them at once. */
  readonly expected?: number
  /** Gives zeroed memory, so many words of 4 bytes. Without it each array is allocated by itself. */
  readonly memory?: (words: number) => Int32Array
}

export interface Fifo {
  readonly bytes: number
  readonly size: number
  /** The slot that was given with a resident object; -1 for others. */
  get: (object: number) => number
  /** The same, counted as a use. */
  use: (object: number) => number
  fits: (bytes: number) => boolean
  /** Of something that fits. @returns the objects that leave for it, flat: object, slot, object, slot … */
  insert: (object: number, bytes: number, slot: number) => readonly number[]
  /** What an earlier run left. */
  restore: (object: number, bytes: number, slot: number) => readonly number[]
  remove: (object: number) => void
  clear: () => void
  /** Resident objects, each with its slot, in no order that means anything. */
  residents: () => Iterable<readonly [object: number, slot: number]>
}

/** The daemon's S3-FIFO, its ids the objects' numbers as text. */
export class DaemonFifo implements Fifo {
  readonly #init: FifoInit
  #fifo: S3Fifo<number>

  constructor (init: FifoInit) {
    this.#init = init
    this.#fifo = new S3Fifo(init)
  }

  get bytes (): number { return this.#fifo.bytes }
  get size (): number { return this.#fifo.size }
  get (object: number): number { return this.#fifo.get(String(object)) ?? -1 }

  use (object: number): number {
    const id = String(object)
    return this.#fifo.access(id) ? this.#fifo.get(id) as number : -1
  }

  fits (bytes: number): boolean { return this.#fifo.fits(bytes) }
  insert (object: number, bytes: number, slot: number): number[] { return flat(this.#fifo.insert(String(object), bytes, slot)) }
  restore (object: number, bytes: number, slot: number): number[] { return flat(this.#fifo.restore(String(object), bytes, slot)) }
  remove (object: number): void { this.#fifo.remove(String(object)) }
  clear (): void { this.#fifo = new S3Fifo(this.#init) }
  * residents (): Generator<readonly [number, number]> { for (const [id, slot] of this.#fifo.residents()) yield [Number(id), slot] }
}

function flat (evicted: ReadonlyArray<{ readonly id: string, readonly value: number }>): number[] {
  return evicted.flatMap(({ id, value }) => [Number(id), value])
}
