/**
 * A group of up to seven servers on a network that loses, repeats, delays and cuts, in virtual time of one millisecond steps.
 * Everything follows from one seed.
 */
import { decodeMessage, encodeMessage } from '../../../protocols/raft/codec.ts'
import { bootstrap, emptyStored } from '../../../protocols/raft/raft.ts'
import { raftDefaults, type RaftSettings } from '../../../protocols/raft/settings.ts'
import { Host } from './host.ts'
import { Invariants } from './invariants.ts'
import type { ChangeKind, Message } from '../../../protocols/raft/messages.ts'

export interface Plan {
  readonly seed: number
  /** Voters at the start; servers in all. */
  readonly voters: number
  readonly servers: number
  readonly drop: number
  readonly repeat: number
  readonly delayMsMax: number
  /** Chance of a fault, and of a change of the configuration, each millisecond. */
  readonly faults: number
  readonly changes: number
  /** Clocks run between 1 - drift and 1 + drift. */
  readonly drift: number
  /** Whether messages go through the codec. */
  readonly bytes: boolean
  readonly settings?: Partial<RaftSettings>
}

export const calm: Omit<Plan, 'seed' | 'voters' | 'servers'> = { drop: 0, repeat: 0, delayMsMax: 2, faults: 0, changes: 0, drift: 0, bytes: false }

/** Small limits, so that they are met. */
export const tight: RaftSettings = {
  ...raftDefaults,
  heartbeatTicks: 2, electionTicks: 10, leaseTicks: 7, learnerTicks: 20, snapshotTimeoutTicks: 40,
  appendBytesMax: 60, appendEntriesMax: 4, inflightMessagesMax: 3, inflightBytesMax: 150,
  uncommittedBytesMax: 400, applyBytesMax: 50, keptEntries: 3, readsMax: 5, promotionLagMax: 5
}

const kinds: readonly ChangeKind[] = ['add-learner', 'promote', 'promote', 'demote', 'remove']

export class World {
  nowMs = 0
  readonly hosts: Host[]
  readonly invariants: Invariants
  readonly cuts = new Set<string>()
  readsDone = 0
  messages = 0
  readonly #plan: Plan
  readonly #settings: RaftSettings
  readonly #events = new Map<number, Array<() => void>>()
  #lossy = true
  #random: number
  #values = 0

  constructor (plan: Plan) {
    this.#plan = plan
    this.#settings = { ...tight, ...plan.settings }
    this.#random = plan.seed >>> 0
    this.invariants = new Invariants(() => this.hosts, () => this.nowMs)
    const names = Array.from({ length: plan.servers }, (_, index) => `s${index + 1}`)
    const founded = bootstrap({ voters: names.slice(0, plan.voters), learners: [] })
    this.hosts = names.map((name, index) => new Host({
      name, group: 'group', settings: this.#settings, random: this.random,
      stored: index < plan.voters ? founded : emptyStored,
      rate: 1 + plan.drift * (2 * this.random() - 1),
      checks: this.invariants,
      send: (message) => { this.#send(message) },
      after: (delayMs, run) => { this.after(delayMs, run) }
    }))
    for (const host of this.hosts) host.start(0)
  }

  /** mulberry32: small, seeded, good enough to choose faults by. */
  readonly random = (): number => {
    this.#random = (this.#random + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), this.#random | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  after (delayMs: number, run: () => void): void {
    const atMs = this.nowMs + Math.max(1, delayMs)
    const events = this.#events.get(atMs)
    if (events === undefined) this.#events.set(atMs, [run])
    else events.push(run)
  }

  /** The leader of the highest term. */
  get leader (): Host | undefined {
    return this.hosts.filter(({ isUp, raft }) => isUp && raft!.role === 'leader').sort((one, other) => other.raft!.term - one.raft!.term)[0]
  }

  run (ms: number, each?: () => void): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs;) {
      this.nowMs++
      const events = this.#events.get(this.nowMs) ?? []
      this.#events.delete(this.nowMs)
      for (const event of events) event()
      each?.()
      for (const host of this.hosts) {
        host.catchUp(this.nowMs, false)
        host.pump()
      }
      this.invariants.look()
    }
  }

  /** One millisecond's share of trouble and of work. */
  readonly trouble = (): void => {
    const { faults, changes } = this.#plan
    if (this.random() < faults) this.#fault()
    if (this.random() < changes) this.change()
    if (this.random() < 0.15) this.propose()
    if (this.random() < 0.1) this.read()
  }

  propose (host = this.#pick()): void {
    this.#attend(host, () => { host.raft!.propose(Buffer.from(`value ${this.#values++}`), '') })
  }

  change (): void {
    const host = this.leader
    if (host === undefined) return
    const kind = kinds[Math.floor(this.random() * kinds.length)]!
    const peers = Array.from({ length: 1 + Math.floor(this.random() * 3) }, () => this.#pick().name)
    this.#attend(host, () => { host.raft!.change({ kind, peers }) })
  }

  /** A read must see all that anybody had applied when it began. */
  read (host = this.#pick(), lease = this.random() < 0.5): void {
    this.#attend(host, () => {
      const seen = this.invariants.lastApplied
      const check = (index: number): void => {
        this.readsDone++
        if (index < seen) throw new Error(`reads are linearizable (thesis 6.4): ${host.name} reads at ${index} what was applied up to ${seen} before`)
      }
      const context = `read ${this.#values++}`
      const standing = host.raft!.read(context, { lease })
      if (standing.kind === 'current') check(standing.index)
      else if (standing.kind === 'asked') host.reads.set(context, check)
    })
  }

  transfer (to: string): void {
    const host = this.leader
    if (host !== undefined) this.#attend(host, () => { host.raft!.transfer(to) })
  }

  heal (): void {
    this.cuts.clear()
    this.#lossy = false
    for (const host of this.hosts) {
      host.paused = false
      if (host.raft === undefined) host.start(this.nowMs)
    }
  }

  cut (one: string, other: string): void {
    this.cuts.add(`${one}>${other}`)
  }

  #attend (host: Host, act: () => void): void {
    if (!host.isUp) return
    host.catchUp(this.nowMs, true)
    act()
    host.pump()
  }

  #fault (): void {
    // A leader in trouble is what elections come from.
    const host = this.random() < 0.4 ? this.leader ?? this.#pick() : this.#pick()
    const choice = Math.floor(this.random() * 10)
    if (choice < 2) {
      host.crash()
      this.after(50 + this.random() * 300 | 0, () => { if (host.raft === undefined) host.start(this.nowMs) })
    } else if (choice < 3) {
      host.paused = true
      this.after(50 + this.random() * 400 | 0, () => { host.paused = false })
    } else if (choice < 6) {
      const other = this.#pick().name
      this.cut(host.name, other)
      if (choice < 5) this.cut(other, host.name)
    } else if (choice < 7) for (const { name } of this.hosts) this.cut(name, host.name)
    else if (choice < 8) this.transfer(host.name)
    else this.cuts.clear()
  }

  #pick (): Host {
    return this.hosts[Math.floor(this.random() * this.hosts.length)]!
  }

  #send (message: Message): void {
    const { drop, repeat, delayMsMax } = this.#plan
    this.messages++
    if (this.#lossy && this.random() < drop) return
    const copies = this.#lossy && this.random() < repeat ? 2 : 1
    for (let copy = 0; copy < copies; copy++) {
      // Now and then one is very late.
      const delayMs = 1 + this.random() * delayMsMax * (this.#lossy && this.random() < 0.02 ? 20 : 1) | 0
      this.after(delayMs, () => { this.#deliver(message) })
    }
  }

  #deliver (message: Message): void {
    const host = this.hosts.find(({ name }) => name === message.to)
    if (host === undefined || !host.isUp || this.cuts.has(`${message.from}>${message.to}`)) return
    const { from, to } = message
    const heard = this.#plan.bytes ? decodeMessage(encodeMessage(message), { from, to }, this.#settings) : message
    this.#attend(host, () => {
      const verdict = host.raft!.step(heard)
      if (verdict === 'contradiction') throw new Error(`${to} takes an honest ${message.kind} of ${from} for a contradiction`)
    })
  }
}
