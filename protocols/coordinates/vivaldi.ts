/**
 * An edge's own network coordinate, as a pure core: each measured round trip to another edge pulls or pushes it as a spring would, so
 * that distances between coordinates come to be round trips, also of pairs that never measured each other
 * (Vivaldi, Dabek and others 2004, section 3.4: the adaptive timestep, weighted by both errors; section 5.4: heights). What is
 * fed in should be free of queueing: membership's shortest of the last few round trips serves as the filter that
 * Ledlie, Gardner and Seltzer 2007 ("Network Coordinates in the Wild") found to matter most. From there comes, too,
 * that a coordinate is told anew only when it has moved by enough to mean something, and a slight pull to the
 * middle against the drift of the whole. Chance is a parameter.
 *
 * Peers lie. A sample moves the coordinate by at most `moveShareMax` of `pullMaxMs`, whatever the other claims, so an absurd coordinate
 * throws it nowhere; an error is believed within bounds.
 */
import { dimensions, errorMax, errorMin, estimateMs, reachMaxMs, type Coordinate } from './coordinate.ts'

export const coordinatesDefaults = Object.freeze({
  /**
   * The paper's c_c, the most of a spring's error that one sample takes back. Higher: there sooner, and less at rest. The paper has 0.25
   * and many samples; here a link is measured eight times in its first four minutes and then every other minute.
   */
  moveShareMax: 0.5,
  /** The paper's c_e, the most that one sample counts in the estimate of the own error. */
  errorShareMax: 0.25,
  /** Longest round trip that is taken for a distance, ms: longer ones are queues, or a peer that answers late on purpose. */
  rttMaxMs: 1_000,
  /** The most of a spring's error that one sample counts for, ms: what an absurd coordinate can do. Lower: slower to settle. */
  pullMaxMs: 100,
  /**
   * Shorter round trips count as this one when an error is made relative, ms: between edges of one site the error of what lies
   * oceans apart would always look large, and nothing is decided by it. Higher: edges take themselves for surer than they are.
   */
  nearMs: 16,
  /** Where the pull to the middle would move by 1 ms a sample, ms from it; it grows with the square. Lower: less drift, distances that come out short. */
  gravityMs: 500,
  /** Told anew when it has moved by this share of the usual measured round trip since it was told. Lower: others know it better, more announcements. */
  announceStep: 0.1,
  /** Shortest such move, ms: below it no ranking changes. */
  announceMinMs: 4,
  /** Above this error, of either side, there is no estimate: a guess would be worse than none. */
  usableErrorMax: 0.5
})
export type CoordinatesSettings = { readonly [K in keyof typeof coordinatesDefaults]: number }

/** Of an edge that has measured nothing: in the middle, and not to be believed. */
export const nowhere: Coordinate = Object.freeze({ position: Object.freeze(new Array<number>(dimensions).fill(0)), heightMs: 1, error: errorMax })

/** Of nothing no share could be added or taken. */
const heightMinMs = 0.05
/** Nearer, there is no direction from one to the other. */
const tinyMs = 1e-6

/** Of the measured round trips: the last 16 or so count. */
const usualShare = 1 / 16

export class Vivaldi {
  readonly #settings: CoordinatesSettings
  readonly #random: () => number
  #own: Coordinate = nowhere
  #told: Coordinate = nowhere
  #usualMs: number | undefined

  /** @param init.random uniform in [0, 1) */
  constructor ({ random, settings = coordinatesDefaults }: { readonly random: () => number, readonly settings?: CoordinatesSettings | undefined }) {
    this.#random = random
    this.#settings = settings
  }

  get own (): Coordinate { return this.#own }

  /** A round trip to an edge, and what it says of itself. */
  measured (rttMs: number, other: Coordinate): void {
    const { moveShareMax, errorShareMax, rttMaxMs, nearMs, pullMaxMs } = this.#settings
    if (!(rttMs >= 0 && rttMs <= rttMaxMs)) return
    this.#usualMs = this.#usualMs === undefined ? rttMs : this.#usualMs + (rttMs - this.#usualMs) * usualShare
    const wrongMs = rttMs - estimateMs(this.#own, other)
    const weight = this.#own.error / (this.#own.error + other.error)
    const wrong = Math.min(errorMax, Math.abs(wrongMs) / Math.max(rttMs, nearMs))
    const error = clamp(this.#own.error + (wrong - this.#own.error) * errorShareMax * weight, errorMin, errorMax)
    const moved = this.#moved(other, moveShareMax * weight * clamp(wrongMs, -pullMaxMs, pullMaxMs))
    this.#own = this.#drawn({ ...moved, error })
  }

  /** @returns the round trip to an edge, ms; undefined where it, or this edge, does not know well enough where it is */
  estimateMs (other: Coordinate): number | undefined {
    const { usableErrorMax } = this.#settings
    return Math.max(this.#own.error, other.error) > usableErrorMax ? undefined : estimateMs(this.#own, other)
  }

  /** @returns the coordinate, where it is to be told anew; it counts as told then */
  news (): Coordinate | undefined {
    const { announceStep, announceMinMs } = this.#settings
    const movedMs = Math.hypot(...this.#own.position.map((each, index) => each - this.#told.position[index]!), this.#own.heightMs - this.#told.heightMs)
    const surer = this.#told.error / this.#own.error
    if (movedMs <= Math.max(announceMinMs, announceStep * (this.#usualMs ?? 0)) && surer < 2 && surer > 0.5) return undefined
    return this.#told = this.#own
  }

  /** Away from the other by so many ms, or towards it. In one place a direction is drawn. */
  #moved (other: Coordinate, byMs: number): Coordinate {
    const { position, heightMs, error } = this.#own
    const away = position.map((each, index) => each - other.position[index]!)
    const planeMs = Math.hypot(...away)
    const distanceMs = planeMs + heightMs + other.heightMs
    const direction = planeMs < tinyMs ? this.#direction() : away.map((each) => each / distanceMs)
    return {
      error,
      position: position.map((each, index) => each + direction[index]! * byMs),
      heightMs: heightMs + (heightMs + other.heightMs) / distanceMs * byMs
    }
  }

  #direction (): number[] {
    const drawn = nowhere.position.map(() => this.#random() - 0.5)
    const length = Math.max(tinyMs, Math.hypot(...drawn))
    return drawn.map((each) => each / length)
  }

  /** Pulled to the middle, and within bounds. */
  #drawn ({ position, heightMs, error }: Coordinate): Coordinate {
    const outMs = Math.hypot(...position)
    const pull = outMs === 0 ? 1 : Math.max(0, 1 - outMs / this.#settings.gravityMs ** 2)
    return { error, position: position.map((each) => clamp(each * pull, -reachMaxMs, reachMaxMs)), heightMs: clamp(heightMs, heightMinMs, reachMaxMs) }
  }
}

function clamp (value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value))
}
