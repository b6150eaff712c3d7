/**
 * A colony on one machine: regions of edges, each a `colonyd` process of its own, and the demo origin
 * behind them. Knows when the mesh is whole, which requests show what it does, and what all edges
 * together have done; leaves no process and no file behind. Says what happens by events: how that
 * looks is the command's part.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EdgeStatus } from '../daemon/admin/status.ts'
import { type Clock, deadline, sleep } from '../protocols/clock.ts'
import { ColonyError } from '../protocols/errors.ts'
import { contentKey } from '../protocols/ids.ts'
import { Locate } from '../protocols/locate/locate.ts'
import { Program } from './program.ts'
import { add, noTraffic, type Traffic, trafficOf } from './traffic.ts'

/**
 * Nine edges on one machine are equally near, and the origin is as near as they: distances, which say only
 * how busy the machine is, would now and then send an edge to the origin for what its neighbour has.
 */
const edgeConfig = { settings: { routing: { patienceFloorMs: 10_000, hedgeDelayMs: 10_000 }, fetch: { answerTimeoutMs: 5_000 } } }
const configName = 'edges.yaml'

export const demoDefaults = Object.freeze({
  /** From the start until the mesh is whole, ms. Nine edges take about 10 s on two cores; more edges and slower machines longer. */
  wholeTimeoutMs: 120_000,
  /** Between two looks at every edge while the mesh forms, ms. Lower sees it sooner and costs the edges CPU. */
  wholeIntervalMs: 500,
  /** Wait for one edge's status, ms; what is later counts with the next look. */
  statusTimeoutMs: 2_000,
  /** Edges drain for so long before they are killed, ms. Longer saves running downloads, shorter gives the prompt back sooner. */
  stopGraceMs: 4_000
})
export type DemoSettings = { readonly [K in keyof typeof demoDefaults]: number }

/** Names of the first regions; a demo has no more. */
export const regionNames: readonly string[] = ['europe', 'america', 'asia', 'africa', 'oceania', 'antarctica']

export type DemoEvent =
  /** Told at every look until the mesh is whole. `membersKnown` is the sum over all edges: whole at `edges` squared. */
  | { readonly kind: 'forming', readonly edges: number, readonly up: number, readonly membersKnown: number }
  | { readonly kind: 'port-in-use', readonly edge: string, readonly wanted: number, readonly taken: number }
  /** An edge or the origin ended by itself. */
  | { readonly kind: 'ended', readonly program: string, readonly end: string, readonly lastWords: string, readonly edgesLeft: number }

export interface DemoInit {
  readonly regions: number
  readonly edgesPerRegion: number
  /** Of the first edge, the others follow; 0 takes free ones. */
  readonly httpPort: number
  readonly clock: Clock
  readonly settings?: DemoSettings
  readonly onEvent: (event: DemoEvent) => void
}

export interface DemoEdge {
  readonly name: string
  readonly region: string
  readonly http: string
  readonly admin: string
  readonly peer: string
  readonly pid: number
}

/** A request worth trying, in the order of the list. */
export interface Trial {
  /** What it shows. */
  readonly shows: 'miss' | 'hit' | 'peer hit'
  readonly url: string
  readonly edge: string
}

export class DemoError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_DEMO', message, options)
  }
}

/** Small, in every clone and every package. */
const sampleTarget = '/package.json'

interface Running {
  readonly edge: DemoEdge
  readonly program: Program
  /** As last heard; stays when the edge is gone, so that sums never go back. */
  traffic: Traffic
}

export class Demo {
  readonly #init: DemoInit
  readonly #settings: DemoSettings
  readonly #programs = new Set<Program>()
  readonly #edges: Running[] = []
  readonly #stopping = new AbortController()
  #folder: string | undefined
  #originUrl = ''
  #whole = false
  #stopped: Promise<void> | undefined

  constructor (init: DemoInit) {
    this.#init = init
    this.#settings = init.settings ?? demoDefaults
  }

  get edges (): readonly DemoEdge[] {
    return this.#edges.map(({ edge }) => edge)
  }

  get originUrl (): string {
    return this.#originUrl
  }

  /**
   * Resolves when every edge knows every other one.
   *
   * @throws DemoError when an edge does not start or the mesh does not form; the signal's reason when
   *         `stop` came in between. Call `stop` in any case.
   */
  async start (): Promise<void> {
    const { clock } = this.#init
    const limit = deadline(clock, this.#settings.wholeTimeoutMs, 'the mesh', this.#stopping.signal)
    const { signal } = limit
    try {
      const failed = new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => { reject(this.#abortReason(signal)) }, { once: true })
      })
      failed.catch(() => {})
      await Promise.race([this.#form(signal), failed])
      this.#whole = true
    } finally {
      limit.clear()
    }
  }

  /** A miss and a hit at the edge that owns the key, at home in its own region, and a peer hit beside it. */
  trials (): Trial[] {
    const locate = new Locate({ region: this.#edges[0]!.edge.region })
    locate.update(this.edges.map(({ peer, region }) => ({ peer, region, weight: 1 })))
    // As an edge's one site for every host is called.
    const key = contentKey('default', sampleTarget)
    const [owner, next] = locate.owners(key, 2, locate.homeRegions(key)[0]).map((peer) => this.edges.find((edge) => edge.peer === peer)!)
    const trial = (shows: Trial['shows'], edge: DemoEdge): Trial => ({ shows, url: edge.http + sampleTarget, edge: edge.name })
    return [trial('miss', owner!), trial('hit', owner!), ...(next === undefined ? [] : [trial('peer hit', next)])]
  }

  /** What all edges together have done since their start. */
  async traffic (): Promise<Traffic> {
    await this.#statuses()
    return this.#edges.reduce((sum, { traffic }) => add(sum, traffic), noTraffic)
  }

  /** Drains and ends every process, then removes the folder. May be called again, and while it starts. */
  async stop (): Promise<void> {
    this.#stopped ??= this.#stop()
    await this.#stopped
  }

  /** Ends every process at once; `stop` then has little to wait for. */
  kill (): void {
    for (const program of this.#programs) program.kill()
  }

  async #stop (): Promise<void> {
    this.#stopping.abort(new DemoError('the demo was stopped while it started'))
    const edges = [...this.#programs].filter(({ name }) => name !== originName)
    const origins = [...this.#programs].filter(({ name }) => name === originName)
    // Edges first: downloads that they let finish still need their origin.
    for (const programs of [edges, origins]) {
      await Promise.all(programs.map(async (program) => { await program.stop(this.#settings.stopGraceMs) }))
    }
    await this.#removeFolder()
  }

  async #form (signal: AbortSignal): Promise<void> {
    const { regions, edgesPerRegion, clock, onEvent } = this.#init
    const count = regions * edgesPerRegion
    const forming = async (): Promise<boolean> => {
      const statuses = await this.#statuses()
      onEvent({ kind: 'forming', edges: count, up: this.#edges.length, membersKnown: statuses.reduce((sum, { members }) => sum + members, 0) })
      return statuses.length === count && isWhole(statuses)
    }
    this.#folder = await mkdtemp(join(tmpdir(), 'colony-demo-'))
    if (signal.aborted) return await this.#removeFolder()
    await writeFile(`${this.#folder}/${configName}`, JSON.stringify(edgeConfig))
    const origin = this.#start(originName, './origin-process', [])
    this.#originUrl = (await origin.ready).get('http')!

    const names = regionNames.slice(0, regions).flatMap((region) => Array.from({ length: edgesPerRegion }, (_, at) => ({ region, name: `${region}-${at + 1}` })))
    const ports = await this.#freePorts(names.map(({ name }) => name))
    const [first, ...others] = names.map((name, at) => ({ ...name, port: ports[at]! }))
    let starting = this.#startEdge(first!, undefined, signal).then(async (join) => {
      await Promise.all(others.map(async (each) => { await this.#startEdge(each, join, signal) }))
    })
    // A failure is thrown where it is waited for.
    let failure: unknown
    starting = starting.catch((error: unknown) => { failure = error })
    while (!await forming()) {
      if (failure !== undefined) throw failure
      await sleep(clock, this.#settings.wholeIntervalMs, signal)
    }
    await starting
    this.#edges.sort((a, b) => names.findIndex(({ name }) => name === a.edge.name) - names.findIndex(({ name }) => name === b.edge.name))
  }

  /** @returns the address to join by */
  async #startEdge ({ name, region, port }: { name: string, region: string, port: number }, join: string | undefined, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted()
    const program = this.#start(name, '../bin/colonyd', [
      '--name', name, '--region', region, '--http', `127.0.0.1:${port}`, '--admin', '127.0.0.1:0', '--origin', this.#originUrl,
      '--config', `${this.#folder}/${configName}`, '--data', `${this.#folder}/${name}`, ...(join === undefined ? [] : ['--join', join])
    ])
    const ready = await program.ready
    const edge = { name, region, http: ready.get('http')!, admin: ready.get('admin')!, peer: ready.get('peer')!, pid: program.pid! }
    this.#edges.push({ edge, program, traffic: noTraffic })
    return ready.get('listen')!
  }

  #start (name: string, module: string, args: readonly string[]): Program {
    const program = new Program({ name, module, args, clock: this.#init.clock })
    this.#programs.add(program)
    void program.ended.then((end) => {
      this.#programs.delete(program)
      if (this.#stopping.signal.aborted) return
      // Before the mesh is whole an end fails the start, which tells it.
      const edgesLeft = this.#edges.filter((running) => this.#programs.has(running.program)).length
      if (this.#whole) this.#init.onEvent({ kind: 'ended', program: name, end, lastWords: program.lastWords(), edgesLeft })
      else this.#stopping.abort(new DemoError(`${name} ended ${end} while the mesh formed${program.lastWords()}`))
    })
    return program
  }

  /** The statuses of those edges that answer in time. */
  async #statuses (): Promise<EdgeStatus[]> {
    const { clock } = this.#init
    const answers = await Promise.all(this.#edges.map(async (running) => {
      const limit = deadline(clock, this.#settings.statusTimeoutMs, running.edge.name)
      try {
        const response = await fetch(`${running.edge.admin}/v1/status`, { signal: limit.signal })
        const status = await response.json() as EdgeStatus
        running.traffic = trafficOf(status)
        return status
      } catch {
        // Gone, or too busy to answer: both show in other ways.
        return undefined
      } finally {
        limit.clear()
      }
    }))
    return answers.filter((status) => status !== undefined)
  }

  async #freePorts (names: readonly string[]): Promise<number[]> {
    const { httpPort, onEvent } = this.#init
    if (httpPort === 0) return names.map(() => 0)
    const ports: number[] = []
    let port = httpPort
    for (const edge of names) {
      const wanted = port
      while (port <= portMax && !await isFree(port)) port++
      if (port > portMax) throw new DemoError(`there is no free port above ${wanted - 1} for ${edge}: give a lower one with --http-port`)
      if (port !== wanted) onEvent({ kind: 'port-in-use', edge, wanted, taken: port })
      ports.push(port++)
    }
    return ports
  }

  async #removeFolder (): Promise<void> {
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true })
  }

  #abortReason (signal: AbortSignal): unknown {
    if (this.#stopping.signal.aborted) return this.#stopping.signal.reason
    const missing = this.#init.regions * this.#init.edgesPerRegion - this.#edges.length
    const what = missing > 0 ? `${missing} edges did not start` : 'the edges did not all find each other'
    return new DemoError(`the mesh is not whole after ${this.#settings.wholeTimeoutMs} ms: ${what}; try fewer edges (--regions, --edges) or a machine with more cores`, { cause: signal.reason })
  }
}

const originName = 'origin'
const portMax = 65_535

/** Everyone knows everyone, and edges of a region agree on who owns what. */
function isWhole (statuses: readonly EdgeStatus[]): boolean {
  const rings = Map.groupBy(statuses, ({ region }) => region).values()
  return statuses.every(({ members }) => members === statuses.length) &&
    [...rings].every((region) => new Set(region.map(({ ring }) => ring)).size === 1)
}

async function isFree (port: number): Promise<boolean> {
  const server = createServer()
  return await new Promise((resolve) => {
    server.once('error', () => { resolve(false) })
    server.listen({ host: '127.0.0.1', port }, () => { server.close(() => { resolve(true) }) })
  })
}
