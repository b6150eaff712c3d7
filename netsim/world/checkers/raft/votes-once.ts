/** A server votes once a term, and for nobody whose log ends before its own (Ongaro and Ousterhout 2014, sections 5.2 and 5.4.1). */
import type { VoteRequest } from '../../../../protocols/raft/messages.ts'
import type { PeerName } from '../../../../protocols/ids.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function votesOnce ({ edges, fail }: Sight): EdgeChecker {
  const name = 'votes-once'
  const votes = new Map<string, PeerName>()
  const requests = new Map<string, VoteRequest>()
  const vote = (voter: PeerName, term: number, group: string, candidate: PeerName): void => {
    const key = `${group}/${term}/${voter}`
    const before = votes.get(key)
    if (before !== undefined && before !== candidate) fail(name, `${voter} votes for ${candidate} in term ${term}; it has voted for ${before}`)
    votes.set(key, candidate)
  }
  return {
    name,
    onRaftSent: (edge, message) => {
      const { group, from, to, term } = message
      if (message.kind === 'vote') {
        requests.set(`${group}/${term}/${from}`, message)
        vote(from, term, group, from)
      } else if (message.kind === 'vote-answer' && message.granted) {
        vote(from, term, group, to)
        const { lastIndex, lastTerm } = edges[edge]!.agreement!.journal.written
        const asked = requests.get(`${group}/${term}/${to}`)
        // What the elected one has sent meanwhile is of this term.
        if (asked === undefined || lastTerm >= term) return
        if (asked.lastTerm < lastTerm || (asked.lastTerm === lastTerm && asked.lastIndex < lastIndex)) {
          fail(name, `${from}, whose log ends at ${lastIndex} of term ${lastTerm}, votes for ${to}, whose log ends at ${asked.lastIndex} of term ${asked.lastTerm}`)
        }
      }
    }
  }
}
