/**
 * Real edges for swarm tests: in this process through `createEdge`, or a `colonyd` process each where a
 * test kills or stops it. Every edge gets a folder of its own, which is removed at the end.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { request as httpRequest } from 'node:http'
import { createEdge, type Edge, type Ready } from '../../daemon/index.ts'
import { loadConfig } from '../../daemon/config.ts'
import type { Log } from '../../daemon/log.ts'
import type { Host } from '../../netsim/links/link.ts'
import type { Links } from '../../netsim/links/links.ts'
import type { StateMachine } from '../../protocols/raft/group.ts'
import type { EdgeStatus, PeerStatus } from '../../daemon/admin/status.ts'

type Overrides = Record<string, Record<string, number>>

/** What edges in this process have unless a test says otherwise: peers count as near however busy the machine is. */
export const near: Overrides = { routing: { patienceFloorMs: 10_000 }, fetch: { answerTimeoutMs: 1_000 } }

/**
 * For tests that count origin requests: peers count as near and alive however busy the machine is, as
 * what is tested is who asks whom, not how long a crowded processor takes to answer.
 */
export const steady: Overrides = {
  routing: { patienceFloorMs: 10_000, hedgeDelayMs: 10_000 },
  fetch: { answerTimeoutMs: 15_000, silenceTimeoutMs: 15_000 },
  membership: { silentRefreshes: 10 }
}

export interface EdgeOptions {
  region?: string
  name?: string
  origin?: string
  join?: readonly string[]
  settings?: Overrides
  dataDir?: string
  flags?: readonly string[]
  /** False: without the DHT. */
  dht?: boolean
  /** What its region's group agrees on. */
  machine?: StateMachine
  /** Simulated links: where it stands, and those of all edges of the test. */
  at?: { readonly host: Host, readonly links: Pick<Links, 'transport'> }
  log?: Log
}

export interface TestEdge extends Ready {
  readonly name: string
  readonly dataDir: string
  /** Absent for a process. */
  readonly edge?: Edge
  readonly child?: ChildProcess
  stop: () => Promise<void>
  status: () => Promise<EdgeStatus>
  peers: () => Promise<PeerStatus[]>
}

/** All edges of one test, so that they end with it. */
export class Swarm {
  readonly edges: TestEdge[] = []
  readonly #folders: string[] = []
  #count = 0

  async start (options: EdgeOptions = {}): Promise<TestEdge> {
    const { name, dataDir, argv } = await this.#prepare(options)
    const read = loadConfig(argv, {})
    if (read.kind !== 'run') throw new Error('no config')
    const settings = Object.fromEntries(Object.entries(read.config.settings).map(([part, values]) => [part, { ...values, ...near[part], ...options.settings?.[part] }]))
    const edge = await createEdge({ ...read.config, settings: settings as typeof read.config.settings }, {
      dht: options.dht,
      ...(options.machine !== undefined && { machine: options.machine }),
      ...(options.log !== undefined && { log: options.log }),
      ...(options.at !== undefined && { transport: options.at.links.transport(options.at.host) })
    })
    await edge.start()
    return this.#add({ ...edge.ready, name, dataDir, edge, stop: async () => { await edge.stop() } })
  }

  /** A process of its own, to be killed or stopped. */
  async spawn (options: EdgeOptions = {}): Promise<TestEdge & { child: ChildProcess }> {
    const { name, dataDir, argv } = await this.#prepare(options)
    if (options.settings !== undefined) {
      await writeFile(join(dataDir, 'settings.yaml'), JSON.stringify({ settings: options.settings }))
      argv.push('--config', join(dataDir, 'settings.yaml'))
    }
    const child = spawn(process.execPath, [fileURLToPath(new URL('../../bin/colonyd.ts', import.meta.url)), ...argv], {
      stdio: ['pipe', 'pipe', 'pipe'], env: { PATH: process.env.PATH, COLONY_PARENT_WATCH: '1' }
    })
    const ready = await readyLine(child)
    const stop = async (): Promise<void> => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGCONT')
      child.kill('SIGTERM')
      await exited
    }
    const edge = this.#add({ ...ready, name, dataDir, child, stop })
    return edge as TestEdge & { child: ChildProcess }
  }

  /** `count` edges for each region, all joining the first. */
  async grow (regions: Readonly<Record<string, number>>, options: EdgeOptions = {}): Promise<TestEdge[]> {
    const grown: TestEdge[] = []
    for (const [region, count] of Object.entries(regions)) {
      for (let index = 0; index < count; index++) {
        const first = this.edges[0]
        grown.push(await this.start({ join: first === undefined ? [] : [first.listen], ...options, region }))
      }
    }
    await this.whole()
    return grown
  }

  /** Waits until every edge knows every other, and edges of a region agree on their ring. */
  async whole (edges: readonly TestEdge[] = this.edges, count = edges.length): Promise<void> {
    await until(async () => {
      const all = await Promise.all(edges.map(async (edge) => await edge.status()))
      const rings = Map.groupBy(all, (status) => status.region)
      const linked = await Promise.all(edges.map(async (edge) => (await edge.peers()).every(({ http }) => http !== '')))
      return all.every((status) => status.members === count) && linked.every(Boolean) &&
        [...rings.values()].every((each) => new Set(each.map(({ ring }) => ring)).size === 1)
    }, 30_000, 'the mesh did not become whole')
  }

  async stop (): Promise<void> {
    await Promise.all(this.edges.map(async (edge) => { await edge.stop() }))
    for (const folder of this.#folders) await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }

  async #prepare (options: EdgeOptions): Promise<{ name: string, dataDir: string, argv: string[] }> {
    const name = options.name ?? `edge-${++this.#count}`
    const dataDir = options.dataDir ?? await mkdtemp(join(tmpdir(), 'colony-test-'))
    this.#folders.push(dataDir)
    const argv = ['--http', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--data', dataDir, '--name', name, '--region', options.region ?? 'default', '--log-level', process.env.COLONY_TEST_LOG ?? 'silent', ...options.flags ?? []]
    if (options.origin !== undefined) argv.push('--origin', options.origin)
    if (options.at !== undefined) argv.push('--listen', `/ip4/${options.at.host}/tcp/0`)
    for (const address of options.join ?? []) argv.push('--join', address)
    return { name, dataDir, argv }
  }

  #add (edge: Omit<TestEdge, 'status' | 'peers'>): TestEdge {
    const added: TestEdge = {
      ...edge,
      status: async () => JSON.parse((await get(`${edge.admin}/v1/status`)).text) as EdgeStatus,
      peers: async () => JSON.parse((await get(`${edge.admin}/v1/peers`)).text) as PeerStatus[]
    }
    this.edges.push(added)
    return added
  }
}

export async function readyLine (child: ChildProcess): Promise<Ready> {
  return await new Promise((resolve, reject) => {
    let out = ''
    let err = ''
    child.stderr?.on('data', (data: Buffer) => { err = (err + data.toString()).slice(-4_000) })
    child.stdout?.on('data', (data: Buffer) => {
      out += data.toString()
      const match = /^ready http=(\S+) admin=(\S+) peer=(\S+) listen=(\S+)$/m.exec(out)
      if (match !== null) resolve({ http: match[1] ?? '', admin: match[2] ?? '', peer: match[3] ?? '', listen: match[4] ?? '' })
    })
    child.once('exit', (code) => { reject(new Error(`colonyd ended with ${code} before it was ready: ${err}`)) })
  })
}

export interface Got { status: number, fields: Record<string, string>, body: Buffer, text: string, cacheStatus: string }

/** A GET over a connection of its own. Rejects when the body is cut. */
export async function get (url: string, fields: Record<string, string> = {}, method = 'GET', body?: string | Buffer): Promise<Got> {
  return await new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers: fields, agent: false }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => { chunks.push(chunk) })
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const flat = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, String(value)]))
        resolve({ status: response.statusCode ?? 0, fields: flat, body: bytes, text: bytes.toString(), cacheStatus: flat['cache-status'] ?? '' })
      })
    })
    request.on('error', reject)
    request.end(body)
  })
}

/** Polls until the condition holds; a condition that throws does not hold. */
export async function until (condition: () => Promise<boolean> | boolean, deadlineMs: number, what: string): Promise<void> {
  const endMs = performance.now() + deadlineMs
  for (;;) {
    let last: unknown
    try {
      if (await condition()) return
    } catch (error) {
      last = error
    }
    if (performance.now() > endMs) throw new Error(`${what} within ${deadlineMs} ms${last === undefined ? '' : `: ${String(last)}`}`)
    await new Promise((resolve) => setTimeout(resolve, 25))
  }
}
