/**
 * What each of the three layers serves (DESIGN.md's table): local, an object that the asked edge holds; regional, one
 * that another edge of its region holds; global, one that only an edge of another region holds, over links with a
 * round trip of their own. Each is asked for by a closed loop of clients, every object of the last two once, so
 * that none has become a local one. The origin is made so slow that whoever goes there shows.
 */
import { build, type Histogram } from 'hdr-histogram-js'
import { Pool } from 'undici'
import { type Clock, sleep } from '../../protocols/clock.ts'
import { type ContentKey, contentKey } from '../../protocols/ids.ts'
import { Locate } from '../../protocols/locate/locate.ts'
import { Content, pathOf } from '../workload/content.ts'
import { WorkloadOrigin } from '../workload/origin-host.ts'
import type { Shape } from '../workload/shape.ts'
import { Swarm, SwarmError, type SwarmEdge, type SwarmEvent } from './swarm.ts'

export const layersDefaults = Object.freeze({
  /** Clients at once, for each layer. More: higher rates and longer waits. */
  localClients: 16,
  peerClients: 32,
  /** Objects asked for across edges, each once. More: steadier figures. */
  objects: 4_000,
  /** How long the local layer is asked, ms. */
  localMs: 5_000,
  /** Of the links between regions, ms: half way round the world is about 200. */
  regionRttMs: 100,
  /** To the origin's first byte, ms. Above every layer's aim, so that an answer from there cannot pass for one. */
  originDelayMs: 600
})

export const Layer = { Local: 'local', Regional: 'regional', Global: 'global' } as const
export type Layer = typeof Layer[keyof typeof Layer]

export interface LayerResult {
  readonly layer: Layer
  readonly requests: number
  readonly perSecond: number
  readonly latencyMs: { readonly p50: number, readonly p99: number, readonly max: number }
  /** Answers that came from where the layer says. */
  readonly asMeant: number
  readonly fromOrigin: number
  readonly errors: number
  readonly wrongBytes: number
  /** Answers within 100 ms: what is held in the region should always be. */
  readonly within100Ms: number
}

export interface LayersInit {
  readonly seed: number
  readonly shape: Shape
  readonly objects: number
  readonly regionRttMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly onEvent: (event: SwarmEvent | { readonly kind: 'step', readonly what: string }) => void
}

/** Two regions of two edges, each edge in a process of its own: what passes between edges passes between processes. */
const plan = { peers: 4, regions: 2, procs: 4 }

export async function measureLayers (init: LayersInit): Promise<LayerResult[]> {
  const { clock, seed, shape, objects, regionRttMs, signal, onEvent } = init
  const origin = new WorkloadOrigin({ clock, seed, shape })
  let swarm: Swarm | undefined
  const abort = (): void => { void swarm?.stop() }
  signal.addEventListener('abort', abort, { once: true })
  try {
    swarm = new Swarm({ ...plan, origin: await origin.start(), regionRttMs, clock, onEvent })
    await swarm.start()
    const [near, beside] = swarm.edges().filter(({ region }) => region === swarm!.plan[0]!.region) as [SwarmEdge, SwarmEdge]
    const far = swarm.edges().find(({ region }) => region !== near.region)!
    const drive = new Driver({ clock, content: new Content({ ...shape.sizes, seed }), signal })
    const { inRegion, elsewhere } = chooseObjects(swarm.edges(), { near, beside, far }, objects)

    onEvent({ kind: 'step', what: 'filling the edges' })
    await drive.run(beside, inRegion, layersDefaults.peerClients)
    await drive.run(far, elsewhere, layersDefaults.peerClients)
    // What is held is told to owners and neighbours within a second or two.
    await sleep(clock, 3_000, signal)
    await origin.control({ delayMs: layersDefaults.originDelayMs })
    onEvent({ kind: 'step', what: 'asking for what is held here' })
    const local = await drive.run(beside, inRegion, layersDefaults.localClients, layersDefaults.localMs)
    onEvent({ kind: 'step', what: 'asking for what is held in the region' })
    const regional = await drive.run(near, inRegion, layersDefaults.peerClients)
    onEvent({ kind: 'step', what: 'asking for what is held in another region' })
    const global = await drive.run(near, elsewhere, layersDefaults.peerClients)
    return [
      resultOf(Layer.Local, local, 'hit'),
      resultOf(Layer.Regional, regional, 'peer'),
      resultOf(Layer.Global, global, 'peer')
    ]
  } finally {
    signal.removeEventListener('abort', abort)
    await swarm?.stop()
    await origin.stop()
  }
}

/**
 * Objects that only the one edge holds once they were asked for there: it owns them, in their home region. Of those
 * of the other region the asked edge owns its own region's part, so that it asks the other region itself.
 */
function chooseObjects (edges: readonly SwarmEdge[], { near, beside, far }: Record<'near' | 'beside' | 'far', SwarmEdge>, count: number): { inRegion: number[], elsewhere: number[] } {
  const locate = new Locate({ region: near.region })
  locate.update(edges.map(({ peer, region }) => ({ peer, region, weight: 1 })))
  const ownedBy = (key: ContentKey, edge: SwarmEdge): boolean => locate.owners(key, 1, edge.region)[0] === edge.peer
  const inRegion: number[] = []
  const elsewhere: number[] = []
  for (let object = 0; inRegion.length < count || elsewhere.length < count; object++) {
    // As an edge's one site for every host is called.
    const key = contentKey('default', pathOf(object))
    const home = locate.homeRegions(key)[0]
    if (home === near.region && ownedBy(key, beside) && inRegion.length < count) inRegion.push(object)
    if (home === far.region && ownedBy(key, far) && ownedBy(key, near) && elsewhere.length < count) elsewhere.push(object)
  }
  return { inRegion, elsewhere }
}

interface Tally {
  requests: number
  errors: number
  wrongBytes: number
  within100Ms: number
  readonly bySource: Record<string, number>
  readonly latency: Histogram
  seconds: number
}

/** Latencies are recorded in whole microseconds. */
const microseconds = 1_000

class Driver {
  readonly #clock: Clock
  readonly #content: Content
  readonly #signal: AbortSignal

  constructor ({ clock, content, signal }: { clock: Clock, content: Content, signal: AbortSignal }) {
    this.#clock = clock
    this.#content = content
    this.#signal = signal
  }

  /** @param forMs goes round the objects for so long; by default each is asked for once */
  async run (edge: SwarmEdge, objects: readonly number[], clients: number, forMs?: number): Promise<Tally> {
    const pool = new Pool(edge.http, { connections: clients, pipelining: 1 })
    const tally: Tally = { requests: 0, errors: 0, wrongBytes: 0, within100Ms: 0, bySource: {}, latency: build({ bitBucketSize: 64, numberOfSignificantValueDigits: 3 }), seconds: 0 }
    const startMs = this.#clock.nowMs()
    let next = 0
    const goesOn = (): boolean => !this.#signal.aborted && (forMs === undefined ? next < objects.length : this.#clock.nowMs() - startMs < forMs)
    try {
      await Promise.all(Array.from({ length: clients }, async () => {
        while (goesOn()) await this.#ask(pool, objects[next++ % objects.length]!, tally)
      }))
      this.#signal.throwIfAborted()
    } finally {
      await pool.close()
    }
    tally.seconds = (this.#clock.nowMs() - startMs) / 1_000
    return tally
  }

  async #ask (pool: Pool, object: number, tally: Tally): Promise<void> {
    const startMs = this.#clock.nowMs()
    tally.requests++
    try {
      const { statusCode, headers, body } = await pool.request({ path: pathOf(object), method: 'GET' })
      const bytes = Buffer.from(await body.arrayBuffer())
      if (statusCode !== 200 || bytes.length !== this.#content.sizes.of(object)) throw new SwarmError(`status ${statusCode} and ${bytes.length} bytes`)
      tally.wrongBytes += this.#content.wrongBytes(object, 1, 0, bytes)
      const source = sourceOf(String(headers['cache-status'] ?? ''))
      tally.bySource[source] = (tally.bySource[source] ?? 0) + 1
    } catch {
      tally.errors++
    }
    const ms = this.#clock.nowMs() - startMs
    tally.latency.recordValue(Math.max(1, Math.round(ms * microseconds)))
    if (ms <= 100) tally.within100Ms++
  }
}

/** By the last member of Cache-Status (RFC 9211): the edge that was asked. */
function sourceOf (cacheStatus: string): 'hit' | 'peer' | 'origin' | 'unknown' {
  const own = cacheStatus.split(',').at(-1) ?? ''
  return /;\s*hit\b/.test(own) ? 'hit' : own.includes('detail=peer') ? 'peer' : own.includes('detail=origin') ? 'origin' : 'unknown'
}

function resultOf (layer: Layer, tally: Tally, meant: string): LayerResult {
  const at = (percentile: number): number => tally.latency.getValueAtPercentile(percentile) / microseconds
  return {
    layer,
    requests: tally.requests,
    perSecond: Math.round(tally.requests / tally.seconds),
    latencyMs: { p50: at(50), p99: at(99), max: tally.latency.maxValue / microseconds },
    asMeant: tally.bySource[meant] ?? 0,
    fromOrigin: tally.bySource.origin ?? 0,
    errors: tally.errors,
    wrongBytes: tally.wrongBytes,
    within100Ms: tally.within100Ms
  }
}
