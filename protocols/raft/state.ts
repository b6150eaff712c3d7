/**
 * What a server of a group knows whatever its role (figure 2, "State"), and what waits to be handed to its host. The files
 * of the roles (`election.ts`, `follower.ts`, `leader.ts`) read and change it; `raft.ts` decides who may.
 *
 * Two promises are counted in ticks. A follower that heard its leader grants no vote for an election timeout, which is what
 * leases rest on (thesis section 6.4.1); as it forgets whom it heard when it restarts, it begins with such a silence.
 */
import assert from 'node:assert/strict'
import { Configurations, noConfiguration } from './configuration.ts'
import { Log } from './log.ts'
import { Role, type ProposalOutcome, type Stored } from './ready.ts'
import { Votes } from './quorum.ts'
import type { PeerName } from '../ids.ts'
import type { GroupId, Message, Refusal } from './messages.ts'
import type { RaftSettings } from './settings.ts'

export interface RaftInit {
  readonly self: PeerName
  readonly group: GroupId
  readonly settings: RaftSettings
  /** Uniform in [0, 1). */
  readonly random: () => number
  readonly stored: Stored
  /** The last place that the host's state machine holds; without it what the snapshot holds. Committed entries behind it are handed out again. */
  readonly applied?: number
}

/** A message without what every message of a server has in common. */
export type Body = Message extends infer Each ? Each extends Message ? Omit<Each, 'group' | 'from' | 'term'> & { readonly term?: number } : never : never

export class State {
  readonly self: PeerName
  readonly group: GroupId
  readonly settings: RaftSettings
  readonly log: Log
  readonly configurations: Configurations
  /** Tells this run of the process from the ones before. */
  readonly life: number

  term: number
  vote: PeerName | undefined
  leader: PeerName | undefined
  role: Role = Role.Follower
  votes = new Votes()
  /** Whether the votes are asked for on the leader's word (thesis section 3.10). */
  transfer = false

  /** Ticks since the start. */
  now = 0
  /** When a leader was last heard, for the promise to grant no vote. */
  heardAt = 0
  /** The last place that the leader of this term is known to have as well. */
  matched = 0
  /** The highest heartbeat round heard in this term. */
  heardRound = 0

  messages: Message[] = []
  reads: Array<{ context: string, index: number }> = []
  refusedReads: Array<{ context: string, refusal: Refusal }> = []
  proposals: ProposalOutcome[] = []

  readonly #random: () => number
  #patience = 0
  #timerAt = 0

  constructor ({ self, group, settings, random, stored, applied }: RaftInit) {
    this.self = self
    this.group = group
    this.settings = settings
    this.#random = random
    this.log = new Log(stored, applied)
    const { snapshot, hardState } = stored
    this.configurations = new Configurations({ index: snapshot?.index ?? 0, configuration: snapshot?.configuration ?? noConfiguration }, settings.membersMax)
    this.configurations.take(this.log.read(this.log.firstIndex, Infinity, Infinity))
    this.life = Math.floor(random() * 2 ** 32)
    this.term = hardState.term
    this.vote = hardState.vote
    this.restartTimer()
  }

  isVoter (peer: PeerName): boolean { return this.configurations.latest.voters.includes(peer) }

  isMember (peer: PeerName): boolean { return this.isVoter(peer) || this.configurations.latest.learners.includes(peer) }

  /**
   * Whether this server may stand for election: as a voter, and as one that is voted out while that is not committed, as
   * it may be the only one whose log is long enough (thesis section 4.2.2; of two servers the one that leaves).
   */
  get isElectable (): boolean {
    const { configurations, log } = this
    if (this.isVoter(this.self)) return true
    return configurations.index > log.commit && configurations.at(configurations.index - 1).voters.includes(this.self)
  }

  /** Whether a leader may count on this server not to vote for another. */
  get isPromised (): boolean { return this.now - this.heardAt < this.settings.electionTicks }

  get electionAt (): number { return this.#timerAt + this.#patience }

  /** Waits anew for more than an election timeout, by a random part of it (section 5.2): the others' promises are over by then. */
  restartTimer (): void {
    this.#timerAt = this.now
    this.#patience = this.settings.electionTicks + 1 + Math.floor(this.#random() * this.settings.electionTicks)
  }

  /** The leader gave a sign of life. */
  hear (): void {
    this.heardAt = this.now
    this.#timerAt = this.now
  }

  /** Goes on as a follower, of an unknown leader where none is given. A leader that steps down owes nobody its promise. */
  follow (term: number, leader: PeerName | undefined): void {
    assert(term >= this.term, 'terms never fall')
    if (this.role === Role.Leader) this.heardAt = -Infinity
    this.enter(term)
    this.role = Role.Follower
    this.leader = leader
    this.restartTimer()
  }

  enter (term: number): void {
    if (term === this.term) return
    this.term = term
    this.vote = undefined
    this.matched = 0
    this.heardRound = 0
  }

  send (body: Body): void {
    this.messages.push({ term: this.term, ...body, group: this.group, from: this.self } as Message)
  }
}
