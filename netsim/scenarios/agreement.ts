/**
 * Regions agree on settings by Raft while everything that may go wrong with a group does: its edges are cut off, one way or both, crash and
 * lose what was not synced, stop, crawl, have clocks that drift apart; messages are lost, repeated and overtaken; and its members change
 * all the time. Clients set and read; what they saw must have an order. There is hardly any content, as other scenarios have it.
 */
import { raftDefaults } from '../../protocols/raft/settings.ts'
import { agreementDefaults, type Scenario, type Sizes } from '../world/scenario.ts'
import type { FaultPlan } from '../world/faults.ts'
import type { Random } from '../random.ts'

const sizes: Sizes = Object.freeze({ edges: 9, cities: 2, objects: 20, requests: 10, hours: 0.018 })

export const agreement: Scenario = {
  name: 'agreement',
  summary: 'regions agree by Raft under cuts, crashes, storms, drift and changes of their members',
  sizes,
  load: { lifetimeMs: [1_000, 20_000], storeShare: 1 },
  faults: [],
  agreement: agreementDefaults,
  draw
}

/** Small limits, so that they are met. */
const tight = Object.freeze({
  ...raftDefaults,
  appendBytesMax: 200, appendEntriesMax: 4, inflightMessagesMax: 3, inflightBytesMax: 400, uncommittedBytesMax: 1_500, applyBytesMax: 200, keptEntries: 5, readsMax: 8, promotionLagMax: 8
})

const faults: ReadonlyArray<Pick<FaultPlan, 'kind' | 'lastsMs' | 'share' | 'by'>> = [
  { kind: 'edge-cut', lastsMs: [200, 8_000] },
  { kind: 'edge-cut', lastsMs: [200, 4_000], share: 0.4 },
  { kind: 'one-way-cut', lastsMs: [200, 8_000] },
  { kind: 'one-way-cut', lastsMs: [200, 5_000], share: 0.7 },
  { kind: 'link-cut', lastsMs: [200, 8_000] },
  { kind: 'crash', lastsMs: [20, 3_000] },
  { kind: 'crash', lastsMs: [20, 1_000], share: 0.5 },
  { kind: 'region-loss', lastsMs: [100, 3_000] },
  { kind: 'pause', lastsMs: [100, 3_000] },
  { kind: 'slow', lastsMs: [1_000, 8_000], by: 30 },
  { kind: 'storm', lastsMs: [1_000, 10_000], by: 0.15 }
]

/** Sizes on the command line are the upper bounds. */
function draw (random: Random, given: Sizes): ReturnType<NonNullable<Scenario['draw']>> {
  // Lines between edges of one region are short, of a continent, or of the world.
  const cityMs = random.pick([0.25, 5, 50])
  // A region of three at least, now and then of one or two; of the largest with five voters.
  const loose = random.chance(0.7)
  const edges = Math.min(given.edges, 3 + random.int(given.edges))
  return {
    sizes: { ...given, edges, cities: 1 + random.int(Math.min(given.cities, Math.ceil(edges / 3))) },
    network: { cityMs, jitterMs: random.exponential(2), loss: 0, duplicate: random.pick([0, 0.02]), reorder: random.pick([0, 0.05]) },
    driftPpm: random.pick([20, 40_000]),
    agreement: {
      ...agreementDefaults,
      pauseMs: random.pick([150, 600]),
      changeMs: random.pick([600, 3_000, Infinity]),
      transfers: random.pick([0.2, 0.8]),
      snapshotEntries: random.pick([10, 100]),
      syncMs: random.pick([[0.1, 4], [1, 40]] as const),
      loose,
      encoded: random.chance(0.1),
      ...random.chance(0.3) && { settings: tight }
    },
    faults: random.shuffled(faults).slice(0, 1 + random.int(5)).map((fault): FaultPlan => ({ ...fault, by: strength(fault, loose), times: 1 + random.int(8), from: 0.1, to: 0.8 }))
  }
}

/** A connection that loses one message after the other stalls for longer than the run's calm tail: who keeps it would give it up. */
function strength ({ kind, by = 0 }: Pick<FaultPlan, 'kind' | 'by'>, loose: boolean): number {
  return kind === 'storm' && !loose ? by / 5 : by
}
