/**
 * Membership's two faces: what it offers to the edge (`Membership`), and what it needs from the libp2p
 * node around it, as small structural types that the node's own services fit. And the counters that it
 * keeps for the metrics.
 */
import { encodeCoordinate } from '../coordinates/coordinate.ts'
import { nowhere, type CoordinatesSettings } from '../coordinates/vivaldi.ts'
import type { Member } from './announcement.ts'
import type { Patch } from './members.ts'
import type { MembershipSettings } from './settings.ts'
import type { Clock } from '../clock.ts'
import type { PeerName, Region } from '../ids.ts'
import type {
  AbortOptions, ComponentLogger, Connection, ContentRouting, Libp2pEvents, PeerId, PeerStore, PrivateKey,
  Startable, StreamHandler, StreamHandlerOptions, Topology, TypedEventTarget
} from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'

export interface MembershipInit {
  readonly clock: Clock
  readonly settings: MembershipSettings
  /** Name of the colony: edges of two colonies never believe each other. */
  readonly network: string
  readonly name: string
  readonly region: Region
  readonly zone?: string
  readonly http?: string
  readonly weight?: number
  readonly originHash?: string
  readonly coordinates?: CoordinatesSettings
  /** Addresses of edges to begin with. None: a colony of one, until others come. */
  readonly join: readonly Multiaddr[]
}

/** What an edge says of itself when it starts. */
export function ownFields (peer: PeerName, { name, region, zone, http = '', weight = 1, originHash = '' }: MembershipInit): Omit<Member, 'incarnation' | 'sequence'> {
  return { peer, name, region, ...(zone !== undefined && { zone }), http, weight, originHash, load: 0, draining: false, coordinate: encodeCoordinate(nowhere) }
}

export interface Membership extends Startable {
  self: () => Member
  /** Live members of the whole colony, oneself included; the same array until something but a load or a sequence changes. */
  members: () => readonly Member[]
  member: (peer: PeerName) => Member | undefined
  isMember: (peer: PeerName) => boolean
  /** Whether it took its leave and has not come back, as far as that is remembered; or may not be a member any more. */
  hasLeft: (peer: PeerName) => boolean
  /** Members that fell silent without taking their leave, for as long as they are remembered. */
  missed: () => readonly PeerName[]
  /** Puts the list of peers that may be members in place, at once; none: whoever has the network key. The edge itself always may. */
  allow: (peers: readonly PeerName[]) => void
  /** Whether a connection with this peer may be. One that may not is told of in the log once. */
  admits: (peer: PeerName) => boolean
  /** Whether there is a connection to it. */
  isLinked: (peer: PeerName) => boolean
  /** Calls `listener` after any change of the live members or of their fields but load. @returns ends that */
  onChange: (listener: () => void) => () => void
  /** Changes one's own fields. Load and coordinate travel with the next refresh, the others at once. */
  announce: (patch: Patch) => void
  /** Where a member may be dialled, as it said itself. */
  addresses: (peer: PeerName) => readonly string[]
  /** Shortest recent round trip to a linked member, ms. */
  rttMs: (peer: PeerName) => number | undefined
  /** The same, and an estimate from network coordinates for members without a link; undefined where there is none yet. */
  distanceMs: (peer: PeerName) => number | undefined
  counters: () => Readonly<Counters & { expired: number, clones: number }>
}

export interface PubSubMessage {
  readonly topic: string
  readonly data: Uint8Array
}

/**
 * The part of gossipsub that is used. A validator answers `accept`, `ignore` or `reject`: gossipsub's
 * type for them is an enumeration of its own, which no other type fits, hence `any`.
 */
export interface PubSub {
  subscribe: (topic: string) => void
  unsubscribe: (topic: string) => void
  publish: (topic: string, data: Uint8Array) => Promise<unknown>
  readonly topicValidators: {
    set: (topic: string, validator: (from: PeerId, message: PubSubMessage) => Promise<any>) => unknown
    delete: (topic: string) => unknown
  }
}

export interface MembershipComponents {
  readonly peerId: PeerId
  readonly privateKey: PrivateKey
  readonly registrar: {
    handle: (protocol: string, handler: StreamHandler, options?: StreamHandlerOptions) => Promise<void>
    unhandle: (protocol: string) => Promise<void>
    register: (protocol: string, topology: Topology) => Promise<string>
    unregister: (id: string) => void
  }
  readonly connectionManager: {
    getConnections: (peer?: PeerId) => Connection[]
    openConnection: (target: PeerId | Multiaddr, options?: AbortOptions) => Promise<Connection>
  }
  readonly contentRouting: Pick<ContentRouting, 'provide' | 'findProviders'>
  readonly peerStore: Pick<PeerStore, 'all'>
  readonly events: TypedEventTarget<Libp2pEvents>
  readonly addressManager: { getAddresses: () => Multiaddr[], getListenAddrs: () => Multiaddr[] }
  readonly logger: ComponentLogger
  readonly pubsub: PubSub
  /** Round trip to a connected peer, ms. */
  readonly ping: { ping: (peer: PeerId, options?: AbortOptions) => Promise<number> }
}

export interface Counters {
  /** Gossip messages received, and sent by this edge. */
  messagesIn: number
  messagesOut: number
  bytesIn: number
  bytesOut: number
  /** Gossip messages and exchanges that were malformed or forged. */
  rejected: number
  /** Exchanges of lists that went through, and that failed. */
  exchanges: number
  exchangeFailures: number
  dials: number
  dialFailures: number
  /** Queries of the DHT that failed or ran out of time. */
  lookupFailures: number
}

export function zeroCounters (): Counters {
  return {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    rejected: 0,
    exchanges: 0,
    exchangeFailures: 0,
    dials: 0,
    dialFailures: 0,
    lookupFailures: 0
  }
}
