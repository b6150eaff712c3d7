/** Everything is drawn from the seed: sizes, network, load, and any faults together. What nobody thought of is found here. */
import { smallSizes } from './sizes.ts'
import type { FaultKind, FaultPlan } from '../world/faults.ts'
import type { Scenario, Sizes } from '../world/scenario.ts'
import type { Random } from '../random.ts'

export const random: Scenario = {
  name: 'random',
  summary: 'topology, network, load and faults are drawn from the seed',
  sizes: smallSizes,
  faults: [],
  draw
}

const kinds: readonly FaultKind[] = [
  'crash', 'restart', 'pause', 'slow', 'region-cut', 'one-way-cut', 'split', 'region-loss', 'storm', 'origin-down', 'origin-slow', 'clock-jump'
]

/** Sizes on the command line are the upper bounds. */
function draw (random: Random, given: Sizes): ReturnType<NonNullable<Scenario['draw']>> {
  const edges = 1 + random.int(given.edges)
  const bad = random.chance(0.3)
  return {
    sizes: {
      ...given,
      edges,
      cities: 1 + random.int(Math.min(edges, 2 * given.cities)),
      objects: Math.ceil(given.objects * random.between(0.01, 1))
    },
    network: {
      loss: bad ? random.between(0, 0.05) : 0.0001,
      duplicate: bad ? random.between(0, 0.02) : 0,
      reorder: bad ? random.between(0, 0.05) : 0,
      jitterMs: random.exponential(1),
      uplinkBytesPerSecond: random.pick([12_500_000, 125_000_000, 1_250_000_000])
    },
    load: {
      zipf: random.between(0.6, 1.2),
      changeMs: random.pick([60_000, 3_600_000, Infinity]),
      lifetimeMs: random.pick([[0, 10_000], [1_000, 60_000], [60_000, 3_600_000]] as const),
      storeShare: random.between(0.001, 0.5),
      ...random.chance(0.3) && { flash: { from: 0.3, to: 0.7, share: random.between(0.1, 0.9) } },
      ...random.chance(0.3) && { herdAt: random.between(0.2, 0.8) }
    },
    faults: random.shuffled(kinds).slice(0, random.int(6)).map((kind): FaultPlan => ({
      kind,
      times: 1 + random.int(6),
      from: 0.05,
      to: 0.95,
      lastsMs: random.pick([[100, 5_000], [5_000, 60_000], [60_000, 300_000]] as const),
      share: random.chance(0.3) ? random.between(0, 0.5) : 0
    }))
  }
}
