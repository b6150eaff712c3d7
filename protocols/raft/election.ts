/**
 * Elections (section 5.2; thesis section 9.6 for pre-votes). A server first asks whether it would be voted for, which changes
 * nothing anywhere, and only with a majority of such promises enters the next term: so one that was cut off comes back
 * with the term it left with, and disturbs nobody. A vote is given once a term, to a log that lacks nothing committed, and
 * not at all while a leader is heard. Two that ask for pre-votes at once would promise each other theirs and then split the votes: the
 * one whose name sorts first goes back.
 */
import { Role, Verdict } from './ready.ts'
import { Votes } from './quorum.ts'
import type { VoteAnswer, VoteRequest } from './messages.ts'
import type { State } from './state.ts'

/** Asks for pre-votes, or on the leader's word at once for votes. */
export function campaign (state: State, transfer: boolean): void {
  state.transfer = transfer
  if (transfer) stand(state)
  else poll(state)
}

/** The first round: would you vote for me in the next term? */
function poll (state: State): void {
  state.role = Role.PreCandidate
  state.leader = undefined
  ask(state, 'pre-vote', state.term + 1)
}

/** The second round: vote for me in this term. */
function stand (state: State): void {
  state.enter(state.term + 1)
  state.role = Role.Candidate
  state.leader = undefined
  state.vote = state.self
  // Whoever stands on the leader's word is free of its promise to it.
  state.heardAt = -Infinity
  ask(state, 'vote', state.term)
}

function ask (state: State, kind: VoteRequest['kind'], term: number): void {
  state.restartTimer()
  state.votes = new Votes()
  state.votes.record(state.self, true)
  const { lastIndex, lastTerm } = state.log
  for (const to of state.configurations.latest.voters) {
    if (to !== state.self) state.send({ kind, to, term, lastIndex, lastTerm, transfer: state.transfer })
  }
  count(state)
}

function count (state: State): void {
  const tally = state.votes.tally(state.configurations.latest.voters)
  if (tally === 'lost') state.follow(state.term, undefined)
  if (tally !== 'won') return
  if (state.role === Role.PreCandidate) stand(state)
  else {
    state.role = Role.Leader
    state.leader = state.self
  }
}

/**
 * A peer that is no voter here may be one in a later configuration, so it is heard; but like all others only while no
 * leader is, and its term counts only where it gets the vote. An empty log gives none: whoever is counted as a voter
 * has had entries, and has lost them with its memory of votes.
 */
export function takeVoteRequest (state: State, request: VoteRequest): Verdict {
  const { kind, from, term, lastIndex, lastTerm } = request
  const known = state.isVoter(from)
  const byLeader = kind === 'vote' && request.transfer && known
  if (term > state.term && (state.role === Role.Leader || state.isPromised) && !byLeader) return Verdict.Undisturbed
  const upToDate = state.log.lastIndex > 0 && state.log.isUpToDate(lastIndex, lastTerm)
  if (term > state.term && !known && !upToDate) return Verdict.NotMember
  if (kind === 'vote' && term > state.term) state.follow(term, undefined)
  const free = term > state.term || (term === state.term && (state.vote === from || (state.vote === undefined && state.leader === undefined)))
  const granted = free && upToDate && (!state.isPromised || byLeader)
  if (kind === 'pre-vote') {
    state.send({ kind: 'pre-vote-answer', to: from, granted, term: granted ? term : state.term })
    if (granted && state.role === Role.PreCandidate && state.self < from) state.follow(state.term, undefined)
    return Verdict.Taken
  }
  state.send({ kind: 'vote-answer', to: from, granted })
  if (!granted) return term < state.term ? Verdict.Stale : Verdict.Taken
  state.vote = from
  state.restartTimer()
  return Verdict.Taken
}

/** An answer of this term, or a granted pre-vote for the next. */
export function takeVoteAnswer (state: State, { kind, from, term, granted }: VoteAnswer): Verdict {
  const asked = kind === 'pre-vote-answer' ? Role.PreCandidate : Role.Candidate
  const meant = kind === 'pre-vote-answer' && granted ? state.term + 1 : state.term
  if (state.role !== asked || term !== meant) return Verdict.Stale
  if (!state.isVoter(from)) return Verdict.NotMember
  state.votes.record(from, granted)
  count(state)
  return Verdict.Taken
}
