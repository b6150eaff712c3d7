/**
 * The edge's part in the colony: one libp2p node with every protocol of ours hung into it. Membership says who
 * is there, fetch moves content, directory, filters and providers say who holds what, raft carries what groups
 * agree on, and each other part that calls other edges has a protocol of its own. What they answer with is handed in by index.ts.
 */
import type { Libp2p, PeerId } from '@libp2p/interface'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../protocols/clock.ts'
import { Directory } from '../protocols/directory/directory.ts'
import { fetch, type Fetch } from '../protocols/fetch/service.ts'
import type { FetchProvider, TransferPurges } from '../protocols/fetch/provider.ts'
import { filters as createFilters, type Filters, type FiltersComponents } from '../protocols/filters/service.ts'
import type { ContentKey } from '../protocols/ids.ts'
import type { Locate } from '../protocols/locate/locate.ts'
import { membership as createMembership, type Membership, type MembershipComponents } from '../protocols/membership/service.ts'
import { providers as createProviders, type Providers, type ProvidersComponents } from '../protocols/providers/service.ts'
import { raft as createRaft, type RaftService } from '../protocols/raft/service.ts'
import { rpc, type Answerer, type Call, type Rpc } from '../protocols/rpc.ts'
import type { StreamComponents } from '../protocols/streams.ts'
import type { EdgeConfig } from './config.ts'
import { httpUrl } from './http/server.ts'
import type { Log } from './log.ts'
import type { Metrics } from './metrics.ts'
import { createNode, networkName, type MeshInit } from './node.ts'
import type { State } from './state.ts'

/** Parts that call other edges, each under `/colony/<part>/1.0.0`. */
export const parts = ['directory', 'filters', 'survey', 'warm', 'publish', 'config', 'purge'] as const
export type Part = typeof parts[number]

export interface ColonyInit {
  readonly config: EdgeConfig
  readonly clock: Clock
  readonly log: Log
  readonly state: State
  readonly networkKey: Uint8Array | undefined
  readonly metrics: Metrics
  readonly dht?: boolean
  /** Wraps the node's transport: simulated links. */
  readonly transport?: MeshInit['transport']
  readonly locate: Locate
  readonly originHash: string
  /** Every key held here, and whether one is: for the directory's reports. */
  readonly held: () => Iterable<ContentKey>
  readonly holds: (key: ContentKey) => boolean
  readonly purges: TransferPurges
  /** Answers peers that ask for content. */
  readonly provider: FetchProvider
  /** Answers calls to the parts that the daemon makes itself. */
  readonly answers: Readonly<Record<Exclude<Part, 'directory' | 'filters'>, Answerer>>
}

export interface Colony {
  readonly node: Libp2p
  readonly membership: Membership
  readonly fetch: Fetch
  readonly directory: Directory
  readonly filters: Filters
  readonly providers: Providers
  /** What groups speak over. */
  readonly raft: RaftService
  readonly rpc: Readonly<Record<Part, Rpc>>
}

/** A ring without members owns nothing. */
const nobody = { owner: () => undefined }

/** Makes the node and all that hangs in it, without starting it. */
export async function createColony (init: ColonyInit): Promise<Colony> {
  const { config, clock, log, state, networkKey, metrics, locate, held, holds } = init
  const { settings, region } = config
  const network = networkName(networkKey)
  // Known to the node only as factories; each is made while the node is.
  const made = { rpc: {} } as { -readonly [K in keyof Colony]: Colony[K] } & { rpc: Record<Part, Rpc> }
  const isMember = (peer: string): boolean => made.membership.isMember(peer)
  const regionMembers = (): string[] => made.membership.members().filter((member) => member.region === region).map(({ peer }) => peer)
  const call = (part: Part): Call => async (...args) => await made.rpc[part].call(...args)
  const answers: Record<Part, Answerer> = {
    ...init.answers,
    directory: async (...args) => await made.directory.answer(...args),
    filters: async (...args) => await made.filters.answer(...args)
  }

  const node = await createNode({
    identity: state.identity,
    datastore: state.datastore,
    listen: config.listen,
    announce: config.announce,
    networkKey,
    settings: settings.mesh,
    addresses: (peer) => made.membership.addresses(peer),
    isMember,
    admits: (peer) => made.membership.admits(peer),
    members: () => made.membership.members().map(({ peer }) => peer).filter((peer) => peer !== made.membership.self().peer),
    dht: init.dht,
    logger: log.components,
    metrics: metrics.node,
    transport: init.transport
  }, {
    membership: (components: MembershipComponents) => {
      made.membership = createMembership({
        clock,
        settings: settings.membership,
        coordinates: settings.coordinates,
        network,
        name: config.name,
        region,
        zone: config.zone,
        // Known before it listens, unless any port will do: else its first announcement is followed by a second one.
        http: config.http.port === 0 ? '' : httpUrl(config.http),
        weight: config.weight,
        originHash: init.originHash,
        join: config.join.map((address) => multiaddr(address))
      })(components)
      return made.membership
    },
    fetch: (components: StreamComponents) => {
      made.fetch = fetch({ clock, settings: settings.fetch, peerIdFromName: peerIdFromString, mayAsk: isMember, provider: init.provider, purges: init.purges })(components)
      return made.fetch
    },
    filters: (components: FiltersComponents) => {
      made.filters = createFilters({
        clock, settings: settings.filters, network, region, members: regionMembers,
        isMember: (peer) => made.membership.member(peer)?.region === region,
        isLinked: (peer) => made.membership.isLinked(peer),
        call: call('filters')
      })(components)
      return made.filters
    },
    providers: (components: ProvidersComponents) => {
      made.providers = createProviders({ clock, settings: settings.providers, network, isMember })(components)
      return made.providers
    },
    raft: (components: StreamComponents & { readonly peerId: PeerId }) => {
      made.raft = createRaft({
        clock, isMember,
        self: components.peerId.toString(),
        settings: settings.raftService,
        raft: settings.raft,
        peerIdFromName: peerIdFromString,
        logger: { warn: (message) => { log.scope('raft').warn({}, message) } }
      })(components)
      return made.raft
    },
    ...Object.fromEntries(parts.map((part) => [`${part}Calls`, (components: StreamComponents) => {
      made.rpc[part] = rpc({
        protocol: `/colony/${part}/1.0.0`, clock, settings: settings.rpc, peerIdFromName: peerIdFromString, mayCall: isMember, answer: answers[part]
      })(components)
      return made.rpc[part]
    }]))
  })
  made.node = node
  made.directory = new Directory({
    clock,
    settings: settings.directory,
    self: node.peerId.toString(),
    call: call('directory'),
    ring: () => locate.ring() ?? nobody,
    regionMembers,
    isMember,
    incarnation: (peer) => made.membership.member(peer)?.incarnation,
    held,
    holds,
    rttMs: (peer) => made.membership.rttMs(peer),
    estimateMs: (peer) => made.membership.distanceMs(peer),
    load: (peer) => made.membership.member(peer)?.load
  })
  return made
}
