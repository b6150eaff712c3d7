/**
 * One simulated server: a core, its disk, its clock and its state machine, driven as the order of work in
 * `protocols/raft/ready.ts` says. A write takes time, and a crash in between loses it, or, where no sync was asked for, may
 * lose it later. The clock may run fast or slow.
 */
import { Raft } from '../../../protocols/raft/raft.ts'
import type { Entry, GroupId, HardState, Message, Snapshot } from '../../../protocols/raft/messages.ts'
import type { Ready, Stored } from '../../../protocols/raft/ready.ts'
import type { RaftSettings } from '../../../protocols/raft/settings.ts'

export const tickMs = 10

/** What a run looks for at every step; throws when something is wrong. */
export interface Checks {
  handed: (host: Host, ready: Ready) => void
  written: (host: Host, ready: Ready) => void
  applied: (host: Host, entry: Entry) => void
  installed: (host: Host, snapshot: Snapshot) => void
}

export interface HostInit {
  readonly name: string
  readonly group: GroupId
  readonly settings: RaftSettings
  readonly random: () => number
  readonly stored: Stored
  /** Length of this server's tick, as a part of a true one. */
  readonly rate: number
  readonly checks: Checks
  readonly send: (message: Message) => void
  readonly after: (delayMs: number, run: () => void) => void
}

export class Host {
  readonly name: string
  raft: Raft | undefined
  /** All that was applied: what a read would see. */
  machine: Entry[] = []
  paused = false
  /** Rises with each start and crash. */
  run = 0
  /** The log as handed out for writing, by place; holes are in the snapshot. */
  log: Entry[] = []
  readonly reads = new Map<string, (index: number) => void>()

  readonly #init: HostInit
  #disk: { hardState: HardState, snapshot: Snapshot | undefined, entries: Entry[] }
  #unsynced: HardState | undefined
  #startedMs = 0
  #ticks = 0

  constructor (init: HostInit) {
    this.name = init.name
    this.#init = init
    this.#disk = { ...init.stored, entries: [...init.stored.entries] }
  }

  get isUp (): boolean { return this.raft !== undefined && !this.paused }

  start (nowMs: number): void {
    this.run++
    this.#startedMs = nowMs
    this.#ticks = 0
    const { snapshot, entries } = this.#disk
    this.machine = snapshot === undefined ? [] : unpack(snapshot)
    this.log = []
    for (const entry of entries) this.log[entry.index] = entry
    const { name: self, group, settings, random } = this.#init
    this.raft = new Raft({ self, group, settings, random, stored: { ...this.#disk, entries: [...entries] } })
  }

  /** Unsynced writes may be lost, the write under way is, and so is all memory. */
  crash (): void {
    if (this.#unsynced !== undefined && this.#init.random() < 0.5) this.#disk.hardState = this.#unsynced
    this.#unsynced = undefined
    this.raft = undefined
    this.paused = false
    this.reads.clear()
    this.run++
  }

  /** Tells the core how much of its time has passed, as a host does before all else. */
  catchUp (nowMs: number, force: boolean): void {
    if (!this.isUp) return
    const ticks = Math.floor((nowMs - this.#startedMs) / (tickMs * this.#init.rate))
    const passed = ticks - this.#ticks
    if (passed === 0 || (!force && passed < this.raft!.ticksUntilDue())) return
    this.#ticks = ticks
    this.raft!.tick(passed)
  }

  /** Works off a `Ready` where there is one and none is under way. */
  pump (): void {
    if (!this.isUp || !this.raft!.hasReady()) return
    const ready = this.raft!.ready()
    for (const entry of ready.entries) this.log[entry.index] = entry
    const last = ready.entries.at(-1)
    if (last !== undefined) this.log.length = last.index + 1
    if (ready.snapshot !== undefined) this.log = ready.entries.reduce<Entry[]>((log, entry) => { log[entry.index] = entry; return log }, [])
    this.#init.checks.handed(this, ready)
    for (const message of ready.early) this.#init.send(message)
    const run = this.run
    const finish = (): void => {
      if (run !== this.run) return
      if (this.paused) this.#init.after(5, finish)
      else this.#finish(ready)
    }
    if (ready.mustSync) this.#init.after(1 + Math.floor(this.#init.random() * 4), finish)
    else finish()
  }

  #finish (ready: Ready): void {
    this.#write(ready)
    this.#init.checks.written(this, ready)
    for (const message of ready.messages) this.#init.send(message)
    if (ready.snapshot !== undefined) {
      this.#init.checks.installed(this, ready.snapshot)
      this.machine = unpack(ready.snapshot)
    }
    for (const entry of ready.committed) {
      this.#init.checks.applied(this, entry)
      this.machine.push(entry)
    }
    for (const { context, index } of ready.reads) this.reads.get(context)?.(index)
    this.raft!.advance()
    this.#compact()
    this.pump()
  }

  #write ({ hardState, snapshot, entries, mustSync }: Ready): void {
    const disk = this.#disk
    if (snapshot !== undefined) Object.assign(disk, { snapshot, entries: [] })
    if (entries.length > 0) disk.entries = [...disk.entries.filter(({ index }) => index < entries[0]!.index), ...entries]
    const next = hardState ?? this.#unsynced
    if (mustSync) {
      disk.hardState = next ?? disk.hardState
      this.#unsynced = undefined
    } else this.#unsynced = next
  }

  #compact (): void {
    const { applied } = this.raft!
    if (this.#init.random() > 0.05 || this.machine.length === 0) return
    const snapshot = this.raft!.compact(applied, pack(this.machine))
    if (snapshot === undefined) return
    this.#disk.snapshot = snapshot
    const { firstIndex } = this.raft!.status()
    this.#disk.entries = this.#disk.entries.filter(({ index }) => index >= firstIndex)
    // A snapshot is written with a sync, and with it all that was written before.
    this.#disk.hardState = this.#unsynced ?? this.#disk.hardState
    this.#unsynced = undefined
  }
}

export function pack (machine: readonly Entry[]): Uint8Array {
  return Buffer.from(JSON.stringify(machine.map(({ index, term, kind, data }) => [index, term, kind, Buffer.from(data).toString('latin1')])))
}

export function unpack ({ data }: Snapshot): Entry[] {
  return (JSON.parse(Buffer.from(data).toString()) as Array<[number, number, 0 | 1 | 2, string]>)
    .map(([index, term, kind, text]) => ({ index, term, kind, data: Buffer.from(text, 'latin1') }))
}
