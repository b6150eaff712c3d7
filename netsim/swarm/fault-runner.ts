/** Carries out a schedule of faults on a running swarm and its origin, and puts things right again after each. */
import { type Clock, sleep } from '../../protocols/clock.ts'
import type { Random } from '../random.ts'
import type { Fault } from './faults.ts'
import type { Swarm } from './swarm.ts'

/** The part of an origin that can fail. */
export interface FaultyOrigin {
  control: (change: { readonly down?: boolean, readonly delayMs?: number }) => Promise<void>
}

export interface FaultEvent {
  readonly fault: Fault
  readonly phase: 'begins' | 'ends'
  /** From the start of the schedule, ms. */
  readonly atMs: number
  /** Edges that it struck. */
  readonly edges: number
}

export interface FaultRunnerInit {
  readonly swarm: Swarm
  /** Absent where the swarm fetches from somebody else's. */
  readonly origin?: FaultyOrigin
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: (event: FaultEvent) => void
  /** The set of edges that answer has changed. */
  readonly onTargets: () => void
}

/** Resolves when all faults are over and put right; a signal ends it early, what it began put right as well. */
export async function runFaults (init: FaultRunnerInit, faults: readonly Fault[], signal: AbortSignal): Promise<void> {
  const startMs = init.clock.nowMs()
  await Promise.all(faults.map(async (fault) => {
    const untilStartMs = Math.max(0, startMs + fault.atMs - init.clock.nowMs())
    try {
      await sleep(init.clock, untilStartMs, signal)
    } catch {
      return
    }
    const { edges, undo } = await begin(init, fault)
    const tell = (phase: FaultEvent['phase']): void => { init.onEvent({ fault, phase, atMs: init.clock.nowMs() - startMs, edges }) }
    tell('begins')
    try {
      await sleep(init.clock, fault.forMs, signal)
    } catch {
      // Stopped early: put right all the same.
    }
    await undo()
    tell('ends')
  }))
}

async function begin (init: FaultRunnerInit, fault: Fault): Promise<{ edges: number, undo: () => Promise<void> }> {
  const { swarm, origin, random, onTargets } = init
  const all = swarm.edges().map(({ name }) => name)
  const some = (share: number): string[] => random.shuffled(all).slice(0, Math.max(1, Math.round(share * all.length)))
  const inRegion = (region: string): string[] => swarm.plan.filter((edge) => edge.region === region).map(({ name }) => name)
  switch (fault.kind) {
    case 'kill': {
      const names = some(fault.share)
      await swarm.kill(names)
      onTargets()
      return { edges: names.length, undo: async () => { await swarm.restart(names); onTargets() } }
    }
    case 'pause': {
      // A process stands still as a whole: the share is of processes, one at least.
      const processes = [...Map.groupBy(swarm.plan, ({ process }) => process).values()]
      const names = random.shuffled(processes).slice(0, Math.max(1, Math.round(fault.share * processes.length))).flat().map(({ name }) => name)
      await swarm.pause(names)
      return { edges: names.length, undo: async () => { await swarm.resume(names) } }
    }
    case 'cut': {
      const from = inRegion(fault.from)
      const to = fault.to === undefined ? swarm.plan.filter(({ region }) => region !== fault.from).map(({ name }) => name) : inRegion(fault.to)
      await swarm.cut(from, to, fault.oneWay)
      return { edges: from.length, undo: async () => { await swarm.heal() } }
    }
    case 'origin-down':
    case 'origin-slow': {
      await origin?.control(fault.kind === 'origin-down' ? { down: true } : { delayMs: fault.delayMs })
      return { edges: 0, undo: async () => { await origin?.control({ down: false, delayMs: 0 }) } }
    }
  }
}
