/**
 * Edges that are cut off from a leader which keeps its majority disturb nobody, neither while they are away nor when they come back
 * (pre-votes, Ongaro's thesis, section 9.6): no term begins until something else happens.
 */
import type { HostIndex } from '../../machine.ts'
import type { Region } from '../../../../protocols/ids.ts'
import type { FaultKind } from '../../faults.ts'
import type { Edge } from '../../edge/edge.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

const cuts: ReadonlySet<FaultKind> = new Set<FaultKind>(['edge-cut', 'one-way-cut', 'split', 'region-cut'])
/** All must have been well for so long before, ms, that no election is under way. */
const quietMs = 3_000

export function undisturbed ({ edges, isCut, isWell, nowMs, fail }: Sight): EdgeChecker {
  const name = 'undisturbed'
  /** The leaders whose terms nothing may end now. */
  const reigns = new Map<Region, { readonly leader: Edge, readonly term: number }>()
  const regions = Map.groupBy(edges, ({ region }) => region)
  const alteredMs = new Map<Region, number>()
  let [faults, others, wellSinceMs] = [0, 0, 0]
  /** While the hosts of one more cut stand on one side of it, and all others on the other. */
  const keepsMajority = (leader: Edge, hosts: readonly HostIndex[]): boolean => {
    const { voters } = leader.agreement!.core!.status().configuration
    const { index } = leader
    const near = edges.filter((edge) => voters.includes(edge.peer) && isWell(edge.index) && !isCut(index, edge.index) && !isCut(edge.index, index) &&
      hosts.includes(index) === hosts.includes(edge.index))
    return isWell(index) && 2 * near.length > voters.length
  }
  const leaderOf = (fellows: readonly Edge[]): Edge | undefined => fellows
    .filter(({ agreement }) => agreement!.core?.role === 'leader')
    .sort((one, other) => other.agreement!.core!.term - one.agreement!.core!.term)[0]
  return {
    name,
    onFault: ({ kind, hosts }, phase) => {
      const wasQuiet = faults === 0 && nowMs() - wellSinceMs >= quietMs
      const by = phase === 'begins' ? 1 : -1
      faults += by
      if (!cuts.has(kind)) others += by
      if (faults === 0) wellSinceMs = nowMs()
      if (others > 0 || !cuts.has(kind)) return reigns.clear()
      if (phase === 'ends') return
      for (const [region, { leader }] of reigns) if (!keepsMajority(leader, hosts)) reigns.delete(region)
      if (!wasQuiet) return
      for (const [region, fellows] of regions) {
        const leader = leaderOf(fellows)
        reigns.delete(region)
        if (leader === undefined || nowMs() - (alteredMs.get(region) ?? -Infinity) < quietMs || !keepsMajority(leader, hosts)) continue
        reigns.set(region, { leader, term: leader.agreement!.core!.term })
      }
    },
    onRaftAltered: (region) => {
      alteredMs.set(region, nowMs())
      reigns.delete(region)
    },
    onRaftRole: (edge, _role, term) => {
      const { peer, region } = edges[edge]!
      const reign = reigns.get(region)
      if (reign !== undefined && term > reign.term) fail(name, `${peer} begins term ${term} although ${reign.leader.peer}, leader of term ${reign.term}, has kept its majority`)
    }
  }
}
