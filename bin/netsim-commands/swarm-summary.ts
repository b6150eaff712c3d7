/** The JSON document of a swarm's run: names and units are a contract with scripts. Pure. */
import { costOf } from '../../netsim/swarm/cost.ts'
import type { ExperimentReport } from '../../netsim/swarm/experiment.ts'

/** What a run without a workload says of it. */
const noWorkload = { requests: 0, errors: 0, wrongBytes: 0, hitRatio: 0, latencyMs: { p50: 0, p99: 0 }, peerFetches: 0, originFetches: 0 }

export function summaryOf (report: ExperimentReport) {
  const { seed, peers, regions, processes, pace, convergedMs, connectionsPerPeer, probe, change, workload, faults, reunitedMs, first, last } = report
  // Where the idle cost was left out, that of the time under load.
  const { rssBytesPerPeer, cpuPercentPerPeer, eventLoopDelayMs, coordination } = report.idle ?? costOf(first, last)
  return {
    seed,
    peers,
    regions,
    processes,
    pace,
    convergedMs: Math.round(convergedMs),
    connectionsPerPeer: Math.round(connectionsPerPeer * 10) / 10,
    probe,
    rssBytesPerPeer,
    cpuPercentPerPeer,
    eventLoopDelayMs,
    coordination,
    change,
    workload: workload === undefined ? noWorkload : { ...workload, series: undefined },
    faults: faults.filter(({ phase }) => phase === 'begins').map(({ fault, atMs, edges }) => ({ ...fault, atMs: Math.round(atMs), edges })),
    reunitedMs: reunitedMs === undefined ? undefined : Math.round(reunitedMs)
  }
}
