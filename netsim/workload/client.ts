/**
 * The clients of a workload: decides when requests come (open or closed loop), sends each to an edge of
 * its region, a second time to another one where the first fails, has every byte of the answers verified,
 * and counts. Runs in a process of its own (client-process.ts), so that what it costs is not taken from
 * the edges' turn.
 *
 * In an open loop a request's latency counts from the moment that the Poisson process meant it to start,
 * however late it could be sent (see tally.ts). Node's timers are good for a millisecond, by which such a
 * latency may be too long; the time from the sending, `serviceMs`, is free of it.
 */
import type { Clock } from '../../protocols/clock.ts'
import { Random } from '../random.ts'
import { Content, pathOf } from './content.ts'
import { Demand, evenPhases, type Wanted } from './demand.ts'
import { type EdgePool, EdgePools } from './edge-pools.ts'
import { ask, type Outcome } from './exchange.ts'
import type { Progress, StartCall, Target } from './messages.ts'
import { Tally } from './tally.ts'
import { type Part, Verifier } from './verifier.ts'

export const clientDefaults = Object.freeze({
  /** How often a request is sent again, each time to another edge. Real clients try a second address; 0 shows what a single edge is worth. */
  retriesMax: 1,
  /** For a connection to stand, ms. Lower leaves a dead edge sooner, and takes a busy one for dead. */
  connectTimeoutMs: 1_000,
  /** Without the head of an answer, ms; good for half a second. Lower leaves a paused edge sooner, and gives up on slow origins. */
  headTimeoutMs: 5_000,
  /** Without another byte of a body, ms. As above. */
  silenceTimeoutMs: 5_000,
  /** An idle connection is kept so long, ms. Longer saves connects, shorter saves sockets: there may be one for each edge and more. */
  keepAliveMs: 4_000,
  /** Connections to one edge; what finds all busy waits, and its wait counts. Higher costs the edge memory. */
  connectionsMax: 64,
  /** Requests under way; what comes above it counts as the error `overload`. Bounds this process's memory, some 2 KB each. */
  inFlightMax: 20_000,
  /** Between two reports, ms. */
  reportIntervalMs: 1_000,
  /** For what is under way when the workload stops, ms; what takes longer counts as the error `unfinished`. Above the timeouts of both tries nothing is. */
  drainTimeoutMs: 12_000
})
export type ClientSettings = { readonly [K in keyof typeof clientDefaults]: number }

export interface ClientInit extends StartCall {
  readonly clock: Clock
  readonly onProgress: (progress: Progress) => void
}

interface Request extends Wanted {
  readonly part: Part | undefined
  readonly intendedMs: number
  sentMs: number
  edge: EdgePool | undefined
  tries: number
  firstTryFailed: boolean
  wrongBytes: number
  /** Called at its end, in a closed loop. */
  readonly next: ((right: boolean) => void) | undefined
}

const againStatuses: ReadonlySet<number> = new Set([500, 502, 503, 504])

export class Client {
  readonly #clock: Clock
  readonly #init: ClientInit
  readonly #settings: ClientSettings
  readonly #regions: readonly string[]
  readonly #content: Content
  readonly #demand: Demand
  readonly #times: Random
  readonly #parts: Random
  readonly #edges: EdgePools
  readonly #tally: Tally
  readonly #inFlight = new Set<Request>()
  /** Objects that somebody was given: a copy may be somewhere. */
  readonly #given = new Set<number>()
  /** When the origin was last known to be down; Infinity while it is. */
  #downUntilMs = -Infinity
  readonly #startedMs: number
  readonly #startedCpu = process.cpuUsage()
  #stopping = false
  #onIdle = (): void => {}

  /** Starts at once. */
  constructor (init: ClientInit) {
    const { clock, seed, shape, targets } = init
    const random = new Random(seed).fork('workload')
    this.#init = init
    this.#clock = clock
    this.#settings = { ...clientDefaults, ...init.settings }
    this.#regions = [...new Set(targets.map(({ region }) => region))]
    this.#content = new Content({ seed, ...shape.sizes })
    this.#demand = new Demand({ shape, phases: evenPhases(this.#regions.length), random })
    this.#times = random.fork('times')
    this.#parts = random.fork('parts')
    this.#edges = new EdgePools(this.#settings, random.fork('edges'))
    this.#tally = new Tally(this.#regions)
    this.#edges.update(targets)
    this.#startedMs = clock.nowMs()
    this.#startLoad()
    this.#reportLater()
  }

  update (targets: readonly Target[]): void {
    this.#edges.update(targets)
  }

  /** The origin answers nobody from now on, or does again. */
  origin (down: boolean): void {
    this.#downUntilMs = down ? Infinity : Math.min(this.#downUntilMs, this.#clock.nowMs())
  }

  /** Sends nothing new, waits for what is under way, and tells the end. */
  async stop (): Promise<Progress> {
    this.#stopping = true
    if (this.#inFlight.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve
        this.#clock.after(this.#settings.drainTimeoutMs, resolve)
      })
    }
    for (const request of this.#inFlight) this.#finish(request, 0, 0, { kind: 'failed', error: 'unfinished' })
    const last = this.#progress()
    await this.#edges.destroy()
    return last
  }

  #startLoad (): void {
    const { load } = this.#init.shape
    if (load.kind === 'open') return this.#arriveFrom(this.#startedMs + this.#times.exponential(1000 / load.perSecond), 1000 / load.perSecond)
    const turn = (): void => { this.#begin(this.#clock.nowMs(), rest) }
    const rest = (right: boolean): void => {
      // At once, as no timer is shorter than a millisecond; but not where nobody can be asked.
      if (load.thinkMs === 0 && right) turn()
      else this.#clock.after(this.#times.exponential(load.thinkMs), turn)
    }
    for (let client = 0; client < load.clients; client++) rest(false)
  }

  /** Sends all that is due by now, however late it has become, and comes back for the next. */
  #arriveFrom (firstMs: number, gapMs: number): void {
    let dueMs = firstMs
    const arrive = (): void => {
      for (const nowMs = this.#clock.nowMs(); dueMs <= nowMs && !this.#stopping; dueMs += this.#times.exponential(gapMs)) this.#begin(dueMs, undefined)
      if (!this.#stopping) this.#clock.after(Math.max(0, dueMs - this.#clock.nowMs()), arrive)
    }
    arrive()
  }

  #begin (intendedMs: number, next: Request['next']): void {
    if (this.#stopping) return
    const wanted = this.#demand.draw(intendedMs - this.#startedMs)
    const request: Request = { ...wanted, part: this.#part(wanted.object), intendedMs, sentMs: 0, edge: undefined, tries: 0, firstTryFailed: false, wrongBytes: 0, next }
    const full = this.#inFlight.size >= this.#settings.inFlightMax
    this.#inFlight.add(request)
    if (full) this.#finish(request, 0, 0, { kind: 'failed', error: 'overload' })
    else this.#try(request)
  }

  /** @returns undefined for a request for the whole */
  #part (object: number): Part | undefined {
    if (!this.#parts.chance(this.#init.shape.ranges)) return undefined
    const length = this.#content.sizes.of(object)
    const start = this.#parts.int(length)
    return { start, end: start + 1 + this.#parts.int(length - start) }
  }

  #try (request: Request): void {
    const { region, object, part } = request
    const edge = this.#edges.pick(this.#regions[region]!, request.edge)
    if (edge === undefined) return this.#finish(request, 0, 0, { kind: 'failed', error: 'no-edge' })
    request.edge = edge
    request.tries++
    request.sentMs = this.#clock.nowMs()
    const verifier = new Verifier(this.#content, object, part)
    ask(edge.pool, pathOf(object), part, verifier, (outcome) => { this.#tried(request, verifier, outcome) })
  }

  #tried (request: Request, verifier: Verifier, outcome: Outcome): void {
    // Counted as unfinished, and cut by that.
    if (!this.#inFlight.has(request)) return
    if (outcome.kind !== 'right' && request.tries === 1) request.firstTryFailed = true
    if (outcome.kind === 'failed') request.wrongBytes += verifier.cut()
    // A wrong answer is not asked for again: nobody could tell.
    const again = outcome.kind === 'failed' || (outcome.kind === 'refused' && againStatuses.has(verifier.status))
    if (again && request.tries <= this.#settings.retriesMax) this.#try(request)
    else this.#finish(request, verifier.status, verifier.bytes, outcome)
  }

  #finish (request: Request, status: number, bytes: number, outcome: Outcome | { kind: 'failed', error: string }): void {
    const { region, object, edge, intendedMs, sentMs, firstTryFailed, wrongBytes } = request
    const nowMs = this.#clock.nowMs()
    const told = outcome.kind === 'wrong' ? { ...outcome, what: `${edge?.target.http}${pathOf(object)} by ${edge?.target.name}: ${outcome.what}` } : outcome
    if (outcome.kind === 'right') this.#given.add(object)
    this.#tally.finished({
      unanswerable: outcome.kind !== 'wrong' && this.#downUntilMs >= intendedMs && !this.#given.has(object),
      region, status, bytes, wrongBytes, outcome: told, latencyMs: nowMs - intendedMs, serviceMs: nowMs - sentMs,
      firstTryFailed: firstTryFailed || request.tries === 0 || (outcome.kind !== 'right' && request.tries === 1)
    })
    this.#inFlight.delete(request)
    request.next?.(outcome.kind === 'right')
    if (this.#stopping && this.#inFlight.size === 0) this.#onIdle()
  }

  #reportLater (): void {
    this.#clock.after(this.#settings.reportIntervalMs, () => {
      if (this.#stopping) return
      this.#init.onProgress(this.#progress())
      this.#reportLater()
    })
  }

  #progress (): Progress {
    const { user, system } = process.cpuUsage(this.#startedCpu)
    return this.#tally.report(this.#clock.nowMs() - this.#startedMs, this.#inFlight.size, (user + system) / 1000)
  }
}
