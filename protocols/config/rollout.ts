/**
 * A staged roll-out: its plan, the steps that the plan comes to, and how each step in the log changes who should run
 * which version. First one edge, then one region, then all; where a change touches what a whole region must do alike
 * (host names, key rules, ring weights), each region gets a second step that switches it at one epoch, after all its
 * edges run the rest of the version. A pure value with pure functions: whoever leads next reads the log and goes on.
 */
import { z } from 'zod'
import { ConfigInvalidError } from './canonical.ts'
import { healthDefaults, healthSchema, type Health, type HealthBounds } from './health.ts'
import type { PeerName, Region } from '../ids.ts'

/** How far a stage reaches: so many edges or regions, of the leader's choice unless they are named, or all. */
export interface Stage {
  readonly reach: 'edges' | 'regions' | 'all'
  readonly count?: number | undefined
  readonly names?: readonly string[] | undefined
}

/** `run`: these edges run the version, as far as it is not region-wide. `switch`: these regions follow in the rest. */
export interface Step extends Stage { readonly act: 'run' | 'switch' }

export interface Rollout {
  /** The version that is rolled out, and the last good one that everyone else runs. */
  readonly version: number
  readonly base: number
  readonly steps: readonly Step[]
  /** The step under way; -1 before the first. */
  readonly at: number
  readonly edges: readonly PeerName[]
  readonly regions: readonly Region[]
  readonly all: boolean
  readonly switched: readonly Region[]
  readonly switchedAll: boolean
  /** Whom the steps before the one under way had reached. */
  readonly reached: { readonly edges: readonly PeerName[], readonly regions: readonly Region[] }
  /** Bounds of this roll-out alone. */
  readonly bounds: Partial<HealthBounds>
  /** Share of requests whose content has to be found anew, 0 to 1. */
  readonly moved: number
  /** What was let pass, and why: a step that was too quiet to be judged. */
  readonly notes: readonly string[]
  /** How the edges that the step under way reached did before it: in the log, so that a new leader judges by the same. */
  readonly before?: Health | undefined
}

const name = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/)
export const stepSchema = z.object({
  act: z.enum(['run', 'switch']),
  reach: z.enum(['edges', 'regions', 'all']),
  count: z.int().min(1).max(10_000).optional(),
  names: z.array(name).min(1).max(1_000).readonly().optional()
})

export const boundsSchema = z.partialRecord(z.enum(Object.keys(healthDefaults) as [keyof HealthBounds]), z.number().min(0))

export const rolloutSchema = z.object({
  version: z.int().min(1),
  base: z.int().min(0),
  steps: z.array(stepSchema).max(64),
  at: z.int().min(-1),
  edges: z.array(name),
  regions: z.array(name),
  all: z.boolean(),
  switched: z.array(name),
  switchedAll: z.boolean(),
  reached: z.object({ edges: z.array(name).readonly(), regions: z.array(name).readonly() }),
  bounds: boundsSchema,
  moved: z.number().min(0).max(1),
  notes: z.array(z.string()),
  before: healthSchema.optional()
})

/** One edge, one region, all; a region's own settings have no other regions to go to. */
export const defaultPlans = Object.freeze({ global: 'edge,region,all', regional: 'edge,all', local: 'now' })

/**
 * @param text stages in their order: `edge`, `edges:3`, `edges:fra-1+fra-2`, `region`, `regions:2`, `regions:fra`, and
 *        `all` at the end; `now` alone is everywhere at once, unwatched
 * @throws ConfigInvalidError
 */
export function parsePlan (text: string): Stage[] {
  const wrong = (what: string): never => { throw new ConfigInvalidError([`plan: ${what}; expected stages such as edge,region,all or edges:3,regions:fra+ams,all, or now`]) }
  if (text.trim() === 'now') return []
  const stages = text.split(',').map((part): Stage => {
    const match = /^(?:(edges?|regions?)(?::(\S+))?|(all))$/.exec(part.trim())
    if (match === null) return wrong(`${JSON.stringify(part.trim().slice(0, 80))} is not a stage`)
    const [, reach, which, all] = match
    if (all !== undefined) return { reach: 'all' }
    const kind = reach!.startsWith('edge') ? 'edges' : 'regions'
    if (which === undefined || /^\d+$/.test(which)) {
      const count = which === undefined ? 1 : Number(which)
      return count >= 1 && count <= 10_000 ? { reach: kind, count } : wrong(`${count} is not a number of ${kind} from 1 to 10000`)
    }
    const names = which.split('+')
    return names.every((each) => name.safeParse(each).success) ? { reach: kind, names } : wrong(`${JSON.stringify(which.slice(0, 80))} does not name ${kind}`)
  })
  if (stages.length > 32) wrong(`${stages.length} stages`)
  if (stages.findIndex(({ reach }) => reach === 'all') !== stages.length - 1) wrong('all has to be the last stage, and only that')
  return stages
}

/** The steps of a plan: regions switch on their own where the change is region-wide. */
export function stepsOf (plan: readonly Stage[], regionWide: boolean): Step[] {
  return plan.flatMap((stage): Step[] => {
    const run: Step = { act: 'run', ...stage }
    return regionWide && stage.reach !== 'edges' ? [run, { ...run, act: 'switch' }] : [run]
  })
}

/** Whom a step was meant for when its leader began it; the log holds them, so all see the same ones. */
export interface Targets {
  readonly edges: readonly PeerName[]
  readonly regions: readonly Region[]
  /** How those edges that it reaches anew did before it. */
  readonly before?: Health | undefined
}

/** The roll-out after its next step began. */
export function beginStep (rollout: Rollout, { edges, regions, before }: Targets, note?: string): Rollout {
  const at = rollout.at + 1
  const step = rollout.steps[at]!
  const all = step.reach === 'all'
  const notes = note === undefined ? rollout.notes : [...rollout.notes, note]
  const next = { ...rollout, at, notes, before, reached: { edges: rollout.edges, regions: rollout.regions } }
  if (step.act === 'switch') return { ...next, switched: union(rollout.switched, regions), switchedAll: rollout.switchedAll || all }
  return { ...next, edges: union(rollout.edges, edges), regions: union(rollout.regions, regions), all: rollout.all || all }
}

/** Whether the step under way changes what an edge runs: those are the edges that it is judged by. */
export function isReached (rollout: Rollout, edge: { readonly peer: PeerName, readonly region: Region }): boolean {
  const { steps, at, reached, switched, switchedAll } = rollout
  const step = steps[at]
  if (step === undefined || desiredOf(rollout, rollout.base, edge).version !== rollout.version) return false
  // Of regions that switch one after the other the later ones are judged with the earlier ones; there are few.
  if (step.act === 'switch') return switchedAll || switched.includes(edge.region)
  return !reached.edges.includes(edge.peer) && !reached.regions.includes(edge.region)
}

function union (a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort()
}

export interface Desired {
  readonly version: number
  /** The version that the edge's region keeps to in host names, key rules and ring weights. */
  readonly regionWide: number
}

/** What an edge should run, as the log stands. */
export function desiredOf (rollout: Rollout | undefined, base: number, edge: { readonly peer: PeerName, readonly region: Region }): Desired {
  if (rollout === undefined) return { version: base, regionWide: base }
  const { all, edges, regions, switched, switchedAll, version, steps } = rollout
  const runs = all || regions.includes(edge.region) || edges.includes(edge.peer)
  // Without steps that switch nothing in it is region-wide, and both versions say the same there.
  const switches = steps.some(({ act }) => act === 'switch')
  const switchedHere = switchedAll || switched.includes(edge.region)
  return { version: runs ? version : rollout.base, regionWide: (switches ? switchedHere : runs) ? version : rollout.base }
}
