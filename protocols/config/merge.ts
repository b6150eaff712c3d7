/**
 * How settings of several scopes, and edits made while cut off, come together. Each leaf of a document is a register
 * that keeps every write which no other write has seen (a multi-value register): merging is the union less what was
 * overwritten, so any order and any repetition give the same. Of writes that did not know of each other the one of
 * higher priority counts, then the first region by name; the others are kept and listed as conflicts.
 *
 * @see Shapiro and others 2011, section 3.2.2 (multi-value register); Parker and others 1983 (version vectors)
 */
import { z } from 'zod'
import { canonicalJson, documentOf, isMap, leavesOf, plainJson, type Json, type JsonMap } from './canonical.ts'
import { completeSettings, isRegionWide, type AgreedSettings } from './schema.ts'
import { compareVectors, isVector, mergeVectors, type Vector } from './token.ts'

/** Who a write comes from; `local` is one edge, `regional` a region's group, `global` the group of all. */
export type Scope = 'local' | 'regional' | 'global'

/** Where no priority is given: the nearer scope goes before the wider one. 0 to 100. */
export const scopePriority: Readonly<Record<Scope, number>> = Object.freeze({ local: 30, regional: 20, global: 10 })

export interface Write {
  /** Absent where the leaf was taken away. */
  readonly value?: Json | undefined
  /** All that its writer had seen, itself included. */
  readonly vector: Vector
  /** 0 to 100; the higher one counts among writes that did not know of each other. */
  readonly priority: number
  /** The region's name, `global`, or the edge's. */
  readonly source: string
  readonly author: string
  /** The writer's wall clock, ms. For people, and for two writes that are otherwise alike. */
  readonly wallMs: number
}

/** By leaf path: writes that did not know of each other, the one that counts first. */
export type Layer = ReadonlyMap<string, readonly Write[]>

export interface Conflict {
  /** `sites/shop/ttl/default`. */
  readonly path: string
  readonly winner: Write
  /** In the order in which they would have counted. */
  readonly losers: readonly Write[]
}

/** What a version writes: the leaves that it changes, in one stamp. */
export type Stamp = Omit<Write, 'value'>

/** Leaves taken away that are remembered; the oldest are forgotten first. About 150 bytes each, in every snapshot. */
const removalsMax = 2_000

/** Groups in the mark of one leaf: more than regions that any colony has. */
const markEntriesMax = 65_536

/** Commutative, associative and idempotent. */
export function mergeLayers (...layers: readonly Layer[]): Layer {
  const merged = new Map<string, readonly Write[]>()
  for (const layer of layers) {
    for (const [path, writes] of layer) merged.set(path, maximal([...merged.get(path) ?? [], ...writes]))
  }
  return merged
}

/** Those writes that none of the others has seen, each once, the one that counts first. */
function maximal (writes: readonly Write[]): readonly Write[] {
  if (writes.length < 2) return writes
  const distinct = [...new Map(writes.map((write) => [textOf(write), write])).values()]
  return distinct
    .filter((write) => !distinct.some((other) => compareVectors(write.vector, other.vector) === 'before'))
    .sort(precedence)
}

/** Total, so that every edge chooses alike. */
function precedence (a: Write, b: Write): number {
  return b.priority - a.priority || order(a.source, b.source) || b.wallMs - a.wallMs || order(textOf(a), textOf(b))
}

function order (a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function textOf ({ value, ...rest }: Write): string {
  return canonicalJson((value === undefined ? rest : { value, ...rest }) as unknown as JsonMap)
}

/** The document that counts. */
export function documentOfLayer (layer: Layer): JsonMap {
  return documentOf([...layer].flatMap(([path, [first]]) => first?.value === undefined ? [] : [[path, first.value] as const]))
}

/** Values that lost, by path. Writes that say the same are no conflict. */
export function conflictsOf (layer: Layer): Conflict[] {
  return [...layer].flatMap(([path, [winner, ...others]]) => {
    const losers = others.filter(({ value }) => !sameValue(value, winner?.value))
    return winner === undefined || losers.length === 0 ? [] : [{ path, winner, losers }]
  }).sort((a, b) => order(a.path, b.path))
}

/**
 * The layer after a version: leaves that it changes, or settles, are written anew by a writer who has seen what stood
 * there; all others stay as they were.
 *
 * @param settled paths whose conflict ends with this version, even where its value is the one that counted
 */
export function writeDocument (layer: Layer, document: JsonMap, stamp: Stamp, settled: readonly string[] = []): Layer {
  const leaves = leavesOf(document)
  const next = new Map(layer)
  for (const path of new Set([...layer.keys(), ...leaves.keys()])) {
    const writes = layer.get(path) ?? []
    const value = leaves.get(path)
    if (sameValue(value, writes[0]?.value) && !(settled.includes(path) && writes.length > 1)) continue
    const vector = writes.reduce((seen, write) => mergeVectors(seen, write.vector), stamp.vector)
    next.set(path, [{ ...stamp, ...(value !== undefined && { value }), vector }])
  }
  return withoutOldRemovals(next)
}

function withoutOldRemovals (layer: Map<string, readonly Write[]>): Layer {
  const removals = [...layer].filter(([, writes]) => writes.every(({ value }) => value === undefined))
  if (removals.length <= removalsMax) return layer
  removals.sort(([a, [first]], [b, [second]]) => first!.wallMs - second!.wallMs || order(a, b))
  for (const [path] of removals.slice(0, removals.length - removalsMax)) layer.delete(path)
  return layer
}

function sameValue (a: Json | undefined, b: Json | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && canonicalJson(a) === canonicalJson(b))
}

/**
 * The layer of an edge that runs `own`, in a region that still keeps to `wide` in all that changes for a whole region
 * at once: host names, key rules, ring weights. A site that only one of them has comes and goes with the region.
 */
export function composeLayers (own: Layer, wide: Layer): Layer {
  const composed = new Map<string, readonly Write[]>()
  for (const path of new Set([...own.keys(), ...wide.keys()])) {
    const from = isRegionWide(path) || siteHosts(own, path) !== siteHosts(wide, path) ? wide : own
    const writes = from.get(path)
    if (writes !== undefined) composed.set(path, writes)
  }
  return composed
}

/** Whether the site that a path belongs to has host names in this layer. */
function siteHosts (layer: Layer, path: string): boolean {
  const [root, name] = path.split('/')
  return root === 'sites' && layer.get(`sites/${name}/hosts`)?.[0]?.value !== undefined
}

export interface Effective {
  readonly settings: AgreedSettings
  readonly conflicts: readonly Conflict[]
  /** Sites that some scope says something about, and none says host names for. */
  readonly withoutHosts: readonly string[]
}

/**
 * What an edge runs: all scopes merged, and every default.
 *
 * @throws ConfigInvalidError when they do not go together
 */
export function effectiveSettings (layers: readonly Layer[]): Effective {
  const merged = mergeLayers(...layers.map(said))
  const document = documentOfLayer(merged)
  const sites = isMap(document.sites) ? document.sites : {}
  const withoutHosts = Object.keys(sites).filter((name) => !Object.hasOwn(sites[name] as JsonMap, 'hosts'))
  const whole = Object.fromEntries(Object.entries(sites).filter(([name]) => !withoutHosts.includes(name)))
  return { settings: completeSettings({ ...document, sites: whole }), conflicts: conflictsOf(merged), withoutHosts }
}

/** Without what a scope took away: it says nothing of that any more, so that what a wider one says counts again. */
function said (layer: Layer): Layer {
  return new Map([...layer].filter(([, [first]]) => first?.value !== undefined))
}

/** A write as it stands in entries and snapshots. */
export const writeSchema = z.object({
  value: z.unknown().transform(plainJson).optional(),
  vector: z.custom<Vector>((value) => isVector(value, markEntriesMax)),
  priority: z.int().min(0).max(100),
  source: z.string().min(1).max(64),
  author: z.string().max(128),
  wallMs: z.number()
})

/** A layer as it stands in entries and snapshots: pairs of path and writes. */
export const layerSchema = z.array(z.tuple([z.string().min(1).max(2_048), z.array(writeSchema).min(1)]))
  .transform((pairs): Layer => new Map(pairs.map(([path, writes]) => [path, maximal(writes)])))

/** What `layerSchema` reads, in the order of the paths: equal layers, equal bytes. */
export function layerEntries (layer: Layer): readonly (readonly [string, readonly Write[]])[] {
  return [...layer].sort(([a], [b]) => order(a, b))
}
