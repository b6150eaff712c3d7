/**
 * One simulated edge's part in its region's Raft group: the real core, driven as protocols/raft/group.ts does, with virtual time, a
 * journal on the simulated disk and messages over the simulated network. One `Ready` is under way at a time: send what may leave
 * early, write, sync, send the rest, apply, go on. A crash leaves the journal; all else is made anew.
 */
import { encodeMessage, decodeMessage } from '../../../protocols/raft/codec.ts'
import type { ConfigurationChange, GroupId, Message, Refusal } from '../../../protocols/raft/messages.ts'
import { bootstrap, emptyStored, Raft } from '../../../protocols/raft/raft.ts'
import type { Proposed, Ready } from '../../../protocols/raft/ready.ts'
import { Replica } from '../../../protocols/raft/replica.ts'
import { raftServiceDefaults } from '../../../protocols/raft/service-settings.ts'
import type { RaftSettings } from '../../../protocols/raft/settings.ts'
import type { PeerName } from '../../../protocols/ids.ts'
import type { AgreementPlan } from '../scenario.ts'
import type { Random } from '../../random.ts'
import { AgreementRequests, type Outcome } from './agreement-requests.ts'
import { Part } from './messages.ts'
import { RaftJournal } from './raft-journal.ts'
import { Timer, type Self } from './self.ts'
import { encodeSet, SettingsRegister, type SetCommand } from './settings-register.ts'

const agreementModel = Object.freeze({
  /** A request that has no outcome by then is given up, ms: longer than an election at bad times. */
  requestTimeoutMs: 3_000,
  /** Between two attempts at one, ms. */
  retryMs: 400,
  /** A message without its entries, and what surrounds an entry, bytes; as the codec has them with names of usual length. */
  messageBytes: 90 as number,
  entryBytes: 8 as number
})

export interface AgreementInit {
  readonly self: Self
  readonly plan: AgreementPlan
  /** Of the region, ascending. */
  readonly peers: readonly PeerName[]
}

/** Three voters of three edges or more, five of eight or more; the rest learn. The first ones: each edge knows them alike. */
function votersOf (peers: readonly PeerName[]): readonly PeerName[] {
  return peers.slice(0, peers.length >= 8 ? 5 : peers.length >= 3 ? 3 : 1)
}

export class Agreement {
  core: Raft | undefined
  readonly group: GroupId
  readonly journal: RaftJournal
  readonly register = new SettingsRegister()
  readonly #self: Self
  readonly #plan: AgreementPlan
  readonly #peers: readonly PeerName[]
  readonly #settings: RaftSettings
  readonly #requests: AgreementRequests
  readonly #chance: Random
  /** Peers that refused, as lanes.ts keeps them: nothing is said to one before `retryAtMs`. */
  readonly #refusals = new Map<PeerName, { readonly failures: number, readonly retryAtMs: number }>()
  #replica = new Replica(this.register)
  /** Up to when the core's time has come, by this machine. */
  #tickedMs = 0
  #armedMs = Infinity
  #timer = -1
  #isWorking = false
  #seen = ''
  #commit = 0

  constructor ({ self, plan, peers }: AgreementInit) {
    const { machine, seat, settings } = self
    this.#self = self
    this.#plan = plan
    this.#peers = peers
    this.#settings = { ...settings.raft, ...plan.settings }
    this.#chance = machine.chance.fork('raft')
    this.group = `group of ${seat.region}`
    this.journal = new RaftJournal(machine, machine.chance.fork('raft/disk'), plan.syncMs)
    this.#requests = new AgreementRequests({
      machine,
      timeoutMs: agreementModel.requestTimeoutMs,
      retryMs: agreementModel.retryMs,
      propose: (data, ticket) => this.#asked((core) => core.propose(data, ticket)) ?? { kind: 'refused', refusal: 'not-member' },
      read: (ticket, lease) => this.#asked((core) => core.read(ticket, { lease })) ?? { kind: 'refused', refusal: 'not-member' }
    })
  }

  /** Ticks that have passed and that the core was not told of yet. */
  get ticksDue (): number { return Math.floor((this.#self.machine.nowMs() - this.#tickedMs) / this.#settings.tickMs) }

  start (): void {
    if (this.journal.open()) return this.#begin()
    // The first start of all: a founder writes the first entry, the others begin with nothing.
    const voters = votersOf(this.#peers)
    const learners = this.#peers.filter((peer) => !voters.includes(peer))
    const { hardState, entries } = voters.includes(this.#self.seat.peer) ? bootstrap({ voters, learners }) : emptyStored
    this.journal.write({ hardState, entries })
    this.journal.sync(() => { this.#begin() })
  }

  crash (): void {
    this.core = undefined
    this.#isWorking = false
    this.#armedMs = Infinity
    this.#timer = -1
    this.#refusals.clear()
    this.#requests.clear()
  }

  receive (message: Message): void {
    this.#refusals.delete(message.from)
    const verdict = this.#asked((core) => core.step(message))
    if (verdict !== undefined) this.#self.watch.raftHeard(this.#self.index, message, verdict)
  }

  /** No process listens at that peer: what was on its way is lost. */
  refused (to: number): void {
    const peer = this.#self.peerOf(to)
    const { nowMs } = this.#self.machine
    const { failures, retryAtMs } = this.#refusals.get(peer) ?? { failures: 0, retryAtMs: -Infinity }
    if (nowMs() < retryAtMs) return
    const { reopenMs, reopenMaxMs } = raftServiceDefaults
    const waitMs = Math.min(reopenMaxMs, reopenMs * 2 ** failures) * this.#chance.between(0.5, 1)
    this.#refusals.set(peer, { failures: failures + 1, retryAtMs: nowMs() + waitMs })
    this.#asked((core) => { core.unreachable(peer) })
  }

  onTimer (): void {
    this.#armedMs = Infinity
    this.#asked(() => {})
  }

  /** @param key '' for one that is handed in once, where this edge leads */
  set (command: SetCommand, key: string, done: (outcome: Outcome) => void): void {
    this.#requests.propose(encodeSet(command), key, done)
  }

  /** Done with the value, once this edge's state is current. */
  read (key: string, lease: boolean, done: (outcome: Outcome) => void): void {
    this.#requests.read(lease, (outcome) => { done(outcome.kind === 'done' ? { ...outcome, result: this.register.value(key) } : outcome) })
    this.#settleReads()
  }

  change (change: ConfigurationChange): Proposed | undefined { return this.#asked((core) => core.change(change)) }

  transfer (to: PeerName): Refusal | undefined { return this.#asked((core) => core.transfer(to)) }

  #begin (): void {
    const { machine, watch, index, seat: { peer: self } } = this.#self
    const { hardState, snapshot, entries } = this.journal.written
    this.#replica = new Replica(this.register)
    this.#replica.restore(snapshot)
    this.core = new Raft({ self, group: this.group, settings: this.#settings, random: this.#chance.next, stored: { hardState, snapshot, entries: [...entries] } })
    this.#tickedMs = machine.nowMs()
    this.#seen = ''
    this.#commit = this.core.commit
    watch.raftStarted(index)
    this.#settle()
  }

  /** Does something with the core, its time brought up to now, and sees to what comes of it. */
  #asked<T> (ask: (core: Raft) => T): T | undefined {
    const { core } = this
    if (core === undefined) return undefined
    const ticks = this.ticksDue
    if (ticks > 0) {
      this.#tickedMs += ticks * this.#settings.tickMs
      core.tick(ticks)
      this.#look(core)
    }
    const answer = ask(core)
    this.#settle()
    return answer
  }

  #settle (): void {
    const { core } = this
    if (core === undefined) return
    this.#look(core)
    if (!this.#isWorking && core.hasReady()) this.#work(core)
    this.#arm()
  }

  /** Tells checkers of what changed. */
  #look (core: Raft): void {
    const { watch, index } = this.#self
    const { role, term, commit } = core
    const seen = `${role} ${term}`
    if (seen !== this.#seen) {
      this.#seen = seen
      watch.raftRole(index, role, term)
    }
    if (commit === this.#commit) return
    this.#commit = commit
    watch.raftCommit(index, commit)
  }

  #work (core: Raft): void {
    for (this.#isWorking = true; core === this.core && core.hasReady();) {
      const ready = core.ready()
      const { hardState, snapshot, entries, mustSync } = ready
      for (const message of ready.early) this.#send(message)
      if (hardState !== undefined || snapshot !== undefined || entries.length > 0) this.journal.write({ hardState, snapshot, entries })
      if (mustSync) {
        this.journal.sync(() => {
          this.#finish(core, ready)
          this.#isWorking = false
          this.#settle()
        })
        return
      }
      this.#finish(core, ready)
    }
    this.#isWorking = false
  }

  /** All of it is on disk. */
  #finish (core: Raft, ready: Ready): void {
    const { watch, index } = this.#self
    const { messages, snapshot, committed } = ready
    watch.raftWritten(index, ready)
    for (const message of messages) this.#send(message)
    if (snapshot !== undefined) {
      watch.raftInstalled(index, snapshot)
      this.#replica.restore(snapshot)
      this.#requests.restored(snapshot.index, (key) => this.#replica.place(key))
    }
    for (const entry of committed) {
      watch.raftApplied(index, entry)
      this.#requests.applied(entry, this.#replica.apply(entry))
    }
    core.advance()
    this.#look(core)
    this.#requests.settle(ready, core.applied)
    this.#compact(core)
  }

  #compact (core: Raft): void {
    const { applied } = core
    if (applied - this.#replica.snapshotAt < this.#plan.snapshotEntries) return
    const snapshot = core.compact(applied, this.#replica.snapshot(applied))
    if (snapshot !== undefined) this.journal.write({ snapshot, compactTo: core.status().firstIndex - 1 })
  }

  #settleReads (): void {
    if (this.core !== undefined) this.#requests.settle({ proposals: [], reads: [] }, this.core.applied)
  }

  #send (message: Message): void {
    const { index, indexOf, network, bill, send, watch } = this.#self
    const to = indexOf(message.to)
    watch.raftSent(index, message)
    if (this.#self.machine.nowMs() < (this.#refusals.get(message.to)?.retryAtMs ?? -Infinity)) return
    let said = message
    let bytes: number
    if (this.#plan.encoded) {
      const frame = encodeMessage(message).subarray()
      bytes = frame.byteLength
      said = decodeMessage(frame, message, this.#settings)
    } else bytes = bytesOf(message)
    if (!this.#plan.loose) return send(to, { kind: 'raft', message: said }, bytes, Part.Agreement)
    bill(Part.Agreement, bytes, 1)
    network.datagram(index, to, { kind: 'raft', message: said }, bytes)
  }

  #arm (): void {
    const { core } = this
    if (core === undefined) return
    const { machine } = this.#self
    const dueMs = this.#tickedMs + core.ticksUntilDue() * this.#settings.tickMs
    // A timer that comes too early only looks again.
    if (dueMs >= this.#armedMs) return
    machine.cancel(this.#timer)
    this.#armedMs = dueMs
    this.#timer = machine.post(dueMs, Timer.Agreement, 0)
  }
}

function bytesOf (message: Message): number {
  const { messageBytes, entryBytes } = agreementModel
  if (message.kind === 'append') return message.entries.reduce((sum, { data }) => sum + entryBytes + data.byteLength, messageBytes)
  if (message.kind === 'snapshot') return messageBytes + message.snapshot.data.byteLength
  return messageBytes + (message.kind === 'proposal' ? message.data.byteLength : 0)
}
