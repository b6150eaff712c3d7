/**
 * From what a person asks for to a command that can be agreed on. Here, before anything is proposed, a patch becomes a
 * document, a return to an older version its content, and all of it is read against the schema and against the other
 * scopes, so that what is wrong is told to its author and never stands in a log. Every edge may do this.
 */
import { ColonyError } from '../errors.ts'
import { ConfigInvalidError, documentOf, dotted, hashOf, isMap, leavesOf, mergePatch, plainJson, type JsonMap } from './canonical.ts'
import { documentOfLayer, effectiveSettings, layerEntries, mergeLayers, scopePriority, writeDocument, type Layer, type Scope, type Write } from './merge.ts'
import { defaultPlans, parsePlan, stepsOf } from './rollout.ts'
import { isRegionWide, readSettings } from './schema.ts'
import type { Command } from './commands.ts'
import type { HealthBounds } from './health.ts'
import type { ConfigState } from './state.ts'
import type { Vector } from './token.ts'
import type { Answer } from './versions.ts'

/** What can be asked for. `base` defaults to what is agreed now; give the version that was looked at. */
export type Change =
  | { readonly kind: 'put', readonly document: unknown, readonly base?: number }
  /** RFC 7396: `null` takes a field away. */
  | { readonly kind: 'patch', readonly patch: unknown, readonly base?: number }
  | { readonly kind: 'rollback', readonly to: number, readonly base?: number }
  /** `keep`: the winner, or the loser at that place of the list. */
  | { readonly kind: 'resolve', readonly path: string, readonly keep: 'winner' | number, readonly base?: number }
  /** What another group had agreed on while both were cut off. */
  | { readonly kind: 'absorb', readonly layer: Layer }

export interface ChangeInit {
  readonly scope: Scope
  readonly id: string
  readonly author: string
  readonly reason: string
  readonly wallMs: number
  /** What the author had seen of other groups: a token that was given along. */
  readonly seen?: Vector
  readonly priority?: number
  /** See `parsePlan`; by default the scope's, and `now` for a return. */
  readonly plan?: string
  readonly bounds?: Partial<HealthBounds>
  /** Share of requests whose content has to be found anew, of `describeChange`. */
  readonly moved?: number
  /** The other scopes' layers, as far as known: together they must make settings that can be run. */
  readonly others?: readonly Layer[]
}

/** The change starts from a version that is not agreed on any more, or names one that is not kept. */
export class ConfigBaseError extends ColonyError {
  constructor (message: string) {
    super('COLONY_CONFIG_BASE', message)
  }
}

/**
 * @throws ConfigInvalidError with every fault of the settings that would come of it
 * @throws ConfigBaseError
 */
export function prepareChange (state: ConfigState, change: Change, init: ChangeInit): Command {
  const { scope, id, author, reason, wallMs, seen = {}, bounds = {}, moved = 0 } = init
  const priority = init.priority ?? scopePriority[scope]
  const base = (change.kind === 'absorb' ? undefined : change.base) ?? state.base
  if (base !== state.base && state.version(base) === undefined && base !== 0) {
    throw new ConfigBaseError(`version ${base} is not kept, and version ${state.base} is agreed now; look at it and try again`)
  }
  const before = documentOfLayer(state.layer())
  const stamp = { vector: {}, priority, source: state.group, author, wallMs }
  const after = change.kind === 'absorb' ? mergeLayers(state.layer(), change.layer) : undefined
  const document = readSettings(change.kind === 'absorb' ? documentOfLayer(after!) : wanted(state, change, base))
  const { withoutHosts } = effectiveSettings([after ?? writeDocument(state.layer(), document, stamp), ...init.others ?? []])
  // A region may speak of a site whose hosts others give; it is an error where nobody does, as far as that is known.
  const lost = withoutHosts.filter((site) => isMap(document.sites) && Object.hasOwn(document.sites, site))
  if (lost.length > 0 && (scope === 'global' || init.others !== undefined)) {
    throw new ConfigInvalidError(lost.map((site) => `${dotted(['sites', site, 'hosts'])}: missing; no scope gives this site host names`))
  }
  const regionWide = changesRegion(before, document)
  const plan = parsePlan(init.plan ?? (change.kind === 'rollback' ? 'now' : defaultPlans[scope]))
  const digest = digestOf(change)
  const edit = { id, digest, author, reason, wallMs, priority, seen, bounds, moved, regionWide, base, steps: stepsOf(plan, regionWide) }
  if (change.kind === 'absorb') return { kind: 'absorb', ...edit, layer: change.layer }
  return {
    kind: 'put',
    ...edit,
    document,
    ...(change.kind === 'rollback' && { restores: change.to }),
    ...(change.kind === 'resolve' && { settles: [change.path] })
  }
}

/** The document that a change leads to, before it is read. */
function wanted (state: ConfigState, change: Exclude<Change, { kind: 'absorb' }>, base: number): unknown {
  if (change.kind === 'put') return change.document
  const document = state.version(base)?.document ?? {}
  if (change.kind === 'patch') {
    const patch = plainJson(change.patch)
    if (!isMap(patch)) throw new ConfigInvalidError(['the patch: expected a map of what changes'])
    return mergePatch(document, patch)
  }
  if (change.kind === 'rollback') {
    const version = state.version(change.to)
    if (version === undefined) throw new ConfigBaseError(`version ${change.to} is not kept; there are ${state.history()[0]?.number ?? 0} to ${state.head}`)
    return version.document
  }
  const conflict = state.conflicts().find(({ path }) => path === change.path)
  if (conflict === undefined) throw new ConfigInvalidError([`${dotted(change.path.split('/'))}: is not in conflict`])
  const kept: Write | undefined = change.keep === 'winner' ? conflict.winner : conflict.losers[change.keep]
  if (kept === undefined) throw new ConfigInvalidError([`${dotted(change.path.split('/'))}: has ${conflict.losers.length} other values; ${change.keep} is none of them`])
  const leaves = leavesOf(document)
  if (kept.value === undefined) leaves.delete(change.path)
  else leaves.set(change.path, kept.value)
  return documentOf(leaves)
}

/** What a request with this key was answered, as far as this edge has applied the log: then nothing need be proposed. */
export function answerTo (state: ConfigState, change: Change, id: string): Answer | undefined {
  return state.answered(id, digestOf(change))
}

/** The same for the same request, whenever and wherever it is made. */
function digestOf (change: Change): string {
  // A layer is told by its marks; it may hold more than `plainJson` lets in at once.
  if (change.kind === 'absorb') return hashOf(layerEntries(change.layer).map(([path, writes]) => [path, ...writes.map(({ vector }) => vector)]))
  return hashOf(plainJson(Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))))
}

/** Whether two documents differ in what a whole region must do alike. */
export function changesRegion (before: JsonMap, after: JsonMap): boolean {
  const [was, is] = [leavesOf(before), leavesOf(after)]
  return [...new Set([...was.keys(), ...is.keys()])].some((path) => {
    return isRegionWide(path) && hashOf(was.get(path) ?? null) !== hashOf(is.get(path) ?? null)
  })
}
