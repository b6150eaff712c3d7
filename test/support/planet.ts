/**
 * A colony on a simulated planet for tests of network coordinates: edges in cities, round trips by great circles and each edge's
 * way to the network, links as membership chooses them, and measurements that a queue now and then makes longer.
 */
import { Topology, wayMs } from '../../netsim/world/topology.ts'
import { Random } from '../../netsim/random.ts'
import { linkTargets } from '../../protocols/membership/links.ts'
import { membershipDefaults } from '../../protocols/membership/settings.ts'
import { decodeCoordinate, encodeCoordinate, type WireCoordinate } from '../../protocols/coordinates/coordinate.ts'
import { Vivaldi } from '../../protocols/coordinates/vivaldi.ts'

export interface PlanetInit {
  readonly edges: number
  readonly cities: number
  readonly seed: number
  /** What a liar says in place of its coordinate; undefined of an honest edge. */
  readonly lie?: (edge: number, random: Random) => WireCoordinate | undefined
}

export class Planet {
  readonly random: Random
  readonly links: ReadonlyArray<ReadonlySet<number>>
  readonly edges: readonly Vivaldi[]
  /** Announcements of coordinates, by round. */
  readonly announced: number[] = []
  readonly #init: PlanetInit
  readonly #topology: Topology
  readonly #accessMs: readonly number[]
  readonly #told: WireCoordinate[]
  readonly #shortestMs = new Map<string, number>()

  constructor (init: PlanetInit) {
    this.#init = init
    this.random = new Random(init.seed)
    this.#topology = new Topology({ edges: init.edges, cities: init.cities, random: this.random.fork('places') })
    const all = Array.from({ length: init.edges }, (_, edge) => edge)
    this.#accessMs = all.map(() => this.random.exponential(0.5))
    const members = all.map((edge) => ({ peer: `edge ${edge}`, region: this.region(edge) }))
    const links = all.map(() => new Set<number>())
    for (const [edge, member] of members.entries()) {
      for (const peer of linkTargets(member, members, membershipDefaults)) {
        const other = Number(peer.slice(5))
        links[edge]!.add(other)
        links[other]!.add(edge)
      }
    }
    this.links = links
    this.edges = all.map((edge) => new Vivaldi({ random: this.random.fork(edge).next }))
    this.#told = this.edges.map(({ own }) => encodeCoordinate(own))
  }

  region (edge: number): string { return this.#topology.regions[this.#topology.regionOf(edge)]!.name }

  /** The undisturbed round trip, ms. */
  rttMs (one: number, other: number): number {
    const [from, to] = [one, other].map((edge) => this.#topology.cities[this.#topology.cityOf[edge]!]!) as [Topology['cities'][number], Topology['cities'][number]]
    return (from === to ? 0.3 : 2 * wayMs(from, to)) + this.#accessMs[one]! + this.#accessMs[other]!
  }

  /** Every edge measures each of its links, the shortest so far counting; then those whose coordinate moved tell it. */
  round (times = 1): void {
    for (const [edge, vivaldi] of this.edges.entries()) {
      for (const other of this.random.shuffled([...this.links[edge]!])) {
        for (let left = times; left > 0; left--) vivaldi.measured(this.#measure(edge, other), decodeCoordinate(this.#told[other])!)
      }
    }
    let announced = 0
    for (const [edge, vivaldi] of this.edges.entries()) {
      const lie = this.#init.lie?.(edge, this.random)
      const news = vivaldi.news()
      if (news !== undefined) announced++
      if (lie !== undefined) this.#told[edge] = lie
      else if (news !== undefined) this.#told[edge] = encodeCoordinate(news)
    }
    this.announced.push(announced)
  }

  /** The median relative error of all estimates, by what edges told, between honest edges that have no link; and the share that have one. */
  errors (): { readonly median: number, readonly share: number } {
    const errors: number[] = []
    let pairs = 0
    for (const [one, vivaldi] of this.edges.entries()) {
      for (let other = 0; other < this.edges.length; other++) {
        if (other === one || this.links[one]!.has(other) || [one, other].some((edge) => this.#init.lie?.(edge, this.random) !== undefined)) continue
        pairs++
        const estimateMs = vivaldi.estimateMs(decodeCoordinate(this.#told[other])!)
        if (estimateMs !== undefined) errors.push(Math.abs(estimateMs / this.rttMs(one, other) - 1))
      }
    }
    return { median: errors.sort((a, b) => a - b)[errors.length >> 1] ?? Infinity, share: errors.length / pairs }
  }

  #measure (edge: number, other: number): number {
    const rttMs = this.rttMs(edge, other)
    const measuredMs = rttMs + this.random.exponential(rttMs * 0.05 + 0.5)
    const link = `${edge} ${other}`
    const shortestMs = Math.min(this.#shortestMs.get(link) ?? Infinity, measuredMs)
    this.#shortestMs.set(link, shortestMs)
    return shortestMs
  }
}
