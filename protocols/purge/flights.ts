/**
 * Purges on their way from this edge to others: each is handed on along the branches of the tree until it was taken, or the time is
 * up, and who has applied it is gathered from the answers. A call that is repeated does no harm: whoever has the purge says so
 * again, and says more the second time.
 */
import { sleep, type Clock } from '../clock.ts'
import { codeOf, messageOf } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import type { Call } from '../rpc.ts'
import { decodePassed, encodeAsk } from './messages.ts'
import { purgeIdText } from './selector.ts'
import type { SpreadSettings } from './settings.ts'
import type { SignedPurge } from './signed.ts'
import { Duty, type Branch } from './tree.ts'

export interface FlightsInit {
  readonly clock: Clock
  readonly settings: SpreadSettings
  readonly call: Call
  readonly isMember: (peer: PeerName) => boolean
  /** Measured round trip, ms; undefined where it was not. */
  readonly rttMs: (peer: PeerName) => number | undefined
}

export class Flight {
  readonly signed: SignedPurge
  readonly beganMs: number
  /** By edge: when it was heard that it has applied it, ms after the beginning. */
  readonly applied = new Map<PeerName, number>()
  /** Why an edge would not have it, one sentence. */
  readonly refused = new Map<PeerName, string>()
  /** Told after any of these changed. */
  onChange: (() => void) | undefined
  readonly #given = new Set<string>()
  #open = 0
  #waiting: Array<() => void> = []

  constructor (signed: SignedPurge, beganMs: number) {
    this.signed = signed
    this.beganMs = beganMs
  }

  /** Nobody is waited for any more. */
  get isOver (): boolean { return this.#open === 0 }

  has (peers: readonly PeerName[], nowMs: number): void {
    let isNews = false
    for (const peer of peers) {
      if (this.applied.has(peer)) continue
      this.applied.set(peer, nowMs - this.beganMs)
      this.refused.delete(peer)
      isNews = true
    }
    if (isNews) this.onChange?.()
  }

  refuses (peer: PeerName, why: string): void {
    if (this.applied.has(peer) || this.refused.get(peer) === why) return
    this.refused.set(peer, why)
    this.onChange?.()
  }

  /** @returns whether this is the first time */
  give (peer: PeerName, duty: Duty): boolean {
    const place = `${duty} ${peer}`
    if (this.#given.has(place)) return false
    this.#given.add(place)
    this.#open++
    return true
  }

  gave (): void {
    if (--this.#open > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  /** Resolves when it is over, or after `forMs`. */
  async over (clock: Clock, forMs: number): Promise<void> {
    if (this.isOver) return
    await new Promise<void>((resolve) => {
      const cancel = clock.after(forMs, resolve)
      this.#waiting.push(() => {
        cancel()
        resolve()
      })
    })
  }
}

export class Flights {
  readonly #init: FlightsInit
  readonly #flights = new Map<string, Flight>()
  readonly #ending = new AbortController()

  constructor (init: FlightsInit) { this.#init = init }

  get size (): number { return this.#flights.size }

  /** Begins to hand the purge on, or goes on with it. Without room for another one, nothing is handed on. */
  launch (signed: SignedPurge, branches: readonly Branch[]): Flight {
    const { clock, settings } = this.#init
    const text = purgeIdText(signed.purge.id)
    const known = this.#flights.get(text)
    const flight = known ?? new Flight(signed, clock.nowMs())
    if (known === undefined && (branches.length === 0 || this.#flights.size >= settings.flightsMax || this.#ending.signal.aborted)) return flight
    if (known === undefined) {
      this.#flights.set(text, flight)
      // As long as copies of it may come that would begin it anew.
      clock.after(2 * settings.spreadDeadlineMs, () => { this.#flights.delete(text) })
    }
    const deadlineMs = clock.nowMs() + settings.spreadDeadlineMs
    for (const { duty, first, spare } of branches) {
      const spares = [...spare]
      for (const peer of first) void this.#give(flight, peer, duty, spares, deadlineMs)
    }
    return flight
  }

  stop (): void {
    this.#ending.abort(new Error('the edge is stopping'))
    this.#flights.clear()
  }

  async #give (flight: Flight, peer: PeerName, duty: Duty, spares: PeerName[], deadlineMs: number): Promise<void> {
    if (!flight.give(peer, duty)) return
    const { clock, settings, isMember } = this.#init
    const { signal } = this.#ending
    const gatherMs = duty === Duty.Keep ? 0 : settings.gatherMs
    let [timeoutMs, pauseMs, failures] = [settings.attemptTimeoutMs, settings.retryMs, 0]
    try {
      while (isMember(peer) && clock.nowMs() < deadlineMs && !signal.aborted) {
        try {
          const { head, payload } = encodeAsk({ kind: 'purge', duty, signed: flight.signed })
          const answer = await this.#init.call(peer, head, { ...(payload !== undefined && { payload }), timeoutMs: gatherMs + timeoutMs + 4 * (this.#init.rttMs(peer) ?? 0), signal })
          const { applied, complete } = decodePassed(answer)
          flight.has(applied.filter((each) => each === peer || isMember(each)), clock.nowMs())
          if (complete) return
        } catch (error) {
          if (codeOf(error) === 'COLONY_RPC_REFUSED') flight.refuses(peer, messageOf(error))
          const next = failures++ === 0 ? spares.shift() : undefined
          if (next !== undefined) void this.#give(flight, next, duty, spares, deadlineMs)
          timeoutMs = Math.min(2 * timeoutMs, settings.pageTimeoutMs)
        }
        await sleep(clock, pauseMs * (0.5 + clock.random()), signal)
        pauseMs = Math.min(2 * pauseMs, settings.retryMaxMs)
      }
    } catch {
      // Stopping: the repair goes on at the next start.
    } finally {
      flight.gave()
    }
  }
}
