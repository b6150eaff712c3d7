/**
 * What may befall a colony, played on real hosts. Each scenario says what it does in its title; all check
 * that bytes are right, that both sides of a fault go on answering from what they hold, that rings agree
 * again afterwards, and what coordination costs meanwhile.
 */
import { faultOf } from '../../netsim/lab/calibration.ts'
import { isWhole } from '../../netsim/lab/lab.ts'
import { labDefaults, timeFactor } from '../../netsim/lab/settings.ts'
import { expectedRoundTrip } from '../../netsim/lab/shaping.ts'
import type { LabHost } from '../../netsim/lab/topology.ts'
import { objects, type Rig, rigDefaults } from './rig.ts'

export interface Scenario {
  readonly name: string
  /** A sentence about what must hold. */
  readonly title: string
  /** As in a topology file. */
  readonly topology: object
  /** Nothing runs on the hosts: it is about the network itself. */
  readonly bare?: boolean
  readonly run: (rig: Rig) => Promise<void>
}

/** Of 40 ms one way, as `netsim lab up` makes them. */
const threeRegions = { regions: { europe: { hosts: 2 }, america: { hosts: 2 }, asia: { hosts: 2 } } }

export const scenarios: readonly Scenario[] = [
  {
    name: 'links',
    title: 'packets are delayed, lost, doubled, throttled and cut as the topology says, each direction by itself',
    bare: true,
    topology: {
      regions: { europe: { hosts: 1 }, america: { hosts: 1 }, asia: { hosts: 1 }, africa: { hosts: 1 } },
      links: [
        { from: 'europe', to: 'america', delayMs: 10, oneWay: true },
        { from: 'america', to: 'europe', delayMs: 70, oneWay: true },
        { from: 'europe', to: 'asia', delayMs: 5, lossPercent: 20, oneWay: true },
        { from: 'asia', to: 'europe', delayMs: 5, oneWay: true },
        { from: 'america', to: 'asia', delayMs: 5, duplicatePercent: 50 },
        { from: 'europe', to: 'africa', delayMs: 1, rateMbit: 1 }
      ]
    },
    run: links
  },
  {
    name: 'region-cut',
    title: 'a region that is cut off goes on alone, and is one of the colony again after healing',
    topology: threeRegions,
    run: async (rig) => { await split(rig, rig.hosts('asia')) }
  },
  {
    name: 'minority-cut',
    title: 'a minority out of two regions goes on alone, and the majority without it',
    topology: { regions: { europe: { hosts: 3 }, america: { hosts: 2 }, asia: { hosts: 1 } } },
    run: async (rig) => { await split(rig, rig.hosts('europe-3', 'america-2')) }
  },
  {
    name: 'delegate-cut',
    // The lowest peer id of a region speaks for it to others, whoever leads it.
    title: 'a region whose delegate is cut off is told of by another',
    topology: { regions: { europe: { hosts: 3 }, america: { hosts: 2 } } },
    run: async (rig) => {
      const peers = new Map((await rig.lab.look()).map(({ host, status }) => [host, status!.peer]))
      const delegate = rig.hosts('europe').reduce((lowest, host) => peers.get(host)! < peers.get(lowest)! ? host : lowest)
      rig.say(`the delegate is ${delegate.name}`)
      await split(rig, [delegate])
    }
  },
  {
    name: 'one-way-cut',
    title: 'a region that hears and is not heard harms nobody, and is one of the colony again after healing',
    topology: { ...threeRegions, origin: 'europe' },
    run: async (rig) => {
      const far = rig.hosts('asia')
      const near = rig.others(far)
      const { held, fresh } = await prepare(rig, far)
      await rig.lab.cut('asia', 'others', true)
      await rig.expectCut(near[0]!, far[0]!)
      await rig.until('missing the region that is not heard', rigDefaults.settleTimeoutMs, (looks) =>
        looks.filter(({ host }) => near.includes(host)).every(({ status }) => status?.members === near.length))
      await rig.allRight(rig.lab.hosts, held, 'while one way is cut')
      await rig.allRight(near, fresh, 'while one way is cut')
      await rig.measureCoordination()
      await mend(rig, [...held, ...fresh])
    }
  },
  {
    name: 'loss',
    title: 'links that lose 5 % of all packets cost time and nothing else',
    topology: { ...threeRegions, links: [{ from: '*', to: '*', delayMs: 20, lossPercent: 5 }] },
    run: async (rig) => {
      const paths = [...objects('lossy', 8, 3_600), '/1000000/3600/large']
      await rig.allRight(rig.lab.hosts, paths, 'with losses')
      await rig.measureCoordination()
      await rig.untilWhole()
      await rig.allRight(rig.lab.hosts, paths, 'with losses, again', ['hit'])
    }
  },
  {
    name: 'long-links',
    title: 'links of 150 ms one way delay the first answer and no second one',
    topology: { ...threeRegions, links: [{ from: '*', to: '*', delayMs: 150, jitterMs: 10 }] },
    run: async (rig) => {
      const paths = [...objects('long', 8, 3_600), '/1000000/3600/large']
      await rig.allRight(rig.lab.hosts, paths, 'over long links')
      await rig.measureCoordination()
      await rig.untilWhole()
      await rig.allRight(rig.lab.hosts, paths, 'over long links, again', ['hit'])
    }
  },
  {
    name: 'flapping',
    title: 'a link that comes and goes makes no storm, and leaves no trace',
    topology: threeRegions,
    run: async (rig) => {
      const far = rig.hosts('asia')
      const { held } = await prepare(rig, far)
      const flap = async (): Promise<void> => {
        for (let times = 0; times < 8; times++) {
          await rig.lab.cut('asia', 'others')
          await rig.pause(2_000)
          await rig.lab.heal()
          await rig.pause(1_000)
        }
      }
      const flapping = flap()
      try {
        await rig.measureCoordination()
        await rig.allRight(rig.lab.hosts, held, 'while the link flaps')
      } finally {
        await flapping
      }
      await mend(rig, held)
    }
  },
  {
    name: 'small-cut',
    title: 'the same with four hosts, which is for continuous integration',
    topology: { regions: { europe: { hosts: 2 }, america: { hosts: 2 } } },
    run: async (rig) => { await split(rig, rig.hosts('america')) }
  }
]

/** Round trips and small losses were held against the topology when the lab came up. */
async function links (rig: Rig): Promise<void> {
  const [europe, america, asia, africa] = rig.lab.hosts as [LabHost, LabHost, LabHost, LabHost]
  const expected = expectedRoundTrip(rig.lab.topology, 'europe', 'asia')
  const fault = faultOf(expected, await rig.ping(europe, asia, { count: 1_000, intervalMs: 4 }), labDefaults.calibrationSlackMs * timeFactor())
  if (fault !== undefined) throw new Error(`from europe to asia ${fault}`)

  const { duplicates } = await rig.ping(america, asia, { count: 100, intervalMs: 10 })
  if (duplicates < 20) throw new Error(`${duplicates} of 100 packets came twice from america to asia, where half were to, each way`)

  // 10 packets of 8,000 bytes are 640 ms at 1 Mbit/s: sent at once they wait for each other.
  // A starved guest may drop a fragment; a link that is not throttled never makes them wait.
  const pinging = { count: 10, intervalMs: 2, bytes: 8_000, atOnce: true }
  let crowd = await rig.ping(europe, africa, pinging)
  for (let tries = labDefaults.calibrationTriesMax; tries > 1 && crowd.received < 10; tries--) crowd = await rig.ping(europe, africa, pinging)
  const { meanMs = 0, received } = crowd
  if (received < 10 || meanMs < 150) throw new Error(`a crowd of packets takes ${meanMs} ms from europe to africa and back, ${received} of 10 come, where 1 Mbit/s would make all wait`)

  await rig.lab.cut('america', 'asia', true)
  await rig.expectCut(america, asia)
  const before = (await rig.lab.carried()).get(america.name)!.receivedBytes
  await rig.expectCut(asia, america)
  const heard = (await rig.lab.carried()).get(america.name)!.receivedBytes - before
  if (heard === 0) throw new Error('what asia sends does not reach america, though only the other way is cut')
  await rig.lab.heal()
  const { received: again } = await rig.ping(america, asia, { count: 5, intervalMs: 10 })
  if (again !== 5) throw new Error(`${again} of 5 pings come through from america to asia after healing`)
}

interface Prepared {
  /** Held by every host, for long. */
  readonly held: readonly string[]
  /** Held by the first host of each side only. */
  readonly single: readonly string[]
  /** Held by every host, and soon stale. */
  readonly aged: readonly string[]
  /** Held by none. */
  readonly fresh: readonly string[]
}

async function prepare (rig: Rig, far: readonly LabHost[]): Promise<Prepared> {
  const [held, single, aged, fresh] = [objects('held', 4, 3_600), objects('single', 12, 3_600), objects('aged', 4, 1), objects('fresh', 4, 3_600)]
  await rig.allRight(rig.lab.hosts, [...held, ...aged], 'before')
  await rig.allRight([far[0]!, rig.others(far)[0]!], single, 'before')
  rig.say('content is in place')
  return { held, single, aged, fresh }
}

/** Cuts off those hosts, which have no origin then, looks at both sides, and heals. */
async function split (rig: Rig, far: readonly LabHost[]): Promise<void> {
  const near = rig.others(far)
  const { held, single, aged, fresh } = await prepare(rig, far)
  await rig.lab.cut(far.map(({ name }) => name).join(','), 'others')
  await rig.expectCut(far[0]!, near[0]!)
  await rig.expectCut(near[0]!, far[0]!)
  // At once, before anyone has noticed, and again when all have.
  await rig.allRight(rig.lab.hosts, held, 'right after the cut', ['hit'])
  await rig.untilSplit([near, far])
  await rig.allRight(rig.lab.hosts, held, 'while cut off', ['hit'])
  await rig.allRight(rig.lab.hosts, aged, 'while cut off')
  await rig.allRight(far, aged, 'while cut off from the origin', ['stale'])
  await rig.allRight(near, fresh, 'with the origin')
  const neighbour = far[1]
  if (neighbour !== undefined && neighbour.region === far[0]!.region) {
    const sources = await rig.allRight([neighbour], single, 'beside its neighbour', ['hit', 'peer'])
    if (!sources.includes('peer')) throw new Error(`${neighbour.name} had all that its neighbour held: no answer came from a peer`)
  }
  for (const path of objects('nowhere', 1, 60)) {
    const { status } = await rig.get(far[0]!, path)
    if (status < 500) throw new Error(`${far[0]!.name} answers ${path} with ${status}, though nobody there can have it`)
  }
  rig.say('both sides answer')
  await rig.measureCoordination()
  await mend(rig, [...held, ...single, ...aged, ...fresh])
}

export async function mend (rig: Rig, paths: readonly string[]): Promise<void> {
  await rig.lab.heal()
  await rig.untilWhole()
  await rig.allRightSoon(rig.lab.hosts, paths, 'after healing')
  const looks = await rig.lab.look()
  if (!isWhole(looks)) throw new Error('the hosts disagree again after they had agreed')
}
