/**
 * Whether a peer is worth waiting for. The mesh must never be slower than no mesh: a near peer is
 * asked first and waited for, a far one is raced with the origin, one further than the origin is left alone. Pure.
 */
import type { Site } from '../cache/sites.ts'
import type { RoutingSettings } from './settings.ts'

export const Patience = { Wait: 'wait', Race: 'race', Skip: 'skip' } as const
export type Patience = typeof Patience[keyof typeof Patience]

/** What a site's origin takes to its first byte, ms: for ever where the mesh itself is the origin. */
export function originMs ({ origin, published }: Pick<Site, 'origin' | 'published'>): number | undefined {
  return origin === undefined || published ? Infinity : origin.ttfbMs()
}

/**
 * @param rttMs round trip to the peer, measured or estimated; undefined is taken for near (it was never slow)
 * @param ttfbMs the origin's measured time to first byte; undefined while unknown
 */
export function patience (rttMs: number | undefined, ttfbMs: number | undefined, settings: RoutingSettings): Patience {
  if (rttMs === undefined) return Patience.Wait
  const originMs = ttfbMs ?? settings.ttfbGuessMs
  if (rttMs <= Math.max(settings.patienceFloorMs, originMs * settings.patienceShare)) return Patience.Wait
  return rttMs < originMs ? Patience.Race : Patience.Skip
}
