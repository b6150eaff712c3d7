/**
 * The processes of a lab: each in its host's namespace, on its own feet (they outlive the command that
 * started them), with its output in files of the host's folder. A process that prints `ready` is waited for.
 */
import { randomBytes } from 'node:crypto'
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Clock, deadline, sleep } from '../../protocols/clock.ts'
import { ColonyError } from '../../protocols/errors.ts'
import { labEnvironment, within } from './machine.ts'
import { namespaceOf } from './network.ts'
import { hostFolder, labFolder, socketOf } from './record.ts'
import type { LabSettings } from './settings.ts'
import type { LabHost, Topology } from './topology.ts'

/** Where each thing listens. Every host is a machine of its own, so all have the same ports. */
export const labPorts = Object.freeze({ http: 8080, admin: 9090, mesh: 4001, origin: 80 })

/** A process of the lab ended or did not begin. */
export class DaemonError extends ColonyError {
  constructor (message: string) {
    super('COLONY_LAB_DAEMON', message)
  }
}

export interface DaemonsInit {
  readonly lab: string
  readonly topology: Topology
  readonly clock: Clock
  readonly settings: LabSettings
  readonly signal: AbortSignal
}

export interface Daemons {
  /** Rejects with a sentence when one of them ends. */
  readonly ended: Promise<never>
  /** They keep this process alive until then. */
  readonly letGo: () => void
}

export function httpUrl ({ address }: LabHost): string {
  return `http://${address}:${labPorts.http}`
}

export function originUrl ({ origin }: Topology): string {
  return `http://${origin.address}:${labPorts.origin}`
}

/** Resolves when every process listens; the edges may not know each other yet. */
export async function startDaemons (init: DaemonsInit): Promise<Daemons> {
  const { lab, topology, signal } = init
  const { hosts, origin } = topology
  await writeFile(networkKeyPath(lab), networkKey(), { mode: 0o600 })
  await Promise.all([...hosts, origin].map(async (host) => { await mkdir(hostFolder(lab, host), { recursive: true }) }))
  const gates = startGates(init)
  const source = launch(lab, origin, 'origin', modulePath('./origin-process'), [`${origin.address}:${labPorts.origin}`])
  await ready(init, source)
  const [first, ...rest] = hosts
  const seed = await startEdge(init, first!, [])
  signal.throwIfAborted()
  const others = await Promise.all(rest.map(async (host) => await startEdge(init, host, [seed.listen])))
  const all = [...gates, source, seed.program, ...others.map(({ program }) => program)]
  const ended = Promise.race(all.map((each) => each.ended))
  ended.catch(() => {})
  return { ended, letGo: () => { for (const { child } of all) child.unref() } }
}

/** One for each host: its own HTTP address as its clients ask it, and the admin listener on its loopback. */
function startGates ({ lab, topology: { hosts, origin } }: DaemonsInit): Launched[] {
  const script = modulePath('./gate-process')
  const gates = hosts.map((host) => launch(lab, host, 'gate', script, [
    socketOf(lab, host, 'http'), `${host.address}:${labPorts.http}`, socketOf(lab, host, 'admin'), `127.0.0.1:${labPorts.admin}`
  ]))
  return [...gates, launch(lab, origin, 'gate', script, [socketOf(lab, origin, 'http'), `${origin.address}:${labPorts.origin}`])]
}

/** `listen` is the address to join by. */
async function startEdge (init: DaemonsInit, host: LabHost, join: readonly string[]): Promise<{ readonly program: Launched, readonly listen: string }> {
  const { lab, topology } = init
  const folder = hostFolder(lab, host)
  const config = {
    name: host.name,
    region: host.region,
    dataDir: `${folder}/data`,
    http: `${host.address}:${labPorts.http}`,
    admin: `127.0.0.1:${labPorts.admin}`,
    listen: [`/ip4/${host.address}/tcp/${labPorts.mesh}`],
    join,
    networkKeyFile: networkKeyPath(lab),
    sites: [{ name: 'default', hosts: ['*'], origin: originUrl(topology) }],
    settings: topology.settings
  }
  await writeFile(`${folder}/colonyd.yaml`, JSON.stringify(config))
  const program = launch(lab, host, 'colonyd', modulePath('../../bin/colonyd'), ['--config', `${folder}/colonyd.yaml`])
  return { program, listen: (await ready(init, program)).get('listen')! }
}

/** A libp2p pre-shared key: beyond loopback colonyd wants one. */
function networkKey (): string {
  return `/key/swarm/psk/1.0.0/\n/base16/\n${randomBytes(32).toString('hex')}\n`
}

function networkKeyPath (lab: string): string {
  return join(labFolder(lab), 'network.key')
}

/** Relative to this folder; the ending is this file's own, `.ts` in a clone and `.js` in a package. */
function modulePath (module: string): string {
  return fileURLToPath(new URL(module + extname(import.meta.url), import.meta.url))
}

interface Launched {
  readonly child: ChildProcess
  /** `colonyd on europe-1`. */
  readonly title: string
  /** Where it writes to. */
  readonly out: string
  readonly log: string
  /** Rejects when it ends, which none should. */
  readonly ended: Promise<never>
}

function launch (lab: string, host: LabHost, program: string, script: string, args: readonly string[]): Launched {
  const path = join(hostFolder(lab, host), program)
  const launched = { title: `${program} on ${host.name}`, out: `${path}.out`, log: `${path}.log` }
  const [out, log] = [openSync(launched.out, 'a'), openSync(launched.log, 'a')]
  const [command, ...rest] = [...within(namespaceOf(lab, host.name)), process.execPath, script, ...args]
  // A session of its own: Ctrl-C is for the command that started it.
  const child = spawn(command!, rest, { env: labEnvironment(), stdio: ['ignore', out, log], detached: true })
  closeSync(out)
  closeSync(log)
  const ended = new Promise<never>((_resolve, reject) => {
    const fail = (what: string): void => { void lastLine(launched.log).then((line) => { reject(new DaemonError(`${launched.title} ${what}${line}`)) }) }
    child.once('error', (error) => { fail(`could not be started: ${error.message}`) })
    child.once('exit', (code, signal) => { fail(`ended ${signal === null ? `with exit code ${code}` : `by ${signal}`}`) })
  })
  ended.catch(() => {})
  return { ...launched, child, ended }
}

/** @returns the values of the ready line; @throws DaemonError */
async function ready ({ clock, settings, signal }: DaemonsInit, { title, out, log, ended }: Launched): Promise<ReadonlyMap<string, string>> {
  const limit = deadline(clock, settings.readyTimeoutMs, `the start of ${title}`, signal)
  try {
    while (true) {
      const line = /^ready (.*)\n/m.exec(await readFile(out, 'utf8'))?.[1]
      if (line !== undefined) return new Map(line.split(' ').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
      await Promise.race([sleep(clock, settings.readyIntervalMs, limit.signal), ended])
    }
  } catch (error) {
    if (signal.aborted || !limit.signal.aborted) throw error
    throw new DaemonError(`${title} was not ready within ${settings.readyTimeoutMs} ms${await lastLine(log)}`)
  } finally {
    limit.clear()
  }
}

/** Fit to follow a sentence; empty when nothing was written. */
async function lastLine (log: string): Promise<string> {
  const line = (await readFile(log, 'utf8').catch(() => '')).trimEnd().split('\n').at(-1) ?? ''
  return line === '' ? '' : `; its last line: ${line.slice(0, 400)}`
}
