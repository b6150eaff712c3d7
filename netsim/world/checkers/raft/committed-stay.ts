/**
 * What is committed stays so. A leader commits what a majority of the voters has on disk and what is of its own term (Ongaro and
 * Ousterhout 2014, section 5.4.2); no place is committed twice with different entries; leaders of later terms have it in their logs
 * (leader completeness, section 5.4.3); nobody takes for committed, or applies, what is not.
 */
import type { GroupId } from '../../../../protocols/raft/messages.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

interface Committed {
  /** Of the entry. */
  readonly term: number
  /** Of the leader that committed it. */
  readonly by: number
}

export function committedStay ({ edges, fail }: Sight): EdgeChecker {
  const name = 'committed-stay'
  /** By place; the founders' entry is committed from the beginning. */
  const all = new Map<GroupId, Array<Committed | undefined>>()
  const committedOf = (group: GroupId): Array<Committed | undefined> => {
    const known = all.get(group) ?? [undefined, { term: 1, by: 1 }]
    all.set(group, known)
    return known
  }
  const ledTerm = edges.map(() => 0)
  const holders = new Map(edges.map((edge) => [edge.peer, edge]))
  return {
    name,
    onRaftCommit: (edge, index) => {
      const { peer, agreement } = edges[edge]!
      const { core, journal, group } = agreement!
      const committed = committedOf(group)
      const { role, term } = core!
      const { voters } = core!.status().configuration
      // Who has committed that it is no voter any more steps down at once.
      const hasJustLed = ledTerm[edge] === term && !voters.includes(peer)
      if (role !== 'leader' && !hasJustLed) {
        if (index >= committed.length) fail(name, `${peer} takes place ${index} for committed; leaders have committed up to ${committed.length - 1}`)
        return
      }
      const last = journal.written.termAt(index)
      if (last !== term) fail(name, `${peer}, leader of term ${term}, commits place ${index} of term ${last} by itself`)
      const having = voters.filter((voter) => holders.get(voter)!.agreement!.journal.durable.holds(index, term))
      if (2 * having.length <= voters.length) fail(name, `${peer} commits place ${index} in term ${term}, which only ${having.join(', ') || 'nobody'} of ${voters.join(', ')} ${having.length === 1 ? 'has' : 'have'} on disk`)
      for (let place = index; place > 0; place--) {
        const entryTerm = journal.written.termAt(place)
        const before = committed[place]
        if (entryTerm === undefined || before?.term === entryTerm) break
        if (before !== undefined) fail(name, `${peer} commits an entry of term ${entryTerm} at place ${place}, where one of term ${before.term} was committed`)
        committed[place] = { term: entryTerm, by: term }
      }
    },
    onRaftRole: (edge, role, term) => {
      const { peer, agreement } = edges[edge]!
      const { core, journal, group } = agreement!
      // Who votes alone leads at once, and may not have written yet what it was sent.
      if (role === 'leader') ledTerm[edge] = term
      if (role !== 'leader' || core!.status().configuration.voters.length === 1) return
      for (const [index, entry] of committedOf(group).entries()) {
        if (entry !== undefined && entry.by < term && !journal.written.holds(index, entry.term)) {
          fail(name, `${peer} leads term ${term} without place ${index} of term ${entry.term}, which was committed in term ${entry.by}`)
        }
      }
    },
    onRaftApplied: (edge, { index, term }) => {
      const { peer, agreement } = edges[edge]!
      const entry = committedOf(agreement!.group)[index]
      if (entry?.term !== term) fail(name, `${peer} applies place ${index} of term ${term}, ${entry === undefined ? 'which nobody has committed' : `where one of term ${entry.term} was committed`}`)
    }
  }
}
