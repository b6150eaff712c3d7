/** Nothing breaks: what a colony does on an ordinary day, and what it costs. */
import { smallSizes } from './sizes.ts'
import type { Scenario } from '../world/scenario.ts'

export const steady: Scenario = {
  name: 'steady',
  summary: 'nothing breaks',
  sizes: smallSizes,
  faults: []
}
