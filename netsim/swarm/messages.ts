/** What a swarm's process and its worker say to each other; see calls.ts for how. */
import type { EdgeBase } from './host.ts'
import type { EdgePlan } from './plan.ts'

export interface StartCall {
  readonly base: EdgeBase
  readonly edges: readonly EdgePlan[]
  /** Addresses of edges to begin with. */
  readonly join: readonly string[]
}

export interface KillCall {
  readonly names: readonly string[]
}

export interface CutCall {
  readonly from: readonly string[]
  readonly to: readonly string[]
  readonly oneWay: boolean
}
