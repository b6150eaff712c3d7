/**
 * How fast a purge reaches a colony of 300 edges on three continents, in virtual time. Times are printed; what is asserted is that
 * every edge gets there, and the design's bounds, which virtual time makes the same in every run.
 */
import { describe, expect, it } from 'vitest'
import { purgeIdText } from '../../../protocols/purge/selector.ts'
import { World, type SimEdge } from './world.ts'

const regions = ['america', 'asia', 'europe']
const selectors = [{ kind: 'tag', tag: 'news' }] as const

async function colony (size: number, seed: number): Promise<World> {
  const world = new World({ seed })
  for (let index = 0; index < size; index++) world.add(`peer${String(index * 7_919 % 1_000).padStart(3, '0')}x${index}`, regions[index % regions.length]!)
  for (const edge of world.edges.values()) await world.start(edge)
  await world.until(() => world.up().every(({ purges }) => purges!.isCurrent()), 60_000, 100)
  return world
}

/** How long after the order each edge had applied it, ms, ascending. */
async function purge (world: World, from: SimEdge): Promise<{ times: number[], receiptMs: number, state: string }> {
  const beganMs = world.clock.nowMs()
  let receiptMs = Infinity
  let state = ''
  let id = ''
  void from.purges!.purge({ selectors, soft: false, wait: 'all', timeoutMs: 30_000 }).then((receipt) => {
    receiptMs = world.clock.nowMs() - beganMs
    state = receipt.state
    id = purgeIdText(receipt.id)
  })
  await world.until(() => state !== '', 40_000)
  return { times: world.up().map(({ applied }) => (applied.get(id) ?? Infinity) - beganMs).sort((one, other) => one - other), receiptMs, state }
}

function at (times: readonly number[], share: number): number { return times[Math.min(times.length - 1, Math.ceil(times.length * share) - 1)]! }

/** Several purges, each from another edge. */
async function several (world: World, count: number): Promise<{ times: number[], receiptMs: number, states: string[] }> {
  const times: number[] = []
  const states: string[] = []
  let last = 0
  for (let round = 0; round < count; round++) {
    const { times: each, receiptMs, state } = await purge(world, world.up()[round * 37 % world.up().length]!)
    times.push(...each)
    states.push(state)
    last = Math.max(last, receiptMs)
  }
  return { times: times.sort((one, other) => one - other), receiptMs: last, states }
}

describe('a purge in a colony of 300 edges on three continents', () => {
  it('is applied everywhere within the design\'s bounds, and the receipt says so, also where one message in twenty is lost', async () => {
    const world = await colony(300, 1)
    expect(world.up().filter(({ purges }) => !purges!.isCurrent())).toEqual([])
    const calm = await several(world, 4)
    console.log(`300 edges: applied p50 ${at(calm.times, 0.5).toFixed(0)} ms, p99 ${at(calm.times, 0.99).toFixed(0)} ms, last ${calm.times.at(-1)!.toFixed(0)} ms; receipts within ${calm.receiptMs.toFixed(0)} ms`)
    expect(calm.states).toEqual(Array.from({ length: 4 }, () => 'applied'))
    expect(at(calm.times, 0.5)).toBeLessThanOrEqual(100)
    expect(at(calm.times, 0.99)).toBeLessThanOrEqual(250)

    world.loss = 0.05
    const lossy = await several(world, 4)
    console.log(`300 edges, 5 % of messages lost: applied p50 ${at(lossy.times, 0.5).toFixed(0)} ms, p99 ${at(lossy.times, 0.99).toFixed(0)} ms, p99.9 ${at(lossy.times, 0.999).toFixed(0)} ms, last ${lossy.times.at(-1)!.toFixed(0)} ms; receipts within ${lossy.receiptMs.toFixed(0)} ms`)
    expect(lossy.states).toEqual(Array.from({ length: 4 }, () => 'applied'))
    expect(at(lossy.times, 0.999)).toBeLessThanOrEqual(1_500)
  }, 180_000)
})
