/**
 * The origin of a workload as whoever runs a swarm sees it: a process (origin-process.ts) that is started,
 * controlled over HTTP, asked what it was asked, and stopped. It ends with the process that started it.
 * The clients need the same seed and shape, as those make the bytes.
 */
import type { Clock } from '../../protocols/clock.ts'
import { ColonyError, messageOf } from '../../protocols/errors.ts'
import { Program } from '../program.ts'
import type { Control, Counters } from './origin.ts'
import type { Shape } from './shape.ts'

/** The process has nothing to save, ms: it is only given the time to end by itself. */
const stopGraceMs = 1_000

export interface WorkloadOriginInit {
  readonly seed: number | string
  readonly shape: Shape
  readonly clock: Clock
  /** Where it listens. Default: 127.0.0.1. */
  readonly host?: string
  readonly cacheControl?: string
  /** It ended by itself; the sentence says how. */
  readonly onEnd?: (sentence: string) => void
}

export class WorkloadOrigin {
  readonly #program: Program
  #url = ''
  #stopping = false

  constructor ({ seed, shape, clock, host, cacheControl, onEnd }: WorkloadOriginInit) {
    const optional = { host, 'cache-control': cacheControl }
    this.#program = new Program({
      name: 'the workload\'s origin',
      module: './workload/origin-process',
      args: [
        `--seed=${seed}`, `--shape=${JSON.stringify(shape)}`,
        ...Object.entries(optional).flatMap(([flag, value]) => value === undefined ? [] : [`--${flag}=${value}`])
      ],
      clock
    })
    void this.#program.ended.then((end) => {
      if (!this.#stopping) onEnd?.(`${this.#program.name} ended ${end}${this.#program.lastWords()}`)
    })
  }

  /** Without a slash at the end; empty before it has started. */
  get url (): string { return this.#url }

  /** @returns its URL @throws ProgramError */
  async start (): Promise<string> {
    this.#url = (await this.#program.ready).get('http') ?? ''
    return this.#url
  }

  /** @throws ColonyError */
  async control (control: Control): Promise<void> {
    await this.#ask('/control', { method: 'POST', body: JSON.stringify(control) })
  }

  async counters (): Promise<Counters> {
    return JSON.parse(await this.#ask('/counters', {})) as Counters
  }

  async stop (): Promise<void> {
    this.#stopping = true
    await this.#program.stop(stopGraceMs)
  }

  async #ask (path: string, init: RequestInit): Promise<string> {
    let response: Response
    try {
      response = await fetch(this.#url + path, init)
    } catch (error) {
      throw new ColonyError('COLONY_WORKLOAD_ORIGIN', `the workload's origin does not answer: ${messageOf(error)}`, { cause: error })
    }
    const text = await response.text()
    if (!response.ok) throw new ColonyError('COLONY_WORKLOAD_ORIGIN', text.trim())
    return text
  }
}
