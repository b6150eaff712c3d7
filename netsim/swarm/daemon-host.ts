/** The swarm's end of a `colonyd` that runs as a process of its own: what people run, killed with kill -9. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { EdgeStatus } from '../../daemon/admin/status.ts'
import { type Clock, deadline } from '../../protocols/clock.ts'
import { Program } from '../program.ts'
import { noTraffic, trafficOf } from '../traffic.ts'
import { configText, edgeFlags } from './edge-flags.ts'
import { upOf, type EdgeBase, type EdgeHost, type EdgeLook, type HostUsage } from './host.ts'
import type { EdgePlan } from './plan.ts'

export interface DaemonHostInit {
  readonly edge: EdgePlan
  readonly base: EdgeBase
  readonly clock: Clock
  readonly stopGraceMs: number
  readonly statusTimeoutMs: number
  readonly onEnd: (sentence: string) => void
}

/** Of /proc/PID/stat: clock ticks a second, as Linux has them for every program. */
const ticksPerSecond = 100

export class DaemonHost implements EdgeHost {
  readonly edges: readonly EdgePlan[]
  readonly #init: DaemonHostInit
  #program: Program | undefined
  #stopping = false

  constructor (init: DaemonHostInit) {
    this.#init = init
    this.edges = [init.edge]
  }

  async start (_edges: readonly EdgePlan[], joining: readonly string[]): Promise<void> {
    const { edge, base, clock, onEnd } = this.#init
    await this.#program?.ended
    const configFile = join(base.folder, `${edge.name}.yaml`)
    await writeFile(configFile, configText(base))
    const program = new Program({ name: edge.name, module: '../bin/colonyd', args: edgeFlags(edge, base, joining, configFile), clock })
    this.#program = program
    this.#stopping = false
    void program.ended.then((end) => { if (!this.#stopping) onEnd(`${edge.name} ended ${end}${program.lastWords()}`) })
    await program.ready
  }

  async look (): Promise<EdgeLook[]> {
    const { name } = this.#init.edge
    const status = await this.#status()
    if (status === undefined) return [{ name }]
    const { peer, http, listen } = status
    return [{ name, up: { peer, http, listen: listen[0] ?? '', ...upOf(status) } }]
  }

  async usage (): Promise<HostUsage> {
    const pid = this.#program?.pid ?? 0
    const status = await this.#status()
    const { cpuMs, rssBytes } = await processUsage(pid)
    return {
      pid,
      edges: status === undefined ? 0 : 1,
      cpuMs,
      rssBytes,
      traffic: status === undefined ? noTraffic : trafficOf(status),
      coordination: status?.coordination ?? {}
    }
  }

  async kill (): Promise<void> {
    this.#stopping = true
    this.#program?.kill()
    await this.#program?.ended
  }

  pause (): void { this.#program?.signal('SIGSTOP') }
  resume (): void { this.#program?.signal('SIGCONT') }

  /** The links of a process of its own are the system's: netsim lab cuts those. */
  async cut (): Promise<void> { throw new TypeError('links of colonyd processes cannot be cut') }
  async heal (): Promise<void> {}

  async stop (): Promise<void> {
    this.#stopping = true
    this.resume()
    this.#program?.kill()
    await this.#program?.ended
  }

  async #status (): Promise<EdgeStatus | undefined> {
    const { edge: { name, host }, base, clock, statusTimeoutMs } = this.#init
    const limit = deadline(clock, statusTimeoutMs, name)
    try {
      const response = await fetch(`http://${host}:${base.ports.admin}/v1/status`, { signal: limit.signal })
      return await response.json() as EdgeStatus
    } catch {
      return undefined
    } finally {
      limit.clear()
    }
  }
}

/** Of another process, by proc(5). Nothing for one that is gone. */
async function processUsage (pid: number): Promise<{ cpuMs: number, rssBytes: number }> {
  try {
    const [stat, statm] = await Promise.all([readFile(`/proc/${pid}/stat`, 'latin1'), readFile(`/proc/${pid}/statm`, 'latin1')])
    // The command's name, in parentheses, may hold anything; the fields count from after it.
    const fields = stat.slice(stat.lastIndexOf(') ') + 2).split(' ')
    const pages = Number(statm.split(' ')[1])
    return { cpuMs: (Number(fields[11]) + Number(fields[12])) * 1_000 / ticksPerSecond, rssBytes: pages * 4_096 }
  } catch {
    return { cpuMs: 0, rssBytes: 0 }
  }
}
