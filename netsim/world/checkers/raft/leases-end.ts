/** No leader relies on its lease any more when another begins to lead (Ongaro's thesis, section 6.4.1). */
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function leasesEnd ({ edges, fail }: Sight): EdgeChecker {
  const name = 'leases-end'
  return {
    name,
    onRaftRole: (edge, role, term) => {
      if (role !== 'leader') return
      const { peer, region } = edges[edge]!
      for (const other of edges) {
        const { core, ticksDue } = other.agreement!
        if (other.region !== region || core === undefined || core.role !== 'leader' || core.term >= term) continue
        // It is told of time before it looks at its lease.
        if (core.leaseTicksLeft() > ticksDue) fail(name, `${peer} begins to lead term ${term} while ${other.peer} has a lease of ${core.leaseTicksLeft() - ticksDue} ticks of term ${core.term}`)
      }
    }
  }
}
