/**
 * The network of the world: what becomes of a message between two hosts. It waits for the sender's uplink
 * and for the line between the two cities (serialisation), travels (distance, route, jitter), and may be
 * lost, repeated or overtaken. Without reordering a pair of hosts is first in, first out. A cut swallows
 * silently, also what is under way; a machine without a process refuses, which the sender hears.
 */
import { exactMs, type Engine } from './engine.ts'
import type { HostIndex, Machine } from './machine.ts'
import type { Topology } from './topology.ts'
import type { Random } from '../random.ts'

export interface NetworkSettings {
  /** Mean of the exponential delay added to every message, ms. */
  readonly jitterMs: number
  /** The same, as a share of the way's own delay: long ways have more queues. */
  readonly jitterShare: number
  /** Probability that a message is lost. */
  readonly loss: number
  /** Probability that a message arrives twice. */
  readonly duplicate: number
  /** Probability that a message may overtake those before it, and mean of the delay it gets, ms. */
  readonly reorder: number
  readonly reorderMs: number
  /** Of each edge, and of the origin (several machines), bytes a second. */
  readonly uplinkBytesPerSecond: number
  readonly originBytesPerSecond: number
  /** Of the line from one city to another, shared by all hosts in them, bytes a second. */
  readonly lineBytesPerSecond: number
  /** One way within a city, ms. */
  readonly cityMs: number
}

export const networkDefaults: NetworkSettings = Object.freeze({
  /** A quiet network of today; raising it blurs the order in which edges hear of things. */
  jitterMs: 0.2,
  jitterShare: 0.02,
  loss: 0.0001,
  duplicate: 0.00001,
  reorder: 0.0001,
  reorderMs: 20,
  /** 1 Gbit/s. */
  uplinkBytesPerSecond: 125_000_000,
  /** 100 Gbit/s. What is too small for all misses of a cold colony makes them queue for ever. */
  originBytesPerSecond: 12_500_000_000,
  /** 10 Gbit/s. */
  lineBytesPerSecond: 1_250_000_000,
  cityMs: 0.25
})

/** What weather changes while a run lasts. */
export type Weather = Pick<NetworkSettings, 'loss' | 'duplicate' | 'reorder' | 'jitterMs'>

export interface NetworkCounters {
  sent: number
  delivered: number
  bytes: number
  lost: number
  cut: number
  refused: number
  duplicated: number
}

/** Hosts are named by 16 bits in an event; and state for each pair is 9 bytes: 150 MB here. */
const hostsMax = 4_096
/** What the engine can tell apart. */
const quantumMs = exactMs(Number.MIN_VALUE)
const What = { Message: 0, Train: 1, Refusal: 2 } as const

/** One message on its way to many hosts. */
interface Train {
  readonly from: HostIndex
  readonly message: unknown
  readonly bytes: number
  /** Ascending: arrival after `startMs` in quanta, times `hostsMax`, plus the receiver. */
  readonly stops: Float64Array
  readonly startMs: number
  next: number
}

export class Network {
  weather: Weather
  readonly settings: NetworkSettings
  readonly counters: NetworkCounters = { sent: 0, delivered: 0, bytes: 0, lost: 0, cut: 0, refused: 0, duplicated: 0 }
  readonly #engine: Engine
  readonly #machines: readonly Machine[]
  readonly #random: Random
  readonly #hosts: number
  readonly #cities: number
  readonly #cityOf: Int32Array
  readonly #delays: Float64Array
  /** Cuts that lie between two hosts, one way. */
  readonly #cuts: Uint8Array
  readonly #lastArrivals: Float64Array
  /** Bytes a ms. */
  readonly #uplinks: Float64Array
  readonly #uplinksFree: Float64Array
  readonly #linesFree: Float64Array

  constructor ({ engine, machines, topology, random, settings }: { engine: Engine, machines: readonly Machine[], topology: Topology, random: Random, settings: NetworkSettings }) {
    const hosts = machines.length
    if (hosts > hostsMax) throw new RangeError(`a world has at most ${hostsMax} hosts, not ${hosts}`)
    this.settings = settings
    this.weather = settings
    this.#engine = engine
    this.#machines = machines
    this.#random = random
    this.#hosts = hosts
    this.#cities = topology.cities.length
    this.#cityOf = topology.cityOf
    this.#delays = topology.delaysMs(settings.cityMs)
    this.#cuts = new Uint8Array(hosts * hosts)
    this.#lastArrivals = new Float64Array(hosts * hosts)
    this.#uplinks = Float64Array.from(machines, (_, host) => (host === topology.origin ? settings.originBytesPerSecond : settings.uplinkBytesPerSecond) / 1_000)
    this.#uplinksFree = new Float64Array(hosts)
    this.#linesFree = new Float64Array(this.#cities ** 2)
  }

  /** One way, undisturbed, ms. */
  delayMs (from: HostIndex, to: HostIndex): number {
    return this.#delays[this.#cityOf[from]! * this.#cities + this.#cityOf[to]!]!
  }

  /** Undisturbed, ms. */
  rttMs (one: HostIndex, other: HostIndex): number {
    return this.delayMs(one, other) + this.delayMs(other, one)
  }

  /** A message by itself, as gossip sends it. `bytes` is what it takes on the wire, headers included. */
  send (from: HostIndex, to: HostIndex, message: unknown, bytes: number): void {
    const arrivalMs = this.#arrival(from, to, bytes, this.#leave(from, bytes), this.weather.loss, 0)
    if (arrivalMs === Infinity) return
    this.#post(arrivalMs, from, to, message, bytes)
    this.#repeat(from, to, message, bytes, arrivalMs)
  }

  /** A message that waits for none before it, as a datagram does: what stalls a connection does not hold it up. */
  datagram (from: HostIndex, to: HostIndex, message: unknown, bytes: number): void {
    const leaveMs = this.#leave(from, bytes)
    const { loss, reorder } = this.weather
    if (this.#isSwallowed(from, to)) return
    if (loss > 0 && this.#random.chance(loss)) {
      this.counters.lost++
      return
    }
    const lateMs = reorder > 0 && this.#random.chance(reorder) ? this.#random.exponential(this.settings.reorderMs) : 0
    const arrivalMs = leaveMs + this.#wayMs(from, to, bytes, 0) + lateMs
    this.#post(arrivalMs, from, to, message, bytes)
    this.#repeat(from, to, message, bytes, arrivalMs)
  }

  /**
   * A message on a connection: in order and once, loss makes it late (retransmission). Only a cut or a dead process swallows it.
   *
   * @param workMs the sender's, before it says so: others may overtake it meanwhile
   */
  stream (from: HostIndex, to: HostIndex, message: unknown, bytes: number, workMs = 0): void {
    let lateMs = workMs
    const { loss } = this.weather
    // RFC 6298: the timer begins at 200 ms (Linux) or more, and doubles.
    for (let timerMs = Math.max(200, 2 * this.rttMs(from, to)); loss > 0 && this.#random.chance(Math.min(loss, 0.9)); timerMs *= 2) {
      this.counters.lost++
      lateMs += timerMs
    }
    if (this.#isSwallowed(from, to)) return
    const arrivalMs = this.#wayMs(from, to, bytes, 0) + this.#leave(from, bytes) + lateMs
    this.#post(workMs > 0 ? arrivalMs : this.#inOrder(from, to, arrivalMs), from, to, message, bytes)
  }

  /**
   * The same message to many, the sender itself left out: as so many `send`s, and cheaper, as only the
   * next arrival waits in the queue. With `relayed` it leaves the sender's uplink once and is hardly ever lost (gossip).
   *
   * @param extraMs mean of an exponential delay for each receiver on top, such as the hops of gossip
   */
  broadcast (from: HostIndex, receivers: ArrayLike<HostIndex>, message: unknown, bytes: number, { relayed = false, extraMs = 0 }: { relayed?: boolean, extraMs?: number } = {}): void {
    const startMs = this.#engine.nowMs
    const stops = new Float64Array(receivers.length)
    let count = 0
    let leaveMs = relayed ? this.#leave(from, bytes) : 0
    // Gossip comes by several ways: it is lost when all of three are.
    const loss = relayed ? this.weather.loss ** 3 : this.weather.loss
    for (let at = 0; at < receivers.length; at++) {
      const to = receivers[at]!
      if (to === from) continue
      if (!relayed) leaveMs = this.#leave(from, bytes)
      const arrivalMs = this.#arrival(from, to, bytes, leaveMs, loss, extraMs)
      if (arrivalMs === Infinity) continue
      stops[count++] = (exactMs(arrivalMs) - startMs) * 1_024 * hostsMax + to
      this.#repeat(from, to, message, bytes, arrivalMs)
    }
    if (count === 0) return
    const train: Train = { from, message, bytes, stops: stops.subarray(0, count).sort(), startMs, next: 0 }
    this.#engine.post(stopMs(train), this, What.Train, from, bytes, train)
  }

  /**
   * Nothing passes from `from` to `to` any more, nor back unless `oneWay`. Cuts may overlap.
   *
   * @returns heals this one; may be called again
   */
  cut (from: readonly HostIndex[], to: readonly HostIndex[], { oneWay = false }: { oneWay?: boolean } = {}): () => void {
    this.#count(from, to, oneWay, 1)
    let healed = false
    return () => {
      if (!healed) this.#count(from, to, oneWay, -1)
      healed = true
    }
  }

  isCut (from: HostIndex, to: HostIndex): boolean {
    return this.#cuts[from * this.#hosts + to]! > 0
  }

  /** By the engine only. */
  onEvent (kind: number, a: number, b: number, payload: unknown): void {
    if (kind === What.Train) this.#pull(payload as Train)
    else {
      const from = Math.floor(a / hostsMax)
      const to = a % hostsMax
      if (kind === What.Message) this.#handOver(from, to, payload, b)
      else if (!this.isCut(to, from) && this.#machines[from]!.up) this.#machines[from]!.host?.refused?.(to, payload)
    }
  }

  #pull (train: Train): void {
    const { from, message, bytes, stops } = train
    for (;;) {
      this.#handOver(from, stops[train.next++]! % hostsMax, message, bytes)
      if (train.next === stops.length) return
      const nextMs = stopMs(train)
      if (!this.#engine.skipTo(nextMs)) {
        this.#engine.post(nextMs, this, What.Train, from, bytes, train)
        return
      }
    }
  }

  #handOver (from: HostIndex, to: HostIndex, message: unknown, bytes: number): void {
    if (this.isCut(from, to)) {
      this.counters.cut++
      return
    }
    const machine = this.#machines[to]!
    if (machine.up) {
      this.counters.delivered++
      machine.deliver(from, message, bytes)
      return
    }
    this.counters.refused++
    if (this.#machines[from]!.host?.refused !== undefined) {
      this.#engine.post(this.#engine.nowMs + this.delayMs(to, from), this, What.Refusal, from * hostsMax + to, bytes, message)
    }
  }

  /** @returns when the message has left the sender's uplink */
  #leave (from: HostIndex, bytes: number): number {
    this.counters.sent++
    this.counters.bytes += bytes
    const freeMs = Math.max(this.#engine.nowMs, this.#uplinksFree[from]!) + bytes / this.#uplinks[from]!
    this.#uplinksFree[from] = freeMs
    return freeMs
  }

  /** @returns when it arrives; Infinity when it never does */
  #arrival (from: HostIndex, to: HostIndex, bytes: number, leaveMs: number, loss: number, extraMs: number): number {
    const { reorder } = this.weather
    if (this.#isSwallowed(from, to)) return Infinity
    if (loss > 0 && this.#random.chance(loss)) {
      this.counters.lost++
      return Infinity
    }
    const arrivalMs = leaveMs + this.#wayMs(from, to, bytes, extraMs)
    if (reorder > 0 && this.#random.chance(reorder)) return arrivalMs + this.#random.exponential(this.settings.reorderMs)
    return this.#inOrder(from, to, arrivalMs)
  }

  #isSwallowed (from: HostIndex, to: HostIndex): boolean {
    if (!this.isCut(from, to)) return false
    this.counters.cut++
    return true
  }

  /** From the uplink's end to the receiver, ms. */
  #wayMs (from: HostIndex, to: HostIndex, bytes: number, extraMs: number): number {
    const line = this.#cityOf[from]! * this.#cities + this.#cityOf[to]!
    const delayMs = this.#delays[line]!
    const jitterMs = this.#random.exponential(this.weather.jitterMs + this.settings.jitterShare * delayMs + extraMs)
    return delayMs + jitterMs + (this.#cityOf[from] === this.#cityOf[to] ? 0 : this.#lineWait(line, bytes))
  }

  /** Strictly later than the last: what arrives at the same time would be in the order of insertion, which a train changes. */
  #inOrder (from: HostIndex, to: HostIndex, arrivalMs: number): number {
    const pair = from * this.#hosts + to
    const inOrderMs = Math.max(exactMs(arrivalMs), this.#lastArrivals[pair]! + quantumMs)
    this.#lastArrivals[pair] = inOrderMs
    return inOrderMs
  }

  #post (arrivalMs: number, from: HostIndex, to: HostIndex, message: unknown, bytes: number): void {
    this.#engine.post(arrivalMs, this, What.Message, from * hostsMax + to, bytes, message)
  }

  /** The queue before a line, and the line's own time for these bytes; it drains while time passes. @returns ms */
  #lineWait (line: number, bytes: number): number {
    const { nowMs } = this.#engine
    const freeMs = Math.max(nowMs, this.#linesFree[line]!) + bytes * 1_000 / this.settings.lineBytesPerSecond
    this.#linesFree[line] = freeMs
    return freeMs - nowMs
  }

  /** Chance may let it arrive once more. */
  #repeat (from: HostIndex, to: HostIndex, message: unknown, bytes: number, arrivalMs: number): void {
    const { duplicate } = this.weather
    if (duplicate === 0 || !this.#random.chance(duplicate)) return
    this.counters.duplicated++
    this.#post(arrivalMs + this.#random.exponential(this.settings.reorderMs), from, to, message, bytes)
  }

  #count (from: readonly HostIndex[], to: readonly HostIndex[], oneWay: boolean, by: number): void {
    for (const one of from) {
      for (const other of to) {
        if (one === other) continue
        this.#cuts[one * this.#hosts + other]! += by
        if (!oneWay) this.#cuts[other * this.#hosts + one]! += by
      }
    }
  }
}

/** When a train reaches its next receiver. */
function stopMs ({ stops, startMs, next }: Train): number {
  return startMs + Math.floor(stops[next]! / hostsMax) / 1_024
}
