/**
 * What a server has said it finds on its disk when it starts again (Ongaro and Ousterhout 2014, figure 2): its term, its vote, and the
 * entries that it acknowledged to the leader of that term.
 */
import type { PeerName } from '../../../../protocols/ids.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

interface Promise { term: number, vote: PeerName | undefined, acknowledged: number }

export function promisesKept ({ edges, fail }: Sight): EdgeChecker {
  const name = 'promises-kept'
  const promises: Promise[] = edges.map(() => ({ term: 0, vote: undefined, acknowledged: 0 }))
  return {
    name,
    onRaftSent: (edge, message) => {
      const promise = promises[edge]!
      const { kind, term } = message
      // These name a term that nobody has entered.
      if (kind === 'pre-vote' || kind === 'pre-vote-answer') return
      if (term > promise.term) Object.assign(promise, { term, vote: undefined, acknowledged: 0 })
      if (kind === 'vote') promise.vote = message.from
      if (kind === 'vote-answer' && message.granted) promise.vote = message.to
      if (kind === 'append-answer' && !message.rejected) promise.acknowledged = Math.max(promise.acknowledged, message.index)
    },
    onRaftStarted: (edge) => {
      const { peer, agreement } = edges[edge]!
      const { hardState, lastIndex } = agreement!.journal.written
      const { term, vote, acknowledged } = promises[edge]!
      if (hardState.term < term) fail(name, `${peer} starts in term ${hardState.term}; it had spoken in term ${term}`)
      if (hardState.term > term) return
      if (vote !== undefined && hardState.vote !== vote) fail(name, `${peer} starts with a vote for ${hardState.vote ?? 'nobody'} in term ${term}; it had voted for ${vote}`)
      if (lastIndex < acknowledged) fail(name, `${peer} starts with a log that ends at ${lastIndex}; it had acknowledged ${acknowledged} in term ${term}`)
    }
  }
}
