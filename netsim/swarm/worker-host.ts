/** The swarm's end of a worker: a process with many edges. */
import type { Clock } from '../../protocols/clock.ts'
import { Program } from '../program.ts'
import type { EdgeBase, EdgeHost, EdgeLook, HostUsage } from './host.ts'
import type { CutCall, KillCall, StartCall } from './messages.ts'
import type { EdgePlan } from './plan.ts'

export interface WorkerHostInit {
  readonly index: number
  readonly edges: readonly EdgePlan[]
  readonly base: EdgeBase
  readonly clock: Clock
  readonly stopGraceMs: number
  /** It ended by itself. */
  readonly onEnd: (sentence: string) => void
}

export class WorkerHost implements EdgeHost {
  readonly edges: readonly EdgePlan[]
  readonly #init: WorkerHostInit
  readonly #program: Program
  #stopping = false

  constructor (init: WorkerHostInit) {
    this.#init = init
    this.edges = init.edges
    const name = `worker ${init.index + 1}`
    this.#program = new Program({ name, module: './swarm/worker', args: [], clock: init.clock, onTold: () => {} })
    void this.#program.ended.then((end) => {
      if (!this.#stopping) init.onEnd(`${name} with ${init.edges.length} edges ended ${end}${this.#program.lastWords()}`)
    })
  }

  async start (edges: readonly EdgePlan[], join: readonly string[]): Promise<void> {
    await this.#program.ready
    await this.#program.call('start', { base: this.#init.base, edges, join } satisfies StartCall)
  }

  async look (): Promise<EdgeLook[]> {
    await this.#program.ready
    return await this.#program.call('look') as EdgeLook[]
  }

  async usage (): Promise<HostUsage> { return await this.#program.call('usage') as HostUsage }
  async kill (names: readonly string[]): Promise<void> { await this.#program.call('kill', { names } satisfies KillCall) }
  pause (): void { this.#program.signal('SIGSTOP') }
  resume (): void { this.#program.signal('SIGCONT') }
  async cut (from: readonly string[], to: readonly string[], oneWay: boolean): Promise<void> { await this.#program.call('cut', { from, to, oneWay } satisfies CutCall) }
  async heal (): Promise<void> { await this.#program.call('heal') }

  /** Whatever its edges hold is thrown away with the swarm, so nobody waits for them to drain. */
  async stop (): Promise<void> {
    this.#stopping = true
    this.resume()
    this.#program.kill()
    await this.#program.ended
  }
}
