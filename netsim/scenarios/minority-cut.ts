/** Links of 50 ms, and edges that are cut off in small numbers, one way or both, and come back: no election may come of it. */
import { smallSizes } from './sizes.ts'
import { agreementDefaults, type Scenario } from '../world/scenario.ts'

export const minorityCut: Scenario = {
  name: 'minority-cut',
  summary: 'regions of 50 ms links agree by Raft; few edges are cut off and come back',
  sizes: { ...smallSizes, edges: 10, cities: 2, objects: 50, requests: 200, hours: 0.05 },
  // A lost segment is late by 200 ms or more: with a voter away that alone may end a leadership.
  network: { cityMs: 50, loss: 0 },
  load: { storeShare: 1 },
  agreement: { ...agreementDefaults, pauseMs: 1_000 },
  faults: [
    { kind: 'edge-cut', times: 8, from: 0.1, to: 0.8, lastsMs: [500, 8_000], share: 0.1 },
    { kind: 'one-way-cut', times: 8, from: 0.1, to: 0.8, lastsMs: [500, 8_000], share: 0.1 }
  ]
}
