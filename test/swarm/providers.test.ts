/**
 * Provider records among real libp2p nodes on loopback: what one of them announces, the others find.
 */
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../daemon/clock.ts'
import { contentKey } from '../../protocols/ids.ts'
import { contentCid, providers } from '../../protocols/providers/service.ts'
import { providersDefaults } from '../../protocols/providers/settings.ts'
import { startMeshNode, until } from '../support/mesh-node.ts'
import type { MeshNode, MeshNodeInit } from '../support/mesh-node.ts'
import type { ContentKey, PeerName } from '../../protocols/ids.ts'
import type { Providers } from '../../protocols/providers/service.ts'

interface Provided {
  readonly node: MeshNode
  readonly service: Providers
  /** Most announcements of this node that were under way at once. */
  inFlightMost: number
}

const network = 'test'
const running: Provided[] = []

/** The service beside a node, on its content routing, as the node itself would run it. */
async function start (init: MeshNodeInit): Promise<Provided> {
  const node = await startMeshNode(init)
  const { libp2p } = node
  let inFlight = 0
  const service = providers({
    clock: systemClock,
    network,
    // A mesh of two is young; here it is the time for all of them to know each other.
    settings: { ...providersDefaults, settleMs: 1_000, linkCheckMs: 100, announcesPerMinuteMax: 60_000, lookupsPerMinuteMax: 60_000, hitRememberMs: 0, missRememberMs: 200, lookupTimeoutMs: 5_000 },
    isMember: (peer) => node.membership.isMember(peer)
  })({
    peerId: libp2p.peerId,
    logger: libp2p.logger,
    connectionManager: { getConnections: () => libp2p.getConnections() },
    contentRouting: {
      provide: async (cid, options) => {
        provided.inFlightMost = Math.max(provided.inFlightMost, ++inFlight)
        await libp2p.contentRouting.provide(cid, options).finally(() => { inFlight-- })
      },
      cancelReprovide: async (cid) => { await libp2p.contentRouting.cancelReprovide(cid) },
      findProviders: (cid, options) => libp2p.contentRouting.findProviders(cid, options)
    }
  })
  const provided = { node, service, inFlightMost: 0 }
  running.push(provided)
  await service.start()
  await service.afterStart?.()
  return provided
}

async function startMesh (count: number, init: Partial<MeshNodeInit> = {}): Promise<Provided[]> {
  const first = await start({ name: 'a0', region: 'a', ...init })
  const names = Array.from({ length: count - 1 }, (_, index) => `a${index + 1}`)
  const others = await Promise.all(names.map(async (name) => await start({ name, region: 'a', join: [first.node.address], ...init })))
  const mesh = [first, ...others]
  await until('every edge has the whole list and links', () => mesh.every(({ node }) =>
    node.names().length === count && mesh.every((other) => other.node === node || node.isLinked(other.node))))
  return mesh
}

async function first (service: Providers, key: ContentKey): Promise<PeerName | undefined> {
  for await (const peer of service.find(key, { signal: new AbortController().signal })) return peer
}

afterEach(async () => {
  await Promise.all(running.splice(0).map(async ({ node, service }) => {
    await service.beforeStop?.()
    await service.stop()
    await node.stop()
  }))
})

describe('providers in a mesh', () => {
  it('finds at another edge all 500 keys that one announces, no more than 16 of them at once', async () => {
    const mesh = await startMesh(6)
    const [holder, asker] = [mesh[1]!, mesh[4]!]
    const missing = new Set(Array.from({ length: 500 }, (_, index) => contentKey('default', `/${index}`)))
    for (const key of missing) holder.service.want(key, 'rare')
    await until('all are announced', () => holder.service.counters().announced === 500, 60_000)
    expect(holder.service.counters()).toMatchObject({ behind: 0, failed: 0 })
    expect(holder.inFlightMost).toBe(16)

    let found: string[] = []
    const look = async (): Promise<void> => {
      for (const key of [...missing]) {
        const peer = await first(asker.service, key)
        if (peer === undefined) continue
        found.push(peer)
        missing.delete(key)
      }
    }
    let looking = false
    await until('all are found', () => {
      if (!looking && missing.size > 0) {
        looking = true
        void look().finally(() => { looking = false })
      }
      return missing.size === 0
    }, 60_000)
    expect(new Set(found)).toEqual(new Set([holder.node.peer]))
    expect(found.length).toBe(500)
  }, 150_000)

  it('does not give a provider that is no member any more, though its record stands', async () => {
    const mesh = await startMesh(3)
    const [gone, staying, asker] = [mesh[0]!, mesh[1]!, mesh[2]!]
    const key = contentKey('default', '/held-by-two')
    for (const { service } of [gone, staying]) service.want(key, 'published')
    await until('both are announced', () => [gone, staying].every(({ service }) => service.counters().announced === 1))
    const all = async (): Promise<PeerName[]> => {
      const found: PeerName[] = []
      for await (const peer of asker.service.find(key, { signal: new AbortController().signal })) found.push(peer)
      return found.sort()
    }
    expect(await all()).toEqual([gone.node.peer, staying.node.peer].sort())

    // It takes its leave, and stays reachable as a node of the DHT.
    await gone.node.membership.beforeStop?.()
    await until('it is no member', () => !asker.node.membership.isMember(gone.node.peer))
    expect(await all()).toEqual([staying.node.peer])
    const recorded: PeerName[] = []
    for await (const { id } of asker.node.libp2p.contentRouting.findProviders(contentCid(network, key))) recorded.push(id.toString())
    expect(recorded).toContain(gone.node.peer)
  })

  it('finds nothing without the DHT', async () => {
    const mesh = await startMesh(2, { dht: false })
    const key = contentKey('default', '/held')
    mesh[0]?.service.want(key, 'published')
    await until('it was announced, into the void', () => mesh[0]?.service.counters().announced === 1)
    expect(await first(mesh[1]!.service, key)).toBeUndefined()
  })
})
