/** The origin takes seconds for each answer, and fails altogether for a time. */
import { smallSizes } from './sizes.ts'
import type { Scenario } from '../world/scenario.ts'

export const slowOrigin: Scenario = {
  name: 'slow-origin',
  summary: 'the origin becomes slow, then fails',
  sizes: smallSizes,
  faults: [
    { kind: 'origin-slow', from: 0.1, to: 0.3, lastsMs: [120_000, 600_000] },
    { kind: 'origin-down', times: 2, from: 0.4, to: 0.8, lastsMs: [10_000, 300_000] }
  ]
}
