/**
 * `netsim world`: runs simulated colonies from seeds, says which failed and how to repeat them. The same
 * seed, scenario and sizes are the same run on every machine. Exit code 1 when a checker found a violation.
 */
import { availableParallelism } from 'node:os'
import { systemClock } from '../../daemon/clock.ts'
import { cities } from '../../netsim/cities.ts'
import { scenarioOf, scenarios } from '../../netsim/scenarios/index.ts'
import { worldReport } from '../../netsim/report/world-report.ts'
import { runWorlds } from '../../netsim/world/runs.ts'
import type { RunPlan, RunResult } from '../../netsim/world/run.ts'
import type { Scenario, Sizes } from '../../netsim/world/scenario.ts'
import { type Command, type Given, tableStyle, UsageError, wholeNumber } from '../command.ts'
import { StatusLine } from '../status-line.ts'
import { formatDuration, formatShare } from '../units.ts'
import { readReport, reportFlag, writeReport } from './report.ts'
import { readSeeds } from './world-seeds.ts'
import { formatRuns, repeatCommand, summary } from './world-view.ts'

export const worldCommandDefaults = Object.freeze({
  /** Between two updates of the line that shows how far it is, ms. */
  progressIntervalMs: 1_000,
  /** The same where standard error is a file, which keeps every line, ms. */
  plainIntervalMs: 30_000
})

const small = scenarios[0]!.sizes

export const world: Command = {
  name: 'world',
  summary: 'a simulated colony in virtual time: the same seed gives the same run',
  description: `Runs the edges' own cores on simulated machines, disks and networks, with checkers that stop a run at
the first thing that must never happen; exit code 1 then, and the command that repeats it.

scenarios:
${scenarios.map(({ name, summary }) => `  ${name.padEnd(16)}${summary}`).join('\n')}
  ${'all'.padEnd(16)}each of them`,
  flags: [
    { name: 'scenario', placeholder: 'NAME', help: 'what happens to the colony', byDefault: 'steady' },
    { name: 'seeds', placeholder: 'A..B', help: 'one run for each: 7, 1..200, or 3,5,8..10', byDefault: 'one drawn by chance' },
    { name: 'seed', placeholder: 'N', help: 'the same for one run' },
    { name: 'edges', placeholder: 'N', help: 'edges in all', byDefault: String(small.edges) },
    { name: 'cities', placeholder: 'N', help: `cities with edges, each a region; at most ${cities.length}`, byDefault: String(small.cities) },
    { name: 'objects', placeholder: 'N', help: 'objects at the origin', byDefault: String(small.objects) },
    { name: 'requests', placeholder: 'N', help: 'requests in the whole run', byDefault: String(small.requests) },
    { name: 'hours', placeholder: 'H', help: 'virtual time of the run; fractions are allowed', byDefault: String(small.hours) },
    { name: 'procs', placeholder: 'N', help: 'runs at a time', byDefault: 'one for each processor' },
    { name: 'trace', placeholder: 'FILE', help: 'writes what happened there, a line each; of one run' },
    reportFlag,
    { name: 'json', help: 'the result as JSON, on the last line' }
  ],
  example: 'netsim world --scenario split-and-heal --seeds 1..200\nnetsim world --edges 1200 --cities 120 --objects 10000000 --requests 20000000 --hours 1 --seed 1',
  run
}

async function run (given: Given): Promise<void> {
  const plans = readPlans(given)
  const file = readReport(given)
  const workers = wholeNumber(given, 'procs', { min: 1, max: 64, byDefault: availableParallelism() })
  const line = new StatusLine(process.stderr)
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => { stopping.abort() })
  const startMs = systemClock.nowMs()
  let shownMs = startMs
  let failed = 0
  let ended = 0
  let results: RunResult[]
  try {
    results = await runWorlds({
      plans,
      workers,
      signal: stopping.signal,
      onProgress: (done) => {
        const nowMs = systemClock.nowMs()
        if (nowMs - shownMs < (line.visible ? worldCommandDefaults.progressIntervalMs : worldCommandDefaults.plainIntervalMs)) return
        shownMs = nowMs
        const text = `${formatShare(done)} simulated in ${formatDuration(nowMs - startMs)}: ${ended} of ${plans.length} runs done, ${failed} failed`
        if (line.visible) line.show(text)
        else line.print(`${text}\n`)
      },
      onResult: (result) => {
        ended++
        if (result.violations.length === 0) return
        failed++
        for (const { checker, atMs, sentence } of result.violations) {
          line.print(`${result.scenario}, seed ${result.seed}, at ${formatDuration(atMs)}: ${checker}: ${sentence}\n  repeat: ${repeatCommand(result, given)}\n`)
        }
      }
    })
  } catch (error) {
    if (!stopping.signal.aborted) throw error
    process.exitCode = 130
    return
  } finally {
    line.clear()
  }
  const wallMs = Math.round(systemClock.nowMs() - startMs)
  const style = tableStyle()
  if (given.json !== true) process.stdout.write(formatRuns(results, wallMs, given, style))
  else process.stdout.write(`${JSON.stringify(summary(results, wallMs, given))}\n`)
  const [first] = results
  if (first?.record !== undefined) writeReport(file, () => worldReport(first, first.record!, repeatCommand(first, given)))
  if (results.some(({ violations }) => violations.length > 0)) process.exitCode = 1
}

/** @throws UsageError */
function readPlans (given: Given): RunPlan[] {
  if (given.seed !== undefined && given.seeds !== undefined) throw new UsageError('--seed and --seeds are both given: expected one of them')
  const drawn = String(1 + Math.floor(systemClock.random() * 999_999))
  const seeds = readSeeds(given.seed === undefined ? 'seeds' : 'seed', String(given.seed ?? given.seeds ?? drawn))
  const plans = readScenarios(given).flatMap((scenario) => {
    const sizes = readSizes(given, scenario.sizes)
    return seeds.map((seed): RunPlan => ({ scenario: scenario.name, seed, sizes, record: given.report !== undefined }))
  })
  if (given.report !== undefined && plans.length > 1) throw new UsageError(`--report is of one run, not of ${plans.length}: expected one scenario and one seed`)
  if (given.trace === undefined) return plans
  if (plans.length > 1) throw new UsageError(`--trace is of one run, not of ${plans.length}: expected one scenario and one seed`)
  return plans.map((plan) => ({ ...plan, tracePath: String(given.trace) }))
}

function readScenarios (given: Given): readonly Scenario[] {
  const name = String(given.scenario ?? 'steady')
  if (name === 'all') return scenarios
  const scenario = scenarioOf(name)
  if (scenario !== undefined) return [scenario]
  throw new UsageError(`--scenario is ${JSON.stringify(name)}: expected one of ${scenarios.map((each) => each.name).join(', ')}, all`)
}

function readSizes (given: Given, byDefault: Sizes): Sizes {
  const edges = wholeNumber(given, 'edges', { min: 1, max: 4_000, byDefault: byDefault.edges })
  const count = wholeNumber(given, 'cities', { min: 1, max: cities.length, byDefault: Math.min(edges, byDefault.cities) })
  if (count > edges) throw new UsageError(`--cities is ${count}: expected at most as many as edges, ${edges}`)
  return {
    edges,
    cities: count,
    objects: wholeNumber(given, 'objects', { min: 1, max: 100_000_000, byDefault: byDefault.objects }),
    requests: wholeNumber(given, 'requests', { min: 0, max: 999_999_999, byDefault: byDefault.requests }),
    hours: readHours(given, byDefault.hours)
  }
}

function readHours (given: Given, byDefault: number): number {
  const text = given.hours
  if (text === undefined) return byDefault
  const hours = typeof text === 'string' && /^\d{1,6}(\.\d{1,6})?$/.test(text) ? Number(text) : NaN
  if (hours > 0 && hours <= 10_000) return hours
  throw new UsageError(`--hours is ${JSON.stringify(text)}: expected a number above 0 and at most 10000`)
}
