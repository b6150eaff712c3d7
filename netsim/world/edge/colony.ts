/**
 * The colony of a world: makes the edges and the origin for its machines, the workload for its load, and the checkers;
 * `createColony` is what the engine is given.
 */
import { agreementCheckers, allCheckers, leanCheckers } from '../checkers/index.ts'
import { limitDefaults, type EdgeChecker, type Limits, type MakeChecker, type Sight } from '../checkers/edge-checker.ts'
import { Watch } from '../checkers/watch.ts'
import { SettingsClients } from '../workload/settings-clients.ts'
import { Workload } from '../workload/workload.ts'
import type { Colony, CreateColony, World } from '../world.ts'
import { Source } from './cache.ts'
import { Edge } from './edge.ts'
import { Lean } from './lean.ts'
import { Mesh } from './mesh.ts'
import { Part, type Message } from './messages.ts'
import { Objects } from './objects.ts'
import { Origin } from './origin.ts'
import { Rings } from './rings.ts'
import type { Seat, Self } from './self.ts'
import { largeWorld, worldSettings, type WorldOverrides, type WorldSettings } from './settings.ts'
import { Totals } from './totals.ts'

export interface ColonyOptions {
  readonly settings?: WorldOverrides
  readonly limits?: Partial<Limits>
  readonly checkers?: readonly MakeChecker[]
  /** Without clients of its own: a test asks by itself. */
  readonly idle?: boolean
  /** Typed arrays and no disks. Default: from `packedObjects` on. */
  readonly packed?: boolean
}

/** More objects than this, and copies are kept in typed arrays. */
const packedObjects = 500_000
/** More edges than this, and `largeWorld` holds. */
const largeEdges = 300
const lookIntervalMs = 1_000

/** The colony and what a test wants to see of it. */
export interface EdgeColony extends Colony {
  readonly edges: readonly Edge[]
  readonly origin: Origin
  readonly objects: Objects
  readonly settings: WorldSettings
  readonly totals: Totals
  readonly sight: Sight
  /** A client asks this edge. */
  readonly ask: (edge: number, object: number) => void
}

/** Of large worlds; netsim/world/README.md says more. */
const leftOut = 'more than 500,000 objects: no disks, pulses, hedges, signs of life or breakers, no Raft; one directory a region; 12 of the checkers'

export const createColony: CreateColony = (world) => makeColony(world)

export function makeColony (world: World, options: ColonyOptions = {}): EdgeColony {
  const { engine, topology, network, load, sizes } = world
  const settings = worldSettings(options.settings ?? (topology.edges > largeEdges ? largeWorld : {}))
  const trueMs = (): number => engine.nowMs
  const objects = new Objects({
    seed: world.seed,
    count: sizes.objects,
    medianBytes: load.sizeMedianBytes,
    sigma: load.sizeSigma,
    bytesMax: 1_000 * load.sizeMedianBytes,
    lifetimeMs: load.lifetimeMs,
    changeMs: load.changeMs
  })
  const totals = new Totals()
  const watch = new Watch()
  const served = world.trace.kind('served')
  const edges: Edge[] = []
  const customer = {
    answered: (edge: number, object: number, version: number, bytes: number, source: Source | undefined, stale: boolean, tookMs: number): void => {
      totals.requests++
      totals.latencies.note(tookMs)
      world.note(served, edge, object + version / 4_096)
      if (source === undefined) {
        totals.errors++
        watch.failed(edge, object)
        return
      }
      if (source === Source.Store) totals.hits++
      else if (source === Source.Peer) totals.peerFetches++
      else totals.originFetches++
      if (stale) totals.stale++
      totals.bytes += bytes
      watch.served(edge, object, version, bytes, stale, tookMs)
    }
  }

  const indexOf = (peer: string): number => Number(peer.slice(5))
  const rings = new Rings(settings.locate, objects, indexOf)
  const mesh = new Mesh(topology.edges, (edge) => edges[edge]?.membership.links ?? [])
  const everyone = Int32Array.from({ length: topology.edges }, (_, edge) => edge)
  const peerOf = (index: number): string => peers[index]!
  // As names of properties they are kept once by the engine, and compared without a look at their letters.
  const peers = Object.keys(Object.fromEntries(Array.from(everyone, (edge) => [`edge-${String(edge).padStart(4, '0')}`, edge])))
  const storeBytes = storageOf(load, sizes.objects)
  const isLean = options.packed ?? sizes.objects > packedObjects
  const fellows = topology.regions.map((region) => Int32Array.from(region.edges))
  const agreement = isLean ? undefined : world.scenario.agreement
  const lean = !isLean ? undefined : new Lean({
    engine, machines: world.machines, network, objects, settings, watch, edges, totals, requests: sizes.requests,
    origin: topology.origin,
    regionOf: (edge) => topology.regionOf(edge),
    fellowsOf: (edge) => fellows[topology.regionOf(edge)]!
  }, topology.edges)
  for (const index of everyone) {
    const region = topology.regions[topology.regionOf(index)]!
    const seat: Seat = {
      peer: peerOf(index),
      region: region.name,
      weight: topology.weights[index]!,
      bytesMax: storeBytes,
      fellows: Int32Array.from(region.edges),
      join: [...new Set([0, region.edges[0]!, topology.edges >> 1])].filter((edge) => edge !== index)
    }
    const self: Self = {
      index, seat, network, settings, objects, rings, mesh, watch, everyone, trueMs, peerOf,
      machine: world.machine(index),
      origin: topology.origin,
      send: (to: number, message: Message, bytes: number, part: Part) => {
        totals.bill(part, bytes, 1)
        network.stream(index, to, message, bytes)
      },
      bill: (part, bytes, messages) => { totals.bill(part, bytes, messages) },
      warm: topology.edges > largeEdges,
      calm: () => world.calm,
      indexOf
    }
    edges.push(new Edge({ self, customer, lean, agreement }))
  }
  const origin = new Origin({ machine: world.machine(topology.origin), network, objects, settings, state: world.origin, trueMs })

  watch.onBroken = (edge, peer) => {
    engine.after(network.delayMs(edge, peer), () => { if (!network.isCut(edge, peer)) edges[peer]!.unlink(edge) })
  }

  const upSinceMs = new Float64Array(topology.edges).fill(Infinity)
  const sight: Sight = {
    edges, objects, settings, totals,
    limits: { ...limitDefaults, ...options.limits },
    nowMs: trueMs,
    calmSinceMs: () => world.calmSinceMs,
    isWell: (edge) => {
      const { up, paused, slowMs } = world.machine(edge)
      return up && !paused && slowMs === 0
    },
    isCut: (from, to) => network.isCut(from, to),
    upSinceMs: (edge) => upSinceMs[edge]!,
    after: (delayMs, callback) => { engine.after(delayMs, callback) },
    fail: (checker, sentence) => world.fail(checker, sentence)
  }
  const usual = isLean ? leanCheckers : agreement === undefined ? allCheckers : [...allCheckers, ...agreementCheckers]
  const checkers: EdgeChecker[] = (options.checkers ?? usual).map((make) => make(sight))

  const ask = (edge: number, object: number): void => { edges[edge]!.arrive(object) }
  const workload = options.idle === true ? undefined : new Workload({ world, totals, ask })
  const settingsClients = options.idle === true || agreement === undefined ? undefined : new SettingsClients({ world, plan: agreement, edges, watch, totals })

  return {
    hosts: [...edges, origin],
    edges, origin, objects, settings, totals, sight, ask,
    start: () => {
      world.watch({
        name: 'seats',
        onUp: (host) => { if (host < upSinceMs.length) upSinceMs[host] = engine.nowMs },
        onDown: (host) => { if (host < upSinceMs.length) upSinceMs[host] = Infinity }
      })
      for (const checker of checkers) {
        watch.add(checker)
        world.watch(checker)
      }
      const look = (): void => {
        watch.look()
        engine.after(lookIntervalMs, look)
      }
      engine.after(lookIntervalMs, look)
      if (load.herdAt !== undefined && workload !== undefined) {
        const { herdAt } = load
        engine.at(herdAt * world.durationMs, () => { for (const edge of edges) edge.cache.expire(workload.hottest()) })
      }
      workload?.start()
      settingsClients?.start()
    },
    ...topology.edges > largeEdges && {
      booted: () => {
        const all = edges.map(({ membership }) => membership)
        for (const each of all) each.meet(all)
      }
    },
    leavesOut: lean === undefined ? undefined : leftOut,
    counters: () => ({ ...totals.report(), requests: totals.requests, originRequests: origin.requests, originBytes: origin.bytes })
  }
}

/** The mean of a log-normal size is the median times e^(sigma^2 / 2). */
function storageOf ({ sizeMedianBytes, sizeSigma, storeShare }: World['load'], objects: number): number {
  return Math.max(1024 * 1024, Math.round(storeShare * objects * sizeMedianBytes * Math.exp(sizeSigma ** 2 / 2)))
}
