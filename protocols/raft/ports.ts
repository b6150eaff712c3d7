/** What a group is given and what it tells: the state machine, its surroundings, its status. */
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'
import type { GroupId, Message } from './messages.ts'
import type { Note } from './notes.ts'
import type { Status, Verdict } from './ready.ts'
import type { RaftServiceSettings } from './service-settings.ts'
import type { RaftSettings } from './settings.ts'
import type { RaftStore, Soundness } from './store.ts'

/** What is agreed on. Deterministic: the same commands in the same order give the same state at every member. */
export interface StateMachine {
  /** Must not throw: a command that is wrong is one that changes nothing. @returns what the proposer gets */
  apply: (command: Uint8Array, place: { readonly index: number, readonly term: number }) => unknown
  snapshot: () => Uint8Array
  /** In place of all state; undefined for the state before the first command. */
  restore: (snapshot: Uint8Array | undefined) => void
}

/** What this member is: without a log, waiting to be taken in, taking part, or out of it until it is started again. */
export type Standing = 'empty' | 'untrusted' | 'member' | 'failed' | 'stopped'

export interface GroupStatus {
  readonly slot: string
  readonly standing: Standing
  readonly group: GroupId | undefined
  /** What the last opening found. */
  readonly soundness: Soundness | undefined
  /** Why it failed. */
  readonly failure: string | undefined
  /** Undefined unless it is a member. */
  readonly raft: Status | undefined
  /** Voters that the leader, or a voter without a leader, does not hear. */
  readonly silent: readonly PeerName[]
  readonly leaseTicksLeft: number
  readonly waiting: number
  /** Messages that the core did not take, by why. */
  readonly verdicts: Readonly<Partial<Record<Verdict, number>>>
}

export interface GroupInit {
  /** Which of the edge's groups: `region`, `global`. 1 to 128 characters. */
  readonly slot: string
  readonly store: RaftStore
  readonly machine: StateMachine
  readonly raft: RaftSettings
  /** Members that may be asked to take this one in. */
  readonly peers: () => readonly PeerName[]
  /** Whether this peer may be taken in as a learner. */
  readonly mayJoin: (peer: PeerName) => boolean
  /** Role, term, leader, configuration or standing changed. */
  readonly onChange?: () => void
  /** A member is about to stop, and would give up its vote. */
  readonly onLeave?: (peer: PeerName) => void
  /**
   * Two groups met and this member's was the younger. Its log is dropped once this resolves, and not where it rejects: then
   * the group has failed here. May come again for the same group, after a crash.
   */
  readonly onDissolved?: (dissolved: Dissolved) => Promise<void>
}

/** What a group that dissolved had agreed on, as far as this member had applied it. */
export interface Dissolved {
  readonly group: GroupId
  readonly index: number
  /** The state machine's own. */
  readonly snapshot: Uint8Array
}

export interface GroupComponents {
  readonly self: PeerName
  readonly clock: Clock
  readonly settings: RaftServiceSettings
  readonly logger: { readonly warn: (message: string) => void }
  readonly send: (message: Message) => void
  readonly sendNote: (to: PeerName, note: Note) => void
}
