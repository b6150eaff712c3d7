/** A colony of a few edges in virtual time, for tests that break it. */
import { makeColony, type ColonyOptions, type EdgeColony } from '../../../netsim/world/edge/colony.ts'
import type { Load, Sizes } from '../../../netsim/world/scenario.ts'
import { World, type WorldResult } from '../../../netsim/world/world.ts'

export interface SmallInit extends ColonyOptions {
  readonly seed?: number
  readonly sizes?: Partial<Sizes>
  readonly load?: Partial<Load>
  /** Breaks something, when all is made and nothing has begun. */
  readonly prepare?: (colony: EdgeColony, world: World) => void
}

export const smallSizes: Sizes = Object.freeze({ edges: 6, cities: 2, objects: 200, requests: 3_000, hours: 0.1 })

export function runSmall ({ seed = 20261121, sizes, load, prepare, ...options }: SmallInit): { readonly colony: EdgeColony, readonly result: WorldResult } {
  let colony: EdgeColony | undefined
  const given = { ...smallSizes, ...sizes }
  const world = new World({
    seed,
    sizes: given,
    scenario: { name: 'small', summary: 'a few edges', sizes: given, faults: [], load: { diurnal: 0, churnPerHour: 0, ...load } },
    createColony: (made) => {
      colony = makeColony(made, options)
      return colony
    }
  })
  prepare?.(colony!, world)
  return { colony: colony!, result: world.run() }
}

/** At that time the process on an edge's machine dies, and starts again if `forMs` is given. */
export function crash (world: World, edge: number, atMs: number, forMs?: number): void {
  world.engine.at(atMs, () => {
    world.machine(edge).crash()
    world.tell('onDown', edge, false)
  })
  if (forMs === undefined) return
  world.engine.at(atMs + forMs, () => {
    world.machine(edge).boot()
    world.tell('onUp', edge)
  })
}
