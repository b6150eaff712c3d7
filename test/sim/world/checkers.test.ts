/** Every checker lets a healthy colony pass, and ends the run of one that is broken in the way it is there for. */
import { afterEach, describe, expect, it } from 'vitest'
import { accounting } from '../../../netsim/world/checkers/accounting.ts'
import { byteBudget } from '../../../netsim/world/checkers/byte-budget.ts'
import { directoryTruth } from '../../../netsim/world/checkers/directory-truth.ts'
import { durableWrites } from '../../../netsim/world/checkers/durable-writes.ts'
import { goneLeave } from '../../../netsim/world/checkers/gone-leave.ts'
import { allCheckers } from '../../../netsim/world/checkers/index.ts'
import { linksSpan } from '../../../netsim/world/checkers/links-span.ts'
import { livingStay } from '../../../netsim/world/checkers/living-stay.ts'
import { loadBound } from '../../../netsim/world/checkers/load-bound.ts'
import { noCircles } from '../../../netsim/world/checkers/no-circles.ts'
import { noErrors } from '../../../netsim/world/checkers/no-errors.ts'
import { oneFlight } from '../../../netsim/world/checkers/one-flight.ts'
import { originSpared } from '../../../netsim/world/checkers/origin-spared.ts'
import { requestsEnd } from '../../../netsim/world/checkers/requests-end.ts'
import { ringShares } from '../../../netsim/world/checkers/ring-shares.ts'
import { servedBytes } from '../../../netsim/world/checkers/served-bytes.ts'
import { versionsRise } from '../../../netsim/world/checkers/versions-rise.ts'
import { viewsConverge } from '../../../netsim/world/checkers/views-converge.ts'
import { Disk } from '../../../netsim/world/disk.ts'
import { Flight, Level } from '../../../netsim/world/edge/flights.ts'
import type { Message } from '../../../netsim/world/edge/messages.ts'
import { Timer } from '../../../netsim/world/edge/self.ts'
import type { Edge } from '../../../netsim/world/edge/edge.ts'
import { shareCases } from './share-cases.ts'
import { crash, findings, nameOf, runSmall, type Case } from './small-colony.ts'

/** Content that changes every few seconds and is fresh as long. */
const lively = { lifetimeMs: [1_000, 10_000], changeMs: 5_000 } as const

/** Takes away what an edge hears of some kinds. */
function deafen (edge: Edge, kinds: ReadonlyArray<Message['kind']>): void {
  const receive = edge.receive.bind(edge)
  edge.receive = (from, message) => { if (!kinds.includes((message as Message).kind)) receive(from, message) }
}

const restore: Array<() => void> = []
/** Breaks a class for one test. */
function replace<T extends object, K extends keyof T & string> (target: T, name: K, descriptor: PropertyDescriptor): void {
  const before = Object.getOwnPropertyDescriptor(target, name)!
  restore.push(() => { Object.defineProperty(target, name, before) })
  Object.defineProperty(target, name, { ...descriptor, configurable: true })
}

const cases: readonly Case[] = [
  {
    checker: servedBytes, broken: 'takes everything stored for fresh', says: /as fresh \d+ ms after the origin had replaced it/, load: lively,
    prepare: ({ edges }) => { for (const { cache } of edges) cache.isFresh = () => true }
  },
  {
    checker: servedBytes, broken: 'stores a body that lost its last byte', says: /with \d+ bytes; it has/,
    prepare: ({ edges }) => {
      for (const { cache: { copies } } of edges) {
        const put = copies.put.bind(copies)
        copies.put = (object, copy) => put(object, { ...copy, bytes: copy.bytes - 1 })
      }
    }
  },
  {
    checker: servedBytes, broken: 'passes on a response as if it were new', says: /as fresh/, load: { lifetimeMs: [20_000, 30_000], changeMs: 40_000 }, sizes: { objects: 20 },
    prepare: ({ edges }) => { for (const { cache: { copies } } of edges) copies.ageMs = (slot, wallMs) => Math.max(0, wallMs - copies.copy(slot).receivedAtMs) }
  },
  {
    checker: oneFlight, broken: 'does not look whether a fetch is under way', says: /second fetch of object/, load: { ...lively, zipf: 1.2 }, sizes: { requests: 20_000 },
    prepare: ({ edges }) => { for (const { cache } of edges) cache.flights.get = () => undefined }
  },
  {
    checker: noCircles, broken: 'waits on any flight, whatever its level', says: /edges wait on each other for object \d+: edge-\d+ -> edge-/, load: lively,
    prepare: ({ edges }) => {
      const [one, other] = edges.filter(({ region }) => region === edges[0]!.region)
      // Each takes the other for the owner, as two views may have it.
      one!.owners = () => [other!.index]
      other!.owners = () => [one!.index]
      replace(Flight.prototype, 'level', { get: () => Level.Origin })
    }
  },
  {
    checker: requestsEnd, broken: 'waits for ever for a peer that is silent', says: /has had no answer for/, load: lively,
    prepare: ({ edges }) => {
      deafen(edges[0]!, ['ask'])
      for (const edge of edges) {
        const onTimer = edge.onTimer.bind(edge)
        edge.onTimer = (kind, value, payload) => { if (kind !== Timer.Silence) onTimer(kind, value, payload) }
      }
    }
  },
  {
    checker: noErrors, broken: 'answers errors, and no fault is under way', says: /with an error, and nothing has been broken/, load: lively,
    prepare: (_colony, world) => { world.origin.down = true }
  },
  {
    checker: byteBudget, broken: 'has a smaller disk than its store believes', says: /its budget is 1000$/,
    prepare: ({ edges }) => { for (const { cache: { copies } } of edges) Object.defineProperty(copies, 'bytesMax', { value: 1_000 }) }
  },
  {
    checker: byteBudget, broken: 'counts bytes that it has not', says: /counts \d+ bytes and stores \d+/,
    prepare: ({ edges }, { engine }) => { engine.at(60_000, () => { for (const { cache: { copies } } of edges) copies.bytesAt = () => 1 }) }
  },
  {
    checker: viewsConverge, broken: 'hears of nobody beyond its region', says: /edge-0003 does not see edge-/,
    prepare: ({ edges }) => { deafen(edges[3]!, ['digest', 'vector', 'vector-and-news', 'news']) }
  },
  {
    checker: linksSpan, broken: 'answers no dials and hears no answers', says: /edge-0003 is linked with 0 edges|is linked with \d+ edges of/,
    prepare: ({ edges }) => { deafen(edges[3]!, ['dial', 'linked']) }
  },
  {
    checker: ringShares, broken: 'takes one edge for the owner of every key', says: /owns \d+ of \d+ keys/,
    prepare: ({ edges }) => { for (const edge of edges) edge.owners = (_key, n, region) => edges.filter((other) => other.region === region).map(({ index }) => index).slice(0, n) }
  },
  {
    checker: goneLeave, broken: 'never looks who fell silent', says: /edge-0000 still sees edge-0003, which has been dead for/, sizes: { hours: 0.2 },
    prepare: ({ edges }, world) => {
      crash(world, 3, 60_000)
      world.engine.at(59_000, () => { edges[0]!.membership.tick = () => {} })
    }
  },
  {
    checker: livingStay, broken: 'hears no proofs of life', says: /edge-0003 has dropped a member for its silence/,
    prepare: ({ edges }, { engine }) => { engine.at(120_000, () => { deafen(edges[3]!, ['pulses']) }) }
  },
  {
    checker: versionsRise, broken: 'takes old news for new', says: /edge-0003 went back to \(\d+, \d+\) of edge-/,
    prepare: ({ edges }, { engine }) => {
      engine.at(20_000, () => {
        const { members } = edges[3]!
        const receive = members.receive.bind(members)
        members.receive = (signed, nowMs) => {
          receive(signed, nowMs)
          return 'news'
        }
      })
    }
  },
  {
    checker: directoryTruth, broken: 'does not tell owners what it stores', says: /does not know that edge-0002 has it/,
    prepare: ({ edges }) => { edges[2]!.holdings.changed = () => {} }
  },
  {
    checker: directoryTruth, broken: 'does not tell owners what it stores, in a large region', says: /does not know that edge-0002 has it/,
    sizes: { edges: 20, cities: 1, objects: 1_000, requests: 2_000 },
    prepare: ({ edges }) => { edges[2]!.holdings.changed = () => {} }
  },
  {
    checker: loadBound, broken: 'never says busy', says: /has taken \d+ asks a second for 20 s/,
    load: { lifetimeMs: [0, 0], zipf: 0 }, sizes: { edges: 5, cities: 1, requests: 25_000, objects: 5_000, hours: 0.025 },
    settings: { locate: { busyFloorPerSecond: 20 } },
    prepare: ({ edges }, { engine }) => {
      // Every key is one owner's: what a crowd does to it.
      for (const edge of edges) edge.owners = () => [0, 1]
      engine.at(6_000, () => {
        for (const { gate } of edges) {
          gate.admit = (nowMs) => {
            gate.take(nowMs)
            return true
          }
        }
      })
    }
  },
  {
    checker: originSpared, broken: 'takes itself for the owner of every key', says: /asks the origin for object \d+, which \d+ other fetches/,
    load: { lifetimeMs: [0, 0], zipf: 2 }, sizes: { edges: 9, cities: 1, requests: 40_000, objects: 10 },
    prepare: ({ edges }) => { for (const edge of edges) edge.owners = () => [edge.index] }
  },
  {
    checker: accounting, broken: 'counts a hit twice', says: /requests were answered, \d+ counted/,
    prepare: ({ totals }, { engine }) => { engine.at(60_000, () => { totals.hits++ }) }
  },
  {
    checker: durableWrites, broken: 'says that it synced, and did not', says: /edge-0001 started (without|with version)/,
    load: { storeShare: 1 }, sizes: { requests: 6_000 },
    prepare: (_colony, world) => {
      replace(Disk.prototype, 'sync', { value: (done: () => void) => { done() } })
      for (let at = 1; at <= 5; at++) crash(world, 1, 50_000 * at, 5_000)
    }
  }
]

describe('the checkers of a colony', () => {
  afterEach(() => { for (const undo of restore.splice(0)) undo() })

  it('let a colony pass whose edges crash and come back', () => {
    const { result, colony } = runSmall({
      load: lively, sizes: { hours: 0.15 },
      prepare: (_colony, world) => { for (const edge of [0, 1, 4]) crash(world, edge, 40_000 + 10_000 * edge, 8_000) }
    })
    expect(result.violations).toEqual([])
    expect(result.requests).toBeGreaterThan(2_500)
    expect(colony.totals.hits).toBeGreaterThan(100)
    expect(colony.totals.peerFetches).toBeGreaterThan(100)
  })

  it.for(cases)('end the run of an edge that $broken', (each) => {
    expect(findings({ ...each, prepare: () => {} })).toEqual([])
    expect(findings(each)).toEqual([{ checker: nameOf(each), atMs: expect.any(Number), sentence: expect.stringMatching(each.says) }])
  })

  it('are broken once each, and all run in every world', () => {
    const broken = new Set([...cases, ...shareCases].map(nameOf))
    expect([...broken].sort()).toEqual(allCheckers.map((checker) => nameOf({ checker } as Case)).sort())
  })
})
