/**
 * `npm run test:lab [-- NAME...]`: plays the lab's scenarios one after the other and prints what was
 * measured. Where the kernel has no netem it runs itself through NETEM_RUNNER; where there is neither
 * it says so and ends with 69. With `--no-delay` cables are plain.
 */
import { existsSync } from 'node:fs'
import { systemClock } from '../../daemon/clock.ts'
import { runForeground, signalExitCode } from '../../netsim/lab/foreground.ts'
import { Lab } from '../../netsim/lab/lab.ts'
import { MissingError, missingExitCode } from '../../netsim/lab/machine.ts'
import { checkMachine, runnerCommand } from '../../netsim/lab/runner.ts'
import { labDefaults, scaled, timeFactor } from '../../netsim/lab/settings.ts'
import { formatTable } from '../../bin/table.ts'
import { formatBytes, formatDuration } from '../../bin/units.ts'
import { type Measured, Rig } from './rig.ts'
import { agreementScenarios } from './agreement.ts'
import { type Scenario, scenarios as contentScenarios } from './scenarios.ts'

const scenarios: readonly Scenario[] = [...contentScenarios, ...agreementScenarios]
const labName = `test-${process.pid}`
const settings = scaled(labDefaults, timeFactor())

interface Outcome {
  readonly scenario: Scenario
  readonly tookMs: number
  readonly measured?: Measured
  readonly failed?: string
}

const names = process.argv.slice(2).filter((each) => !each.startsWith('--'))
const delay = !process.argv.includes('--no-delay')

// The daemons' clock does not keep a process alive, and between two looks nothing else does.
const alive = setInterval(() => {}, 60_000)
process.exitCode = await main()
clearInterval(alive)

async function main (): Promise<number> {
  const unknown = names.find((name) => !scenarios.some((each) => each.name === name))
  if (unknown !== undefined) {
    console.error(`${unknown} is no scenario: expected ${scenarios.map(({ name }) => name).join(', ')}`)
    return 2
  }
  try {
    const runner = await checkMachine({ delay }, process.env, true)
    if (runner !== undefined) return await runForeground(runnerCommand(runner, [process.execPath, ...process.argv.slice(1)]))
  } catch (error) {
    if (!(error instanceof MissingError)) throw error
    console.error(`test:lab: ${error.message}`)
    return missingExitCode
  }
  await sweep()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => { void Lab.down(labName, systemClock, settings).finally(() => { process.exit(signalExitCode(signal)) }) })
  }
  const outcomes: Outcome[] = []
  for (const scenario of scenarios.filter(({ name }) => names.length === 0 || names.includes(name))) outcomes.push(await play(scenario))
  process.stdout.write(`\n${formatTable<Outcome>([
    { heading: 'scenario', value: ({ scenario }) => scenario.name },
    { heading: 'result', value: ({ failed }) => failed === undefined ? 'right' : 'WRONG' },
    { heading: 'requests', align: 'right', value: ({ measured }) => measured && String(measured.requests) },
    { heading: 'split after', align: 'right', value: ({ measured }) => duration(measured?.settledMs) },
    { heading: 'whole after', align: 'right', value: ({ measured }) => duration(measured?.healedMs) },
    { heading: 'on cables', align: 'right', value: ({ measured }) => rate(measured?.cableBytes) },
    { heading: 'counted', align: 'right', value: ({ measured }) => rate(measured?.coordinationBytes) },
    { heading: 'took', align: 'right', value: ({ tookMs }) => duration(tookMs) }
  ], [{ rows: outcomes }])}`)
  const failed = outcomes.filter((each) => each.failed !== undefined)
  for (const { scenario, failed: reason } of failed) process.stdout.write(`${scenario.name}: ${reason}\n`)
  process.stdout.write(`${JSON.stringify(outcomes.map(({ scenario, measured, failed: reason, tookMs }) => ({ scenario: scenario.name, failed: reason ?? null, tookMs: Math.round(tookMs), ...measured })))}\n`)
  return failed.length === 0 ? 0 : 1
}

/** Removes what runs that were killed have left. */
async function sweep (): Promise<void> {
  for (const name of await Lab.names()) {
    const id = /^test-(\d+)$/.exec(name)?.[1]
    if (id !== undefined && !existsSync(`/proc/${id}`)) await Lab.down(name, systemClock, settings)
  }
}

async function play (scenario: Scenario): Promise<Outcome> {
  const startMs = systemClock.nowMs()
  const say = (what: string): void => { console.error(`${scenario.name} ${((systemClock.nowMs() - startMs) / 1_000).toFixed(1).padStart(6)} s  ${what}`) }
  try {
    const measured = await Rig.run({ ...scenario, name: labName, delay, say }, scenario.run)
    say(`right: ${JSON.stringify(measured)}`)
    return { scenario, tookMs: systemClock.nowMs() - startMs, measured }
  } catch (error) {
    const failed = error instanceof Error ? error.message : String(error)
    say(`WRONG: ${failed}`)
    return { scenario, tookMs: systemClock.nowMs() - startMs, failed }
  }
}

function duration (ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : formatDuration(ms)
}

function rate (bytes: number | undefined): string | undefined {
  return bytes === undefined ? undefined : `${formatBytes(bytes)}/s`
}
