/**
 * `npm run bench`: all benches, or those that are named, one after the other; a table each on standard
 * output, how far it is on standard error. `-- --json` adds one JSON object on the last line, `--quick` takes
 * smaller sizes, `--seed N` repeats a run's chance. Nothing here asserts a time.
 */
import { parseArgs } from 'node:util'
import { rigText, type Bench, type BenchResult } from './bench.ts'
import { contentDirectoryBench } from './content-directory.ts'
import { contentLookupsBench } from './content-lookups.ts'
import { publishBench } from './content-publish.ts'
import { contentStoreBench } from './content-store.ts'
import { fetchBench } from './fetch.ts'
import { flightBench } from './flight.ts'
import { killBench } from './kill.ts'
import { largeBench } from './large.ts'
import { missBench } from './miss.ts'
import { raftBench } from './raft.ts'
import { raftFailoverBench } from './raft-failover.ts'
import { ringBench } from './ring.ts'
import { printed } from './table.ts'

const benches: readonly Bench[] = [
  fetchBench, missBench, flightBench, largeBench, killBench, contentLookupsBench, { name: 'restart', run: contentStoreBench }, contentDirectoryBench, publishBench, raftBench, raftFailoverBench,
  { name: 'ring', run: async () => ({ notes: [], ...await ringBench() }) }
]

function complain (message: string): never {
  process.stderr.write(`bench: ${message}\n`)
  process.exit(2)
}

function readArguments (): { chosen: readonly Bench[], json: boolean, quick: boolean, seed: number } {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' } }
    })
    const unknown = positionals.find((name) => !benches.some((bench) => bench.name === name))
    if (unknown !== undefined) complain(`there is no bench ${unknown}: expected ${benches.map(({ name }) => name).join(', ')}`)
    const seed = Number(values.seed)
    if (!Number.isSafeInteger(seed)) complain(`--seed is ${values.seed}: expected a whole number`)
    return { ...values, seed, chosen: positionals.length === 0 ? benches : benches.filter(({ name }) => positionals.includes(name)) }
  } catch (error) {
    return complain(`${(error as Error).message} (known: --json, --quick, --seed N)`)
  }
}

const { chosen, json, quick, seed } = readArguments()
const results: Record<string, BenchResult | { readonly failed: string }> = {}
for (const bench of chosen) {
  const startedMs = performance.now()
  const progress = (text: string): void => {
    process.stderr.write(`${bench.name} ${((performance.now() - startedMs) / 1_000).toFixed(0)} s: ${text}\n`)
  }
  try {
    const result = await bench.run({ quick, seed, progress })
    results[bench.name] = result
    process.stdout.write(`${printed(bench.name, result)}\n`)
  } catch (error) {
    // The others are still worth running.
    results[bench.name] = { failed: String(error) }
    process.exitCode = 1
    process.stdout.write(`${bench.name}: could not be run: ${(error as Error).stack ?? String(error)}\n\n`)
  }
}
if (json) process.stdout.write(`${JSON.stringify({ rig: rigText(), seed, quick, benches: results })}\n`)
