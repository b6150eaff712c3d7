/**
 * An object much larger than the memory tier, through an edge that does not own it: how much memory each
 * edge takes at most, how fast it comes, and that it is the same at the other end. The object is made while it is
 * sent (AES in counter mode over zeros), so nobody ever holds it.
 */
import { createCipheriv, createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { median, rounded, type Bench, type BenchOptions, type BenchResult, type Cell } from './bench.ts'
import { detailOf, read } from './client.ts'
import { pathsWhere, placeOf, residentBytes, withRig, type Rig } from './rig.ts'

const memoryBytesMax = 64 * 1024 * 1024
const chunkBytes = 256 * 1024

/** The same bytes for the same name, always; as fast as a core encrypts. */
function * bodyOf (name: string, length: number): Generator<Buffer> {
  const key = createHash('sha256').update(name).digest().subarray(0, 16)
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16))
  const zeros = Buffer.alloc(chunkBytes)
  for (let at = 0; at < length; at += chunkBytes) yield cipher.update(zeros.subarray(0, Math.min(chunkBytes, length - at)))
}

function serve (rig: Rig, path: string, length: number): string {
  const digest = createHash('sha256')
  for (const chunk of bodyOf(path, length)) digest.update(chunk)
  const hash = digest.digest('hex')
  rig.origin.on(path, async (_request, response) => {
    response.writeHead(200, { 'content-length': length, 'cache-control': 'max-age=86400', etag: `"${hash.slice(0, 16)}"` })
    for (const chunk of bodyOf(path, length)) {
      if (response.destroyed) return
      if (!response.write(chunk)) await writableAgain(response)
    }
    response.end()
  })
  return hash
}

/** Drained, or gone. */
async function writableAgain (response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}

const steps = {
  origin: 'the origin itself',
  cold: 'through an edge that does not own it, cold',
  again: 'the same edge again (from its disk)',
  owner: 'the owner (from its disk)',
  third: 'the third edge (from the owner\'s disk)'
} as const
type Step = keyof typeof steps

async function run (rig: Rig, { quick, progress }: BenchOptions): Promise<BenchResult> {
  const length = (quick ? 256 : 1024) * 1024 * 1024
  const rounds = quick ? 1 : 3
  progress('starting three edges')
  const settings = { store: { memoryBytesMax } }
  for (const name of ['owner', 'asked', 'third']) await rig.spawn({ region: 'one', name, settings })
  await rig.whole()
  const [owner, asked, third] = rig.edges as [typeof rig.edges[0], typeof rig.edges[0], typeof rig.edges[0]]
  const locate = rig.locate()
  const memory = async (): Promise<Array<{ now: number, peak: number }>> => await Promise.all(rig.edges.map(residentBytes))
  const rest = await memory()
  const rates: Record<Step, number[]> = { origin: [], cold: [], again: [], owner: [], third: [] }
  const peaks: Record<Step, number[]> = { origin: [], cold: [], again: [], owner: [], third: [] }
  const equal: Record<Step, number> = { origin: 0, cold: 0, again: 0, owner: 0, third: 0 }
  const oddities: string[] = []
  let originRequests = 0
  for (const path of pathsWhere('/large-', rounds, (each) => placeOf(locate, each, 'one').owner === owner.peer)) {
    const hash = serve(rig, path, length)
    const ways: Array<[Step, string, string]> = [
      ['origin', rig.origin.url, 'other'], ['cold', asked.http, 'peer'], ['again', asked.http, 'hit'], ['owner', owner.http, 'hit'], ['third', third.http, 'peer']
    ]
    for (const [step, base, expected] of ways) {
      const got = await read(`${base}${path}`, { hash: true })
      const rate = got.bytes / 1e6 / (got.totalMs / 1_000)
      progress(`${path} ${steps[step]}: ${rate.toFixed(0)} MB/s`)
      if (got.whole && got.sha256 === hash) equal[step]++
      if (!got.whole || detailOf(got) !== expected) oddities.push(`${path}, ${steps[step]}: ${got.status}, ${got.bytes} bytes, ${got.cacheStatus} ${got.error}`)
      rates[step].push(rate)
      peaks[step] = (await memory()).map(({ peak }) => peak)
    }
    originRequests += rig.origin.count(path) - 1
  }
  const after = await memory()
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(0)
  const rows: Cell[][] = [['at rest', '', '', '', '', ...rest.map(({ peak }) => megabytes(peak))]]
  for (const [step, text] of Object.entries(steps) as Array<[Step, string]>) {
    rows.push([
      text, median(rates[step]).toFixed(0), Math.min(...rates[step]).toFixed(0), Math.max(...rates[step]).toFixed(0),
      `${equal[step]}/${rounds}`, ...peaks[step].map(megabytes)
    ])
  }
  return {
    title: `${length / 2 ** 20} MiB in edges with ${memoryBytesMax / 2 ** 20} MiB of memory tier, ${rounds} objects one after the other: MB/s, and peak resident memory of each edge so far, MB (aim: below 260)`,
    columns: ['read', 'MB/s', 'min', 'max', 'sha256 equal', 'owner MB', 'asked MB', 'third MB'],
    rows,
    notes: [
      `Origin requests by edges: ${originRequests} for ${rounds} objects. Resident at the end: ${after.map(({ now }) => megabytes(now)).join(', ')} MB.`,
      'The client hashes, and the origin encrypts, in the bench\'s own process: "the origin itself" is the most that it can take. Peaks are VmHWM, after the last object\'s step.',
      ...oddities, ...rig.faults
    ],
    json: {
      lengthBytes: length, memoryBytesMax, originRequests, equal,
      megabytesPerSecond: Object.fromEntries(Object.entries(rates).map(([step, values]) => [step, values.map(rounded)])),
      restBytes: rest.map(({ peak }) => peak), peakBytes: after.map(({ peak }) => peak)
    }
  }
}

export const largeBench: Bench = { name: 'large', run: async (options) => await withRig(async (rig) => await run(rig, options)) }
