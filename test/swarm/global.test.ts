/** The global group in real edges of three regions: one votes in each, all others follow, and one voter may die. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AgreementStatus } from '../../daemon/agreement/status.ts'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'

/** As slow as two crowded cores make it; nobody is replaced meanwhile. */
const settings = {
  raft: { electionTicks: 24, leaseTicks: 16 },
  agreement: { settleMs: 200, lookMs: 100, foundDelayMs: 1_000 },
  agreed: { copyIntervalMs: 200, driveIntervalMs: 200 },
  membership: { refreshMs: 400, announceGapMs: 100, silentRefreshes: 5 }
}

let swarm: Swarm
beforeAll(() => { swarm = new Swarm() })
afterAll(async () => { await swarm.stop() })

const statusOf = async (edge: TestEdge): Promise<AgreementStatus> => (await edge.status()).raft.find(({ scope }) => scope === 'global')!

async function write (edge: TestEdge, flags: object): Promise<void> {
  const key = JSON.stringify(flags)
  await until(async () => {
    const got = await get(`${edge.admin}/v1/config?scope=global&plan=now&author=ann`, { 'content-type': 'application/json', 'idempotency-key': Buffer.from(key).toString('hex') }, 'PUT', JSON.stringify({ flags }))
    if (got.status !== 201) throw new Error(`${got.status} ${got.text}`)
    return true
  }, 40_000, `${key} was not agreed on`)
}

async function seen (edges: readonly TestEdge[], flags: object): Promise<void> {
  await until(async () => {
    const each = await Promise.all(edges.map(async ({ admin }) => (JSON.parse((await get(`${admin}/v1/config`)).text) as { document: { flags: object } }).document.flags))
    if (each.some((found) => JSON.stringify(found) !== JSON.stringify(flags))) throw new Error(JSON.stringify(each))
    return true
  }, 40_000, 'not all run it')
}

it('an edge alone is the global group, and agrees at once', async () => {
  const lone = await swarm.start({ region: 'one', settings })
  await write(lone, { alone: true })
  await seen([lone], { alone: true })
  const status = await statusOf(lone)
  expect(status).toMatchObject({ standing: 'member', role: 'leader', voters: [{ name: lone.name }] })

  const { text } = await get(`${lone.admin}/metrics`)
  for (const line of [
    'colony_raft_leader_known{scope="global"} 1', `colony_raft_term{scope="global"} ${status.term}`, `colony_raft_commit_index{scope="global"} ${status.commit}`,
    `colony_raft_applied_index{scope="global"} ${status.applied}`, 'colony_raft_elections_total{scope="global"} 1', 'colony_raft_proposals_total{scope="global",outcome="done"} 1',
    'colony_raft_leader_known{scope="region"} 1', 'colony_raft_proposals_total{scope="region",outcome="done"} 0',
    'colony_config_active_version{scope="global"} 1', 'colony_config_agreed_version{scope="global"} 1', 'colony_config_active_version{scope="regional"} 0'
  ]) expect(text).toContain(`${line}\n`)
  expect(text).toMatch(/^colony_config_age_seconds\{scope="global"\} \d/m)
}, 60_000)

it('three regions have a voter each; what any edge agrees on is seen by all, also when a voter was killed', async () => {
  const join = [swarm.edges[0]!.listen]
  const voter = await swarm.spawn({ region: 'two', settings, join })
  await until(async () => (await swarm.edges[0]!.status()).members === 2, 30_000, 'it did not join')
  // The eldest of its region, and then two that have no part.
  const third = await swarm.start({ region: 'three', settings, join })
  const others = [await swarm.start({ region: 'two', settings, join }), await swarm.start({ region: 'three', settings, join })]
  const names = (status: AgreementStatus): string => status.voters.map(({ name }) => name).sort().join()
  const expected = [swarm.edges[0]!, voter, third].map(({ name }) => name).sort().join()
  const all = [swarm.edges[0]!, voter, third, ...others]
  await until(async () => {
    const found = (await Promise.all(all.map(statusOf))).map((status) => `${status.standing} ${names(status)}`)
    if (found.join(' | ') !== [...Array(3).fill(`member ${expected}`), ...Array(2).fill(`copy ${expected}`)].join(' | ')) throw new Error(found.join(' | '))
    return true
  }, 60_000, 'no voter a region')

  await write(others[0]!, { by: 'an edge without a part' })
  await seen(all, { by: 'an edge without a part' })
  voter.child.kill('SIGKILL')
  await write(others[0]!, { after: 'the death of a voter' })
  await seen(all.filter((edge) => edge !== voter), { after: 'the death of a voter' })
}, 180_000)
