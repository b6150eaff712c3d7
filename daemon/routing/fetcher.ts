/**
 * Where content that is not here comes from: by way of the key's owner in the region, the owner in its
 * home region, the origin, and when no origin can be reached, anyone who has it. The order, and who may wait for
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
import { Source } from '../cache/phase.ts'
import { askFor, upstreamOf, type AskInit } from './asks.ts'
import { anyone } from './last-resort.ts'
import { fromOrigin } from './origin-source.ts'
import { Patience, patience } from './patience.ts'
import type { Peers } from './peers.ts'
import { resume } from './resume.ts'
import type { RoutingSettings } from './settings.ts'

/** What was tried for a fetch, for the metrics: why the origin was asked, and how often the mesh sufficed. */
export const Step = {
  PeerHit: 'peer-hit', PeerSame: 'peer-same', PeerMiss: 'peer-miss', PeerBusy: 'peer-busy', PeerSilent: 'peer-silent',
  PeerFailed: 'peer-failed', PeerPrivate: 'peer-private', PeerRaced: 'peer-raced', PeerTooFar: 'peer-too-far',
  Hedged: 'hedged', Origin: 'origin', Anyone: 'anyone', Resumed: 'resumed'
} as const
export type Step = typeof Step[keyof typeof Step]

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
      : await this.#askInTurn(request, owners, silent)
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
      const step = await this.#have(request, holder, silent)
      if (step !== undefined) return step
    }
    if (waits === Level.Home || home === undefined) return undefined
    return await this.#askInTurn(request, peers.owners(request.key, settings.ownersMax, home), silent)
  }

  /** Asks owners one after the other; when this edge is next, it acts as the owner. */
  async #askInTurn (request: ObtainRequest, owners: readonly PeerName[], silent: Set<PeerName>): Promise<Found> {
    let turnedAway = false
    for (const [index, owner] of owners.entries()) {
      if (owner === this.#init.peers.self) return await this.#asOwner(request, owners, silent)
      if (silent.has(owner)) continue
      const step = await this.#askToFill(request, owner, silent, owners[index + 1], turnedAway)
      if (step !== 'next' && step !== 'busy') return step
      turnedAway ||= step === 'busy'
    }
    return undefined
  }

  /** @returns 'next' or 'busy' when another owner is to be asked, undefined when the origin is */
  async #askToFill (request: ObtainRequest, owner: PeerName, silent: Set<PeerName>, second: PeerName | undefined, turnedAway: boolean): Promise<Found | 'next' | 'busy'> {
    const { peers, settings } = this.#init
    const worth = patience(peers.rttMs(owner), request.site.origin?.ttfbMs(), settings)
    if (worth === Patience.Skip) {
      this.#init.onStep(Step.PeerTooFar)
      return undefined
    }
    if (worth === Patience.Race) return await this.#race(request, owner, silent)
    const hedge = second === undefined || second === peers.self || silent.has(second) ? undefined : second
    const answer = await this.#hedged(request, owner, { verb: Verb.Fill, self: peers.self, silent, turnedAway, last: second === undefined }, hedge)
    this.#note(answer)
    switch (answer.kind) {
      case 'hit': return this.#found(answer, answer.peer === owner ? Verb.Fill : Verb.Have)
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
    const other = peers.ask(second, askFor(request, { ...init, verb: Verb.Have, last: false }), { signal: request.signal })
    const winner = await Promise.race([asked, other.then(async (answer) => answer.kind === 'hit' ? answer : await asked)])
    if (winner.kind === 'hit' && winner.peer === second) {
      first.abort(new DOMException('another peer answered first', 'AbortError'))
      asked.then(drop, () => {})
    } else other.then(drop, () => {})
    return winner
  }

  async #have (request: ObtainRequest, holder: PeerName, silent: Set<PeerName>): Promise<Found> {
    const { peers } = this.#init
    const answer = await peers.ask(holder, askFor(request, { verb: Verb.Have, self: peers.self, silent }), { signal: request.signal })
    this.#note(answer)
    if (answer.kind === 'hit') return this.#found(answer, Verb.Have)
    if (answer.kind === 'silent') silent.add(holder)
    return undefined
  }

  /** The origin and a peer's `have` at once; whoever has a head first is read, the other dropped. */
  async #race (request: ObtainRequest, peer: PeerName, silent: Set<PeerName>): Promise<Found> {
    this.#init.onStep(Step.PeerRaced)
    this.#init.onStep(Step.Origin)
    request.onLevel(Level.Origin)
    const fromPeer = this.#have(request, peer, silent)
    const origin = fromOrigin(this.#init, request)
    const best = await Promise.any([
      fromPeer.then((step) => step ?? Promise.reject(new Error('miss'))),
      origin.then((got) => got.kind === 'failed' ? Promise.reject(new Error(got.reason)) : got)
    ]).catch(async () => await origin)
    request.signal.throwIfAborted()
    for (const each of [fromPeer, origin]) {
      void each.then((step) => { if (step !== best && step?.kind === 'upstream') step.upstream.cancel() }, () => {})
    }
    return best
  }

  async #originOrAnyone (request: ObtainRequest, silent: Set<PeerName>): Promise<Obtained> {
    this.#init.onStep(Step.Origin)
    request.onLevel(Level.Origin)
    const got = await fromOrigin(this.#init, request)
    return got.kind === 'failed' ? await this.#anyone(request, silent, got) : got
  }

  async #anyone (request: ObtainRequest, silent: Set<PeerName>, failed: Obtained): Promise<Obtained> {
    request.signal.throwIfAborted()
    request.onUnreachable()
    this.#init.onStep(Step.Anyone)
    return await anyone(this.#init, request, silent) ?? failed
  }

  #note (answer: PeerAnswer): void {
    this.#init.onStep(answer.kind === 'hit' && answer.same ? Step.PeerSame : `peer-${answer.kind}`)
  }

  #found (answer: Extract<PeerAnswer, { kind: 'hit' }>, verb: Verb): Obtained {
    const { clock } = this.#init
    if (!answer.same) return { kind: 'upstream', upstream: upstreamOf(answer, verb, clock.wallMs()) }
    return { kind: 'not-modified', fields: answer.head.fields, receivedAtMs: clock.wallMs(), initialAgeMs: answer.head.ageMs, source: Source.Peer, peer: answer.peer }
  }
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
