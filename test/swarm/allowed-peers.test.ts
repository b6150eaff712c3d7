/**
 * `peers.allowed` among real edges: the fourth of a region is shut out while it votes, stays out however it dials, and comes back
 * by itself when it is let in again. Each test goes on with the edges that the one before left.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, Swarm, until, type Got, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

const settings = {
  raft: { electionTicks: 32, leaseTicks: 24, quorumTimeouts: 4 },
  raftService: { knockIntervalMs: 100, gatherMs: 20 },
  // A voter that only fell silent would be kept for an hour: what replaces it here is that it was shut out.
  agreement: { settleMs: 50, lookMs: 50, retryMs: 50, foundDelayMs: 300, replaceMs: 3_600_000 },
  membership: { goneRedialMs: 500, joinSlowMs: 500, dialBackoffMaxMs: 1_000 }
}

let swarm: Swarm
let origin: TestOrigin
let edges: TestEdge[]
let out: TestEdge
let others: TestEdge[]

const names = async (edge: TestEdge): Promise<string[]> => (await edge.peers()).map(({ name }) => name).sort()
const voters = async (edge: TestEdge): Promise<string[]> => (await edge.status()).raft[0]!.voters.map(({ peer }) => peer)
const change = async (edge: TestEdge, document: object, key: string): Promise<Got> =>
  await get(`${edge.admin}/v1/config?scope=regional&plan=now&author=ann`, { 'content-type': 'application/json', 'idempotency-key': key }, 'PATCH', JSON.stringify(document))
const agree = async (edge: TestEdge, allowed: readonly string[] | null, key: string): Promise<void> => {
  await until(async () => (await change(edge, { peers: { allowed } }, key)).status === 201, 20_000, 'nothing was agreed')
}
const serves = async (edge: TestEdge, path: string): Promise<string> => (await get(`${edge.http}${path}`)).text

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  for (let page = 0; page < 40; page++) origin.on(`/${page}`, (_request, response) => { response.writeHead(200, { 'cache-control': 'max-age=600' }).end(`page ${page}`) })
  edges = await swarm.grow({ default: 4 }, { origin: origin.url, settings })
  await until(async () => (await Promise.all(edges.map(voters))).every((each) => each.length === 3), 40_000, 'no three voters')
  // One that votes, and leads nothing.
  const { raft } = await edges[0]!.status()
  const leads = new Set(raft.map(({ leader }) => leader?.peer))
  const votes = await voters(edges[0]!)
  out = edges.find(({ peer }) => votes.includes(peer) && !leads.has(peer))!
  others = edges.filter((edge) => edge !== out)
}, 120_000)
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

describe('an edge that is not among the allowed peers', () => {
  it('would be shut out, says a dry run by name; a list that locks out the asked edge is refused', async () => {
    const dry = JSON.parse((await get(`${others[0]!.admin}/v1/config?scope=regional&dryRun=true`, { 'content-type': 'application/json' }, 'PATCH', JSON.stringify({ peers: { allowed: others.map(({ peer }) => peer) } }))).text)
    expect(dry).toMatchObject({ shutOut: [{ peer: out.peer, name: out.name, region: 'default' }], regionWide: true })
    const refused = await change(others[0]!, { peers: { allowed: edges.slice(1).filter((edge) => edge !== others[0]).map(({ peer }) => peer) } }, 'wrong')
    expect([refused.status, (JSON.parse(refused.text) as { detail: string }).detail]).toEqual([422, expect.stringContaining(`leaves out ${others[0]!.name} (${others[0]!.peer}), the edge that was asked`)])
  })

  it('is no member, has no link and is answered by nobody, and the others go on; its vote goes to another', async () => {
    await agree(others[0]!, others.map(({ peer }) => peer), 'shut-out')
    await until(async () => (await Promise.all(others.map(names))).every((each) => each.length === 2 && !each.includes(out.name)), 20_000, 'it is still a member')
    await until(async () => (await Promise.all(others.map(voters))).every((each) => each.length === 3 && !each.includes(out.peer)), 30_000, 'it still votes')
    await swarm.whole(others)
    // What it asks for needs an answer of somebody. It dials on, and is refused.
    expect((await change(out, { flags: { open: true } }, 'alone')).status).toBe(503)
    expect(others.map(({ edge }) => edge!.status.status().connections)).toEqual([2, 2, 2])
    for (let page = 0; page < 10; page++) {
      expect(await Promise.all(edges.map(async (edge) => await serves(edge, `/${page}`)))).toEqual(Array(4).fill(`page ${page}`))
    }
    // The region agrees on other things without it.
    await until(async () => (await change(others[1]!, { flags: { open: true } }, 'flag')).status === 201, 20_000, 'nothing was agreed')
    await until(async () => (await Promise.all(others.map(async (edge) => (await edge.status()).flags.open))).every((each) => each === true), 20_000, 'not all run it')
    expect((await Promise.all(others.map(names))).every((each) => each.length === 2)).toBe(true)
  }, 90_000)

  it('is a member again, by itself, once it is let in', async () => {
    await agree(others[0]!, null, 'let-in')
    await swarm.whole(edges)
    await until(async () => (await out.status()).flags.open === true, 30_000, 'it does not follow')
    for (let page = 10; page < 20; page++) {
      expect(await Promise.all(edges.map(async (edge) => await serves(edge, `/${page}`)))).toEqual(Array(4).fill(`page ${page}`))
    }
  }, 90_000)
})
