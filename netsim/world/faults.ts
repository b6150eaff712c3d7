/**
 * What goes wrong in a run: a scenario plans it as data, the seed draws when and whom, and here it is done.
 * Every fault has a beginning and an end; the last one ends early enough that the world can come to rest
 * before the run's end.
 */
import type { HostIndex } from './machine.ts'
import type { Topology } from './topology.ts'
import type { World } from './world.ts'
import type { Random } from '../random.ts'

export type FaultKind =
  /** The process dies, its disk loses the unsynced tail; it starts again. */
  | 'crash'
  /** A graceful stop and start. */
  | 'restart'
  /** SIGSTOP, and SIGCONT. */
  | 'pause'
  /** Each message and timer waits for the processor. */
  | 'slow'
  /** All links of one region to the others and the origin. */
  | 'region-cut'
  /** From some edges to all others nothing passes; the way back is open. */
  | 'one-way-cut'
  /** Between some edges and all others nothing passes, either way. */
  | 'edge-cut'
  /** Between two edges of a region nothing passes; all others hear both (a partial partition, Alfatafta and others 2020). */
  | 'link-cut'
  /** The regions fall into two parts. The origin is on one side. */
  | 'split'
  /** All edges of one region lose their power. */
  | 'region-loss'
  /** Messages are lost, repeated and reordered everywhere. */
  | 'storm'
  | 'origin-down'
  | 'origin-slow'
  /** Wall clocks are set, and set right again. */
  | 'clock-jump'

export interface FaultPlan {
  readonly kind: FaultKind
  /** Begins between these, as parts of the run. */
  readonly from: number
  readonly to: number
  /** How often in all. Default: 1. */
  readonly times?: number
  /** How often an hour, instead of `times`. */
  readonly perHour?: number
  /** How long, drawn between both, ms. */
  readonly lastsMs: readonly [low: number, high: number]
  /** Part of the edges that it strikes at once. Default: one edge. */
  readonly share?: number
  /** Strength: ms (slow, origin-slow, clock-jump) or probability (storm). */
  readonly by?: number
  /** Every edge once, one after the other, evenly from `from` to `to`. */
  readonly rolling?: true
}

/** A fault as it was drawn. */
export interface Fault {
  readonly kind: FaultKind
  /** Virtual time, ms. */
  readonly beginMs: number
  readonly endMs: number
  /** The edges it strikes; of a cut one side. */
  readonly hosts: readonly HostIndex[]
  /** Strength, as planned. */
  readonly by: number
}

export const faultDefaults = Object.freeze({
  /** What a graceful stop takes, ms. */
  drainMs: 1_000,
  /** Strengths where a plan does not say: ms of processor wait, ms of the origin's delay, ms of a jump, probability. */
  slowMs: 50,
  originMs: 2_000,
  jumpMs: 3_600_000,
  storm: 0.05
})

/** @returns by their beginnings; none lasts into the last `calmTailMs` of the run */
export function drawFaults (plans: readonly FaultPlan[], topology: Topology, random: Random, durationMs: number, calmTailMs: number): Fault[] {
  const lastMs = durationMs - calmTailMs
  const faults = plans.flatMap((plan, at): Fault[] => {
    const chance = random.fork(at)
    const beginMs = plan.from * durationMs
    const endMs = Math.min(plan.to * durationMs, lastMs)
    const lasts = (): number => chance.between(...plan.lastsMs)
    const by = plan.by ?? strength(plan.kind)
    if (plan.rolling === true) {
      const gapMs = (endMs - beginMs) / topology.edges
      return Array.from({ length: topology.edges }, (_, host) => ({ kind: plan.kind, beginMs: beginMs + host * gapMs, endMs: beginMs + host * gapMs + lasts(), hosts: [host], by }))
    }
    const times = plan.perHour === undefined ? plan.times ?? 1 : Math.round(plan.perHour * (endMs - beginMs) / 3_600_000)
    return Array.from({ length: times }, () => {
      const atMs = chance.between(beginMs, endMs)
      return { kind: plan.kind, beginMs: atMs, endMs: atMs + lasts(), hosts: struck(plan, topology, chance), by }
    })
  })
  return faults
    .map((fault) => ({ ...fault, endMs: Math.min(fault.endMs, lastMs) }))
    .filter(({ beginMs, endMs }) => beginMs < endMs)
    .toSorted((a, b) => a.beginMs - b.beginMs)
}

function strength (kind: FaultKind): number {
  if (kind === 'slow') return faultDefaults.slowMs
  if (kind === 'origin-slow') return faultDefaults.originMs
  if (kind === 'clock-jump') return faultDefaults.jumpMs
  return kind === 'storm' ? faultDefaults.storm : 0
}

function struck ({ kind, share }: FaultPlan, topology: Topology, random: Random): readonly HostIndex[] {
  const { regions } = topology
  if (kind === 'region-cut' || kind === 'region-loss') return random.pick(regions).edges
  if (kind === 'link-cut') return random.shuffled(random.pick(regions).edges).slice(0, 2)
  if (kind === 'split') {
    // At least one region on each side, where there are two.
    const side = random.shuffled(regions).slice(0, Math.max(1, random.int(regions.length)))
    return side.flatMap(({ edges }) => edges)
  }
  if (kind === 'storm' || kind === 'origin-down' || kind === 'origin-slow') return []
  const everyone = Array.from({ length: topology.edges }, (_, host) => host)
  return random.shuffled(everyone).slice(0, Math.max(1, Math.round((share ?? 0) * topology.edges)))
}

/** Does the faults of one world. Faults may overlap: a machine that is down twice starts when the second has ended. */
export class Faults {
  readonly #world: World
  readonly #chance: Random
  /** Faults that keep each machine down, and paused. */
  readonly #downs: Int32Array
  readonly #pauses: Int32Array
  readonly #storms = new Set<Fault>()
  #originErrors = 0
  #underWay = 0

  constructor (world: World) {
    this.#world = world
    this.#chance = world.random.fork('faults/strike')
    this.#downs = new Int32Array(world.topology.hosts)
    this.#pauses = new Int32Array(world.topology.hosts)
  }

  start (): void {
    const kind = this.#world.trace.kind('fault')
    for (const [at, fault] of this.#world.faults.entries()) {
      this.#world.engine.at(fault.beginMs, () => {
        this.#underWay++
        this.#world.calmSinceMs = Infinity
        this.#world.note(kind, at, 1)
        this.#world.tell('onFault', fault, 'begins')
        const end = this.#strike(fault)
        this.#world.engine.at(fault.endMs, () => {
          end()
          this.#world.note(kind, at, 0)
          this.#world.tell('onFault', fault, 'ends')
          if (--this.#underWay > 0) return
          this.#world.calmSinceMs = this.#world.engine.nowMs
          this.#world.tell('onCalm')
        })
      })
    }
  }

  /** @returns ends it */
  #strike (fault: Fault): () => void {
    switch (fault.kind) {
      case 'crash':
      case 'region-loss':
        return this.#each(fault, (host) => { this.#takeDown(host) }, (host) => { this.#bringUp(host) })
      case 'restart':
        return this.#each(fault, (host) => { this.#stop(host) }, (host) => { this.#bringUp(host) })
      case 'pause':
        return this.#each(fault, (host) => {
          if (this.#pauses[host]!++ === 0) this.#world.machine(host).pause()
        }, (host) => {
          if (--this.#pauses[host]! === 0) this.#world.machine(host).resume()
        })
      case 'slow':
        return this.#each(fault, (host) => { this.#world.machine(host).slow(fault.by) }, (host) => { this.#world.machine(host).slow(-fault.by) })
      case 'clock-jump':
        return this.#jump(fault)
      case 'region-cut':
      case 'split':
      case 'edge-cut':
        return this.#cut(fault, false)
      case 'one-way-cut':
        return this.#cut(fault, true)
      case 'link-cut':
        return this.#world.network.cut(fault.hosts.slice(0, 1), fault.hosts.slice(1))
      case 'storm':
        return this.#storm(fault)
      case 'origin-slow':
        this.#world.origin.delayMs += fault.by
        return () => { this.#world.origin.delayMs -= fault.by }
      case 'origin-down':
        return this.#originDown()
    }
  }

  #each ({ hosts }: Fault, begin: (host: HostIndex) => void, end: (host: HostIndex) => void): () => void {
    for (const host of hosts) begin(host)
    return () => { for (const host of hosts) end(host) }
  }

  #takeDown (host: HostIndex): void {
    const machine = this.#world.machine(host)
    const { up } = machine
    this.#downs[host]!++
    machine.crash()
    if (up) this.#world.tell('onDown', host, false)
  }

  /** Takes leave first; what kills it meanwhile wins. */
  #stop (host: HostIndex): void {
    const { engine } = this.#world
    const machine = this.#world.machine(host)
    this.#downs[host]!++
    if (!machine.up) return
    machine.host?.stop?.(faultDefaults.drainMs)
    const { lives } = machine
    engine.after(faultDefaults.drainMs, () => {
      if (!machine.up || machine.lives !== lives) return
      machine.halt()
      this.#world.tell('onDown', host, true)
      if (this.#downs[host] === 0) this.#boot(host)
    })
  }

  #bringUp (host: HostIndex): void {
    if (--this.#downs[host]! === 0 && !this.#world.machine(host).up) this.#boot(host)
  }

  #boot (host: HostIndex): void {
    const machine = this.#world.machine(host)
    machine.boot()
    if (this.#pauses[host]! > 0) machine.pause()
    this.#world.tell('onUp', host)
  }

  #jump (fault: Fault): () => void {
    const jumps = new Map(fault.hosts.map((host) => [host, (this.#chance.chance(0.5) ? 1 : -1) * fault.by]))
    return this.#each(fault, (host) => { this.#world.machine(host).jump(jumps.get(host)!) }, (host) => { this.#world.machine(host).jump(-jumps.get(host)!) })
  }

  #cut ({ hosts }: Fault, oneWay: boolean): () => void {
    const { topology, network } = this.#world
    const inside = new Set(hosts)
    const others = Array.from({ length: topology.hosts }, (_, host) => host).filter((host) => !inside.has(host))
    return network.cut(hosts, others, { oneWay })
  }

  /** Storms overlap and add up. */
  #storm (fault: Fault): () => void {
    this.#storms.add(fault)
    this.#blow()
    return () => {
      this.#storms.delete(fault)
      this.#blow()
    }
  }

  #blow (): void {
    const { network } = this.#world
    const { settings } = network
    const by = [...this.#storms].reduce((sum, storm) => sum + storm.by, 0)
    network.weather = { ...settings, loss: settings.loss + by, duplicate: settings.duplicate + by / 5, reorder: settings.reorder + by }
  }

  /** One half of the times the machine is gone, the other half it answers with errors. */
  #originDown (): () => void {
    const { origin, topology } = this.#world
    if (this.#chance.chance(0.5)) {
      this.#takeDown(topology.origin)
      return () => { this.#bringUp(topology.origin) }
    }
    this.#originErrors++
    origin.down = true
    return () => { origin.down = --this.#originErrors > 0 }
  }
}
