/**
 * The worlds in which mutants are looked for: the scenarios of netsim/scenarios/ at sizes of a second or two, with a
 * load that makes mistakes show soon (content that changes, small storage, busy owners). An unchanged colony passes all of them.
 */
import { scenarioOf } from '../../netsim/scenarios/index.ts'
import { agreementCheckers } from '../../netsim/world/checkers/index.ts'
import { directoryTruth } from '../../netsim/world/checkers/directory-truth.ts'
import { goneLeave } from '../../netsim/world/checkers/gone-leave.ts'
import { holdersSpread } from '../../netsim/world/checkers/holders-spread.ts'
import { ringShares } from '../../netsim/world/checkers/ring-shares.ts'
import { servedBytes } from '../../netsim/world/checkers/served-bytes.ts'
import type { ColonyOptions } from '../../netsim/world/edge/colony.ts'
import type { FaultPlan } from '../../netsim/world/faults.ts'
import { agreementDefaults, type AgreementPlan, type Load, type Scenario, type Sizes } from '../../netsim/world/scenario.ts'
import type { World } from '../../netsim/world/world.ts'

export interface Stage {
  readonly scenario: Scenario
  readonly options: ColonyOptions
  /** Before the run: what no fault is. */
  readonly prepare?: (world: World) => void
}

/** Each stage is played with the seeds from 1 to this. */
export const seedsMax = 4

const small: Sizes = { edges: 12, cities: 3, objects: 400, requests: 4_000, hours: 0.12 }
/** Lifetimes and changes of seconds: who serves what is too old is caught in the act. */
const lively: Partial<Load> = { lifetimeMs: [2_000, 30_000], changeMs: 40_000, churnPerHour: 1 }

function stage (name: string, sizes: Partial<Sizes> = {}, load: Partial<Load> = {}, options: ColonyOptions = {}, faults?: readonly FaultPlan[], network?: Scenario['network']): Stage {
  const scenario = scenarioOf(name)
  if (scenario === undefined) throw new RangeError(`there is no scenario ${name}`)
  return { scenario: { ...scenario, sizes: { ...small, ...sizes }, load: { ...scenario.load, ...load }, faults: faults ?? scenario.faults, network: { ...scenario.network, ...network } }, options }
}

/** Groups in much trouble at once, a few seeds long; only the checkers of Raft look. */
function group (sizes: Partial<Sizes>, plan: Partial<AgreementPlan>, network: Scenario['network'], faults: readonly FaultPlan[]): Stage {
  return {
    scenario: {
      name: 'group', summary: 'a group in trouble', sizes: { edges: 10, cities: 2, objects: 10, requests: 10, hours: 0.04, ...sizes },
      network: { loss: 0, ...network }, driftPpm: 40_000, agreement: { ...agreementDefaults, pauseMs: 150, ...plan }, faults
    },
    options: { checkers: agreementCheckers }
  }
}

/** Everything that may happen to a group. */
const trouble: readonly FaultPlan[] = [
  { kind: 'crash', times: 40, from: 0.05, to: 0.8, lastsMs: [20, 2_000] },
  { kind: 'region-loss', times: 10, from: 0.05, to: 0.8, lastsMs: [20, 1_000] },
  { kind: 'edge-cut', times: 15, from: 0.05, to: 0.8, lastsMs: [200, 4_000], share: 0.2 },
  { kind: 'one-way-cut', times: 10, from: 0.05, to: 0.8, lastsMs: [200, 4_000], share: 0.2 },
  { kind: 'link-cut', times: 10, from: 0.05, to: 0.8, lastsMs: [200, 4_000] },
  { kind: 'pause', times: 10, from: 0.05, to: 0.8, lastsMs: [100, 2_000] },
  { kind: 'storm', times: 3, from: 0.05, to: 0.8, lastsMs: [1_000, 8_000], by: 0.1 }
]

export const stages = {
  /** Nothing breaks; content stays as it is. */
  steady: stage('steady'),
  /** Nothing breaks; content changes and expires all the time. */
  lively: stage('steady', {}, lively),
  /** Storage for a twentieth of the content. */
  narrow: stage('steady', { objects: 2_000, requests: 20_000 }, { storeShare: 0.02, sizeSigma: 1, zipf: 0.8 }),
  /** Signs of life are announcements and digests, as without pulses; exchanges of lists do not make up for them. */
  announced: stage('steady', { hours: 0.15 }, {}, { settings: { model: { pulses: 0 }, membership: { antiEntropyFirstMs: 3_600_000, antiEntropyIntervalMs: 3_600_000 } } }),
  /** Everything is held by several. */
  ample: stage('steady', { objects: 1_000, requests: 12_000 }, { storeShare: 1, zipf: 0.6 }),
  /** Directions fail for seconds: messages are lost, and nobody is missed. */
  flicker: stage('split-and-heal', { requests: 12_000, hours: 0.15 }, { zipf: 0.5 }, {}, [{ kind: 'one-way-cut', times: 25, from: 0.1, to: 0.5, lastsMs: [2_500, 5_000], share: 0.1 }]),
  /** Owners are busy from a few asks a second on. */
  busy: stage('flash-crowd', { requests: 40_000, hours: 0.06 }, { lifetimeMs: [200, 2_000] }, {
    settings: { locate: { busyFloorPerSecond: 4 }, routing: { ownersMax: 3 } },
    // So much comes and goes that two looks may meet the same change under way.
    limits: { directoryQuietMs: Infinity }
  }),
  /** Edges crash, stall and crawl. */
  churn: stage('churn', {}, { lifetimeMs: [5_000, 60_000], changeMs: 60_000 }),
  /** Edges stop and start one after the other. */
  restarts: stage('rolling-restart', { hours: 0.15 }),
  /** The network is cut in all ways. */
  split: stage('split-and-heal', { hours: 0.2 }),
  /**
   * An edge takes leave for good, and another one dies: no fault that ends, but another colony from then on. Without the checkers that
   * hold every error and every view against calm; and other regions may learn late of the last words of the dead, so there is time.
   */
  away: {
    ...stage('steady', {}, {}, { settings: { model: { pulses: 0 } }, limits: { goneSlackMs: 100_000 }, checkers: [directoryTruth, goneLeave, ringShares, holdersSpread, servedBytes] }),
    prepare: (world) => {
      const [leaves, dies] = world.random.fork('away').shuffled(Array.from({ length: world.topology.edges }, (_, edge) => edge))
      world.engine.at(90_000, () => { world.machine(leaves!).host?.stop?.(1_000) })
      for (const [edge, atMs] of [[leaves!, 91_000], [dies!, 120_000]] as const) {
        world.engine.at(atMs, () => {
          world.machine(edge).crash()
          world.tell('onDown', edge, edge === leaves)
        })
      }
    }
  },
  /** Regions of more edges than join addresses are for. */
  regions: stage('steady', { edges: 24, cities: 3, requests: 2_000, hours: 0.06 }),
  /** One region across a continent: its edges ask the origin, and each other beside it. */
  afar: stage('steady', { edges: 9, cities: 1, objects: 20, hours: 0.06 }, { lifetimeMs: [1_000, 20_000], storeShare: 1 }, {
    // Each that races with its owner has asked the origin.
    limits: { regionFetchesMax: Infinity }
  }, undefined, { cityMs: 50 }),
  /** One large region, linked by rings. */
  wide: stage('steady', { edges: 20, cities: 1, requests: 2_000, hours: 0.06 }),
  /** Some are not heard for so long that all others miss them, and hear everybody themselves: the others forget what they had told. */
  unheard: stage('split-and-heal', { requests: 8_000, hours: 0.2 }, {}, { settings: { directory: { refreshIntervalMs: 10_000 } } },
    [{ kind: 'one-way-cut', times: 10, from: 0.05, to: 0.3, lastsMs: [2_000, 40_000], share: 0.1 }]),
  /** Loads move all the time, other regions hear of it late, and edges die with words of theirs still on the way. */
  hearsay: stage('churn', { requests: 40_000, hours: 0.2 }, { flash: { from: 0.1, to: 0.9, share: 0.5 }, lifetimeMs: [0, 1_000] }, {
    settings: { membership: { loadStep: 0.05, repairDelayMs: 10_000 } },
    limits: { directoryQuietMs: Infinity }
  }, [{ kind: 'crash', times: 6, from: 0.4, to: 0.75, lastsMs: [30_000, 60_000] }]),
  /** A region loses its power. */
  loss: stage('region-loss', { hours: 0.2 }),
  /** The origin is slow, then gone, and back for long enough that nothing excuses errors. */
  origin: stage('slow-origin', { requests: 12_000, hours: 0.2 }, { lifetimeMs: [2_000, 600_000] }, {}, [
    { kind: 'origin-slow', from: 0.05, to: 0.15, lastsMs: [20_000, 60_000] },
    { kind: 'origin-down', times: 4, from: 0.15, to: 0.5, lastsMs: [20_000, 60_000] }
  ]),
  /** Processes come back while answers to their last ones are still on the way. */
  revenants: stage('churn', { objects: 2_000, requests: 8_000 }, { zipf: 0.4 }, {}, [
    { kind: 'origin-slow', from: 0, to: 0.01, lastsMs: [300_000, 300_000] },
    { kind: 'crash', times: 60, from: 0.05, to: 0.6, lastsMs: [100, 800] }
  ]),
  /** Two groups of three voters and two learners, whose members change all the time. */
  group: group({}, { changeMs: 500, loose: true, syncMs: [1, 40], snapshotEntries: 5, settings: { keptEntries: 3 } }, { cityMs: 5, duplicate: 0.1, reorder: 0.1 }, trouble),
  /** One group of five voters, cut in halves, on a network that says many things twice. */
  halves: group({ edges: 9, cities: 1, hours: 0.06 }, { loose: true }, { cityMs: 20, duplicate: 0.4, reorder: 0.1, reorderMs: 60 }, [
    { kind: 'edge-cut', times: 60, from: 0.05, to: 0.8, lastsMs: [300, 3_000], share: 0.45 },
    { kind: 'crash', times: 30, from: 0.05, to: 0.8, lastsMs: [20, 1_000], share: 0.2 }
  ]),
  /** Leadership is handed on all the time, and edges are deaf for moments: who has led does not hear that it does no longer. */
  handover: group({ edges: 6, hours: 0.06 }, { changeMs: 120, transfers: 1, clients: 4, pauseMs: 30, loose: true }, {}, [
    { kind: 'one-way-cut', times: 200, from: 0.05, to: 0.8, lastsMs: [150, 500], share: 0.84 }
  ]),
  /** Leaders that are not heard by all, or crawl, and voters that restart just after they have promised something. Logs are alike, as little is written. */
  leases: group({ edges: 6, hours: 0.06 }, { pauseMs: 4_000, loose: true }, {}, [
    { kind: 'link-cut', times: 80, from: 0.05, to: 0.8, lastsMs: [1_000, 4_000] },
    { kind: 'crash', times: 200, from: 0.05, to: 0.8, lastsMs: [10, 60] }
  ]),
  /** Machines crawl, so that what is heard is old. */
  crawl: group({ edges: 6, hours: 0.06 }, { pauseMs: 1_000, loose: true }, {}, [
    { kind: 'slow', times: 60, from: 0.05, to: 0.8, lastsMs: [1_000, 4_000], by: 60 },
    { kind: 'link-cut', times: 40, from: 0.05, to: 0.8, lastsMs: [300, 2_000] }
  ]),
  /** Few are cut off and come back, and nothing else happens. */
  minority: { scenario: scenarioOf('minority-cut')!, options: { checkers: agreementCheckers } },
  /** Everybody wants one object that has just expired, of a slow origin. */
  herd: stage('thundering-herd', { requests: 8_000, hours: 0.15 }, {})
} as const satisfies Record<string, Stage>

export type StageName = keyof typeof stages
