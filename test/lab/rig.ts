/**
 * What every scenario of the lab is made of: a lab of a given topology, requests whose every byte is
 * checked, waits with deadlines (longer where time passes slower), and the cost of coordination on the
 * cables. A check that fails throws one sentence.
 */
import { systemClock } from '../../daemon/clock.ts'
import { contentOf, contentPath } from '../../netsim/lab/content.ts'
import type { Asking } from '../../netsim/lab/gate.ts'
import { type HostLook, isWhole, Lab, ringsAgree } from '../../netsim/lab/lab.ts'
import { type Pinged, type Pinging, ping } from '../../netsim/lab/calibration.ts'
import { labDefaults, scaled, timeFactor } from '../../netsim/lab/settings.ts'
import { type LabHost, topologyOf } from '../../netsim/lab/topology.ts'
import { sleep } from '../../protocols/clock.ts'

export const rigDefaults = Object.freeze({
  /** From a cut until each side knows of itself alone and agrees on its rings, ms. A silent edge is missed after 7 s in its region, later by one that is itself starved of processor. */
  settleTimeoutMs: 60_000,
  /**
   * From the end of a fault until all know all and agree on the rings, ms. A connection that was not closed is
   * back with TCP's next try, which after a cut comes as late again as the cut was long; gone members are dialled each 30 s.
   */
  healTimeoutMs: 75_000,
  /** From then until every host answers everything, ms: an origin that was given up is tried again after 5 to 7.5 s. */
  recoverTimeoutMs: 20_000,
  /** A client's patience, ms: above what an edge spends on peers and an origin that do not answer. */
  clientTimeoutMs: 20_000,
  /** A change that was not agreed yet is asked for again so many times, half a second apart. */
  changeTriesMax: 40,
  /** Quiet time over which coordination is measured, ms. */
  measureMs: 6_000,
  /** Bytes that a host may put on its cable for each second without clients, in a fault: twice what was measured. */
  coordinationBytesMax: 16_000
})

/** An answer that is none, and honest about it. */
export class RefusedError extends Error {}

export interface Answer {
  readonly status: number
  /** `hit`, `stale` (it could not be asked whether it is current), `peer`, `origin` or `none`. */
  readonly source: string
}

export interface Measured {
  requests: number
  /** From the cut until the sides had settled, ms. */
  settledMs?: number
  /** From the end of the fault until all was whole, ms. */
  healedMs?: number
  /** For each host and second during the fault: on the cables, and of that what the daemons count as coordination. */
  cableBytes?: number
  coordinationBytes?: number
  /** Answers by their source, and the slowest of each, ms. */
  readonly sources: Record<string, number>
  readonly slowestMs: Record<string, number>
}

export interface RigInit {
  readonly name: string
  /** As in a topology file. */
  readonly topology: object
  readonly delay: boolean
  readonly bare?: boolean
  readonly say: (what: string) => void
}

export class Rig {
  readonly lab: Lab
  readonly measured: Measured = { requests: 0, sources: {}, slowestMs: {} }
  readonly #say: (what: string) => void
  readonly #factor = timeFactor()

  private constructor (lab: Lab, say: (what: string) => void) {
    this.lab = lab
    this.#say = say
  }

  /** Runs `work` on a lab of its own, which is gone afterwards. */
  static async run (init: RigInit, work: (rig: Rig) => Promise<void>): Promise<Measured> {
    const settings = scaled(labDefaults, timeFactor())
    init.say('starting')
    const topology = topologyOf(init.topology)
    const lab = await Lab.up({ ...init, topology: { ...topology, settings: { ...patient(timeFactor()), ...topology.settings } }, clock: systemClock, settings })
    try {
      const rig = new Rig(lab, init.say)
      await work(rig)
      return rig.measured
    } finally {
      await lab.down()
    }
  }

  say (what: string): void {
    this.#say(what)
  }

  hosts (...names: readonly string[]): LabHost[] {
    return names.flatMap((name) => this.lab.hosts.filter((host) => host.name === name || host.region === name))
  }

  /** All but those. */
  others (hosts: readonly LabHost[]): LabHost[] {
    return this.lab.hosts.filter((host) => !hosts.includes(host))
  }

  async pause (ms: number): Promise<void> {
    await sleep(systemClock, ms * this.#factor)
  }

  /** Asks as a client on the host. Throws when a 200 does not bring the very bytes of the origin. */
  async get (host: LabHost, path: string): Promise<Answer> {
    this.measured.requests++
    const { status, headers, body, tookMs } = await this.lab.get(host, path, { timeoutMs: rigDefaults.clientTimeoutMs * this.#factor })
    if (status === 200 && !body.equals(contentOf(path)!.bytes)) throw new Error(`${host.name} answers ${path} with ${body.length} bytes that are not the origin's`)
    const source = status === 200 ? sourceOf(String(headers['cache-status'])) : 'none'
    this.measured.sources[source] = (this.measured.sources[source] ?? 0) + 1
    this.measured.slowestMs[source] = Math.round(Math.max(this.measured.slowestMs[source] ?? 0, tookMs))
    return { status, source }
  }

  /** Asks the host's admin listener. @returns the status and the JSON that came */
  async admin (host: LabHost, path: string, asking: Omit<Asking, 'timeoutMs'> = {}): Promise<{ readonly status: number, readonly body: Record<string, any> }> {
    const { status, body } = await this.lab.admin(host, path, { ...asking, timeoutMs: rigDefaults.clientTimeoutMs * this.#factor })
    return { status, body: JSON.parse(body.toString()) as Record<string, any> }
  }

  /** Every host answers every path rightly. @returns the sources, host by host, in the order of the paths */
  async allRight (hosts: readonly LabHost[], paths: readonly string[], when: string, allowed: readonly string[] = ['hit', 'stale', 'peer', 'origin']): Promise<string[]> {
    return await Promise.all(hosts.flatMap((host) => paths.map(async (path) => {
      const { status, source } = await this.get(host, path)
      if (status !== 200) throw new RefusedError(`${when}, ${host.name} answers ${path} with ${status}`)
      if (!allowed.includes(source)) throw new Error(`${when}, ${host.name} answers ${path} from ${source}, where ${allowed.join(' or ')} was expected`)
      return source
    })))
  }

  /** The same, as soon as edges have noticed that what they gave up is there again. Wrong bytes are wrong at any time. */
  async allRightSoon (hosts: readonly LabHost[], paths: readonly string[], when: string): Promise<void> {
    const startMs = systemClock.nowMs()
    while (true) {
      try {
        await this.allRight(hosts, paths, when)
        return
      } catch (error) {
        if (!(error instanceof RefusedError) || systemClock.nowMs() - startMs > rigDefaults.recoverTimeoutMs * this.#factor) throw error
        this.say(`not yet: ${error.message}`)
      }
      await this.pause(500)
    }
  }

  /** Waits until `holds` of a look at all hosts. @returns ms that it took */
  async until (what: string, timeoutMs: number, holds: (looks: readonly HostLook[]) => boolean): Promise<number> {
    const startMs = systemClock.nowMs()
    while (true) {
      const looks = await this.lab.look()
      if (holds(looks)) return systemClock.nowMs() - startMs
      if (systemClock.nowMs() - startMs > timeoutMs * this.#factor) {
        const seen = looks.map(({ host, status }) => `${host.name} knows ${status?.members ?? 'nobody'} (ring ${status?.ring?.slice(0, 6) ?? '-'})`)
        throw new Error(`${what} took longer than ${timeoutMs * this.#factor} ms: ${seen.join(', ')}`)
      }
      await sleep(systemClock, labDefaults.lookIntervalMs)
    }
  }

  /** Each side knows its own members only, and agrees on its rings. */
  async untilSplit (sides: ReadonlyArray<readonly LabHost[]>): Promise<void> {
    this.measured.settledMs = await this.until('settling after the cut', rigDefaults.settleTimeoutMs, (looks) => sides.every((side) => {
      const own = looks.filter(({ host }) => side.includes(host))
      return own.every(({ status }) => status?.members === side.length) && ringsAgree(own)
    }))
    this.say(`split after ${Math.round(this.measured.settledMs)} ms`)
  }

  async untilWhole (): Promise<void> {
    this.measured.healedMs = await this.until('healing', rigDefaults.healTimeoutMs, isWhole)
    this.say(`whole after ${Math.round(this.measured.healedMs)} ms`)
  }

  async ping (from: LabHost, to: LabHost, pinging: Pinging): Promise<Pinged> {
    return await ping(this.lab.name, from, to, pinging)
  }

  /** The cut is one: nothing is received. One way: that the other way is open cannot show by pings. */
  async expectCut (from: LabHost, to: LabHost): Promise<void> {
    const { received, sent } = await this.ping(from, to, { count: 5, intervalMs: 50 })
    if (received > 0) throw new Error(`${received} of ${sent} pings come through from ${from.name} to ${to.name}, which are cut`)
  }

  /** Measures what the mesh costs while no client asks for anything, and holds it against the budget. */
  async measureCoordination (): Promise<void> {
    const before = await this.#spent()
    await this.pause(rigDefaults.measureMs)
    const after = await this.#spent()
    const perHostSecond = (bytes: number): number => Math.round(bytes / this.lab.hosts.length / ((after.atMs - before.atMs) / 1_000))
    this.measured.cableBytes = perHostSecond(after.cable - before.cable)
    this.measured.coordinationBytes = perHostSecond(after.counted - before.counted)
    const { cableBytes } = this.measured
    if (cableBytes > rigDefaults.coordinationBytesMax) throw new Error(`coordination costs ${cableBytes} bytes for each host and second, more than ${rigDefaults.coordinationBytesMax}`)
    if (cableBytes === 0) throw new Error('the counters of the cables stand still')
  }

  async #spent (): Promise<{ readonly atMs: number, readonly cable: number, readonly counted: number }> {
    const [carried, looks] = await Promise.all([this.lab.carried(), this.lab.look()])
    const counted = looks.flatMap(({ status }) => Object.values(status?.coordination ?? {})).reduce((sum, { bytesOut }) => sum + bytesOut, 0)
    // What a host sends is counted once, where it enters the switch.
    const cable = this.lab.hosts.reduce((sum, { name }) => sum + carried.get(name)!.sentBytes, 0)
    return { atMs: systemClock.nowMs(), cable, counted }
  }
}

/**
 * What is tested is who answers, not how soon a crowded processor does: edges of a lab share one machine, and
 * the daemon's own 400 ms would at times take a neighbour for dead.
 */
function patient (factor: number): Record<string, Record<string, number>> {
  return {
    fetch: { answerTimeoutMs: 2_000 * factor, silenceTimeoutMs: 5_000 * factor },
    // A leader that got no processor for 300 ms is replaced: no fault, and not what is looked at.
    raft: { heartbeatTicks: 8 * factor, electionTicks: 60 * factor, leaseTicks: 40 * factor }
  }
}

/** Small objects: what is tested is who answers, not how much a cable carries. */
export function objects (kind: string, count: number, maxAgeSeconds: number): string[] {
  return Array.from({ length: count }, (_, at) => contentPath(3_000 + at, maxAgeSeconds, `${kind}-${at}`))
}

/** By the last member of Cache-Status (RFC 9211): what the asked edge did. */
function sourceOf (cacheStatus: string): string {
  const last = cacheStatus.split(',').at(-1)!
  if (/;hit\b/.test(last)) return 'hit'
  const detail = /;detail=([\w-]+)/.exec(last)?.[1] ?? 'none'
  return detail === 'origin-unreachable' ? 'stale' : detail
}
