/**
 * What kad-dht finds out by dialling, and membership knows: who is there, and where. Its routing table is filled from the
 * member list, where kad-dht walks the mesh for each of its distances as it starts and every few minutes, dials every
 * edge that it hears of to ask whether it is there, and walks for the address of each edge that is dialled and for the
 * place of each record. A walk opens some twenty connections, which stay. kad-dht has no options for any of it, so its
 * inside is changed here and in node-dht-records.ts: look at both when its version changes.
 */
import { peerRoutingSymbol, type PeerId, type PeerRouting } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import type { Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../protocols/clock.ts'
import { DhtRecords, kadId, type RecordsInside } from './node-dht-records.ts'
import type { MeshSettings } from './node-settings.ts'

/** The part of kad-dht's inside that is changed. */
interface Inside extends RecordsInside {
  readonly contentRouting: { provide: DhtRecords['provide'], findProviders: DhtRecords['findProviders'] }
  readonly peerRouting: { getClosestPeersOffline: (key: Uint8Array) => Promise<PeerAt[]> }
  readonly routingTableRefresh: { afterStart: () => Promise<void>, stop: () => Promise<void> }
  readonly routingTable: RecordsInside['routingTable'] & {
    readonly kb?: { verify: (contact: { readonly peerId: PeerId }) => Promise<boolean> }
    add: (peer: PeerId) => Promise<void>
  }
}

interface PeerAt {
  readonly id: PeerId
  readonly multiaddrs: readonly Multiaddr[]
}

interface Components {
  readonly peerId: PeerId
  readonly peerStore: { readonly getInfo: (peer: PeerId) => Promise<PeerAt> }
  readonly connectionManager: { getConnections: (peer: PeerId) => readonly unknown[] }
}

export interface MemberDhtInit {
  readonly clock: Clock
  readonly settings: Pick<MeshSettings, 'dhtFillMs' | 'dhtRefreshMs' | 'recordCopies' | 'recordRoundsMax'>
  /** Edges that can be dialled by what they say of themselves, this one not among them. */
  readonly members: () => Iterable<string>
  readonly isMember: (peer: PeerId) => boolean
  /** Where a member says that it is; empty for others. */
  readonly addresses: (peer: PeerId) => Multiaddr[]
}

/** @param create makes kad-dht for a node's components */
export function memberDht<Service> (create: (components: any) => Service, { clock, settings, members, isMember, addresses }: MemberDhtInit): (components: any) => Service {
  return (components: Components) => {
    const service = create(components)
    const inside = service as Inside
    const { routingTableRefresh, routingTable, contentRouting, peerRouting } = inside
    const { kb } = routingTable
    if (kb !== undefined) kb.verify = async ({ peerId }) => components.connectionManager.getConnections(peerId).length > 0 || isMember(peerId)

    let cancel = (): void => {}
    const fillAfter = (delayMs: number): void => {
      cancel = clock.after(delayMs, () => {
        // A table that was stopped takes nobody; the next start fills it again.
        for (const peer of members()) routingTable.add(peerIdFromString(peer)).catch(() => {})
        fillAfter(settings.dhtRefreshMs)
      })
    }
    routingTableRefresh.afterStart = async () => { fillAfter(settings.dhtFillMs) }
    routingTableRefresh.stop = async () => { cancel() }

    const records = new DhtRecords({ self: components.peerId, inside, settings })
    contentRouting.provide = (cid, multiaddrs, options) => records.provide(cid, multiaddrs, options)
    contentRouting.findProviders = (cid, options) => records.findProviders(cid, options)
    const whereabouts = async (id: PeerId): Promise<PeerAt | undefined> => {
      const multiaddrs = addresses(id)
      if (multiaddrs.length > 0) return { id, multiaddrs }
      return await components.peerStore.getInfo(id).catch(() => undefined)
    }
    // The nearest are enough for those who look for records, and they have the whole list, or know an edge that has.
    peerRouting.getClosestPeersOffline = async (key) => (await Promise.all(records.nearest(kadId(key)).map(whereabouts))).filter((peer) => peer !== undefined)

    const routing = (service as { readonly [peerRoutingSymbol]: PeerRouting })[peerRoutingSymbol]
    const { findPeer } = routing
    routing.findPeer = async (peer, options) => {
      if (isMember(peer)) throw new Error('the member list says where it is')
      return await findPeer.call(routing, peer, options)
    }
    return service
  }
}
