/** Log matching (Ongaro and Ousterhout 2014, section 5.3): entries of one place and term are the same in all logs, and so is what precedes them. */
import type { Entry } from '../../../../protocols/raft/messages.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function logsMatch ({ edges, fail }: Sight): EdgeChecker {
  const name = 'logs-match'
  const known = new Map<string, { readonly entry: Entry, readonly prevTerm: number | undefined, readonly by: string }>()
  return {
    name,
    onRaftWritten: (edge, { entries }) => {
      const { peer, agreement } = edges[edge]!
      for (const entry of entries) {
        const { index, term, kind, data } = entry
        const key = `${agreement!.group}/${index}/${term}`
        const prevTerm = agreement!.journal.written.termAt(index - 1)
        const other = known.get(key)
        if (other === undefined) known.set(key, { entry, prevTerm, by: peer })
        else if (other.entry.kind !== kind || Buffer.compare(other.entry.data, data) !== 0) fail(name, `place ${index} of term ${term} is not the same at ${peer} as at ${other.by}`)
        else if (prevTerm !== undefined && other.prevTerm !== undefined && prevTerm !== other.prevTerm) {
          fail(name, `before place ${index} of term ${term} stands an entry of term ${prevTerm} at ${peer}, and one of term ${other.prevTerm} at ${other.by}`)
        }
      }
    }
  }
}
