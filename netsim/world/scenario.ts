/**
 * What a scenario is: sizes, network, faults and the shape of the load, all plain data. The seed decides
 * everything that is left open here. Each file of netsim/scenarios/ holds one.
 */
import type { RaftSettings } from '../../protocols/raft/settings.ts'
import type { FaultPlan } from './faults.ts'
import type { NetworkSettings } from './network.ts'
import type { Random } from '../random.ts'

export interface Sizes {
  /** Edges in all; spread over the cities. */
  readonly edges: number
  /** Cities with edges; each is a region. */
  readonly cities: number
  readonly objects: number
  /** Requests in the whole run. */
  readonly requests: number
  /** Virtual time of the run. */
  readonly hours: number
}

/** How people ask, and how the origin's content behaves. */
export interface Load {
  /** Exponent of Zipf's law: 0.6-1.1 in measured traces. Higher: more requests for fewer objects. */
  readonly zipf: number
  /** Median and spread (standard deviation of the logarithm) of the log-normal object size, bytes. */
  readonly sizeMedianBytes: number
  readonly sizeSigma: number
  /** Freshness lifetimes are drawn between these for each object, ms. */
  readonly lifetimeMs: readonly [low: number, high: number]
  /** Mean time between two changes of an object's content at the origin, ms; Infinity: it never changes. */
  readonly changeMs: number
  /** Share of the objects that change their place in popularity each hour. */
  readonly churnPerHour: number
  /** 0 to 1: how far the night falls below the day's mean; by the longitude of the city. */
  readonly diurnal: number
  /** For a time one object gets this share of all requests. Times as parts of the run. */
  readonly flash?: { readonly from: number, readonly to: number, readonly share: number }
  /** The most popular object expires everywhere at this part of the run, when it is asked for most. */
  readonly herdAt?: number
  /** Storage of an edge as a share of the bytes of all objects. Lower: more evictions. */
  readonly storeShare: number
}

export const loadDefaults: Load = Object.freeze<Load>({
  zipf: 0.9,
  sizeMedianBytes: 16_384,
  sizeSigma: 1.5,
  lifetimeMs: [60_000, 3_600_000],
  changeMs: 4 * 3_600_000,
  churnPerHour: 0.02,
  diurnal: 0.5,
  storeShare: 0.1
})

/** Each region agrees on settings by Raft; clients write and read them, and the group's members change. */
export interface AgreementPlan {
  /** Of each region: each asks one thing after the other, at whichever edge. */
  readonly clients: number
  /** Mean pause of a client between an answer and its next request, ms. */
  readonly pauseMs: number
  /** Names that are set and read. Fewer: more requests for one at a time. */
  readonly keys: number
  /** Mean time between two changes of a group's members or of its leader, ms; Infinity: none. */
  readonly changeMs: number
  /** Share of these that hand leadership on. */
  readonly transfers: number
  /** Entries between two snapshots. Lower: who was away gets a snapshot sooner. */
  readonly snapshotEntries: number
  /** What a sync takes, ms. */
  readonly syncMs: readonly [low: number, high: number]
  /** Messages travel by themselves, and may be lost, repeated and overtaken; else each pair of edges has a connection. */
  readonly loose: boolean
  /** Messages go through the codec, and are billed by the byte. */
  readonly encoded: boolean
  readonly settings?: Partial<RaftSettings>
}

export const agreementDefaults: AgreementPlan = Object.freeze({
  clients: 3, pauseMs: 300, keys: 2, changeMs: Infinity, transfers: 0.25, snapshotEntries: 100, syncMs: [0.1, 4] as const, loose: false, encoded: false
})

export interface Scenario {
  readonly name: string
  /** One line, for the list of scenarios. */
  readonly summary: string
  readonly sizes: Sizes
  readonly network?: Partial<NetworkSettings>
  readonly load?: Partial<Load>
  readonly faults: readonly FaultPlan[]
  /** Default: edges do not take part in Raft, which would be more events than all the rest. */
  readonly agreement?: AgreementPlan
  /** How fast or slow quartz runs, standard deviation, parts of a million. Default: the world's. */
  readonly driftPpm?: number
  /** What the seed changes beside all that: sizes, network, load and faults drawn anew for each run. */
  readonly draw?: (random: Random, given: Sizes) => Partial<Pick<Scenario, 'sizes' | 'network' | 'load' | 'faults' | 'agreement' | 'driftPpm'>>
}
