/**
 * Copies beyond the ring's owners, found again without the origin: by the directory of an owner, by a filter, by
 * the DHT alone; and what happens to that knowledge when owners come, go, or lose it.
 */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { contentKey } from '../../protocols/ids.ts'
import { Locate } from '../../protocols/locate/locate.ts'
import { get, steady, Swarm, until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

let swarm: Swarm
let origin: TestOrigin

beforeEach(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
})
afterEach(async () => {
  await swarm.stop()
  await origin.close()
})

const never = 3_600_000
/** Each way of finding alone: the others say nothing. */
const directoryOnly = { ...steady, filters: { changesIntervalMs: never, askTickMs: never }, providers: { announcesPerMinuteMax: 1 } }
const filtersOnly = { ...steady, directory: { reportIntervalMs: never, settleMs: never }, filters: { changesIntervalMs: 100 }, providers: { announcesPerMinuteMax: 1 } }
const dhtOnly = { ...steady, directory: { reportIntervalMs: never, settleMs: never }, filters: { changesIntervalMs: never, askTickMs: never }, providers: { settleMs: 1_000 } }

/** The edge that owns a path in its region, as every edge computes it. */
async function ownerOf (path: string, region: string, edges: readonly TestEdge[]): Promise<TestEdge> {
  const locate = new Locate({ region })
  const all = await Promise.all(edges.map(async (edge) => ({ edge, status: await edge.status() })))
  locate.update(all.map(({ edge, status }) => ({ peer: edge.peer, region: status.region, weight: 1 })))
  const peer = locate.owners(contentKey('default', path), 1)[0]
  return all.find(({ edge }) => edge.peer === peer)?.edge as TestEdge
}

/** Paths that an edge owns, each with a body at the origin. */
async function pathsOf (owner: TestEdge, region: string, edges: readonly TestEdge[], count: number): Promise<Map<string, Buffer>> {
  const paths = new Map<string, Buffer>()
  for (let index = 0; paths.size < count; index++) {
    const path = `/object-${index}`
    if (await ownerOf(path, region, edges) === owner) paths.set(path, origin.file(path, 3_000 + index, { maxAge: 600 }))
  }
  return paths
}

const steps = async (edge: TestEdge): Promise<Record<string, number>> => (await edge.status()).traffic.steps as Record<string, number>
const events = async (edge: TestEdge, part: string): Promise<Record<string, number>> => {
  const { text } = await get(`${edge.admin}/metrics`)
  return Object.fromEntries([...text.matchAll(new RegExp(`^colony_${part}_events\\{event="(\\w+)"\\} (\\d+)`, 'gm'))].map(([, event, count]) => [event, Number(count)]))
}

async function expectAll (edge: TestEdge, paths: ReadonlyMap<string, Buffer>): Promise<void> {
  for (const [path, body] of paths) {
    const got = await get(`${edge.http}${path}`)
    expect(got.status, path).toBe(200)
    expect(got.body.equals(body), path).toBe(true)
  }
}

describe('the directory of an owner', () => {
  it('leads to a holder when the owner is replaced: the origin hears nothing of it', async () => {
    const edges = await swarm.grow({ europe: 4 }, { origin: origin.url, settings: directoryOnly })
    const [holder, asker, owner] = edges as [TestEdge, TestEdge, TestEdge]
    const paths = await pathsOf(owner, 'europe', edges, 12)
    await expectAll(holder, paths)
    await owner.stop()
    const left = edges.filter((edge) => edge !== owner)
    await swarm.whole(left)
    // Each object's new owner has been told by its holder, who is itself among the new owners.
    await until(async () => {
      const kept = await Promise.all(left.map(async (edge) => (await events(edge, 'directory')).entries ?? 0))
      const owned = await Promise.all([...paths.keys()].map(async (path) => await ownerOf(path, 'europe', left)))
      return kept.reduce((sum, count) => sum + count, 0) >= owned.filter((each) => each !== holder).length
    }, 20_000, 'the new owners were not told')
    await expectAll(asker, paths)
    expect(origin.seen).toHaveLength(paths.size)
    const found = await Promise.all(left.map(async (edge) => (await steps(edge))['found-by-directory'] ?? 0))
    expect(found.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(0)
  })

  it('forgets a holder that has left, and asks nobody for what only that one had', async () => {
    const edges = await swarm.grow({ europe: 3 }, { origin: origin.url, settings: directoryOnly })
    const [holder, asker, owner] = edges as [TestEdge, TestEdge, TestEdge]
    await expectAll(holder, await pathsOf(owner, 'europe', edges, 3))
    await until(async () => (await events(owner, 'directory')).entries === 3, 10_000, 'the owner was not told')
    await holder.stop()
    await until(async () => (await events(owner, 'directory')).entries === 0, 10_000, 'the owner did not forget the holder')
    expect((await get(`${asker.http}/object-none`)).status).toBe(404)
    expect((await steps(owner))['wrong-by-directory']).toBeUndefined()
  })

  it('is rebuilt from the holders\' reports when an owner has lost it', async () => {
    const settings = { ...directoryOnly, directory: { refreshIntervalMs: 300 } }
    const edges = await swarm.grow({ europe: 3 }, { origin: origin.url, settings })
    const [holder, asker, owner] = edges as [TestEdge, TestEdge, TestEdge]
    const paths = await pathsOf(owner, 'europe', edges, 16)
    await expectAll(holder, paths)
    await owner.stop()
    await rm(join(owner.dataDir, 'bodies'), { recursive: true, force: true })
    const back = await swarm.start({ region: 'europe', origin: origin.url, settings, dataDir: owner.dataDir, join: [holder.listen] })
    await swarm.whole([holder, asker, back])
    expect(back.peer).toBe(owner.peer)
    await until(async () => (await events(back, 'directory')).entries === paths.size, 20_000, 'the directory was not rebuilt')
    // One more change of the ring: now nobody remembers the holder as the owner of the view before.
    const other = await swarm.start({ region: 'europe', origin: origin.url, settings, join: [holder.listen] })
    const now = [holder, asker, back, other]
    await swarm.whole(now)
    const owned = new Map<string, Buffer>()
    for (const [path, body] of paths) if (await ownerOf(path, 'europe', now) === back) owned.set(path, body)
    expect(owned.size).toBeGreaterThan(0)
    await expectAll(asker, owned)
    expect(origin.seen).toHaveLength(paths.size)
    expect((await steps(back))['found-by-directory']).toBe(owned.size)
  })
})

describe('a filter', () => {
  it('leads straight to a neighbour that holds it, once the owner that knew of it is gone', async () => {
    const edges = await swarm.grow({ europe: 4 }, { origin: origin.url, settings: filtersOnly })
    const [holder, asker, owner] = edges as [TestEdge, TestEdge, TestEdge]
    const paths = await pathsOf(owner, 'europe', edges, 12)
    await expectAll(holder, paths)
    await owner.stop()
    const left = edges.filter((edge) => edge !== owner)
    await swarm.whole(left)
    for (const path of paths.keys()) {
      if (await ownerOf(path, 'europe', left) === holder) continue
      for (const edge of left.filter((each) => each !== holder)) {
        await until(async () => {
          const { sources } = JSON.parse((await get(`${edge.admin}/v1/explain?url=${path}`)).text) as { sources: { filters: { holders: Array<{ peer: string }> } } }
          return sources.filters.holders.some(({ peer }) => peer === holder.peer)
        }, 20_000, `the filter at ${edge.name} did not name the holder of ${path}`)
      }
    }
    await expectAll(asker, paths)
    expect(origin.seen).toHaveLength(paths.size)
    expect((await steps(asker))['found-by-filter'] ?? 0).toBeGreaterThan(0)
  })
})

describe('the DHT', () => {
  /** A holder in another region that owns nothing of it, whom neither ring, directory nor filter names. */
  const served = async (dht: boolean): Promise<number[]> => {
    const holder = await swarm.start({ region: 'far', origin: origin.url, settings: dhtOnly, dht })
    const bodies = new Map(Array.from({ length: 24 }, (_, index) => [`/object-${index}`, origin.file(`/object-${index}`, 2_000, { maxAge: 600 })]))
    await expectAll(holder, bodies)
    const owner = await swarm.start({ region: 'far', origin: origin.url, settings: dhtOnly, dht, join: [holder.listen] })
    const asker = await swarm.start({ region: 'near', origin: origin.url, settings: dhtOnly, dht, join: [holder.listen, owner.listen] })
    await swarm.whole()
    await origin.close()
    const others = (await Promise.all([...bodies.keys()].map(async (path) => ({ path, owner: await ownerOf(path, 'far', [holder, owner]) }))))
      .filter((each) => each.owner === owner).map(({ path }) => path)
    expect(others.length).toBeGreaterThan(3)
    if (dht) await until(async () => ((await events(holder, 'providers')).announced ?? 0) >= others.length, 20_000, 'the records were not announced')
    return await Promise.all(others.slice(0, 4).map(async (path) => {
      const got = await get(`${asker.http}${path}`)
      if (got.status === 200) expect(got.body.equals(bodies.get(path) as Buffer)).toBe(true)
      return got.status
    }))
  }

  it('alone leads to a holder whom nothing else names', async () => {
    expect(await served(true)).toEqual([200, 200, 200, 200])
  })

  it('is what does it: the same edges without it do not find the holder', async () => {
    expect(await served(false)).toEqual([502, 502, 502, 502])
  })
})
