/** The global group in real edges whose majority is killed for good, and then all of it: what is said, both ways out, and one that comes back. */
import type { ChildProcess } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ConfigConflicts, ConfigDocument, ConfigHistory } from '../../daemon/admin/config.ts'
import type { AgreementStatus } from '../../daemon/agreement/status.ts'
import { decodeToken } from '../../protocols/config/token.ts'
import { get, Swarm, until, type Got, type TestEdge } from '../support/edges.ts'

/** As slow as two crowded cores make it; nobody is replaced meanwhile. */
const settings = {
  raft: { electionTicks: 24, leaseTicks: 16 },
  agreement: { settleMs: 200, lookMs: 100, foundDelayMs: 1_000 },
  agreed: { copyIntervalMs: 200, driveIntervalMs: 200, absorbRetryMs: 500 },
  globalRaft: { heartbeatTicks: 4, electionTicks: 24, leaseTicks: 16 },
  // What comes back with an old log is rolled out at once.
  config: { globalTimeoutMs: 2_500, listenMs: 0, stageMs: 100, quietMs: 200, reportIntervalMs: 100 },
  membership: { refreshMs: 400, announceGapMs: 100, silentRefreshes: 5 }
}

let swarm: Swarm
beforeAll(() => { swarm = new Swarm() })
afterAll(async () => { await swarm.stop() })

const statusOf = async (edge: TestEdge): Promise<AgreementStatus> => (await edge.status()).raft.find(({ scope }) => scope === 'global')!
const ask = async (edge: TestEdge, method: string, path: string, body: object, key: string): Promise<Got> =>
  await get(`${edge.admin}${path}?scope=global&plan=now&author=ann`, { 'content-type': 'application/json', 'idempotency-key': key }, method, JSON.stringify(body))
const recover = async (edge: TestEdge, body: object): Promise<Got> => await ask(edge, 'POST', '/v1/config/recover', body, 'recover')
const read = async <T>(edge: TestEdge, what = ''): Promise<T> => JSON.parse((await get(`${edge.admin}/v1/config${what}?scope=global`)).text) as T
const flagsOf = async (edge: TestEdge): Promise<unknown> => ((await read<ConfigDocument>(edge)).document as { flags?: object }).flags

async function write (edge: TestEdge, flag: string, value: unknown = true, key = `${flag} ${JSON.stringify(value)}`.replaceAll(/[^a-z]/g, '-')): Promise<Got> {
  let got: Got | undefined
  await until(async () => {
    got = await ask(edge, 'PATCH', '/v1/config', { flags: { [flag]: value } }, key)
    if (got.status !== 201) throw new Error(`${got.status} ${got.text}`)
    return true
  }, 40_000, `${flag} was not agreed on`)
  return got!
}

const tokenOf = ({ fields }: Got): string => String(fields['colony-token'])

async function recovered (edge: TestEdge, body: object): Promise<string> {
  let got: Got | undefined
  await until(async () => {
    got = await recover(edge, body)
    if (got.status !== 200) throw new Error(got.text)
    return true
  }, 30_000, 'it is not founded anew')
  // Asked again it is the same one.
  expect((await recover(edge, body)).text).toBe(got!.text)
  return (JSON.parse(got!.text) as { group: string }).group
}

async function same (edges: readonly TestEdge[], flags: object): Promise<void> {
  await until(async () => {
    const found = await Promise.all(edges.map(flagsOf))
    if (!found.every((each) => isDeepStrictEqual(each, flags))) throw new Error(JSON.stringify(found))
    return true
  }, 40_000, 'not all follow')
}

describe('the global group', () => {
  let voters: Array<TestEdge & { child: ChildProcess }>
  let outsiders: TestEdge[]
  let first: string
  let token: string

  it('says who is missing, and how old what it reads is, when two of its three voters are killed', async () => {
    voters = [await swarm.spawn({ region: 'one', settings })]
    const join = [voters[0]!.listen]
    for (const region of ['two', 'three']) voters.push(await swarm.spawn({ region, settings, join }))
    await until(async () => (await voters[0]!.status()).members === 3, 30_000, 'they did not join')
    outsiders = [await swarm.start({ region: 'two', settings, join }), await swarm.start({ region: 'three', settings, join })]
    await until(async () => (await Promise.all([...voters, ...outsiders].map(statusOf))).every(({ voters }) => voters.length === 3), 60_000, 'no voter a region')
    first = (await statusOf(voters[0]!)).group!
    token = tokenOf(await write(outsiders[0]!, 'kept'))
    await same([...voters, ...outsiders], { kept: true })

    for (const { child } of voters.slice(1)) child.kill('SIGKILL')
    for (const edge of [voters[0]!, outsiders[0]!]) {
      // A leader that does not know it yet would write it down, and what stands in a log counts.
      await until(async () => {
        const { current, because } = await read<ConfigDocument>(edge)
        return !current && because?.includes('2 of 3 voters cannot be reached') === true
      }, 60_000, 'it does not say that it may be old')
      expect(await read(edge)).toMatchObject({ version: 1, ageMs: expect.any(Number) })
      const refused = await ask(edge, 'PATCH', '/v1/config', { flags: { lost: true } }, 'lost')
      const { detail, ...problem } = JSON.parse(refused.text) as { detail: string }
      expect([refused.status, problem]).toMatchObject([503, { outcome: 'none', missing: [{}, {}] }])
      for (const { name } of voters.slice(1)) expect(detail).toContain(name)
    }
    expect(await recover(voters[0]!, { gone: [] })).toMatchObject({ status: 409 })
    expect(JSON.parse((await recover(outsiders[0]!, { gone: [], fromCopy: true })).text)).toMatchObject({ detail: expect.stringContaining(`${voters[0]!.name} has a log`) })
  }, 240_000)

  it('goes on from its one voter that is left, with all that was agreed; tokens of before count', async () => {
    const group = await recovered(voters[0]!, { gone: voters.slice(1).map(({ peer }) => peer) })
    expect(group).not.toBe(first)
    const later = tokenOf(await write(outsiders[0]!, 'later'))
    expect(decodeToken(later).global).toBeGreaterThan(decodeToken(token).global!)
    await same([voters[0]!, ...outsiders], { kept: true, later: true })
  }, 120_000)

  it('takes in a voter that comes back', async () => {
    const { dataDir, name } = voters[1]!
    voters[1] = await swarm.spawn({ region: 'two', settings, dataDir, name, join: [voters[0]!.listen] })
    await same([voters[0]!, voters[1]!, ...outsiders], { kept: true, later: true })
    await until(async () => (await statusOf(voters[1]!)).group === (await statusOf(voters[0]!)).group, 40_000, 'it is in another group')
  }, 120_000)

  it('is founded anew from a copy when all of its logs are lost, by the edge with the newest, and goes on counting', async () => {
    // Candidates have become members: one more that is none.
    const last = await swarm.spawn({ region: 'one', settings: { ...settings, agreed: { ...settings.agreed, copyIntervalMs: 600_000 } }, join: [outsiders[0]!.listen] })
    outsiders.push(last)
    const before = tokenOf(await write(last, 'copied'))
    expect(await statusOf(last)).toMatchObject({ standing: 'copy' })
    // It asks for this only when it is asked itself.
    await write(voters[0]!, 'disputed', 'then')
    const members = (await statusOf(last)).voters.map(({ peer }) => peer)
    const gone = [voters[0]!, voters[1]!, ...outsiders.slice(0, 2)]
    await Promise.all(gone.map(async (edge) => { edge.child === undefined ? await edge.stop() : edge.child.kill('SIGKILL') }))
    let refused: Got | undefined
    await until(async () => {
      refused = await recover(last, { gone: [], fromCopy: true })
      return refused.status === 409 && refused.text.includes('copy of version 3')
    }, 30_000, 'it does not say what is lost')
    expect((JSON.parse(refused!.text) as { missing: Array<{ peer: string }> }).missing.map(({ peer }) => peer).sort()).toEqual([...members].sort())
    await recovered(last, { gone: members, fromCopy: true })
    expect(await flagsOf(last)).toEqual({ kept: true, later: true, copied: true })
    const after = tokenOf(await write(last, 'disputed', 'now'))
    expect(decodeToken(after).global).toBe(decodeToken(before).global! + 1)
    expect((await read<ConfigHistory>(last, '/history')).versions.map(({ number }) => number)).toEqual([4, 3, 2, 1])
    expect((await get(`${last.admin}/v1/config?scope=global`, { 'colony-token': before })).status).toBe(200)
  }, 180_000)

  it('lists what one that comes back had alone, and loses nothing that was agreed after', async () => {
    const last = outsiders[2]!
    const back = await swarm.spawn({ region: 'one', settings, dataDir: voters[0]!.dataDir, name: voters[0]!.name, join: [last.listen] })
    const emptied = voters[1]!
    await rm(join(emptied.dataDir, 'raft'), { recursive: true })
    const second = await swarm.spawn({ region: 'two', settings, dataDir: emptied.dataDir, name: emptied.name, join: [last.listen] })
    const { group } = await statusOf(last)
    await until(async () => {
      const found = await Promise.all([back, second].map(statusOf))
      if (!found.every((status) => status.group === group && (status.dissolved ?? []).length === 0)) throw new Error(JSON.stringify([group, await statusOf(last), ...found], undefined, 1))
      return true
    }, 60_000, 'they are not taken in')
    const { conflicts: [dispute, ...others] } = await read<ConfigConflicts>(last, '/conflicts')
    expect(others).toEqual([])
    expect(dispute!.path).toBe('flags/disputed')
    expect([dispute!.winner, ...dispute!.losers].map(({ value }) => value)).toEqual(['now', 'then'])
    await same([last, back, second], { kept: true, later: true, copied: true, disputed: 'now' })
    await write(back, 'together')
    await same([last, back, second], { kept: true, later: true, copied: true, disputed: 'now', together: true })
  }, 120_000)
})
