/** What directories cost a region of ten edges, in virtual time. */
import { describe, expect, it } from 'vitest'
import { keyOf, World } from './world.ts'

const edges = 10

async function region (): Promise<World> {
  const world = new World({ seed: 20261121, pointsPerWeight: 1_024 })
  for (let index = 0; index < edges; index++) world.join(`edge ${index}`)
  await world.clock.advance(5_000)
  return world
}

/** Bytes sent a second by the edge that sends most, answers included. */
async function during (world: World, seconds: number, work: (second: number) => Promise<void>): Promise<number> {
  for (const edge of world.edges.values()) edge.bytesOut = 0
  for (let second = 0; second < seconds; second++) await work(second)
  return Math.max(...Array.from(world.edges.values(), ({ bytesOut }) => bytesOut)) / seconds
}

describe('the traffic of directories', () => {
  it('stays below 12 KB a second for each edge at 1,000 fills and as many drops a second in the region', async () => {
    const world = await region()
    const bytes = await during(world, 5, async (second) => {
      for (let index = 0; index < 1_000; index++) {
        const name = `edge ${index % edges}`
        world.hold(name, keyOf(1_000 * second + index))
        if (second > 0) world.drop(name, keyOf(1_000 * (second - 1) + index))
        if (index % 10 === 9) await world.clock.advance(10)
      }
    })
    expect(bytes).toBeLessThan(12_000)
  })

  it('stays below 100 bytes a second for each edge while nothing changes', async () => {
    const world = await region()
    for (let index = 0; index < 1_000; index++) world.hold(`edge ${index % edges}`, keyOf(index))
    await world.clock.advance(5_000)
    expect(await during(world, 60, async () => { await world.clock.advance(1_000) })).toBeLessThan(100)
  })
})
