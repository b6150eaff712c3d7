/** Colonies that break the rules of fair shares and of stores, one for each checker of them. */
import { vi } from 'vitest'
import { S3Fifo } from '../../../daemon/store/s3-fifo.ts'
import { busyInNeed } from '../../../netsim/world/checkers/busy-in-need.ts'
import { chatterBound } from '../../../netsim/world/checkers/chatter-bound.ts'
import { diskMirrors } from '../../../netsim/world/checkers/disk-mirrors.ts'
import { evictionTwin } from '../../../netsim/world/checkers/eviction-twin.ts'
import { holdersSpread } from '../../../netsim/world/checkers/holders-spread.ts'
import { Lane } from '../../../protocols/directory/lane.ts'
import type { Case } from './small-colony.ts'

const narrow = { sizes: { objects: 1_000, requests: 10_000 }, load: { storeShare: 0.05, sizeSigma: 1 } }

export const shareCases: readonly Case[] = [
  {
    checker: evictionTwin, broken: 'does not count uses', says: /edge-0000 evicts .+ S3-FIFO evicts/, ...narrow,
    prepare: () => {
      // As if nothing had been used: of the store alone, its twin goes on counting.
      vi.spyOn(S3Fifo.prototype, 'access').mockImplementation(function (this: S3Fifo<unknown>, id) { return this.has(id) })
    }
  },
  {
    checker: diskMirrors, broken: 'leaves on the disk what it evicts', says: /objects on its disk and \d+ in its store; object \d+ is on the disk only/, ...narrow,
    prepare: ({ edges }) => {
      for (const { cache: { copies } } of edges) {
        const put = copies.put.bind(copies)
        copies.put = (object, copy) => {
          put(object, copy)
          return []
        }
      }
    }
  },
  {
    checker: holdersSpread, broken: 'asks holders in the order of their names', says: /first places that would be edge-\d+'s share, edge-\d+ gives it \d+/,
    sizes: { objects: 1_000, requests: 12_000 }, load: { zipf: 0.6, storeShare: 1 },
    prepare: ({ edges }) => {
      for (const { holdings } of edges) {
        const holders = holdings.holders.bind(holdings)
        holdings.holders = (key) => holders(key).sort()
      }
    }
  },
  {
    checker: chatterBound, broken: 'repeats each report as soon as it is answered', says: /messages of directories in 10 s; 12 pairs of edges may send \d+$/,
    prepare: () => {
      // Every report is sent again as soon as it is answered.
      vi.spyOn(Lane.prototype, 'answered').mockImplementation(function (this: Lane, report, _answer, nowMs) { this.failed(report, nowMs - 1_000_000) })
    }
  },
  {
    checker: busyInNeed, broken: 'refuses nine of ten fills', says: /has refused \d+ fills in 10 s; it takes \d/,
    sizes: { edges: 5, cities: 1, requests: 25_000, objects: 500, hours: 0.025 }, load: { lifetimeMs: [0, 0], zipf: 0.5 },
    settings: { locate: { busyFloorPerSecond: 200 } },
    prepare: ({ edges }, { engine }) => {
      engine.at(6_000, () => {
        const { gate } = edges[0]!
        let asked = 0
        gate.admit = (nowMs) => {
          if (++asked % 10 !== 0) return false
          gate.take(nowMs)
          return true
        }
      })
    }
  }
]
