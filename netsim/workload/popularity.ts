/**
 * Which object is asked for next: Zipf's law over ranks, and which object holds a rank, which changes as
 * time goes by. Churn exchanges the objects of two ranks at even gaps, so what everybody asks for today
 * is a rare thing tomorrow and the other way round, while the law itself stays.
 */
import type { Random } from '../random.ts'
import { Zipf } from './zipf.ts'

export interface PopularityInit {
  readonly objects: number
  /** Of Zipf's law. */
  readonly exponent: number
  /** Share of all ranks that get another object within a minute, 0 to 1. */
  readonly churnPerMinute: number
  readonly random: Random
}

export class Popularity {
  readonly #zipf: Zipf
  readonly #draws: Random
  readonly #exchanges: Random
  readonly #exchangesPerMs: number
  /** The object of each rank; where nothing changes, each rank's is of its own number and there is no list. */
  readonly #objects: Uint32Array | undefined
  #done = 0

  constructor ({ objects, exponent, churnPerMinute, random }: PopularityInit) {
    this.#zipf = new Zipf(objects, exponent)
    // Forked, so that what is exchanged when depends on the time alone and not on how much is asked for.
    this.#draws = random.fork('draws')
    this.#exchanges = random.fork('exchanges')
    this.#exchangesPerMs = churnPerMinute * objects / 2 / 60_000
    if (churnPerMinute > 0) this.#objects = Uint32Array.from({ length: objects }, (_, rank) => rank)
  }

  /** @param nowMs since the start; never goes back */
  draw (nowMs: number): number {
    this.#advance(nowMs)
    const rank = this.#zipf.rank(this.#draws)
    return this.#objects?.[rank] ?? rank
  }

  /** The object that holds a rank now, 0 the most asked for. */
  objectAt (rank: number): number {
    return this.#objects?.[rank] ?? rank
  }

  #advance (nowMs: number): void {
    const objects = this.#objects
    if (objects === undefined) return
    for (const due = Math.floor(nowMs * this.#exchangesPerMs); this.#done < due; this.#done++) {
      const one = this.#exchanges.int(objects.length)
      const other = this.#exchanges.int(objects.length)
      const object = objects[one] as number
      objects[one] = objects[other] as number
      objects[other] = object
    }
  }
}
