/** For a while half of all requests, everywhere, are for one object that few had asked for. */
import { smallSizes } from './sizes.ts'
import type { Scenario } from '../world/scenario.ts'

export const flashCrowd: Scenario = {
  name: 'flash-crowd',
  summary: 'half of all requests are for one object, for a fifth of the run',
  sizes: smallSizes,
  load: { flash: { from: 0.4, to: 0.6, share: 0.5 }, lifetimeMs: [30_000, 300_000] },
  faults: []
}
