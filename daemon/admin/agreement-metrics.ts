/**
 * What /metrics tells of agreement: of each group who leads it and how far its log is, as /v1/status has it, and of each scope of
 * the configuration which version runs here and how old it may be. A group's scope is `region` or `global`, the configuration's
 * are `local`, `regional` and `global`.
 */
import type { Agreement, AgreementStatus } from '../agreement/agreement.ts'
import type { AgreedConfig } from '../agreed/service.ts'
import type { Gauge, Metrics } from '../metrics.ts'

export interface AgreementMetricsInit {
  readonly agreements: Readonly<Record<'regional' | 'global', Pick<Agreement, 'status' | 'refusals' | 'counters'>>>
  readonly agreed: Pick<AgreedConfig, 'machine' | 'follower' | 'ageMs'>
  readonly groups: () => readonly AgreementStatus[]
}

const scopes = ['local', 'regional', 'global'] as const

export function addAgreementMetrics (metrics: Metrics, { agreements, agreed, groups }: AgreementMetricsInit): void {
  const ofGroups = (noun: string, help: string, value: (group: AgreementStatus) => number): void => {
    metrics.gauge('raft', noun, '', help, ['scope'], (gauge) => { for (const group of groups()) gauge.set({ scope: group.scope }, value(group)) })
  }
  ofGroups('leader_known', '1 while the group has a leader, as far as is known here.', ({ leader }) => Number(leader !== undefined))
  ofGroups('leads', '1 while this edge leads the group and its lease lasts.', ({ leads }) => Number(leads))
  ofGroups('member', '1 while this edge takes part in the group; 0 where it waits to be taken in, copies, or is out of it.', ({ standing }) => Number(standing === 'member'))
  ofGroups('term', 'The group\'s term.', ({ term }) => term)
  ofGroups('commit_index', 'Last entry that is known to be committed.', ({ commit }) => commit)
  ofGroups('applied_index', 'Last entry that was applied here.', ({ applied }) => applied)
  ofGroups('last_index', 'Last entry that is held here.', ({ last }) => last)
  ofGroups('voters', 'Edges that vote in the group.', ({ voters }) => voters.length)
  ofGroups('learners', 'Edges that learn in the group.', ({ learners }) => learners.length)
  ofGroups('waiting', 'Proposals and reads that wait here.', ({ waiting }) => waiting)

  const parts = Object.values(agreements)
  metrics.counter('raft', 'elections', '', 'Leaders that were elected, as seen here.', ['scope'], (counter) => {
    for (const part of parts) counter.inc({ scope: part.status().scope }, part.counters.elections)
  })
  metrics.counter('raft', 'proposals', '', 'Proposals made through this edge, by outcome: done, refused (nothing changed), unknown.', ['scope', 'outcome'], (counter) => {
    for (const part of parts) for (const outcome of ['done', 'refused', 'unknown'] as const) counter.inc({ scope: part.status().scope, outcome }, part.counters[outcome])
  })
  metrics.counter('raft', 'refused_messages', '', 'Messages of other members that the group did not take, by reason.', ['reason'], (counter) => {
    for (const part of parts) for (const [reason, count] of Object.entries(part.refusals())) counter.inc({ reason }, count)
  })

  metrics.gauge('config', 'active_version', '', 'The version of each scope that this edge runs; 0 before the first.', ['scope'], (gauge) => {
    for (const scope of scopes) gauge.set({ scope }, agreed.follower.of(scope).run.version)
  })
  metrics.gauge('config', 'agreed_version', '', 'The last good version of each scope, as far as is known here.', ['scope'], (gauge) => {
    for (const scope of scopes) gauge.set({ scope }, agreed.machine(scope).state.base)
  })
  metrics.gauge('config', 'age', 'seconds', 'Since when this edge surely held all that was agreed; none where it never did.', ['scope'], (gauge: Gauge<'scope'>) => {
    gauge.reset()
    for (const scope of scopes) {
      const ageMs = agreed.ageMs(scope)
      if (ageMs !== undefined) gauge.set({ scope }, ageMs / 1_000)
    }
  })
}
