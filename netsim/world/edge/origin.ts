/**
 * The origin of the world: gives each object's present version after some thought, `304` to whoever holds that,
 * `503` while it is down, and counts what it is asked.
 */
import type { Host, Machine } from '../machine.ts'
import type { Network } from '../network.ts'
import type { Head, Message } from './messages.ts'
import type { Objects } from './objects.ts'
import type { WorldSettings } from './settings.ts'
import { Reply, type Question } from './trip.ts'

export interface OriginInit {
  readonly machine: Machine
  readonly network: Network
  readonly objects: Objects
  readonly settings: WorldSettings
  /** As faults set it. */
  readonly state: { readonly delayMs: number, readonly down: boolean }
  readonly trueMs: () => number
}

export class Origin implements Host {
  requests = 0
  /** Bodies, bytes. */
  bytes = 0
  readonly #init: OriginInit

  constructor (init: OriginInit) { this.#init = init }

  start (): void {}
  crash (): void {}

  receive (from: number, message: unknown): void {
    const asked = message as Message
    if (asked.kind === 'question') return this.#answer(asked)
    if (asked.kind !== 'get') return
    const { machine, settings: { model }, state } = this.#init
    this.requests++
    if (state.down) return this.#say(from, asked, { version: -1, bytes: 0, ageMs: 0, stale: false })
    const thoughtMs = model.originMs - Math.log(1 - machine.random()) * model.originJitterMs
    machine.after(thoughtMs + state.delayMs, () => { this.#say(from, asked, this.#head(asked.object)) })
  }

  /** In a large world: what it thinks delays the answer on its way, instead of a timer of its own. */
  #answer (question: Question): void {
    const { machine, network, objects, settings: { model }, state, trueMs } = this.#init
    const { trip: { object, held }, from } = question
    this.requests++
    const thoughtMs = state.down ? 0 : model.originMs - Math.log(1 - machine.random()) * model.originJitterMs + state.delayMs
    question.taken = true
    question.reply = Reply.Hit
    question.repliedMs = trueMs() + thoughtMs
    question.version = state.down ? -1 : objects.version(object, trueMs() + thoughtMs)
    question.bytes = state.down ? 0 : objects.bytes(object, question.version)
    const body = question.version === held ? 0 : question.bytes
    this.bytes += body
    network.stream(machine.index, from, question, model.headBytes + body, thoughtMs)
  }

  #head (object: number): Head {
    const { objects, trueMs } = this.#init
    const version = objects.version(object, trueMs())
    return { version, bytes: objects.bytes(object, version), ageMs: 0, stale: false }
  }

  #say (to: number, { id, held }: Extract<Message, { kind: 'get' }>, head: Head): void {
    const { machine, network, settings: { model } } = this.#init
    const same = head.version !== -1 && head.version === held
    const body = same ? 0 : head.bytes
    this.bytes += body
    network.stream(machine.index, to, { kind: 'got', id, head, same } satisfies Message, model.headBytes + body)
  }
}
