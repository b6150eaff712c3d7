/** What a proposal or a read may end with, each with a code to match on and what is known of its outcome. */
import { ColonyError } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import type { Refusal } from './messages.ts'

export type RaftErrorCode =
  /** There is no leader, or it could not be reached in time; nothing was done. */
  | 'COLONY_RAFT_NO_LEADER'
  /** This member does not lead, and what was asked can be done by the leader only. */
  | 'COLONY_RAFT_NOT_LEADER'
  /** It was handed to a leader and no answer came in time: it may be done, or be done later. Ask again with the same idempotency key. */
  | 'COLONY_RAFT_UNKNOWN'
  /** Larger than one proposal may be. */
  | 'COLONY_RAFT_TOO_LARGE'
  /** Too much waits here or at the leader; nothing was done. */
  | 'COLONY_RAFT_BUSY'
  /** Refused for another reason; nothing was done. */
  | 'COLONY_RAFT_REFUSED'
  /** This member has no log (yet), or one that it cannot trust. */
  | 'COLONY_RAFT_NOT_MEMBER'
  /** The group is shutting down here; of what was under way the outcome is unknown. */
  | 'COLONY_RAFT_STOPPED'

export class RaftError extends ColonyError {
  override readonly code: RaftErrorCode
  /** Who leads, as far as it is known here. */
  readonly leader: PeerName | undefined
  readonly refusal: Refusal | undefined

  constructor (code: RaftErrorCode, message: string, options: { readonly leader?: PeerName | undefined, readonly refusal?: Refusal, readonly cause?: unknown } = {}) {
    super(code, message, options)
    this.code = code
    this.leader = options.leader
    this.refusal = options.refusal
  }
}
