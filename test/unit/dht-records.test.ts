import { generateKeyPair } from '@libp2p/crypto/keys'
import type { PeerId } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import { beforeAll, describe, expect, it } from 'vitest'
import { DhtRecords, kadId, type RecordsInside } from '../../daemon/node-dht-records.ts'
import { nameCid } from '../../protocols/cid.ts'

const settings = { recordCopies: 4, recordRoundsMax: 4 }
const here = [multiaddr('/ip4/127.0.0.1/tcp/4001')]

/** Edges whose messages arrive at once; each answers as kad-dht's handlers do. */
class Mesh {
  readonly nodes = new Map<string, Node>()
  requests = 0

  add (peer: PeerId): Node {
    const node = new Node(this, peer)
    this.nodes.set(peer.toString(), node)
    return node
  }

  /** What of all edges is nearest to a key, by counting through them. */
  nearest (cid: CID, count = settings.recordCopies): string[] {
    const target = kadId(cid.multihash.bytes)
    const distance = (peer: PeerId): string => Buffer.from(kadId(peer.toMultihash().bytes).map((byte, i) => byte ^ target[i]!)).toString('hex')
    return [...this.nodes.values()].map(({ peer }) => peer).sort((a, b) => distance(a) < distance(b) ? -1 : 1).slice(0, count).map(String)
  }

  holders (cid: CID): string[] {
    return [...this.nodes.values()].filter(({ held }) => held.has(cid.toString())).map(({ peer }) => peer.toString())
  }
}

class Node {
  readonly table = new Map<string, PeerId>()
  readonly held = new Map<string, PeerId[]>()
  readonly records: DhtRecords
  dead = false
  readonly #mesh: Mesh
  readonly peer: PeerId

  constructor (mesh: Mesh, peer: PeerId) {
    this.#mesh = mesh
    this.peer = peer
    const send = (to: PeerId, message: any): any => this.#send(to, message)
    const inside: RecordsInside = {
      network: { sendMessage: send, sendRequest: send },
      routingTable: { closestPeers: (target, { count }) => this.closest(target, count) },
      providers: {
        addProvider: async (cid, peer) => { this.keep(cid.toString(), peer) },
        getProviders: async (cid) => this.held.get(cid.toString()) ?? []
      }
    }
    this.records = new DhtRecords({ self: peer, inside, settings })
  }

  knows (peers: Iterable<PeerId>): void {
    for (const peer of peers) if (!peer.equals(this.peer)) this.table.set(peer.toString(), peer)
  }

  keep (name: string, peer: PeerId): void {
    this.held.set(name, [...(this.held.get(name) ?? []), peer])
  }

  closest (target: Uint8Array, count: number): PeerId[] {
    const distance = (peer: PeerId): string => Buffer.from(kadId(peer.toMultihash().bytes).map((byte, i) => byte ^ target[i]!)).toString('hex')
    return [...this.table.values()].sort((a, b) => distance(a) < distance(b) ? -1 : 1).slice(0, count)
  }

  async * #send (to: PeerId, { type, key }: { type: string, key: Uint8Array }): AsyncGenerator<any> {
    this.#mesh.requests++
    const node = this.#mesh.nodes.get(to.toString())
    await Promise.resolve()
    if (node === undefined || node.dead) {
      yield { name: 'QUERY_ERROR' }
      return
    }
    const name = [...names].find(([, cid]) => Buffer.compare(cid.multihash.bytes, key) === 0)![0]
    if (type === 'ADD_PROVIDER') {
      node.keep(name, this.peer)
      yield { name: 'PEER_RESPONSE' }
      return
    }
    yield {
      name: 'PEER_RESPONSE',
      providers: (node.held.get(name) ?? []).map((id) => ({ id, multiaddrs: here })),
      closer: node.closest(kadId(key), settings.recordCopies).map((id) => ({ id, multiaddrs: here }))
    }
  }
}

const cids = Array.from({ length: 20 }, (_, i) => nameCid(`key ${i}`))
const names = new Map(cids.map((cid) => [cid.toString(), cid]))
let peers: PeerId[]

beforeAll(async () => {
  peers = await Promise.all(Array.from({ length: 60 }, async () => peerIdFromPrivateKey(await generateKeyPair('Ed25519'))))
})

/** 40 edges that know each other. */
function wholeMesh (): { mesh: Mesh, nodes: Node[] } {
  const mesh = new Mesh()
  const nodes = peers.slice(0, 40).map((peer) => mesh.add(peer))
  for (const node of nodes) node.knows(peers.slice(0, 40))
  return { mesh, nodes }
}

async function found (node: Node, cid: CID): Promise<string[]> {
  const out: string[] = []
  for await (const { providers = [] } of node.records.findProviders(cid)) out.push(...providers.map(({ id }) => id.toString()))
  return out
}

async function provide (node: Node, cid: CID): Promise<void> {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars
  for await (const _ of node.records.provide(cid, here)) { /* to the end */ }
}

describe('records of providers in the DHT', () => {
  it('lie on the edges nearest to the key and on no other, the announcer counted among them', async () => {
    const { mesh, nodes } = wholeMesh()
    for (const [i, cid] of cids.entries()) {
      // Every other one by an edge that is one of the nearest itself.
      const [announcer] = mesh.nearest(cid, i % 2 === 0 ? 1 : nodes.length).reverse()
      await provide(mesh.nodes.get(announcer!)!, cid)
    }
    for (const cid of cids) expect(mesh.holders(cid).sort()).toEqual(mesh.nearest(cid).sort())
  })

  it('are found by any edge, with a message to each of the nearest', async () => {
    const { mesh, nodes } = wholeMesh()
    await provide(nodes[0]!, cids[0]!)
    mesh.requests = 0
    for (const node of nodes.slice(1)) expect(await found(node, cids[0]!)).toEqual([nodes[0]!.peer.toString()])
    expect(mesh.requests).toBeLessThanOrEqual(39 * settings.recordCopies)
  })

  it('are found by an edge that knows one other, through those that it names', async () => {
    const { mesh, nodes } = wholeMesh()
    for (const [i, cid] of cids.entries()) await provide(nodes[i]!, cid)
    const newcomer = mesh.add(peers[50]!)
    newcomer.knows([nodes[7]!.peer])
    for (const [i, cid] of cids.entries()) expect(await found(newcomer, cid)).toEqual([nodes[i]!.peer.toString()])
  })

  it('are found while any of the edges nearest to the key lives', async () => {
    const { mesh, nodes } = wholeMesh()
    await provide(nodes[0]!, cids[0]!)
    for (const peer of mesh.nearest(cids[0]!).slice(0, settings.recordCopies - 1)) mesh.nodes.get(peer)!.dead = true
    const asker = nodes.find(({ peer }) => !mesh.nearest(cids[0]!).includes(peer.toString()) && peer !== nodes[0]!.peer)!
    expect(await found(asker, cids[0]!)).toEqual([nodes[0]!.peer.toString()])
  })

  it('that nobody made cost a bounded number of messages, also where each edge names one nearer', async () => {
    const { mesh } = wholeMesh()
    for (const peer of peers.slice(40)) mesh.add(peer)
    const chain = mesh.nearest(cids[0]!, peers.length).reverse().map((peer) => mesh.nodes.get(peer)!)
    for (const [i, node] of chain.entries()) {
      node.table.clear()
      node.knows(chain.slice(i + 1, i + 2).map(({ peer }) => peer))
    }
    expect(await found(chain[0]!, cids[0]!)).toEqual([])
    expect(mesh.requests).toBeLessThanOrEqual(settings.recordCopies * settings.recordRoundsMax)
  })

  it('end when the caller has enough', async () => {
    const { mesh, nodes } = wholeMesh()
    for (const node of nodes.slice(0, 10)) await provide(node, cids[0]!)
    mesh.requests = 0
    const near = mesh.nodes.get(mesh.nearest(cids[0]!)[0]!)!
    for await (const { name } of near.records.findProviders(cids[0]!)) {
      expect(name).toBe('PROVIDER')
      break
    }
    expect(mesh.requests).toBe(0)
  })
})
