/**
 * Where a key lives, as far as the member list tells: the owners of a key in any region, the order of
 * the regions for it, and who owned it one view ago. A pure view without wire or clock: membership
 * feeds it the whole colony's members, and the handler, the fill and the announcements read it. A
 * miss asks it first, and it answers from memory.
 */
import type { ContentKey, PeerName, Region } from '../ids.ts'
import { boundedLoadDefaults } from './bounded-load.ts'
import { rankRegions } from './home.ts'
import { Ring, ringDefaults } from './ring.ts'
import type { RingMember, RingSettings } from './ring.ts'

/** Settings of the whole part: `Locate` reads the ring's, each owner's `LoadGate` the bounded load's. */
export const locateDefaults = Object.freeze({ ...ringDefaults, ...boundedLoadDefaults })
export type LocateSettings = { readonly [K in keyof typeof locateDefaults]: number }

export interface LocateMember extends RingMember {
  readonly region: Region
}

export interface LocateInit {
  /** The region of this edge. */
  readonly region: Region
  readonly settings?: RingSettings
}

interface RegionView {
  readonly ring: Ring
  /** The ring before the last change of this region; undefined until it has changed. */
  readonly previous: Ring | undefined
}

export class Locate {
  readonly #region: Region
  readonly #settings: RingSettings
  #views: ReadonlyMap<Region, RegionView> = new Map()
  #regions: readonly Region[] = []

  constructor (init: LocateInit) {
    this.#region = init.region
    this.#settings = init.settings ?? locateDefaults
  }

  /**
   * Takes over a new view. Rings of regions whose members stayed as they were are kept, with their
   * previous ones; a region without members is forgotten. A ring that changed is built at its next
   * look-up, so a burst of updates costs one build.
   *
   * @param members the whole colony, this edge included, in any order; see `Ring` for what must hold
   * @returns the regions that changed, came or went
   */
  update (members: readonly LocateMember[]): Region[] {
    const byRegion = Map.groupBy(members, ({ region }) => region)
    const views = new Map<Region, RegionView>()
    const changed = this.#regions.filter((region) => !byRegion.has(region))
    for (const [region, ringMembers] of byRegion) {
      const ring = new Ring(ringMembers, this.#settings)
      const view = this.#views.get(region)
      if (view?.ring.epochHash === ring.epochHash) {
        views.set(region, view)
        continue
      }
      views.set(region, { ring, previous: view?.ring })
      changed.push(region)
    }
    this.#views = views
    this.#regions = [...views.keys()].sort()
    return changed
  }

  /** The ring of a region, which never changes; the next view has another one. Undefined without members. */
  ring (region: Region = this.#region): Ring | undefined {
    return this.#views.get(region)?.ring
  }

  /** The first `n` owners of `key` in `region`, as `Ring.owners`; none in a region without members. */
  owners (key: ContentKey, n: number, region: Region = this.#region): PeerName[] {
    return this.#views.get(region)?.ring.owners(key, n) ?? []
  }

  /** Every region that has members, the home of `key` first. */
  homeRegions (key: ContentKey): Region[] {
    return rankRegions(key, this.#regions)
  }

  /**
   * Who owned `key` in this edge's region one view ago: whom its new owner asks `have` before it looks
   * elsewhere. Undefined when that is still the owner, is no longer a member, or nothing changed yet.
   */
  previousOwner (key: ContentKey): PeerName | undefined {
    const view = this.#views.get(this.#region)
    const before = view?.previous?.owner(key)
    if (view === undefined || before === undefined || !view.ring.has(before)) return undefined
    return before === view.ring.owner(key) ? undefined : before
  }

  /** `Ring.epochHash` of `region`: two edges that say the same name the same owners. Undefined without members. */
  ringHash (region: Region = this.#region): string | undefined {
    return this.#views.get(region)?.ring.epochHash
  }

  /** The peer's share of its region's weight, for `LoadGate.observe`; undefined when it is not a member. */
  weightShare (peer: PeerName, region: Region = this.#region): number | undefined {
    const ring = this.#views.get(region)?.ring
    return ring?.has(peer) === true ? ring.weightShare(peer) : undefined
  }

  /** Regions that have members, in the order of their names. */
  regions (): readonly Region[] {
    return this.#regions
  }
}
