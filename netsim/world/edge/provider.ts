/**
 * What a simulated edge tells peers: the answering side of `have` and `fill` over its cache, with bounded load and signs
 * of life. Mirrors daemon/routing/provider.ts and protocols/fetch/serve.ts.
 */
import { pathMax, Verb } from '../../../protocols/fetch/messages.ts'
import type { LoadGate } from '../../../protocols/locate/bounded-load.ts'
import type { TimerId } from '../engine.ts'
import { Level, Source, type Cache, type Result } from './cache.ts'
import type { Peers } from './fetcher.ts'
import type { Flight } from './flights.ts'
import type { Answer, Ask, Head } from './messages.ts'
import { Part } from './messages.ts'
import { Timer, type Self } from './self.ts'

/** Holders named in a miss. */
const holdersMax = 8

/** An answer that is not ready. */
export interface Pending { readonly to: number, readonly id: number, timer: TimerId }

export class Provider {
  readonly #self: Self
  readonly #cache: Cache
  readonly #peers: Peers
  readonly #regionOf: (peer: number) => string | undefined
  gate!: LoadGate

  constructor (self: Self, cache: Cache, peers: Peers, regionOf: (peer: number) => string | undefined) {
    this.#self = self
    this.#cache = cache
    this.#peers = peers
    this.#regionOf = regionOf
  }

  answer (from: number, ask: Ask): void {
    const takes = this.#admits(ask)
    this.#self.watch.asked(this.#self.index, ask, takes)
    if (!takes) return this.#say(from, ask, { kind: 'busy' })
    const { copies } = this.#cache
    const slot = copies.find(ask.object)
    const isFresh = slot !== -1 && this.#cache.isFresh(ask.object, slot)
    if (isFresh || (slot !== -1 && ask.staleOk)) {
      copies.use(ask.object)
      return this.#say(from, ask, hit(ask, this.#cache.head(slot, !isFresh)))
    }
    if (ask.verb === Verb.Have) this.#have(from, ask, slot !== -1)
    else this.#fill(from, ask)
  }

  /** A fill that still waits: a sign of life. */
  sign (pending: Pending): void {
    const { machine, settings: { model, fetch } } = this.#self
    this.#self.send(pending.to, { kind: 'filling', id: pending.id, bytes: 0 }, model.headBytes, Part.Content)
    pending.timer = machine.post(machine.nowMs() + fetch.fillingIntervalMs, Timer.Sign, 0, pending)
  }

  /** `have` is never turned away. */
  #admits (ask: Ask): boolean {
    const nowMs = this.#self.machine.nowMs()
    if (ask.verb === Verb.Fill && !ask.last) return this.gate.admit(nowMs, ask.turnedAway)
    this.gate.take(nowMs)
    return true
  }

  /** Only of what is stored, or already on its way from the origin, which waits on nobody else. */
  #have (from: number, ask: Ask, stale: boolean): void {
    const miss = (): Answer => ({ kind: 'miss', holders: this.#peers.holders(ask.key).filter((peer) => peer !== from).slice(0, holdersMax), stale })
    for (const flight of this.#cache.flights.of(ask.object)) {
      if (flight.level !== Level.Origin) continue
      const pending = this.#pend(from, ask, flight)
      let isOver = false
      const say = (answer: Answer): void => {
        if (isOver) return
        isOver = true
        this.#settle(pending, from, ask, answer)
      }
      flight.join((outcome) => { say(outcome.kind === 'arrived' && outcome.source === Source.Origin && !outcome.head.stale ? hit(ask, outcome.head) : miss()) })
      flight.onSunk(() => { say(miss()) })
      return
    }
    this.#say(from, ask, miss())
  }

  #fill (from: number, ask: Ask): void {
    // The path is told by the asker; its last station is whoever is asking now.
    if (ask.path.at(-1) !== from || ask.path.length > pathMax) return this.#say(from, ask, { kind: 'miss', holders: [], stale: false })
    const level = this.#regionOf(from) === this.#self.seat.region ? Level.Owner : Level.Home
    let pending: Pending | undefined
    let isOver = false
    const flight = this.#cache.request({ object: ask.object, key: ask.key, level, path: ask.path, silent: ask.silent }, (result) => {
      isOver = true
      if (pending === undefined) this.#say(from, ask, answerOf(ask, result))
      else this.#settle(pending, from, ask, answerOf(ask, result))
    })
    if (!isOver) pending = this.#pend(from, ask, flight)
  }

  #pend (from: number, ask: Ask, flight: Flight): Pending {
    const { machine, settings: { fetch }, watch } = this.#self
    const pending: Pending = { to: from, id: ask.id, timer: -1 }
    pending.timer = machine.post(machine.nowMs() + fetch.fillingAfterMs, Timer.Sign, 0, pending)
    if (ask.over !== true) {
      ask.joined = flight
      ask.flight.waitsFor.add(flight)
      watch.waits(ask.flight, flight)
    }
    return pending
  }

  #settle (pending: Pending, from: number, ask: Ask, answer: Answer): void {
    this.#self.machine.cancel(pending.timer)
    this.#say(from, ask, answer)
  }

  #say (to: number, { id, headOnly }: Ask, answer: Answer): void {
    const { model } = this.#self.settings
    const body = answer.kind === 'hit' && !answer.same && !headOnly ? answer.head.bytes : 0
    if (body > model.quietBytesMax) this.#self.send(to, { kind: 'filling', id, bytes: body }, model.headBytes, Part.Content)
    this.#self.send(to, { kind: 'answer', id, answer }, model.headBytes + body, Part.Content)
  }
}

function hit ({ held }: Ask, head: Head): Answer {
  return { kind: 'hit', head, same: head.version !== -1 && held === head.version }
}

/** Stale here means that this edge reached no origin: the asker tries its own first. */
function answerOf (ask: Ask, result: Result): Answer {
  if (result.kind === 'failed') return result
  if (!result.head.stale || ask.staleOk) return hit(ask, result.head)
  return result.source === Source.Store ? { kind: 'failed' } : { kind: 'miss', holders: [], stale: true }
}
