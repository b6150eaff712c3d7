/** Limits of a swarm's own running, each with unit and reason; what its edges do is the daemon's settings. */
export const swarmDefaults = Object.freeze({
  /** Between two looks at every edge while the swarm forms, ms. Lower sees the end sooner and costs the edges CPU. */
  lookIntervalMs: 1_000,
  /** From the start until the swarm is one, ms. Of a thousand edges on two cores 813 are up after 10 minutes. */
  convergeTimeoutMs: 1_800_000,
  /** Edges of one `start` to a process: the join of a batch is over before the next begins, so that few handshakes wait in line. */
  batchEdges: 5,
  /** For the join of a batch, ms; what takes longer goes on beside the next one. */
  joinWaitMs: 30_000,
  /** Between two looks whether it has joined, ms. */
  joinLookMs: 250,
  /** Edge processes started at a time, of `--procs each`: a start is half a second of a core. */
  startsMax: 4,
  /** One edge's status over HTTP, ms. */
  statusTimeoutMs: 5_000,
  /** Processes drain for so long before they are killed, ms. */
  stopGraceMs: 2_000,
  /** After it has converged and before the idle cost is measured, ms: first pings and look-ups of the DHT end in it. */
  settleMs: 15_000,
  /** For which the idle cost is measured, ms. Longer: steadier figures. */
  idleMs: 20_000,
  /** One fetch between two regions, ms. */
  probeTimeoutMs: 30_000
})
export type SwarmSettings = { readonly [K in keyof typeof swarmDefaults]: number }
