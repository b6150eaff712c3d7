/**
 * State machine safety (Ongaro and Ousterhout 2014, section 5.4.3): each place is applied once, in order, and everywhere the same entry;
 * states of one place are equal, however each edge came to it.
 */
import type { Entry, GroupId } from '../../../../protocols/raft/messages.ts'
import type { EdgeChecker, Sight } from '../edge-checker.ts'

export function sameOrder ({ edges, fail }: Sight): EdgeChecker {
  const name = 'same-order'
  const histories = new Map<GroupId, Entry[]>()
  const states = new Map<string, string>()
  const appliedUpTo = edges.map(() => 0)
  const historyOf = (group: GroupId): Entry[] => {
    const history = histories.get(group) ?? []
    histories.set(group, history)
    return history
  }
  return {
    name,
    onRaftStarted: (edge) => { appliedUpTo[edge] = edges[edge]!.agreement!.journal.written.snapshot?.index ?? 0 },
    onRaftApplied: (edge, entry) => {
      const { peer, agreement } = edges[edge]!
      const { index, term, data } = entry
      if (index !== appliedUpTo[edge]! + 1) fail(name, `${peer} applies place ${index} after ${appliedUpTo[edge]}`)
      appliedUpTo[edge] = index
      const history = historyOf(agreement!.group)
      const known = history[index] ??= entry
      if (known.term !== term || Buffer.compare(known.data, data) !== 0) fail(name, `${peer} applies an entry of term ${term} at place ${index}, where others applied another of term ${known.term}`)
    },
    onRaftInstalled: (edge, { index, term }) => {
      const { peer, agreement } = edges[edge]!
      if (index <= appliedUpTo[edge]!) fail(name, `${peer} is set back from place ${appliedUpTo[edge]} to a snapshot of place ${index}`)
      appliedUpTo[edge] = index
      const known = historyOf(agreement!.group)[index]
      if (known?.term !== term) fail(name, `${peer} takes a snapshot of place ${index} of term ${term}, where ${known === undefined ? 'nobody has applied anything' : `an entry of term ${known.term} was applied`}`)
    },
    onLook: () => {
      for (const { index, peer, agreement, up } of edges) {
        if (!up || agreement?.core === undefined) continue
        const key = `${agreement.group}/${appliedUpTo[index]!}`
        const state = Buffer.from(agreement.register.snapshot()).toString()
        const known = states.get(key) ?? state
        if (known !== state) fail(name, `${peer} has ${state} at place ${appliedUpTo[index]}, where others have ${known}`)
        states.set(key, state)
      }
    }
  }
}
