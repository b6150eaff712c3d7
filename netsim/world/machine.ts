/**
 * One machine of the world and the process on it: its clock, its timers, whether it is up, paused or slow.
 * It is the `Clock` that a core or an edge is given: timers of a process die with it, wait while it is
 * paused, and count by the machine's own quartz, which drifts.
 */
import type { Engine, TimerId } from './engine.ts'
import { exactMs } from './engine.ts'
import type { Disk } from './disk.ts'
import type { Random } from '../random.ts'
import type { Clock } from '../../protocols/clock.ts'

/** A host's place in every list of hosts: edges from 0, then the origin. */
export type HostIndex = number

/** The program on a machine; an edge of the simulated colony, or the origin. All calls are synchronous. */
export interface Host {
  /** The process starts, for the first time or again: memory is empty, the disks hold what survived. */
  readonly start: () => void
  /** The process is gone without a word: kill -9 or the power. Its timers are dead already; forget everything. */
  readonly crash: () => void
  /** A graceful stop begins: take leave. The process ends `drainMs` later, its disks synced. */
  readonly stop?: (drainMs: number) => void
  readonly receive: (from: HostIndex, message: unknown, bytes: number) => void
  /** A message could not be handed over as no process listens there (a reset connection). Silence tells nothing. */
  readonly refused?: (to: HostIndex, message: unknown) => void
  /** A timer set by `Machine.post`. */
  readonly onTimer?: (kind: number, value: number, payload: unknown) => void
}

/** 2026-01-01: where wall clocks begin. */
const wallStartMs = 1_767_225_600_000

const What = { Callback: 0, Timer: 1, Message: 2 } as const

export interface MachineInit {
  readonly index: HostIndex
  readonly name: string
  readonly engine: Engine
  readonly random: Random
  /** Wall clock's error at the beginning, ms. */
  readonly skewMs: number
  /** How much faster than true time its quartz runs, parts of a million. */
  readonly driftPpm: number
}

export class Machine implements Clock {
  readonly index: HostIndex
  readonly name: string
  readonly engine: Engine
  /** The machine's own chance; fork it for a part of one's own. */
  readonly chance: Random
  host: Host | undefined
  /** A process runs. */
  up = false
  /** The process is stopped by SIGSTOP: its clock goes on, it does nothing. */
  paused = false
  /** Mean time that each message and timer waits for the processor, ms; 0 is a healthy machine. */
  slowMs = 0
  /** Times that a process ended here; timers of an earlier one are dropped. */
  lives = 0
  readonly #rate: number
  /** What waits for the processor, or for the process to go on; in its order. */
  readonly #waiting: Array<() => void> = []
  readonly #disks: Array<Disk<unknown>> = []
  #skewMs: number
  #startedMs = 0
  #busyUntilMs = 0
  /** Times that what waits was planned anew: turns that were planned before are none any more. */
  #plans = 0

  constructor ({ index, name, engine, random, skewMs, driftPpm }: MachineInit) {
    this.index = index
    this.name = name
    this.engine = engine
    this.chance = random
    this.#skewMs = skewMs
    this.#rate = 1 + driftPpm / 1e6
    this.random = random.fork('clock').next
  }

  readonly random: () => number

  /** Since the process started, by the machine's quartz, ms. */
  readonly nowMs = (): number => (this.engine.nowMs - this.#startedMs) * this.#rate

  readonly wallMs = (): number => wallStartMs + this.engine.nowMs * this.#rate + this.#skewMs

  /** Runs once after `delayMs` of this machine, while the process lives. */
  readonly after = (delayMs: number, callback: () => void): () => void => {
    const id = this.engine.post(this.#dueMs(this.nowMs() + Math.max(0, delayMs)), this, What.Callback, this.index, this.lives, callback)
    return () => { this.engine.cancel(id) }
  }

  /**
   * `host.onTimer(kind, value, payload)` when `nowMs()` of this machine is `atMs` or later: what a core's
   * `nextDeadline()` wants, without a closure. `Infinity` sets nothing. @returns for `cancel`; -1 for nothing
   */
  post (atMs: number, kind: number, value: number, payload?: unknown): TimerId {
    if (atMs === Infinity) return -1
    return this.engine.post(this.#dueMs(atMs), this, What.Timer + 4 * kind, value, this.lives, payload)
  }

  cancel (id: TimerId): boolean {
    return id >= 0 && this.engine.cancel(id)
  }

  /** The disk loses its unsynced tail whenever this machine crashes. */
  attach<V> (disk: Disk<V>): Disk<V> {
    this.#disks.push(disk as unknown as Disk<unknown>)
    return disk
  }

  /** By the network: a message has arrived. */
  deliver (from: HostIndex, message: unknown, bytes: number): void {
    if (!this.up) return
    if (this.paused || this.slowMs > 0) this.#hold(() => { this.host?.receive(from, message, bytes) })
    else this.host?.receive(from, message, bytes)
  }

  /** The process starts. */
  boot (): void {
    if (this.up) return
    this.up = true
    this.paused = false
    this.#startedMs = this.engine.nowMs
    this.#busyUntilMs = 0
    this.host?.start()
  }

  /** The process ends at once, and the disks lose what was not synced. */
  crash (): void {
    if (!this.up) return
    this.#end()
    for (const disk of this.#disks) disk.crash(this.chance)
    this.host?.crash()
  }

  /** A graceful stop's end: what was written stays. */
  halt (): void {
    if (!this.up) return
    this.#end()
    for (const disk of this.#disks) disk.settle()
    this.host?.crash()
  }

  pause (): void {
    if (!this.up) return
    this.paused = true
    this.#plans++
  }

  /** All that came meanwhile is handled now, in its order; on a slow machine one after the other. */
  resume (): void {
    if (!this.paused) return
    this.paused = false
    this.#goOn()
  }

  /** Each message and timer waits so much longer for the processor, in the mean; negative takes that back. */
  slow (byMs: number): void {
    this.slowMs += byMs
    if (this.slowMs === 0 && this.up && !this.paused) this.#goOn()
  }

  /** The wall clock is set: NTP's step, or somebody's mistake. */
  jump (byMs: number): void {
    this.#skewMs += byMs
  }

  /** By the engine only. */
  onEvent (kind: number, a: number, b: number, payload: unknown): void {
    if (b !== this.lives || !this.up) return
    if (this.paused || this.slowMs > 0) this.#hold(() => { this.#run(kind, a, payload) })
    else this.#run(kind, a, payload)
  }

  #run (kind: number, value: number, payload: unknown): void {
    if ((kind & 3) === What.Callback) (payload as () => void)()
    else this.host?.onTimer?.(kind >> 2, value, payload)
  }

  /** Waits for the processor, or for the process to go on. */
  #hold (work: () => void): void {
    this.#waiting.push(work)
    if (!this.paused) this.#planTurn()
  }

  /** The first of those that wait has its turn when those before it have had theirs. */
  #planTurn (): void {
    const { lives, engine } = this
    const plans = this.#plans
    this.#busyUntilMs = Math.max(engine.nowMs, this.#busyUntilMs) + this.chance.exponential(this.slowMs)
    engine.at(this.#busyUntilMs, () => { if (lives === this.lives && plans === this.#plans) this.#waiting.shift()?.() })
  }

  #goOn (): void {
    this.#plans++
    this.#busyUntilMs = 0
    if (this.slowMs > 0) {
      for (let turns = this.#waiting.length; turns > 0; turns--) this.#planTurn()
      return
    }
    const { lives } = this
    for (const work of this.#waiting.splice(0)) if (lives === this.lives) work()
  }

  #end (): void {
    this.up = false
    this.paused = false
    this.lives++
    this.#waiting.length = 0
  }

  /** True time at which `nowMs()` is `atMs` or later: a core woken a moment too early would find nothing to do, for ever. */
  #dueMs (atMs: number): number {
    const dueMs = exactMs(this.#startedMs + atMs / this.#rate)
    return (dueMs - this.#startedMs) * this.#rate < atMs ? dueMs + exactMs(0.0001) : dueMs
  }
}
