/**
 * The edges that a workload's clients may ask, as the DNS or the load balancer of a real site would know
 * them: by region, each with a pool of connections that are kept alive. An edge that left the list gets
 * no new request; what it has begun it may end.
 */
import { Pool } from 'undici'
import type { Random } from '../random.ts'
import type { Target } from './messages.ts'

export interface EdgePoolSettings {
  readonly connectTimeoutMs: number
  readonly headTimeoutMs: number
  readonly silenceTimeoutMs: number
  readonly keepAliveMs: number
  readonly connectionsMax: number
}

export interface EdgePool {
  readonly target: Target
  readonly pool: Pool
}

export class EdgePools {
  readonly #settings: EdgePoolSettings
  readonly #random: Random
  readonly #edges = new Map<string, EdgePool>()
  readonly #leaving = new Set<Pool>()
  #all: readonly EdgePool[] = []
  #byRegion = new Map<string, EdgePool[]>()

  constructor (settings: EdgePoolSettings, random: Random) {
    this.#settings = settings
    this.#random = random
  }

  update (targets: readonly Target[]): void {
    const wanted = new Map(targets.map((target) => [keyOf(target), target]))
    for (const [key, { pool }] of this.#edges) {
      if (wanted.has(key)) continue
      this.#edges.delete(key)
      this.#leaving.add(pool)
      void pool.close().catch(() => {}).finally(() => { this.#leaving.delete(pool) })
    }
    for (const [key, target] of wanted) {
      if (!this.#edges.has(key)) this.#edges.set(key, { target, pool: this.#open(target) })
    }
    this.#all = [...this.#edges.values()]
    this.#byRegion = Map.groupBy(this.#all, ({ target }) => target.region)
  }

  /**
   * @param other not this one, where there is any choice
   * @returns one of the region's edges, of any region where that has none; undefined when there is none at all
   */
  pick (region: string, other?: EdgePool): EdgePool | undefined {
    for (const edges of [this.#byRegion.get(region) ?? [], this.#all]) {
      const at = other === undefined ? -1 : edges.indexOf(other)
      const choices = at === -1 ? edges.length : edges.length - 1
      if (choices === 0) continue
      const drawn = this.#random.int(choices)
      return edges[at !== -1 && drawn >= at ? drawn + 1 : drawn]
    }
    return this.#all[0]
  }

  /** Ends every connection at once. */
  async destroy (): Promise<void> {
    await Promise.all([...this.#all.map(({ pool }) => pool), ...this.#leaving].map(async (pool) => { await pool.destroy() }))
  }

  #open (target: Target): Pool {
    const { connectTimeoutMs, headTimeoutMs, silenceTimeoutMs, keepAliveMs, connectionsMax } = this.#settings
    return new Pool(target.http, {
      connections: connectionsMax,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: headTimeoutMs,
      bodyTimeout: silenceTimeoutMs,
      keepAliveTimeout: keepAliveMs
    })
  }
}

/** An edge that comes back elsewhere is another one. */
function keyOf ({ name, region, http }: Target): string {
  return `${name} ${region} ${http}`
}
