/**
 * Which edges a swarm has, before any of them runs: names, regions, cities, loopback addresses, and which
 * process each runs in. Pure: the same wishes give the same plan. Every edge has an address of its own,
 * 127.region.city.n, so that an address in a log or a capture says where its edge is.
 */
import { ColonyError } from '../../protocols/errors.ts'

/** Of every edge, on its own address. */
export interface Ports {
  readonly http: number
  readonly admin: number
  readonly mesh: number
}

export interface EdgePlan {
  readonly name: string
  readonly region: string
  /** Counts from 1 within the region. */
  readonly city: number
  readonly host: string
  /** Which of the swarm's processes it runs in, counted from 0. */
  readonly process: number
}

export interface PlanInit {
  readonly peers: number
  readonly regions: number
  /** Processes; `each` gives every edge one of its own. */
  readonly procs: number | 'each'
}

export const planDefaults = Object.freeze({
  /** Edges of a region in one city, so that a city fails together in a fault and shows in an address. */
  cityEdges: 16,
  /** Edges in one process. More save memory (a bare process is some 60 MB), fewer use more cores. */
  processEdges: 75
})

export class PlanError extends ColonyError {
  constructor (message: string) {
    super('COLONY_SWARM_PLAN', message)
  }
}

/** What one octet of an address tells apart. */
const octetMax = 254

/** Names of the first regions; further ones are numbered. */
const names = ['europe', 'america', 'asia', 'africa', 'oceania', 'antarctica']

export function regionName (index: number): string {
  return names[index] ?? `region-${index + 1}`
}

/** @returns the processes that so many edges run in where nobody says */
export function defaultProcesses (peers: number, cores: number): number {
  return Math.min(peers, Math.max(cores, Math.ceil(peers / planDefaults.processEdges)))
}

/** @throws PlanError when the addresses do not suffice */
export function planSwarm ({ peers, regions, procs }: PlanInit): EdgePlan[] {
  if (regions > peers) throw new PlanError(`${peers} edges cannot fill ${regions} regions: give at least one edge for each`)
  if (regions > octetMax) throw new PlanError(`${regions} regions are too many: at most ${octetMax} have addresses`)
  const processes = procs === 'each' ? peers : Math.min(procs, peers)
  const plan = Array.from({ length: peers }, (_, index): EdgePlan => {
    // Regions take turns, and so do processes: each process then has edges of every region.
    const region = index % regions
    const place = Math.floor(index / regions)
    const city = Math.floor(place / planDefaults.cityEdges) + 1
    const n = place % planDefaults.cityEdges + 1
    return { name: `${regionName(region)}-${place + 1}`, region: regionName(region), city, host: `127.${region + 1}.${city}.${n}`, process: Math.floor(index / regions) % processes }
  })
  const last = plan.at(-1)
  if (last !== undefined && last.city > octetMax) throw new PlanError(`${peers} edges in ${regions} regions are too many: at most ${octetMax * planDefaults.cityEdges} in a region have addresses`)
  // With fewer edges in a region than processes the turns leave some empty: deal them out one by one.
  return procs === 'each' || Math.ceil(peers / regions) < processes ? plan.map((edge, index) => ({ ...edge, process: index % processes })) : plan
}
