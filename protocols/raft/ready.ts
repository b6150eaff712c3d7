/**
 * What the core hands to its host, and in which order it is to be dealt with. One `Ready` is under way
 * at a time: the host 1. may send `early` at once, 2. persists `snapshot`, `entries` and `hardState` in one
 * synced batch, 3. sends `messages`, 4. applies `snapshot` or `committed`, 5. calls `advance()`. Meanwhile
 * `step`, `tick` and `propose` go on; what they bring comes with the next one, so writes batch by themselves.
 */
import type { PeerName } from '../ids.ts'
import type { Configuration, Entry, HardState, Message, Refusal, Snapshot } from './messages.ts'

export interface Ready {
  /** May be sent before anything is persisted: a leader's entries travel while it writes them itself (thesis section 10.2.1). */
  readonly early: readonly Message[]
  /** Write in place of what was stored; absent when unchanged. */
  readonly hardState: HardState | undefined
  /** Received from the leader: it replaces the stored snapshot, all stored entries, and the state machine's state. */
  readonly snapshot: Snapshot | undefined
  /** Write them, and delete every stored entry behind the last: they replace what was stored from the first one's index on. */
  readonly entries: readonly Entry[]
  /** Whether the batch must be synced before `messages` are sent; false where only `hardState.commit` changed. */
  readonly mustSync: boolean
  /** To be sent only once the above is on disk. */
  readonly messages: readonly Message[]
  /** Apply them in order; `Configuration` and `Empty` entries mean nothing to the state machine. */
  readonly committed: readonly Entry[]
  /** Reads that may be answered once `index` is applied; `committed` above counts. */
  readonly reads: ReadonlyArray<{ readonly context: string, readonly index: number }>
  /** What became of proposals that were forwarded. Silence means nothing: ask again with the same idempotency key. */
  readonly proposals: readonly ProposalOutcome[]
  /** Reads that will get no answer. */
  readonly refusedReads: ReadonlyArray<{ readonly context: string, readonly refusal: Refusal }>
}

export type ProposalOutcome =
  /** Committed if, and only if, the entry applied at `index` has this term. */
  | { readonly kind: 'appended', readonly context: string, readonly index: number, readonly term: number }
  | { readonly kind: 'refused', readonly context: string, readonly refusal: Refusal }

/** What `propose` says at once. */
export type Proposed =
  | { readonly kind: 'appended', readonly index: number, readonly term: number }
  /** Its outcome comes in a `Ready`, or never. */
  | { readonly kind: 'forwarded', readonly to: PeerName }
  | { readonly kind: 'refused', readonly refusal: Refusal }

/** What `read` says at once. */
export type ReadStanding =
  /** By lease: current once `index` is applied. */
  | { readonly kind: 'current', readonly index: number }
  /** The answer comes in a `Ready`, or never. */
  | { readonly kind: 'asked' }
  | { readonly kind: 'refused', readonly refusal: Refusal }

/** What became of a message. All but `taken` and `stale` are worth a counter: nothing was changed by them. */
export const Verdict = {
  Taken: 'taken',
  /** Of an earlier term or round, or repeated. Usual. */
  Stale: 'stale',
  /** A vote asked for, or a leader announced, while the leader is heard (thesis section 4.2.3). */
  Undisturbed: 'undisturbed',
  OtherGroup: 'other-group',
  NotForMe: 'not-for-me',
  /** From a peer that has no say in this. */
  NotMember: 'not-member',
  TermTooFar: 'term-too-far',
  /** Breaks a rule that no honest server breaks: a second leader in a term, other entries where committed ones stand, a place that does not exist. */
  Contradiction: 'contradiction'
} as const
export type Verdict = typeof Verdict[keyof typeof Verdict]

export const Role = { Follower: 'follower', PreCandidate: 'pre-candidate', Candidate: 'candidate', Leader: 'leader' } as const
export type Role = typeof Role[keyof typeof Role]

export interface Status {
  readonly role: Role
  readonly term: number
  readonly leader: PeerName | undefined
  readonly commit: number
  readonly applied: number
  readonly firstIndex: number
  readonly lastIndex: number
  /** Of the last entry: of two logs the one with the higher term, then index, has more (section 5.4.1). */
  readonly lastTerm: number
  /** Data of the entries held, bytes: when to compact. */
  readonly logBytes: number
  /** The latest in the log, committed or not (thesis section 4.1). */
  readonly configuration: Configuration
  readonly configurationIndex: number
  /** Ticks since a leader was last heard; 0 for a leader. Learners are told of nothing new every `learnerTicks`. */
  readonly quietTicks: number
  /** To whom a leader is handing on. */
  readonly transferee: PeerName | undefined
  /** A leader's view of the others: `active` was heard within an election timeout, which learners seldom are; `hasAnswered` the last heartbeat it was sent. */
  readonly progress: ReadonlyArray<{ readonly peer: PeerName, readonly match: number, readonly state: string, readonly active: boolean, readonly hasAnswered: boolean }>
}

/** What a server finds on its disk when it starts. */
export interface Stored {
  readonly hardState: HardState
  readonly snapshot: Snapshot | undefined
  /** Without gaps; those that the snapshot covers are skipped. */
  readonly entries: readonly Entry[]
}
