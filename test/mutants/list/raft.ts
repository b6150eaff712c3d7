/** Mistakes in agreement: elections, replication, leases and reads, changes of a group, what is on disk (protocols/raft/). */
import type { Mutant } from '../mutant.ts'

const raft = 'protocols/raft/raft.ts'
const leader = 'protocols/raft/leader.ts'
const election = 'protocols/raft/election.ts'
const quorum = 'protocols/raft/quorum.ts'
const log = 'protocols/raft/log.ts'
const lease = 'protocols/raft/lease.ts'
const state = 'protocols/raft/state.ts'

const isSynced = 'mustSync: isNewTerm || entries.length > 0 || snapshot !== undefined'

export const raftMutants: readonly Mutant[] = [
  {
    name: 'vote-counts-twice',
    file: quorum,
    find: `    if (!this.#votes.has(voter)) this.#votes.set(voter, granted)
  }

  tally (voters: readonly PeerName[]): Tally {
    const count = (wanted: boolean): number => voters.filter((voter) => this.#votes.get(voter) === wanted).length`,
    replace: `    this.#votes.set(this.#votes.has(voter) ? voter + ' again' : voter, granted)
  }

  tally (voters: readonly PeerName[]): Tally {
    const count = (wanted: boolean): number => [...this.#votes.values()].filter((vote) => vote === wanted).length`,
    stages: ['halves', 'group'],
    why: 'a vote that arrives twice makes a majority of a minority'
  },
  {
    name: 'half-is-a-majority',
    file: quorum,
    find: 'return Math.floor(count / 2) + 1',
    replace: 'return Math.ceil(count / 2)',
    stages: ['group'],
    why: 'two halves of a group decide each for itself'
  },
  {
    name: 'vote-unsynced',
    file: raft,
    find: isSynced,
    replace: 'mustSync: entries.length > 0 || snapshot !== undefined',
    stages: ['group', 'halves'],
    why: 'who crashes after its vote votes again in the same term'
  },
  {
    name: 'entries-unsynced',
    file: raft,
    find: isSynced,
    replace: 'mustSync: isNewTerm || snapshot !== undefined',
    stages: ['group', 'halves'],
    why: 'entries are acknowledged that a crash takes away'
  },
  {
    name: 'acknowledged-before-the-sync',
    file: raft,
    find: 'return kind === \'append\' ||',
    replace: 'return kind === \'append-answer\' || kind === \'append\' ||',
    stages: ['group', 'halves'],
    why: 'an acknowledgement leaves while the entries are still being written'
  },
  {
    name: 'own-copy-unsynced',
    file: leader,
    find: 'peer === self ? log.persisted :',
    replace: 'peer === self ? log.lastIndex :',
    stages: ['group'],
    why: 'a leader counts its own copy before it is on disk'
  },
  {
    name: 'older-terms-by-counting',
    file: leader,
    find: 'if (reached <= before || log.termAt(reached) !== term) return',
    replace: 'if (reached <= before) return',
    stages: ['group', 'halves'],
    why: 'an entry of an older term is committed by counting, and may be replaced afterwards (figure 8)'
  },
  {
    name: 'learners-count',
    file: leader,
    find: 'const reached = reachedByMajority(configurations.latest.voters,',
    replace: 'const reached = reachedByMajority([...configurations.latest.voters, ...configurations.latest.learners],',
    stages: ['group'],
    why: 'learners commit what no majority of voters has'
  },
  {
    name: 'vote-for-shorter-logs',
    file: election,
    find: 'state.log.lastIndex > 0 && state.log.isUpToDate(lastIndex, lastTerm)',
    replace: 'state.log.lastIndex > 0 && lastIndex >= 0 && lastTerm >= 0',
    stages: ['group', 'halves'],
    why: 'a server is elected that lacks what is committed'
  },
  {
    name: 'longest-log-wins',
    file: log,
    find: 'return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex)',
    replace: 'return lastIndex >= this.lastIndex || lastTerm > Infinity',
    stages: ['halves', 'group'],
    why: 'a long tail of an old term counts for more than a newer term'
  },
  {
    name: 'no-pre-vote',
    file: election,
    find: '  else poll(state)',
    replace: '  else stand(state)',
    stages: ['minority'],
    why: 'whoever was cut off comes back with a higher term and ends the leader\'s'
  },
  {
    name: 'promise-too-short',
    file: state,
    find: 'return this.now - this.heardAt < this.settings.electionTicks',
    replace: 'return this.now - this.heardAt < this.settings.heartbeatTicks / 2',
    stages: ['leases'],
    why: 'votes are given while a leader still relies on them'
  },
  {
    name: 'promise-forgotten-at-the-start',
    file: state,
    find: '  heardAt = 0\n',
    replace: '  heardAt = -Infinity\n',
    stages: ['leases'],
    why: 'who restarts votes at once, although it may have promised a leader not to'
  },
  {
    name: 'leads-on-at-a-higher-term',
    file: raft,
    find: 'if (term > state.term || state.leader === undefined) this.#follow(term, from)',
    replace: 'if (state.leader === undefined) this.#follow(term, from)',
    stages: ['group', 'handover'],
    why: 'who hears the leader of a higher term stays in its own, and may be leading it'
  },
  {
    name: 'votes-without-entering-the-term',
    file: election,
    find: 'if (kind === \'vote\' && term > state.term) state.follow(term, undefined)',
    replace: '',
    stages: ['group'],
    why: 'a leader is asked for its vote in a higher term and does not step down'
  },
  {
    name: 'reads-without-lease',
    file: leader,
    find: 'if (isOpen && byLease && this.lease.ticksLeft() > 0) {',
    replace: 'if (isOpen && byLease) {',
    stages: ['handover'],
    why: 'a leader that is cut off answers from what it last knew'
  },
  {
    name: 'lease-from-the-answer',
    file: lease,
    find: 'this.#sentAt.get(round) ?? -Infinity',
    replace: 'round > 0 ? this.#state.now : -Infinity',
    stages: ['crawl', 'leases'],
    why: 'a lease counts from the answer\'s arrival, when the promise it rests on is older'
  },
  {
    name: 'lease-outlives-a-transfer',
    file: lease,
    find: 'if (this.#forfeits.size > 0) return 0',
    replace: '',
    stages: ['handover'],
    why: 'who has ordered another to take over still relies on being the only one'
  },
  {
    name: 'reads-by-an-old-round',
    file: leader,
    find: 'isOpen ? this.lease.round + 1 : undefined)',
    replace: 'isOpen ? this.lease.round - 2 : undefined)',
    stages: ['handover'],
    why: 'a read is confirmed by answers to a heartbeat that left before it came'
  },
  {
    name: 'reads-before-the-first-commit',
    file: leader,
    find: 'const isOpen = this.#hasCommitted()',
    replace: 'const isOpen = true as boolean',
    stages: ['group', 'handover'],
    why: 'a new leader does not know yet what was committed before it'
  },
  {
    name: 'applies-uncommitted',
    file: log,
    find: 'this.read(this.#handedToApply + 1, Infinity, applyBytesMax, this.commit)',
    replace: 'this.read(this.#handedToApply + 1, Infinity, applyBytesMax)',
    stages: ['group'],
    why: 'what is in the log is applied, committed or not'
  },
  {
    name: 'late-append-cuts-off',
    file: 'protocols/raft/follower.ts',
    find: 'const first = log.firstNew(entries)',
    replace: 'const first = entries[0]',
    stages: ['group', 'halves'],
    why: 'an append that is late or repeated takes away what came after it'
  },
  {
    name: 'two-changes-at-once',
    file: leader,
    find: 'if (configurations.index > log.commit || !this.#hasCommitted())',
    replace: 'if (!this.#hasCommitted())',
    stages: ['group'],
    why: 'majorities of two configurations need not meet'
  },
  {
    name: 'change-before-the-first-commit',
    file: leader,
    find: 'if (configurations.index > log.commit || !this.#hasCommitted())',
    replace: 'if (configurations.index > log.commit)',
    stages: ['group'],
    why: 'two leaders add a server each, and their majorities need not meet'
  },
  {
    name: 'repeated-command-counts',
    file: 'protocols/raft/replica.ts',
    find: 'if (this.#keys.place(key) !== undefined) return undefined',
    replace: '',
    stages: ['group'],
    why: 'a command that was asked for twice is done twice'
  },
  {
    name: 'snapshot-forgets-keys',
    file: 'protocols/raft/commands.ts',
    find: 'keys: [...this.#places].map(',
    replace: 'keys: [...this.#places].slice(0, 0).map(',
    stages: ['group'],
    why: 'who got a snapshot does again what the others know for done'
  }
]
