/** The edge's part in its region's group (daemon/agreement) as the port that agreed configuration needs. */
import type { PeerName } from '../../protocols/ids.ts'
import type { AgreedGroup } from './group.ts'

/** What of it is needed. */
export interface RegionAgreement extends Pick<AgreedGroup, 'propose' | 'read' | 'leads'> {
  status: () => {
    readonly group?: string | undefined
    readonly standing: string
    readonly leader?: { readonly peer: PeerName } | undefined
    readonly term: number
    readonly commit: number
    readonly applied: number
    readonly last: number
    readonly lastTerm: number
    readonly voters: ReadonlyArray<{ readonly peer: PeerName }>
    readonly learners: ReadonlyArray<{ readonly peer: PeerName }>
    readonly failure?: string | undefined
  }
}

export function regionGroup (agreement: RegionAgreement): AgreedGroup {
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
      const { standing, failure, term, commit, applied, last, lastTerm, voters, learners } = agreement.status()
      const peers = (some: ReadonlyArray<{ readonly peer: PeerName }>): PeerName[] => some.map(({ peer }) => peer)
      return { standing, failure, raft: standing === 'member' ? { term, commit, applied, lastTerm, lastIndex: last, configuration: { voters: peers(voters), learners: peers(learners) } } : undefined }
    }
  }
}
