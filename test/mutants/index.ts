/**
 * `npm run mutants [NAME...]`: looks for all mutants, or those that are named, each in simulated worlds until a checker finds it,
 * and plays the same worlds with the colony as it is, which must find nothing. A table on standard output, how far
 * it is on standard error; exit code 1 below 95 %.
 */
import { parseArgs } from 'node:util'
import { StatusLine } from '../../bin/status-line.ts'
import { formatTable } from '../../bin/table.ts'
import { allMutants } from './list/index.ts'
import type { Mutant } from './mutant.ts'
import { search, staleness, TrialError } from './search.ts'
import { seedsMax, type StageName } from './stages.ts'
import type { Trial } from './trial.ts'

/** Share of the mutants that has to be found. */
const foundShareMin = 0.95
/** Processes at a time. */
const processes = 2

interface Row {
  readonly mutant: string
  readonly file: string
  readonly by: string
  readonly at: string
  readonly seconds: string
  readonly sentence: string
  readonly isFound: boolean
}

function complain (message: string): never {
  process.stderr.write(`mutants: ${message}\n`)
  process.exit(2)
}

function readArguments (): { readonly chosen: readonly Mutant[], readonly json: boolean, readonly verbose: boolean } {
  try {
    const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: 'boolean', default: false }, verbose: { type: 'boolean', default: false } } })
    const unknown = positionals.find((name) => !allMutants.some((mutant) => mutant.name === name))
    if (unknown !== undefined) complain(`there is no mutant ${unknown}: expected some of ${allMutants.map(({ name }) => name).join(', ')}`)
    return { ...values, chosen: positionals.length === 0 ? allMutants : allMutants.filter(({ name }) => positionals.includes(name)) }
  } catch (error) {
    return complain(`${(error as Error).message} (known: --json, --verbose)`)
  }
}

async function lookFor (mutant: Mutant): Promise<Row> {
  const row = { mutant: mutant.name, file: mutant.file, at: '', seconds: '', sentence: mutant.why, isFound: false }
  const stale = staleness(mutant)
  if (stale !== undefined) return { ...row, by: `STALE: ${stale}` }
  try {
    const { finding, cpuSeconds } = await search({ mutant, stages: mutant.stages })
    const seconds = cpuSeconds.toFixed(1)
    if (finding === undefined) return { ...row, by: 'NOT FOUND', seconds }
    return { ...row, by: finding.checker, at: `${finding.stage} ${finding.seed}`, seconds, sentence: finding.sentence, isFound: true }
  } catch (error) {
    if (!(error instanceof TrialError)) throw error
    return { ...row, by: `NOT FOUND: ${error.message}` }
  }
}

/** All of them, a few at a time; results in their order. */
async function each<Item, Result> (items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  const left = items.entries()
  await Promise.all(Array.from({ length: processes }, async () => {
    for (const [place, item] of left) results[place] = await work(item)
  }))
  return results
}

const { chosen, json, verbose } = readArguments()
const line = new StatusLine(process.stderr)
const stages = [...new Set(chosen.flatMap((mutant) => mutant.stages))]
let done = 0
const show = (): void => { line.show(`${done} of ${stages.length + chosen.length} trials done`) }
show()
const whole = await each(stages, async (stage: StageName): Promise<Trial> => {
  const trial = await search({ stages: [stage] })
  done++
  show()
  return trial
})
const rows = await each(chosen, async (mutant) => {
  const row = await lookFor(mutant)
  done++
  line.print(`${row.mutant}: ${row.by} ${row.at} ${row.seconds}\n`)
  show()
  return row
})
line.clear()

const found = rows.filter(({ isFound }) => isFound).length
const share = found / rows.length
const alarms = whole.flatMap(({ finding }) => finding === undefined ? [] : [finding])
if (json) {
  process.stdout.write(`${JSON.stringify({ found, mutants: rows.length, seeds: seedsMax, falseAlarms: alarms, rows })}\n`)
} else {
  process.stdout.write(formatTable<Row>([
    { heading: 'mutant', value: (row) => row.mutant },
    { heading: 'file', value: (row) => row.file },
    { heading: 'found by', value: (row) => row.by },
    { heading: 'at', value: (row) => row.at },
    { heading: 'CPU s', value: (row) => row.seconds, align: 'right' },
    { heading: verbose ? 'what it said' : '', value: (row) => verbose ? row.sentence : undefined, optional: true }
  ], [{ rows }]))
  for (const { stage, seed, checker, sentence } of alarms) process.stdout.write(`false alarm, nothing was changed: ${stage}, seed ${seed}: ${checker}: ${sentence}\n`)
  process.stdout.write(`found ${found} of ${rows.length} (${(100 * share).toFixed(1)} %), within ${seedsMax} seeds\n`)
}
if (share < foundShareMin || alarms.length > 0 || rows.some(({ by }) => by.startsWith('STALE'))) process.exitCode = 1
