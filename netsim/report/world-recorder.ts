/**
 * Writes down how a simulated world went, for its report. It stands beside the run: it looks at the world between two
 * steps of the engine and posts no event, so a world that is recorded has the trace of one that is not. All that it
 * gives is plain data, as it comes out of a worker thread.
 */
import { cities } from '../cities.ts'
import type { Colony, CreateColony, World } from '../world/world.ts'
import type { MapLink, MapRegion, Mark, Place } from './document.ts'

export const recorderDefaults = Object.freeze({
  /** Samples of a run, at most: a month has 43,200 minutes, and a screen some thousand columns. */
  samplesMax: 2_000
})

/** What a colony tells beside its counters where it can. Names and units are those of netsim/world/edge. */
export interface Gauges {
  /** Since the last time it was asked. */
  readonly latencyMsP50?: number
  readonly latencyMsP99?: number
  /** Over all edges that are up: members that they know. */
  readonly membersKnown?: number
  /** Edges that know just those that are up. */
  readonly complete?: number
  /** Regions whose edges all have the same ring. */
  readonly agreed?: number
}

export interface WorldSample {
  readonly atMs: number
  readonly edgesUp: number
  /** Cumulative. */
  readonly counters: Readonly<Record<string, number>>
  readonly gauges: Gauges
}

export interface WorldRecord {
  readonly samples: readonly WorldSample[]
  readonly faults: readonly Mark[]
  readonly regions: readonly MapRegion[]
  readonly links: readonly MapLink[]
  /** All cities of the table. */
  readonly places: readonly Place[]
}

export class WorldRecorder {
  /** Makes the colony as `create` does, and remembers it. */
  readonly create: CreateColony
  readonly #samples: WorldSample[] = []
  #world: World | undefined
  #colony: (Colony & { readonly gauges?: () => Gauges }) | undefined
  #keepEvery = 1
  #seen = 0

  constructor (create: CreateColony) {
    this.create = (world) => {
      this.#world = world
      return this.#colony = create(world)
    }
  }

  /** To be called at equal distances of virtual time. */
  sample (atMs: number): void {
    const [world, colony] = [this.#world!, this.#colony!]
    if (this.#seen++ % this.#keepEvery !== 0) return
    const edgesUp = world.machines.reduce((sum, { index, up }) => sum + (up && index !== world.topology.origin ? 1 : 0), 0)
    this.#samples.push({ atMs, edgesUp, counters: colony.counters(), gauges: colony.gauges?.() ?? {} })
    if (this.#samples.length <= recorderDefaults.samplesMax) return
    // Every second one from here on, and of those so far.
    this.#keepEvery *= 2
    this.#samples.splice(0, Infinity, ...this.#samples.filter((_, at) => at % 2 === 0))
  }

  record (): WorldRecord {
    const { topology, faults } = this.#world!
    return {
      samples: this.#samples,
      faults: faults.map(({ kind, beginMs, endMs, hosts }) => ({ atSeconds: beginMs / 1_000, forSeconds: (endMs - beginMs) / 1_000, text: hosts.length === 0 ? kind : `${kind} of ${hosts.length === 1 ? topology.name(hosts[0]!) : `${hosts.length} edges`}` })),
      regions: topology.regions.map(({ name, edges, city: { latitude, longitude, country } }) => ({ name, edges: edges.length, place: { latitude, longitude }, facts: [['country', country], ['edges\' capacity', edges.reduce((sum, edge) => sum + topology.weights[edge]!, 0).toFixed(1)]] })),
      links: linksOf(this.#world!),
      places: cities.map(({ latitude, longitude }) => ({ latitude, longitude }))
    }
  }
}

/** Each pair of regions, the bytes of both ways together. */
function linksOf ({ topology: { regions }, network }: World): MapLink[] {
  const { lineBytes } = network as { readonly lineBytes?: Float64Array }
  return regions.flatMap((from, a) => regions.slice(a + 1).map((to, at): MapLink => {
    const b = a + 1 + at
    const bytes = lineBytes === undefined ? undefined : lineBytes[a * regions.length + b]! + lineBytes[b * regions.length + a]!
    return { from: from.name, to: to.name, rttMs: network.rttMs(from.edges[0]!, to.edges[0]!), ...(bytes !== undefined && { bytes }) }
  })).filter(({ bytes }) => bytes !== 0)
}
