/**
 * The clients of a world: who asks which edge for what, and when. Popularity by Zipf's law, whose ranks change their
 * objects over time; more by day than by night, as the longitude has it; for a while a crowd wants one object. One event a
 * request, nothing allocated.
 */
import { mix } from '../../workload/sizes.ts'
import { Zipf } from '../../workload/zipf.ts'
import type { Random } from '../../random.ts'
import type { Totals } from '../edge/totals.ts'
import type { Actor } from '../event-queue.ts'
import type { World } from '../world.ts'

export interface WorkloadInit {
  readonly world: World
  readonly totals: Totals
  readonly ask: (edge: number, object: number) => void
}

const dayMs = 86_400_000
const hourMs = 3_600_000
/** The weights of regions are worked out anew so often, ms: the sun moves by a quarter of a degree. */
const shiftIntervalMs = 60_000

export class Workload implements Actor {
  readonly #init: WorkloadInit
  readonly #random: Random
  readonly #zipf: Zipf
  readonly #objects: number
  readonly #meanGapMs: number
  readonly #endMs: number
  /** Cumulative weight of the edges. */
  readonly #shares: Float64Array
  #shiftAtMs = 0

  constructor (init: WorkloadInit) {
    const { random, load, sizes, durationMs, topology } = init.world
    this.#init = init
    this.#random = random.fork('workload')
    this.#zipf = new Zipf(sizes.objects, load.zipf)
    this.#objects = sizes.objects
    this.#meanGapMs = durationMs / Math.max(1, sizes.requests)
    this.#endMs = durationMs
    this.#shares = new Float64Array(topology.edges)
  }

  start (): void { this.#next() }

  /** What most ask for now. */
  hottest (): number { return this.#objectOf(0, this.#init.world.engine.nowMs) }

  /** By the engine only. */
  readonly onEvent = (): void => {
    const { world: { engine, machines }, totals, ask } = this.#init
    const nowMs = engine.nowMs
    if (nowMs >= this.#shiftAtMs) this.#shift(nowMs)
    const object = this.#object(nowMs)
    const edge = this.#edge()
    // The next edge in the list that is up, of its region first: edges of a city stand `cities` apart.
    if (machines[edge]!.up) ask(edge, object)
    else {
      const other = this.#failover(edge)
      if (other === undefined) totals.unserved++
      else ask(other, object)
    }
    this.#next()
  }

  #next (): void {
    const { engine } = this.#init.world
    const atMs = engine.nowMs + this.#random.exponential(this.#meanGapMs)
    if (atMs < this.#endMs) engine.post(atMs, this, 0, 0, 0)
  }

  #object (nowMs: number): number {
    const { flash } = this.#init.world.load
    if (flash !== undefined) {
      const part = nowMs / this.#endMs
      // Of the least wanted, so that nobody has it.
      if (part >= flash.from && part < flash.to && this.#random.chance(flash.share)) return this.#objectOf(this.#objects - 1, 0)
    }
    return this.#objectOf(this.#zipf.rank(this.#random), nowMs)
  }

  /**
   * Which object has that rank now. Each rank gets another one at times of its own, every `1 / churnPerHour` hours: drawn
   * by hash, so that two ranks may meet in one object, and no table is kept.
   */
  #objectOf (rank: number, nowMs: number): number {
    const { churnPerHour } = this.#init.world.load
    const phase = mix(rank ^ 0x68e31da4) / 2 ** 32
    const epoch = Math.floor(phase + churnPerHour * nowMs / hourMs)
    return epoch === 0 ? rank : Math.floor(mix(rank ^ mix(epoch ^ 0x1b56c4e9)) / 2 ** 32 * this.#objects)
  }

  #edge (): number {
    const shares = this.#shares
    const wanted = this.#random.next() * shares[shares.length - 1]!
    let low = 0
    let high = shares.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (shares[middle]! > wanted) high = middle
      else low = middle + 1
    }
    return low
  }

  #failover (edge: number): number | undefined {
    const { topology, machines } = this.#init.world
    const fellows = topology.regions[topology.regionOf(edge)]!.edges
    for (let step = 1; step < fellows.length; step++) {
      const other = fellows[(fellows.indexOf(edge) + step) % fellows.length]!
      if (machines[other]!.up) return other
    }
    for (let step = 1; step < topology.edges; step++) {
      const other = (edge + step) % topology.edges
      if (machines[other]!.up) return other
    }
    return undefined
  }

  /** The day at each city: most at two in the afternoon, least at two in the night. */
  #shift (nowMs: number): void {
    const { topology, load: { diurnal } } = this.#init.world
    this.#shiftAtMs = nowMs + shiftIntervalMs
    let sum = 0
    for (let edge = 0; edge < this.#shares.length; edge++) {
      const { city } = topology.regions[topology.regionOf(edge)]!
      const day = (nowMs / dayMs + city.longitude / 360) % 1
      sum += 1 + diurnal * Math.cos(2 * Math.PI * (day - 14 / 24))
      this.#shares[edge] = sum
    }
  }
}
