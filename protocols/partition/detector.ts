/**
 * Which part of the colony an edge still sees: a partition detector, as a pure core. It is fed with what membership says of
 * itself (who lives, who fell silent, whom there is a link to) and tells which rung of the ladder of degradation
 * the edge stands on, whether it sees a majority of its region, and for each region since when it is seen or lost.
 * Nothing is sent or probed for it: an edge is seen while membership counts it as alive, so that all parts of an
 * edge that ask who is there get one answer. Time is a parameter.
 *
 * A region's majority is one of all its edges that did not take their leave: those that fell silent are counted for as long as
 * membership remembers them. An even split is no majority for either side (the usual rule of quorums).
 */
import type { PeerName, Region } from '../ids.ts'

/**
 * What an edge has left, the best first: `mesh` (it sees other regions, or knows of none), `region` (others are known and none is
 * seen), `alone` (other edges are known and none is seen). On none of them does it stop to serve.
 */
export const Rung = { Mesh: 'mesh', Region: 'region', Alone: 'alone' } as const
export type Rung = typeof Rung[keyof typeof Rung]

export const partitionDefaults = Object.freeze({
  /**
   * How long another rung must have been due before the edge stands on it, ms. Links do not count and membership drops nobody before
   * a long silence, so this need not keep a flapping link away: a cut takes edges off the list one by one, within about
   * a refresh interval, and should be told once, by where it ends. Lower: one cut is told as several; higher: it is told later.
   */
  settleMs: 2_000
})
export type PartitionSettings = { readonly [K in keyof typeof partitionDefaults]: number }

/** What membership says now. */
export interface View {
  /** Live members, this edge among them. */
  readonly members: ReadonlyArray<{ readonly peer: PeerName, readonly region: Region }>
  /** Members that fell silent without taking their leave. */
  readonly missed: readonly PeerName[]
  readonly isLinked: (peer: PeerName) => boolean
}

/** A region as this edge sees it, its own included. */
export interface RegionSight {
  readonly region: Region
  /** Live edges; this edge is one of its own region. */
  readonly here: number
  /** Edges that fell silent. */
  readonly silent: number
  /** Live edges that there is a link to; of the others it is heard through those. */
  readonly linked: number
  /** How long one of its edges has been seen, or none, without a break, ms. */
  readonly forMs: number
}

export interface Sight {
  readonly rung: Rung
  /** How long it has stood there, ms. */
  readonly forMs: number
  /** Whether a majority of the own region is seen, and how long it has been so, ms. Not put off as the rung is. */
  readonly majority: boolean
  readonly majorityForMs: number
  /** Every known region, by name. */
  readonly regions: readonly RegionSight[]
}

interface Since<Value> { readonly value: Value, readonly sinceMs: number }

export class PartitionDetector {
  readonly #self: PeerName
  readonly #region: Region
  readonly #settings: PartitionSettings
  /** Where everybody stood when last seen: of the silent membership tells the name alone. */
  #regionOf = new Map<PeerName, Region>()
  #counts = new Map<Region, { here: number, silent: number, linked: number }>()
  /** Of each region whether any of its edges is seen. */
  readonly #seen = new Map<Region, Since<boolean>>()
  #rung: Since<Rung>
  #majority: Since<boolean>
  /** Since when another rung has been due; undefined while none is. */
  #dueSinceMs: number | undefined

  constructor ({ self, region, nowMs, settings = partitionDefaults }: { readonly self: PeerName, readonly region: Region, readonly nowMs: number, readonly settings?: PartitionSettings }) {
    this.#self = self
    this.#region = region
    this.#settings = settings
    this.#rung = { value: Rung.Mesh, sinceMs: nowMs }
    this.#majority = { value: true, sinceMs: nowMs }
  }

  /** Takes what membership says now. @returns whether the edge stands on another rung than before */
  look (view: View, nowMs: number): boolean {
    this.#count(view)
    for (const [region, { here }] of this.#counts) this.#seen.set(region, kept(this.#seen.get(region), here > 0, nowMs))
    for (const region of this.#seen.keys()) if (!this.#counts.has(region)) this.#seen.delete(region)
    const { here, silent } = this.#counts.get(this.#region)!
    this.#majority = kept(this.#majority, here > silent, nowMs)

    const due = this.#due()
    if (due === this.#rung.value) this.#dueSinceMs = undefined
    else this.#dueSinceMs ??= nowMs
    if (nowMs < this.nextDeadline()) return false
    this.#rung = { value: due, sinceMs: nowMs }
    this.#dueSinceMs = undefined
    return true
  }

  /** When to look again though membership says nothing new, ms; Infinity while the rung is the one that is due. */
  nextDeadline (): number { return (this.#dueSinceMs ?? Infinity) + this.#settings.settleMs }

  get rung (): Rung { return this.#rung.value }

  sight (nowMs: number): Sight {
    return {
      rung: this.#rung.value,
      forMs: nowMs - this.#rung.sinceMs,
      majority: this.#majority.value,
      majorityForMs: nowMs - this.#majority.sinceMs,
      regions: Array.from(this.#counts, ([region, counts]) => ({ region, ...counts, forMs: nowMs - this.#seen.get(region)!.sinceMs }))
        .sort((one, other) => one.region < other.region ? -1 : 1)
    }
  }

  #count ({ members, missed, isLinked }: View): void {
    const regionOf = new Map(members.map(({ peer, region }) => [peer, region]))
    const counts = new Map([[this.#region, { here: 0, silent: 0, linked: 0 }]])
    const of = (region: Region): { here: number, silent: number, linked: number } => {
      const known = counts.get(region) ?? { here: 0, silent: 0, linked: 0 }
      counts.set(region, known)
      return known
    }
    for (const { peer, region } of members) {
      of(region).here++
      if (peer !== this.#self && isLinked(peer)) of(region).linked++
    }
    for (const peer of missed) {
      const region = this.#regionOf.get(peer)
      if (region === undefined) continue
      of(region).silent++
      regionOf.set(peer, region)
    }
    this.#regionOf = regionOf
    this.#counts = counts
  }

  #due (): Rung {
    const { known, seen } = others(this.#counts, this.#region)
    if (known.edges > 0 && seen.edges === 0) return Rung.Alone
    return known.regions > 0 && seen.regions === 0 ? Rung.Region : Rung.Mesh
  }
}

interface Count { readonly edges: number, readonly regions: number }

/** Edges but oneself, and regions but one's own. */
function others (counts: ReadonlyMap<Region, Pick<RegionSight, 'here' | 'silent'>>, own: Region): { known: Count, seen: Count } {
  const all = [...counts]
  const here = all.reduce((sum, [, each]) => sum + each.here, 0)
  const silent = all.reduce((sum, [, each]) => sum + each.silent, 0)
  return {
    known: { edges: here + silent - 1, regions: all.length - 1 },
    seen: { edges: here - 1, regions: all.filter(([region, each]) => region !== own && each.here > 0).length }
  }
}

function kept<Value> (before: Since<Value> | undefined, value: Value, nowMs: number): Since<Value> {
  return before?.value === value ? before : { value, sinceMs: nowMs }
}

/** What an edge sees, for a person: `2 of 2 other regions; 3 of 3 edges of europe, a majority`. */
export function describeSight ({ regions, majority }: Pick<Sight, 'regions' | 'majority'>, own: Region): string {
  const { known, seen } = others(new Map(regions.map((each) => [each.region, each])), own)
  const { here, silent } = regions.find(({ region }) => region === own) ?? { here: 1, silent: 0 }
  const abroad = known.regions === 0 ? 'no other region is known' : `${seen.regions} of ${known.regions} other ${known.regions === 1 ? 'region' : 'regions'}`
  return `${abroad}; ${here} of ${here + silent} ${here + silent === 1 ? 'edge' : 'edges'} of ${own}, ${majority ? 'a majority' : 'no majority'}`
}
