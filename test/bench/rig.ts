/**
 * What a bench stands on: an origin, and edges that are `colonyd` processes of their own, as edges in one
 * process would share an event loop. It knows from the edges' own lists who owns a key, and keeps
 * what an edge that ended by itself had to say.
 */
import { readFile } from 'node:fs/promises'
import { Locate } from '../../protocols/locate/locate.ts'
import { contentKey, type PeerName } from '../../protocols/ids.ts'
import { Swarm, until, type EdgeOptions, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

export type BenchEdge = Awaited<ReturnType<Swarm['spawn']>> & { readonly region: string }

export class Rig {
  readonly origin = new TestOrigin()
  readonly edges: BenchEdge[] = []
  /** Edges that ended by themselves, and errors that they logged; goes into the notes. */
  readonly faults: string[] = []
  readonly #swarm = new Swarm()
  readonly #expected = new Set<unknown>()

  /** @param options of the edge; its origin is the rig's, and it joins the first edge, where it does not say otherwise */
  async spawn (options: EdgeOptions & { readonly region: string }): Promise<BenchEdge> {
    if (this.origin.url === '') await this.origin.start()
    const first = this.edges[0]
    const edge = await this.#swarm.spawn({
      origin: this.origin.url,
      join: first === undefined ? [] : [first.listen],
      ...options,
      // An edge's errors are worth a note; the rest of its log only slows it down.
      flags: ['--log-level', 'error', ...options.flags ?? []]
    })
    const added = { ...edge, region: options.region }
    let said = ''
    edge.child.stderr?.on('data', (data: Buffer) => { said = (said + data.toString()).slice(-2_000) })
    edge.child.once('exit', (code, signal) => {
      if (!this.#expected.has(edge.child)) this.faults.push(`edge ${edge.name} ended by itself (${code ?? signal}): ${said}`)
      else if (said !== '') this.faults.push(`edge ${edge.name} logged: ${said.slice(0, 400)}`)
    })
    this.edges.push(added)
    return added
  }

  /** Until every edge knows, and is linked to, and has measured every other. */
  async whole (edges: readonly TestEdge[] = this.edges): Promise<void> {
    await this.#swarm.whole(edges, edges.length)
    await until(async () => {
      const lists = await Promise.all(edges.map(async (edge) => await edge.peers()))
      return lists.flat().every(({ connected, rttMs }) => connected && rttMs !== undefined)
    }, 30_000, 'the edges did not all link')
  }

  /** Rings as the given edges see them. */
  locate (edges: readonly BenchEdge[] = this.edges): Locate {
    const locate = new Locate({ region: edges[0]?.region ?? '' })
    locate.update(edges.map(({ peer, region }) => ({ peer, region, weight: 1 })))
    return locate
  }

  /** Ends one the hard way. */
  async kill (edge: BenchEdge): Promise<void> {
    this.#expected.add(edge.child)
    const exited = new Promise((resolve) => edge.child.once('exit', resolve))
    edge.child.kill('SIGKILL')
    await exited
    this.edges.splice(this.edges.indexOf(edge), 1)
  }

  async stop (): Promise<void> {
    for (const { child } of this.edges) this.#expected.add(child)
    await this.#swarm.stop()
    await this.origin.close()
  }
}

/** Runs a bench on a rig of its own, which ends with it. */
export async function withRig<T> (work: (rig: Rig) => Promise<T>): Promise<T> {
  const rig = new Rig()
  try {
    return await work(rig)
  } finally {
    await rig.stop()
  }
}

/** First owner of a path of the one site in a region, and the path's home region. */
export function placeOf (locate: Locate, path: string, region: string): { owner: PeerName | undefined, home: string | undefined } {
  const key = contentKey('default', path)
  return { owner: locate.owners(key, 1, region)[0], home: locate.homeRegions(key)[0] }
}

/** The first `count` paths under `prefix` that fit. */
export function pathsWhere (prefix: string, count: number, fits: (path: string) => boolean): string[] {
  const paths: string[] = []
  for (let index = 0; paths.length < count; index++) {
    const path = `${prefix}${index}`
    if (fits(path)) paths.push(path)
  }
  return paths
}

/** Resident memory of a process, bytes: now, and the most that it ever was. */
export async function residentBytes ({ child }: BenchEdge): Promise<{ now: number, peak: number }> {
  const status = await readFile(`/proc/${child.pid}/status`, 'utf8')
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? NaN) * 1024
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') }
}
