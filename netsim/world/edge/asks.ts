/**
 * The asking side of `/colony/fetch/1.0.0` at one simulated edge, and requests to the origin: who has not answered in time
 * counts as silent, signs of life prolong the wait. Mirrors protocols/fetch/transfer.ts.
 */
import { Verb } from '../../../protocols/fetch/messages.ts'
import type { TimerId } from '../engine.ts'
import type { Flight } from './flights.ts'
import type { Answer, Ask, Head, Message } from './messages.ts'
import { Part } from './messages.ts'
import { Timer, type Self } from './self.ts'

/** What an asker says; the rest follows from its flight. */
export interface AskInit {
  readonly verb: Verb
  readonly flight: Flight
  readonly key: Ask['key']
  readonly path: readonly number[]
  readonly silent: Iterable<number>
  readonly staleOk?: boolean
  readonly headOnly?: boolean
  readonly turnedAway?: boolean
  readonly last?: boolean
  readonly onFilling?: () => void
}

interface Waiting {
  readonly askedMs: number
  readonly ask: Ask | undefined
  readonly resume: (answer: never) => void
  readonly onFilling: (() => void) | undefined
  timer: TimerId
  untilMs: number
}

const silent: Answer = Object.freeze({ kind: 'silent' })
/** Those found last were not told by others. */
const silentMax = 8

export class Asks {
  readonly #self: Self
  readonly #waiting = new Map<number, Waiting>()
  /** Peers that answered since the last broken connection: their round trip is measured. */
  readonly #met: Uint8Array
  #ids = 0

  constructor (self: Self) {
    this.#self = self
    this.#met = new Uint8Array(self.everyone.length)
  }

  start (): void {
    this.#waiting.clear()
    this.#met.fill(0)
  }

  met (peer: number): boolean { return this.#met[peer] === 1 }

  /** Resumes with the answer, `silent` where none came. */
  ask (peer: number, init: AskInit): (resume: (answer: Answer) => void) => void {
    return (resume) => {
      const { flight, verb } = init
      const id = ++this.#ids
      const ask: Ask = {
        kind: 'ask', id, verb, object: flight.object, key: init.key,
        path: verb === Verb.Fill ? [...init.path, this.#self.index] : [],
        silent: [...init.silent].slice(-silentMax),
        held: flight.held,
        staleOk: init.staleOk === true,
        headOnly: init.headOnly === true,
        turnedAway: init.turnedAway === true,
        last: init.last === true,
        flight
      }
      flight.asking++
      this.#wait(id, ask, resume, init.onFilling, this.#self.settings.fetch.answerTimeoutMs)
      this.#self.send(peer, ask, this.#self.settings.model.headBytes, Part.Content)
    }
  }

  /** Resumes with what the origin has; `undefined` where it cannot be reached. */
  get (flight: Flight): (resume: (got: { readonly head: Head, readonly same: boolean, readonly tookMs: number } | undefined) => void) => void {
    return (resume) => {
      const id = ++this.#ids
      const { machine, network, settings, origin, index } = this.#self
      // A new connection: idle ones are closed after seconds.
      const isCut = network.isCut(index, origin) || network.isCut(origin, index)
      const askedMs = machine.nowMs()
      const done = (got: Extract<Message, { kind: 'got' }> | Answer): void => {
        resume(got.kind === 'got' ? { head: got.head, same: got.same, tookMs: machine.nowMs() - askedMs } : undefined)
      }
      this.#wait(id, undefined, done, undefined, isCut ? settings.origin.connectTimeoutMs : settings.origin.headersTimeoutMs)
      this.#self.send(origin, { kind: 'get', id, object: flight.object, held: flight.held, flight }, settings.model.headBytes, Part.Content)
    }
  }

  receive (from: number, message: Message): boolean {
    if (message.kind !== 'answer' && message.kind !== 'filling' && message.kind !== 'got') return false
    const waiting = this.#waiting.get(message.id)
    // Too late, or for an earlier life.
    if (waiting === undefined) return true
    if (from < this.#met.length) this.#met[from] = 1
    // What a process that was stopped finds waiting, it reads after its timers have run.
    if (this.#self.machine.nowMs() > waiting.untilMs) this.#settle(message.id, waiting, silent)
    else if (message.kind === 'filling') this.#prolong(message.id, waiting, message.bytes)
    else this.#settle(message.id, waiting, message.kind === 'got' ? message : message.answer)
    return true
  }

  refused (peer: number, message: Message): void {
    if (peer < this.#met.length) this.#met[peer] = 0
    if (message.kind === 'ask' || message.kind === 'get') this.silence(message.id)
  }

  /** Nothing was heard for too long. */
  silence (id: number): void {
    const waiting = this.#waiting.get(id)
    if (waiting !== undefined) this.#settle(id, waiting, silent)
  }

  #wait (id: number, ask: Ask | undefined, resume: (answer: never) => void, onFilling: (() => void) | undefined, timeoutMs: number): void {
    const { machine } = this.#self
    const nowMs = machine.nowMs()
    const untilMs = nowMs + timeoutMs
    this.#waiting.set(id, { askedMs: nowMs, ask, resume, onFilling, untilMs, timer: machine.post(untilMs, Timer.Silence, id) })
  }

  #prolong (id: number, waiting: Waiting, bytes: number): void {
    const { machine, settings: { fetch, model } } = this.#self
    const nowMs = machine.nowMs()
    machine.cancel(waiting.timer)
    if (nowMs - waiting.askedMs > fetch.fillingMaxMs) return this.silence(id)
    waiting.untilMs = nowMs + fetch.silenceTimeoutMs + bytes / model.slowestBytesPerMs
    waiting.timer = machine.post(waiting.untilMs, Timer.Silence, id)
    waiting.onFilling?.()
  }

  #settle (id: number, waiting: Waiting, answer: object): void {
    this.#waiting.delete(id)
    this.#self.machine.cancel(waiting.timer)
    const { ask } = waiting
    if (ask !== undefined) {
      ask.over = true
      ask.flight.asking--
      if (ask.joined !== undefined) ask.flight.waitsFor.delete(ask.joined)
    }
    waiting.resume(answer as never)
  }
}
