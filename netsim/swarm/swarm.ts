/**
 * A colony of hundreds of real edges on one machine: plans it, starts it in several processes, knows when it is
 * one, asks content across every pair of regions, and says what it costs. Leaves no process and no file behind.
 * What happens is told by events; how that looks is the command's part.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Clock, deadline, sleep } from '../../protocols/clock.ts'
import { ColonyError } from '../../protocols/errors.ts'
import { type Convergence, convergenceOf } from './convergence.ts'
import { DaemonHost } from './daemon-host.ts'
import type { EdgeBase, EdgeHost, EdgeLook } from './host.ts'
import { type Cost, costOf, type Reading, readingOf } from './cost.ts'
import { paceOf, pacedSettings } from './pace.ts'
import { type EdgePlan, type PlanInit, planSwarm, type Ports } from './plan.ts'
import { type SwarmSettings, swarmDefaults } from './settings.ts'
import { WorkerHost } from './worker-host.ts'

export type SwarmEvent =
  | { readonly kind: 'forming', readonly convergence: Convergence, readonly sinceMs: number }
  /** A process ended by itself. */
  | { readonly kind: 'ended', readonly sentence: string }

export interface SwarmInit extends PlanInit {
  /** Where all edges fetch from. */
  readonly origin: string
  /** Given to every edge, over the daemon's defaults: part, name, value. */
  readonly edgeSettings?: EdgeBase['settings']
  /** Round trip of links between regions, ms. Default: loopback's. Needs several edges to a process. */
  readonly regionRttMs?: number
  /** How many times longer than the daemon's the intervals of coordination are. Default: as the machine needs, by `paceOf`. */
  readonly pace?: number
  readonly clock: Clock
  readonly settings?: SwarmSettings
  readonly onEvent: (event: SwarmEvent) => void
}

/** An edge that is up. */
export interface SwarmEdge extends EdgePlan {
  readonly http: string
  /** Empty until it was seen up. */
  readonly peer: string
}

export class SwarmError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_SWARM', message, options)
  }
}

/**
 * What swarms always set: nothing of theirs outlives them, so bodies stay in memory, little of it; a stop waits for no
 * download; and as dozens of edges share a processor, each may spend less of it on the DHT: the daemon's own budgets would
 * let a hundred edges on two cores do nothing else.
 */
const alwaysSet: EdgeBase['settings'] = {
  store: { diskBytesMax: 0, memoryBytesMax: 64 * 1024 * 1024 },
  lifecycle: { drainGraceMs: 0 },
  providers: { announcesPerMinuteMax: 4, lookupsPerMinuteMax: 20 }
}

export class Swarm {
  readonly plan: readonly EdgePlan[]
  readonly pace: number
  readonly #init: SwarmInit
  readonly #settings: SwarmSettings
  readonly #stopping = new AbortController()
  readonly #down = new Set<string>()
  /** Peer ids by name: an edge keeps its own over restarts. */
  readonly #peers = new Map<string, string>()
  #hosts: EdgeHost[] = []
  #base: EdgeBase | undefined
  #join: readonly string[] = []
  #stopped: Promise<void> | undefined

  /** @throws PlanError */
  constructor (init: SwarmInit) {
    this.#init = init
    this.#settings = init.settings ?? swarmDefaults
    this.plan = planSwarm(init)
    this.pace = init.pace ?? paceOf(init.peers, availableParallelism())
  }

  get processes (): number { return this.#hosts.length }

  /** The address of each edge's HTTP listener. */
  edges (): SwarmEdge[] {
    const port = this.#base?.ports.http
    return this.plan.filter(({ name }) => !this.#down.has(name)).map((edge) => ({ ...edge, http: `http://${edge.host}:${port}`, peer: this.#peers.get(edge.name) ?? '' }))
  }

  /**
   * Starts all edges and waits until they are one.
   *
   * @returns ms from the first start
   * @throws SwarmError when a process ends or the swarm does not form in time; the signal's reason when `stop` came
   *         in between. Call `stop` in any case.
   */
  async start (): Promise<number> {
    const { clock } = this.#init
    const startedMs = clock.nowMs()
    this.#base = {
      ports: await freePorts(),
      origin: this.#init.origin,
      folder: await mkdtemp(join(tmpdir(), 'colony-swarm-')),
      regionRttMs: this.#init.regionRttMs ?? 0,
      settings: [alwaysSet, pacedSettings(this.pace), this.#init.edgeSettings ?? {}].reduce(merged)
    }
    this.#hosts = this.#makeHosts(this.#base)
    const starting = this.#startAll()
    // Its failure is thrown where it is waited for.
    starting.catch(() => {})
    await this.#untilWhole(startedMs, starting)
    return clock.nowMs() - startedMs
  }

  /** Waits until all edges that should be there are one. @throws SwarmError when they are not in time */
  async converge (): Promise<number> {
    const startedMs = this.#init.clock.nowMs()
    await this.#untilWhole(startedMs, Promise.resolve())
    return this.#init.clock.nowMs() - startedMs
  }

  async convergence (): Promise<Convergence> {
    return convergenceOf(this.plan.filter(({ name }) => !this.#down.has(name)), await this.#look())
  }

  /** What all processes have used and done by now. */
  async reading (): Promise<Reading> {
    return readingOf(this.#init.clock.nowMs(), await Promise.all(this.#hosts.map(async (host) => await host.usage())))
  }

  /** What the swarm costs while nobody uses it. */
  async idleCost (signal: AbortSignal, onProgress: (what: string) => void): Promise<Cost> {
    const { clock } = this.#init
    const either = AbortSignal.any([signal, this.#stopping.signal])
    onProgress('letting it settle')
    await sleep(clock, this.#settings.settleMs, either)
    const before = await this.reading()
    onProgress('measuring it idle')
    await sleep(clock, this.#settings.idleMs, either)
    return costOf(before, await this.reading())
  }

  /** Ends edges without a goodbye. They count as gone until `restart`. */
  async kill (names: readonly string[]): Promise<void> {
    for (const name of names) this.#down.add(name)
    await this.#eachHost(names, async (host, own) => { await host.kill(own.map(({ name }) => name)) })
  }

  async restart (names: readonly string[]): Promise<void> {
    await this.#eachHost(names, async (host, own) => { await host.start(own, this.#join) })
    for (const name of names) this.#down.delete(name)
  }

  /** Holds the processes of these edges still; `resume` lets them go on. */
  async pause (names: readonly string[]): Promise<void> { await this.#eachHost(names, async (host) => { host.pause() }) }
  async resume (names: readonly string[]): Promise<void> { await this.#eachHost(names, async (host) => { host.resume() }) }

  /** No byte passes between those edges and these any more, without a word to either. */
  async cut (from: readonly string[], to: readonly string[], oneWay = false): Promise<void> {
    const hostsOf = (names: readonly string[]): string[] => this.plan.filter(({ name }) => names.includes(name)).map(({ host }) => host)
    await Promise.all(this.#hosts.map(async (host) => { await host.cut(hostsOf(from), hostsOf(to), oneWay) }))
  }

  async heal (): Promise<void> {
    await Promise.all(this.#hosts.map(async (host) => { await host.heal() }))
  }

  /** Ends every process, then removes the folder. May be called again, and while it starts. */
  async stop (): Promise<void> {
    this.#stopped ??= this.#stop()
    await this.#stopped
  }

  async #stop (): Promise<void> {
    this.#stopping.abort(new SwarmError('the swarm was stopped while it started'))
    await Promise.all(this.#hosts.map(async (host) => { await host.stop() }))
    if (this.#base !== undefined) await rm(this.#base.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #makeHosts (base: EdgeBase): EdgeHost[] {
    const { clock, procs, onEvent } = this.#init
    const { stopGraceMs, statusTimeoutMs } = this.#settings
    const onEnd = (sentence: string): void => {
      onEvent({ kind: 'ended', sentence })
      this.#stopping.abort(new SwarmError(sentence))
    }
    const processes = [...Map.groupBy(this.plan, ({ process }) => process).values()]
    return processes.map((edges, index) => procs === 'each'
      ? new DaemonHost({ edge: edges[0]!, base, clock, stopGraceMs, statusTimeoutMs, onEnd })
      : new WorkerHost({ index, edges, base, clock, stopGraceMs, onEnd }))
  }

  /** The first edge of each region first; all others join the first of their region. */
  async #startAll (): Promise<void> {
    const firsts = [...Map.groupBy(this.plan, ({ region }) => region).values()].map((edges) => edges[0]!)
    const [root, ...seeds] = firsts
    await this.#startEdges([root!], [])
    const rootAddress = await this.#addressOf(root!)
    await this.#startEdges(seeds, [rootAddress])
    const addresses = new Map<string, string>()
    for (const { edge, listen } of await Promise.all(firsts.map(async (edge) => ({ edge, listen: await this.#addressOf(edge) })))) addresses.set(edge.region, listen)
    this.#join = [...addresses.values()].slice(0, 3)
    const others = this.plan.filter((edge) => !firsts.includes(edge))
    await this.#startEdges(others, addresses)
  }

  /** Each process starts its own, a batch at a time; processes beside each other. */
  async #startEdges (edges: readonly EdgePlan[], join: readonly string[] | ReadonlyMap<string, string>): Promise<void> {
    const { batchEdges, startsMax } = this.#settings
    const queues = this.#hosts.map((host) => ({ host, edges: edges.filter((edge) => host.edges.includes(edge)) })).filter(({ edges }) => edges.length > 0)
    const workers = this.#init.procs === 'each' ? startsMax : queues.length
    await Promise.all(Array.from({ length: workers }, async () => {
      for (let queue = queues.shift(); queue !== undefined; queue = queues.shift()) {
        for (const { region, batch } of batches(queue.edges, batchEdges)) {
          this.#stopping.signal.throwIfAborted()
          await queue.host.start(batch, 'get' in join ? [join.get(region)!] : join)
        }
      }
    }))
  }

  async #addressOf (edge: EdgePlan): Promise<string> {
    const host = this.#hosts.find(({ edges }) => edges.includes(edge))!
    const looks = await host.look()
    return looks.find(({ name }) => name === edge.name)!.up!.listen
  }

  async #untilWhole (startedMs: number, starting: Promise<void>): Promise<void> {
    const { clock, onEvent } = this.#init
    const { lookIntervalMs, convergeTimeoutMs } = this.#settings
    const limit = deadline(clock, convergeTimeoutMs, 'the swarm', this.#stopping.signal)
    let last: Convergence | undefined
    let failure: unknown
    starting.catch((error: unknown) => { failure = error })
    try {
      for (;;) {
        last = await this.convergence()
        onEvent({ kind: 'forming', convergence: last, sinceMs: clock.nowMs() - startedMs })
        if (last.whole) return await starting
        if (failure !== undefined) throw failure
        await sleep(clock, lookIntervalMs, limit.signal)
      }
    } catch (error) {
      if (this.#stopping.signal.aborted || error !== limit.signal.reason) throw this.#stopping.signal.reason ?? error
      throw new SwarmError(`the swarm is not one after ${convergeTimeoutMs / 1_000} s: ${describe(last)}; try fewer edges (--peers) or a machine with more cores`, { cause: error })
    } finally {
      limit.clear()
    }
  }

  async #look (): Promise<EdgeLook[]> {
    const looks = (await Promise.all(this.#hosts.map(async (host) => await host.look()))).flat()
    for (const { name, up } of looks) if (up !== undefined) this.#peers.set(name, up.peer)
    return looks
  }

  async #eachHost (names: readonly string[], act: (host: EdgeHost, own: readonly EdgePlan[]) => Promise<void>): Promise<void> {
    await Promise.all(this.#hosts.map(async (host) => {
      const own = host.edges.filter(({ name }) => names.includes(name))
      if (own.length > 0) await act(host, own)
    }))
  }
}

function describe (convergence: Convergence | undefined): string {
  if (convergence === undefined) return 'no edge has answered'
  const { edges, up, complete, regions, agreed, led } = convergence
  return `${up} of ${edges} edges are up, ${complete} know all others, ${agreed} of ${regions} regions agree on their ring, ${led} on who leads`
}

/** Edges of one region after another, so that each batch has one region's address to join by. */
function batches (edges: readonly EdgePlan[], size: number): Array<{ region: string, batch: EdgePlan[] }> {
  return [...Map.groupBy(edges, ({ region }) => region)].flatMap(([region, own]) =>
    Array.from({ length: Math.ceil(own.length / size) }, (_, at) => ({ region, batch: own.slice(at * size, (at + 1) * size) })))
}

function merged (one: EdgeBase['settings'], other: EdgeBase['settings']): EdgeBase['settings'] {
  const parts = new Set([...Object.keys(one), ...Object.keys(other)])
  return Object.fromEntries([...parts].map((part) => [part, { ...one[part], ...other[part] }]))
}

/** Three ports that nobody has on any address now: every edge takes the same ones on its own. */
async function freePorts (): Promise<Ports> {
  const servers = await Promise.all(Array.from({ length: 3 }, async () => await new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ host: '0.0.0.0', port: 0 }, () => { resolve(server) })
  })))
  const [http, admin, mesh] = servers.map((server) => (server.address() as { port: number }).port) as [number, number, number]
  await Promise.all(servers.map(async (server) => await new Promise((resolve) => server.close(resolve))))
  return { http, admin, mesh }
}
