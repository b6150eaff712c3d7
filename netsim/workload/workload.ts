/**
 * The clients of a workload as whoever runs a swarm sees them: a process (client-process.ts) that is
 * started, told which edges there are, and stopped, and that reports each second. It ends with the
 * process that started it.
 */
import type { Clock } from '../../protocols/clock.ts'
import { Program } from '../program.ts'
import type { OriginCall, Progress, Report, SeriesRow, StartCall, Target, UpdateCall } from './messages.ts'

export type { Report, SeriesRow, Target } from './messages.ts'

/** The process has nothing to save, ms: it is only given the time to end by itself. */
const stopGraceMs = 1_000

export interface WorkloadInit {
  readonly clock: Clock
  /** Each second, everything since the start. */
  readonly onReport?: (report: Report) => void
  /** The clients ended by themselves; the sentence says how. */
  readonly onEnd?: (sentence: string) => void
}

export class Workload {
  readonly #init: WorkloadInit
  readonly #program: Program
  readonly #series: SeriesRow[] = []
  #report: Report | undefined
  #stopped: Promise<Report> | undefined
  #ending = false

  constructor (init: WorkloadInit) {
    this.#init = init
    this.#program = new Program({
      name: 'the workload\'s clients', module: './workload/client-process', args: [], clock: init.clock,
      onTold: (message) => {
        const report = this.#take(message as Progress)
        init.onReport?.(report)
      }
    })
    void this.#program.ended.then((end) => {
      if (!this.#ending) init.onEnd?.(`${this.#program.name} ended ${end}${this.#program.lastWords()}`)
    })
  }

  /** The newest; undefined in the first second. */
  get report (): Report | undefined { return this.#report }

  /**
   * Requests come from now on. May be called once.
   *
   * @throws ProgramError, CallError
   */
  async start (call: StartCall): Promise<void> {
    await this.#program.ready
    await this.#program.call('start', call)
  }

  /** Requests from now on go to these edges; what is under way to others may end. */
  async update (targets: readonly Target[]): Promise<void> {
    await this.#program.call('update', { targets } satisfies UpdateCall)
  }

  /** The origin answers nobody from now on, or does again: what is asked for first meanwhile cannot be had. */
  async origin (down: boolean): Promise<void> {
    await this.#program.call('origin', { down } satisfies OriginCall)
  }

  /**
   * Sends nothing new, waits for what is under way, and ends the clients. May be called twice.
   *
   * @returns the last report
   * @throws ProgramError when the clients ended before
   */
  async stop (): Promise<Report> {
    this.#ending = true
    this.#stopped ??= (async () => {
      try {
        return this.#take(await this.#program.call('stop') as Progress)
      } finally {
        await this.#program.stop(stopGraceMs)
      }
    })()
    return await this.#stopped
  }

  /** Ends the clients at once, without a last report. */
  async kill (): Promise<void> {
    this.#ending = true
    this.#program.kill()
    await this.#program.ended
  }

  #take ({ report, row }: Progress): Report {
    this.#series.push(row)
    this.#report = { ...report, series: [...this.#series] }
    return this.#report
  }
}
