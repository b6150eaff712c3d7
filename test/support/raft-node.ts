/**
 * A real libp2p node on loopback with nothing of Colony but Raft, on a folder of its own, for tests and benches: who is a member is
 * told, not found out. The state machine keeps the commands that were applied, in order.
 */
import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { Ed25519PrivateKey, Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { peerIdFromPrivateKey, peerIdFromString } from '@libp2p/peer-id'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'
import { systemClock } from '../../daemon/clock.ts'
import type { Databases } from '../../daemon/database.ts'
import type { TransportFactory } from '../../daemon/node.ts'
import { coalescing, sparing } from '../../daemon/node-carriers.ts'
import { RaftDisk } from '../../daemon/raft/disk.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { RaftGroup, StateMachine } from '../../protocols/raft/group.ts'
import { raft, type RaftService } from '../../protocols/raft/service.ts'
import { raftServiceDefaults, type RaftServiceSettings } from '../../protocols/raft/service-settings.ts'
import { raftDefaults, type RaftSettings } from '../../protocols/raft/settings.ts'
import type { StreamComponents } from '../../protocols/streams.ts'

/** Applied commands as text, the whole of the state. */
export class Journal implements StateMachine {
  lines: string[] = []
  apply (command: Uint8Array): number { return this.lines.push(Buffer.from(command).toString()) }
  snapshot (): Uint8Array { return Buffer.from(JSON.stringify(this.lines)) }
  restore (snapshot: Uint8Array | undefined): void { this.lines = snapshot === undefined ? [] : JSON.parse(Buffer.from(snapshot).toString()) as string[] }
}

/** Counts commands: for benches, where a list of them all would be what is measured. */
export class Tally implements StateMachine {
  count = 0
  apply (): number { return ++this.count }
  snapshot (): Uint8Array { return Buffer.from(String(this.count)) }
  restore (snapshot: Uint8Array | undefined): void { this.count = snapshot === undefined ? 0 : Number(Buffer.from(snapshot).toString()) }
}

export interface RaftNodeInit<M extends StateMachine> {
  readonly folder: string
  readonly key?: Ed25519PrivateKey
  readonly listen?: string
  readonly machine: M
  /** Who is a member, itself included; asked again at every use. */
  readonly members: () => readonly PeerName[]
  /** Whether there is no way to this peer now. */
  readonly isCut?: (self: PeerName, peer: PeerName) => boolean
  readonly raft?: Partial<RaftSettings>
  readonly settings?: Partial<RaftServiceSettings>
  readonly databases?: Databases
  /** Wraps the node's transport: simulated links. */
  readonly transport?: (create: TransportFactory) => TransportFactory
}

export interface RaftNode<M extends StateMachine = Journal> {
  readonly libp2p: Libp2p
  readonly peer: PeerName
  readonly key: Ed25519PrivateKey
  readonly address: string
  readonly service: RaftService
  readonly group: RaftGroup
  readonly machine: M
  readonly warnings: readonly string[]
  /** Tells it where another one is. */
  meet: (address: string) => Promise<void>
  /** @param hard as after a kill: nothing is finished */
  stop: (hard?: boolean) => Promise<void>
}

export async function startRaftNode<M extends StateMachine> (init: RaftNodeInit<M>): Promise<RaftNode<M>> {
  const key = init.key ?? await generateKeyPair('Ed25519')
  const warnings: string[] = []
  const warn = (message: string): void => { warnings.push(message) }
  const isCut = (peer: PeerName): boolean => init.isCut?.(peerIdFromPrivateKey(key).toString(), peer) === true
  let service: RaftService | undefined
  const libp2p = await createLibp2p({
    privateKey: key,
    addresses: { listen: [init.listen ?? '/ip4/127.0.0.1/tcp/0'] },
    // As an edge has them.
    transports: [(init.transport ?? ((create) => create))(coalescing(tcp()))],
    connectionEncrypters: [noise()],
    streamMuxers: [sparing(yamux())],
    connectionGater: {
      denyDialMultiaddr: () => false,
      denyDialPeer: (peer) => isCut(peer.toString()),
      denyInboundEncryptedConnection: (peer) => isCut(peer.toString())
    },
    connectionMonitor: { enabled: false },
    connectionManager: { inboundConnectionThreshold: 1_000, maxIncomingPendingConnections: 100 },
    services: {
      identify: identify(),
      raft: (components: StreamComponents & { peerId: { toString: () => string } }) => {
        service = raft({
          self: components.peerId.toString(),
          clock: systemClock,
          settings: { ...raftServiceDefaults, ...init.settings },
          raft: { ...raftDefaults, ...init.raft },
          peerIdFromName: peerIdFromString,
          isMember: (peer) => init.members().includes(peer),
          logger: { warn }
        })(components)
        return service
      }
    }
  })
  const peer = libp2p.peerId.toString()
  const disk = new RaftDisk({ folder: init.folder, logger: { warn: (_fields, message) => { warn(message) } }, ...(init.databases !== undefined && { databases: init.databases }) })
  await disk.open()
  const group = service!.group({
    slot: 'region',
    store: disk.store('region'),
    machine: init.machine,
    peers: init.members,
    mayJoin: (each) => init.members().includes(each)
  })
  await group.start()
  return {
    libp2p: libp2p as unknown as Libp2p,
    peer, key, group, warnings,
    service: service!,
    machine: init.machine,
    address: String(libp2p.getMultiaddrs()[0]),
    meet: async (address) => {
      const target = multiaddr(address)
      const id = peerIdFromString(target.getComponents().findLast(({ name }) => name === 'p2p')!.value!)
      await libp2p.peerStore.merge(id, { multiaddrs: [target] })
    },
    stop: async () => {
      await group.stop()
      await libp2p.stop()
      await disk.close()
    }
  }
}
