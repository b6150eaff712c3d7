/**
 * One Raft group at one member: the pure core (`raft.ts`) with a disk, a clock, a state machine and callers around it. The work is always
 * the same: take what the core has ready, persist, send, apply, go on. While a sync is running, proposals and messages go into the core and
 * come out together with the next ready, so one sync serves all of them. A leader's entries travel while it writes them itself. A write that
 * fails ends the member's part in the group until the edge is started again: nothing may be promised from a disk that did not keep its word.
 */
import { ColonyError, messageOf } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import { Admission } from './admission.ts'
import { encodeCommand } from './commands.ts'
import { Entrance } from './entrance.ts'
import { RaftError } from './errors.ts'
import type { Configuration, ConfigurationChange, GroupId, HardState, Message } from './messages.ts'
import type { Note } from './notes.ts'
import { bootstrap, emptyStored, Raft } from './raft.ts'
import type { Proposed, Ready, Stored } from './ready.ts'
import { Received } from './received.ts'
import type { GroupComponents, GroupInit, GroupStatus, Standing } from './ports.ts'
import { Replica } from './replica.ts'
import { refused, Requests, type Applied, type RequestOptions } from './requests.ts'
import type { Soundness } from './store.ts'
import { Ticker } from './ticker.ts'

export type { Dissolved, GroupInit, GroupStatus, Standing, StateMachine } from './ports.ts'

export class RaftGroup {
  readonly #init: GroupInit
  readonly #with: GroupComponents
  readonly #requests: Requests
  readonly #admission: Admission
  readonly #entrance: Entrance
  readonly #replica: Replica
  readonly #ticker: Ticker
  readonly #received: Received
  #core: Raft | undefined
  #standing: Standing = 'stopped'
  #group: GroupId | undefined
  #soundness: Soundness | undefined
  #failure: unknown
  #working: Promise<void> | undefined
  #kicked = false
  /** Known to the core and not on disk yet: a commit index alone is not worth a sync. */
  #unsaved: HardState | undefined
  #seen = ''
  #leader: PeerName | undefined

  constructor (init: GroupInit, components: GroupComponents) {
    this.#init = init
    this.#with = components
    this.#replica = new Replica(init.machine)
    this.#ticker = new Ticker(components.clock, init.raft.tickMs, () => { this.#asked(() => {}) })
    this.#received = new Received(components.clock, init.raft)
    this.#requests = new Requests({
      clock: components.clock,
      timeoutMs: components.settings.requestTimeoutMs,
      retryMs: components.settings.retryMs,
      resendMs: components.settings.resendMs,
      waitingMax: components.settings.waitingMax,
      propose: (data, ticket) => this.#asked((core) => core.propose(data, ticket)) ?? { kind: 'refused', refusal: 'not-member' },
      read: (ticket, lease) => this.#asked((core) => core.read(ticket, { lease })) ?? { kind: 'refused', refusal: 'not-member' },
      leader: () => this.#core?.leader,
      applied: () => this.#core?.applied ?? 0
    })
    this.#admission = new Admission({
      slot: init.slot,
      clock: components.clock,
      gatherMs: components.settings.gatherMs,
      group: () => this.#group!,
      mayJoin: init.mayJoin,
      status: () => this.#core!.status(),
      change: (change) => this.#asked((core) => core.change(change)) as Proposed,
      attend: (peer) => { this.attend(peer) },
      sendNote: components.sendNote
    })
    this.#entrance = new Entrance({
      slot: init.slot,
      self: components.self,
      clock: components.clock,
      knockIntervalMs: components.settings.knockIntervalMs,
      peers: init.peers,
      mayJoin: init.mayJoin,
      group: () => this.group,
      sendNote: components.sendNote,
      onAdmitted: (group, term, leader) => {
        const stored = { ...emptyStored, hardState: { term, vote: leader, commit: 0 } }
        void (this.#core === undefined ? this.#enter(group, stored) : this.#dissolve(group, stored)).catch((error: unknown) => { this.#fail(error) })
      }
    })
  }

  get slot (): string { return this.#init.slot }
  get group (): GroupId | undefined { return this.#core === undefined ? undefined : this.#group }
  get leader (): PeerName | undefined { return this.#core?.leader }

  /**
   * Reads the log. A member goes on where it was; one without a log that counts knocks until it is taken in, unless it
   * is told to `found` the group.
   *
   * @throws RaftStoreError when the disk cannot be read or written
   */
  async start (): Promise<void> {
    if (this.#standing !== 'stopped') return
    const { store, slot } = this.#init
    const { soundness, groupId, ...stored } = await store.open()
    this.#soundness = soundness
    this.#group = groupId
    this.#failure = undefined
    if (soundness.kind !== 'whole') this.#with.logger.warn(`the log of group ${slot} was damaged: ${soundness.reason}${soundness.kind === 'untrusted' ? '; this edge gets it from the others' : `; cut at ${soundness.at}, where nothing was promised`}`)
    if (soundness.kind === 'untrusted' || groupId === undefined) this.#wait(soundness.kind === 'untrusted' ? 'untrusted' : 'empty')
    else this.#take(stored)
  }

  /**
   * Makes a new group, with this member among its voters. All first voters must be told the same id and configuration.
   *
   * @throws RaftError when there is a log already, or was one
   */
  async found (group: GroupId, configuration: Configuration): Promise<void> {
    if (this.#standing !== 'empty') throw new RaftError('COLONY_RAFT_REFUSED', `group ${this.slot} cannot be founded here: this edge ${this.#standing === 'untrusted' ? 'had a log and lost it' : `is ${this.#standing}`}`)
    const stored = bootstrap(configuration)
    await this.#enter(group, stored)
  }

  /** What is written is written. May be called twice. */
  async stop (): Promise<void> {
    if (this.#standing === 'stopped') return
    const wasMember = this.#standing === 'member'
    this.#halt('stopped', new RaftError('COLONY_RAFT_STOPPED', 'the edge is stopping: the outcome of what was under way is not known here'))
    await this.#working
    if (wasMember && this.#unsaved !== undefined) await this.#init.store.write({ hardState: this.#unsaved }).catch(() => {})
    this.#unsaved = undefined
  }

  /**
   * @param options.idempotency 1 to 128 bytes; a command with the same key is applied once, whoever asks how often
   * @returns where it stands and what it came to, once it is applied here
   * @throws RaftError
   */
  async propose (command: Uint8Array, options: RequestOptions & { readonly idempotency?: string } = {}): Promise<Applied> {
    const key = options.idempotency ?? ''
    const done = this.#replica.place(key)
    if (done !== undefined) return { ...done, result: undefined }
    this.#check()
    const data = encodeCommand(key, command)
    if (data.byteLength > this.#init.raft.proposalBytesMax) throw new RaftError('COLONY_RAFT_TOO_LARGE', `a proposal of ${data.byteLength} bytes: at most ${this.#init.raft.proposalBytesMax}`)
    return await this.#requests.propose(data, key, options)
  }

  /**
   * Waits until the state here is at least as new as anything that was acknowledged before the call.
   *
   * @param how `lease`: the leader may answer without asking a majority while its lease runs; `index`: never
   * @returns the index that the state has reached
   */
  async read (how: 'lease' | 'index', options: RequestOptions = {}): Promise<number> {
    this.#check()
    return await this.#requests.read(how === 'lease', options)
  }

  /** Leader only; one at a time. @returns once it is committed */
  async change (change: ConfigurationChange, options: RequestOptions = {}): Promise<Applied> {
    this.#check()
    const proposed = this.#asked((core) => core.change(change))!
    if (proposed.kind === 'appended') return await this.#requests.placed(proposed, options)
    throw refused(`to ${change.kind} ${change.peers.join(', ')}`, proposed.kind === 'refused' ? proposed.refusal : 'not-leader', this.leader)
  }

  /** Leader only: asks `to` to take over, which it does or not within an election timeout. */
  transfer (to: PeerName): void {
    this.#check()
    const refusal = this.#asked((core) => core.transfer(to))
    if (refusal !== undefined) throw refused(`to hand leadership to ${to}`, refusal, this.leader)
  }

  /** The term in which this member leads, while its lease runs: what a leader's duties carry, and end with. */
  leads (): number | undefined {
    const core = this.#core
    if (core === undefined) return undefined
    this.#catchUp()
    return core.leaseTicksLeft() > 0 ? core.term : undefined
  }

  status (): GroupStatus {
    const raft = this.#core?.status()
    return {
      slot: this.slot,
      standing: this.#standing,
      group: this.#group,
      soundness: this.#soundness,
      failure: this.#failure === undefined ? undefined : messageOf(this.#failure),
      raft,
      silent: this.#received.silent(this.#with.self, raft),
      leaseTicksLeft: this.#core?.leaseTicksLeft() ?? 0,
      waiting: this.#requests.size,
      verdicts: this.#received.verdicts
    }
  }

  /** Whether this peer votes or learns in the group, as far as it is known here. */
  includes (peer: PeerName): boolean {
    const { voters, learners } = this.#core?.status().configuration ?? { voters: [], learners: [] }
    return voters.includes(peer) || learners.includes(peer)
  }

  receive (message: Message): void {
    this.#received.note(message.from, this.#asked((core) => core.step(message)))
  }

  receiveNote (note: Note, from: PeerName): void {
    if (note.kind === 'knock') {
      if (this.#core !== undefined) this.#admission.knock(from, note.nonce, note.group)
    } else if (note.kind === 'leave') {
      if (this.includes(from)) this.#init.onLeave?.(from)
    } else if (['empty', 'untrusted', 'member'].includes(this.#standing)) this.#entrance.receive(note, from)
  }

  /** When somebody last spoke of a group in this slot; -Infinity where nobody has. */
  get heardAtMs (): number { return this.#entrance.heardAtMs }

  /**
   * Says which group this member is in: a leader to one that takes no part, or does not answer; one whose leader is gone to whoever may be in
   * another group, which has taken the place of its own.
   */
  call (peer: PeerName): void {
    if (this.#core !== undefined) this.#with.sendNote(peer, { kind: 'here', slot: this.slot, group: this.#group! })
  }

  /** Leader only: a learner may be there again. */
  attend (peer: PeerName): void { this.#asked((core) => { core.attend(peer) }) }

  /**
   * Asks the leader to give this member's vote to another. A leader tells all that vote, as one of them leads next and would give it the vote back. May
   * be asked again.
   */
  askLeave (): void {
    const { leader } = this
    const { self, sendNote } = this.#with
    const told = leader === self ? this.#core!.status().configuration.voters : [leader]
    for (const peer of told) if (peer !== undefined && peer !== self) sendNote(peer, { kind: 'leave', slot: this.slot })
  }

  /** What was on its way to this peer may be lost. */
  unreachable (peer: PeerName): void {
    this.#asked((core) => { core.unreachable(peer) })
  }

  #check (): void {
    if (this.#standing === 'member') return
    if (this.#standing === 'failed') throw this.#failure
    if (this.#standing === 'stopped') throw new RaftError('COLONY_RAFT_STOPPED', 'the group is not running here')
    throw new RaftError('COLONY_RAFT_NOT_MEMBER', `this edge is not (yet) part of the group ${this.slot}`)
  }

  /** Does something with the core, its time brought up to now, and sees to what comes of it. */
  #asked<T> (ask: (core: Raft) => T): T | undefined {
    const core = this.#core
    if (core === undefined) return undefined
    this.#catchUp()
    const answer = ask(core)
    this.#kick()
    return answer
  }

  #catchUp (): void {
    const ticks = this.#ticker.passed()
    if (ticks > 0) this.#core?.tick(ticks)
  }

  /** Once for all that came in one turn of the event loop: their entries share a batch. */
  #kick (): void {
    if (this.#core !== undefined) this.#ticker.arm(this.#core.ticksUntilDue())
    if (this.#kicked || this.#working !== undefined || this.#core?.hasReady() !== true) return
    this.#kicked = true
    setImmediate(() => {
      this.#kicked = false
      this.#working ??= this.#work().finally(() => { this.#working = undefined; this.#kick() })
    })
  }

  async #work (): Promise<void> {
    const core = this.#core
    try {
      while (core !== undefined && core === this.#core && core.hasReady()) {
        const ready = core.ready()
        for (const message of ready.early) this.#with.send(message)
        await this.#persist(ready)
        // Stopped meanwhile: what was promised is kept, what was not said is repeated by the others.
        if (core !== this.#core) return
        for (const message of ready.messages) this.#with.send(message)
        if (ready.snapshot !== undefined) {
          this.#replica.restore(ready.snapshot)
          this.#requests.restored(ready.snapshot.index, (key) => this.#replica.place(key))
        }
        // First: an entry and the answer that says whose it is may come in one go.
        for (const outcome of ready.proposals) this.#requests.forwarded(outcome)
        for (const entry of ready.committed) this.#requests.applied(entry, this.#replica.apply(entry))
        core.advance()
        this.#settle(ready)
        await this.#compact(core)
      }
    } catch (error) {
      if (core === this.#core) this.#fail(error)
    }
  }

  async #persist ({ hardState, snapshot, entries, mustSync }: Ready): Promise<void> {
    this.#unsaved = hardState ?? this.#unsaved
    if (!mustSync && snapshot === undefined && entries.length === 0) return
    const saving = this.#unsaved
    this.#unsaved = undefined
    await this.#init.store.write({ entries, ...(saving !== undefined && { hardState: saving }), ...(snapshot !== undefined && { snapshot }) })
  }

  #settle ({ reads, refusedReads }: Ready): void {
    for (const { context, index } of reads) this.#requests.readCurrent(context, index)
    for (const { context, refusal } of refusedReads) this.#requests.readRefused(context, refusal)
    this.#requests.settleReads()
    this.#admission.advance()
    const { role, term, leader, configurationIndex } = this.#core!.status()
    if (leader !== this.#leader) {
      this.#leader = leader
      this.#requests.leaderChanged()
    }
    const seen = `${role} ${term} ${leader} ${configurationIndex}`
    if (seen === this.#seen) return
    this.#seen = seen
    this.#init.onChange?.()
  }

  async #compact (core: Raft): Promise<void> {
    const { snapshotEntries, snapshotBytes } = this.#with.settings
    const { applied } = core
    if (applied - this.#replica.snapshotAt < snapshotEntries && this.#replica.bytesSince < snapshotBytes) return
    const snapshot = core.compact(applied, this.#replica.snapshot(applied))
    if (snapshot !== undefined) await this.#init.store.write({ snapshot, compactTo: core.status().firstIndex - 1 })
  }

  async #enter (group: GroupId, stored: Stored, anew?: true): Promise<void> {
    // No second admission while the first is written.
    this.#entrance.end()
    await this.#init.store.write({ groupId: group, hardState: stored.hardState, entries: stored.entries, trusted: true, ...(anew && { anew }) })
    if (this.#standing === 'stopped') return
    this.#group = group
    this.#take(stored)
  }

  /** Gives up the group here for an older one that has taken this member in. */
  async #dissolve (older: GroupId, stored: Stored): Promise<void> {
    const { machine, onDissolved } = this.#init
    const group = this.#group!
    const { applied: index } = this.#core!
    this.#halt('untrusted', new RaftError('COLONY_RAFT_UNKNOWN', 'two groups met and the younger one, this one, dissolves: what was under way is done in neither, or is listed as a conflict'))
    await this.#working
    this.#with.logger.warn(`group ${group} of ${this.slot} met ${older}, which is older, and dissolves: what it had agreed on is listed as conflicts`)
    await onDissolved?.({ group, index, snapshot: machine.snapshot() })
    if ((this.#standing as Standing) !== 'stopped') await this.#enter(older, stored, true)
  }

  #take (stored: Stored): void {
    const { raft } = this.#init
    const { self, clock } = this.#with
    // Of a group that was given up.
    this.#unsaved = undefined
    this.#replica.restore(stored.snapshot)
    this.#core = new Raft({ self, group: this.#group!, settings: raft, random: clock.random, stored })
    this.#ticker.start()
    this.#received.restart()
    this.#standing = 'member'
    this.#kick()
    this.#init.onChange?.()
  }

  #wait (standing: 'empty' | 'untrusted'): void {
    this.#standing = standing
    this.#entrance.wait()
    this.#init.onChange?.()
  }

  #fail (error: unknown): void {
    this.#with.logger.warn(`group ${this.slot} takes no part in agreement any more: ${messageOf(error)}`)
    this.#failure = error instanceof ColonyError ? error : new ColonyError('COLONY_RAFT_FAILED', `the group ${this.slot} failed here: ${messageOf(error)}`, { cause: error })
    this.#halt('failed', this.#failure)
  }

  #halt (standing: 'failed' | 'stopped' | 'untrusted', error: unknown): void {
    this.#standing = standing
    this.#core = undefined
    this.#entrance.end()
    this.#admission.end()
    this.#ticker.stop()
    this.#requests.rejectAll(error)
    this.#init.onChange?.()
  }
}
