/**
 * A small object of its own is asked for across every pair of regions: first at an edge of the one, then at an edge
 * of the other, and both must give what the origin gives. Shows that a swarm that says it is one serves as one.
 */
import { type Clock, deadline } from '../../protocols/clock.ts'
import { messageOf } from '../../protocols/errors.ts'
import type { Random } from '../random.ts'
import type { SwarmEdge } from './swarm.ts'

export interface ProbeInit {
  readonly clock: Clock
  readonly random: Random
  readonly edges: readonly SwarmEdge[]
  readonly origin: string
  /** Paths of objects, a new one at each call. */
  readonly target: () => string
  readonly timeoutMs: number
}

export interface ProbeResult {
  readonly pairs: number
  /** Second answers that came out of another edge, and not the origin again. */
  readonly fromPeers: number
  /** One sentence for each pair that did not get the right bytes. */
  readonly failures: readonly string[]
}

export async function probePairs (init: ProbeInit): Promise<ProbeResult> {
  const regions = [...Map.groupBy(init.edges, ({ region }) => region).values()]
  const pairs = regions.flatMap((from) => regions.filter((to) => to !== from).map((to) => [from, to] as const))
  let fromPeers = 0
  const failures: string[] = []
  for (const [from, to] of pairs) {
    const [first, second] = [init.random.pick(from), init.random.pick(to)]
    const target = init.target()
    try {
      const expected = await get(init, init.origin + target)
      for (const edge of [first, second]) {
        const got = await get(init, edge.http + target)
        if (got.status !== expected.status || !got.body.equals(expected.body)) failures.push(`${edge.name} answered ${target} with status ${got.status} and ${got.body.length} bytes; the origin has ${expected.status} and ${expected.body.length}`)
        else if (edge === second && got.cacheStatus.includes('detail=peer')) fromPeers++
      }
    } catch (error) {
      failures.push(`${target} from ${first.name} to ${second.name}: ${messageOf(error)}`)
    }
  }
  return { pairs: pairs.length, fromPeers, failures }
}

async function get ({ clock, timeoutMs }: ProbeInit, url: string): Promise<{ status: number, body: Buffer, cacheStatus: string }> {
  const limit = deadline(clock, timeoutMs, url)
  try {
    const response = await fetch(url, { signal: limit.signal })
    return { status: response.status, body: Buffer.from(await response.arrayBuffer()), cacheStatus: response.headers.get('cache-status') ?? '' }
  } finally {
    limit.clear()
  }
}
