/** Edges crash, stall and crawl all the time, their disks lose what was not synced, and their wall clocks jump. */
import { smallSizes } from './sizes.ts'
import type { Scenario } from '../world/scenario.ts'

export const churn: Scenario = {
  name: 'churn',
  summary: 'edges crash, pause and slow down all the time; clocks jump',
  sizes: smallSizes,
  faults: [
    { kind: 'crash', perHour: 60, from: 0.05, to: 0.95, lastsMs: [500, 60_000] },
    { kind: 'pause', perHour: 30, from: 0.05, to: 0.95, lastsMs: [500, 30_000] },
    { kind: 'slow', perHour: 15, from: 0.05, to: 0.95, lastsMs: [5_000, 60_000] },
    { kind: 'clock-jump', perHour: 4, from: 0.05, to: 0.95, lastsMs: [10_000, 300_000] }
  ]
}
