/**
 * Where each request of a workload comes from and what it asks for, as a function of the time since the
 * start: popularity with its churn, a flash crowd for one object, and a day that moves round the regions.
 * Pure: the same seed and times give the same requests. When requests come is the client's part.
 */
import type { Random } from '../random.ts'
import { Popularity } from './popularity.ts'
import type { Shape } from './shape.ts'

export interface DemandInit {
  readonly shape: Shape
  /** Where in its day each region stands at the start, 0 to 1; a longitude divided by 360 is one. */
  readonly phases: readonly number[]
  readonly random: Random
}

export interface Wanted {
  /** Index of the region that asks. */
  readonly region: number
  readonly object: number
}

export class Demand {
  /** What the crowd asks for. */
  readonly flashObject: number
  readonly #shape: Shape
  readonly #phases: readonly number[]
  readonly #popularity: Popularity
  readonly #random: Random

  constructor ({ shape, phases, random }: DemandInit) {
    this.#shape = shape
    this.#phases = phases
    this.#popularity = new Popularity({ ...shape, random: random.fork('popularity') })
    this.#random = random.fork('demand')
    this.flashObject = random.fork('flash').int(shape.objects)
  }

  /** @param nowMs since the start; never goes back */
  draw (nowMs: number): Wanted {
    const region = this.#region(nowMs)
    const { flash } = this.#shape
    const crowded = flash !== undefined && nowMs >= flash.afterMs && nowMs < flash.afterMs + flash.durationMs
    return { region, object: crowded && this.#random.chance(flash.share) ? this.flashObject : this.#popularity.draw(nowMs) }
  }

  /** By rejection: regions are drawn alike, and kept as often as their hour of the day says. */
  #region (nowMs: number): number {
    while (true) {
      const region = this.#random.int(this.#phases.length)
      const { diurnal } = this.#shape
      if (diurnal === undefined) return region
      const weight = 1 + diurnal.amplitude * Math.sin(2 * Math.PI * (nowMs / diurnal.dayMs + (this.#phases[region] ?? 0)))
      if (this.#random.chance(weight / (1 + diurnal.amplitude))) return region
    }
  }
}

/** Regions spread evenly round the globe: their shares then always sum up to the same. */
export function evenPhases (regions: number): number[] {
  return Array.from({ length: regions }, (_, region) => region / regions)
}
