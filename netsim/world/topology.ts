/**
 * Where the hosts of a world stand: cities drawn from the table, edges spread over them, one origin. Each
 * city with edges is a region. The delay between two cities follows from the great circle between them:
 * light in glass, and a route longer than the circle.
 */
import { cities as table, type City } from '../cities.ts'
import type { HostIndex } from './machine.ts'
import type { Random } from '../random.ts'

export interface Region {
  readonly name: string
  readonly city: City
  /** Hosts, ascending. */
  readonly edges: readonly HostIndex[]
}

export interface TopologyInit {
  readonly edges: number
  readonly cities: number
  readonly random: Random
}

export const wayDefaults = Object.freeze({
  /** Speed of light in a vacuum over the refractive index of fibre (1.468): km in a millisecond. */
  fibreKmPerMs: 299.792_458 / 1.468,
  /**
   * How much longer than the great circle the way is, queues and routers included: the rule of thumb of
   * measured latencies (Bozkurt and others 2018, "Dissecting Latency in the Internet's Fiber
   * Infrastructure"; the shortest conduits would allow 1.3).
   */
  routeFactor: 2.1,
  /** Every way's fixed part: the last routers at both ends, ms. */
  endsMs: 0.5
})

export class Topology {
  readonly cities: readonly City[]
  readonly regions: readonly Region[]
  /** Edges; they are the hosts from 0. */
  readonly edges: number
  /** The origin's host: the one after the last edge. */
  readonly origin: HostIndex
  /** Of each host: the place in `cities`; for an edge also its region's place in `regions`. */
  readonly cityOf: Int32Array
  /** Of each edge: relative capacity, 1 the ordinary one. */
  readonly weights: Float64Array
  readonly #names: readonly string[]

  constructor ({ edges, cities, random }: TopologyInit) {
    if (cities > table.length) throw new RangeError(`there are ${table.length} cities, not ${cities}`)
    if (edges < cities) throw new RangeError(`${edges} edges cannot stand in ${cities} cities`)
    const drawn = random.fork('cities').shuffled(table).slice(0, cities)
    const chance = random.fork('edges')
    this.edges = edges
    this.origin = edges
    this.cities = drawn
    this.cityOf = Int32Array.from({ length: edges + 1 }, (_, host) => host < edges ? host % cities : chance.int(cities))
    this.weights = Float64Array.from({ length: edges }, () => chance.pick([1, 1, 1, 1, 2, 0.5]))
    this.regions = drawn.map((city, at) => ({
      name: city.name,
      city,
      edges: Array.from({ length: edges }, (_, host) => host).filter((host) => host % cities === at)
    }))
    const each = Array.from({ length: edges }, (_, host) => `${drawn[host % cities]!.name}-${1 + Math.floor(host / cities)}`)
    this.#names = [...each, 'origin']
  }

  get hosts (): number { return this.edges + 1 }

  name (host: HostIndex): string { return this.#names[host]! }

  /** The region of an edge, as a place in `regions`. */
  regionOf (edge: HostIndex): number { return this.cityOf[edge]! }

  /** One way from city to city, row by row, ms. */
  delaysMs (withinCityMs: number): Float64Array {
    return Float64Array.from({ length: this.cities.length ** 2 }, (_, at) => {
      const from = this.cities[Math.floor(at / this.cities.length)]!
      const to = this.cities[at % this.cities.length]!
      return from === to ? withinCityMs : wayMs(from, to)
    })
  }
}

/** @returns one way between two cities, undisturbed, ms */
export function wayMs (from: City, to: City): number {
  const { fibreKmPerMs, routeFactor, endsMs } = wayDefaults
  return endsMs + routeFactor * distanceKm(from, to) / fibreKmPerMs
}

/** The great circle (haversine formula, on a sphere of the Earth's mean radius; wrong by at most 0.5 %). */
export function distanceKm (from: City, to: City): number {
  const radians = Math.PI / 180
  const latitude = Math.sin((to.latitude - from.latitude) * radians / 2)
  const longitude = Math.sin((to.longitude - from.longitude) * radians / 2)
  const chord = latitude ** 2 + Math.cos(from.latitude * radians) * Math.cos(to.latitude * radians) * longitude ** 2
  return 2 * 6_371.0088 * Math.asin(Math.min(1, Math.sqrt(chord)))
}
