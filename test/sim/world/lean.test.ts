/** The way of a request in a large world, tried in a small one: it keeps the same rules, in good weather and in bad. */
import { describe, expect, it } from 'vitest'
import { makeColony, type EdgeColony } from '../../../netsim/world/edge/colony.ts'
import { scenarioOf } from '../../../netsim/scenarios/index.ts'
import { World, type WorldResult } from '../../../netsim/world/world.ts'
import { runSmall } from './small-colony.ts'

const sizes = { edges: 12, cities: 4, objects: 1_000, requests: 6_000, hours: 0.2 }

function run (name: string, seed: number, packed: boolean): { readonly result: WorldResult, readonly colony: EdgeColony } {
  let colony: EdgeColony | undefined
  const world = new World({
    seed, sizes, scenario: scenarioOf(name)!,
    createColony: (made) => {
      colony = makeColony(made, { packed })
      return colony
    }
  })
  return { result: world.run(), colony: colony! }
}

describe('a lean world', () => {
  it.each(['steady', 'region-loss', 'split-and-heal', 'churn', 'slow-origin', 'thundering-herd', 'rolling-restart'])('breaks no rule in %s', { timeout: 120_000 }, (name) => {
    for (const seed of [1, 2]) expect(run(name, seed, true).result.violations).toEqual([])
  })

  it('repeats to the event', () => {
    expect(run('churn', 3, true).result).toEqual(run('churn', 3, true).result)
  })

  it('hits as often and asks the origin as often as the cores do, within a tenth', () => {
    const [lean, whole] = [run('steady', 1, true).result, run('steady', 1, false).result]
    for (const figure of ['hits', 'originRequests'] as const) {
      expect(lean.counters[figure]! / whole.counters[figure]!).toBeGreaterThan(0.9)
      expect(lean.counters[figure]! / whole.counters[figure]!).toBeLessThan(1.1)
    }
    expect(lean.events).toBeLessThan(whole.events)
  })

  it('ends the run of a store that takes a wrong length', () => {
    const { result } = runSmall({
      packed: true,
      load: { zipf: 1.1 },
      prepare: ({ edges }) => {
        for (const { cache: { copies } } of edges) {
          const put = copies.put.bind(copies)
          copies.put = (object, copy) => put(object, { ...copy, bytes: copy.bytes - 1 })
        }
      }
    })
    expect(result.violations).toMatchObject([{ checker: 'served-bytes' }])
  })
})
