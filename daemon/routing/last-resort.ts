/**
 * No origin can be reached: whoever in the colony holds it, fresh or stale. First only heads are
 * asked for, of all at once; whom their directories name is asked next; then the best holder for the body.
 */
import { Verb } from '../../protocols/fetch/messages.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Obtained, ObtainRequest } from '../cache/cache.ts'
import { askFor, foundOf } from './asks.ts'
import type { RoutingInit } from './fetcher.ts'

/** @returns undefined when nobody has it */
export async function anyone ({ peers, settings, clock }: RoutingInit, request: ObtainRequest, silent: ReadonlySet<PeerName>): Promise<Obtained | undefined> {
  const init = { verb: Verb.Have, self: peers.self, silent, staleOk: true }
  const asked = new Set<PeerName>([peers.self, ...silent])
  const heads = async (candidates: readonly PeerName[]) => {
    const fresh = [...new Set(candidates)].filter((peer) => !asked.has(peer))
    for (const peer of fresh) asked.add(peer)
    return await Promise.all(fresh.map(async (peer) => await peers.ask(peer, askFor(request, { ...init, headOnly: true }), { signal: request.signal })))
  }
  const known = [...peers.holders(request.key), ...peers.neighbours(request.key)]
  const near = peers.members(peers.region).slice(0, settings.lastResortPeersMax)
  const far = peers.homeRegions(request.key)
    .filter((region) => region !== peers.region)
    .slice(0, settings.lastResortPeersMax)
    .flatMap((region) => peers.owners(request.key, 1, region))
  const answers = await heads([...known, ...near, ...far])
  const named = answers.flatMap((answer) => answer.kind === 'miss' ? answer.holders ?? [] : []).filter((peer) => peers.regionOf(peer) !== undefined)
  answers.push(...await heads(named.slice(0, settings.lastResortPeersMax)))
  const holders = answers
    .filter((answer) => answer.kind === 'hit')
    .sort((one, other) => Number(one.stale) - Number(other.stale) || one.head.ageMs - other.head.ageMs)
  for (const holder of holders) {
    const answer = await peers.ask(holder.peer, askFor(request, init), { signal: request.signal })
    if (answer.kind === 'hit') return foundOf(answer, Verb.Have, clock.wallMs())
  }
  return undefined
}
