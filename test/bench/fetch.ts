/**
 * Time to first byte of a small object that another edge holds: from the second edge of the region, and
 * from another region, directly and through its own owner there. Beside them, in the same run and over the
 * same keys, a hit on the edge itself and the origin asked directly.
 */
import { Agent } from 'node:http'
import { spreadOf, type Bench, type BenchOptions, type BenchResult, type Spread } from './bench.ts'
import { detailOf, read } from './client.ts'
import { pathsWhere, placeOf, withRig, type Rig } from './rig.ts'

const objectBytes = 1024
/** Asked first and not counted: compilers warm up, streams between peers open. */
const warmUpKeys = 100

const ways = {
  holder: 'hit on the edge that holds it',
  second: 'second edge of the region',
  near: 'another region, its owner asked',
  far: 'another region, another asked (two hops)',
  origin: 'the origin itself'
} as const
type Way = keyof typeof ways

async function run (rig: Rig, { quick, progress }: BenchOptions): Promise<BenchResult> {
  const keys = quick ? 200 : 1_000
  progress('starting four edges')
  const holder = await rig.spawn({ region: 'east', name: 'east-1' })
  const second = await rig.spawn({ region: 'east', name: 'east-2' })
  const one = await rig.spawn({ region: 'west', name: 'west-1' })
  const other = await rig.spawn({ region: 'west', name: 'west-2' })
  await rig.whole()
  const locate = rig.locate()
  const paths = pathsWhere('/fetch-', keys + warmUpKeys, (path) => {
    const { owner, home } = placeOf(locate, path, 'east')
    return home === 'east' && owner === holder.peer
  })
  for (const path of paths) rig.origin.file(path, objectBytes, { maxAge: 86_400 })
  // One connection for each server, kept: what is measured is the asking, not the connecting.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const samples: Record<Way, number[]> = { holder: [], second: [], near: [], far: [], origin: [] }
  const surprises = new Map<string, number>()
  const surprise = (what: string): void => { surprises.set(what, (surprises.get(what) ?? 0) + 1) }

  for (const path of paths) {
    const got = await read(`${holder.http}${path}`, { agent })
    if (detailOf(got) !== 'origin') surprise(`filling the holder gave ${got.status} ${got.cacheStatus} ${got.error}`)
  }
  progress(`${paths.length} keys are on east-1`)
  const expected = { holder: 'hit', second: 'peer', near: 'peer', far: 'peer', origin: 'other' } as const
  for (const [index, path] of paths.entries()) {
    const westOwner = placeOf(locate, path, 'west').owner
    const [owning, asking] = westOwner === one.peer ? [one, other] : [other, one]
    // Either of them stores what it fetched, so a key measures one of the two.
    const west: [Way, string] = index % 2 === 0 ? ['near', owning.http] : ['far', asking.http]
    const turns: Array<[Way, string]> = [['holder', holder.http], ['second', second.http], west, ['origin', rig.origin.url]]
    for (let turn = 0; turn < turns.length; turn++) {
      // Each way comes first, second, third and last equally often.
      const [way, base] = turns[(turn + index) % turns.length] as [Way, string]
      const got = await read(`${base}${path}`, { agent })
      const right = got.whole && got.status === 200 && got.bytes === objectBytes && detailOf(got) === expected[way]
      if (!right) surprise(`${ways[way]}: ${got.status} ${got.cacheStatus.replace(/ttl=\d+/, 'ttl')} ${got.error}`)
      else if (index >= warmUpKeys) samples[way].push(got.firstByteMs)
    }
  }
  agent.destroy()
  const twice = paths.filter((path) => rig.origin.count(path) > 2).length
  const spreads = Object.fromEntries(Object.entries(samples).map(([way, values]) => [way, spreadOf(values)])) as Record<Way, Spread>
  return {
    title: `time to first byte of ${objectBytes} bytes, one request at a time over a kept connection, ms (aim for the second edge: p50 2, p99 8)`,
    columns: ['asked', 'requests', 'p10', 'p50', 'p90', 'p99', 'max'],
    rows: Object.entries(spreads).map(([way, { count, p10, p50, p90, p99, max }]) =>
      [ways[way as Way], count, ...[p10, p50, p90, p99, max].map((each) => each.toFixed(2))]),
    notes: [
      'The holder owns all keys and is in their home region; the ways take turns over the same keys.',
      `Keys for which the origin was asked again by an edge: ${twice}.`,
      ...[...surprises].map(([what, count]) => `${count} times, and not counted: ${what}`),
      ...rig.faults
    ],
    json: { unit: 'ms', objectBytes, ...spreads, askedAgain: twice, surprises: Object.fromEntries(surprises) }
  }
}

export const fetchBench: Bench = { name: 'fetch', run: async (options) => await withRig(async (rig) => await run(rig, options)) }
