/** A colony of a few edges in virtual time, for tests that break it. */
import { limitDefaults, type MakeChecker } from '../../../netsim/world/checkers/edge-checker.ts'
import { worldDefaults } from '../../../netsim/world/edge/settings.ts'
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

/** A colony that is broken in the way that one checker is there for. */
export interface Case extends SmallInit {
  readonly checker: MakeChecker
  /** What is wrong with an edge, as the end of a test's title. */
  readonly broken: string
  /** What the checker's sentence says. */
  readonly says: RegExp
}

export function nameOf ({ checker }: Case): string {
  return checker({ edges: [], settings: worldDefaults, limits: limitDefaults } as never).name
}

/** What this checker alone finds. */
export function findings ({ checker, says: _says, broken: _broken, ...init }: Case): WorldResult['violations'] {
  return runSmall({ ...init, checkers: [checker] }).result.violations
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
