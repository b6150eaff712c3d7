/**
 * A leader changes its group by one server at a time (Ongaro's thesis, section 4.1), and not before it has committed an entry of its own
 * term (his correction of 2015): otherwise majorities of two configurations need not meet.
 */
import { decodeConfiguration } from '../../../../protocols/raft/configuration.ts'
import { EntryKind } from '../../../../protocols/raft/messages.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function oneChange ({ edges, settings, fail }: Sight): EdgeChecker {
  const name = 'one-change'
  const votersOf = (data: Uint8Array): readonly string[] => decodeConfiguration(data, settings.raft.membersMax).voters
  return {
    name,
    onRaftWritten: (edge, { entries }) => {
      const { peer, agreement } = edges[edge]!
      const { core, journal: { written } } = agreement!
      if (core!.role !== 'leader') return
      for (const { index, term, kind, data } of entries) {
        if (kind !== EntryKind.Configuration || term !== core!.term) continue
        const earlier = written.entries.findLast((entry) => entry.kind === EntryKind.Configuration && entry.index < index)
        if (earlier !== undefined && earlier.index > core!.commit) fail(name, `${peer} changes the group at place ${index} while the change at ${earlier.index} is not committed`)
        if (written.termAt(core!.commit) !== term) fail(name, `${peer} changes the group at place ${index} before anything of its term ${term} is committed`)
        if (earlier === undefined) continue
        const [before, after] = [new Set(votersOf(earlier.data)), new Set(votersOf(data))]
        if (before.symmetricDifference(after).size > 1) fail(name, `${peer} changes several voters at place ${index}: ${[...before].join(', ')} become ${[...after].join(', ')}`)
      }
    }
  }
}
