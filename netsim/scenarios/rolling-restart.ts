/** An upgrade: every edge is stopped gracefully and started again, one after the other. */
import { smallSizes } from './sizes.ts'
import type { Scenario } from '../world/scenario.ts'

export const rollingRestart: Scenario = {
  name: 'rolling-restart',
  summary: 'every edge is restarted, one after the other',
  sizes: smallSizes,
  faults: [{ kind: 'restart', rolling: true, from: 0.1, to: 0.8, lastsMs: [2_000, 15_000] }]
}
