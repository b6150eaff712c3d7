/**
 * Whom a request that is not answered from the store would ask, and in which order: the steps of
 * `routing/fetcher.ts`, foretold instead of taken. The verdict over each peer is the router's own (`patience`), so the two
 * cannot disagree on it. Pure.
 */
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { HeldVariant } from '../../protocols/survey/messages.ts'
import type { BreakerState } from '../origin/breaker.ts'
import { Patience, patience } from '../routing/patience.ts'
import type { RoutingSettings } from '../routing/settings.ts'
import type { PlanStep } from './explanation.ts'
import { duration, listed } from './words.ts'

export interface PlannedOrigin {
  readonly url: string
  readonly ttfbMs?: number | undefined
  readonly breaker: BreakerState
}

export interface RouteSituation {
  readonly self: PeerName
  readonly region: Region
  readonly nameOf: (peer: PeerName) => string
  /** First owners of the key in this region, as many as are asked. */
  readonly owners: readonly PeerName[]
  readonly home?: Region
  /** None where this region is the home. */
  readonly homeOwners: readonly PeerName[]
  readonly previousOwner?: PeerName
  /** `Peers.neighbours`: whose filters name the key. */
  readonly neighbours: readonly PeerName[]
  /** `Peers.holders`: whom this edge's own directory names, where it is the owner. */
  readonly directory: readonly PeerName[]
  /** What the directory of another owner names, as it answered. */
  readonly directoryOf: (peer: PeerName) => readonly PeerName[]
  readonly rttMs: (peer: PeerName) => number | undefined
  /** The variant that the request selects at the peer, whatever its age; 'unknown' where it did not answer. */
  readonly holds: (peer: PeerName) => HeldVariant | undefined | 'unknown'
  /** Whether a copy may answer the request as it is: fresh enough by the request's own measure. */
  readonly fits: (held: HeldVariant) => boolean
  /** Everybody who holds what the request selects, the freshest first; this edge left out. */
  readonly holders: readonly PeerName[]
  readonly site: string
  /** In the order in which they are asked. */
  readonly origins: readonly PlannedOrigin[]
  /** `originMs` of routing/patience.ts: what a peer is measured against, ms; Infinity where the mesh is the origin. */
  readonly originMs?: number
  /** Validators with which the origin would be asked. */
  readonly validators: readonly string[]
  readonly settings: RoutingSettings
}

/** Where the bytes would come from, as far as the mesh's answers tell. */
export type Expected =
  /** `by` fetches it from there on this edge's behalf. */
  | { readonly from: 'peer', readonly peer: PeerName, readonly held: HeldVariant, readonly by?: PeerName }
  /** `by` asks it: this edge or an owner on its behalf. */
  | { readonly from: 'origin', readonly by: PeerName }
  /** No origin can be reached, but this peer has it. */
  | { readonly from: 'anyone', readonly peer: PeerName, readonly held: HeldVariant }
  | { readonly from: 'nobody' }

export function planRoute (about: RouteSituation): { readonly steps: readonly PlanStep[], readonly expected: Expected } {
  const route = new Route(about)
  const { owners, self } = about
  if (owners.length === 0 || owners[0] === self) route.asOwner('this edge owns the key in its region now')
  else {
    route.neighbour()
    route.inTurn(owners, about.region)
  }
  return route.end()
}

class Route {
  readonly #about: RouteSituation
  readonly #steps: PlanStep[] = []
  readonly #asked = new Set<PeerName>()
  #expected: Expected | undefined
  /** The origin was asked beside a peer. */
  #raced = false

  constructor (about: RouteSituation) { this.#about = about }

  /** A copy nearby, where a filter names one: saves the owner work. */
  neighbour (): void {
    const { neighbours, owners } = this.#about
    const nearest = neighbours.find((peer) => peer !== owners[0])
    if (nearest !== undefined) this.#hinted([nearest], 'its filter names it')
  }

  /** The owner's own part: who had the key before, whom its directory or a filter names, then the home region. */
  asOwner (why: string): void {
    const { home, homeOwners, previousOwner, directory } = this.#about
    if (previousOwner !== undefined) this.#have(previousOwner, `it owned the key before the ring last changed, and ${why}`)
    this.#hinted(directory, 'this edge\'s directory names it')
    this.neighbour()
    if (home !== undefined) this.inTurn(homeOwners, home)
  }

  /** Owners one after the other, each only where those before stayed silent, were busy or had nothing. */
  inTurn (owners: readonly PeerName[], region: Region): void {
    const { self, nameOf, settings, originMs, rttMs } = this.#about
    for (const [index, owner] of owners.entries()) {
      const rank = `${index === 0 ? 'first' : 'next'} owner of the key in ${region}${region === this.#about.region ? '' : ', its home region'}`
      if (owner === self) {
        this.asOwner(`this edge is the ${rank}`)
        return
      }
      this.#asked.add(owner)
      const worth = patience(rttMs(owner), originMs, settings)
      const why = `${rank}; ${this.#worth(owner, worth)}`
      if (worth === Patience.Skip) {
        this.#steps.push({ do: `leaves ${nameOf(owner)} alone`, why })
        return
      }
      if (worth === Patience.Race) {
        this.#steps.push({ do: `asks ${nameOf(owner)} and the origin at once, and takes who answers first`, why: `${why}; ${this.#held(owner)}` })
        this.#raced = true
        this.#expectPeer(owner)
        return
      }
      this.#askToFill(owner, region, why)
    }
  }

  /** Without a fitting copy an owner goes on as `asOwner` does: its directory, the home region, the origin. */
  #askToFill (owner: PeerName, region: Region, why: string): void {
    const { home, homeOwners, self, directoryOf, holds, nameOf, origins, site, settings } = this.#about
    const step = `asks ${nameOf(owner)} to find it`
    this.#expectPeer(owner)
    // One that does not answer is passed over.
    if (this.#fitting(owner) !== undefined || holds(owner) === 'unknown') {
      this.#steps.push({ do: step, why: `${why}; ${this.#held(owner)}` })
      return
    }
    const named = directoryOf(owner).filter((peer) => peer !== self).slice(0, settings.holdersAskedMax)
    const further = region === home ? [] : homeOwners.slice(0, 1)
    const next = [
      ...named.map((peer) => `${nameOf(peer)}, which its directory names`),
      ...further.map((peer) => `${nameOf(peer)}, the owner in its home region ${home}`),
      origins.length === 0 ? `no origin, as ${site} has none` : 'the origin'
    ]
    this.#steps.push({ do: step, why: `${why}; ${this.#held(owner)} and asks ${next.join('; then ')}` })
    for (const peer of [...named, ...further]) this.#expectPeer(peer, owner)
    if (origins.length > 0) this.#expected ??= { from: 'origin', by: owner }
  }

  end (): { steps: readonly PlanStep[], expected: Expected } {
    const { self, origins, site, holders, nameOf, holds } = this.#about
    if (!this.#raced) {
      this.#origin()
      this.#far()
    }
    if (origins.some(({ breaker }) => breaker !== 'open')) this.#expected ??= { from: 'origin', by: self }
    const best = holders[0]
    this.#steps.push(best === undefined
      ? { do: 'asks anyone else for a copy, fresh or stale', why: `if ${origins.length === 0 ? `the site ${site} has no origin here and no owner answers` : 'no origin can be reached'}; nobody holds one` }
      : { do: `asks anyone else for a copy, fresh or stale: ${listed(holders.map(nameOf))} ${holders.length === 1 ? 'holds' : 'hold'} one`, why: 'only if no origin can be reached' })
    const held = best === undefined ? undefined : holds(best)
    if (best !== undefined && held !== undefined && held !== 'unknown') this.#expected ??= { from: 'anyone', peer: best, held }
    return { steps: this.#steps, expected: this.#expected ?? { from: 'nobody' } }
  }

  /** Those who are said to hold it, as many as are asked and near enough. */
  #hinted (holders: readonly PeerName[], why: string): void {
    const { self, rttMs, originMs, settings } = this.#about
    const near = holders.filter((peer) => peer !== self && patience(rttMs(peer), originMs, settings) === Patience.Wait)
    for (const peer of near.slice(0, settings.holdersAskedMax)) this.#have(peer, why)
  }

  /** One who is said to hold it and is too far to be waited for is asked beside the origin. */
  #far (): void {
    const { self, rttMs, originMs, settings, directory, neighbours } = this.#about
    const origin = this.#first
    if (origin === undefined || (origin.ttfbMs ?? Infinity) < settings.providersWorthMs) return
    const far = [...directory, ...neighbours].find((peer) => peer !== self && patience(rttMs(peer), originMs, settings) === Patience.Race)
    if (far !== undefined) this.#have(far, `beside the origin, as it is too far to be waited for and ${directory.includes(far) ? 'this edge\'s directory' : 'its filter'} names it`)
  }

  #have (peer: PeerName, why: string): void {
    const { self, nameOf } = this.#about
    if (peer === self || this.#asked.has(peer)) return
    this.#asked.add(peer)
    this.#steps.push({ do: `asks ${nameOf(peer)} whether it has it`, why: `${why}; ${this.#held(peer)}` })
    this.#expectPeer(peer)
  }

  #fitting (peer: PeerName): HeldVariant | undefined {
    const held = this.#about.holds(peer)
    return held === undefined || held === 'unknown' || !this.#about.fits(held) ? undefined : held
  }

  #expectPeer (peer: PeerName, by?: PeerName): void {
    const held = this.#fitting(peer)
    if (held !== undefined) this.#expected ??= { from: 'peer', peer, held, by }
  }

  #origin (): void {
    const { origins, site, validators, settings } = this.#about
    const first = this.#first
    if (first === undefined) {
      this.#steps.push({ do: 'asks no origin', why: `the site ${site} has none on this edge` })
      return
    }
    const how = validators.length === 0 ? '' : `, with ${listed(validators)}`
    // As `originOrAnyone` of routing/fetcher.ts has it: a near origin is asked alone.
    const alone = first.ttfbMs !== undefined && first.ttfbMs < settings.providersWorthMs
    for (const [index, origin] of origins.entries()) {
      this.#steps.push({
        do: `asks the origin ${origin.url}${how}${alone || index > 0 ? '' : ', and beside it whom the DHT names'}`,
        why: `${index === 0 ? '' : 'only if the one before does not answer; '}${stateOf(origin)}`
      })
    }
  }

  /** Whom a request meets first now, as `ttfbMs` of origin/in-turn.ts has it. */
  get #first (): PlannedOrigin | undefined {
    const { origins } = this.#about
    return origins.find(({ breaker }) => breaker === 'closed') ?? origins[0]
  }

  #worth (peer: PeerName, worth: Patience): string {
    const { rttMs, originMs, settings } = this.#about
    const rtt = rttMs(peer)
    if (rtt === undefined) return 'its round trip is not known, so it is taken for near and waited for'
    if (originMs === Infinity) return `round trip ${duration(rtt)}, waited for as the mesh is this site's origin`
    const origins = `the origin's ${originMs === undefined ? `assumed ${duration(settings.ttfbGuessMs)}` : duration(originMs)} to its first byte`
    const near = `${duration(settings.patienceFloorMs)} or ${Math.round(settings.patienceShare * 100)} % of ${origins}`
    switch (worth) {
      case Patience.Wait: return `round trip ${duration(rtt)}, waited for as that is below ${near}`
      case Patience.Race: return `round trip ${duration(rtt)}, raced as that is above ${near}`
      case Patience.Skip: return `round trip ${duration(rtt)}, not below ${origins}`
    }
  }

  #held (peer: PeerName): string {
    const held = this.#about.holds(peer)
    if (held === 'unknown') return 'it did not answer when asked what it holds'
    if (held === undefined) return 'it does not hold it'
    if (held.ttlMs <= 0) return 'what it holds is stale'
    return this.#about.fits(held) ? `it holds it, fresh for another ${duration(held.ttlMs)}` : 'it holds it, but the request wants it fresher'
  }
}

function stateOf ({ ttfbMs, breaker }: PlannedOrigin): string {
  switch (breaker) {
    case 'closed': return ttfbMs === undefined ? 'its time to first byte is not known yet' : `its first byte takes ${duration(ttfbMs)}`
    case 'open': return 'it could not be reached a moment ago and is left alone for a while, so this fails at once'
    case 'half-open': return 'it could not be reached a while ago; one request is let through to try it'
  }
}
