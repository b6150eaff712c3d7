/** An edge that starts anew has lost its directory: the others of its region tell it everything again, as the daemon's do, without waiting for a refresh. */
import { expect, it } from 'vitest'
import { worldDefaults } from '../../../netsim/world/edge/settings.ts'
import type { Edge } from '../../../netsim/world/edge/edge.ts'
import type { ContentKey } from '../../../protocols/ids.ts'
import { crash, runSmall } from '../../sim/world/small-colony.ts'

const restartMs = 120_000
const forMs = 1_000
const toldWithinMs = 15_000

/** Keys that an edge of the region holds and `owner` owns: those of which its directory knows the holder, and all. */
function told (owner: Edge, edges: readonly Edge[], keyOf: (object: number) => ContentKey): readonly [known: number, all: number] {
  let known = 0
  let all = 0
  for (const holder of edges) {
    if (holder === owner || holder.region !== owner.region) continue
    for (const object of holder.cache.copies.objects()) {
      if (holder.owner(keyOf(object)) !== owner.index) continue
      all++
      if (owner.holdings.known(keyOf(object)).includes(holder.peer)) known++
    }
  }
  return [known, all]
}

it('an owner that is back before anybody missed it is told at once what the others hold', () => {
  expect(toldWithinMs).toBeLessThan(worldDefaults.directory.refreshIntervalMs / 4)
  let before: readonly [number, number] = [0, 0]
  let after = before
  runSmall({
    load: { storeShare: 1 },
    sizes: { edges: 4, cities: 1, requests: 4_000, hours: 0.05 },
    prepare: ({ edges, objects }, world) => {
      const owner = edges[0]!
      const look = (): readonly [number, number] => told(owner, edges, (object) => objects.key(object))
      // Nothing new is told meanwhile: what was is all that there is.
      world.engine.at(restartMs - 1, () => {
        before = look()
        for (const edge of edges) edge.arrive = () => {}
      })
      crash(world, owner.index, restartMs, forMs)
      world.engine.at(restartMs + forMs + toldWithinMs, () => {
        expect(edges.map(({ members }) => members.expired)).toEqual([0, 0, 0, 0])
        after = look()
      })
    }
  })
  expect(before[0]).toBeGreaterThan(20)
  expect(after[1]).toBeGreaterThan(20)
  expect(after[0]).toBe(after[1])
})
