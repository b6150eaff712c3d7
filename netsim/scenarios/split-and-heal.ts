/** The network falls into two parts and grows together again; single regions and single directions fail, too. */
import { smallSizes } from './sizes.ts'
import type { Scenario } from '../world/scenario.ts'

export const splitAndHeal: Scenario = {
  name: 'split-and-heal',
  summary: 'the network splits in two and heals, several times; one-way cuts in between',
  sizes: smallSizes,
  faults: [
    { kind: 'split', times: 3, from: 0.1, to: 0.8, lastsMs: [20_000, 300_000] },
    { kind: 'region-cut', times: 2, from: 0.1, to: 0.8, lastsMs: [10_000, 120_000] },
    { kind: 'one-way-cut', times: 3, from: 0.1, to: 0.8, lastsMs: [10_000, 120_000], share: 0.1 }
  ]
}
