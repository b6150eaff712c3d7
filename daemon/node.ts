/**
 * The libp2p node: the only file that names concrete libp2p packages. It says which transport,
 * encryption, multiplexer and services an edge has, with which limits, and how Colony's own
 * protocols are hung in. Each limit carries its reason.
 */
import { readFile } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { gossipsub } from '@chainsafe/libp2p-gossipsub'
import { identify } from '@libp2p/identify'
import type { ComponentLogger, Ed25519PrivateKey, Libp2p, Metrics, PeerId, PeerRouting, Transport } from '@libp2p/interface'
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { noise } from '@libp2p/noise'
import { ping } from '@libp2p/ping'
import { preSharedKey } from '@libp2p/pnet'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import type { Datastore } from 'interface-datastore'
import { createLibp2p } from 'libp2p'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../protocols/clock.ts'
import { ColonyError, messageOf } from '../protocols/errors.ts'
import { systemClock } from './clock.ts'
import { coalescing, linkPing, sparing } from './node-carriers.ts'
import { memberDht } from './node-dht.ts'
import type { MeshSettings } from './node-settings.ts'
import { sparePeerStore } from './sparing-peer-store.ts'
import { RememberingDatastore } from './remembering-datastore.ts'

export interface MeshInit {
  readonly identity: Ed25519PrivateKey
  /** Default: the machine's. */
  readonly clock?: Clock
  readonly datastore: Datastore
  readonly listen: readonly string[]
  readonly announce: readonly string[]
  /** 32 bytes in the format of a libp2p swarm key file. Without it anyone who reaches the port may join. */
  readonly networkKey?: Uint8Array
  readonly settings: MeshSettings
  /** Where a peer may be dialled as far as the member list knows. */
  readonly addresses?: (peer: string) => readonly string[]
  /** All other edges, and whether one is. */
  readonly members?: () => Iterable<string>
  readonly isMember?: (peer: string) => boolean
  /** Whether a connection with this peer may be, asked once its handshake has told who it is, and before it is dialled. Default: always. */
  readonly admits?: (peer: string) => boolean
  /** False leaves the DHT out: what finds others and their content then fails. For tests that show what it does. */
  readonly dht?: boolean
  readonly logger: ComponentLogger
  /** What the node counts of itself goes here. */
  readonly metrics?: Metrics
  /** Wraps the transport: netsim's simulated links stand between the node and its sockets. */
  readonly transport?: (create: TransportFactory) => TransportFactory
}

/** A libp2p transport for a node's components. */
export type TransportFactory = (components: any) => Transport

/** Colony's own services, by name, each a libp2p service factory: `(components) => service`. */
export type ServiceFactories = Record<string, (components: any) => unknown>

/** Largest read buffer of one stream, bytes; the fetch protocol keeps less than this in flight. */
const streamBufferBytesMax = 4 * 1024 * 1024

/**
 * Creates the node without starting it.
 *
 * @param services Colony's protocols; they find `dht`, `pubsub` and `ping` among their components
 */
export async function createNode (init: MeshInit, services: ServiceFactories): Promise<Libp2p> {
  const { settings } = init
  const clock = init.clock ?? systemClock
  const refuses = (peer: PeerId): boolean => init.admits?.(peer.toString()) === false
  const addresses = (peer: PeerId): Multiaddr[] => init.addresses?.(peer.toString()).map((address) => multiaddr(address)) ?? []
  const node = await createLibp2p({
    start: false,
    privateKey: init.identity,
    datastore: new RememberingDatastore({ store: init.datastore, recordsMax: settings.recordsHeldMax, writeBehindMs: settings.writeBehindMs, clock }),
    logger: init.logger,
    nodeInfo: { name: 'colony', version: '1' },
    addresses: { listen: [...init.listen], announce: [...init.announce] },
    transports: [(init.transport ?? ((create) => create))(coalescing(tcp()))],
    connectionEncrypters: [noise()],
    streamMuxers: [sparing(yamux({ keepAliveInterval: settings.keepAliveMs, streamOptions: { maxStreamWindowSize: streamBufferBytesMax } }))],
    connectionProtector: init.networkKey === undefined ? undefined : preSharedKey({ psk: init.networkKey }),
    // Kept by default for one hour and six: an edge that was down over a weekend should find the others.
    peerStore: { maxAddressAge: settings.peerAgeMs, maxPeerAge: settings.peerAgeMs },
    // Before the DHT: a walk for each dial would be most of what joining costs.
    peerRouters: [() => memberRouting(addresses)],
    connectionGater: {
      denyDialMultiaddr: () => false,
      denyDialPeer: refuses,
      denyInboundEncryptedConnection: refuses,
      denyOutboundEncryptedConnection: refuses,
      // Who is refused may have changed while the muxer was agreed on, and the connection was in no list that could be gone through.
      denyInboundUpgradedConnection: refuses,
      denyOutboundUpgradedConnection: refuses
    },
    connectionManager: {
      maxConnections: settings.connectionsMax,
      inboundConnectionThreshold: settings.inboundPerSecondMax,
      maxIncomingPendingConnections: settings.inboundPendingMax,
      dialTimeout: settings.dialTimeoutMs,
      addressDialTimeout: settings.dialTimeoutMs,
      // Past it the other end has long given up.
      inboundUpgradeTimeout: 2 * settings.dialTimeoutMs
    },
    // Membership measures its links itself, and decides itself who is dead.
    connectionMonitor: { enabled: false },
    metrics: init.metrics === undefined ? undefined : () => init.metrics!,
    services: {
      identify: identify({ maxInboundStreams: settings.streamsMax, maxOutboundStreams: settings.streamsMax, timeout: settings.dialTimeoutMs }),
      ping: linkPing(ping({ maxInboundStreams: settings.streamsMax, maxOutboundStreams: settings.streamsMax })),
      ...(init.dht !== false && {
        dht: memberDht(kadDHT({
          protocol: '/colony/kad/1.0.0',
          clientMode: false,
          kBucketSize: settings.kBucketSize,
          // With the default of 32, records of more than 32 announcements at once are lost without an error.
          maxInboundStreams: settings.streamsMax,
          maxOutboundStreams: settings.streamsMax,
          alpha: settings.dhtParallel,
          disjointPaths: settings.dhtParallel,
          querySelfInterval: settings.dhtSelfQueryMs,
          initialQuerySelfInterval: settings.dhtSelfQueryMs,
          peerInfoMapper: passthroughMapper,
          allowQueryWithZeroPeers: true
        }), { clock, settings, members: () => init.members?.() ?? [], isMember: (peer) => init.isMember?.(peer.toString()) === true, addresses })
      }),
      pubsub: gossipsub({
        globalSignaturePolicy: 'StrictSign',
        allowPublishToZeroTopicPeers: true,
        fallbackToFloodsub: false,
        floodPublish: false,
        D: settings.gossipDegree,
        Dlo: settings.gossipDegree - 1,
        Dhi: settings.gossipDegree * 2,
        Dscore: settings.gossipDegree - 1,
        Dout: 1,
        Dlazy: settings.gossipLazyDegree,
        gossipFactor: 0,
        heartbeatInterval: settings.gossipHeartbeatMs,
        maxInboundDataLength: settings.gossipMessageBytesMax,
        // Servers of one site share an address; the default would score them below the graylist line.
        scoreParams: { IPColocationFactorWeight: 0 }
      }),
      ...services
    } as never
  }) as unknown as Libp2p
  sparePeerStore(node.peerStore)
  return node
}

/** Only what is asked of it: libp2p skips the methods that a router lacks. */
function memberRouting (addresses: (peer: PeerId) => Multiaddr[]): PeerRouting {
  const findPeer: PeerRouting['findPeer'] = async (id) => {
    const multiaddrs = addresses(id)
    if (multiaddrs.length === 0) throw new Error('it is no member that says where it is')
    return { id, multiaddrs }
  }
  return { findPeer } satisfies Partial<PeerRouting> as PeerRouting
}

/** The node cannot listen where it was told to. */
export class MeshListenError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_MESH_LISTEN', message, options)
  }
}

/** @throws MeshListenError with one sentence for an address that is in use or not this machine's */
export async function startNode (node: Libp2p, listen: readonly string[]): Promise<void> {
  try {
    await node.start()
  } catch (error) {
    if ((error as Error).name !== 'UnsupportedListenAddressesError') throw error
    const reason = messageOf(error).includes('EADDRINUSE')
      ? 'the port is in use; stop the program that holds it or choose another port'
      : 'choose an address of this machine, such as /ip4/0.0.0.0/tcp/4001'
    throw new MeshListenError(`cannot listen for peers on ${listen.join(', ')}: ${reason}`, { cause: error })
  }
}

/** The key file cannot be read or is not a swarm key. */
export class NetworkKeyError extends ColonyError {
  constructor (message: string, options?: { cause?: unknown }) {
    super('COLONY_NETWORK_KEY', message, options)
  }
}

/** @throws NetworkKeyError */
export async function readNetworkKey (file: string): Promise<Uint8Array> {
  let bytes: Buffer
  try {
    bytes = await readFile(file)
  } catch (error) {
    throw new NetworkKeyError(`the network key ${file} cannot be read (${messageOf(error)})`, { cause: error })
  }
  if (!/^\/key\/swarm\/psk\/1\.0\.0\/\s+\/base16\/\s+[0-9a-f]{64}\s*$/.test(bytes.toString('latin1'))) {
    throw new NetworkKeyError(`the network key ${file} is not a libp2p swarm key: expected three lines, /key/swarm/psk/1.0.0/, /base16/ and 64 hexadecimal digits`)
  }
  return new Uint8Array(bytes)
}

/**
 * The network's name in topics and DHT keys. Derived from the key by a one-way hash, so that
 * colonies with different keys never share a topic.
 */
export function networkName (networkKey?: Uint8Array): string {
  if (networkKey === undefined) return 'open'
  return createHash('sha256').update('colony-network\0').update(networkKey).digest('hex').slice(0, 16)
}
