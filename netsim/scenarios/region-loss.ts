/** A region loses its power at once, disks and all, and comes back; then another. */
import { smallSizes } from './sizes.ts'
import type { Scenario } from '../world/scenario.ts'

export const regionLoss: Scenario = {
  name: 'region-loss',
  summary: 'all edges of a region lose power at once and come back',
  sizes: smallSizes,
  faults: [
    { kind: 'region-loss', from: 0.15, to: 0.4, lastsMs: [60_000, 600_000] },
    { kind: 'region-loss', from: 0.5, to: 0.8, lastsMs: [5_000, 60_000] }
  ]
}
