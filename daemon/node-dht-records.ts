/**
 * Where provider records lie and are looked for: on the few edges nearest to a key by Kademlia's distance (Maymounkov
 * and Mazieres 2002, section 2.3), which an edge that has the member list knows without a walk. kad-dht walks to the 20
 * nearest, each time, and an answer names 20 more, each read from the peer store: some 24 messages for
 * each miss of a colony of 24 edges. An edge whose table is still young comes to the same ones in two or three rounds.
 */
import { createHash } from 'node:crypto'
import type { PeerId } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { CID } from 'multiformats/cid'
import type { MeshSettings } from './node-settings.ts'

interface PeerInfo {
  readonly id: PeerId
  readonly multiaddrs: readonly Multiaddr[]
}

interface Options {
  readonly signal?: AbortSignal
}

/** What kad-dht reports of a query. */
interface QueryEvent {
  readonly name: string
  readonly providers?: readonly PeerInfo[]
  readonly closer?: readonly PeerInfo[]
}

type Send = (to: PeerId, message: object, options: object) => AsyncIterable<QueryEvent>

/** The part of kad-dht's inside that is used. */
export interface RecordsInside {
  readonly network: { readonly sendMessage: Send, readonly sendRequest: Send }
  readonly routingTable: { readonly closestPeers: (kadId: Uint8Array, options: { count: number }) => PeerId[] }
  readonly providers: {
    readonly addProvider: (cid: CID, peer: PeerId, options?: Options) => Promise<void>
    readonly getProviders: (cid: CID, options?: Options) => Promise<PeerId[]>
  }
}

export interface RecordsInit {
  readonly self: PeerId
  readonly inside: RecordsInside
  readonly settings: Pick<MeshSettings, 'recordCopies' | 'recordRoundsMax'>
}

/** A path of kad-dht's own queries; there is none here. */
const path = { index: -1, queued: 0, running: 0, total: 0 }

export class DhtRecords {
  readonly #init: RecordsInit
  readonly #self: Uint8Array

  constructor (init: RecordsInit) {
    this.#init = init
    this.#self = kadId(init.self.toMultihash().bytes)
  }

  /**
   * Puts this edge's record on the edges nearest to the key, itself where it is one of them. Those that cannot be
   * reached are passed over, as kad-dht does.
   *
   * @throws the signal's reason
   */
  async * provide (cid: CID, multiaddrs: readonly Multiaddr[], options: Options = {}): AsyncGenerator<QueryEvent> {
    const { self, inside: { network, providers }, settings: { recordCopies } } = this.#init
    const key = cid.multihash.bytes
    const target = kadId(key)
    const nearest = this.nearest(target)
    const last = nearest.at(-1)
    if (last === undefined || nearest.length < recordCopies || isNearer(target, this.#self, kadId(last.toMultihash().bytes))) {
      if (nearest.length === recordCopies) nearest.pop()
      await providers.addProvider(cid, self, options)
    }
    const message = { type: 'ADD_PROVIDER', key, providers: [{ id: self.toMultihash().bytes, multiaddrs: multiaddrs.map(({ bytes }) => bytes) }] }
    yield * merged(nearest.map((peer) => network.sendMessage(peer, message, { ...options, path })))
    options.signal?.throwIfAborted()
  }

  /** Providers of the key by the records here, then by those of the edges nearest to it, each peer once. Ends early where the caller does. */
  async * findProviders (cid: CID, options: Options = {}): AsyncGenerator<QueryEvent> {
    const { self, inside: { network, providers }, settings: { recordRoundsMax } } = this.#init
    const key = cid.multihash.bytes
    const target = kadId(key)
    const seen = new Set<string>()
    const fresh = (infos: readonly PeerInfo[]): PeerInfo[] => infos.filter(({ id }) => !seen.has(id.toString()) && seen.add(id.toString()))

    const held = fresh((await providers.getProviders(cid, options)).map((id) => ({ id, multiaddrs: [] })))
    if (held.length > 0) yield { name: 'PROVIDER', providers: held }

    const left = new AbortController()
    const signal = options.signal === undefined ? left.signal : AbortSignal.any([options.signal, left.signal])
    const asked = new Set([self.toString()])
    const candidates = new Map(this.nearest(target).map((peer) => [peer.toString(), peer]))
    try {
      for (let round = 0; round < recordRoundsMax; round++) {
        const batch = this.#nearestOf(target, candidates.values()).filter((peer) => !asked.has(peer.toString()))
        if (batch.length === 0) return
        for (const peer of batch) asked.add(peer.toString())
        const requests = batch.map((peer) => network.sendRequest(peer, { type: 'GET_PROVIDERS', key }, { ...options, signal, path }))
        for await (const { name, providers = [], closer = [] } of merged(requests)) {
          if (name !== 'PEER_RESPONSE') continue
          for (const { id } of closer.slice(0, closerMax)) if (!asked.has(id.toString())) candidates.set(id.toString(), id)
          const found = fresh(providers)
          if (found.length > 0) yield { name: 'PROVIDER', providers: found }
        }
      }
    } finally {
      left.abort()
    }
  }

  /** The edges nearest to a place, of those in the routing table. */
  nearest (target: Uint8Array): PeerId[] {
    const { inside: { routingTable }, settings: { recordCopies } } = this.#init
    return routingTable.closestPeers(target, { count: recordCopies })
  }

  #nearestOf (target: Uint8Array, peers: Iterable<PeerId>): PeerId[] {
    return [...peers]
      .map((peer) => ({ peer, id: kadId(peer.toMultihash().bytes) }))
      .sort((a, b) => isNearer(target, a.id, b.id) ? -1 : 1)
      .slice(0, this.#init.settings.recordCopies)
      .map(({ peer }) => peer)
  }
}

/** Peers of one answer that are looked at: k of those whose answers are kad-dht's own. */
const closerMax = 20

/** A key's place among the edges, 32 bytes. */
export function kadId (key: Uint8Array): Uint8Array {
  return createHash('sha256').update(key).digest()
}

function isNearer (target: Uint8Array, a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < target.length; i++) {
    const x = target[i]! ^ a[i]!
    const y = target[i]! ^ b[i]!
    if (x !== y) return x < y
  }
  return false
}

/** What all of them yield, as it comes. */
async function * merged (sources: ReadonlyArray<AsyncIterable<QueryEvent>>): AsyncGenerator<QueryEvent> {
  const next = async (iterator: AsyncIterator<QueryEvent>): Promise<{ iterator: AsyncIterator<QueryEvent>, result: IteratorResult<QueryEvent> }> => ({ iterator, result: await iterator.next() })
  const running = new Map(sources.map((source) => {
    const iterator = source[Symbol.asyncIterator]()
    return [iterator, next(iterator)]
  }))
  while (running.size > 0) {
    const { iterator, result } = await Promise.race(running.values())
    if (result.done === true) {
      running.delete(iterator)
      continue
    }
    running.set(iterator, next(iterator))
    yield result.value
  }
}
