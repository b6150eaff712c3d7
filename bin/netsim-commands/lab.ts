/**
 * `netsim lab ACTION`: real hosts in network namespaces. Each action is a process of its own; the lab that
 * `up` leaves behind is found by its name. What each action prints stands in lab-view.ts.
 */
import { readFileSync } from 'node:fs'
import { systemClock } from '../../daemon/clock.ts'
import { ringsAgree, isWhole, Lab } from '../../netsim/lab/lab.ts'
import { MissingError, missingExitCode } from '../../netsim/lab/machine.ts'
import { runForeground, signalExitCode } from '../../netsim/lab/foreground.ts'
import { checkMachine, runnerCommand } from '../../netsim/lab/runner.ts'
import { labDefaults, scaled, timeFactor } from '../../netsim/lab/settings.ts'
import { plainTopology, readTopology, type Topology, topologyDefaults, TopologyError } from '../../netsim/lab/topology.ts'
import { nearest } from '../../protocols/text.ts'
import { messageOf } from '../../protocols/errors.ts'
import { type Command, type Given, tableStyle, UsageError, wholeNumber } from '../command.ts'
import { StatusLine } from '../status-line.ts'
import { cutLines, hostTable, linkTable, progressText, upJson } from './lab-view.ts'

interface Action {
  /** What stands behind its name. */
  readonly operands: string
  readonly min: number
  readonly max: number
  readonly flags: readonly string[]
  readonly run: (given: Given, operands: readonly string[]) => Promise<void>
}

const actions: Readonly<Record<string, Action>> = {
  up: { operands: '[-- COMMAND...]', min: 0, max: Infinity, flags: ['hosts', 'regions', 'topology', 'no-delay'], run: up },
  status: { operands: '', min: 0, max: 0, flags: [], run: status },
  exec: { operands: 'HOST -- COMMAND...', min: 2, max: Infinity, flags: [], run: exec },
  cut: { operands: 'A B', min: 2, max: 2, flags: ['one-way'], run: cut },
  heal: { operands: '[A B]', min: 0, max: 2, flags: [], run: heal },
  down: { operands: '', min: 0, max: 0, flags: ['all'], run: down }
}
const everyAction = ['name', 'json']

export const lab: Command = {
  name: 'lab',
  summary: 'real hosts in network namespaces, with delays, losses and cuts between them',
  description: `Each host is a network namespace with a colonyd, an address and a data folder of its own; the origin
stands in another, and has BYTES bytes for SECONDS seconds at /BYTES/SECONDS/NAME.

  up      builds the lab and waits until all hosts know each other; with a COMMAND, runs it and takes the
          lab down again (netsim lab in it means this lab)
  status  every host as it is, and what is cut
  exec    runs a command on a host (or on origin); its exit code is the command's
  cut     nothing travels from A to B, nor back unless --one-way; A and B are hosts, regions, origin, lists
          of those with commas, or "others"
  heal    undoes every cut, or those between A and B
  down    removes the lab and all that runs in it, also after a crash; may be repeated

A topology is a YAML file:
  regions: { europe: { hosts: 2 }, asia: { hosts: 1 } }
  links: [{ from: europe, to: asia, delayMs: 110, jitterMs: 5, lossPercent: 1, duplicatePercent: 0,
            reorderPercent: 0, rateMbit: 100, oneWay: false }]     ("*" is every other region)
  origin: europe                    (a region that is called as a city, or has a "city", is as far as that)
  settings: { membership: { refreshMs: 1000 } }                    (as in colonyd's file)

Needs root, iproute2, nftables, ping and a kernel with sch_netem (exit code ${missingExitCode} says what is missing). Where
NETEM_RUNNER names a command that provides netem, up with a COMMAND runs through it.`,
  flags: [
    { name: 'hosts', placeholder: 'N', help: `up: hosts in all, at most ${topologyDefaults.hostsMax}`, byDefault: '6' },
    { name: 'regions', placeholder: 'N', help: `up: regions that they are spread over, ${topologyDefaults.delayMs} ms from each other`, byDefault: '3' },
    { name: 'topology', placeholder: 'FILE', help: 'up: regions, hosts and links out of a YAML file' },
    { name: 'no-delay', help: 'up: plain cables, on any kernel; cuts work' },
    { name: 'one-way', help: 'cut: what B sends still arrives at A' },
    { name: 'all', help: 'down: every lab of this machine' },
    { name: 'name', placeholder: 'NAME', help: 'which lab, where there are several', byDefault: 'lab' },
    { name: 'json', help: 'the last line is one JSON object' }
  ],
  operands: { placeholder: 'ACTION...', help: 'up, status, exec, cut, heal or down, and what it acts on', min: 1, max: Infinity },
  example: `netsim lab up --hosts 6 --regions 3
netsim lab status
netsim lab exec asia-1 -- ping -c 3 10.77.1.1
netsim lab cut asia others --one-way
netsim lab heal
netsim lab down
netsim lab up --topology offices.yaml -- sh -c 'netsim lab cut asia others; sleep 20; netsim lab status'`,
  run
}

async function run (given: Given, [name, ...operands]: readonly string[]): Promise<void> {
  const action = Object.hasOwn(actions, name!) ? actions[name!] : undefined
  if (action === undefined) {
    const near = nearest(name!, Object.keys(actions))
    throw new UsageError(`${JSON.stringify(name)} is not an action of netsim lab: ${near === undefined ? `expected one of ${Object.keys(actions).join(', ')}` : `did you mean ${near}?`}`)
  }
  const surplus = Object.keys(given).find((flag) => ![...action.flags, ...everyAction].includes(flag))
  if (surplus !== undefined) throw new UsageError(`--${surplus} does nothing in netsim lab ${name} (see netsim lab --help)`)
  if (operands.length < action.min || operands.length > action.max) {
    throw new UsageError(`netsim lab ${name} takes ${action.operands === '' ? 'flags only' : action.operands} (see netsim lab --help)`)
  }
  try {
    await action.run(given, operands)
  } catch (error) {
    if (!(error instanceof MissingError)) throw error
    process.exitCode = missingExitCode
    process.stderr.write(`netsim: ${error.message}\n`)
  }
}

async function up (given: Given, command: readonly string[]): Promise<void> {
  const name = labName(given)
  const topology = topologyGiven(given)
  const delay = given['no-delay'] !== true
  const runner = await checkMachine({ delay }, process.env, command.length > 0)
  if (runner !== undefined) {
    process.exitCode = await runForeground(runnerCommand(runner, [process.execPath, ...process.execArgv, ...process.argv.slice(1)]))
    return
  }
  // What the command prints stands alone on standard output.
  const output = command.length > 0 ? process.stderr : process.stdout
  const line = new StatusLine(process.stderr)
  const stopping = new AbortController()
  let signalled: NodeJS.Signals | undefined
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      signalled ??= signal
      line.show('removing what was built')
      stopping.abort(new UsageError('stopped before it was up'))
    })
  }
  const startMs = systemClock.nowMs()
  let built: Lab
  try {
    built = await Lab.up({
      name, topology, delay, clock: systemClock, settings: settings(), signal: stopping.signal, onProgress: (progress) => { line.show(progressText(progress)) }
    })
  } catch (error) {
    if (signalled === undefined) throw error
    process.exitCode = signalExitCode(signalled)
    return
  } finally {
    line.clear()
  }
  const convergedMs = systemClock.nowMs() - startMs
  output.write(linkTable(built.calibrations, tableStyle()) + hostTable(await built.look(), await built.carried(), tableStyle()))
  const exitCode = command.length === 0 ? undefined : await runIn(built, command)
  if (given.json === true) process.stdout.write(`${JSON.stringify({ ...upJson(built, convergedMs), ...(exitCode !== undefined && { exitCode }) })}\n`)
  if (exitCode !== undefined) process.exitCode = exitCode
}

/** Runs the command and takes the lab down, whatever comes of it. */
async function runIn (built: Lab, command: readonly string[]): Promise<number> {
  try {
    return await runForeground(command, { COLONY_LAB: built.name })
  } finally {
    await built.down()
  }
}

async function status (given: Given): Promise<void> {
  const found = await open(given)
  const [looks, carried, cuts] = await Promise.all([found.look(), found.carried(), found.cuts()])
  process.stdout.write(hostTable(looks, carried, tableStyle()) + cutLines(cuts, found.topology))
  if (given.json !== true) return
  const hosts = looks.map(({ host, status }) => ({ ...host, ...carried.get(host.name), status: status ?? null }))
  process.stdout.write(`${JSON.stringify({ name: found.name, whole: isWhole(looks), ringsAgree: ringsAgree(looks), hosts, cuts })}\n`)
}

async function exec (given: Given, [host, ...command]: readonly string[]): Promise<void> {
  const found = await open(given)
  process.exitCode = await runForeground(found.commandOn(found.host(host!), command))
}

async function cut (given: Given, [from, to]: readonly string[]): Promise<void> {
  const found = await open(given)
  await found.cut(from!, to!, given['one-way'] === true)
  await printCuts(found, given)
}

async function heal (given: Given, [from, to]: readonly string[]): Promise<void> {
  if (from !== undefined && to === undefined) throw new UsageError('netsim lab heal takes two groups or none: netsim lab heal A B')
  const found = await open(given)
  await found.heal(from, to)
  await printCuts(found, given)
}

async function printCuts (found: Lab, given: Given): Promise<void> {
  const cuts = await found.cuts()
  process.stdout.write(cutLines(cuts, found.topology))
  if (given.json === true) process.stdout.write(`${JSON.stringify({ name: found.name, cuts })}\n`)
}

async function down (given: Given): Promise<void> {
  await checkMachine({ delay: false }, {}, false)
  const names = given.all === true ? await Lab.names() : [labName(given)]
  const removed = []
  for (const name of names) removed.push({ name, ...await Lab.down(name, systemClock, settings()) })
  for (const { name, namespaces, processes } of removed) {
    process.stdout.write(namespaces === 0 ? `there is no lab of the name ${name}\n` : `removed ${name}: ${namespaces} namespaces, ${processes} processes\n`)
  }
  if (given.json === true) process.stdout.write(`${JSON.stringify({ removed })}\n`)
}

async function open (given: Given): Promise<Lab> {
  const name = labName(given)
  await checkMachine({ delay: false }, {}, false)
  return await Lab.open(name, systemClock, settings())
}

function labName (given: Given): string {
  const name = given.name ?? process.env.COLONY_LAB ?? 'lab'
  if (typeof name === 'string' && /^[a-z0-9][a-z0-9-]{0,19}$/.test(name)) return name
  throw new UsageError(`--name is ${JSON.stringify(name)}: expected up to 20 lower-case letters, digits or "-"`)
}

function topologyGiven (given: Given): Topology {
  const { topology: file } = given
  if (typeof file !== 'string') {
    return usage(() => plainTopology(
      wholeNumber(given, 'hosts', { min: 1, max: topologyDefaults.hostsMax, byDefault: 6 }),
      wholeNumber(given, 'regions', { min: 1, max: 6, byDefault: Math.min(3, Number(given.hosts ?? 6)) })))
  }
  for (const flag of ['hosts', 'regions']) if (given[flag] !== undefined) throw new UsageError(`--${flag} cannot stand beside --topology, which says it`)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new UsageError(`--topology is ${JSON.stringify(file)}: expected a file that can be read (${messageOf(error)})`)
  }
  return usage(() => readTopology(text), ` (in ${file})`)
}

/** What is wrong with a topology is wrong with the command line. */
function usage (make: () => Topology, where = ''): Topology {
  try {
    return make()
  } catch (error) {
    throw error instanceof TopologyError ? new UsageError(`${error.message}${where}`) : error
  }
}

function settings () {
  return scaled(labDefaults, timeFactor())
}
