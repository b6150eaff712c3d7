/**
 * A follower's side of replication (sections 5.3 and 7): takes entries where the place before them matches, and says
 * where to go on where it does not. Whatever arrives twice, late or out of order changes nothing that is committed.
 * The answers that promise something on disk leave with the `Ready` that carries it there.
 */
import { Verdict } from './ready.ts'
import { WireError } from '../errors.ts'
import type { Append, Entry, Heartbeat, InstallSnapshot } from './messages.ts'
import type { State } from './state.ts'

export function takeAppend (state: State, { from, term, prevIndex, prevTerm, entries, commit }: Append): Verdict {
  const { log } = state
  if (!isInOrder(entries, prevIndex, prevTerm, term)) return Verdict.Contradiction
  if (prevIndex < log.commit) return takeOverlap(state, from, entries)
  if (log.termAt(prevIndex) !== prevTerm) {
    const hint = log.backOff(prevIndex, prevTerm)
    state.send({ kind: 'append-answer', to: from, index: prevIndex, rejected: true, hintIndex: hint.index, hintTerm: hint.term })
    return Verdict.Taken
  }
  const first = log.firstNew(entries)
  if (first !== undefined && !replace(state, entries.slice(first.index - prevIndex - 1))) return Verdict.Contradiction
  const last = prevIndex + entries.length
  state.matched = Math.max(state.matched, last)
  log.commitTo(Math.min(commit, last))
  confirm(state, from, last)
  return Verdict.Taken
}

/** What reaches back behind the commit index is late or repeated: the leader hears where to go on. */
function takeOverlap (state: State, from: string, entries: readonly Entry[]): Verdict {
  const { log } = state
  const differs = entries.some(({ index, term }) => index >= log.firstIndex && index <= log.commit && log.termAt(index) !== term)
  if (differs) return Verdict.Contradiction
  confirm(state, from, log.commit)
  return Verdict.Taken
}

/** @returns whether the entries were taken: not when a configuration among them cannot be read */
function replace (state: State, entries: readonly Entry[]): boolean {
  try {
    state.configurations.take(entries)
  } catch (error) {
    if (error instanceof WireError) return false
    throw error
  }
  state.log.replace(entries)
  return true
}

/** The commit index travels along only as far as this log is known to be the leader's. */
export function takeHeartbeat (state: State, { from, round, commit }: Heartbeat): Verdict {
  state.heardRound = Math.max(state.heardRound, round)
  state.log.commitTo(Math.min(commit, state.matched))
  state.send({ kind: 'heartbeat-answer', to: from, round, life: state.life })
  return Verdict.Taken
}

export function takeSnapshot (state: State, { from, term, snapshot }: InstallSnapshot): Verdict {
  const { log, configurations } = state
  if (snapshot.term > term || snapshot.index === 0) return Verdict.Contradiction
  if (snapshot.index > log.commit) {
    // Where the log already holds the place, what follows it stays (figure 13).
    if (log.termAt(snapshot.index) === snapshot.term) log.commitTo(snapshot.index)
    else {
      log.restore(snapshot)
      configurations.restore(snapshot.index, snapshot.configuration)
    }
    state.matched = Math.max(state.matched, snapshot.index)
  }
  confirm(state, from, log.commit)
  return Verdict.Taken
}

function confirm (state: State, to: string, index: number): void {
  state.send({ kind: 'append-answer', to, index, rejected: false, hintIndex: 0, hintTerm: 0 })
}

/** Whether the entries follow the place without a gap, and their terms rise to the sender's at most. */
function isInOrder (entries: readonly Entry[], prevIndex: number, prevTerm: number, term: number): boolean {
  if ((prevIndex === 0) !== (prevTerm === 0)) return false
  let last = prevTerm
  return last <= term && entries.every((entry, at) => {
    const follows = entry.index === prevIndex + 1 + at && entry.term >= Math.max(last, 1) && entry.term <= term
    last = entry.term
    return follows
  })
}
