/** What is under way in a large world: one object for each fetch and one for each question, which comes back as its answer. */
import { Flight, type Level } from './flights.ts'
import type { OpenRequest } from './open-requests.ts'
import type { Verb } from '../../../protocols/fetch/messages.ts'

export const Reply = { None: 0, Hit: 1, Miss: 2, Busy: 3, Failed: 4, Silent: 5 } as const
export type Reply = typeof Reply[keyof typeof Reply]

/** One edge asks another, or the origin; the same object goes back with the answer in it. */
export class Question {
  readonly kind = 'question'
  readonly from: number
  readonly to: number
  readonly verb: Verb
  readonly trip: Trip
  readonly turnedAway: boolean
  readonly last: boolean
  /** The process that is asked: another one there does not know of it. */
  readonly lives: number
  reply: Reply = Reply.None
  /** Whoever is asked has it. */
  taken = false
  /** When the answer leaves, true ms. */
  repliedMs = 0
  version = -1
  bytes = 0
  ageMs = 0

  constructor (from: number, to: number, verb: Verb, trip: Trip, turnedAway: boolean, last: boolean, lives: number) {
    this.from = from
    this.to = to
    this.verb = verb
    this.trip = trip
    this.turnedAway = turnedAway
    this.last = last
    this.lives = lives
  }
}

export const Step = { Owners: 0, Holders: 1, Race: 2, Origin: 3 } as const
export type Step = typeof Step[keyof typeof Step]

export class Trip extends Flight {
  /** Who waits for it: clients here, and what peers ask. */
  readonly #first: OpenRequest | Question
  #more: Array<OpenRequest | Question> | undefined
  /** What this edge was asked as. */
  readonly askedAs: Level
  /** Who asked, and who had asked that one; -1 for none. */
  readonly asker: number
  readonly beforeAsker: number
  step: Step = Step.Owners
  /** Of the region whose owners are asked: its place among the regions seen; and whose turn it is. */
  region = -1
  turn = 0
  turnedAway = false
  /** In the own region; this edge itself where it acts as one. */
  owner = -1
  /** Holders still to be asked, -1 for none. */
  second = -1
  asked: Question | undefined
  got: Question | undefined
  askedMs = 0

  constructor (edge: number, object: number, variant: number, level: Level, held: number, nowMs: number, asker: number, beforeAsker: number, first: OpenRequest | Question) {
    super(edge, object, variant, level, held, nowMs)
    this.askedAs = level
    this.asker = asker
    this.beforeAsker = beforeAsker
    this.#first = first
  }

  /** Hardly any trip has a second one: only those make a list. */
  wait (another: OpenRequest | Question): void { (this.#more ??= []).push(another) }

  /** @param tell each of those that wait, in the order in which they came */
  tell (tell: (waiting: OpenRequest | Question) => void): void {
    tell(this.#first)
    this.#more?.forEach(tell)
  }
}
