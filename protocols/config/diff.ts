/**
 * What a change would do, before it is made: the fields that differ, the sites that they belong to, and how many keys
 * get another owner, computed on the very rings that the edges would build. Behind `--dry-run`, and the measure by
 * which a roll-out allows for misses that the change itself brings.
 */
import { Ring, ringDefaults, type RingMember, type RingSettings } from '../locate/ring.ts'
import { allowedOf } from './allowed.ts'
import { hashOf, isMap, leavesOf, type Json, type JsonMap } from './canonical.ts'
import { isRegionWide } from './schema.ts'
import type { Region } from '../ids.ts'

export interface FieldChange {
  /** `sites/shop/ttl/default`. */
  readonly path: string
  /** Absent where the field is new. */
  readonly was?: Json
  /** Absent where it is taken away. */
  readonly is?: Json
  readonly regionWide: boolean
}

export interface SiteChange {
  readonly site: string
  readonly kind: 'added' | 'removed' | 'changed'
  /** Its keys are others than before: everything of it has to be fetched anew. */
  readonly rekeyed: boolean
}

export interface DiffMember extends RingMember {
  readonly region: Region
  readonly name?: string | undefined
}

export interface ChangeDescription {
  readonly fields: readonly FieldChange[]
  readonly sites: readonly SiteChange[]
  /** Whether regions have to switch at an epoch. */
  readonly regionWide: boolean
  /** Members that may be none any more. */
  readonly shutOut: ReadonlyArray<Pick<DiffMember, 'peer' | 'name' | 'region'>>
  /** Share of all keys that get another owner in a region, 0 to 1, by region; regions that stay as they are left out. */
  readonly movedByRegion: ReadonlyMap<Region, number>
  /** Share of requests whose content has to be found anew at the worst, 0 to 1: for the bounds of a roll-out. */
  readonly moved: number
}

export interface DescribeInit {
  /** Settings as they apply to an edge, without defaults. */
  readonly before: JsonMap
  readonly after: JsonMap
  readonly members: readonly DiffMember[]
  /** Share of the requests that each site has, as far as known; by default all sites have the same. */
  readonly siteShares?: Readonly<Record<string, number>>
  readonly ring?: RingSettings
}

export function describeChange ({ before, after, members, siteShares = {}, ring = ringDefaults }: DescribeInit): ChangeDescription {
  const fields = changedFields(before, after)
  const sites = changedSites(before, after, fields)
  const movedByRegion = new Map<Region, number>()
  const staying = allowedOf(members, after)
  const shutOut = allowedOf(members, before).filter((member) => !staying.includes(member)).map(({ peer, name, region }) => ({ peer, name, region }))
  if (shutOut.length > 0 || fields.some(({ path }) => path.startsWith('ring/'))) {
    const now = Map.groupBy(members, (member) => member.region)
    for (const [region, inRegion] of Map.groupBy(staying, (member) => member.region)) {
      const moved = movedShare(new Ring(weighted(now.get(region)!, before), ring), new Ring(weighted(inRegion, after), ring))
      if (moved > 0) movedByRegion.set(region, moved)
    }
  }
  const all = Object.keys(mapAt(before, 'sites')).length
  const rekeyed = sites.filter((each) => each.rekeyed).reduce((sum, { site }) => sum + (siteShares[site] ?? 1 / Math.max(1, all)), 0)
  const owners = Math.max(0, ...movedByRegion.values())
  return { fields, sites, shutOut, regionWide: fields.some((each) => each.regionWide), movedByRegion, moved: Math.min(1, rekeyed + (1 - Math.min(1, rekeyed)) * owners) }
}

/** By path, in the order of the paths. */
export function changedFields (before: JsonMap, after: JsonMap): FieldChange[] {
  const [was, is] = [leavesOf(before), leavesOf(after)]
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((path) => {
    const [old, now] = [was.get(path), is.get(path)]
    if (old !== undefined && now !== undefined && hashOf(old) === hashOf(now)) return []
    return [{ path, ...(old !== undefined && { was: old }), ...(now !== undefined && { is: now }), regionWide: isRegionWide(path) }]
  })
}

function changedSites (before: JsonMap, after: JsonMap, fields: readonly FieldChange[]): SiteChange[] {
  const [was, is] = [mapAt(before, 'sites'), mapAt(after, 'sites')]
  const touched = [...Map.groupBy(fields.filter(({ path }) => path.startsWith('sites/')), ({ path }) => path.split('/')[1]!)]
  return touched.map(([site, changes]) => ({
    site,
    kind: !Object.hasOwn(was, site) ? 'added' : !Object.hasOwn(is, site) ? 'removed' : 'changed',
    rekeyed: Object.hasOwn(was, site) && Object.hasOwn(is, site) && changes.some(({ path }) => /^sites\/[^/]+\/(hostHeader|key\/)/.test(path))
  }))
}

/** The members with the weights that settings give them; those that are not named keep their own. */
export function weighted<Member extends RingMember & { readonly name?: string | undefined }> (members: readonly Member[], settings: JsonMap): Member[] {
  const weights = mapAt(mapAt(settings, 'ring'), 'weights')
  return members.map((member) => {
    const weight = [member.peer, member.name].map((name) => name !== undefined && Object.hasOwn(weights, name) ? weights[name] : undefined).find((each) => typeof each === 'number')
    return typeof weight === 'number' ? { ...member, weight } : member
  })
}

/**
 * The share of all keys whose owner differs between two rings, exactly: both have their points on one circle, so it is
 * cut at all of them, and the arcs whose owners differ are added up. 0 to 1; 1 where one of them is empty and the other is not.
 */
export function movedShare (a: Ring, b: Ring): number {
  if (a.size === 0 || b.size === 0) return a.size === b.size ? 0 : 1
  const [aPeers, bPeers] = [a.peers(), b.peers()]
  const [aPoints, bPoints] = [a.points, b.points]
  let [i, j, from, moved] = [0, 0, 0, 0]
  const circle = 2 ** 32
  while (from < circle) {
    // Keys from `from` up to the next point of either ring belong to each ring's next point; past the last, to the first.
    const aOwner = aPeers[aPoints.members[i === aPoints.members.length ? 0 : i]!]
    const bOwner = bPeers[bPoints.members[j === bPoints.members.length ? 0 : j]!]
    const to = Math.min((aPoints.positions[i] ?? circle - 1) + 1, (bPoints.positions[j] ?? circle - 1) + 1)
    if (aOwner !== bOwner) moved += to - from
    while (i < aPoints.positions.length && aPoints.positions[i]! < to) i++
    while (j < bPoints.positions.length && bPoints.positions[j]! < to) j++
    from = to
  }
  return moved / circle
}

function mapAt (map: JsonMap, name: string): JsonMap {
  const value = Object.hasOwn(map, name) ? map[name] : undefined
  return isMap(value) ? value : {}
}
