/**
 * A server of a Raft group as a pure core, in the manner of etcd/raft: `step` takes a message, `tick` time, `propose` a
 * value; `ready` says what to write, send and apply, in this order, and `advance` that it is done. No clock, socket, disk or
 * chance of its own. The host and its transport: `ready.ts` has the order of work.
 *
 * Reading order: `messages.ts` (what is kept and said), `ready.ts`, `quorum.ts`, `configuration.ts`, `log.ts`; then `state.ts`
 * and the roles, `election.ts`, `follower.ts`, `leader.ts` with `progress.ts`, `lease.ts`, `reads.ts`; this file last: who is heard,
 * and how one role follows another. `codec.ts` and `settings.ts` stand beside.
 *
 * What one may rely on: Ongaro and Ousterhout 2014 (extended version), figure 3; for reads, transfer, pre-votes and changes of
 * the configuration Ongaro's thesis. Servers may stop, forget what was not synced, and be slow; links may lose, repeat, delay
 * and reorder. Clocks matter for leases alone (`leaseTicks`). Voters that lie are beyond Raft; that they can do little by
 * accident is the work of `Verdict`.
 */
import assert from 'node:assert/strict'
import { ColonyError } from '../errors.ts'
import { contextMax } from './codec.ts'
import { encodeConfiguration } from './configuration.ts'
import { campaign, takeVoteAnswer, takeVoteRequest } from './election.ts'
import { takeAppend, takeHeartbeat, takeSnapshot } from './follower.ts'
import { Leader } from './leader.ts'
import { EntryKind, Refusal, type Append, type Configuration, type ConfigurationChange, type HardState, type Heartbeat, type InstallSnapshot, type Message, type Proposal, type ProposalAnswer, type Read, type ReadAnswer, type Snapshot, type TimeoutNow } from './messages.ts'
import { Role, Verdict, type Proposed, type ReadStanding, type Ready, type Status, type Stored } from './ready.ts'
import { checkSettings } from './settings.ts'
import { State, type RaftInit } from './state.ts'
import type { PeerName } from '../ids.ts'

export type { RaftInit } from './state.ts'

/** Terms end here, so that they can be counted exactly. */
const termMax = 2 ** 52

/** The disk of a server that joins: it knows nobody, and learns all from the group's leader. */
export const emptyStored: Stored = Object.freeze({ hardState: { term: 0, vote: undefined, commit: 0 }, snapshot: undefined, entries: [] })

/** The disk of a group's founder, to be written before anything else (thesis section 4.4): a first entry with the configuration, committed. */
export function bootstrap (configuration: Configuration): Stored {
  const entry = { index: 1, term: 1, kind: EntryKind.Configuration, data: encodeConfiguration(configuration) }
  return { hardState: { term: 1, vote: undefined, commit: 1 }, snapshot: undefined, entries: [entry] }
}

export class Raft {
  readonly #state: State
  #leader: Leader | undefined
  #saved: HardState
  #handed: HardState | undefined
  /** Terms by which others may still raise this server's, and when that was so. */
  #termRoom: number
  #termRoomAt = 0

  /** @throws ColonyError for settings that cannot work, and for a stored log that contradicts itself */
  constructor (init: RaftInit) {
    checkSettings(init.settings)
    this.#state = new State(init)
    this.#termRoom = init.settings.termJumpMax
    this.#saved = this.#hardState()
  }

  get role (): Role { return this.#state.role }
  get term (): number { return this.#state.term }
  get leader (): PeerName | undefined { return this.#state.leader }
  get commit (): number { return this.#state.log.commit }
  get applied (): number { return this.#state.log.applied }

  /**
   * Ticks for which this leader may rely on being the only one; 0 for everybody else. Its duties go on while it is above 0.
   * Right only if `tick` was told all the time that passed.
   */
  leaseTicksLeft (): number {
    return this.#leader?.lease.ticksLeft() ?? 0
  }

  status (): Status {
    const { role, term, leader, now, log, configurations, settings: { electionTicks } } = this.#state
    const { commit, applied, firstIndex, lastIndex, lastTerm, bytes: logBytes } = log
    return {
      role, term, leader, commit, applied, firstIndex, lastIndex, lastTerm, logBytes,
      configuration: configurations.latest,
      configurationIndex: configurations.index,
      quietTicks: this.#leader !== undefined ? 0 : now - this.#state.heardAt,
      transferee: this.#leader?.transferee,
      progress: [...this.#leader?.progress ?? []].map(([peer, { match, state, heardAt, hasAnswered }]) => ({ peer, match, state, active: now - heardAt < electionTicks, hasAnswered }))
    }
  }

  /** Lets time pass; what fell due meanwhile happens once. */
  tick (count = 1): void {
    const state = this.#state
    state.now += count
    if (this.#leader !== undefined) {
      if (!this.#leader.tick()) this.#follow(state.term, undefined)
    } else if (state.isElectable && state.now >= state.electionAt) campaign(state, false)
    this.#settle()
  }

  /** Ticks until time alone makes something happen, 1 at least; Infinity for learners. */
  ticksUntilDue (): number {
    const state = this.#state
    const dueAt = this.#leader?.dueAt() ?? (state.isElectable ? state.electionAt : Infinity)
    return Math.max(1, dueAt - state.now)
  }

  /** Stands for election before its time. @returns whether it did: not while a leader may rely on this server */
  campaign (): boolean {
    const state = this.#state
    const isAlone = state.configurations.latest.voters.length === 1 && state.isVoter(state.self)
    if (this.#leader !== undefined || !state.isElectable || (state.isPromised && !isAlone)) return false
    campaign(state, false)
    this.#settle()
    return true
  }

  /**
   * Appends `data` to the log, or has the leader do so.
   *
   * @param context the host's mark, by which `Ready.proposals` tells what became of a forwarded proposal; at most 128 characters
   */
  propose (data: Uint8Array, context: string): Proposed {
    assert(context.length <= contextMax, 'a context is short')
    if (this.#leader !== undefined) return this.#leader.propose(data)
    const { leader, settings } = this.#state
    if (leader === undefined) return { kind: 'refused', refusal: Refusal.NoLeader }
    if (data.byteLength > settings.proposalBytesMax) return { kind: 'refused', refusal: Refusal.TooLarge }
    this.#state.send({ kind: 'proposal', to: leader, context, data })
    return { kind: 'forwarded', to: leader }
  }

  /** Changes the configuration, by one voter at most; the leader's to do. May be asked again: a change that is made already is refused as one that does nothing. */
  change (change: ConfigurationChange): Proposed {
    return this.#leader?.change(change) ?? { kind: 'refused', refusal: Refusal.NotLeader }
  }

  /** Finds out from which place on the state machine is current now: by lease, or by asking a majority. */
  read (context: string, { lease }: { readonly lease: boolean }): ReadStanding {
    assert(context.length <= contextMax, 'a context is short')
    const { self, leader } = this.#state
    if (this.#leader !== undefined) return this.#leader.read(context, self, lease)
    if (leader === undefined) return { kind: 'refused', refusal: Refusal.NoLeader }
    this.#state.send({ kind: 'read', to: leader, context, lease })
    return { kind: 'asked' }
  }

  /** Hands leadership to `to`. @returns why not, where it is not even tried; after an election timeout it is given up */
  transfer (to: PeerName): Refusal | undefined {
    return this.#leader === undefined ? Refusal.NotLeader : this.#leader.transfer(to)
  }

  /** `peer` may be there (again): learners are seldom asked otherwise. The leader's to do. */
  attend (peer: PeerName): void {
    this.#leader?.attend(peer)
  }

  /** The link to `peer` broke: what was under way is taken as lost. */
  unreachable (peer: PeerName): void {
    this.#leader?.unreachable(peer)
  }

  /**
   * Puts the host's state after `index` in place of the log up to there.
   *
   * @returns what the host writes and syncs before it deletes entries; undefined where `index` is not applied yet, or in the snapshot already
   * @throws ColonyError when the state is larger than a snapshot may be
   */
  compact (index: number, data: Uint8Array): Snapshot | undefined {
    const { log, configurations, settings: { keptEntries, keptBytes, snapshotBytesMax } } = this.#state
    if (data.byteLength > snapshotBytesMax) throw new ColonyError('COLONY_RAFT_SNAPSHOT', `the state has ${data.byteLength} bytes; a snapshot holds at most ${snapshotBytesMax}`)
    const term = log.termAt(index)
    if (term === undefined || index > log.applied || index <= (log.snapshot?.index ?? 0)) return undefined
    const snapshot = { index, term, configuration: configurations.at(index), data }
    log.compact(snapshot, keptEntries, keptBytes)
    configurations.compact(index)
    return snapshot
  }

  hasReady (): boolean {
    const { messages, reads, refusedReads, proposals, log } = this.#state
    if (this.#handed !== undefined) return false
    return messages.length + reads.length + refusedReads.length + proposals.length > 0 || log.hasWork || this.#leader?.isDirty === true || this.#isUnsaved()
  }

  ready (): Ready {
    assert(this.#handed === undefined, 'one Ready at a time: advance() comes first')
    const state = this.#state
    this.#leader?.flush()
    const hardState = this.#hardState()
    const { snapshot, entries, committed } = state.log.hand(state.settings.applyBytesMax)
    const isNewTerm = hardState.term !== this.#saved.term || hardState.vote !== this.#saved.vote
    const { messages, reads, refusedReads, proposals } = state
    const early = isNewTerm || snapshot !== undefined ? [] : messages.filter(isEarly)
    const ready: Ready = {
      early,
      hardState: this.#isUnsaved() ? hardState : undefined,
      snapshot,
      entries,
      mustSync: isNewTerm || entries.length > 0 || snapshot !== undefined,
      messages: early.length === 0 ? messages : messages.filter((message) => !isEarly(message)),
      committed, reads, refusedReads, proposals
    }
    state.messages = []
    state.reads = []
    state.refusedReads = []
    state.proposals = []
    this.#handed = hardState
    return ready
  }

  /** The last `ready` is on disk, sent and applied. */
  advance (): void {
    assert(this.#handed !== undefined, 'advance() follows ready()')
    this.#saved = this.#handed
    this.#handed = undefined
    this.#state.log.advance()
    this.#leader?.persisted()
    this.#settle()
  }

  /** Takes a message. Never throws on what a peer can say. */
  step (message: Message): Verdict {
    const { term } = this.#state
    const room = this.#roomForTerms()
    const verdict = this.#take(message, room)
    // A server without a term spends nothing on its first; its own candidacies spend, too, and leave no less than none.
    if (term > 0) this.#termRoom = Math.max(0, room - (this.#state.term - term))
    this.#settle()
    return verdict
  }

  /**
   * How far ahead a term may be now. It grows with time and each rise spends of it, so that one peer, however much it says,
   * cannot bring the group to the last term: ahead of the elections that there are by `termJumpMax` and a term each `termTicks`.
   */
  #roomForTerms (): number {
    const { now, settings: { termJumpMax, termTicks } } = this.#state
    const grown = Math.floor((now - this.#termRoomAt) / termTicks)
    this.#termRoomAt += grown * termTicks
    this.#termRoom = Math.min(termJumpMax, this.#termRoom + grown)
    return this.#termRoom
  }

  #take (message: Message, termRoom: number): Verdict {
    const { group, self, term } = this.#state
    if (message.group !== group) return Verdict.OtherGroup
    if (message.to !== self || message.from === self) return Verdict.NotForMe
    if (message.term > termMax || (term > 0 && message.term > term + termRoom)) return Verdict.TermTooFar
    switch (message.kind) {
      case 'pre-vote':
      case 'vote': return takeVoteRequest(this.#state, message)
      case 'append':
      case 'heartbeat':
      case 'snapshot': return this.#takeFromLeader(message)
      case 'pre-vote-answer':
        if (message.granted) return takeVoteAnswer(this.#state, message)
        break
      case 'vote-answer':
      case 'append-answer':
      case 'heartbeat-answer': break
      case 'timeout-now': return this.#takeTimeoutNow(message)
      case 'proposal': return this.#takeProposal(message)
      case 'read': return this.#takeRead(message)
      case 'proposal-answer':
      case 'read-answer': return this.#takeOutcome(message)
    }
    return this.#takeAnswer(message)
  }

  /**
   * A term has one leader. A peer that is no voter in the configuration here may be a leader of a later one: it is heard
   * once the leader that is known has been silent for an election timeout, or when nobody is known at all.
   */
  #takeFromLeader (message: Append | Heartbeat | InstallSnapshot): Verdict {
    const state = this.#state
    const { from, term } = message
    if (term < state.term) {
      // It would not learn of the new term otherwise, as nobody asks it for votes while there is a leader.
      state.send({ kind: 'append-answer', to: from, index: 0, rejected: true, hintIndex: 0, hintTerm: 0 })
      return Verdict.Stale
    }
    if (term === state.term && state.leader !== undefined && state.leader !== from) return Verdict.Contradiction
    if (term === state.term && state.leader === state.self) return Verdict.Contradiction
    const isStranger = state.configurations.latest.voters.length > 0 && !state.isVoter(from) && state.leader !== from
    if (isStranger && (state.isPromised || state.role === Role.Leader)) return Verdict.Undisturbed
    if (term > state.term || state.leader === undefined) this.#follow(term, from)
    state.hear()
    switch (message.kind) {
      case 'append': return takeAppend(state, message)
      case 'heartbeat': return takeHeartbeat(state, message)
      case 'snapshot': return takeSnapshot(state, message)
    }
  }

  /** Answers count in the term in which something was asked; a member's higher term ends one's own. */
  #takeAnswer (message: Message & { kind: 'pre-vote-answer' | 'vote-answer' | 'append-answer' | 'heartbeat-answer' }): Verdict {
    const state = this.#state
    if (message.term < state.term) return Verdict.Stale
    if (message.term > state.term) {
      if (!state.isMember(message.from)) return Verdict.NotMember
      this.#follow(message.term, undefined)
      return Verdict.Taken
    }
    switch (message.kind) {
      case 'pre-vote-answer':
      case 'vote-answer': return takeVoteAnswer(state, message)
      case 'append-answer': return this.#leader?.takeAppendAnswer(message) ?? Verdict.Stale
      case 'heartbeat-answer': return this.#leader?.takeHeartbeatAnswer(message) ?? Verdict.Stale
    }
  }

  #takeTimeoutNow ({ from, term, round, life }: TimeoutNow): Verdict {
    const state = this.#state
    if (term !== state.term || from !== state.leader || life !== state.life || round < state.heardRound) return Verdict.Stale
    if (!state.isElectable) return Verdict.NotMember
    campaign(state, true)
    return Verdict.Taken
  }

  #takeProposal ({ from, context, data }: Proposal): Verdict {
    const state = this.#state
    if (!state.isMember(from)) return Verdict.NotMember
    const proposed: Proposed = this.#leader?.propose(data) ?? { kind: 'refused', refusal: Refusal.NotLeader }
    const index = proposed.kind === 'appended' ? proposed.index : 0
    state.send({ kind: 'proposal-answer', to: from, context, index, refusal: proposed.kind === 'refused' ? proposed.refusal : undefined })
    return Verdict.Taken
  }

  #takeRead ({ from, context, lease }: Read): Verdict {
    const state = this.#state
    if (!state.isMember(from)) return Verdict.NotMember
    if (this.#leader !== undefined) this.#leader.read(context, from, lease)
    else state.send({ kind: 'read-answer', to: from, context, index: 0, refusal: Refusal.NotLeader })
    return Verdict.Taken
  }

  /** What became of something that was forwarded: only the leader that is known may say it. */
  #takeOutcome ({ kind, from, term, context, index, refusal }: ProposalAnswer | ReadAnswer): Verdict {
    const state = this.#state
    if (term !== state.term || from !== state.leader) return Verdict.Stale
    if (kind === 'proposal-answer') state.proposals.push(refusal === undefined ? { kind: 'appended', context, index, term } : { kind: 'refused', context, refusal })
    else if (refusal === undefined) state.reads.push({ context, index })
    else state.refusedReads.push({ context, refusal })
    return Verdict.Taken
  }

  #follow (term: number, leader: PeerName | undefined): void {
    this.#state.follow(term, leader)
    this.#settle()
  }

  /** Roles are entered and left in many places; what belongs to a leadership begins and ends here. */
  #settle (): void {
    const state = this.#state
    if (state.role !== Role.Leader) {
      this.#leader?.end()
      this.#leader = undefined
      return
    }
    this.#leader ??= new Leader(state)
    // A leader that is no voter any more leads until that is committed (thesis section 4.2.2), and names an heir.
    const { configurations, log } = state
    if (configurations.index > log.commit || state.isVoter(state.self)) return
    const heir = this.#leader.heir()
    this.#leader.flush()
    if (heir !== undefined) this.#leader.order(heir)
    this.#follow(state.term, undefined)
  }

  #hardState (): HardState {
    const { term, vote, log: { commit } } = this.#state
    return { term, vote, commit }
  }

  #isUnsaved (): boolean {
    const { term, vote, log: { commit } } = this.#state
    return term !== this.#saved.term || vote !== this.#saved.vote || commit !== this.#saved.commit
  }
}

/** What a leader says of its own log promises nothing of its disk. */
function isEarly ({ kind }: Message): boolean {
  return kind === 'append' || kind === 'heartbeat' || kind === 'snapshot'
}
