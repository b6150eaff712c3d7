/**
 * The most popular object expires everywhere at one moment of its greatest popularity, and the origin is slow. It stands
 * for the herd after a purge until there is purge.
 */
import { smallSizes } from './sizes.ts'
import type { Scenario } from '../world/scenario.ts'

export const thunderingHerd: Scenario = {
  name: 'thundering-herd',
  summary: 'the hottest object expires everywhere at once while the origin is slow',
  sizes: smallSizes,
  load: { flash: { from: 0.4, to: 0.6, share: 0.7 }, herdAt: 0.5 },
  faults: [{ kind: 'origin-slow', from: 0.48, to: 0.49, lastsMs: [120_000, 120_000], by: 3_000 }]
}
