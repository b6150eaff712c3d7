/**
 * A process that runs many edges of a swarm: each is the daemon's own `createEdge`, with a real libp2p node, HTTP
 * listener and admin listener on a loopback address of its own. What they share is the process: one LevelDB, with
 * sublevels for each, and one turn of the event loop, whose delay is therefore told beside every figure.
 */
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { systemClock } from '../../daemon/clock.ts'
import { loadConfig } from '../../daemon/config.ts'
import { type Database, type Databases, ownDatabases } from '../../daemon/database.ts'
import { createEdge, type Edge } from '../../daemon/index.ts'
import { sleep } from '../../protocols/clock.ts'
import { answerCalls } from '../calls.ts'
import { Links } from '../links/links.ts'
import { add, noTraffic, trafficOf } from '../traffic.ts'
import { addCoordination, type Coordination } from './coordination.ts'
import { configText, edgeFlags } from './edge-flags.ts'
import { upOf, type EdgeLook, type HostUsage } from './host.ts'
import type { CutCall, KillCall, StartCall } from './messages.ts'
import type { EdgePlan } from './plan.ts'
import { swarmDefaults } from './settings.ts'

/** How often the event loop is looked at, ms; a wait below it is not seen. */
const loopResolutionMs = 10

interface Held {
  readonly plan: EdgePlan
  edge: Edge | undefined
  /** Ends when what was killed has freed its sockets. */
  ended: Promise<unknown>
}

const edges = new Map<string, Held>()
/** Made by the first `start`, which says how slow links are. */
let links = new Links({ clock: systemClock })
const loop = monitorEventLoopDelay({ resolution: loopResolutionMs })
loop.enable()
let shared: Database | undefined

/** Sublevels are named by the folder that would hold the database. */
function databasesIn (folder: string): Databases {
  shared ??= ownDatabases(join(folder, `worker-${process.pid}`))
  const level = shared
  return (path) => level.sublevel<string, Uint8Array>(path.replaceAll(/[^A-Za-z0-9]/g, '-'), { valueEncoding: 'view' }) as unknown as Database
}

async function start ({ base, edges: plans, join: joining }: StartCall): Promise<void> {
  if (edges.size === 0 && base.regionRttMs > 0) {
    // 127.region.city.n: the second number is the region.
    links = new Links({ clock: systemClock, delayMs: (from, to) => from.split('.')[1] === to.split('.')[1] ? 0 : base.regionRttMs / 2 })
  }
  for (const plan of plans) {
    const held = edges.get(plan.name) ?? { plan, edge: undefined, ended: Promise.resolve() }
    edges.set(plan.name, held)
    await held.ended
    links.restore(plan.host)
    const read = loadConfig(edgeFlags(plan, base, joining, 'swarm'), {}, () => configText(base))
    if (read.kind !== 'run') throw new TypeError('an edge of a swarm has no configuration')
    const edge = await createEdge(read.config, { databases: databasesIn(base.folder), transport: links.transport(plan.host) })
    await edge.start()
    held.edge = edge
  }
  if (joining.length > 0) await joined(plans.map(({ name }) => edges.get(name)!))
}

/** Until all of them know of others. Handshakes that wait in line behind too many others are given up, and begun again. */
async function joined (batch: readonly Held[]): Promise<void> {
  const endMs = systemClock.nowMs() + swarmDefaults.joinWaitMs
  const isAlone = ({ edge }: Held): boolean => edge !== undefined && edge.status.status().members === 1
  while (batch.some(isAlone) && systemClock.nowMs() < endMs) await sleep(systemClock, swarmDefaults.joinLookMs)
}

function look (): EdgeLook[] {
  return [...edges.values()].map(({ plan: { name }, edge }) => {
    if (edge === undefined) return { name }
    const { peer, http, listen } = edge.ready
    return { name, up: { peer, http, listen, ...upOf(edge.status.status()) } }
  })
}

function usage (): HostUsage {
  const { user, system } = process.cpuUsage()
  const statuses = [...edges.values()].flatMap(({ edge }) => edge?.status.status() ?? [])
  const delayMs = (percentile: number): number => Math.max(0, loop.percentile(percentile) / 1e6 - loopResolutionMs)
  const eventLoopDelayMs = { p50: delayMs(50), p99: delayMs(99), max: delayMs(100) }
  loop.reset()
  return {
    pid: process.pid,
    edges: statuses.length,
    cpuMs: (user + system) / 1_000,
    rssBytes: process.memoryUsage.rss(),
    eventLoopDelayMs,
    traffic: statuses.map(trafficOf).reduce(add, noTraffic),
    coordination: statuses.map(({ coordination }) => coordination).reduce<Coordination>(addCoordination, {})
  }
}

/** As kill -9 does: the sockets go first, so no goodbye of the shutdown gets out. */
function kill ({ names }: KillCall): void {
  for (const name of names) {
    const held = edges.get(name)
    if (held?.edge === undefined) continue
    links.sever(held.plan.host)
    held.ended = held.edge.stop()
    held.edge = undefined
  }
}

async function stop (): Promise<void> {
  await Promise.all(Array.from(edges.values(), async ({ edge, ended }) => {
    await ended
    await edge?.stop()
  }))
  await shared?.close()
}

answerCalls({
  start,
  look,
  usage,
  kill,
  cut: ({ from, to, oneWay }: CutCall) => { links.cut(from, to, { oneWay }) },
  heal: () => { links.heal() },
  stop
})
process.stdout.write(`ready pid=${process.pid}\n`)
