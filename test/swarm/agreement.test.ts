/**
 * A region's group in real edges: it grows and shrinks with its region, outlives its leader, and meets another. The tests of one
 * `describe` go on with the edges that the one before left, as starting an edge is most of what they cost.
 */
import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { AgreementStatus } from '../../daemon/agreement/agreement.ts'
import { Journal } from '../support/raft-node.ts'
import { get, Swarm, type TestEdge, until } from '../support/edges.ts'

/** As slow as two crowded cores make it, and what only waits for more to come as short as may be. */
const settings = {
  raft: { electionTicks: 32, leaseTicks: 24, quorumTimeouts: 4 },
  raftService: { knockIntervalMs: 100, gatherMs: 20, requestTimeoutMs: 30_000 },
  agreement: { settleMs: 50, lookMs: 50, retryMs: 50, foundDelayMs: 300, replaceMs: 1_000, leaveTimeoutMs: 20_000 },
  membership: { refreshMs: 400, announceGapMs: 100, silentRefreshes: 5 }
}
const electionMs = 25 * settings.raft.electionTicks

let swarm: Swarm
const machines = new Map<TestEdge, Journal>()

async function start (options: Parameters<Swarm['start']>[0] = {}): Promise<TestEdge> {
  const machine = new Journal()
  const first = swarm.edges.find((edge) => machines.has(edge) || edge.child !== undefined)
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
    }, 40_000, `not ${voters} voters and ${learners} learners`)
  } catch (error) {
    throw new Error(`${String(error)}: ${seen.map(({ standing, role, term, voters: v, learners: l, leader }) => `${standing} ${role} of ${leader?.name ?? 'nobody'} in ${term}, ${v.length}+${l.length}`).join('; ')}`)
  }
  return seen[0]!
}

async function stop (edge: TestEdge): Promise<void> {
  machines.delete(edge)
  await edge.stop()
}

/** Its process starts while the others are at work. */
const leading = new Swarm()
let spawned: ReturnType<Swarm['spawn']>
beforeAll(() => {
  spawned = leading.spawn({ settings })
  spawned.catch(() => {})
})
afterAll(async () => {
  await spawned.catch(() => {})
  await leading.stop()
})

describe('a region', () => {
  const acknowledged: string[] = []
  const write = async (edge: TestEdge): Promise<void> => {
    const text = `entry ${acknowledged.length}`
    await propose(edge, text)
    acknowledged.push(text)
  }
  /** Until all that was acknowledged is applied at `edge`, and nothing else is. */
  const upToDate = async (edge: TestEdge): Promise<void> => {
    await until(() => linesOf(edge).length === acknowledged.length, 30_000, 'it lags')
    expect(linesOf(edge)).toEqual(acknowledged)
  }
  beforeAll(() => { swarm = new Swarm() })
  afterAll(async () => {
    await swarm.stop()
    machines.clear()
  })

  it('grows from one edge to three and five, and back to one, without losing what was committed', async () => {
    await agreed([await start()], 1, 0)
    await write(here()[0]!)
    const second = await start()
    await agreed(here(), 1, 1)
    await write(second)
    await start()
    await agreed(here(), 3, 0)
    await Promise.all([start(), start()])
    await agreed(here(), 3, 2)
    for (const edge of here()) await write(edge)
    for (const edge of here()) await upToDate(edge)
    // The founder, which leads, goes first.
    while (here().length > 1) {
      await stop(here()[0]!)
      const left = here().length
      await agreed(here(), left < 3 ? 1 : 3, left < 3 ? left - 1 : left - 3)
      await write(here().at(-1)!)
    }
    await upToDate(here()[0]!)
  }, 120_000)

  it('has one group: of two that meet the younger dissolves and what it had agreed on is kept; a region that is new to the colony founds its own', async () => {
    const older = here()[0]!
    const younger = await start({ join: [] })
    await agreed([younger], 1, 0)
    await propose(younger, 'of the younger')
    const id = (await statusOf(younger)).group!
    const elsewhere = await start({ region: 'elsewhere', join: [older.listen, younger.listen] })
    const { group } = await agreed([older, younger], 1, 1)
    expect(group).toBe((await statusOf(older)).group)
    await upToDate(younger)
    expect((await statusOf(younger)).dissolved).toMatchObject([{ group: id }])
    const [kept] = await younger.edge!.agreement.dissolved.all()
    expect(JSON.parse(Buffer.from(kept!.snapshot).toString())).toEqual(['of the younger'])
    expect((await agreed([elsewhere], 1, 0)).group).not.toBe(group)
    // The younger edge has no part in the global group that is left, but it had founded one.
    const globals = async (): Promise<Array<string | undefined>> => await Promise.all([older, younger, elsewhere].map(async (edge) => (await edge.status()).raft[1]!.group))
    await until(async () => new Set([...await globals(), (await older.status()).raft[1]!.group]).size === 1, 20_000, 'two global groups')
    await propose(elsewhere, 'of another region')
    await stop(elsewhere)
  }, 120_000)

  it('takes an edge whose log was damaged in again as a learner; alone it serves without, and founds no other on an old folder', async () => {
    const [first, second] = here() as [TestEdge, TestEdge]
    await write(second)
    await stop(second)
    await rm(join(second.dataDir, 'raft', 'log'), { recursive: true })
    const again = await start({ dataDir: second.dataDir, name: second.name })
    await agreed(here(), 1, 1)
    await upToDate(again)
    expect(await statusOf(again)).toMatchObject({ standing: 'member', role: 'learner', damage: expect.stringContaining('its log is gone') })

    // All stop, and one comes back that cannot decide alone, one that has nothing left.
    for (const edge of [again, first]) await stop(edge)
    await rm(join(first.dataDir, 'raft'), { recursive: true })
    for (const [dataDir, standing] of [[first.dataDir, 'empty'], [second.dataDir, 'member']] as const) {
      const alone = await start({ dataDir, join: [] })
      expect((await get(`${alone.admin}/readyz`)).status).toBe(200)
      expect((await get(`${alone.http}/any`)).fields['cache-status']).toBeDefined()
      const status = await statusOf(alone)
      expect([status.standing, status.leader, status.leads]).toEqual([standing, undefined, false])
      await expect(alone.edge!.agreement.propose(Buffer.from('no'), { signal: AbortSignal.timeout(300) })).rejects.toThrow()
      await stop(alone)
    }
  }, 120_000)
})

describe('the leader of a region', () => {
  let leader: TestEdge & { child: ChildProcess }
  let others: TestEdge[]
  const stalls = monitorEventLoopDelay({ resolution: 10 })
  beforeAll(async () => {
    stalls.enable()
    swarm = leading
    leader = await spawned
    await othersCome()
  }, 120_000)

  /** Two others come, and know each other when this ends: they find each other by way of the leader, which will be gone. */
  async function othersCome (): Promise<void> {
    others = await Promise.all([start(), start()])
    expect(await agreed([leader, ...others], 3, 0)).toMatchObject({ leader: { peer: leader.peer } })
    await swarm.whole([leader, ...others])
  }

  const ends: Array<() => Promise<void>> = []
  afterEach(async () => {
    leader.child.kill('SIGCONT')
    for (const endLoad of ends.splice(0)) await endLoad()
  })

  /** Proposals one after the other from this edge, until `end`; @returns what was acknowledged */
  function load (edge: TestEdge): { readonly done: string[], end: () => Promise<void> } {
    const done: string[] = []
    let ended = false
    const running = (async () => {
      for (let count = 0; !ended; count++) {
        const text = `${edge.name} ${count}`
        await propose(edge, text).then(() => { done.push(text) }, () => {})
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })()
    const endLoad = async (): Promise<void> => { ended = true; await running }
    ends.push(endLoad)
    return { done, end: endLoad }
  }

  /** Until more is done at each edge than was when it was asked. */
  async function goesOn (loads: ReadonlyArray<{ readonly done: string[] }>): Promise<void> {
    const before = loads.map(({ done }) => done.length)
    await until(() => loads.every(({ done }, at) => done.length > before[at]! + 5), 40_000, 'nothing is done')
  }

  /** All that was acknowledged is in each machine, once, and the machines are equal. */
  async function whole (loads: ReadonlyArray<{ readonly done: string[] }>): Promise<void> {
    await until(() => new Set(others.map((edge) => linesOf(edge).length)).size === 1, 30_000, 'one lags')
    const lines = linesOf(others[0]!)
    for (const edge of others) expect(linesOf(edge)).toEqual(lines)
    expect(new Set(lines).size).toBe(lines.length)
    expect(loads.flatMap(({ done }) => done).filter((text) => !lines.includes(text))).toEqual([])
  }

  /** No election since `earlier`: but for one that a machine causes which holds up this process, and the edges in it, for too long. */
  async function sameTerm ({ term, leader: before }: AgreementStatus): Promise<void> {
    const now = await agreed([leader, ...others], 3, 0)
    if (stalls.max < electionMs / 2 * 1e6) expect(now).toMatchObject({ term, leader: before })
  }

  it('that was stopped and wakes is no leader any more, is refused, and follows without an election', async () => {
    const { term } = await statusOf(leader)
    const loads = others.map(load)
    await goesOn(loads)
    leader.child.kill('SIGSTOP')
    await until(async () => others.some(({ edge }) => edge!.agreement.leads() !== undefined), 40_000, 'nobody took over')
    await goesOn(loads)
    for (const { edge } of others) expect(edge!.agreement.accepts(term)).toBe(false)
    stalls.reset()
    const later = await statusOf(others[0]!)
    leader.child.kill('SIGCONT')
    expect((await statusOf(leader)).leads).toBe(false)
    for (const each of loads) await each.end()
    await sameTerm(later)
    await whole(loads)
  }, 120_000)

  it('is replaced when it is killed under load; nothing acknowledged is lost, and it comes back without an election', async () => {
    // It leads again when it is left alone, and goes on to when others come.
    for (const edge of others) await stop(edge)
    await agreed([leader], 1, 0)
    await othersCome()
    const loads = others.map(load)
    await goesOn(loads)
    leader.child.kill('SIGKILL')
    await goesOn(loads)
    stalls.reset()
    const later = await statusOf(others[0]!)
    leader = await swarm.spawn({ settings, dataDir: leader.dataDir, join: [others[0]!.listen] })
    for (const each of loads) await each.end()
    await sameTerm(later)
    await whole(loads)
    await until(async () => (await statusOf(leader)).applied === (await statusOf(others[0]!)).commit, 30_000, 'it does not catch up')
  }, 120_000)
})
