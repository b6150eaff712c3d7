/**
 * Where content that is not here comes from: a neighbour whose filter names it, the key's owner in the region,
 * whom that one's directory names, the owner in its home region, the origin with the DHT beside it, and when
 * no origin can be reached, anyone who has it. The order, and who may wait for
 * whom, are DESIGN.md's "Rules of finding and filling": a fill waits only towards the home region, so
 * no two edges ever wait for each other.
 */
import { sleep, type Clock } from '../../protocols/clock.ts'
import { pathMax, Verb } from '../../protocols/fetch/messages.ts'
import type { PeerAnswer } from '../../protocols/fetch/transfer.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Fetcher, Obtained, ObtainRequest } from '../cache/cache.ts'
import type { FillHead } from '../cache/fill.ts'
import { Level } from '../cache/flight.ts'
import type { Upstream } from '../cache/upstream.ts'
import { askFor, foundOf, type AskInit } from './asks.ts'
import { have, haveByDht, haveFar, haveOf, Hint, note } from './holders.ts'
import { anyone } from './last-resort.ts'
import { fromOrigin } from './origin-source.ts'
import { originMs, Patience, patience } from './patience.ts'
import type { Peers } from './peers.ts'
import { resume } from './resume.ts'
import type { RoutingSettings } from './settings.ts'
import { Step } from './step.ts'

export interface RoutingInit {
  readonly onStep: (step: Step) => void
  /** The edge's name, for Via. */
  readonly name: string
  readonly peers: Peers
  readonly settings: RoutingSettings
  readonly clock: Clock
}

/** What one way of asking brought; `undefined` means: nothing, try the next source. */
type Found = Obtained | undefined

export class RoutingFetcher implements Fetcher {
  readonly #init: RoutingInit

  constructor (init: RoutingInit) { this.#init = init }

  async obtain (request: ObtainRequest): Promise<Obtained> {
    const { peers, settings } = this.#init
    const silent = new Set(request.silent)
    const owners = peers.owners(request.key, settings.ownersMax, peers.region)
    const isOwner = request.level !== Level.Asker || owners.length === 0 || owners[0] === peers.self
    const found = isOwner
      ? await this.#asOwner(request, owners, silent)
      : await this.#askNeighbour(request, owners, silent) ?? await this.#askInTurn(request, owners, silent)
    // A failure is the origin's: raced with a peer, it need not be asked again.
    if (found?.kind === 'failed') return await this.#anyone(request, silent, found)
    if (found !== undefined) return found
    if (silent.size > request.silent.length) {
      await sleep(this.#init.clock, this.#init.clock.random() * settings.originJitterMs, request.signal)
    }
    return await this.#originOrAnyone(request, silent)
  }

  async resume (request: ObtainRequest, offset: number, head: FillHead, failed: Upstream): Promise<Upstream> {
    this.#init.onStep(Step.Resumed)
    return await resume(this.#init, request, offset, head, failed)
  }

  /**
   * The owner's own part: whoever may have it nearer than the origin, then the key's home region.
   * A fill that came from another region goes no further: the home waits on none.
   */
  async #asOwner (request: ObtainRequest, owners: readonly PeerName[], silent: Set<PeerName>): Promise<Found> {
    const { peers, settings } = this.#init
    const home = peers.homeRegions(request.key)[0]
    const goesNoFurther = request.level === Level.Home || home === peers.region || request.path.length >= pathMax
    const waits = goesNoFurther ? Level.Home : Level.Owner
    request.onLevel(waits)
    // The first owner, when this edge stands in for it; the owner of the view before.
    const holders = [owners[0], peers.previousOwner(request.key)]
    for (const holder of new Set(holders)) {
      if (holder === undefined || holder === peers.self || silent.has(holder) || request.path.includes(holder)) continue
      const found = await have(this.#init, request, holder, silent)
      if (found !== undefined) return found
    }
    // Two ways to the same knowledge: a directory may be lost, and a filter has only so many keys.
    const known = await haveOf(this.#init, request, peers.holders(request.key), silent, Hint.Directory) ??
      await this.#askNeighbour(request, owners, silent)
    if (known !== undefined) return known
    if (request.site.published) {
      // This edge may own the key since a moment ago, and the repair not have come round yet.
      const replica = await haveOf(this.#init, request, peers.replicas(request.key), silent, Hint.Ring)
      if (replica !== undefined) return replica
    }
    if (waits === Level.Home || home === undefined) return undefined
    return await this.#askInTurn(request, peers.owners(request.key, settings.ownersMax, home), silent)
  }

  /** A copy nearby saves the owner work, and the request a hop where the owner has none. */
  async #askNeighbour (request: ObtainRequest, owners: readonly PeerName[], silent: Set<PeerName>): Promise<Found> {
    const neighbours = this.#init.peers.neighbours(request.key).filter((peer) => peer !== owners[0])
    return await haveOf(this.#init, request, neighbours.slice(0, 1), silent, Hint.Filter)
  }

  /** Asks owners one after the other; when this edge is next, it acts as the owner. */
  async #askInTurn (request: ObtainRequest, owners: readonly PeerName[], silent: Set<PeerName>): Promise<Found> {
    let turnedAway = false
    for (const [index, owner] of owners.entries()) {
      if (owner === this.#init.peers.self) return await this.#asOwner(request, owners, silent)
      if (silent.has(owner)) continue
      request.signal.throwIfAborted()
      const step = await this.#askToFill(request, owner, silent, owners[index + 1], turnedAway)
      if (step !== 'next' && step !== 'busy') return step
      turnedAway ||= step === 'busy'
    }
    return undefined
  }

  /** @returns 'next' or 'busy' when another owner is to be asked, undefined when the origin is */
  async #askToFill (request: ObtainRequest, owner: PeerName, silent: Set<PeerName>, second: PeerName | undefined, turnedAway: boolean): Promise<Found | 'next' | 'busy'> {
    const { peers, settings } = this.#init
    const worth = patience(peers.rttMs(owner), originMs(request.site), settings)
    if (worth === Patience.Skip) {
      this.#init.onStep(Step.PeerTooFar)
      return undefined
    }
    if (worth === Patience.Race) return await this.#race(request, owner, silent)
    const hedge = second === undefined || second === peers.self || silent.has(second) ? undefined : second
    const answer = await this.#hedged(request, owner, { verb: Verb.Fill, self: peers.self, silent, turnedAway, last: second === undefined }, hedge)
    note(this.#init.onStep, answer)
    switch (answer.kind) {
      case 'hit': return foundOf(answer, answer.peer === owner ? Verb.Fill : Verb.Have, this.#init.clock.wallMs())
      case 'private': return { kind: 'private' }
      case 'failed': return undefined
      case 'silent':
        silent.add(owner)
        return 'next'
      case 'busy': case 'miss': return answer.kind === 'busy' ? 'busy' : 'next'
    }
  }

  /** Asks one, and after a delay without a sign of life whether another has it. */
  async #hedged (request: ObtainRequest, owner: PeerName, init: AskInit, second: PeerName | undefined): Promise<PeerAnswer> {
    const { peers, clock, settings } = this.#init
    const alive = Promise.withResolvers<'alive'>()
    const first = follow(request.signal)
    const asked = peers.ask(owner, askFor(request, init), { signal: first.signal, onFilling: () => { alive.resolve('alive') } })
    if (second === undefined) return await asked
    const late = Promise.withResolvers<'late'>()
    const cancel = clock.after(settings.hedgeDelayMs, () => { late.resolve('late') })
    const early = await Promise.race([asked, late.promise, alive.promise]).finally(cancel)
    if (early !== 'late') return await asked
    this.#init.onStep(Step.Hedged)
    const answered = request.onAsk()
    const other = peers.ask(second, askFor(request, { ...init, verb: Verb.Have, last: false }), { signal: request.signal }).finally(answered)
    const winner = await Promise.race([asked, other.then(async (answer) => answer.kind === 'hit' ? answer : await asked)])
    if (winner.kind === 'hit' && winner.peer === second) {
      first.abort(new DOMException('another peer answered first', 'AbortError'))
      asked.then(drop, () => {})
    } else other.then(drop, () => {})
    return winner
  }

  /** The origin and a peer's `have` at once; whoever has a head first is read, the other dropped. */
  async #race (request: ObtainRequest, peer: PeerName, silent: Set<PeerName>): Promise<Found> {
    this.#init.onStep(Step.PeerRaced)
    this.#init.onStep(Step.Origin)
    request.onLevel(Level.Origin)
    const origin = this.#origin(request)
    return await firstOf(request.signal, origin, have(this.#init, request, peer, silent, { racing: true })) ?? await origin
  }

  /** The origin, and beside it a far holder, and whoever the DHT names before the origin has answered. */
  async #originOrAnyone (request: ObtainRequest, silent: Set<PeerName>): Promise<Obtained> {
    const { site, signal } = request
    this.#init.onStep(Step.Origin)
    request.onLevel(Level.Origin)
    const origin = this.#origin(request)
    const isQuick = site.origin === undefined || (site.origin.ttfbMs() ?? Infinity) < this.#init.settings.providersWorthMs
    const got = isQuick ? await origin : await this.#beside(request, silent, origin, false)
    return got === undefined || got.kind === 'failed' ? await this.#anyone(request, silent, await origin) : got
  }

  /** No origin can be reached: members are asked, and the DHT, at once. */
  async #anyone (request: ObtainRequest, silent: Set<PeerName>, failed: Obtained): Promise<Obtained> {
    request.signal.throwIfAborted()
    request.onUnreachable()
    this.#init.onStep(Step.Anyone)
    // What came as an ask is the asker's to search for: one edge's search is enough.
    if (request.path.length > 0) return failed
    const elsewhere = follow(request.signal)
    const filled = this.#fillElsewhere(request, silent, elsewhere.signal)
    const held = await this.#beside(request, silent, anyone(this.#init, request, silent), true)
    const isFresh = held !== undefined && !(held.kind === 'upstream' ? held.upstream.stale : held.kind === 'not-modified' && held.stale)
    if (!isFresh) {
      // Only this edge may be cut off from the origin: with something stale at hand, that is worth a short wait.
      const waitMs = held === undefined && request.stored === undefined ? undefined : this.#init.settings.freshWaitMs
      const fresh = await (waitMs === undefined ? filled : Promise.race([filled, sleep(this.#init.clock, waitMs, request.signal).then(() => undefined)]))
      if (fresh !== undefined) {
        if (held?.kind === 'upstream') held.upstream.cancel()
        return fresh
      }
    }
    elsewhere.abort(new DOMException('another source was first', 'AbortError'))
    void filled.then((late) => { if (late?.kind === 'upstream') late.upstream.cancel() })
    return held ?? failed
  }

  /** Another owner's origin may answer where this edge's does not. Never rejects. */
  async #fillElsewhere (request: ObtainRequest, silent: Set<PeerName>, signal: AbortSignal): Promise<Found> {
    const { peers, settings, clock } = this.#init
    const home = peers.homeRegions(request.key)[0] ?? peers.region
    const other = [...peers.owners(request.key, settings.ownersMax, peers.region), ...peers.owners(request.key, settings.ownersMax, home)]
      .find((peer) => peer !== peers.self && !silent.has(peer))
    if (other === undefined || !request.site.origin) return undefined
    const answer = await peers.ask(other, askFor(request, { verb: Verb.Fill, self: peers.self, silent, last: true }), { signal }).catch(() => undefined)
    return answer?.kind === 'hit' ? foundOf(answer, Verb.Fill, clock.wallMs()) : undefined
  }

  /** A source, and beside it who else may have it; what is still looked for then ends with the source's success. */
  async #beside (request: ObtainRequest, silent: Set<PeerName>, source: Promise<Found>, staleOk: boolean): Promise<Found> {
    const looking = follow(request.signal)
    const brought = new Set<Found>()
    const others = [
      haveByDht(this.#init, request, silent, looking.signal, staleOk),
      // Whoever asks all members asks those, too.
      ...(staleOk ? [] : [haveFar(this.#init, request, silent, looking.signal)])
    ].map(async (other) => {
      const got = await other
      brought.add(got)
      return got
    })
    const best = await firstOf(request.signal, source, ...others)
    if (best === undefined || !brought.has(best)) looking.abort(new DOMException('another source was first', 'AbortError'))
    return best
  }

  /** As soon as it fails, nobody may go on waiting for this flight: it may wait on any edge then. */
  async #origin (request: ObtainRequest): Promise<Obtained> {
    const got = await fromOrigin(this.#init, request)
    if (got.kind === 'failed') request.onUnreachable()
    return got
  }
}

/**
 * The first of several to bring something; what the others bring later is dropped. A failure is nothing.
 *
 * @returns undefined when none brings anything
 * @throws the signal's reason
 */
async function firstOf (signal: AbortSignal, ...sources: ReadonlyArray<Promise<Found>>): Promise<Found> {
  const best = await Promise.any(sources.map(async (source) => {
    const got = await source
    if (got === undefined || got.kind === 'failed') throw new Error('nothing')
    return got
  })).catch(() => undefined)
  for (const source of sources) {
    void source.then((got) => { if (got !== best && got?.kind === 'upstream') got.upstream.cancel() }, () => {})
  }
  if (signal.aborted && best?.kind === 'upstream') best.upstream.cancel()
  signal.throwIfAborted()
  return best
}

/** A controller that also aborts with its parent, a flight's signal, and lives no longer than that. */
function follow (parent: AbortSignal): AbortController {
  const controller = new AbortController()
  if (parent.aborted) controller.abort(parent.reason)
  else parent.addEventListener('abort', () => { controller.abort(parent.reason) }, { once: true })
  return controller
}

function drop (answer: PeerAnswer): void {
  if (answer.kind === 'hit') answer.cancel()
}
