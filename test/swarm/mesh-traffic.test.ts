/**
 * What two real nodes count of their traffic: known messages, in both directions, each in its part, and
 * that nodes of one process do not count for each other.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromString } from '@libp2p/peer-id'
import { getNetConfig } from '@libp2p/utils'
import { MemoryDatastore } from 'datastore-core/memory'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../daemon/clock.ts'
import { createLog } from '../../daemon/log.ts'
import { meshDefaults } from '../../daemon/node-settings.ts'
import { createNode, startNode } from '../../daemon/node.ts'
import { NodeMetrics } from '../../daemon/node-metrics.ts'
import { rpc, rpcDefaults, type Rpc } from '../../protocols/rpc.ts'
import { until } from '../support/edges.ts'
import type { PartTraffic } from '../../daemon/mesh-traffic.ts'
import type { PubSub } from '../../protocols/membership/ports.ts'
import type { StreamComponents } from '../../protocols/streams.ts'
import type { Libp2p } from '@libp2p/interface'

interface Counted { readonly node: Libp2p, readonly metrics: NodeMetrics, readonly peer: string, readonly directory: Rpc, readonly fetch: Rpc }

const nodes: Libp2p[] = []
afterEach(async () => { await Promise.all(nodes.splice(0).map(async (node) => { await node.stop() })) })

/** Answers each call with `answerBytes`. */
async function start (answerBytes: number): Promise<Counted> {
  const metrics = new NodeMetrics(systemClock)
  const calls: Record<string, Rpc> = {}
  const service = (part: string) => (components: StreamComponents) => calls[part] = rpc({
    protocol: `/colony/${part}/1.0.0`, clock: systemClock, settings: rpcDefaults, peerIdFromName: peerIdFromString,
    mayCall: () => true,
    answer: async () => ({ head: {}, payload: new Uint8Array(answerBytes) })
  })(components)
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const node = await createNode({
    metrics, listen, announce: [], settings: meshDefaults, dht: false,
    identity: await generateKeyPair('Ed25519'),
    datastore: new MemoryDatastore(),
    logger: createLog({ level: 'silent', name: 'x' }).components
  }, { directory: service('directory'), fetch: service('fetch') })
  nodes.push(node)
  await startNode(node, listen)
  ;(node.services.pubsub as PubSub).subscribe('a topic')
  return { node, metrics, peer: node.peerId.toString(), directory: calls.directory!, fetch: calls.fetch! }
}

const reversed = ({ bytesIn, bytesOut, messagesIn, messagesOut }: PartTraffic): PartTraffic =>
  ({ bytesIn: bytesOut, bytesOut: bytesIn, messagesIn: messagesOut, messagesOut: messagesIn })

describe('the traffic of a node', () => {
  it('is each message of its parts, in bytes and number, and content apart', async () => {
    const [one, other] = [await start(10), await start(1_000)]
    await one.node.dial(other.node.getMultiaddrs())
    // Larger than a frame of the multiplexer, so that it comes in pieces.
    for (const payload of [new Uint8Array(100_000), new Uint8Array(0), new Uint8Array(50)]) await one.directory.call(other.peer, { question: 1 }, { payload })
    await other.directory.call(one.peer, {})
    await one.fetch.call(other.peer, {}, { payload: new Uint8Array(200_000) })
    const { directory, content, transport, ...rest } = one.metrics.traffic.flows()
    expect(directory).toMatchObject({ messagesOut: 3 + 1, messagesIn: 3 + 1 })
    const heads = 8 * 30
    expect(directory.bytesOut - 100_050 - 10).toBeGreaterThan(0)
    expect(directory.bytesOut - 100_050 - 10).toBeLessThan(heads)
    expect(directory.bytesIn - 3 * 1_000).toBeGreaterThan(0)
    expect(directory.bytesIn - 3 * 1_000).toBeLessThan(heads)
    expect(content).toMatchObject({ messagesOut: 1, messagesIn: 1 })
    expect(content.bytesOut - 200_000).toBeLessThan(heads)
    expect(content.bytesIn - 1_000).toBeLessThan(heads)
    // Handshakes and frames: kilobytes, of which neither content nor calls are part.
    for (const bytes of [transport.bytesIn, transport.bytesOut]) {
      expect(bytes).toBeGreaterThan(500)
      expect(bytes).toBeLessThan(20_000)
    }
    expect(rest.other.bytesIn + rest.other.bytesOut).toBe(0)
    // What the one said is what the other heard, once it has.
    await until(() => {
      const heard = other.metrics.traffic.flows()
      const said = one.metrics.traffic.flows()
      for (const part of ['directory', 'content', 'identify', 'gossip'] as const) expect(reversed(heard[part])).toEqual(said[part])
      return said.identify.messagesIn > 0 && said.gossip.messagesIn > 0
    }, 20_000, 'both ends did not count alike')
  })

  it('is its own among several nodes of a process, libp2p\'s numbers, too', async () => {
    const counted = [await start(0), await start(0), await start(0)] as const
    await counted[0].node.dial(counted[1].node.getMultiaddrs())
    const texts = await Promise.all(counted.map(async ({ metrics }) => await metrics.text()))
    const inbound = counted.map(({ node }, index) => {
      const { host, port } = getNetConfig(node.getMultiaddrs()[0]!)
      return new RegExp(`^libp2p_tcp_inbound_connections_total\\{address="${host}:${port}"\\} (\\d+)$`, 'm').exec(texts[index]!)?.[1]
    })
    expect(inbound).toEqual(['0', '1', '0'])
    expect(texts.map((text) => /^libp2p_connection_manager_dials_total\{libp2p_connection_manager_dials_total="outbound"\} 1$/m.test(text))).toEqual([true, false, false])
  })
})
