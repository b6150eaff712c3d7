/** Simulated links below real libp2p nodes: encryption, multiplexing and calls above what is slow, cut or severed. */
import { createHash, randomBytes } from 'node:crypto'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromString } from '@libp2p/peer-id'
import { MemoryDatastore } from 'datastore-core/memory'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../daemon/clock.ts'
import { createLog } from '../../daemon/log.ts'
import { meshDefaults } from '../../daemon/node-settings.ts'
import { createNode, startNode } from '../../daemon/node.ts'
import { Links } from '../../netsim/links/links.ts'
import { rpc, rpcDefaults, type Rpc } from '../../protocols/rpc.ts'
import { until } from '../support/edges.ts'
import type { StreamComponents } from '../../protocols/streams.ts'
import type { Libp2p, Stream } from '@libp2p/interface'

interface Station { readonly node: Libp2p, readonly peer: string, readonly echo: Rpc }

const nodes: Libp2p[] = []
afterEach(async () => { await Promise.all(nodes.splice(0).map(async (node) => { await node.stop() })) })

const [here, there] = ['127.9.1.2', '127.9.2.2']

async function start (links: Links, host: string): Promise<Station> {
  let echo: Rpc | undefined
  const listen = [`/ip4/${host}/tcp/0`]
  const node = await createNode({
    listen, announce: [], settings: meshDefaults, dht: false,
    identity: await generateKeyPair('Ed25519'),
    datastore: new MemoryDatastore(),
    logger: createLog({ level: 'silent', name: 'x' }).components,
    transport: links.transport(host)
  }, {
    echo: (components: StreamComponents) => echo = rpc({
      protocol: '/colony/directory/1.0.0', clock: systemClock, settings: { ...rpcDefaults, callTimeoutMs: 20_000 }, peerIdFromName: peerIdFromString,
      mayCall: () => true,
      answer: async ({ payload }) => ({ head: {}, payload })
    })(components)
  })
  nodes.push(node)
  await startNode(node, listen)
  return { node, peer: node.peerId.toString(), echo: echo! }
}

async function pair (links: Links): Promise<[Station, Station]> {
  const [one, other] = [await start(links, here), await start(links, there)]
  await one.node.dial(other.node.getMultiaddrs())
  await one.echo.call(other.peer, {})
  return [one, other]
}

async function digestOf (stream: Stream): Promise<string> {
  const hash = createHash('sha256')
  for await (const data of stream) hash.update(data.subarray())
  return hash.digest('hex')
}

describe('nodes on simulated links', () => {
  it('say megabytes over slow links, both ways at once, and every byte arrives', async () => {
    const [one, other] = await pair(new Links({ clock: systemClock, delayMs: () => 5, settings: { heldBytesMax: 512 * 1024 } }))
    const digests: string[] = []
    for (const { node } of [one, other]) await node.handle('/bulk', async (stream) => { digests.push(await digestOf(stream)) })
    const sent = await Promise.all([[one, other], [other, one]].map(async ([from, to]) => {
      const stream = await from!.node.getConnections(to!.node.peerId)[0]!.newStream('/bulk')
      const hash = createHash('sha256')
      for (let times = 0; times < 60; times++) {
        const chunk = randomBytes(100_000)
        hash.update(chunk)
        if (!stream.send(chunk)) await new Promise((resolve) => { stream.addEventListener('drain', resolve, { once: true }) })
      }
      await stream.close()
      return hash.digest('hex')
    }))
    await until(() => digests.length === 2, 10_000, 'not all arrived')
    expect(digests.toSorted()).toEqual(sent.toSorted())
  })

  it('wait out a cut on the connection that they have, and cannot make another', async () => {
    const links = new Links({ clock: systemClock })
    const [one, other] = await pair(links)
    const third = await start(links, there)
    const connections = (): string[] => one.node.getConnections().map(({ id }) => id)
    const before = connections()
    links.cut([here], [there], { oneWay: true })
    let isAnswered = false
    const payload = randomBytes(100_000)
    const call = one.echo.call(other.peer, {}, { payload }).finally(() => { isAnswered = true })
    await expect(one.node.dial(third.node.getMultiaddrs(), { signal: AbortSignal.timeout(200) })).rejects.toThrow()
    await expect(third.node.dial(one.node.getMultiaddrs(), { signal: AbortSignal.timeout(200) })).rejects.toThrow()
    expect(isAnswered).toBe(false)
    links.heal()
    expect(payload.equals((await call).payload)).toBe(true)
    expect(connections()).toEqual(before)
    await one.node.dial(third.node.getMultiaddrs())
  })

  it('lose a severed one at once, and do not hear it leave', async () => {
    const links = new Links({ clock: systemClock })
    const [one, other] = await pair(links)
    const third = await start(links, '127.9.3.2')
    await third.node.dial(one.node.getMultiaddrs())
    links.sever(there)
    await until(() => one.node.getConnections(other.node.peerId).length === 0, 10_000, 'the loss was not felt')
    await expect(one.echo.call(other.peer, {})).rejects.toMatchObject({ code: 'COLONY_RPC_SILENT' })
    expect(one.node.getConnections(third.node.peerId)).toHaveLength(1)
    await other.node.stop()
    links.restore(there)
    const reborn = await start(links, there)
    await one.node.dial(reborn.node.getMultiaddrs())
    await one.echo.call(reborn.peer, {})
  })
})
