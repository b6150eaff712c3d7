/** Election safety (Ongaro and Ousterhout 2014, section 5.2): a term has one leader at most, and a majority of the voters has voted for it. */
import type { PeerName } from '../../../../protocols/ids.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function oneLeader ({ edges, fail }: Sight): EdgeChecker {
  const name = 'one-leader'
  const leaders = new Map<string, PeerName>()
  const granted = new Map<string, Set<PeerName>>()
  return {
    name,
    onRaftSent: (_edge, message) => {
      if (message.kind !== 'vote-answer' || !message.granted) return
      const { group, term, to, from } = message
      const key = `${group}/${term}/${to}`
      granted.set(key, (granted.get(key) ?? new Set()).add(from))
    },
    onRaftRole: (edge, role, term) => {
      if (role !== 'leader') return
      const { peer, agreement } = edges[edge]!
      const key = `${agreement!.group}/${term}`
      const known = leaders.get(key)
      if (known !== undefined && known !== peer) fail(name, `${known} and ${peer} lead term ${term} of the ${agreement!.group}`)
      leaders.set(key, peer)
      const { voters } = agreement!.core!.status().configuration
      const votes = voters.filter((voter) => voter === peer || granted.get(`${key}/${peer}`)?.has(voter) === true)
      if (2 * votes.length <= voters.length) fail(name, `${peer} leads term ${term} by the votes of ${votes.join(', ')} alone; the voters are ${voters.join(', ')}`)
    }
  }
}
