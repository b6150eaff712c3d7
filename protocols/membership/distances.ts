/**
 * How far every member is: measured where there is a link, estimated from network coordinates where there is none, so that whom
 * to fetch from can be chosen among edges that never met. Each measurement of a link also moves this edge's own
 * coordinate (`protocols/coordinates`), which travels in its announcement once it has moved by enough; nothing is sent
 * for coordinates alone.
 */
import { decodeCoordinate, encodeCoordinate, type WireCoordinate } from '../coordinates/coordinate.ts'
import { Vivaldi, type CoordinatesSettings } from '../coordinates/vivaldi.ts'
import { RoundTrips, type RoundTripsInit } from './round-trips.ts'
import type { PeerName } from '../ids.ts'

export interface DistancesInit extends Omit<RoundTripsInit, 'onMeasured'> {
  readonly coordinates?: CoordinatesSettings | undefined
  /** What a member said of itself last. */
  readonly coordinateOf: (peer: PeerName) => WireCoordinate | undefined
  /** This edge's own is to be told anew. */
  readonly onMoved: (coordinate: WireCoordinate) => void
}

export class Distances {
  readonly #init: DistancesInit
  readonly #roundTrips: RoundTrips
  readonly #vivaldi: Vivaldi

  constructor (init: DistancesInit) {
    this.#init = init
    this.#vivaldi = new Vivaldi({ random: init.clock.random, settings: init.coordinates })
    this.#roundTrips = new RoundTrips({ ...init, onMeasured: (peer, rttMs) => { this.#measured(peer, rttMs) } })
  }

  /** The shortest round trip lately, ms; undefined while there is no link or no measurement yet. */
  rttMs (peer: PeerName): number | undefined { return this.#roundTrips.rttMs(peer) }

  /** The same, and where there is none the estimate; undefined where nobody can tell. */
  distanceMs (peer: PeerName): number | undefined {
    const rttMs = this.#roundTrips.rttMs(peer)
    if (rttMs !== undefined) return rttMs
    const coordinate = decodeCoordinate(this.#init.coordinateOf(peer))
    return coordinate === undefined ? undefined : this.#vivaldi.estimateMs(coordinate)
  }

  /** Measures what is due. @returns ms until the next one is */
  async round (signal: AbortSignal): Promise<number> {
    const nextMs = await this.#roundTrips.round(signal)
    const news = this.#vivaldi.news()
    if (news !== undefined) this.#init.onMoved(encodeCoordinate(news))
    return nextMs
  }

  #measured (peer: PeerName, rttMs: number): void {
    const coordinate = decodeCoordinate(this.#init.coordinateOf(peer))
    if (coordinate !== undefined) this.#vivaldi.measured(rttMs, coordinate)
  }
}
