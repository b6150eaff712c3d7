/**
 * What the directories of a region cost each of its edges: bytes sent a second by the edge that sends most, calls
 * and answers as they stand on the wire. In virtual time, with real directories and no sockets, so the figures
 * do not depend on the machine.
 */
import { keyOf, World } from '../sim/directory/world.ts'
import type { Bench, BenchOptions, BenchResult, Cell } from './bench.ts'

const edges = 10

async function sent (seed: number, seconds: number, fillsPerSecond: number, drops: boolean): Promise<number> {
  const world = new World({ seed, pointsPerWeight: 1_024 })
  for (let index = 0; index < edges; index++) world.join(`edge ${index}`)
  await world.clock.advance(5_000)
  for (const edge of world.edges.values()) edge.bytesOut = 0
  for (let second = 0; second < seconds; second++) {
    for (let index = 0; index < fillsPerSecond; index++) {
      const name = `edge ${index % edges}`
      world.hold(name, keyOf(fillsPerSecond * second + index))
      if (drops && second > 0) world.drop(name, keyOf(fillsPerSecond * (second - 1) + index))
      if (index % (fillsPerSecond / 100) === fillsPerSecond / 100 - 1) await world.clock.advance(10)
    }
    if (fillsPerSecond === 0) await world.clock.advance(1_000)
  }
  return Math.max(...Array.from(world.edges.values(), ({ bytesOut }) => bytesOut)) / seconds
}

async function run ({ quick, seed, progress }: BenchOptions): Promise<BenchResult> {
  const seconds = quick ? 3 : 10
  const rows: Cell[][] = []
  const json: Record<string, number> = {}
  for (const [what, fills, drops] of [
    ['nothing changes', 0, false],
    ['1,000 fills a second in the region', 1_000, false],
    ['1,000 fills and as many drops a second in the region', 1_000, true],
    ['1,000 fills a second at each edge', 1_000 * edges, false],
    ['1,000 fills and as many drops a second at each edge', 1_000 * edges, true]
  ] as const) {
    progress(what)
    const bytes = await sent(seed, fills === 0 ? 60 : seconds, fills, drops)
    rows.push([what, (bytes / 1_000).toFixed(2)])
    json[what] = bytes
  }
  return {
    title: `directory traffic for each of ${edges} edges of a region, KB sent a second by the one that sends most`,
    columns: ['load', 'KB/s'],
    rows,
    notes: [],
    json
  }
}

export const contentDirectoryBench: Bench = { name: 'directory', run }
