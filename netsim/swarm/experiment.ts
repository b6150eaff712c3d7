/**
 * One run of a swarm from start to end, with its figures: form it, fetch across every pair of regions, measure what
 * it costs idle, then drive a workload through it while faults come and go. One seed decides what is asked for,
 * what fails and when. Everything it started is gone when it returns, whichever way.
 */
import { type Clock, sleep } from '../../protocols/clock.ts'
import { Random } from '../random.ts'
import { type Report, Workload } from '../workload/workload.ts'
import { WorkloadOrigin } from '../workload/origin-host.ts'
import type { Shape } from '../workload/shape.ts'
import type { Convergence } from './convergence.ts'
import type { Cost, Reading } from './cost.ts'
import { type FaultEvent, runFaults } from './fault-runner.ts'
import type { Fault } from './faults.ts'
import type { EdgeBase } from './host.ts'
import type { PlanInit } from './plan.ts'
import { probePairs, type ProbeResult } from './probe.ts'
import { Swarm, SwarmError, type SwarmEvent } from './swarm.ts'
import { swarmDefaults } from './settings.ts'

export interface ExperimentInit extends PlanInit {
  readonly seed: number
  /** Somebody else's, in place of our own; a workload cannot check its bytes then and is left out. */
  readonly origin?: string
  readonly shape: Shape
  /** 0: no workload. */
  readonly workloadMs: number
  readonly faults: readonly Fault[]
  /** Whether the idle cost is measured: it takes half a minute. */
  readonly idle: boolean
  /** Whether an edge is lost and taken back, to see how soon all know. */
  readonly change?: boolean
  readonly edgeSettings?: EdgeBase['settings']
  readonly regionRttMs?: number
  readonly pace?: number
  readonly clock: Clock
  /** Stops it early. Under the workload, what was measured by then is reported. */
  readonly signal: AbortSignal
  readonly onEvent: (event: ExperimentEvent) => void
}

export type ExperimentEvent =
  | SwarmEvent
  | { readonly kind: 'step', readonly what: string }
  | { readonly kind: 'converged', readonly convergedMs: number, readonly convergence: Convergence }
  | { readonly kind: 'probed', readonly result: ProbeResult }
  | { readonly kind: 'idle', readonly cost: Cost }
  | { readonly kind: 'fault', readonly event: FaultEvent }
  | { readonly kind: 'workload', readonly report: Report }

export interface ExperimentReport {
  readonly seed: number
  readonly peers: number
  readonly regions: number
  readonly processes: number
  /** How many times longer than the daemon's the intervals of coordination were. */
  readonly pace: number
  readonly convergedMs: number
  readonly connectionsPerPeer: number
  readonly probe: ProbeResult
  readonly idle?: Cost
  /** Until every edge knew that one was lost (kill -9), and that it was back, ms. */
  readonly change?: { readonly lostMs: number, readonly joinedMs: number }
  readonly workload?: Report
  readonly faults: readonly FaultEvent[]
  /** From the end of the last fault until the swarm was one again, ms. */
  readonly reunitedMs?: number
  readonly first: Reading
  readonly last: Reading
  /** Looks while it formed. */
  readonly forming: ReadonlyArray<{ readonly sinceMs: number, readonly convergence: Convergence }>
  /** Looks while it was driven; `atMs` counts from the workload's start. */
  readonly watched: readonly Watched[]
}

export interface Watched {
  readonly atMs: number
  readonly convergence: Convergence
  readonly reading: Reading
}

export const experimentDefaults = Object.freeze({
  /** Between two looks at a swarm under load, ms. Lower: finer pictures, and more of the edges' own time. */
  watchIntervalMs: 2_000
})

/** @throws SwarmError when it does not form; the signal's reason when it was stopped before it had */
export async function runExperiment (init: ExperimentInit): Promise<ExperimentReport> {
  const { clock, seed, shape, signal, onEvent } = init
  const random = new Random(seed)
  const forming: Array<{ sinceMs: number, convergence: Convergence }> = []
  const origin = init.origin === undefined ? new WorkloadOrigin({ clock, seed, shape }) : undefined
  let swarm: Swarm | undefined
  const abort = (): void => { void swarm?.stop() }
  signal.addEventListener('abort', abort, { once: true })
  try {
    const originUrl = init.origin ?? await origin!.start()
    signal.throwIfAborted()
    const onSwarmEvent = (event: SwarmEvent): void => {
      if (event.kind === 'forming') forming.push(event)
      onEvent(event)
    }
    swarm = new Swarm({ ...init, origin: originUrl, onEvent: onSwarmEvent })
    const convergedMs = await swarm.start()
    const formed = forming.length
    signal.removeEventListener('abort', abort)
    const convergence = await swarm.convergence()
    onEvent({ kind: 'converged', convergedMs, convergence })
    onEvent({ kind: 'step', what: 'fetching across every pair of regions' })
    const probe = await probePairs({ clock, random: random.fork('probe'), edges: swarm.edges(), origin: originUrl, target: probeTargets(init), timeoutMs: swarmDefaults.probeTimeoutMs })
    onEvent({ kind: 'probed', result: probe })
    const idle = init.idle ? await swarm.idleCost(signal, (what) => { onEvent({ kind: 'step', what }) }) : undefined
    if (idle !== undefined) onEvent({ kind: 'idle', cost: idle })
    const change = init.change === true ? await loseOne(swarm, random.fork('change'), onEvent) : undefined
    const first = await swarm.reading()
    const driven = origin === undefined || init.workloadMs === 0 ? undefined : await drive(init, random, swarm, origin)
    return {
      seed,
      peers: init.peers,
      regions: init.regions,
      processes: swarm.processes,
      pace: swarm.pace,
      convergedMs,
      connectionsPerPeer: convergence.connections / init.peers,
      probe,
      idle,
      change,
      workload: driven?.workload,
      faults: driven?.faults ?? [],
      reunitedMs: driven?.reunitedMs,
      first,
      last: driven?.last ?? await swarm.reading(),
      forming: forming.slice(0, formed),
      watched: driven?.watched ?? []
    }
  } finally {
    signal.removeEventListener('abort', abort)
    await swarm?.stop()
    await origin?.stop()
  }
}

async function loseOne (swarm: Swarm, random: Random, onEvent: ExperimentInit['onEvent']): Promise<{ lostMs: number, joinedMs: number }> {
  const { name } = random.pick(swarm.edges())
  onEvent({ kind: 'step', what: 'losing an edge' })
  await swarm.kill([name])
  const lostMs = await swarm.converge()
  onEvent({ kind: 'step', what: 'taking it back' })
  await swarm.restart([name])
  return { lostMs, joinedMs: await swarm.converge() }
}

interface Driven {
  readonly workload: Report
  readonly faults: readonly FaultEvent[]
  readonly reunitedMs?: number
  readonly watched: readonly Watched[]
  readonly last: Reading
}

async function drive (init: ExperimentInit, random: Random, swarm: Swarm, origin: WorkloadOrigin): Promise<Driven> {
  const { clock, seed, shape, signal, onEvent } = init
  const events: FaultEvent[] = []
  const watched: Watched[] = []
  const over = new AbortController()
  const workload = new Workload({
    clock,
    onReport: (report) => { onEvent({ kind: 'workload', report }) },
    onEnd: (sentence) => { over.abort(new SwarmError(sentence)) }
  })
  const either = AbortSignal.any([signal, over.signal])
  try {
    await workload.start({ seed, shape, targets: swarm.edges() })
    const faults = runFaults({
      swarm, clock,
      origin: {
        control: async (change) => {
          // Clients that are gone have said so themselves.
          if (change.down === false) await workload.origin(false).catch(() => {})
          await origin.control(change)
          if (change.down === true) await workload.origin(true).catch(() => {})
        }
      },
      random: random.fork('faults'),
      onEvent: (event) => {
        events.push(event)
        onEvent({ kind: 'fault', event })
      },
      onTargets: () => { workload.update(swarm.edges()).catch(() => {}) }
    }, init.faults, either)
    const watching = new AbortController()
    const watch = watchSwarm(clock, swarm, watched, AbortSignal.any([either, watching.signal]))
    await Promise.all([faults, sleep(clock, init.workloadMs, either).catch((error: unknown) => { if (over.signal.aborted) throw error })])
    watching.abort()
    await watch
    const report = await workload.stop()
    const last = await swarm.reading()
    const reunitedMs = init.faults.length === 0 || signal.aborted ? undefined : await swarm.converge()
    return { workload: report, faults: events, reunitedMs, watched, last }
  } finally {
    await workload.stop()
  }
}

/** Looks at the swarm now and then. A process that is held still keeps a look waiting: it counts when it comes. */
async function watchSwarm (clock: Clock, swarm: Swarm, watched: Watched[], signal: AbortSignal): Promise<void> {
  const startMs = clock.nowMs()
  while (!signal.aborted) {
    await sleep(clock, experimentDefaults.watchIntervalMs, signal).catch(() => {})
    if (signal.aborted) return
    const [convergence, reading] = await Promise.all([swarm.convergence(), swarm.reading()])
    watched.push({ atMs: reading.atMs - startMs, convergence, reading })
  }
}

/** Objects beyond those of the workload, so that none of them is held anywhere yet. */
function probeTargets ({ origin, shape, seed }: ExperimentInit): () => string {
  let count = 0
  return () => origin === undefined ? `/o/${shape.objects + count++}` : `/?colony-probe=${seed}-${count++}`
}
