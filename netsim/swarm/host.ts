/**
 * A process that runs edges of a swarm, as the swarm sees it: a worker that holds many (worker-host.ts) or a
 * `colonyd` of one (daemon-host.ts). What it tells of its edges is small, as a thousand of them are looked at
 * every second while the swarm forms.
 */
import type { EdgeStatus, PartTraffic } from '../../daemon/admin/status.ts'
import type { Traffic } from '../traffic.ts'
import type { EdgePlan, Ports } from './plan.ts'

/** What every edge of a swarm is started with. */
export interface EdgeBase {
  readonly ports: Ports
  readonly origin: string
  /** Holds a data folder for each edge. */
  readonly folder: string
  /** Round trip that links between regions get over loopback's own, ms; 0: none. */
  readonly regionRttMs: number
  /** The `settings:` map of a configuration file, given to every edge. */
  readonly settings: Readonly<Record<string, Readonly<Record<string, number>>>>
}

export interface EdgeLook {
  readonly name: string
  /** Undefined while it is down. */
  readonly up?: EdgeUp
}

export interface EdgeUp {
  readonly peer: string
  /** Fit for `--join`. */
  readonly listen: string
  readonly http: string
  readonly members: number
  readonly ring: string | undefined
  /** Its region's, as far as it knows. */
  readonly leader: string | undefined
  readonly connections: number
}

/** What of an edge's status is looked at. */
export function upOf ({ members, ring, connections, raft }: EdgeStatus): Pick<EdgeUp, 'members' | 'ring' | 'leader' | 'connections'> {
  return { members, ring, connections, leader: raft.find(({ scope }) => scope === 'region')?.leader?.peer }
}

/** What a process has used since its start, and what its edges have done since theirs. */
export interface HostUsage {
  readonly pid: number
  readonly edges: number
  readonly cpuMs: number
  readonly rssBytes: number
  /** Since the last look at it, ms. Undefined for a process that does not tell. */
  readonly eventLoopDelayMs?: { readonly p50: number, readonly p99: number, readonly max: number }
  readonly traffic: Traffic
  readonly coordination: Readonly<Record<string, PartTraffic>>
}

export interface EdgeHost {
  readonly edges: readonly EdgePlan[]
  /** Resolves when those edges listen. @throws ProgramError when the process or an edge does not start */
  start: (edges: readonly EdgePlan[], join: readonly string[]) => Promise<void>
  look: () => Promise<EdgeLook[]>
  usage: () => Promise<HostUsage>
  /** Ends edges without a goodbye, as kill -9 does. */
  kill: (names: readonly string[]) => Promise<void>
  /** Holds the whole process still (SIGSTOP), and lets it go on (SIGCONT). */
  pause: () => void
  resume: () => void
  /** No byte passes between these hosts any more, and none says so; `oneWay`: from `from` to `to` only. */
  cut: (from: readonly string[], to: readonly string[], oneWay: boolean) => Promise<void>
  heal: () => Promise<void>
  stop: () => Promise<void>
}
