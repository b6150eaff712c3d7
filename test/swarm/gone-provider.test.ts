/**
 * A provider that left membership is out of every look-up, whatever the DHT still says: an edge whose cable is pulled, so that
 * nobody hears it go (`kill -9` would end its connections), is named by nothing any more once membership has dropped it.
 */
import { afterEach, beforeEach, expect, it } from 'vitest'
import { systemClock } from '../../daemon/clock.ts'
import type { TransportFactory } from '../../daemon/node.ts'
import { Links } from '../../netsim/links/links.ts'
import type { Host } from '../../netsim/links/link.ts'
import { contentKey } from '../../protocols/ids.ts'
import { Locate } from '../../protocols/locate/locate.ts'
import { contentCid } from '../../protocols/providers/service.ts'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'
import type { ContentRouting } from '@libp2p/interface'

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

interface Explained { readonly sources: { readonly directories: ReadonlyArray<Named>, readonly filters: Named, readonly dht: Named } }
interface Named { readonly holders?: ReadonlyArray<{ readonly peer: string }>, readonly providers?: ReadonlyArray<{ readonly peer: string }> }

/** Which ways of finding name `peer` for a path, as `edge` sees them. */
async function namedBy (edge: TestEdge, path: string, peer: string): Promise<string[]> {
  const { sources: { directories, filters, dht } } = JSON.parse((await get(`${edge.admin}/v1/explain?url=${path}`)).text) as Explained
  const ways: Array<readonly [string, readonly Named[]]> = [['directory', directories], ['filter', [filters]], ['dht', [dht]]]
  return ways.filter(([, said]) => said.some(({ holders, providers }) => [...holders ?? [], ...providers ?? []].some((each) => each.peer === peer))).map(([way]) => way)
}

const hosts = ['127.9.21.1', '127.9.21.2', '127.9.21.3'] as const
const settings = { membership: { refreshMs: 500, pulseSendMs: 100 }, filters: { changesIntervalMs: 100 }, providers: { settleMs: 1_000, hitRememberMs: 60_000 } }

it('is out of directory, filter, DHT and ring as soon as membership has dropped it, though its record stands', async () => {
  const links = new Links({ clock: systemClock })
  const routing = new Map<Host, { readonly contentRouting: ContentRouting }>()
  // What a node is made of is seen by its transport: here the DHT is asked as it is, without membership's word.
  const capturing = {
    transport: (host: Host) => (create: TransportFactory): TransportFactory => (components) => {
      routing.set(host, components as unknown as { contentRouting: ContentRouting })
      return links.transport(host)(create)(components)
    }
  }
  const edges: TestEdge[] = []
  for (const host of hosts) edges.push(await swarm.start({ region: 'europe', origin: origin.url, settings, at: { host, links: capturing }, join: edges.slice(0, 1).map(({ listen }) => listen) }))
  await swarm.whole()
  const [owner, holder, asker] = edges as [TestEdge, TestEdge, TestEdge]
  const locate = new Locate({ region: 'europe' })
  locate.update(edges.map(({ peer }) => ({ peer, region: 'europe', weight: 1 })))
  const pathsOf = (edge: TestEdge): string[] => Array.from({ length: 200 }, (_, index) => `/object-${index}`).filter((path) => locate.owners(contentKey('default', path), 1)[0] === edge.peer)
  const path = pathsOf(owner)[0]!
  origin.file(path, 2_000, { maxAge: 600 })
  await get(`${holder.http}${path}`)
  await until(async () => (await namedBy(asker, path, holder.peer)).length === 3, 30_000, 'not every way of finding names the holder')

  links.cut([hosts[1]], [hosts[0], hosts[2]])
  await until(async () => (await Promise.all([owner, asker].map(async (edge) => await edge.peers()))).flat().every(({ peer }) => peer !== holder.peer), 60_000, 'its silence was not noticed')
  const before = (await asker.status()).traffic.steps as Record<string, number>
  expect(await namedBy(asker, path, holder.peer)).toEqual([])
  expect(await namedBy(owner, path, holder.peer)).toEqual([])

  const recorded: string[] = []
  for await (const { id } of routing.get(hosts[2])!.contentRouting.findProviders(contentCid('open', contentKey('default', path)))) recorded.push(id.toString())
  expect(recorded).toContain(holder.peer)

  // What it owned has another owner; nobody is asked in vain, neither for that nor for what it held.
  for (const each of [path, ...pathsOf(holder).slice(0, 5)]) {
    const body = origin.file(each, 2_000, { maxAge: 600 })
    const got = await get(`${asker.http}${each}`)
    expect([got.status, got.body.equals(body)]).toEqual([200, true])
  }
  expect(((await asker.status()).traffic.steps as Record<string, number>)['peer-silent'] ?? 0).toBe(before['peer-silent'] ?? 0)
}, 120_000)
