/** A region's group in real edges: it grows and shrinks with its region, and outlives its leader. */
import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AgreementStatus } from '../../daemon/agreement/agreement.ts'
import { Journal } from '../support/raft-node.ts'
import { get, Swarm, type TestEdge, until } from '../support/edges.ts'

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

describe('the leader of a region', () => {
  /** Proposals one after the other from this edge, until `end`; @returns what was acknowledged */
  function load (edge: TestEdge): { readonly done: string[], end: () => Promise<void> } {
    const done: string[] = []
    let ended = false
    const running = (async () => {
      for (let count = 0; !ended; count++) {
        const text = `${edge.name} ${count}`
        await propose(edge, text).then(() => { done.push(text) }, async () => { await new Promise((resolve) => setTimeout(resolve, 10)) })
      }
    })()
    return { done, end: async () => { ended = true; await running } }
  }

  async function three (): Promise<{ leader: TestEdge & { child: ChildProcess }, others: TestEdge[] }> {
    const leader = await swarm.spawn({ settings })
    const others = [await start(), await start()]
    const { leader: found } = await agreed([leader, ...others], 3, 0)
    expect(found!.peer).toBe(leader.peer)
    return { leader, others }
  }

  /** All that was acknowledged is in each machine, once, and the machines are equal. */
  async function whole (edges: readonly TestEdge[], loads: ReadonlyArray<{ readonly done: string[] }>): Promise<void> {
    await until(() => new Set(edges.map((edge) => linesOf(edge).length)).size === 1, 10_000, 'one lags')
    const lines = linesOf(edges[0]!)
    for (const edge of edges) expect(linesOf(edge)).toEqual(lines)
    expect(new Set(lines).size).toBe(lines.length)
    expect(loads.flatMap(({ done }) => done).filter((text) => !lines.includes(text))).toEqual([])
  }

  it('is replaced when it is killed under load; nothing acknowledged is lost, and it comes back without an election', async () => {
    const { leader, others } = await three()
    const loads = others.map(load)
    await until(() => loads.every(({ done }) => done.length > 5), 10_000, 'nothing is done')
    leader.child.kill('SIGKILL')
    const before = loads.map(({ done }) => done.length)
    await until(() => loads.every(({ done }, at) => done.length > before[at]! + 5), 20_000, 'nobody took over')
    const again = await swarm.spawn({ settings, dataDir: leader.dataDir, join: [others[0]!.listen] })
    const { term } = await statusOf(others[0]!)
    await until(async () => (await statusOf(again)).applied > 0, 10_000, 'it did not come back')
    for (const each of loads) await each.end()
    await whole(others, loads)
    await until(async () => (await statusOf(again)).applied === (await statusOf(others[0]!)).commit, 10_000, 'it does not catch up')
    expect(await agreed([again, ...others], 3, 0)).toMatchObject({ term })
  }, 60_000)

  it('that was stopped and wakes is no leader any more, is refused, and follows without an election', async () => {
    const { leader, others } = await three()
    const { term } = await statusOf(leader)
    const loads = others.map(load)
    leader.child.kill('SIGSTOP')
    await until(async () => others.some(({ edge }) => edge!.agreement.leads() !== undefined), 20_000, 'nobody took over')
    await until(() => loads.every(({ done }) => done.length > 0), 10_000, 'nothing is done')
    for (const { edge } of others) expect(edge!.agreement.accepts(term)).toBe(false)
    const later = await statusOf(others[0]!)
    leader.child.kill('SIGCONT')
    expect((await statusOf(leader)).leads).toBe(false)
    for (const each of loads) await each.end()
    expect(await agreed([leader, ...others], 3, 0)).toMatchObject({ term: later.term, leader: later.leader })
    await whole(others, loads)
  }, 60_000)
})

describe('groups', () => {
  it('that meet become one: the younger dissolves and what it had agreed on is kept; a region that is new to the colony founds its own', async () => {
    const older = await start()
    await agreed([older], 1, 0)
    await propose(older, 'of the older')
    const younger = await start({ join: [] })
    await agreed([younger], 1, 0)
    await propose(younger, 'of the younger')
    const id = (await statusOf(younger)).group!
    const elsewhere = await start({ region: 'elsewhere', join: [older.listen, younger.listen] })
    const { group } = await agreed([older, younger], 1, 1)
    expect(group).toBe((await statusOf(older)).group)
    await until(() => linesOf(younger).length === 1, 5_000, 'it lags')
    expect(linesOf(younger)).toEqual(['of the older'])
    expect((await statusOf(younger)).dissolved).toMatchObject([{ group: id }])
    const [kept] = await younger.edge!.agreement.dissolved.all()
    expect(JSON.parse(Buffer.from(kept!.snapshot).toString())).toEqual(['of the younger'])
    expect((await agreed([elsewhere], 1, 0)).group).not.toBe(group)
    // The younger edge has no part in the global group that is left, but it had founded one.
    const globals = async (): Promise<Array<string | undefined>> => await Promise.all([older, younger, elsewhere].map(async (edge) => (await edge.status()).raft[1]!.group))
    await until(async () => new Set([...await globals(), (await older.status()).raft[1]!.group]).size === 1, 20_000, 'two global groups')
    await propose(elsewhere, 'of another region')
  }, 60_000)

  it('take an edge whose log was damaged in again as a learner; alone it serves without, and founds no other on an old folder', async () => {
    const first = await start()
    await agreed([first], 1, 0)
    const second = await start()
    await agreed(here(), 1, 1)
    await propose(second, 'before')
    await stop(second)
    await rm(join(second.dataDir, 'raft', 'log'), { recursive: true })
    const again = await start({ dataDir: second.dataDir, name: second.name })
    await agreed(here(), 1, 1)
    await until(() => linesOf(again).length === 1, 5_000, 'it has not recovered')
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
  }, 60_000)
})
