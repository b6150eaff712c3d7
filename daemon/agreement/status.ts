/** What an edge tells of a group that it takes part in: an entry of `raft` in /v1/status. */
import type { PeerName } from '../../protocols/ids.ts'
import type { GroupStatus, Standing } from '../../protocols/raft/group.ts'
import type { Role } from '../../protocols/raft/ready.ts'

export interface NamedPeer {
  readonly peer: PeerName
  /** Unless it is unknown now. */
  readonly name?: string
}

export interface AgreementStatus {
  /** Its id; absent before one was found. */
  readonly group?: string
  readonly scope: 'region' | 'global'
  /** `member` takes part; `copy` follows a group that it has no part in; `empty` and `untrusted` wait to be taken in, the latter as its log was damaged; `failed` is out of it until a restart. */
  readonly standing: Standing | 'copy'
  readonly role: Role | 'learner' | 'none'
  readonly leader?: NamedPeer
  readonly term: number
  /** Index of the last entry that is committed, applied, and held here. */
  readonly commit: number
  readonly applied: number
  readonly last: number
  /** Of the last entry that is held. */
  readonly lastTerm: number
  /** Ticks since its leader was heard here. */
  readonly quietTicks: number
  readonly voters: readonly NamedPeer[]
  readonly learners: readonly NamedPeer[]
  /** Voters that are not heard: by the leader, or by a voter that knows of none. */
  readonly silent?: readonly PeerName[]
  /** Whether this edge leads and its lease lasts. */
  readonly leads: boolean
  /** Bytes of the entries that are kept, and proposals and reads that wait here. */
  readonly logBytes: number
  readonly waiting: number
  /** Groups that this edge was in until they met an older one, and whose entries are not listed as conflicts yet. */
  readonly dissolved?: ReadonlyArray<{ readonly group: string, readonly index: number }>
  /** What was found wrong with the log when it was opened, and why it takes no part. */
  readonly damage?: string
  readonly failure?: string
}

export interface Around {
  readonly scope: AgreementStatus['scope']
  readonly self: PeerName
  readonly leads: boolean
  /** Why there is no group at all. */
  readonly refused: string | undefined
  readonly dissolved: NonNullable<AgreementStatus['dissolved']>
  readonly nameOf: (peer: PeerName) => string | undefined
}

export function statusOf ({ group, standing, soundness, failure, raft, silent, waiting }: GroupStatus, { scope, self, leads, refused, dissolved, nameOf }: Around): AgreementStatus {
  const named = (peer: PeerName): NamedPeer => {
    const name = nameOf(peer)
    return { peer, ...(name !== undefined && { name }) }
  }
  const { voters, learners } = raft?.configuration ?? { voters: [], learners: [] }
  const role = raft === undefined ? 'none' : raft.role === 'follower' && !voters.includes(self) ? 'learner' : raft.role
  const why = failure ?? refused
  return {
    ...(group !== undefined && { group }),
    scope,
    standing: refused === undefined ? standing : 'failed',
    role,
    ...(raft?.leader !== undefined && { leader: named(raft.leader) }),
    term: raft?.term ?? 0,
    commit: raft?.commit ?? 0,
    applied: raft?.applied ?? 0,
    last: raft?.lastIndex ?? 0,
    lastTerm: raft?.lastTerm ?? 0,
    quietTicks: raft?.quietTicks ?? 0,
    voters: voters.map(named),
    learners: learners.map(named),
    ...((role === 'leader' || silent.length > 0) && { silent }),
    leads,
    logBytes: raft?.logBytes ?? 0,
    waiting,
    ...(dissolved.length > 0 && { dissolved }),
    ...(soundness !== undefined && soundness.kind !== 'whole' && { damage: soundness.reason }),
    ...(why !== undefined && { failure: why })
  }
}
