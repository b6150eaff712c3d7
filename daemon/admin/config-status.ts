/** How agreed configuration stands at this edge: what is agreed, what runs, what is rolled out, who leads, who is missing. */
import type { Rollout } from '../../protocols/config/rollout.ts'
import type { Scope } from '../../protocols/config/merge.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Missing } from '../agreed/outcome.ts'
import type { RolloutView } from '../agreed/rollouts.ts'
import type { AgreedConfig } from '../agreed/service.ts'

export interface ScopeStatus {
  readonly scope: Scope
  /** The group's name in tokens. */
  readonly group: string
  /** Whether this edge has a part in it, and how. */
  readonly standing: string
  readonly leader?: PeerName | undefined
  readonly voters: readonly PeerName[]
  readonly missing: readonly Missing[]
  /** The last good version, and the last one given. */
  readonly agreed: number
  readonly head: number
  /** What this edge runs, and what it could not. */
  readonly runs: { readonly version: number, readonly regionWide: number }
  readonly refused?: { readonly version: number, readonly reason: string } | undefined
  readonly ageMs?: number | undefined
  readonly conflicts: number
  readonly rollout?: Rollout & { readonly view?: RolloutView | undefined } | undefined
}

export interface ConfigStatus {
  /** For `?after=` of the next watch. */
  readonly mark: string
  readonly scopes: readonly ScopeStatus[]
  readonly withoutHosts: readonly string[]
}

export async function scopeStatus (agreed: AgreedConfig, scope: Scope, signal: AbortSignal): Promise<ScopeStatus> {
  const { state } = agreed.machine(scope)
  const group = agreed.group(scope)
  const status = group?.status()
  const { run, kept } = agreed.follower.of(scope)
  const { rollout } = state
  return {
    scope,
    group: state.group,
    standing: status?.standing ?? 'none',
    leader: group?.leader,
    voters: status?.raft?.configuration.voters ?? [],
    missing: agreed.missing(scope),
    agreed: state.base,
    head: state.head,
    runs: { version: run.version, regionWide: run.regionWide },
    refused: kept.active.refused,
    ageMs: agreed.ageMs(scope),
    conflicts: state.conflicts().length,
    rollout: rollout === undefined ? undefined : { ...rollout, view: await agreed.rollout(scope, signal) }
  }
}
