/**
 * The teller's side of warming: a list of URLs, and for each the edges that are to have it, asked one after the
 * other and their answers joined to one result. Results go out as they come; the job goes no faster than
 * they are taken, and ends with whoever reads them. All jobs of an edge share one limit.
 */
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../protocols/clock.ts'
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { Call } from '../../protocols/rpc.ts'
import { warmAt } from '../../protocols/warm/asker.ts'
import { decodeAsk, encodeAnswer, isOver, WarmState, type WarmAnswer, type WarmAsk, type WarmOutcome, type WarmSource } from '../../protocols/warm/messages.ts'
import { planWarm, type WarmOwners, type WarmTarget } from '../../protocols/warm/plan.ts'
import type { Sites } from '../cache/sites.ts'
import { Places } from '../origin/places.ts'
import type { WarmSettings } from './settings.ts'
import { meant } from './urls.ts'

/** What came of one URL at one edge. */
export interface WarmCopy {
  readonly edge: string
  readonly peer: PeerName
  readonly region: Region
  readonly outcome: WarmOutcome
  /** Body bytes that came to it. */
  readonly bytes: number
  readonly status?: number
  readonly source?: WarmSource
  readonly why?: string
}

export interface WarmResult {
  readonly kind: 'result'
  readonly url: string
  /** The worst of its copies': failed, not storable, stored, held. */
  readonly outcome: WarmOutcome
  /** Of the copy that decided. */
  readonly why?: string
  /** Body bytes that came to all of its edges. */
  readonly bytes: number
  readonly durationMs: number
  readonly copies: readonly WarmCopy[]
}

export interface WarmProgress {
  readonly kind: 'progress'
  readonly done: number
  readonly of: number
  /** Body bytes so far, those of running fetches too. */
  readonly bytes: number
}

export type WarmLine = WarmResult | WarmProgress

export interface WarmJob {
  readonly urls: readonly string[]
  /** Where to; all regions when absent. */
  readonly regions?: readonly Region[]
  readonly copies: number
  /** URLs at work at once. */
  readonly concurrency: number
}

export interface WarmJobsInit {
  readonly call: Call
  /** This edge's own warmer: one need not call oneself. */
  readonly self: { warm: (ask: WarmAsk, signal: AbortSignal) => Promise<WarmAnswer> }
  readonly selfName: PeerName
  readonly locate: WarmOwners & { regions: () => readonly Region[] }
  readonly sites: Sites
  readonly member: (peer: PeerName) => { readonly name: string } | undefined
  readonly clock: Clock
  readonly settings: WarmSettings
}

const severity: readonly WarmOutcome[] = [WarmState.Held, WarmState.Stored, WarmState.NotStorable, WarmState.Failed]

/** A URL at work: bytes so far, by target. */
type Received = Map<PeerName, number>

export class WarmJobs {
  readonly #init: WarmJobsInit
  readonly #places: Places
  readonly #running = new Set<AbortController>()

  constructor (init: WarmJobsInit) {
    this.#init = init
    const { warmUrlsAtOnceMax, warmJobsMax } = init.settings
    // A job waits for as long as it takes: its reader may leave.
    this.#places = new Places({ concurrentMax: warmUrlsAtOnceMax, queueMax: warmUrlsAtOnceMax * warmJobsMax, queueWaitMs: 2 ** 31 - 1 }, init.clock)
  }

  get running (): number { return this.#running.size }

  /** Ends all. May be called twice. */
  stop (): void {
    for (const controller of this.#running) controller.abort(new DOMException('the edge is stopping', 'AbortError'))
    this.#places.close()
  }

  /** Runs a job as its lines are read; ending their iteration, or `signal`, ends it. */
  async * run (job: WarmJob, signal: AbortSignal): AsyncGenerator<WarmLine> {
    const { clock, settings } = this.#init
    const controller = new AbortController()
    const stop = (): void => { controller.abort(signal.reason) }
    const working = new Map<number, Received>()
    const finished: WarmResult[] = []
    let bell = Promise.withResolvers<void>()
    const id = randomUUID()
    let begun = 0
    let done = 0
    let bytes = 0
    const begin = (url: string, at: number): void => {
      const received: Received = new Map()
      working.set(at, received)
      void this.#warm(url, { ...job, id }, received, controller.signal).then((result) => { finished.push(result) }, (error) => { controller.abort(error) }).finally(() => {
        working.delete(at)
        bell.resolve()
      })
    }
    this.#running.add(controller)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      let toldAtMs = clock.nowMs()
      while (done < job.urls.length) {
        controller.signal.throwIfAborted()
        for (let url = job.urls[begun]; url !== undefined && working.size + finished.length < job.concurrency; url = job.urls[begun]) begin(url, begun++)
        const result = finished.shift()
        if (result !== undefined) {
          done++
          bytes += result.bytes
          yield result
        } else if (clock.nowMs() - toldAtMs >= settings.warmProgressMs) {
          toldAtMs = clock.nowMs()
          yield { kind: 'progress', done, of: job.urls.length, bytes: bytes + sum([...working.values()].flatMap((received) => [...received.values()])) }
        } else {
          const cancel = clock.after(settings.warmProgressMs, bell.resolve)
          await bell.promise.finally(cancel)
          bell = Promise.withResolvers<void>()
        }
      }
    } finally {
      signal.removeEventListener('abort', stop)
      this.#running.delete(controller)
      controller.abort(new DOMException('the job is over', 'AbortError'))
    }
  }

  /** @throws the signal's reason alone */
  async #warm (url: string, job: WarmJob & { readonly id: string }, received: Received, signal: AbortSignal): Promise<WarmResult> {
    const { clock, locate, sites } = this.#init
    const taken = await this.#places.take(signal)
    signal.throwIfAborted()
    if (taken.kind !== 'place') throw new DOMException('the edge is stopping', 'AbortError')
    const startMs = clock.nowMs()
    try {
      const result = (outcome: WarmOutcome, copies: readonly WarmCopy[], why?: string): WarmResult => (
        { kind: 'result', url, outcome, why, bytes: sum(copies.map(({ bytes }) => bytes)), durationMs: Math.round(clock.nowMs() - startMs), copies }
      )
      const found = meant(sites, url)
      if (found.kind === 'nothing') return result(WarmState.Failed, [], found.why)
      const { site, target, host, key } = found.located
      const [first, ...others] = planWarm(locate, key, new Set(job.regions ?? locate.regions()), job.copies)
      if (first === undefined) return result(WarmState.Failed, [], 'no edge is left in the regions that it is for')
      const at = async (each: WarmTarget): Promise<WarmCopy> => await this.#at(each, { site: site.name, target, host, job: job.id }, received, signal)
      const ahead = await at(first)
      // Its origin has spoken: the others would hear the same.
      const decided = ahead.outcome === WarmState.NotStorable || (ahead.status ?? 0) >= 400
      const copies = decided ? [ahead] : [ahead, ...await Promise.all(others.map(at))]
      const worst = copies.reduce((one, other) => severity.indexOf(other.outcome) > severity.indexOf(one.outcome) ? other : one)
      return result(worst.outcome, copies, worst.why)
    } finally {
      taken.leave()
    }
  }

  async #at ({ peer, region }: WarmTarget, ask: WarmAsk, received: Received, signal: AbortSignal): Promise<WarmCopy> {
    const { member } = this.#init
    const edge = member(peer)?.name ?? peer
    const answer = await warmAt({ ...this.#init, call: this.#call, isMember: (each) => member(each) !== undefined }, peer, ask, signal, ({ bytes }) => { received.set(peer, bytes) })
    const { state, bytes, status, source, why } = answer
    received.set(peer, bytes)
    if (!isOver(state)) throw new TypeError(`warming ended as ${state}`)
    return { edge, peer, region, outcome: state, bytes, status, source, why }
  }

  readonly #call: Call = async (peer, head, options) => {
    const { call, self, selfName } = this.#init
    if (peer !== selfName) return await call(peer, head, options)
    const answer = await self.warm(decodeAsk({ head: head as Record<string, unknown> }), options?.signal ?? new AbortController().signal)
    return { head: encodeAnswer(answer) as Record<string, unknown>, payload: new Uint8Array(0) }
  }
}

function sum (numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
