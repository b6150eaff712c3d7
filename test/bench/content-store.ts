/**
 * The restart of a full store: a folder with so many objects is written in the store's own format, and
 * read by a new process, which looks at what a client would wait for: from before the store is made to the
 * last byte of the first right body, then to the end of the index. Its memory is what the heap holds
 * for the objects after a collection. The page cache is warm, as after the restart of a process; after that of a
 * machine the disk decides.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { systemClock } from '../../daemon/clock.ts'
import { bodyPath } from '../../daemon/store/file-layout.ts'
import { HeadRecords } from '../../daemon/store/head-records.ts'
import { createStore } from '../../daemon/store/index.ts'
import { packHead } from '../../daemon/store/packed-head.ts'
import { storeDefaults } from '../../daemon/store/settings.ts'
import type { StoredResponse } from '../../daemon/store/store.ts'
import { contentKey } from '../../protocols/ids.ts'
import { bodyIn, eventually, hashOf } from '../support/store.ts'
import { chance, percentile, type BenchOptions, type BenchResult } from './bench.ts'

/** Bytes of a body: they are not what is measured. */
const bodyBytes = 100
const lookUps = 1_000
const logger = { warn: (fields: object, message: string) => { process.stderr.write(`${message} ${JSON.stringify(fields)}\n`) } }

function bodyAt (index: number): Buffer {
  return Buffer.from(`object ${index} `.padEnd(bodyBytes, '.'))
}

/** With the fields of a common static file. */
function headAt (index: number): StoredResponse {
  const target = `/assets/packages/some-package/${index % 977}/file-${index}.js?v=${index % 31}`
  const hash = hashOf(bodyAt(index))
  return {
    key: contentKey('bench', target),
    variant: '',
    site: 'bench',
    target,
    status: 200,
    fields: [
      ['content-type', 'application/javascript; charset=utf-8'], ['content-length', String(bodyBytes)],
      ['cache-control', 'public, max-age=31536000, immutable'], ['etag', `"${hash.slice(0, 27)}"`],
      ['last-modified', 'Tue, 04 Nov 2025 11:22:33 GMT'], ['date', 'Sun, 09 Nov 2025 08:49:37 GMT'], ['accept-ranges', 'bytes'],
      ['server', 'nginx/1.27.2'], ['vary', 'Accept-Encoding'], ['access-control-allow-origin', '*']
    ],
    vary: ['accept-encoding'],
    receivedAtMs: 1_762_678_177_000 + index,
    initialAgeMs: 0,
    length: bodyBytes,
    hash
  }
}

async function fill (folder: string, count: number, progress: (text: string) => void): Promise<void> {
  const bodies = join(folder, 'bodies')
  const packed = new Map<string, string>()
  const records = new HeadRecords({ folder: bodies, logger, recordOf: (key) => packed.get(key), keys: () => [] })
  mkdirSync(bodies)
  for (let index = 0; index < 256; index++) mkdirSync(join(bodies, index.toString(16).padStart(2, '0')))
  await records.open()
  for (let from = 0; from < count; from += 1_000) {
    const heads = Array.from({ length: Math.min(1_000, count - from) }, (_, at) => headAt(from + at))
    for (const [at, head] of heads.entries()) {
      const name = (from + at).toString(36).padStart(8, '0')
      writeFileSync(bodyPath(bodies, head.key, name), bodyAt(from + at))
      packed.set(head.key, packHead(head, name))
    }
    await Promise.all(heads.map(async (head) => { await records.save(head.key) }))
    packed.clear()
    if (from % 100_000 === 0) progress(`${from} of ${count} objects written`)
  }
  await records.close()
}

interface Restart {
  readonly firstHitMs: number
  readonly startMs: number
  readonly loadedMs: number
  /** Look-ups with their read while the index is being read. */
  readonly whileLoadingMs: { readonly p50: number, readonly p99: number }
  readonly afterMs: { readonly p50: number, readonly p99: number }
  readonly wrong: number
  readonly rssMiB: number
  readonly bytesAnObject: number
}

/** In a process of its own, with `--expose-gc`. */
async function restart (folder: string, count: number, seed: number): Promise<Restart> {
  const random = chance(seed)
  const used = (): number => {
    gc?.()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  }
  const wanted = Array.from({ length: 2 * lookUps + 1 }, () => Math.floor(random() * count)).map((index) => ({ index, head: headAt(index) }))
  let wrong = 0
  const before = used()
  const beganMs = performance.now()
  const sinceMs = (ms: number): number => performance.now() - ms
  const store = createStore({ folder, settings: { ...storeDefaults, diskObjectsMax: 2 * count }, clock: systemClock, logger })
  await store.start()
  const startMs = sinceMs(beganMs)
  const lookUp = async ({ index, head }: typeof wanted[number]): Promise<number> => {
    const lookUpMs = performance.now()
    const [found] = store.variants(head.key)
    const body = found === undefined ? undefined : await bodyIn(store, found)
    if (body === undefined || Buffer.compare(body, bodyAt(index)) !== 0) wrong++
    return sinceMs(lookUpMs)
  }
  await lookUp(wanted[0]!)
  const firstHitMs = sinceMs(beganMs)
  const loading: number[] = []
  for (const each of wanted.slice(1, lookUps + 1)) loading.push(await lookUp(each))
  await eventually(() => store.stats().objects >= count, 600_000)
  const loadedMs = sinceMs(beganMs)
  const rssMiB = process.memoryUsage().rss / 1024 / 1024
  const bytesAnObject = (used() - before) / count
  const after: number[] = []
  for (const each of wanted.slice(lookUps + 1)) after.push(await lookUp(each))
  await store.stop()
  const both = (times: number[]): { p50: number, p99: number } => ({ p50: percentile(times, 0.5), p99: percentile(times, 0.99) })
  return { firstHitMs, startMs, loadedMs, whileLoadingMs: both(loading), afterMs: both(after), wrong, rssMiB, bytesAnObject }
}

async function inProcess (...args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, ['--expose-gc', fileURLToPath(import.meta.url), ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let out = ''
  child.stdout.on('data', (data: Buffer) => { out += data.toString() })
  const code = await new Promise((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`the restarted store ended with ${String(code)}`)
  return out
}

export async function contentStoreBench ({ quick, seed, progress }: BenchOptions): Promise<BenchResult> {
  const rows: (string | number)[][] = []
  const json: Record<string, Restart> = {}
  for (const count of quick ? [20_000] : [100_000, 1_000_000]) {
    const folder = await mkdtemp(join(tmpdir(), 'colony-bench-'))
    try {
      await fill(folder, count, progress)
      progress(`restart with ${count} objects`)
      const result = JSON.parse(await inProcess('restart', folder, String(count), String(seed))) as Restart
      json[`objects${count}`] = result
      rows.push([
        count, result.firstHitMs.toFixed(0), result.startMs.toFixed(0), (result.loadedMs / 1000).toFixed(2),
        result.whileLoadingMs.p50.toFixed(2), result.whileLoadingMs.p99.toFixed(2), result.afterMs.p50.toFixed(2), result.afterMs.p99.toFixed(2),
        result.wrong, result.rssMiB.toFixed(0), result.bytesAnObject.toFixed(0)
      ])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
  return {
    title: 'a store restarted in a new process: milliseconds to the first right body, and what its index takes',
    columns: [
      'objects', 'first hit ms', 'start ms', 'index read s', 'reading: p50 ms', 'p99 ms', 'then: p50 ms', 'p99 ms',
      'wrong', 'RSS MiB', 'bytes an object'
    ],
    rows,
    notes: ['reading: a look-up and its body while the index is being read; then: after that', `bodies of ${bodyBytes} bytes, heads of 10 fields, page cache warm`],
    json: json as unknown as Record<string, unknown>
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [mode, folder = '', count = '', seed = '1'] = process.argv.slice(2)
  if (mode === 'restart') {
    process.stdout.write(JSON.stringify(await restart(folder, Number(count), Number(seed))))
  } else {
    const { title, columns, rows } = await contentStoreBench({ quick: mode === '--quick', seed: 1, progress: (text) => { console.error(text) } })
    console.log(title)
    console.table(rows.map((row) => Object.fromEntries(columns.map((column, at) => [column, row[at]]))))
  }
}
