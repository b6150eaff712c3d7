/** The edge's part in a group (daemon/agreement) as the port that agreed configuration needs. */
import type { PeerName } from '../../protocols/ids.ts'
import type { AgreementStatus, NamedPeer } from '../agreement/status.ts'
import type { AgreedGroup } from './group.ts'

/** What of it is needed. */
export interface GroupAgreement extends Pick<AgreedGroup, 'propose' | 'read' | 'leads'> {
  status: () => Pick<AgreementStatus, 'group' | 'standing' | 'leader' | 'term' | 'commit' | 'applied' | 'last' | 'lastTerm' | 'quietTicks' | 'voters' | 'learners' | 'silent' | 'failure'>
}

/**
 * Whether what this edge has of a group is kept up to date: as a voter, or as a learner that was told something not long ago. One
 * that was taken out while it was away has a log, and nobody who adds to it.
 */
export function takesPart (agreement: GroupAgreement, self: PeerName, learnerTicks: number): boolean {
  // Brings its time up to now.
  if (agreement.leads() !== undefined) return true
  const { standing, voters, leader, quietTicks } = agreement.status()
  return standing === 'member' && (voters.some(({ peer }) => peer === self) || (leader !== undefined && quietTicks <= 3 * learnerTicks))
}

export function groupOf (agreement: GroupAgreement): AgreedGroup {
  return {
    propose: async (...args) => await agreement.propose(...args),
    read: async (...args) => await agreement.read(...args),
    leads: () => agreement.leads(),
    get leader () { return agreement.status().leader?.peer },
    // Its id is told before its log is read; until then nothing follows from it.
    get group () {
      const { standing, group } = agreement.status()
      return standing === 'member' ? group : undefined
    },
    status: () => {
      const { standing, failure, term, commit, applied, last, lastTerm, voters, learners, silent = [] } = agreement.status()
      const peers = (some: ReadonlyArray<{ readonly peer: PeerName }>): PeerName[] => some.map(({ peer }) => peer)
      return { standing, failure, silent, raft: standing === 'member' ? { term, commit, applied, lastTerm, lastIndex: last, configuration: { voters: peers(voters), learners: peers(learners) } } : undefined }
    }
  }
}

/** What an edge tells of a group that it only copies. */
export function copyStatus (copied: AgreedGroup, nameOf: (peer: PeerName) => string | undefined): AgreementStatus {
  const { leader, group } = copied
  const { standing, raft } = copied.status()
  const named = (peer: PeerName): NamedPeer => {
    const name = nameOf(peer)
    return { peer, ...(name !== undefined && { name }) }
  }
  const { term = 0, commit = 0, applied = 0, configuration = { voters: [], learners: [] } } = raft ?? {}
  return {
    ...(group !== undefined && { group }),
    scope: 'global',
    standing: standing === 'copy' ? 'copy' : 'empty',
    role: 'none',
    ...(leader !== undefined && { leader: named(leader) }),
    term, commit, applied,
    last: applied,
    lastTerm: 0,
    quietTicks: 0,
    voters: configuration.voters.map(named),
    learners: [],
    leads: false,
    logBytes: 0,
    waiting: 0
  }
}
