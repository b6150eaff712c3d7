/**
 * One run of a simulated colony: engine, machines, network, faults and checkers put together from a
 * scenario and a seed. What runs on the machines is handed in (`CreateColony`), so the world knows nothing
 * of edges. The same seed, scenario and sizes give the same run, event for event.
 */
import { Violation, type Checker } from './checker.ts'
import { Engine } from './engine.ts'
import { drawFaults, Faults, type Fault } from './faults.ts'
import { Machine, type Host, type HostIndex } from './machine.ts'
import { Network, networkDefaults } from './network.ts'
import { loadDefaults, type Load, type Scenario, type Sizes } from './scenario.ts'
import { Topology } from './topology.ts'
import { Trace, type Note, type NoteKind } from './trace.ts'
import { Random } from '../random.ts'

/** The edges, the origin and the workload; netsim/world/edge has it. */
export interface Colony {
  /** One for each machine: the edges, then the origin. */
  readonly hosts: readonly Host[]
  /** Once, when every machine has its host and none has booted. */
  readonly start: () => void
  /**
   * Where it is given, all machines boot at one moment, and then this is called: for a colony so large that its
   * joining would be an experiment by itself.
   */
  readonly booted?: () => void
  /** A sentence on what a world of this size leaves out; undefined for one that leaves out nothing. */
  readonly leavesOut?: string | undefined
  /** Cumulative, for the report. */
  readonly counters: () => { readonly requests: number } & Readonly<Record<string, number>>
}

export type CreateColony = (world: World) => Colony

export interface WorldInit {
  readonly seed: number
  readonly scenario: Scenario
  readonly sizes: Sizes
  readonly createColony: CreateColony
  /** Hears every note of the trace. */
  readonly onNote?: Note
}

export const worldDefaults = Object.freeze({
  /** Edges boot within this, ms: a colony does not start at one instant. */
  bootWithinMs: 5_000,
  /** At the run's end nothing is broken for so long, ms, or for a fifth of a shorter run: views may converge. */
  calmTailMs: 90_000,
  /** Wall clocks are wrong by so much (standard deviation), ms: NTP over the Internet is better, a forgotten machine is worse. */
  skewMs: 50,
  /** Quartz runs fast or slow by so much (standard deviation), parts of a million: 20-50 is what is sold. */
  driftPpm: 20,
  /** And by no more than this: leases allow two clocks to differ by 22 % (`leaseTicks` in protocols/raft/settings.ts). */
  driftPpmMax: 90_000
})

/** How a run went; with `--json` the last line of `netsim world`. */
export interface WorldResult {
  readonly seed: number
  readonly scenario: string
  readonly edges: number
  readonly cities: number
  readonly objects: number
  readonly requests: number
  /** 16 hexadecimal digits over all that happened. */
  readonly traceHash: string
  readonly violations: readonly { readonly checker: string, readonly atMs: number, readonly sentence: string }[]
  readonly simulatedMs: number
  readonly events: number
  readonly faults: number
  /** What a world of this size leaves out. */
  readonly leavesOut?: string
  readonly counters: Readonly<Record<string, number>>
}

export class World {
  readonly seed: number
  readonly scenario: Scenario
  readonly sizes: Sizes
  readonly load: Load
  readonly durationMs: number
  readonly random: Random
  readonly trace: Trace
  readonly engine: Engine
  readonly topology: Topology
  readonly machines: readonly Machine[]
  readonly network: Network
  /** As faults set it; the origin's host reads it. `down`: it answers every request with 503. */
  readonly origin = { delayMs: 0, down: false }
  /** Drawn, by their beginnings. */
  readonly faults: readonly Fault[]
  /** Since when nothing is broken, ms; Infinity while a fault is under way. */
  calmSinceMs = 0
  readonly #checkers: Checker[] = []
  readonly #colony: Colony

  constructor ({ seed, scenario, sizes, createColony, onNote }: WorldInit) {
    this.seed = seed
    this.random = new Random(`${scenario.name}/${seed}`)
    const drawn: Scenario = { ...scenario, sizes, ...scenario.draw?.(this.random.fork('scenario'), sizes) }
    this.scenario = drawn
    this.sizes = drawn.sizes
    this.load = { ...loadDefaults, ...drawn.load }
    this.durationMs = drawn.sizes.hours * 3_600_000
    this.trace = new Trace(onNote)
    this.engine = new Engine(this.trace)
    this.topology = new Topology({ ...drawn.sizes, random: this.random.fork('topology') })
    this.machines = this.#makeMachines()
    this.network = new Network({
      engine: this.engine,
      machines: this.machines,
      topology: this.topology,
      random: this.random.fork('network'),
      settings: { ...networkDefaults, ...drawn.network }
    })
    this.faults = drawFaults(drawn.faults, this.topology, this.random.fork('faults'), this.durationMs, this.calmTailMs)
    this.#colony = createColony(this)
    for (const [at, machine] of this.machines.entries()) machine.host = this.#colony.hosts[at]
  }

  /** At the run's end no fault begins or lasts for so long, ms. */
  get calmTailMs (): number { return Math.min(worldDefaults.calmTailMs, this.durationMs / 5) }

  get calm (): boolean { return this.calmSinceMs !== Infinity }

  machine (host: HostIndex): Machine { return this.machines[host]! }

  watch (checker: Checker): void {
    this.#checkers.push(checker)
  }

  /** What must never happen did: the run ends here. */
  fail (checker: string, sentence: string): never {
    throw new Violation(checker, this.engine.nowMs, sentence)
  }

  note (kind: NoteKind, subject: number, value: number): void {
    this.trace.note(this.engine.nowMs, kind, subject, value)
  }

  /** By faults and by whoever starts and stops machines: checkers hear of it. */
  tell<K extends Exclude<keyof Checker, 'name'>> (what: K, ...details: Parameters<NonNullable<Checker[K]>>): void {
    for (const checker of this.#checkers) (checker[what] as ((...all: unknown[]) => void) | undefined)?.(...details)
  }

  /**
   * Runs to the end or to the first violation. Other errors are faults of the simulation itself and are thrown.
   *
   * @param onProgress hears every simulated `stepMs` how far the run is
   */
  run (onProgress?: (simulatedMs: number) => void, stepMs = 60_000): WorldResult {
    const violations: Violation[] = []
    try {
      this.#begin()
      for (let untilMs = 0; untilMs < this.durationMs;) {
        untilMs = Math.min(this.durationMs, untilMs + stepMs)
        this.engine.run(untilMs)
        onProgress?.(untilMs)
      }
      this.tell('onEnd')
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      violations.push(error)
    }
    const { edges, cities, objects } = this.sizes
    const { requests, ...counters } = this.#colony.counters()
    return {
      seed: this.seed,
      scenario: this.scenario.name,
      edges,
      cities,
      objects,
      requests,
      traceHash: this.trace.hash(),
      violations: violations.map(({ checker, atMs, message }) => ({ checker, atMs, sentence: message })),
      simulatedMs: this.engine.nowMs,
      events: this.engine.events,
      faults: this.faults.length,
      ...this.#colony.leavesOut !== undefined && { leavesOut: this.#colony.leavesOut },
      counters: { ...counters, messages: this.network.counters.sent, messageBytes: this.network.counters.bytes }
    }
  }

  #begin (): void {
    this.#colony.start()
    const chance = this.random.fork('boot')
    const { booted } = this.#colony
    for (const machine of this.machines) {
      // The origin was there before.
      const isFirst = machine.index === this.topology.origin || booted !== undefined
      const atMs = isFirst ? 0 : chance.between(0, worldDefaults.bootWithinMs)
      this.engine.at(atMs, () => {
        machine.boot()
        this.tell('onUp', machine.index)
      })
    }
    if (booted !== undefined) this.engine.at(0, booted)
    new Faults(this).start()
  }

  #makeMachines (): Machine[] {
    const { engine, topology } = this
    return Array.from({ length: topology.hosts }, (_, index) => {
      const random = this.random.fork(`machine/${index}`)
      const name = topology.name(index)
      const { skewMs, driftPpmMax } = worldDefaults
      const drift = this.scenario.driftPpm ?? worldDefaults.driftPpm
      const [skew, fast] = [random.normal(), random.normal()]
      return new Machine({ index, name, engine, random, skewMs: skew * skewMs, driftPpm: Math.max(-driftPpmMax, Math.min(driftPpmMax, fast * drift)) })
    })
  }
}
