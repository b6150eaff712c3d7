/**
 * Who may hold an object beyond those whom the ring names: the directory of an owner, the filters of the
 * region, the DHT. Each is asked `have`, which waits for nobody who waits for another edge, so none of it can make a circle.
 */
import { Verb } from '../../protocols/fetch/messages.ts'
import type { PeerAnswer } from '../../protocols/fetch/transfer.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Obtained, ObtainRequest } from '../cache/cache.ts'
import { askFor, foundOf } from './asks.ts'
import type { RoutingInit } from './fetcher.ts'
import { originMs, Patience, patience } from './patience.ts'
import { Step } from './step.ts'

/** Nothing, or what was found. */
type Found = Obtained | undefined

/** How holders came to be known. */
export const Hint = { Ring: 'ring', Directory: 'directory', Filter: 'filter', Dht: 'dht' } as const
export type Hint = typeof Hint[keyof typeof Hint]

const foundBy = { ring: undefined, directory: Step.FoundByDirectory, filter: Step.FoundByFilter, dht: Step.FoundByDht } as const
const wrongBy = { ring: undefined, directory: Step.WrongByDirectory, filter: Step.WrongByFilter, dht: Step.WrongByDht } as const

export interface HaveOptions {
  /** How the peer came to be known. */
  readonly hint?: Hint
  /** Whether a stale copy will do. */
  readonly staleOk?: boolean
  /** The origin is being asked meanwhile: further peers may be asked, too. */
  readonly racing?: boolean
}

/** Asks one peer whether it has it; when it names others who do, the nearest of those. */
export async function have (init: RoutingInit, request: ObtainRequest, peer: PeerName, silent: Set<PeerName>, { hint = Hint.Ring, staleOk = false, racing = false }: HaveOptions = {}): Promise<Found> {
  const { peers, onStep } = init
  request.signal.throwIfAborted()
  const answered = request.onAsk()
  const answer = await peers.ask(peer, askFor(request, { verb: Verb.Have, self: peers.self, silent, staleOk }), { signal: request.signal }).finally(answered)
  note(onStep, answer)
  if (answer.kind === 'hit') {
    if (foundBy[hint] !== undefined) onStep(foundBy[hint])
    return foundOf(answer, Verb.Have, init.clock.wallMs())
  }
  if (answer.kind === 'silent') silent.add(peer)
  // One that names everything and says nothing would cost every miss its silence.
  if (hint === Hint.Filter && (answer.kind === 'silent' || (answer.kind === 'miss' && answer.stale !== true))) peers.wrongNeighbour(peer)
  if (answer.kind !== 'miss') return undefined
  if (answer.stale !== true && wrongBy[hint] !== undefined) onStep(wrongBy[hint])
  // Only whom the ring names is believed about others: a hint does not lead on to further hints.
  return hint === Hint.Ring ? await haveOf(init, request, answer.holders ?? [], silent, Hint.Directory, racing) : undefined
}

/** Asks the first few of those who are said to hold it and are near enough to be waited for, one after the other. */
export async function haveOf (init: RoutingInit, request: ObtainRequest, holders: readonly PeerName[], silent: Set<PeerName>, hint: Hint, racing = false): Promise<Found> {
  const { peers, settings } = init
  const near = holders.filter((peer) => {
    const worth = patience(peers.rttMs(peer), originMs(request.site), settings)
    return mayAsk(init, request, peer, silent) && (worth === Patience.Wait || (racing && worth === Patience.Race))
  })
  for (const peer of near.slice(0, settings.holdersAskedMax)) {
    const found = await have(init, request, peer, silent, { hint })
    if (found !== undefined) return found
  }
  return undefined
}

/** Of those who are said to hold it and are too far to be waited for, the nearest: to be asked beside the origin. Never rejects. */
export async function haveFar (init: RoutingInit, request: ObtainRequest, silent: Set<PeerName>, signal: AbortSignal): Promise<Found> {
  const { peers, settings } = init
  const named = [...peers.holders(request.key).map((peer) => ({ peer, hint: Hint.Directory })), ...peers.neighbours(request.key).map((peer) => ({ peer, hint: Hint.Filter }))]
  const far = named.find(({ peer }) => mayAsk(init, request, peer, silent) && patience(peers.rttMs(peer), originMs(request.site), settings) === Patience.Race)
  return far === undefined ? undefined : await have(init, { ...request, signal }, far.peer, silent, { hint: far.hint }).catch(() => undefined)
}

/** Whom another edge names may have gone since: one that is no member takes no other's place among the few that are asked. */
function mayAsk ({ peers }: RoutingInit, request: ObtainRequest, peer: PeerName, silent: ReadonlySet<PeerName>): boolean {
  return peer !== peers.self && peers.regionOf(peer) !== undefined && !silent.has(peer) && !request.path.includes(peer)
}

/** Asks providers as the DHT names them. Never rejects; ends when the look-up does. */
export async function haveByDht (init: RoutingInit, request: ObtainRequest, silent: Set<PeerName>, signal: AbortSignal, staleOk: boolean): Promise<Found> {
  const { peers, settings } = init
  let asked = 0
  try {
    for await (const peer of peers.providers(request.key, signal)) {
      if (!mayAsk(init, request, peer, silent)) continue
      const found = await have(init, { ...request, signal }, peer, silent, { hint: Hint.Dht, staleOk })
      if (found !== undefined || ++asked >= settings.providersAskedMax) return found
    }
  } catch {
    // Aborted, as another source was first: nobody waits for it.
  }
  return undefined
}

export function note (onStep: (step: Step) => void, answer: PeerAnswer): void {
  onStep(answer.kind === 'hit' && answer.same ? Step.PeerSame : `peer-${answer.kind}`)
}
