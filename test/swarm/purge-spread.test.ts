/**
 * A purge among real edges: it reaches all of them, whoever is away catches up before it counts as current, and what a stranger or a
 * forger sends does nothing.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { networkName } from '../../daemon/node.ts'
import type { Receipt } from '../../protocols/purge/receipt.ts'
import { signPurge, wireOf, type SignedPurge } from '../../protocols/purge/signed.ts'
import { has } from '../../protocols/purge/vector.ts'
import { encodeHead } from '../../protocols/wire.ts'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'
import { EvilPeer } from '../support/evil-peer.ts'
import { TestOrigin } from '../support/origin.ts'

const selectors = [{ kind: 'tag', tag: 'news' }] as const
/** A machine that is busy with other things must not look like a cut. */
const settings = { purgeSpread: { vectorIntervalMs: 500, leaseMs: 60_000, vectorTimeoutMs: 15_000, attemptTimeoutMs: 5_000 }, membership: { silentRefreshes: 10 } }

let swarm: Swarm
let origin: TestOrigin
let edges: TestEdge[]
let made = 0
beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  origin.on('/news', (_request, response) => { response.writeHead(200, { 'cache-control': 'max-age=3600', 'cache-tag': 'news' }).end(String(made)) })
  edges = await swarm.grow({ europe: 2, asia: 2 }, { settings, origin: origin.url })
  await until(() => edges.every(({ edge }) => edge!.purges.isCurrent()), 60_000, 'the edges did not become current')
}, 180_000)
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

const news = async (at: readonly TestEdge[]): Promise<string[]> => await Promise.all(at.map(async ({ http }) => (await get(`${http}/news`)).text))

const order = async (from: TestEdge, key?: string): Promise<Receipt> => await from.edge!.purges.purge({ selectors, soft: false, wait: 'all', timeoutMs: 30_000, ...(key !== undefined && { idempotencyKey: key }) })
const holds = (edge: TestEdge, id: Receipt['id']): boolean => has(edge.edge!.purges.vector(), id)

describe('a purge in a swarm', () => {
  it('is applied on every edge when its receipt says so, and every edge can tell of it', async () => {
    const receipt = await order(edges[1]!)
    expect(receipt).toMatchObject({ state: 'applied', edges: 4, waiting: [], notes: [] })
    expect(receipt.applied.map(({ peer }) => peer).sort()).toEqual(edges.map(({ peer }) => peer).sort())
    for (const edge of edges) expect(holds(edge, receipt.id)).toBe(true)
    expect(await edges[3]!.edge!.purges.status(receipt.id, { wait: 'all', timeoutMs: 30_000 })).toMatchObject({ id: receipt.id, state: 'applied' })
  }, 60_000)

  it('has every edge forget what it had stored before the receipt', async () => {
    for (let turn = 0; turn < 5; turn++) {
      made++
      const { state } = await order(edges[turn % 4]!)
      expect(state).toBe('applied')
      expect(await news(edges)).toEqual(edges.map(() => String(made)))
      made++
      expect(await news(edges)).toEqual(edges.map(() => String(made - 1)))
    }
  }, 120_000)

  it('is one order under one key, also after a restart, and another under the same key is refused', async () => {
    const first = await order(edges[2]!, 'deploy 7')
    await edges[2]!.stop()
    const again = await swarm.start({ region: 'asia', name: edges[2]!.name, dataDir: edges[2]!.dataDir, settings, origin: origin.url, join: [edges[0]!.listen] })
    swarm.edges.splice(swarm.edges.indexOf(edges[2]!), 1)
    edges[2] = again
    await swarm.whole(edges)
    expect(await order(again, 'deploy 7')).toMatchObject({ id: first.id, state: 'applied', edges: 4 })
    await expect(again.edge!.purges.purge({ selectors, soft: true, wait: 'none', timeoutMs: 0, idempotencyKey: 'deploy 7' })).rejects.toMatchObject({ code: 'COLONY_PURGE_KEY' })
  }, 120_000)

  it('is caught up with by an edge that was away, before that counts as current', async () => {
    const away = edges[3]!
    await news(edges)
    await away.stop()
    made++
    const missed = [await order(edges[0]!), await order(edges[1]!)]
    const back = await swarm.start({ region: 'asia', name: away.name, dataDir: away.dataDir, settings, origin: origin.url, join: [edges[0]!.listen] })
    swarm.edges.splice(swarm.edges.indexOf(away), 1)
    edges[3] = back
    await until(() => back.edge!.purges.isCurrent(), 60_000, 'it did not become current')
    for (const { id } of missed) expect(holds(back, id)).toBe(true)
    expect(await news([back])).toEqual([String(made)])
  }, 120_000)

  it('of a stranger is refused, and so is one that a member gives in another\'s name', async () => {
    const signed = async (by: 'itself' | 'another'): Promise<SignedPurge> => {
      const key = await generateKeyPair('Ed25519')
      const peer = by === 'itself' ? peerIdFromPrivateKey(key).toString() : edges[0]!.peer
      return await signPurge({ id: { peer, incarnation: 1, sequence: 1 }, selectors, soft: false, atMs: Math.trunc(performance.timeOrigin + performance.now()) }, networkName(), 32_768, (message) => key.sign(message))
    }
    const give = async (from: EvilPeer, purge: SignedPurge): Promise<unknown> => await from.call(edges[0]!.peer, 'purge', { kind: 'purge', duty: 'all' }, encodeHead(wireOf(purge)))
    const stranger = await EvilPeer.start({ join: edges[0]!.listen, region: 'europe', stranger: true })
    try {
      const own = await signed('itself')
      await expect(give(stranger, own)).rejects.toThrow()
      expect(holds(edges[0]!, own.purge.id)).toBe(false)
    } finally {
      await stranger.stop()
    }
    const member = await EvilPeer.start({ join: edges[0]!.listen, region: 'europe' })
    try {
      await until(() => member.members() === 5, 60_000, 'it did not become a member')
      await until(async () => (await edges[0]!.peers()).length === 4, 60_000, 'it is not known as a member')
      const forged = await signed('another')
      expect(await give(member, forged)).toMatchObject({ head: { error: expect.stringContaining('its signature is not of the edge that it names') } })
      expect(holds(edges[0]!, forged.purge.id)).toBe(false)
      const own = await signed('itself')
      await give(member, own)
      expect(edges.slice(0, 1).every((edge) => holds(edge, own.purge.id))).toBe(true)
    } finally {
      await member.stop()
    }
  }, 180_000)
})
