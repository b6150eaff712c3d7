/**
 * What publishing takes by the number of copies: from the first byte of a PUT to its answer, which comes when as many edges
 * have the object on disk, synced. And what a read at each level takes then. One request at a time: a latency, no load.
 */
import { randomBytes } from 'node:crypto'
import { get } from '../support/edges.ts'
import { percentile, rounded, type Bench, type BenchOptions, type BenchResult, type Cell } from './bench.ts'
import { withRig, type Rig } from './rig.ts'

const regions = ['one', 'two', 'three']
const edgesEach = 2
const sizes = [1024, 1024 * 1024] as const

interface Timed { readonly p50: number, readonly p99: number, readonly failed: number }

async function timed (count: number, work: (index: number) => Promise<boolean>): Promise<Timed> {
  const tookMs: number[] = []
  let failed = 0
  for (let index = 0; index < count; index++) {
    const startMs = performance.now()
    if (await work(index)) tookMs.push(performance.now() - startMs)
    else failed++
  }
  return { p50: rounded(percentile(tookMs, 0.5)), p99: rounded(percentile(tookMs, 0.99)), failed }
}

async function run (rig: Rig, { quick, progress }: BenchOptions): Promise<BenchResult> {
  progress(`starting ${regions.length * edgesEach} edges`)
  for (let index = 0; index < edgesEach; index++) {
    for (const region of regions) await rig.spawn({ region, name: `${region}-${index}`, origin: undefined, flags: ['--zone', `zone-${index}`] })
  }
  await rig.whole()
  const [edge] = rig.edges
  const count = quick ? 20 : 200
  const rows: Cell[][] = []
  const json: Array<Record<string, unknown>> = []
  for (const size of sizes) {
    const each = size > 100_000 ? Math.ceil(count / 4) : count
    for (const copies of [1, 2, 3, 4, 5]) {
      const path = (index: number): string => `/bench-${size}-${copies}-${index}`
      const put = async (index: number): Promise<boolean> => {
        const body = randomBytes(size)
        return (await get(`${edge!.admin}/v1/content/default${path(index)}?copies=${copies}`, { 'content-length': String(size) }, 'PUT', body)).status === 201
      }
      await timed(5, async (index) => await put(-1 - index))
      const written = await timed(each, put)
      const reads: Timed[] = []
      for (const level of ['one', 'quorum', 'all']) {
        reads.push(await timed(each, async (index) => (await get(`${edge!.http}${path(index)}`, { 'colony-consistency': level, 'cache-control': 'no-cache' })).body.byteLength === size))
      }
      const failed = written.failed + reads.reduce((sum, read) => sum + read.failed, 0)
      rows.push([size === 1024 ? '1 KiB' : '1 MiB', copies, written.p50.toFixed(1), written.p99.toFixed(1), ...reads.map(({ p50 }) => p50.toFixed(1)), failed])
      json.push({ size, copies, written, one: reads[0], quorum: reads[1], all: reads[2] })
      progress(`${size} bytes, ${copies} copies: ${written.p50} ms`)
    }
  }
  return {
    title: 'publishing one object after another, ms from the request to the answer, and reading it at each level',
    columns: ['size', 'copies', 'PUT p50', 'p99', 'GET one p50', 'quorum', 'all', 'failed'],
    rows,
    notes: [
      `${count} objects of 1 KiB and ${Math.ceil(count / 4)} of 1 MiB for each number of copies; ${regions.length} regions with ${edgesEach} zones each, all on one machine: between real regions add three round trips to a PUT and one to a read by quorum or all.`,
      'A new connection for each request; reads bypass the asked edge\'s cache (no-cache).',
      ...rig.faults
    ],
    json: { results: json }
  }
}

export const publishBench: Bench = { name: 'publish', run: async (options) => await withRig(async (rig) => await run(rig, options)) }
