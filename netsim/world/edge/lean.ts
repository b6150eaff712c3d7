/**
 * The way of a request in a large world: the same decisions as fetcher.ts, provider.ts and cache.ts, as a state machine that
 * costs one event a message and no timer. One object serves all edges. Left out, beside what those leave out: signs of
 * life and hedges (whether a question is still worked on is looked up each second), the breaker, the search of all members when
 * no origin can be reached (a stale copy at hand is served), the previous owner (the region's table of holders survives a change of its ring).
 */
import { Patience, patience } from '../../../daemon/routing/patience.ts'
import { Verb } from '../../../protocols/fetch/messages.ts'
import { KeyWord } from '../../../protocols/key-word.ts'
import { mix } from '../../workload/sizes.ts'
import type { Watch } from '../checkers/watch.ts'
import type { Engine } from '../engine.ts'
import type { Machine } from '../machine.ts'
import type { Network } from '../network.ts'
import { PairTable } from '../pair-table.ts'
import type { Edge } from './edge.ts'
import { Level, Source } from './flights.ts'
import { Part } from './messages.ts'
import type { Objects } from './objects.ts'
import type { OpenRequest } from './open-requests.ts'
import { holdersMax, PackedDirectory } from './packed-directory.ts'
import type { View } from './rings.ts'
import type { WorldSettings } from './settings.ts'
import type { Totals } from './totals.ts'
import { Question, Reply, Step, Trip } from './trip.ts'

export interface LeanInit {
  readonly engine: Engine
  readonly machines: readonly Machine[]
  readonly network: Network
  readonly objects: Objects
  readonly settings: WorldSettings
  readonly watch: Watch
  readonly origin: number
  readonly edges: readonly Edge[]
  /** Of each edge: its region's place, and its own in there. */
  readonly regionOf: (edge: number) => number
  readonly fellowsOf: (edge: number) => Int32Array
  readonly totals: Totals
  /** Of the whole run. */
  readonly requests: number
}

const variants = 4
const sweepIntervalMs = 1_000
/** Copies that a request leaves behind over an hour of a large world, at asker, owner and home: more makes arrays grow. */
const copiesPerRequest = 1.3
/** Records, entries and tables of a store, at most: packed-fifo.ts, copies.ts. */
const bytesPerCopy = 76

export class Lean {
  readonly #init: LeanInit
  /** By edge and variant, and by object. */
  readonly #trips = new PairTable<Trip>()
  readonly #directories: PackedDirectory[] = []
  readonly #views: View[] = []
  readonly #placeOf: Int32Array
  /** Of pairs of edges that have spoken: the round trip is measured. */
  readonly #met: Uint8Array
  readonly #ttfbMs: Float64Array
  /** Of pairs of edges: the last report, for the bill. */
  readonly #reportedMs: Float64Array
  readonly #known = new Int32Array(holdersMax)
  readonly #slab: ArrayBuffer
  #taken = 0
  readonly #edgesMax: number

  /** @param edgesMax how many there will be */
  constructor (init: LeanInit, edgesMax: number) {
    this.#init = init
    this.#edgesMax = edgesMax
    this.#slab = new ArrayBuffer(edgesMax * bytesPerCopy * Math.ceil(this.copiesExpected))
    this.#met = new Uint8Array(edgesMax ** 2)
    this.#ttfbMs = new Float64Array(edgesMax).fill(NaN)
    this.#reportedMs = new Float64Array(edgesMax ** 2).fill(-Infinity)
    this.#placeOf = Int32Array.from({ length: edgesMax }, (_, edge) => init.fellowsOf(edge).indexOf(edge))
    for (let edge = 0; edge < edgesMax; edge++) this.#directories[init.regionOf(edge)] ??= new PackedDirectory(init.settings.directory.reportIntervalMs)
    const sweep = (): void => {
      this.#sweep()
      init.engine.after(sweepIntervalMs, sweep)
    }
    init.engine.after(sweepIntervalMs, sweep)
  }

  /** At each edge. */
  get copiesExpected (): number { return copiesPerRequest * this.#init.requests / this.#edgesMax }

  /** For the edges' stores: one piece, as a thousand of a megabyte each make the collector of garbage run a hundred times. */
  readonly memory = (words: number): Int32Array => {
    const at = this.#taken
    // Records hold numbers of 8 bytes.
    this.#taken += 8 * Math.ceil(words / 2)
    return this.#taken <= this.#slab.byteLength ? new Int32Array(this.#slab, at, words) : new Int32Array(words)
  }

  /** What the edge sees of the members is another now. */
  viewChanged (edge: number, view: View): void { this.#views[edge] = view }

  /** A client asks for what is not stored fresh. */
  request (edge: number, open: OpenRequest): void { this.#join(edge, open.object, Level.Asker, open) }

  /** The process is gone. */
  crash (edge: number): void {
    for (const trip of this.#trips.values()) {
      if (trip.edge !== edge) continue
      trip.over = true
      this.#forget(trip)
    }
    this.#met.fill(0, edge * this.#edgesMax, (edge + 1) * this.#edgesMax)
    this.#ttfbMs[edge] = NaN
    this.#directories[this.#init.regionOf(edge)]!.forget(this.#placeOf[edge]!)
  }

  receive (edge: number, question: Question): void {
    if (question.reply === Reply.None) this.#asked(edge, question)
    else this.#answered(edge, question)
  }

  /** Nobody was there to take it; an answer nobody waits for is dropped. */
  refused (edge: number, question: Question): void {
    if (question.from === edge && question.reply === Reply.None) this.#silent(edge, question)
  }

  // What peers ask.

  #asked (edge: number, question: Question): void {
    const { machines, watch, edges } = this.#init
    const { verb, last, turnedAway, trip: { object } } = question
    const { gate, cache } = edges[edge]!
    const nowMs = machines[edge]!.nowMs()
    question.taken = true
    const takes = verb !== Verb.Fill || last || gate.admit(nowMs, turnedAway)
    if (takes && (verb !== Verb.Fill || last)) gate.take(nowMs)
    watch.asked(edge, question, takes)
    if (!takes) return this.#reply(edge, question, Reply.Busy)
    const { copies } = cache
    const slot = copies.find(object)
    if (slot !== -1 && cache.isFresh(object, slot)) {
      copies.use(object)
      question.ageMs = copies.ageMs(slot, machines[edge]!.wallMs())
      return this.#hit(edge, question, copies.version(slot), copies.bytesAt(slot))
    }
    if (verb === Verb.Fill) this.#join(edge, object, this.#init.regionOf(question.from) === this.#init.regionOf(edge) ? Level.Owner : Level.Home, question)
    else this.#have(edge, question, object)
  }

  /** On its way from the origin is as good as here. */
  #have (edge: number, question: Question, object: number): void {
    for (let variant = 0; variant < variants; variant++) {
      const trip = this.#trips.get(edge * variants + variant, object)
      if (trip === undefined || trip.level !== Level.Origin || trip.asked !== undefined) continue
      trip.wait(question)
      return
    }
    this.#reply(edge, question, Reply.Miss)
  }

  #hit (edge: number, question: Question, version: number, bytes: number): void {
    question.version = version
    question.bytes = bytes
    this.#reply(edge, question, Reply.Hit)
  }

  #reply (edge: number, question: Question, reply: Reply): void {
    question.reply = reply
    question.repliedMs = this.#init.engine.nowMs
    const { version, bytes, trip, from } = question
    this.#send(edge, from, question, reply === Reply.Hit && version !== trip.held && version !== -1 ? bytes : 0)
  }

  // Fetches.

  #join (edge: number, object: number, level: Level, waiting: OpenRequest | Question): void {
    let variant = 0
    let trip = this.#trips.get(edge * variants, object)
    if (trip !== undefined && trip.level < level) {
      // It may be waiting on the very edge that asks: one of its own cannot.
      variant = level
      trip = this.#trips.get(edge * variants + level, object)
    }
    if (trip !== undefined) {
      trip.wait(waiting)
      return
    }
    const { copies } = this.#init.edges[edge]!.cache
    const slot = copies.find(object)
    const by = waiting instanceof Question ? waiting : undefined
    trip = new Trip(edge, object, variant, level, slot === -1 ? -1 : copies.version(slot), this.#init.engine.nowMs, by?.from ?? -1, by?.trip.asker ?? -1, waiting)
    this.#trips.set(edge * variants + variant, object, trip)
    this.#init.watch.flight(trip, 'begins')
    const view = this.#views[edge]!
    const owner = level === Level.Asker && view.place !== -1 ? this.#owner(view, view.place, object) : edge
    trip.owner = owner
    if (owner === edge) this.#asOwner(trip, view)
    else this.#askOwner(trip, view.place, 0)
  }

  #asOwner (trip: Trip, view: View): void {
    const home = view.homes.of(trip.object)
    trip.raise(trip.askedAs === Level.Home || home === view.place ? Level.Home : Level.Owner)
    trip.region = home
    trip.step = Step.Holders
    const { edge, object } = trip
    const count = this.#directories[this.#init.regionOf(edge)]!.holders(object, this.#init.engine.nowMs, this.#known)
    const fellows = this.#init.fellowsOf(edge)
    let first = -1
    // All of a region are equally near: a choice that differs by key and asker.
    const start = count > 1 ? mix(object ^ mix(edge)) % count : 0
    for (let step = 0; step < count; step++) {
      const holder = fellows[this.#known[(start + step) % count]!]!
      if (holder === edge || holder === trip.asker || holder === trip.beforeAsker) continue
      if (first === -1) first = holder
      else {
        trip.second = holder
        break
      }
    }
    if (first === -1) this.#onward(trip)
    else this.#ask(trip, first, Verb.Have, false)
  }

  /** The region does not have it. */
  #onward (trip: Trip): void {
    if (trip.level >= Level.Home || trip.region === -1) this.#origin(trip)
    else this.#askOwner(trip, trip.region, 0)
  }

  #askOwner (trip: Trip, region: number, turn: number): void {
    const { edges, settings: { routing } } = this.#init
    const { edge, object } = trip
    const view = this.#views[edge]!
    let owner = -1
    if (turn === 0) owner = region === view.place ? trip.owner : this.#owner(view, region, object)
    else if (turn < routing.ownersMax) owner = edges[edge]!.owners(this.#init.objects.key(object), routing.ownersMax, view.regions[region]!)[turn] ?? -1
    if (owner === -1) return this.#origin(trip)
    if (owner === edge) return this.#asOwner(trip, view)
    trip.step = Step.Owners
    trip.region = region
    trip.turn = turn
    switch (this.#patience(edge, owner)) {
      case Patience.Skip: return this.#origin(trip)
      case Patience.Race:
        this.#origin(trip)
        trip.step = Step.Race
        return this.#ask(trip, owner, Verb.Have, false)
      case Patience.Wait: return this.#ask(trip, owner, Verb.Fill, turn + 1 >= routing.ownersMax)
    }
  }

  #origin (trip: Trip): void {
    trip.raise(Level.Origin)
    trip.step = Step.Origin
    const { origin, machines, watch } = this.#init
    watch.originAsked(trip.edge, trip)
    trip.got = new Question(trip.edge, origin, Verb.Fill, trip, false, true, machines[origin]!.lives)
    trip.askedMs = this.#init.engine.nowMs
    this.#send(trip.edge, origin, trip.got, 0)
  }

  #ask (trip: Trip, to: number, verb: Verb, last: boolean): void {
    trip.asked = new Question(trip.edge, to, verb, trip, trip.turnedAway, last, this.#init.machines[to]!.lives)
    trip.askedMs = this.#init.engine.nowMs
    this.#send(trip.edge, to, trip.asked, 0)
  }

  #answered (edge: number, question: Question): void {
    const { trip, reply, to } = question
    if (trip.over) return
    if (to < this.#edgesMax && reply !== Reply.Silent) this.#met[edge * this.#edgesMax + to] = 1
    if (question === trip.got) {
      trip.got = undefined
      if (reply === Reply.Hit) {
        const tookMs = this.#init.engine.nowMs - trip.askedMs
        const ttfbMs = this.#ttfbMs[edge]!
        this.#ttfbMs[edge] = Number.isNaN(ttfbMs) ? tookMs : ttfbMs + this.#init.settings.origin.ttfbWeight * (tookMs - ttfbMs)
        // RFC 9111 section 4.2.3: what the answer took counts as age.
        this.#arrive(trip, question, question.ageMs + tookMs, Source.Origin)
      } else if (trip.asked === undefined) this.#land(trip, undefined, 0, Source.Origin)
    } else if (question === trip.asked) {
      trip.asked = undefined
      if (reply === Reply.Hit) this.#arrive(trip, question, question.ageMs, Source.Peer)
      else this.#next(trip, reply)
    }
  }

  /** Whoever was asked has nothing. */
  #next (trip: Trip, reply: Reply): void {
    switch (trip.step) {
      case Step.Race:
      case Step.Origin:
        if (trip.got === undefined) this.#land(trip, undefined, 0, Source.Origin)
        return
      case Step.Holders: {
        const { second } = trip
        trip.second = -1
        return second === -1 ? this.#onward(trip) : this.#ask(trip, second, Verb.Have, false)
      }
      case Step.Owners:
        trip.turnedAway ||= reply === Reply.Busy
        if (reply === Reply.Failed) this.#origin(trip)
        else this.#askOwner(trip, trip.region, trip.turn + 1)
    }
  }

  #arrive (trip: Trip, question: Question, ageMs: number, source: Source): void {
    const { edge, object, held } = trip
    const { version, bytes } = question
    if (version !== -1) {
      const { cache: { copies } } = this.#init.edges[edge]!
      const receivedAtMs = this.#init.machines[edge]!.wallMs()
      const slot = copies.find(object)
      if (version === held) {
        if (slot !== -1 && copies.version(slot) === held) copies.refresh(object, ageMs, receivedAtMs)
      } else {
        const gone = copies.put(object, { version, bytes, initialAgeMs: ageMs, receivedAtMs })
        if (gone === undefined) {
          if (slot !== -1) this.#tell(edge, object, false, trip.owner)
        } else {
          if (slot === -1) this.#tell(edge, object, true, trip.owner)
          for (const other of gone) this.#tell(edge, other, false, trip.owner)
        }
        this.#init.watch.stored(edge)
      }
    }
    this.#land(trip, question, ageMs, source)
  }

  /** @param question what came; undefined where nothing could be had */
  #land (trip: Trip, question: Question | undefined, ageMs: number, source: Source): void {
    const { edge } = trip
    trip.over = true
    this.#forget(trip)
    this.#init.watch.flight(trip, 'ends')
    trip.tell((each) => {
      if (!(each instanceof Question)) this.#init.edges[edge]!.land(each, question, source)
      else if (question === undefined) this.#reply(edge, each, Reply.Failed)
      else if (each.verb === Verb.Have && source !== Source.Origin) this.#reply(edge, each, Reply.Miss)
      else {
        each.ageMs = ageMs
        this.#hit(edge, each, question.version, question.bytes)
      }
    })
  }

  /** @param owner who is told, for the bill */
  #tell (edge: number, object: number, has: boolean, owner: number): void {
    const { settings: { model, directory }, engine: { nowMs }, regionOf, totals } = this.#init
    this.#directories[regionOf(edge)]!.tell(object, this.#placeOf[edge]!, has, nowMs)
    if (owner === edge) return
    totals.billMore(Part.Directory, model.keyBytes)
    const pair = edge * this.#edgesMax + owner
    if (nowMs - this.#reportedMs[pair]! < directory.reportIntervalMs) return
    this.#reportedMs[pair] = nowMs
    totals.bill(Part.Directory, model.headBytes, 2)
  }

  // Who and how.

  #owner (view: View, region: number, object: number): number {
    return view.owners[region]?.of(this.#init.objects.word(object, KeyWord.Ring)) ?? -1
  }

  #patience (edge: number, peer: number): Patience {
    const met = this.#met[edge * this.#edgesMax + peer] === 1
    const ttfbMs = this.#ttfbMs[edge]!
    return patience(met ? this.#init.network.rttMs(edge, peer) : undefined, Number.isNaN(ttfbMs) ? undefined : ttfbMs, this.#init.settings.routing)
  }

  #send (from: number, to: number, question: Question, bodyBytes: number): void {
    const { headBytes } = this.#init.settings.model
    this.#init.totals.bill(Part.Content, headBytes + bodyBytes, 1)
    this.#init.network.stream(from, to, question, headBytes + bodyBytes)
  }

  #silent (edge: number, question: Question): void {
    question.reply = Reply.Silent
    if (question.to < this.#edgesMax) this.#met[edge * this.#edgesMax + question.to] = 0
    this.#answered(edge, question)
  }

  /** Stands for signs of life: a question is given up where it or its answer was lost, or whoever works on it is gone, cut off or stopped. */
  #sweep (): void {
    const { engine: { nowMs }, settings: { fetch } } = this.#init
    const late = this.#trips.values().filter(({ askedMs }) => nowMs - askedMs >= fetch.answerTimeoutMs)
    for (const trip of late.sort((one, other) => one.edge - other.edge || one.beganAtMs - other.beganAtMs)) {
      for (const question of [trip.asked, trip.got]) if (question !== undefined && !this.#isAnswered(question, nowMs)) this.#silent(trip.edge, question)
    }
  }

  #forget ({ edge, object, variant }: Trip): void { this.#trips.delete(edge * variants + variant, object) }

  /** Whether an answer is still to be expected. */
  #isAnswered ({ from, to, lives, taken, reply, repliedMs, bytes, trip }: Question, nowMs: number): boolean {
    const { machines, network, settings: { fetch, model }, origin } = this.#init
    if (reply !== Reply.None) return nowMs - repliedMs < fetch.silenceTimeoutMs + bytes / model.slowestBytesPerMs
    if (!taken) return nowMs - trip.askedMs < fetch.silenceTimeoutMs
    const machine = machines[to]!
    return to === origin || (nowMs - trip.askedMs < fetch.fillingMaxMs && machine.up && machine.lives === lives && !machine.paused && !network.isCut(from, to) && !network.isCut(to, from))
  }
}
