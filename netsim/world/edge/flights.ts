/**
 * One flight a key: concurrent misses of an edge share one fetch and its outcome, and levels keep edges from
 * waiting on each other in a circle. Mirrors daemon/cache/flight.ts, whose levels it takes, without bodies that arrive
 * bit by bit: a flight ends when its response is there.
 */
import { Level } from '../../../daemon/cache/flight.ts'
import type { Head } from './messages.ts'

export const Source = { Store: 0, Peer: 1, Origin: 2 } as const
export type Source = typeof Source[keyof typeof Source]

export type Outcome =
  | { readonly kind: 'arrived', readonly head: Head, readonly source: Source }
  | { readonly kind: 'failed' }

export class Flight {
  readonly edge: number
  readonly object: number
  /** 0 for the flight that everybody joins; a level for one beside it that asks of that level may wait on. */
  readonly variant: number
  readonly beganAtMs: number
  /** The version that is stored here, -1 for none. */
  readonly held: number
  /** Flights at other edges that this one waits for now: for the checkers. */
  get waitsFor (): Set<Flight> { return this.#waitsFor ??= new Set() }
  over = false
  /** Peers that were asked and have not answered. */
  asking = 0
  #level: Level
  #waitsFor: Set<Flight> | undefined
  #waiting: Array<(outcome: Outcome) => void> | undefined
  #sunk: Array<() => void> | undefined

  constructor (edge: number, object: number, variant: number, level: Level, held: number, beganAtMs: number) {
    this.edge = edge
    this.object = object
    this.variant = variant
    this.held = held
    this.beganAtMs = beganAtMs
    this.#level = level
  }

  get level (): Level { return this.asking > 0 ? Math.min(this.#level, Level.Home) as Level : this.#level }

  raise (level: Level): void { if (level > this.#level) this.#level = level }

  /** No origin can be reached: it may wait on any edge now, so no edge may go on waiting on it. */
  sink (): void {
    this.#level = Level.Asker
    const sunk = this.#sunk
    this.#sunk = undefined
    for (const tell of sunk ?? []) tell()
  }

  join (waiter: (outcome: Outcome) => void): void { (this.#waiting ??= []).push(waiter) }

  onSunk (tell: () => void): void { (this.#sunk ??= []).push(tell) }

  land (outcome: Outcome): void {
    this.over = true
    this.#sunk = undefined
    const waiting = this.#waiting
    this.#waiting = undefined
    for (const waiter of waiting ?? []) waiter(outcome)
  }
}

const variants = 4

/** All flights of an edge. */
export class Flights {
  readonly #flights = new Map<number, Flight>()

  get size (): number { return this.#flights.size }
  get (object: number, variant: number): Flight | undefined { return this.#flights.get(object * variants + variant) }
  add (flight: Flight): void { this.#flights.set(flight.object * variants + flight.variant, flight) }

  remove (flight: Flight): void {
    const at = flight.object * variants + flight.variant
    if (this.#flights.get(at) === flight) this.#flights.delete(at)
  }

  * of (object: number): Generator<Flight> {
    for (let variant = 0; variant < variants; variant++) {
      const flight = this.get(object, variant)
      if (flight !== undefined) yield flight
    }
  }

  values (): MapIterator<Flight> { return this.#flights.values() }
  clear (): void { this.#flights.clear() }
}

export { Level }
