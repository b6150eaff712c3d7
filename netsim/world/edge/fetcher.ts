/**
 * Where content that is not here comes from: the key's owner in the region, whom that one's directory names, the
 * owner in the home region, the origin, and when no origin can be reached, anyone who has it. Mirrors
 * daemon/routing/{fetcher,holders,last-resort}.ts step by step, as those are promises all through; patience, ranking and the
 * breaker are the daemon's. Left out: filters, the DHT, published objects, and bodies resumed half way.
 */
import { Breaker } from '../../../daemon/origin/breaker.ts'
import { Patience, patience } from '../../../daemon/routing/patience.ts'
import { pathMax, Verb } from '../../../protocols/fetch/messages.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import type { Asks, AskInit } from './asks.ts'
import { Level, Source, type Flight } from './flights.ts'
import type { Answer, Head } from './messages.ts'
import type { Self } from './self.ts'
import { all, first, run, type Effect, type Task } from './task.ts'

/** A request as it is made of the cache: a client's, or a peer's. */
export interface Job {
  readonly key: ContentKey
  readonly flight: Flight
  /** What this edge is asked as. */
  readonly level: Level
  readonly path: readonly number[]
  readonly silent: readonly number[]
}

export type Obtained =
  | { readonly kind: 'arrived', readonly head: Head, readonly same: boolean, readonly source: Source }
  | { readonly kind: 'failed' }

type Found = Obtained | undefined

/** What the fetcher sees of the colony, as daemon/routing/peers.ts. */
export interface Peers {
  readonly owners: (key: ContentKey, n: number, region: string) => number[]
  readonly homeRegion: (object: number) => string | undefined
  /** The home first. */
  readonly homeRegions: (key: ContentKey) => string[]
  readonly previousOwner: (key: ContentKey) => number | undefined
  readonly holders: (key: ContentKey) => readonly number[]
  readonly membersOf: (region: string) => readonly number[]
  readonly rttMs: (peer: number) => number | undefined
}

const failed: Obtained = Object.freeze({ kind: 'failed' })
const isGood = (found: Found): boolean => found?.kind === 'arrived'

export class Fetcher {
  /** The origin's time to first byte, smoothed, ms. */
  ttfbMs: number | undefined
  readonly #self: Self
  readonly #peers: Peers
  readonly #asks: Asks
  #breaker: Breaker

  constructor (self: Self, peers: Peers, asks: Asks) {
    this.#self = self
    this.#peers = peers
    this.#asks = asks
    this.#breaker = new Breaker(self.settings.origin, self.machine.random)
  }

  start (): void {
    this.ttfbMs = undefined
    this.#breaker = new Breaker(this.#self.settings.origin, this.#self.machine.random)
  }

  * obtain (job: Job): Task<Obtained> {
    const { index, seat, settings: { routing }, machine } = this.#self
    const owners = this.#peers.owners(job.key, routing.ownersMax, seat.region)
    const silent = new Set(job.silent)
    const isOwner = job.level !== Level.Asker || owners.length === 0 || owners[0] === index
    const found: Found = isOwner ? yield * this.#asOwner(job, owners, silent) : yield * this.#askInTurn(job, owners, silent)
    if (found?.kind === 'failed') return yield * this.#anyone(job, silent, found)
    if (found !== undefined) return found
    if (silent.size > job.silent.length) yield this.#sleep(machine.random() * routing.originJitterMs)
    return yield * this.#originOrAnyone(job, silent)
  }

  /** A fill that came from another region goes no further: the home waits on none. */
  * #asOwner (job: Job, owners: readonly number[], silent: Set<number>): Task<Found> {
    const { index, seat, settings: { routing } } = this.#self
    const home = this.#peers.homeRegion(job.flight.object)
    const goesNoFurther = job.level === Level.Home || home === seat.region || job.path.length >= pathMax
    job.flight.raise(goesNoFurther ? Level.Home : Level.Owner)
    const previous = this.#peers.previousOwner(job.key)
    for (const holder of owners[0] === previous ? [previous] : [owners[0], previous]) {
      if (holder === undefined || holder === index || silent.has(holder) || job.path.includes(holder)) continue
      const found: Found = yield * this.#have(job, holder, silent, { isHint: false })
      if (found !== undefined) return found
    }
    const known: Found = yield * this.#haveOf(job, this.#peers.holders(job.key), silent, false)
    if (known !== undefined) return known
    if (goesNoFurther || home === undefined) return undefined
    return yield * this.#askInTurn(job, this.#peers.owners(job.key, routing.ownersMax, home), silent)
  }

  /** Asks owners one after the other; when this edge is next, it acts as the owner. */
  * #askInTurn (job: Job, owners: readonly number[], silent: Set<number>): Task<Found> {
    let turnedAway = false
    for (let at = 0; at < owners.length; at++) {
      const owner = owners[at]!
      if (owner === this.#self.index) return yield * this.#asOwner(job, owners, silent)
      if (silent.has(owner)) continue
      const step: Found | 'next' | 'busy' = yield * this.#askToFill(job, owner, silent, owners[at + 1], turnedAway)
      if (step !== 'next' && step !== 'busy') return step
      turnedAway ||= step === 'busy'
    }
    return undefined
  }

  * #askToFill (job: Job, owner: number, silent: Set<number>, second: number | undefined, turnedAway: boolean): Task<Found | 'next' | 'busy'> {
    const worth = this.#patience(owner)
    if (worth === Patience.Skip) return undefined
    if (worth === Patience.Race) return yield * this.#race(job, owner, silent)
    const hedge = second === undefined || second === this.#self.index || silent.has(second) ? undefined : second
    const answer = (yield this.#hedged(job, owner, { verb: Verb.Fill, silent, turnedAway, last: second === undefined }, hedge)) as Answer
    switch (answer.kind) {
      case 'hit': return found(answer)
      case 'failed': return undefined
      case 'silent':
        silent.add(owner)
        return 'next'
      case 'busy': return 'busy'
      case 'miss': return 'next'
    }
  }

  /** Asks one, and after a delay without a sign of life whether another has it. */
  #hedged (job: Job, owner: number, init: Pick<AskInit, 'verb' | 'silent' | 'turnedAway' | 'last'>, second: number | undefined): Effect {
    const asked = { ...init, flight: job.flight, key: job.key, path: job.path }
    if (second === undefined) return this.#asks.ask(owner, asked)
    return (resume: (answer: Answer) => void) => {
      const { machine, settings: { routing } } = this.#self
      let isOver = false
      const settle = (answer: Answer): void => {
        if (isOver) return
        isOver = true
        resume(answer)
      }
      const cancel = machine.after(routing.hedgeDelayMs, () => {
        this.#asks.ask(second, { ...asked, verb: Verb.Have, last: false })((answer) => { if (answer.kind === 'hit') settle(answer) })
      })
      this.#asks.ask(owner, { ...asked, onFilling: cancel })((answer) => {
        cancel()
        settle(answer)
      })
    }
  }

  /** The origin and a peer's `have` at once. */
  * #race (job: Job, peer: number, silent: Set<number>): Task<Found> {
    job.flight.raise(Level.Origin)
    let origin: Obtained = failed
    const asked = (resume: (found: Found) => void): void => {
      run(this.#origin(job), (got) => {
        origin = got
        resume(got)
      })
    }
    const won = (yield first(isGood, asked, (resume) => { run(this.#have(job, peer, silent, { isHint: false, racing: true }), resume) })) as Found
    return won ?? origin
  }

  /** The origin, and beside it a far holder. */
  * #originOrAnyone (job: Job, silent: Set<number>): Task<Obtained> {
    job.flight.raise(Level.Origin)
    const far = (this.ttfbMs ?? Infinity) < this.#self.settings.routing.providersWorthMs ? undefined : this.#farHolder(job, silent)
    let got: Found = yield * far === undefined ? this.#origin(job) : this.#race(job, far, silent)
    got ??= failed
    return got.kind === 'failed' ? yield * this.#anyone(job, silent, got) : got
  }

  /** No origin can be reached: whoever holds it, fresh or stale, and another owner's origin. */
  * #anyone (job: Job, silent: Set<number>, given: Obtained): Task<Obtained> {
    job.flight.sink()
    // What came as an ask is the asker's to search for: one edge's search is enough.
    if (job.path.length > 0) return given
    const { machine, settings: { routing } } = this.#self
    let elsewhere: Found | 'pending' = 'pending'
    let tell: ((found: Found) => void) | undefined
    this.#fillElsewhere(job, silent, (found) => {
      elsewhere = found
      tell?.(found)
    })
    const held: Found = yield * this.#lastResort(job, silent)
    if (held?.kind === 'arrived' && !held.head.stale) return held
    const waits = held !== undefined || job.flight.held !== -1
    const fresh = (yield (resume: (found: Found) => void) => {
      if (elsewhere !== 'pending') return resume(elsewhere)
      let isOver = false
      tell = (found) => {
        if (isOver) return
        isOver = true
        resume(found)
      }
      if (waits) machine.after(routing.freshWaitMs, () => { tell?.(undefined) })
    }) as Found
    return fresh ?? held ?? given
  }

  /** Another owner's origin may answer where this edge's does not. */
  #fillElsewhere (job: Job, silent: Set<number>, done: (found: Found) => void): void {
    const { seat, settings: { routing }, index } = this.#self
    const home = this.#peers.homeRegion(job.flight.object) ?? seat.region
    const other = [...this.#peers.owners(job.key, routing.ownersMax, seat.region), ...this.#peers.owners(job.key, routing.ownersMax, home)]
      .find((peer) => peer !== index && !silent.has(peer))
    if (other === undefined) return done(undefined)
    this.#asks.ask(other, { verb: Verb.Fill, flight: job.flight, key: job.key, path: job.path, silent, last: true })((answer) => {
      done(answer.kind === 'hit' && answer.head.version !== -1 ? found(answer) : undefined)
    })
  }

  /** First heads of many at once, then the best one's body. */
  * #lastResort (job: Job, silent: ReadonlySet<number>): Task<Found> {
    const { index, seat, settings: { routing } } = this.#self
    const init = { verb: Verb.Have, flight: job.flight, key: job.key, path: job.path, silent, staleOk: true }
    const near = this.#peers.membersOf(seat.region).slice(0, routing.lastResortPeersMax)
    const far = this.#peers.homeRegions(job.key).filter((region) => region !== seat.region).slice(0, routing.lastResortPeersMax)
      .flatMap((region) => this.#peers.owners(job.key, 1, region))
    const peers = [...new Set([...this.#peers.holders(job.key), ...near, ...far])].filter((peer) => peer !== index && !silent.has(peer))
    const heads = (yield all(peers.map((peer) => this.#asks.ask(peer, { ...init, headOnly: true })))) as Answer[]
    const holders = heads.flatMap((answer, at) => answer.kind === 'hit' ? [{ peer: peers[at]!, head: answer.head }] : [])
      .sort((one, other) => Number(one.head.stale) - Number(other.head.stale) || one.head.ageMs - other.head.ageMs)
    for (const { peer } of holders) {
      const answer = (yield this.#asks.ask(peer, init)) as Answer
      if (answer.kind === 'hit') return found(answer)
    }
    return undefined
  }

  /** Asks one peer whether it has it; when it names others who do, the nearest of those. */
  * #have (job: Job, peer: number, silent: Set<number>, { isHint, racing = false }: { isHint: boolean, racing?: boolean }): Task<Found> {
    const answer = (yield this.#asks.ask(peer, { verb: Verb.Have, flight: job.flight, key: job.key, path: job.path, silent })) as Answer
    if (answer.kind === 'hit') return found(answer)
    if (answer.kind === 'silent') silent.add(peer)
    if (answer.kind !== 'miss' || isHint) return undefined
    return yield * this.#haveOf(job, answer.holders, silent, racing)
  }

  /** Asks the first few of those who are said to hold it and are near enough. */
  * #haveOf (job: Job, holders: readonly number[], silent: Set<number>, racing: boolean): Task<Found> {
    let left = this.#self.settings.routing.holdersAskedMax
    for (const peer of holders) {
      if (!this.#mayAsk(job, peer, silent)) continue
      const worth = this.#patience(peer)
      if (worth !== Patience.Wait && !(racing && worth === Patience.Race)) continue
      if (left-- === 0) return undefined
      const found: Found = yield * this.#have(job, peer, silent, { isHint: true })
      if (found !== undefined) return found
    }
    return undefined
  }

  #farHolder (job: Job, silent: ReadonlySet<number>): number | undefined {
    return this.#peers.holders(job.key).find((peer) => this.#mayAsk(job, peer, silent) && this.#patience(peer) === Patience.Race)
  }

  /** As soon as it fails, nobody may go on waiting for this flight. */
  * #origin (job: Job): Task<Obtained> {
    const { machine, settings: { origin } } = this.#self
    const permit = this.#breaker.pass(machine.nowMs())
    if (permit !== undefined) {
      this.#self.watch.originAsked(this.#self.index, job.flight)
      const got = (yield this.#asks.get(job.flight)) as { readonly head: Head, readonly same: boolean, readonly tookMs: number } | undefined
      if (got !== undefined) {
        this.#breaker.succeed(permit)
        this.ttfbMs = this.ttfbMs === undefined ? got.tookMs : this.ttfbMs + origin.ttfbWeight * (got.tookMs - this.ttfbMs)
        // RFC 9111 section 4.2.3: what the answer took counts as age.
        return { kind: 'arrived', head: { ...got.head, ageMs: got.head.ageMs + got.tookMs }, same: got.same, source: Source.Origin }
      }
      this.#breaker.fail(permit, machine.nowMs())
    }
    job.flight.sink()
    return failed
  }

  #mayAsk (job: Job, peer: number, silent: ReadonlySet<number>): boolean {
    return peer !== this.#self.index && !silent.has(peer) && !job.path.includes(peer)
  }

  #patience (peer: number): Patience {
    return patience(this.#peers.rttMs(peer), this.ttfbMs, this.#self.settings.routing)
  }

  #sleep (delayMs: number): Effect {
    return (resume) => { this.#self.machine.after(delayMs, () => { resume(undefined) }) }
  }
}

function found (answer: Extract<Answer, { kind: 'hit' }>): Obtained {
  return { kind: 'arrived', head: answer.head, same: answer.same, source: Source.Peer }
}
