/**
 * No origin can be reached: whoever in the colony holds it, fresh or stale. First only heads are
 * asked for, of all at once; then the best holder for the body.
 */
import { Verb } from '../../protocols/fetch/messages.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Obtained, ObtainRequest } from '../cache/cache.ts'
import { askFor, upstreamOf } from './asks.ts'
import type { RoutingInit } from './fetcher.ts'

/** @returns undefined when nobody has it */
export async function anyone ({ peers, settings, clock }: RoutingInit, request: ObtainRequest, silent: ReadonlySet<PeerName>): Promise<Obtained | undefined> {
  // What came as an ask is the asker's to search for: one edge's search is enough.
  if (request.path.length > 0) return undefined
  const near = peers.members(peers.region).slice(0, settings.lastResortPeersMax)
  const far = peers.homeRegions(request.key)
    .filter((region) => region !== peers.region)
    .slice(0, settings.lastResortPeersMax)
    .flatMap((region) => peers.owners(request.key, 1, region))
  const candidates = [...near, ...far].filter((peer) => peer !== peers.self && !silent.has(peer))
  const init = { verb: Verb.Have, self: peers.self, silent, staleOk: true }
  const plain = { ...request, stored: undefined }
  const answers = await Promise.all(candidates.map(async (peer) =>
    await peers.ask(peer, askFor(plain, { ...init, headOnly: true }), { signal: request.signal })))
  const holders = answers
    .filter((answer) => answer.kind === 'hit')
    .sort((one, other) => Number(one.stale) - Number(other.stale) || one.head.ageMs - other.head.ageMs)
  for (const holder of holders) {
    const answer = await peers.ask(holder.peer, askFor(plain, init), { signal: request.signal })
    if (answer.kind === 'hit') return { kind: 'upstream', upstream: upstreamOf(answer, Verb.Have, clock.wallMs()) }
  }
  return undefined
}
