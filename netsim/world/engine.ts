/**
 * Virtual time: runs what is due in its order and jumps over the time in between. Callbacks are synchronous,
 * there are no promises; whatever a run does follows from its seed and the order of events alone. Times are
 * milliseconds, rounded up to 1/1024 ms, so that sums of them are exact and equal on every machine.
 */
import { ColonyError } from '../../protocols/errors.ts'
import { EventQueue, type Actor, type TimerId } from './event-queue.ts'
import { Trace } from './trace.ts'

export type { Actor, TimerId } from './event-queue.ts'

const quantaPerMs = 1_024

export const engineDefaults = Object.freeze({
  /**
   * Events at one instant: more, and time stands still, as something is always due at once. Lower: the start of a large world, where
   * each edge has some at the same time, might be taken for that. Higher: a run that is stuck says so later; this many take about a second.
   */
  eventsPerInstantMax: 100_000
})

/** Something is due again and again without time going on: the run would never end. */
export class StandstillError extends ColonyError {
  constructor (message: string) {
    super('COLONY_WORLD_STANDSTILL', message)
  }
}

/** @returns ms, rounded up to what the engine can tell apart */
export function exactMs (ms: number): number {
  return Math.ceil(ms * quantaPerMs) / quantaPerMs
}

export class Engine {
  /** Virtual time, ms since the run's beginning. Only the engine moves it. */
  nowMs = 0
  /** Events that happened. */
  events = 0
  readonly trace: Trace
  readonly #queue = new EventQueue()
  #untilMs = 0
  /** Events that had happened when time last went on. */
  #eventsBefore = 0

  constructor (trace: Trace = new Trace()) {
    this.trace = trace
  }

  /** Events that are still to happen. */
  get pending (): number { return this.#queue.size }

  /** Calls `callback` at `timeMs`, or now when that has passed; among equal times in the order of these calls. */
  at (timeMs: number, callback: () => void): TimerId {
    return this.post(timeMs, runner, 0, 0, 0, callback)
  }

  after (delayMs: number, callback: () => void): TimerId {
    return this.at(this.nowMs + Math.max(0, delayMs), callback)
  }

  /** As `at`, without a closure: `actor.onEvent(kind, a, b, payload)`. For what happens millions of times. */
  post (timeMs: number, actor: Actor, kind: number, a: number, b: number, payload?: unknown): TimerId {
    // Written so that NaN fails as well: it would order nothing.
    if (!(timeMs < Infinity)) throw new RangeError(`an event cannot be due at ${timeMs} ms`)
    return this.#queue.push(Math.max(this.nowMs, exactMs(timeMs)), actor, kind, a, b, payload)
  }

  /** @returns whether it was still to happen */
  cancel (id: TimerId): boolean {
    return this.#queue.cancel(id)
  }

  /**
   * Goes on to `timeMs` without an event, where nothing else is due before or at it: for an actor that has
   * a row of things to do. @returns whether it did; otherwise `post` the rest
   */
  skipTo (timeMs: number): boolean {
    if (timeMs > this.#untilMs || this.#queue.firstMs() <= timeMs) return false
    this.#goTo(timeMs)
    this.events++
    return true
  }

  /** Runs all that is due until then, `untilMs` included. What a callback throws ends the run. */
  run (untilMs: number): void {
    const queue = this.#queue
    this.#untilMs = untilMs
    while (queue.firstMs() <= untilMs) {
      queue.take()
      const { actor, kind, a, b, payload } = queue
      this.#goTo(queue.timeMs)
      if (++this.events - this.#eventsBefore > engineDefaults.eventsPerInstantMax) throw this.#standstill()
      this.trace.event(queue.timeMs, kind, a, b)
      actor.onEvent(kind, a, b, payload)
    }
    this.#goTo(untilMs)
  }

  #goTo (timeMs: number): void {
    if (timeMs <= this.nowMs) return
    this.nowMs = timeMs
    this.#eventsBefore = this.events
  }

  /** Names the event that is due once too often. */
  #standstill (): StandstillError {
    const { actor, kind, a, b, payload } = this.#queue
    const whose = actor === runner ? 'a callback' : `an event of ${actor.constructor.name}${'name' in actor ? ` ${String(actor.name)}` : ''} (kind ${kind}, a ${a}, b ${b})`
    const does = typeof payload === 'function' ? `: ${String(payload).replaceAll(/\s+/g, ' ').slice(0, 120)}` : ''
    return new StandstillError(`time stands still at ${this.nowMs} ms: more than ${engineDefaults.eventsPerInstantMax} events are due then; the last is ${whose}${does}`)
  }
}

const runner: Actor = Object.freeze({
  onEvent: (_kind: number, _a: number, _b: number, payload: unknown) => { (payload as () => void)() }
})
