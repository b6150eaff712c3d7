/** A region's group in real edges whose majority is killed for good, and then all of its logs: what is said, the ways out, and those that come back after all. */
import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, Swarm, until, type Got, type TestEdge } from '../support/edges.ts'

/** As slow as two crowded cores make it; nobody is replaced meanwhile. */
const settings = {
  raft: { electionTicks: 24, leaseTicks: 16 },
  agreement: { settleMs: 200, lookMs: 100, foundDelayMs: 1_000 },
  membership: { refreshMs: 400, announceGapMs: 100, silentRefreshes: 5 }
}

let swarm: Swarm
beforeAll(() => { swarm = new Swarm() })
afterAll(async () => { await swarm.stop() })

const ask = async (edge: TestEdge, method: string, path: string, body: object, key = 'key'): Promise<Got> =>
  await get(`${edge.admin}${path}?scope=regional&plan=now&author=ann`, { 'content-type': 'application/json', 'idempotency-key': key }, method, JSON.stringify(body))
const groupOf = async (edge: TestEdge): Promise<string | undefined> => (await edge.status()).raft.find(({ scope }) => scope === 'region')?.group
const before = { flags: { kept: true } }
const after = { flags: { kept: true, more: 1 } }

describe('a region that loses two of its three voters for ever', () => {
  let lone: TestEdge
  let lost: Array<TestEdge & { child: ChildProcess }>
  const back: TestEdge[] = []
  let gone: string[]
  let group: string

  it('says who is missing, and changes nothing', async () => {
    lost = [await swarm.spawn({ settings })]
    const seed = [lost[0]!.listen]
    lost.push(await swarm.spawn({ settings, join: seed }))
    lone = await swarm.start({ settings, join: seed })
    await until(async () => (await lone.status()).raft.some(({ scope, voters }) => scope === 'region' && voters.length === 3), 30_000, 'no three voters')
    await until(async () => (await ask(lone, 'PUT', '/v1/config', before, 'first')).status === 201, 20_000, 'nothing was agreed')
    group = (await groupOf(lone))!
    for (const { child } of lost) child.kill('SIGKILL')
    let refused: Got | undefined
    await until(async () => {
      refused = await ask(lone, 'PUT', '/v1/config', after, 'second')
      return refused.status === 503 && (JSON.parse(refused.text) as { missing: unknown[] }).missing.length === 2
    }, 30_000, 'it does not say who is missing')
    const { detail, missing } = JSON.parse(refused!.text) as { detail: string, missing: Array<{ peer: string }> }
    for (const { name } of lost) expect(detail).toContain(name)
    gone = missing.map(({ peer }) => peer)
    expect(new Set(gone)).toEqual(new Set(lost.map(({ peer }) => peer)))
    expect((await ask(lone, 'POST', '/v1/config/recover', { gone: [gone[0]] })).status).toBe(409)
  }, 90_000)

  it('is founded anew by who names them, once, with all that was agreed, and agrees again', async () => {
    let recovered: Got | undefined
    await until(async () => (recovered = await ask(lone, 'POST', '/v1/config/recover', { gone })).status === 200, 20_000, 'it is not founded anew')
    expect((await ask(lone, 'POST', '/v1/config/recover', { gone })).text).toBe(recovered!.text)
    expect(JSON.parse((await get(`${lone.admin}/v1/config?scope=regional`)).text)).toMatchObject({ document: before })
    await until(async () => (await ask(lone, 'PUT', '/v1/config', after, 'second')).status === 201, 20_000, 'nothing is agreed')
    expect(await groupOf(lone)).not.toBe(group)
  }, 60_000)

  it('takes in those that come back after all, though they are the majority of what it was', async () => {
    for (const { dataDir, name } of lost) back.push(await swarm.spawn({ settings, dataDir, name, join: [lone.listen] }))
    const id = await groupOf(lone)
    await until(async () => (await Promise.all(back.map(groupOf))).every((each) => each === id), 30_000, 'they did not join')
    const read = async (edge: TestEdge): Promise<unknown> => (JSON.parse((await get(`${edge.admin}/v1/config?scope=regional`)).text) as { document: unknown }).document
    await until(async () => JSON.stringify(await Promise.all(back.map(read))) === JSON.stringify([after, after]), 30_000, 'they do not follow')
    // They had agreed on nothing that it had not: nothing is in conflict, and no version came of it.
    await until(async () => (await Promise.all(back.map(async (edge) => (await edge.status()).raft[0]!.dissolved ?? []))).flat().length === 0, 30_000, 'it is not looked through')
    const history = JSON.parse((await get(`${lone.admin}/v1/config/history?scope=regional`)).text) as { versions: unknown[] }
    expect(history.versions).toHaveLength(2)
    expect(JSON.parse((await get(`${lone.admin}/v1/config/conflicts?scope=regional`)).text)).toMatchObject({ conflicts: [] })
  }, 90_000)

  it('is founded anew from what an edge ran, when the log of each is lost', async () => {
    await until(async () => (await lone.status()).raft.some(({ scope, voters }) => scope === 'region' && voters.length === 3), 30_000, 'no three voters')
    const id = await groupOf(lone)
    const all = [lone, ...back]
    // Who stops in good order gives up its vote.
    for (const { child } of back) child!.kill('SIGKILL')
    await lone.stop()
    for (const { dataDir } of all) await rm(join(dataDir, 'raft'), { recursive: true })
    const anew: TestEdge[] = []
    for (const { dataDir, name } of all) anew.push(await swarm.start({ settings, dataDir, name, join: anew.slice(0, 1).map(({ listen }) => listen) }))
    const [first, ...others] = anew as [TestEdge, ...TestEdge[]]
    await until(async () => (await first.status()).members === 3, 30_000, 'they do not meet')
    const lostAgain = others.map(({ peer }) => peer)
    const ordinary = await ask(first, 'POST', '/v1/config/recover', { gone: lostAgain })
    expect([ordinary.status, ordinary.text]).toEqual([409, expect.stringContaining('--from-copy')])
    let refused: Got | undefined
    await until(async () => {
      refused = await ask(first, 'POST', '/v1/config/recover', { gone: [], fromCopy: true })
      if (!refused.text.includes('copy of version 2')) throw new Error(refused.text)
      return true
    }, 30_000, 'it does not say what is given up')
    // Of its last moment, in which this edge may have tried to hand on its vote.
    const named = (JSON.parse(refused!.text) as { missing: Array<{ peer: string }> }).missing.map(({ peer }) => peer)
    expect(named.length).toBeGreaterThan(0)
    expect(lostAgain).toEqual(expect.arrayContaining(named))
    expect((await ask(first, 'POST', '/v1/config/recover', { gone: named, fromCopy: true })).status).toBe(200)
    await until(async () => (await ask(first, 'PUT', '/v1/config', { flags: { anew: true } }, 'third')).status === 201, 20_000, 'nothing is agreed')
    const history = JSON.parse((await get(`${first.admin}/v1/config/history?scope=regional`)).text) as { versions: Array<{ number: number, author: string }> }
    expect(history.versions).toMatchObject([{ number: 3 }, { number: 2, author: 'ann' }])
    const now = await groupOf(first)
    expect(now).not.toBe(id)
    await until(async () => (await Promise.all(others.map(groupOf))).every((each) => each === now), 30_000, 'they did not join')
  }, 120_000)
})
