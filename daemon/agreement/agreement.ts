/**
 * The edge's part in the Raft group of its region, or in the global one: founds or joins it, keeps its voters right while it leads it, lets go of its
 * vote before it stops, and says who leads. What is agreed on is the `machine`, handed in. No request waits
 * for any of it, and nothing here keeps the edge from starting, serving or stopping: a log that cannot be used is reported,
 * and this edge then takes no part until others have taken it in again, or it was started anew.
 *
 * Who takes part is its `reach` to say (`reach.ts`). Who founds: an edge with an empty data folder and without `--join`, at once. With `--join` it is one of a colony that is
 * there already; but where its region is a new one nobody else could found that region's group, so the edge of the lowest peer id there
 * does after a while in which no member of the region spoke of a group. Should there be two then, the younger dissolves.
 */
import { sleep, type Clock } from '../../protocols/clock.ts'
import { codeOf, messageOf } from '../../protocols/errors.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Membership } from '../../protocols/membership/service.ts'
import { Periodic } from '../../protocols/periodic.ts'
import { newGroupId } from '../../protocols/raft/group-id.ts'
import type { RaftGroup, StateMachine } from '../../protocols/raft/group.ts'
import type { Configuration, GroupId } from '../../protocols/raft/messages.ts'
import type { Applied, RequestOptions } from '../../protocols/raft/requests.ts'
import { foldLog, recoverCopy, recoverLog, type CopyRecoveryInit } from '../../protocols/raft/recovery.ts'
import type { Status } from '../../protocols/raft/ready.ts'
import type { RaftService } from '../../protocols/raft/service.ts'
import { nextChange } from '../../protocols/raft/steward.ts'
import type { RaftSettings } from '../../protocols/raft/settings.ts'
import type { Logger } from '../log.ts'
import type { RaftDisk } from '../raft/disk.ts'
import { DissolvedGroups } from './dissolved.ts'
import { Duties, type Duty } from './duties.ts'
import { Fellows } from './fellows.ts'
import { doors, type Reach } from './reach.ts'
import type { AgreementSettings } from './settings.ts'
import { statusOf, type AgreementStatus } from './status.ts'

export type { AgreementStatus } from './status.ts'
export type { Duty } from './duties.ts'

export interface AgreementInit {
  readonly reach: Reach
  /** Whether it was told of a colony to join. */
  readonly joins: boolean
  readonly clock: Clock
  readonly settings: AgreementSettings
  readonly raftSettings: RaftSettings
  readonly raft: RaftService
  /** Opened and closed by whoever gives it. */
  readonly disk: Pick<RaftDisk, 'store'>
  readonly membership: Membership
  /** What is agreed on. */
  readonly machine: StateMachine
  /** What `state.ts` keeps of whether a group may be founded with this data folder. */
  readonly state: { readonly mayFound: boolean, readonly entered: () => Promise<void> }
  /** Whether this edge knows of such a group without being in it: then there is none to found. */
  readonly isKnown?: () => boolean
  /** Where groups that dissolved are kept until they are listed as conflicts. */
  readonly dissolvedFolder: string
  readonly logger: Logger
}

export function createAgreement (init: AgreementInit): Agreement { return new Agreement(init) }

const nobody: Configuration = { voters: [], learners: [] }

export class Agreement {
  readonly #init: AgreementInit
  readonly #self: PeerName
  readonly #group: RaftGroup
  readonly #fellows: Fellows
  readonly #duties: Duties
  readonly #work: Periodic
  /** Of groups that this edge was in and that met an older one: to be listed as conflicts, and then forgotten. `onChange` tells of a new one. */
  readonly dissolved: DissolvedGroups
  readonly #listeners = new Set<() => void>()
  /** Leaders that were seen, and what became of proposals made here, since the start. */
  readonly counters = { elections: 0, done: 0, refused: 0, unknown: 0 }
  #elected = ''
  #mayFound: boolean
  #startedMs = 0
  #failure: string | undefined
  #recovering: Promise<void> = Promise.resolve()
  #forget: () => void = () => {}

  constructor (init: AgreementInit) {
    const { clock, raft, disk, reach, membership, machine, raftSettings, logger, settings } = init
    this.#init = init
    this.#self = membership.self().peer
    this.#mayFound = init.state.mayFound
    this.dissolved = new DissolvedGroups(init.dissolvedFolder, (fields, message) => { logger.warn(fields, message) })
    this.#fellows = new Fellows({ self: this.#self, reach, clock, membership, promotionLagMax: raftSettings.promotionLagMax })
    this.#group = raft.group({
      slot: reach.slot,
      store: disk.store(reach.slot),
      machine,
      raft: raftSettings,
      peers: () => this.#doors(),
      mayJoin: (peer) => this.#fellows.isMember(peer),
      onChange: () => { this.#changed() },
      onLeave: (peer) => {
        this.#fellows.leaves(peer)
        this.#membersChanged()
      },
      // All that its log has: who was told that it is agreed on may have been another.
      onDissolved: async ({ group }) => { await this.dissolved.keep({ group, ...await foldLog(disk.store(reach.slot), machine) }) }
    })
    this.#duties = new Duties({
      clock,
      leads: () => this.#group.leads(),
      leaseMs: () => this.#group.status().leaseTicksLeft * raftSettings.tickMs,
      isLeader: () => this.#group.status().raft?.role === 'leader',
      lookMs: raftSettings.heartbeatTicks * raftSettings.tickMs
    })
    this.#work = new Periodic({
      clock,
      run: async (signal) => await this.#tend(signal),
      onError: (error) => { logger.warn({ error, group: reach.slot }, 'a group could not be looked after') },
      retryMs: settings.lookMs
    })
  }

  /** Never throws: an edge serves without agreement, too. */
  async start (): Promise<void> {
    const { reach, membership, clock, logger } = this.#init
    this.#startedMs = clock.nowMs()
    try {
      await this.#group.start()
      await this.dissolved.all()
    } catch (error) {
      this.#failure = messageOf(error)
      logger.error({ error, group: reach.slot }, 'this edge takes no part in agreement: its log cannot be used')
      return
    }
    this.#forget = membership.onChange(() => { this.#membersChanged() })
    this.#membersChanged()
    this.#work.start()
  }

  /** Gives up its vote where another can have it, within `leaveTimeoutMs`. May be called twice. */
  async stop (): Promise<void> {
    await this.#recovering.catch(() => {})
    await this.#leave()
    this.#forget()
    this.#work.stop()
    this.#duties.end()
    await this.#group.stop()
  }

  /**
   * From any edge of the region; the leader gets it handed on.
   *
   * @param options.idempotency 1 to 128 bytes; a command with the same key is applied once, whoever asks how often
   * @returns where it stands and what the machine made of it, once it is applied here
   * @throws RaftError
   */
  async propose (command: Uint8Array, options?: RequestOptions & { readonly idempotency?: string }): Promise<Applied> {
    try {
      const applied = await this.#group.propose(command, options)
      this.counters.done++
      return applied
    } catch (error) {
      // Anything else may have reached a leader before it ended.
      const code = codeOf(error)
      this.counters[code?.startsWith('COLONY_RAFT_') === true && code !== 'COLONY_RAFT_UNKNOWN' && code !== 'COLONY_RAFT_STOPPED' ? 'refused' : 'unknown']++
      throw error
    }
  }

  /** Waits until the machine here has all that was acknowledged before. @returns the index reached. @throws RaftError */
  async read (how: 'lease' | 'index', options?: RequestOptions): Promise<number> { return await this.#group.read(how, options) }

  /**
   * Founds the group anew as `id`, from the log of group `of` that is here, when the majority of that is gone for ever: whether it
   * is, is for the caller to say. May be repeated with the same `id`.
   *
   * @param copy of the group's state, where no log of it is left
   * @throws RaftError when this edge has no such log, or with a copy has one; RaftStoreError
   */
  async recover (of: GroupId, id: GroupId, copy?: Pick<CopyRecoveryInit, 'copy' | 'index' | 'term'>): Promise<void> {
    this.#recovering = this.#recover(of, id, copy)
    await this.#recovering
  }

  /** The term in which this edge leads, while its lease lasts. */
  leads (): number | undefined { return this.#group.leads() }

  /** Whether an act of a leader of this term may be obeyed: not where a later term is known. */
  accepts (term: number): boolean { return term >= (this.#group.status().raft?.term ?? 0) }

  /** Has `run` called whenever this edge begins to lead. @returns ends it */
  onDuty (run: (duty: Duty) => void): () => void { return this.#duties.add(run) }

  /** Calls `listener` when role, term, leader, configuration or standing changed. @returns ends that */
  onChange (listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  status (): AgreementStatus {
    const { membership, reach } = this.#init
    const leads = this.#group.leads() !== undefined
    return statusOf(this.#group.status(), {
      leads,
      scope: reach.slot,
      self: this.#self,
      refused: this.#failure,
      dissolved: this.dissolved.kept,
      nameOf: (peer) => membership.member(peer)?.name
    })
  }

  /** Messages of peers that were not taken, by why. */
  refusals (): Readonly<Record<string, number>> { return this.#group.status().verdicts }

  #changed (): void {
    // What is told while the group is made.
    if (this.#group === undefined) return
    const { standing, raft, group } = this.#group.status()
    const elected = `${group} ${raft?.term}`
    if (raft?.leader !== undefined && elected !== this.#elected) {
      this.#elected = elected
      this.counters.elections++
    }
    if (standing === 'member') this.#enter()
    this.#fellows.update(this.#configured())
    this.#duties.look()
    this.#work.soon()
    for (const listener of this.#listeners) listener()
  }

  /** From here on this data folder founds none. */
  #enter (): void {
    if (!this.#mayFound) return
    this.#mayFound = false
    void this.#init.state.entered().catch((error: unknown) => { this.#init.logger.warn({ error }, 'it could not be kept that a group was entered') })
  }

  #membersChanged (): void {
    this.#init.raft.membersChanged()
    for (const peer of this.#fellows.update(this.#configured())) this.#group.attend(peer)
    this.#work.soon()
  }

  #configured (): PeerName[] {
    const { voters, learners } = this.#configuration()
    return [...voters, ...learners]
  }

  #configuration (): Configuration { return this.#group.status().raft?.configuration ?? nobody }

  /** What has to be done about the group now. @returns ms until it should be looked at again */
  async #tend (signal: AbortSignal): Promise<number> {
    const { settings, reach } = this.#init
    const { standing, raft } = this.#group.status()
    if (standing === 'empty' && this.#mayFound) return await this.#found()
    if (raft?.role !== 'leader') return raft === undefined ? Infinity : this.#seek(raft)
    const fellows = this.#fellows.view(raft)
    const change = nextChange({
      self: this.#self,
      configuration: raft.configuration,
      changing: raft.configurationIndex > raft.commit,
      fellows,
      ...(reach.seats !== undefined && { target: reach.seats(fellows.values(), raft.configuration.voters) })
    }, settings)
    if (change !== undefined) {
      try {
        await this.#group.change(change, { signal })
        this.#init.logger.info({ change: change.kind, peers: change.peers, ...this.#configuration() }, `${reach.title} was changed`)
        return 0
      } catch {
        // A learner that is asked only now whether it is there, another change in flight, another leader.
        return settings.retryMs
      }
    }
    this.#callOthers()
    return settings.lookMs
  }

  /**
   * Its leader has been silent for long: the group may have been founded anew without this edge, which is called by nobody where it is no candidate. So it says
   * to one after the other which group it is in, and is told of an older one (protocols/raft/entrance.ts). @returns as `#tend`
   */
  #seek ({ leader, quietTicks }: Pick<Status, 'leader' | 'quietTicks'>): number {
    const { clock, raftSettings: { electionTicks, learnerTicks, tickMs }, settings: { lookMs }, membership, reach } = this.#init
    const leftTicks = (leader === undefined ? 4 * electionTicks : 3 * learnerTicks) - quietTicks
    if (leftTicks > 0) return leftTicks * tickMs
    const others = reach.candidates(membership.members()).map(({ peer }) => peer).filter((peer) => peer !== this.#self)
    const peer = others[Math.floor(clock.random() * others.length)]
    if (peer !== undefined) this.#group.call(peer)
    return lookMs
  }

  /** At whom to knock. */
  #doors (): readonly PeerName[] {
    const { reach, membership, clock, settings: { askAnybodyShare, foundDelayMs } } = this.#init
    const isAnswered = clock.nowMs() - this.#group.heardAtMs < foundDelayMs
    return doors(reach.peers(membership.members(), this.#self), (peer) => membership.isLinked(peer), !isAnswered && clock.random() < askAnybodyShare)
  }

  /** Those of the region that take no part, or do not answer though they are here. */
  #callOthers (): void {
    const { raft } = this.#group.status()
    if (raft === undefined) return
    const answering = new Set([this.#self, ...raft.progress.filter(({ active, hasAnswered }) => active || hasAnswered).map(({ peer }) => peer)])
    for (const peer of this.#fellows.here()) if (!answering.has(peer)) this.#group.call(peer)
  }

  async #found (): Promise<number> {
    const { joins, clock, membership, reach, settings: { foundDelayMs, lookMs }, logger, isKnown } = this.#init
    if (isKnown?.() === true) {
      this.#enter()
      return Infinity
    }
    if (joins) {
      // Without a link to the colony nothing is known of the others.
      const rank = this.#fellows.rank()
      if (membership.members().length < 2 || rank === undefined) return lookMs
      const waitMs = Math.max(this.#startedMs, this.#group.heardAtMs) + foundDelayMs * (1 + rank / 5) - clock.nowMs()
      if (waitMs > 0) return waitMs
    }
    const id = newGroupId(clock.wallMs())
    logger.info({ group: id }, joins ? `nobody spoke of ${reach.title}: founding it` : `founding ${reach.title}`)
    await this.#group.found(id, { voters: [this.#self], learners: [] })
    return 0
  }

  async #recover (of: GroupId, id: GroupId, copy: Pick<CopyRecoveryInit, 'copy' | 'index' | 'term'> | undefined): Promise<void> {
    const { disk, machine, reach } = this.#init
    await this.#group.stop()
    try {
      const init = { self: this.#self, store: disk.store(reach.slot), machine, of, id }
      await (copy === undefined ? recoverLog(init) : recoverCopy({ ...init, ...copy }))
    } finally {
      await this.#group.start()
    }
  }

  async #leave (): Promise<void> {
    const { clock, settings: { leaveTimeoutMs, leaveRetryMs } } = this.#init
    // Until it is committed that it does not: the others may not know it otherwise.
    const votes = (): boolean => {
      const { raft } = this.#group.status()
      return raft !== undefined && (raft.configuration.voters.includes(this.#self) || raft.configurationIndex > raft.commit)
    }
    if (!this.#configuration().voters.includes(this.#self)) return
    this.#fellows.leaves(this.#self)
    for (const endMs = clock.nowMs() + leaveTimeoutMs; votes() && clock.nowMs() < endMs;) {
      this.#membersChanged()
      if (this.#fellows.here().length === 0) return
      this.#group.askLeave()
      await sleep(clock, leaveRetryMs)
    }
  }
}
