/**
 * What a Raft group keeps and what its servers say to each other (Ongaro and Ousterhout 2014, figure 2;
 * Ongaro's thesis for pre-votes, transfer and read-index). Plain values: the codec (`codec.ts`) turns them into
 * bytes, the core never changes one that it was given or gave away. Every message names its group, as two
 * groups may meet on one link; the sender's name comes from the link, never from the message's bytes.
 */
import type { PeerName } from '../ids.ts'

/** Random, drawn once when a group is founded; 1 to 64 characters. */
export type GroupId = string

export const EntryKind = { Data: 0, Configuration: 1, Empty: 2 } as const
export type EntryKind = typeof EntryKind[keyof typeof EntryKind]

/** One place of the log. `Data` is the host's; a new leader's first entry is `Empty` (section 8). */
export interface Entry {
  /** From 1, without gaps. */
  readonly index: number
  readonly term: number
  readonly kind: EntryKind
  readonly data: Uint8Array
}

/** Who takes part. Sorted, disjoint. Voters decide; learners only receive (thesis section 4.2.1). */
export interface Configuration {
  readonly voters: readonly PeerName[]
  readonly learners: readonly PeerName[]
}

export const ChangeKind = { AddLearner: 'add-learner', Promote: 'promote', Demote: 'demote', Remove: 'remove' } as const
export type ChangeKind = typeof ChangeKind[keyof typeof ChangeKind]

/**
 * A single-server change (thesis section 4.1): voters never change by more than one, so that any majority before and any after
 * share a server. Learners are in no majority, so any number of them may come or go in one change: voters
 * before and after are the same then, and so are the majorities.
 */
export interface ConfigurationChange {
  readonly kind: ChangeKind
  /** One to promote or to demote; to add or to remove any number of learners. Those that stand so already are passed over. */
  readonly peers: readonly PeerName[]
}

/** What must be on disk before any message that rests on it is sent (section 5.1; figure 2). */
export interface HardState {
  readonly term: number
  /** Whom this server voted for in `term`. */
  readonly vote: PeerName | undefined
  /** May be written late: it is found again from the leader. */
  readonly commit: number
}

/** The state after `index`, in place of all entries up to it (section 7). */
export interface Snapshot {
  readonly index: number
  readonly term: number
  /** The configuration at `index`. */
  readonly configuration: Configuration
  readonly data: Uint8Array
}

interface Envelope {
  readonly group: GroupId
  readonly from: PeerName
  readonly to: PeerName
  /** The sender's term; of a pre-vote and a granted one the term that is asked for, which nobody has entered. */
  readonly term: number
}

/** `transfer`: the leader itself asked for this election, so its lease does not forbid it (thesis section 4.2.3). */
export interface VoteRequest extends Envelope {
  readonly kind: 'pre-vote' | 'vote'
  readonly lastIndex: number
  readonly lastTerm: number
  readonly transfer: boolean
}

export interface VoteAnswer extends Envelope {
  readonly kind: 'pre-vote-answer' | 'vote-answer'
  readonly granted: boolean
}

export interface Append extends Envelope {
  readonly kind: 'append'
  /** The place before the entries, which must match (section 5.3). */
  readonly prevIndex: number
  readonly prevTerm: number
  readonly entries: readonly Entry[]
  readonly commit: number
}

export interface AppendAnswer extends Envelope {
  readonly kind: 'append-answer'
  /** The last matching place, which is on disk; of a rejection the `prevIndex` that did not match. */
  readonly index: number
  readonly rejected: boolean
  /** Of a rejection: the last place that may match, and its term there (conflict back-off by term, section 5.3). */
  readonly hintIndex: number
  readonly hintTerm: number
}

/** `round` rises with each heartbeat of a term: leases and reads count its answers (thesis section 6.4). */
export interface Heartbeat extends Envelope {
  readonly kind: 'heartbeat'
  readonly round: number
  readonly commit: number
}

/** `life`: drawn by the follower at its start, so that what was meant for it before a restart is known for old. */
export interface HeartbeatAnswer extends Envelope {
  readonly kind: 'heartbeat-answer'
  readonly round: number
  readonly life: number
}

export interface InstallSnapshot extends Envelope {
  readonly kind: 'snapshot'
  readonly snapshot: Snapshot
}

/** Stand for election now (thesis section 3.10). Void once a heartbeat with a higher round was heard, and after a restart. */
export interface TimeoutNow extends Envelope {
  readonly kind: 'timeout-now'
  readonly round: number
  readonly life: number
}

/** A proposal on its way to the leader. `context` is the proposer's own mark of it. */
export interface Proposal extends Envelope {
  readonly kind: 'proposal'
  readonly context: string
  readonly data: Uint8Array
}

/** The entry stands at `index` in the leader's term, not yet committed; or why it does not. */
export interface ProposalAnswer extends Envelope {
  readonly kind: 'proposal-answer'
  readonly context: string
  readonly index: number
  readonly refusal: Refusal | undefined
}

export interface Read extends Envelope {
  readonly kind: 'read'
  readonly context: string
  /** Whether the leader may answer from its lease. */
  readonly lease: boolean
}

export interface ReadAnswer extends Envelope {
  readonly kind: 'read-answer'
  readonly context: string
  /** Reads are current once this place is applied. */
  readonly index: number
  readonly refusal: Refusal | undefined
}

export type Message =
  | VoteRequest | VoteAnswer | Append | AppendAnswer | Heartbeat | HeartbeatAnswer | InstallSnapshot
  | TimeoutNow | Proposal | ProposalAnswer | Read | ReadAnswer

/** Why something asked for was not done. Nothing of it will happen later. */
export const Refusal = {
  NoLeader: 'no-leader',
  NotLeader: 'not-leader',
  /** Leadership is being handed on. */
  Transferring: 'transferring',
  /** Too much is uncommitted, or too many reads wait. */
  Busy: 'busy',
  TooLarge: 'too-large',
  NotMember: 'not-member',
  /** An earlier change of configuration, or this leader's first entry, is not committed yet. */
  ChangePending: 'change-pending',
  /** The change would do nothing, or take the last voter. */
  BadChange: 'bad-change',
  /** The learner to promote, or the voter to lead, lacks too much. */
  NotCaughtUp: 'not-caught-up'
} as const
export type Refusal = typeof Refusal[keyof typeof Refusal]
