/** A region's group in real edges: it grows and shrinks with its region, and outlives its leader. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AgreementStatus } from '../../daemon/agreement/agreement.ts'
import { Journal } from '../support/raft-node.ts'
import { Swarm, type TestEdge, until } from '../support/edges.ts'

/** As slow as two crowded cores make it, and votes given as soon as may be. */
const settings = {
  raft: { electionTicks: 24, leaseTicks: 16 },
  agreement: { settleMs: 200, lookMs: 100, foundDelayMs: 1_000, replaceMs: 1_000 },
  membership: { refreshMs: 400, announceGapMs: 100, silentRefreshes: 5 }
}

let swarm: Swarm
const machines = new Map<TestEdge, Journal>()
beforeEach(() => { swarm = new Swarm() })
afterEach(async () => {
  await swarm.stop()
  machines.clear()
})

async function start (options: Parameters<Swarm['start']>[0] = {}): Promise<TestEdge> {
  const machine = new Journal()
  const [first] = swarm.edges
  const edge = await swarm.start({ dht: false, settings, machine, ...(first !== undefined && { join: [first.listen] }), ...options })
  machines.set(edge, machine)
  return edge
}

const here = (): TestEdge[] => [...machines.keys()]
const statusOf = async (edge: TestEdge): Promise<AgreementStatus> => (await edge.status()).raft[0]!
const linesOf = (edge: TestEdge): string[] => machines.get(edge)!.lines
const propose = async (edge: TestEdge, text: string): Promise<unknown> => await edge.edge!.agreement.propose(Buffer.from(text), { idempotency: text })

/** Until all of these agree on one leader, and on so many voters and learners. */
async function agreed (edges: readonly TestEdge[], voters: number, learners: number): Promise<AgreementStatus> {
  let seen: AgreementStatus[] = []
  try {
    await until(async () => {
      seen = await Promise.all(edges.map(statusOf))
      const shapes = new Set(seen.map(({ group, leader, term }) => `${group} ${leader?.peer} ${term}`))
      return shapes.size === 1 && seen[0]!.leader !== undefined && seen.every((each) => each.voters.length === voters && each.learners.length === learners)
    }, 20_000, `not ${voters} voters and ${learners} learners`)
  } catch (error) {
    throw new Error(`${String(error)}: ${seen.map(({ standing, role, term, voters: v, learners: l, leader }) => `${standing} ${role} of ${leader?.name ?? 'nobody'} in ${term}, ${v.length}+${l.length}`).join('; ')}`)
  }
  return seen[0]!
}

async function stop (edge: TestEdge): Promise<void> {
  machines.delete(edge)
  await edge.stop()
}

describe('a region', () => {
  it('grows from one edge to three and five, and back to one, without losing what was committed', async () => {
    const acknowledged: string[] = []
    const write = async (edge: TestEdge): Promise<void> => {
      const text = `entry ${acknowledged.length}`
      await propose(edge, text)
      acknowledged.push(text)
    }
    const first = await start()
    await agreed(here(), 1, 0)
    await write(first)
    const second = await start()
    await agreed(here(), 1, 1)
    await write(second)
    await start()
    await agreed(here(), 3, 0)
    for (let count = 0; count < 2; count++) await start()
    await agreed(here(), 3, 2)
    for (const edge of here()) await write(edge)
    for (const edge of here()) await until(() => linesOf(edge).length === acknowledged.length, 5_000, 'it lags')
    // The founder, which leads, goes first.
    while (here().length > 1) {
      await stop(here()[0]!)
      const left = here().length
      await agreed(here(), left < 3 ? 1 : 3, left < 3 ? left - 1 : left - 3)
      await write(here().at(-1)!)
    }
    await until(() => linesOf(here()[0]!).length === acknowledged.length, 5_000, 'it lags')
    expect(linesOf(here()[0]!)).toEqual(acknowledged)
  }, 60_000)
})
