/** When a swarm is one: everyone knows everyone, and the edges of a region agree on who owns what and who leads. Pure. */
import type { EdgeLook, EdgeUp } from './host.ts'
import type { EdgePlan } from './plan.ts'

export interface Convergence {
  readonly edges: number
  readonly up: number
  /** Edges whose member list is complete. */
  readonly complete: number
  /** Members known, summed over all edges: `edges` squared in the end. */
  readonly membersKnown: number
  readonly regions: number
  /** Regions whose edges all have the same ring. */
  readonly agreed: number
  /** Regions whose edges all know of the same leader. */
  readonly led: number
  readonly connections: number
  readonly whole: boolean
}

/**
 * @param plan the edges that should be there
 * @param looks what was seen of them, in any order
 */
export function convergenceOf (plan: readonly Pick<EdgePlan, 'name' | 'region'>[], looks: readonly EdgeLook[]): Convergence {
  const seen = new Map(looks.map(({ name, up }) => [name, up]))
  const up = plan.flatMap(({ name }) => seen.get(name) ?? [])
  const complete = up.filter(({ members }) => members === plan.length).length
  const regions = [...Map.groupBy(plan, ({ region }) => region).values()]
  const alike = (of: (up: EdgeUp | undefined) => string | undefined): number => regions.filter((edges) => {
    const all = new Set(edges.map(({ name }) => of(seen.get(name))))
    return all.size === 1 && !all.has(undefined)
  }).length
  const agreed = alike((each) => each?.ring)
  const led = alike((each) => each?.leader)
  return {
    edges: plan.length,
    up: up.length,
    complete,
    membersKnown: up.reduce((sum, { members }) => sum + members, 0),
    regions: regions.length,
    agreed,
    led,
    connections: up.reduce((sum, { connections }) => sum + connections, 0),
    whole: complete === plan.length && agreed === regions.length && led === regions.length
  }
}
