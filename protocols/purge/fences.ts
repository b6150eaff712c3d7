/**
 * Whether an edge may trust what it has stored: it is current while what it has heard of a majority of regions is younger than its
 * lease (Gray and Cheriton 1989, "Leases"; Gifford 1979 for why two majorities meet). A pure core.
 *
 * What is kept of a region is a moment: all that a majority of its edges had taken in then, this edge has taken in. It comes from
 * asking those edges, or from one that has such a moment and whose vector this edge covers, so in a large region only its delegates need to
 * ask all of it. A moment is when the question was sent, not when the answer came: what was said cannot be older.
 *
 * Members that fell silent stay in the view, or each half of a cut colony would soon take itself for the whole; those that took their
 * leave do not. Why a purge that is not everywhere can still be told as done: an edge without it is current only if, in a majority of
 * regions, a majority of edges was without it within the lease. Once there is no such majority any more (`mayOutvote`), a lease later there
 * is no such edge.
 */
import type { PeerName, Region } from '../ids.ts'
import type { SpreadSettings } from './settings.ts'

/** By region: its members, the silent ones, and oneself. */
export type View = ReadonlyMap<Region, ReadonlySet<PeerName>>

export type Standing = { readonly kind: 'current' } | { readonly kind: 'fenced', readonly sinceMs: number }

export interface FencesInit {
  readonly self: PeerName
  readonly region: Region
  readonly settings: Pick<SpreadSettings, 'leaseMs'>
  readonly nowMs: number
  /** It was told whom to join: until it has heard of anybody it does not take itself for the whole colony. */
  readonly expectsOthers: boolean
}

export class Fences {
  readonly #init: FencesInit
  readonly #heard = new Map<PeerName, number>()
  readonly #told = new Map<Region, number>()
  #view: View
  #isAlone: boolean
  /** Asked for with every hit, and changed only by what is heard or seen. */
  #endMs: number | undefined

  constructor (init: FencesInit) {
    this.#init = init
    this.#view = new Map([[init.region, new Set([init.self])]])
    this.#isAlone = init.expectsOthers
  }

  get view (): View { return this.#view }
  /** It was told of others and has heard of none. */
  get isAlone (): boolean { return this.#isAlone }

  /** @param view this edge among them */
  see (view: View): void {
    this.#view = view
    this.#endMs = undefined
    for (const peer of this.#heard.keys()) if (![...view.values()].some((members) => members.has(peer))) this.#heard.delete(peer)
    for (const region of this.#told.keys()) if (!view.has(region)) this.#told.delete(region)
  }

  /**
   * A peer said how far it is, and this edge has come as far.
   *
   * @param atMs when it was asked, by this edge's clock
   * @param told by region: how old its own moment is, ms
   */
  heard (peer: PeerName, atMs: number, told: Iterable<readonly [Region, number]>): void {
    this.#isAlone = false
    this.#endMs = undefined
    this.#heard.set(peer, Math.max(atMs, this.#heard.get(peer) ?? -Infinity))
    for (const [region, ageMs] of told) {
      if (ageMs >= 0 && this.#view.has(region)) this.#told.set(region, Math.max(atMs - ageMs, this.#told.get(region) ?? -Infinity))
    }
  }

  /** What to tell others: by region, how old its moment is; those that are too old are left out. */
  ages (nowMs: number): Array<[Region, number]> {
    return [...this.#view.keys()]
      .map((region): [Region, number] => [region, Math.max(0, nowMs - this.#moment(region, nowMs))])
      .filter(([, ageMs]) => ageMs < this.#init.settings.leaseMs)
  }

  /** Whether a majority of the region was heard of within the lease. */
  sees (region: Region, nowMs: number): boolean { return this.#moment(region, nowMs) > nowMs - this.#init.settings.leaseMs }

  standing (nowMs: number): Standing {
    const endMs = this.#leaseEndMs(nowMs)
    return endMs > nowMs ? { kind: 'current' } : { kind: 'fenced', sinceMs: Math.max(this.#init.nowMs, endMs) }
  }

  isCurrent (nowMs: number): boolean { return this.#leaseEndMs(nowMs) > nowMs }

  #leaseEndMs (nowMs: number): number {
    if (this.#isAlone) return -Infinity
    // Only for a colony of one does the moment move by itself.
    if (this.#endMs !== undefined && (this.#endMs > nowMs || this.#view.size > 1 || this.#heard.size > 0)) return this.#endMs
    this.#endMs = majorityOf([...this.#view.keys()].map((region) => this.#moment(region, nowMs))) + this.#init.settings.leaseMs
    return this.#endMs
  }

  #moment (region: Region, nowMs: number): number {
    const own = [...this.#view.get(region) ?? []].map((peer) => peer === this.#init.self ? nowMs : this.#heard.get(peer) ?? -Infinity)
    return Math.max(majorityOf(own), this.#told.get(region) ?? -Infinity)
  }
}

/** How many of `count` are more than half. */
export function majority (count: number): number { return Math.floor(count / 2) + 1 }

/**
 * Whether edges without a purge may, among themselves, still be what an edge hears of to count as current.
 *
 * @param without of these
 */
export function mayOutvote (view: View, without: (peer: PeerName) => boolean): boolean {
  const regions = [...view.values()].filter((members) => {
    let count = 0
    for (const peer of members) if (without(peer)) count++
    return count >= majority(members.size)
  })
  return regions.length >= majority(view.size)
}

/** The latest moment that more than half of them have reached. */
function majorityOf (moments: number[]): number {
  return moments.sort((one, other) => other - one)[majority(moments.length) - 1] ?? -Infinity
}
