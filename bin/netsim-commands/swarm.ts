/**
 * `netsim swarm`: hundreds of real edges on this machine, what they cost and what they serve, at one size or over
 * several. Progress and tables for people; `--json` for scripts.
 */
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parse as parseYaml } from 'yaml'
import { systemClock } from '../../daemon/clock.ts'
import { type ExperimentReport, runExperiment } from '../../netsim/swarm/experiment.ts'
import { drawFaults, type Fault, FaultError, parseFault } from '../../netsim/swarm/faults.ts'
import { defaultProcesses, regionName } from '../../netsim/swarm/plan.ts'
import { Random } from '../../netsim/random.ts'
import { parseShape, type Shape, ShapeError, shapeHelp } from '../../netsim/workload/shape.ts'
import { messageOf } from '../../protocols/errors.ts'
import { swarmReport } from '../../netsim/report/swarm-report.ts'
import { sweepReport } from '../../netsim/report/sweep-report.ts'
import { type Command, type Given, UsageError, wholeNumber } from '../command.ts'
import { watchParent } from '../parent-watch.ts'
import { commandLine, readReport, reportFlag, writeReport } from './report.ts'
import { summaryOf } from './swarm-summary.ts'
import { SwarmView } from './swarm-view.ts'

const peersMax = 5_000
const secondsMax = 86_400

export const swarmCommandDefaults = Object.freeze({
  /** Small enough to be up within seconds on a laptop. */
  peers: 60,
  regions: 3,
  /** Workload, s. */
  seconds: 20,
  /** From one random fault to the next, at most, and how long one lasts, ms. */
  chaosCalmMs: 20_000,
  chaosFaultMs: 20_000
})

export const swarmFlags = [
  { name: 'regions', placeholder: 'N', help: 'regions that the edges are spread over', byDefault: '3' },
  { name: 'procs', placeholder: 'N|each', help: 'processes that share the edges; "each" gives every edge a colonyd of its own', byDefault: 'one for each core, and for each 75 edges' },
  { name: 'seed', placeholder: 'N', help: 'decides what is asked for, what fails and when', byDefault: 'drawn, and printed' },
  { name: 'origin', placeholder: 'URL', help: 'fetch from this origin; the workload, which must know the bytes, is left out then' },
  { name: 'workload', placeholder: 'SPEC', help: `what is asked for, parts joined by commas:\n${shapeHelp.split('\n').map((line) => `        ${line}`).join('\n')}` },
  { name: 'settings', placeholder: 'FILE', help: 'YAML with the settings: map that every edge is given (see colonyd --help)' },
  { name: 'region-rtt', placeholder: 'MS', help: 'round trip of links between regions', byDefault: '0, loopback\'s own' },
  { name: 'pace', placeholder: 'N', help: 'how many times longer than the daemon\'s the intervals of the edges\' coordination are', byDefault: '1 up to 50 edges a core, 2 up to 100, and so on' },
  reportFlag,
  { name: 'json', help: 'print one JSON document at the end' }
] satisfies Command['flags']

export const swarm: Command = {
  name: 'swarm',
  summary: 'hundreds of real edges on this machine: how soon they are one, what they cost, what they serve',
  description: 'Each edge is the daemon itself, on a loopback address 127.region.city.n of its own, several to a process.\nWithout --sweep it starts one swarm, fetches across every pair of regions, measures it idle, drives a workload\nthrough it while the faults come and go, and ends. Ctrl-C ends it earlier and leaves nothing behind.',
  flags: [
    { name: 'peers', placeholder: 'N', help: `edges, at most ${peersMax}`, byDefault: String(swarmCommandDefaults.peers) },
    ...swarmFlags,
    { name: 'seconds', placeholder: 'N', help: 'how long the workload runs; 0 for none', byDefault: String(swarmCommandDefaults.seconds) },
    { name: 'fault', placeholder: 'FAULT', repeats: true, help: 'what fails during the workload, may be repeated: kill:10%@5s+5s, pause:5%@5s+3s,\n        cut:europe@5s+5s, cut:europe|asia@5s+5s, cut:europe>asia@5s+5s, origin-down@5s+5s, origin-slow:2s@5s+5s' },
    { name: 'chaos', help: 'faults of every kind, drawn from the seed, in place of --fault' },
    { name: 'no-idle', help: 'leave out the half minute in which the idle cost is measured' },
    { name: 'sweep', placeholder: 'N,N,...', help: 'run these sizes one after another and fit how each cost grows' }
  ],
  example: 'netsim swarm --peers 300 --regions 6 --seed 7\nnetsim swarm --peers 60 --regions 3 --seconds 60 --fault kill:20%@10s+10s --fault cut:europe@30s+10s\nnetsim swarm --sweep 50,100,200 --seconds 0',
  run
}

async function run (given: Given): Promise<void> {
  const sizes = given.sweep === undefined
    ? [wholeNumber(given, 'peers', { min: 1, max: peersMax, byDefault: swarmCommandDefaults.peers })]
    : readSizes(given.sweep, 'sweep')
  const seconds = wholeNumber(given, 'seconds', { min: 0, max: secondsMax, byDefault: swarmCommandDefaults.seconds })
  const options = readSwarmFlags(given)
  const regions = Array.from({ length: options.regions }, (_, index) => regionName(index))
  const faults = readFaults(given, regions, options.seed, seconds * 1_000)
  const file = readReport(given)
  const reports = await withView(given, async (view, signal) => {
    const reports: ExperimentReport[] = []
    for (const peers of sizes) {
      reports.push(await runExperiment({
        ...options, peers, faults, signal,
        procs: options.procs ?? defaultProcesses(peers, availableParallelism()),
        workloadMs: seconds * 1_000,
        idle: given['no-idle'] !== true,
        clock: systemClock,
        onEvent: (event) => { view.event(event) }
      }))
      view.report(reports.at(-1)!)
    }
    if (sizes.length > 1) view.sweep(reports)
    return reports
  })
  const command = commandLine('swarm', given, options.seed)
  writeReport(file, () => sizes.length > 1 ? sweepReport(reports, command) : swarmReport(reports[0]!, command, options.regionRttMs))
  if (given.json !== true) return
  const documents = reports.map(summaryOf)
  process.stdout.write(`${JSON.stringify(sizes.length > 1 ? { seed: options.seed, sweep: documents } : documents[0])}\n`)
}

export interface SwarmOptions {
  readonly regions: number
  readonly procs: number | 'each' | undefined
  readonly seed: number
  readonly origin?: string
  readonly shape: Shape
  readonly regionRttMs: number
  readonly pace?: number
  readonly edgeSettings?: Record<string, Record<string, number>>
}

/** What `swarm`, `layers`, `chaos` and `analyse` read alike. @throws UsageError */
export function readSwarmFlags (given: Given): SwarmOptions {
  const procs = given.procs === 'each' ? 'each' : given.procs === undefined ? undefined : wholeNumber(given, 'procs', { min: 1, max: peersMax, byDefault: 1 })
  return {
    regions: wholeNumber(given, 'regions', { min: 1, max: 254, byDefault: swarmCommandDefaults.regions }),
    procs,
    seed: wholeNumber(given, 'seed', { min: 0, max: 999_999_999, byDefault: Math.floor(systemClock.random() * 1e9) }),
    origin: given.origin === undefined ? undefined : readOrigin(given.origin),
    shape: readShape(given.workload),
    regionRttMs: wholeNumber(given, 'region-rtt', { min: 0, max: 10_000, byDefault: 0 }),
    pace: given.pace === undefined ? undefined : wholeNumber(given, 'pace', { min: 1, max: 100, byDefault: 1 }),
    edgeSettings: given.settings === undefined ? undefined : readSettings(String(given.settings))
  }
}

/** Shows what happens on standard error until `work` has ended, and stops it by Ctrl-C. */
export async function withView<T> (given: Given, work: (view: SwarmView, signal: AbortSignal) => Promise<T>): Promise<T> {
  const view = new SwarmView({ clock: systemClock, json: given.json === true })
  const stopping = new AbortController()
  const stop = (reason: string): void => {
    // Told twice: at once. The processes end with this one.
    if (stopping.signal.aborted) process.exit(130)
    view.stopping(reason)
    stopping.abort(new UsageError(`stopped by ${reason} before it was done`))
  }
  const onSignal = (signal: NodeJS.Signals): void => { stop(signal) }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  const unwatch = watchParent(systemClock, () => { stop('whoever started it, who is gone,') })
  try {
    return await work(view, stopping.signal)
  } catch (error) {
    if (stopping.signal.aborted) {
      process.exitCode = 130
      throw stopping.signal.reason
    }
    throw error
  } finally {
    view.end()
    unwatch()
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal)
  }
}

/** @throws UsageError */
export function readSizes (text: string | true, flag: string): number[] {
  const sizes = String(text).split(',').map(Number)
  if (sizes.length >= 2 && sizes.every((size) => Number.isInteger(size) && size >= 1 && size <= peersMax)) return sizes
  throw new UsageError(`--${flag} is ${JSON.stringify(text)}: expected two or more sizes from 1 to ${peersMax}, such as 50,100,200,400`)
}

function readFaults (given: Given, regions: readonly string[], seed: number, durationMs: number): Fault[] {
  if (given.chaos === true) {
    if (given.fault !== undefined) throw new UsageError('--chaos and --fault are both given: expected one of them')
    const { chaosCalmMs, chaosFaultMs } = swarmCommandDefaults
    return drawFaults({ random: new Random(seed).fork('chaos'), regions, durationMs, calmMs: chaosCalmMs, faultMs: chaosFaultMs })
  }
  return typeof given.fault === 'string' ? given.fault.split('\n').map((text) => readFault(text, regions)) : []
}

function readFault (text: string, regions: readonly string[]): Fault {
  try {
    return parseFault(text, regions)
  } catch (error) {
    if (error instanceof FaultError) throw new UsageError(`--fault: ${error.message}`)
    throw error
  }
}

function readShape (text: string | true | undefined): Shape {
  try {
    return parseShape(typeof text === 'string' ? text : '')
  } catch (error) {
    if (error instanceof ShapeError) throw new UsageError(`--workload: ${error.message}`)
    throw error
  }
}

function readOrigin (text: string | true): string {
  const url = URL.parse(String(text))
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '') return url.href.replace(/\/$/, '')
  throw new UsageError(`--origin is ${JSON.stringify(text)}: expected an http or https URL, such as http://127.0.0.1:8000`)
}

function readSettings (file: string): Record<string, Record<string, number>> {
  try {
    const { settings } = parseYaml(readFileSync(file, 'utf8')) as { settings?: Record<string, Record<string, number>> }
    if (settings !== undefined) return settings
  } catch (error) {
    throw new UsageError(`--settings is ${JSON.stringify(file)}: expected a readable YAML file, but ${messageOf(error).split('\n')[0]}`)
  }
  throw new UsageError(`--settings is ${JSON.stringify(file)}: expected a file with a settings: map`)
}
