/**
 * One flight in the whole mesh: 200 and 2,000 clients spread over nine edges in three regions ask for
 * one cold object of 10 MiB at once, with a quick and with a slow origin. What counts is how often
 * the origin was asked and that every client has the right bytes.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { sha256 } from '../support/origin.ts'
import { percentile, rounded, type Bench, type BenchOptions, type BenchResult, type Cell } from './bench.ts'
import { detailOf, type Read } from './client.ts'
import type { CrowdOrder, CrowdReport } from './flight-client.ts'
import { withRig, type Rig } from './rig.ts'

const objectBytes = 10 * 1024 * 1024
const originDelaysMs = [200, 3_000]
/** Processes that the clients are spread over: hashing 20 GB is more than one core's work. */
const crowds = 2

async function startCrowd (): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL('./flight-client.ts', import.meta.url)))
  await nextReport(child)
  return child
}

async function nextReport (child: ChildProcess): Promise<CrowdReport> {
  return await new Promise((resolve, reject) => {
    const onExit = (code: number | null): void => { reject(new Error(`the clients' process ended with ${code}`)) }
    child.once('exit', onExit)
    child.once('message', (message) => {
      child.off('exit', onExit)
      resolve(message as CrowdReport)
    })
  })
}

async function askAtOnce (crowd: readonly ChildProcess[], urls: readonly string[]): Promise<Read[]> {
  const reports = crowd.map(async (child, index) => {
    const done = nextReport(child)
    const order: CrowdOrder = { urls: urls.filter((_, at) => at % crowd.length === index) }
    child.send(order)
    return await done
  })
  return (await Promise.all(reports)).flatMap((report) => report.kind === 'done' ? report.reads : [])
}

async function run (rig: Rig, { quick, progress }: BenchOptions): Promise<BenchResult> {
  progress('starting nine edges')
  for (const region of ['north', 'east', 'west']) {
    for (const index of [1, 2, 3]) await rig.spawn({ region, name: `${region}-${index}` })
  }
  await rig.whole()
  const rows: Cell[][] = []
  const json: Record<string, unknown> = {}
  const oddities = new Map<string, number>()
  const crowd = await Promise.all(Array.from({ length: crowds }, startCrowd))
  try {
    // A crowd's first run is slower than its later ones; a small one is not counted.
    rig.origin.file('/warm', objectBytes, { maxAge: 86_400 })
    await askAtOnce(crowd, rig.edges.map(({ http }) => `${http}/warm`))
    for (const clients of quick ? [200] : [200, 2_000]) {
      for (const delayMs of originDelaysMs) {
        const path = `/flight-${clients}-${delayMs}`
        const right = sha256(rig.origin.file(path, objectBytes, { maxAge: 86_400, delayMs }))
        progress(`${clients} clients, first byte after ${delayMs} ms`)
        const bytesBefore = rig.origin.bytesSent
        const startedMs = performance.now()
        const reads = await askAtOnce(crowd, Array.from({ length: clients }, (_, at) => `${rig.edges[at % rig.edges.length]!.http}${path}`))
        const lastMs = performance.now() - startedMs
        const good = reads.filter((each) => each.whole && each.status === 200 && each.sha256 === right)
        const wrong = reads.filter((each) => each.whole && each.status === 200 && each.sha256 !== right)
        for (const each of reads.filter((each) => !good.includes(each))) {
          const what = `${clients} clients, ${delayMs} ms: ${each.status}, ${each.whole ? 'whole' : 'not whole'}, ${each.error} ${each.cacheStatus}`
          oddities.set(what, (oddities.get(what) ?? 0) + 1)
        }
        const originRequests = rig.origin.count(path)
        const originBytes = rig.origin.bytesSent - bytesBefore
        const firstBytesMs = reads.map(({ firstByteMs }) => firstByteMs)
        const totalsMs = reads.map(({ totalMs }) => totalMs)
        const byEdge = Map.groupBy(reads, ({ cacheStatus }) => /(?:^|, )([^;,]+)[^,]*$/.exec(cacheStatus)?.[1] ?? 'none')
        const lastByEdgeMs = Object.fromEntries([...byEdge].map(([edge, each]) => [edge, Math.round(Math.max(...each.map(({ totalMs }) => totalMs)))]))
        progress(`last client of each edge, ms: ${JSON.stringify(lastByEdgeMs)}`)
        const line = {
          clients, delayMs, originRequests, originBytes, right: good.length, wrong: wrong.length, failed: reads.length - good.length - wrong.length,
          firstByteP50Ms: rounded(percentile(firstBytesMs, 0.5)), firstByteMaxMs: rounded(percentile(firstBytesMs, 1)),
          wholeP50Ms: rounded(percentile(totalsMs, 0.5)), wholeP99Ms: rounded(percentile(totalsMs, 0.99)), lastMs: rounded(lastMs),
          lastByEdgeMs,
          details: Object.fromEntries([...Map.groupBy(reads, detailOf)].map(([detail, each]) => [detail, each.length]))
        }
        json[`${clients}-${delayMs}`] = line
        rows.push([
          clients, (delayMs / 1_000).toFixed(1), originRequests, (originBytes / objectBytes).toFixed(2), `${good.length}/${clients}`, line.failed, wrong.length,
          (line.firstByteP50Ms / 1_000).toFixed(2), (line.firstByteMaxMs / 1_000).toFixed(2), (line.wholeP50Ms / 1_000).toFixed(2), (line.wholeP99Ms / 1_000).toFixed(2), (lastMs / 1_000).toFixed(2),
          Math.round(clients * objectBytes / 1e6 / (lastMs / 1_000 - delayMs / 1_000))
        ])
      }
    }
  } finally {
    for (const child of crowd) child.disconnect()
  }
  return {
    title: 'clients spread over nine edges (three regions of three) ask at once for one cold object of 10 MiB (aim: 1 origin request, all right)',
    columns: ['clients', 'origin s', 'origin requests', 'bodies from origin', 'right', 'cut or refused', 'wrong', 'first byte p50 s', 'max', 'whole p50 s', 'p99', 'last s', 'MB/s'],
    rows,
    notes: [
      'Times are from the asking; MB/s is what all clients got together after the origin\'s first byte. Clients hash what they get, on the same cores as the edges.',
      ...[...oddities].slice(0, 10).map(([what, count]) => `${count} times: ${what}`),
      ...rig.faults
    ],
    json
  }
}

export const flightBench: Bench = { name: 'flight', run: async (options) => await withRig(async (rig) => await run(rig, options)) }
