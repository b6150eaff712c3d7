/**
 * A lab: real hosts, each a network namespace with a `colonyd` of its own, on cables that can be as long,
 * as bad and as broken as those between continents. Built, looked at, cut, healed and removed here; the
 * commands of `netsim lab` and the scenarios under test/lab are its two users. It stands on its own once it
 * is up: another process opens it by its name.
 */
import type { EdgeStatus } from '../../daemon/admin/status.ts'
import { type Clock, deadline, sleep } from '../../protocols/clock.ts'
import { ColonyError } from '../../protocols/errors.ts'
import { calibrate, type Calibration } from './calibration.ts'
import { type Daemons, startDaemons } from './daemons.ts'
import { ask, type Asking, type GateAnswer } from './gate.ts'
import { namespaces, processesIn, removeNamespace, runCommand, runScript, within } from './machine.ts'
import {
  type Carried, type Cut, cutsBetween, cutScript, healScript, hostsNamed, labOf, namespaceOf, namespacePrefix, networkScripts, readCarried, readCuts, switchName
} from './network.ts'
import { labFolder, type LabRecord, readRecord, removeFolder, socketOf, writeRecord } from './record.ts'
import type { LabSettings } from './settings.ts'
import { shapingScripts } from './shaping.ts'
import type { LabHost, Topology } from './topology.ts'

export interface LabInit {
  /** Lower-case letters, digits and "-". */
  readonly name: string
  readonly topology: Topology
  /** False: cables are plain, whatever the topology says, and netem is not needed. */
  readonly delay: boolean
  /** True: hosts and cables only, and nothing runs on them. */
  readonly bare?: boolean
  readonly clock: Clock
  readonly settings: LabSettings
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: LabProgress) => void
}

export type LabProgress =
  | { readonly kind: 'network' }
  | { readonly kind: 'starting' }
  /** `members` is the sum over all hosts: whole at `hosts` squared. */
  | { readonly kind: 'converging', readonly hosts: number, readonly up: number, readonly members: number }
  | { readonly kind: 'calibrating' }

/** A host as it was found. */
export interface HostLook {
  readonly host: LabHost
  /** Absent when it did not answer. */
  readonly status?: EdgeStatus
}

export class LabError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_LAB', message, options)
  }
}

/** Of a socket in the file system, with the byte that ends it (unix(7)). */
const socketPathMax = 107

export interface Removed {
  readonly namespaces: number
  readonly processes: number
}

export class Lab {
  readonly name: string
  readonly delay: boolean
  readonly topology: Topology
  /** How the links were found when it came up; empty when they are plain, and for a lab that was opened. */
  readonly calibrations: readonly Calibration[]
  readonly #clock: Clock
  readonly #settings: LabSettings

  private constructor ({ name, delay, topology }: LabRecord, clock: Clock, settings: LabSettings, calibrations: readonly Calibration[] = []) {
    this.name = name
    this.delay = delay
    this.topology = topology
    this.calibrations = calibrations
    this.#clock = clock
    this.#settings = settings
  }

  /**
   * Resolves when all hosts know each other. What was built is removed when that fails.
   *
   * @throws LabError when a lab of the name is up, when the hosts do not find each other, or when the links are not as they were set
   */
  static async up (init: LabInit): Promise<Lab> {
    const { name, topology, delay, bare = false, clock, settings, onProgress = () => {} } = init
    if ((await namespacesOf(name)).length > 0) throw new LabError(`a lab of the name ${name} is there already: remove it with netsim lab down, or give another --name`)
    const longest = Math.max(...topology.hosts.map((host) => socketOf(name, host, 'admin').length))
    if (longest > socketPathMax) throw new LabError(`the names of sockets in ${labFolder(name)} are too long for the system: set TMPDIR to a shorter path`)
    const limit = deadline(clock, settings.convergeTimeoutMs, 'the lab', init.signal)
    let daemons: Daemons | undefined
    try {
      await removeFolder(name)
      const record = { name, topology, delay }
      await writeRecord(record)
      onProgress({ kind: 'network' })
      for (const script of [...networkScripts(name, topology), ...(delay ? shapingScripts(name, topology) : [])]) {
        limit.signal.throwIfAborted()
        await runScript(script)
      }
      onProgress({ kind: 'calibrating' })
      const calibrations = delay ? await calibrate(name, topology, settings) : []
      checkCalibrations(calibrations)
      const lab = new Lab(record, clock, settings, calibrations)
      if (bare) return lab
      onProgress({ kind: 'starting' })
      daemons = await startDaemons({ lab: name, topology, clock, settings, signal: limit.signal })
      await Promise.race([lab.#converge(limit.signal, onProgress), daemons.ended])
      return lab
    } catch (error) {
      await Lab.down(name, clock, settings)
      if (!limit.signal.aborted || init.signal?.aborted === true) throw error
      throw new LabError(`the hosts did not all find each other within ${settings.convergeTimeoutMs} ms: try fewer of them, or a machine with more cores`, { cause: error })
    } finally {
      daemons?.letGo()
      limit.clear()
    }
  }

  /** @throws LabError when there is none of the name */
  static async open (name: string, clock: Clock, settings: LabSettings): Promise<Lab> {
    const record = await readRecord(name)
    const there = await namespacesOf(name)
    if (record === undefined || there.length === 0) {
      const up = await Lab.names()
      throw new LabError(`there is no lab of the name ${name}: ${up.length === 0 ? 'start one with netsim lab up' : `there is ${up.join(', ')} (give --name)`}`)
    }
    return new Lab(record, clock, settings)
  }

  /** Of all labs of which anything is there. */
  static async names (): Promise<string[]> {
    return [...new Set((await namespaces()).flatMap((each) => labOf(each) ?? []))]
  }

  /**
   * Removes whatever there is of a lab: goes by the namespaces, not by what a record says, so that it works
   * after any crash and any number of times.
   *
   * @throws LabError when a process cannot be ended
   */
  static async down (name: string, clock: Clock, settings: LabSettings): Promise<Removed> {
    const found = await namespacesOf(name)
    const killed = new Set<number>()
    const untilMs = clock.nowMs() + settings.killTimeoutMs
    // Again until all are gone: one may have started another in between.
    while (true) {
      const left = (await Promise.all(found.map(processesIn))).flat()
      if (left.length === 0) break
      if (clock.nowMs() > untilMs) throw new LabError(`the processes ${left.join(', ')} of the lab ${name} do not end`)
      for (const id of left) {
        killed.add(id)
        kill(id)
      }
    }
    for (const namespace of found) await removeNamespace(namespace)
    await removeFolder(name)
    return { namespaces: found.length, processes: killed.size }
  }

  async down (): Promise<Removed> {
    return await Lab.down(this.name, this.#clock, this.#settings)
  }

  get hosts (): readonly LabHost[] {
    return this.topology.hosts
  }

  /** Host and origin alike. @throws LabError */
  host (name: string): LabHost {
    const [host, another] = this.#named(name)
    if (host === undefined || another !== undefined) throw new LabError(`${JSON.stringify(name)} is no host of the lab: expected ${[...this.hosts, this.topology.origin].map((each) => each.name).join(', ')}`)
    return host
  }

  /** The command that runs `command` on a host. */
  commandOn (host: LabHost, command: readonly string[]): string[] {
    return [...within(namespaceOf(this.name, host.name)), ...command]
  }

  /** From now on nothing travels from the one to the other, and back unless `oneWay`. Names are hosts, regions, `origin`, lists of those, and `others`. */
  async cut (from: string, to: string, oneWay = false): Promise<void> {
    await runScript(cutScript(this.name, this.topology, this.#cutsBetween(from, to, oneWay)))
  }

  /** Undoes every cut, or those between two groups, both directions. */
  async heal (from?: string, to?: string): Promise<void> {
    await runScript(healScript(this.name, this.topology, from === undefined || to === undefined ? 'all' : this.#cutsBetween(from, to, false)))
  }

  async cuts (): Promise<Cut[]> {
    return readCuts(await runCommand([...within(namespaceOf(this.name, switchName)), 'nft', '--json', 'list', 'set', 'bridge', 'lab', 'cut']), this.topology)
  }

  /** Bytes on each host's cable since the lab is up, cut or not at the other end, headers included. */
  async carried (): Promise<ReadonlyMap<string, Carried>> {
    return readCarried(await runCommand(['ip', '-netns', namespaceOf(this.name, switchName), '-statistics', '-json', 'link', 'show']), this.topology)
  }

  /** Asks a host's edge (or the origin) as a client on that very host. */
  async get (host: LabHost, path: string, asking: Partial<Asking> = {}): Promise<GateAnswer> {
    return await ask(socketOf(this.name, host, 'http'), path, this.#clock, { timeoutMs: this.#settings.answerTimeoutMs, ...asking })
  }

  /** Asks a host's admin listener. */
  async admin (host: LabHost, path: string, asking: Partial<Asking> = {}): Promise<GateAnswer> {
    return await ask(socketOf(this.name, host, 'admin'), path, this.#clock, { timeoutMs: this.#settings.answerTimeoutMs, ...asking })
  }

  async look (): Promise<HostLook[]> {
    return await Promise.all(this.hosts.map(async (host) => {
      try {
        const { body } = await this.admin(host, '/v1/status')
        return { host, status: JSON.parse(body.toString()) as EdgeStatus }
      } catch {
        // Gone, or too busy to answer: shows as a host without a status.
        return { host }
      }
    }))
  }

  async #converge (signal: AbortSignal, onProgress: (progress: LabProgress) => void): Promise<void> {
    while (true) {
      const looks = await this.look()
      const up = looks.flatMap(({ status }) => status ?? [])
      onProgress({ kind: 'converging', hosts: looks.length, up: up.length, members: up.reduce((sum, { members }) => sum + members, 0) })
      if (isWhole(looks)) return
      await sleep(this.#clock, this.#settings.lookIntervalMs, signal)
    }
  }

  #cutsBetween (from: string, to: string, oneWay: boolean): Cut[] {
    // `others` of either side are those that the other side does not name.
    const one = this.#named(from, from === 'others' ? this.#named(to) : [])
    const cuts = cutsBetween(one, this.#named(to, one), oneWay)
    if (cuts.length === 0) throw new LabError(`${JSON.stringify(from)} and ${JSON.stringify(to)} are the same host: there is nothing between them`)
    return cuts
  }

  #named (text: string, besides: readonly LabHost[] = []): LabHost[] {
    const found = hostsNamed(this.topology, text, besides)
    if (typeof found === 'string') throw new LabError(found)
    return found
  }
}

/** Everyone knows everyone, and the hosts of each region agree on who owns what. */
export function isWhole (looks: readonly HostLook[]): boolean {
  return looks.every(({ status }) => status?.members === looks.length) && ringsAgree(looks)
}

/** Whether hosts of the same region have the same ring. */
export function ringsAgree (looks: readonly HostLook[]): boolean {
  return [...Map.groupBy(looks, ({ host }) => host.region).values()].every((region) => {
    const rings = new Set(region.map(({ status }) => status?.ring))
    return rings.size === 1 && !rings.has(undefined)
  })
}

async function namespacesOf (lab: string): Promise<string[]> {
  return (await namespaces()).filter((each) => each.startsWith(namespacePrefix(lab)))
}

function checkCalibrations (calibrations: readonly Calibration[]): void {
  const wrong = calibrations.find(({ fault }) => fault !== undefined)
  if (wrong !== undefined) throw new LabError(`the link from ${wrong.from} to ${wrong.to} is not as it was set: ${wrong.fault}`)
}

function kill (id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}
