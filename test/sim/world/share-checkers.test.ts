/** The checkers of fair shares and of stores let a healthy colony pass, and end the run of one that is broken in the way each is there for. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { S3Fifo } from '../../../daemon/store/s3-fifo.ts'
import { busyInNeed } from '../../../netsim/world/checkers/busy-in-need.ts'
import { chatterBound } from '../../../netsim/world/checkers/chatter-bound.ts'
import { diskMirrors } from '../../../netsim/world/checkers/disk-mirrors.ts'
import { evictionTwin } from '../../../netsim/world/checkers/eviction-twin.ts'
import { holdersSpread } from '../../../netsim/world/checkers/holders-spread.ts'
import { allCheckers } from '../../../netsim/world/checkers/index.ts'
import type { MakeChecker } from '../../../netsim/world/checkers/edge-checker.ts'
import { Lane } from '../../../protocols/directory/lane.ts'
import { runSmall, type SmallInit } from './small-colony.ts'

interface Case extends SmallInit {
  readonly checker: MakeChecker
  readonly broken: string
  /** What its sentence says. */
  readonly says: RegExp
}

const narrow = { sizes: { objects: 1_000, requests: 10_000 }, load: { storeShare: 0.05, sizeSigma: 1 } }
const cases: readonly Case[] = [
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
  }
]

describe('the checkers of shares and stores', () => {
  afterEach(() => { vi.restoreAllMocks() })

  it.for(cases)('end the run of an edge that $broken', ({ checker, says, broken: _broken, ...init }) => {
    expect(runSmall({ ...init, checkers: [checker], prepare: () => {} }).result.violations).toEqual([])
    const { violations } = runSmall({ ...init, checkers: [checker] }).result
    expect(violations).toEqual([{ checker: checker({ edges: [], settings: { directory: {} }, limits: {} } as never).name, atMs: expect.any(Number), sentence: expect.stringMatching(says) }])
  })

  it.each([
    { takes: 20, refuses: 20, what: 'half of its share' },
    { takes: 60, refuses: 20, what: 'all of its share' }
  ])('end the run of an owner that says busy below its share alone: it has $what', ({ takes, refuses }) => {
    const edges = ['a', 'b'].map((peer, index) => ({ index, peer, region: 'r', up: true, members: { self: () => ({ weight: 1 }) } }))
    const said: string[] = []
    const checker = busyInNeed({
      edges, settings: { locate: { loadFactor: 1.25, busyFloorPerSecond: 1 } }, nowMs: () => 1_000_000, calmSinceMs: () => 0, upSinceMs: () => 0,
      fail: (_name: string, sentence: string) => { said.push(sentence) }
    } as never)
    for (let second = 0; second < 20; second++) {
      for (let ask = 0; ask < takes; ask++) checker.onAsked!(0, undefined as never, true)
      for (let ask = 0; ask < refuses; ask++) checker.onAsked!(0, undefined as never, false)
      for (let ask = 0; ask < 60; ask++) checker.onAsked!(1, undefined as never, true)
      checker.onLook!()
    }
    expect(said).toEqual(takes === 20 ? ['a has refused 200 fills in 10 s; it takes 20.0 asks a second, and its share of 80 allows 50'] : [])
  })

  it('run in every world', () => {
    for (const checker of [...cases.map((each) => each.checker), busyInNeed, chatterBound]) expect(allCheckers).toContain(checker)
  })
})
