/**
 * The program: every part of an edge, made and joined here. A request goes socket -> http/server ->
 * http/handler -> cache/cache -> routing/fetcher -> protocols/fetch or origin, and its bytes come back through
 * cache/fill. A peer's ask comes in at protocols/fetch and goes through routing/provider to the same cache.
 */
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Clock } from '../protocols/clock.ts'
import { fetch, type Fetch } from '../protocols/fetch/service.ts'
import { LoadGate } from '../protocols/locate/bounded-load.ts'
import { Locate } from '../protocols/locate/locate.ts'
import { membership as createMembership, type Membership, type MembershipComponents } from '../protocols/membership/service.ts'
import type { StreamComponents } from '../protocols/streams.ts'
import { createAdminHandler, statusRoutes } from './admin/routes.ts'
import { StatusSource } from './admin/source.ts'
import { Cache } from './cache/cache.ts'
import { Sites } from './cache/sites.ts'
import { systemClock } from './clock.ts'
import type { EdgeConfig } from './config.ts'
import { isLoopbackMultiaddr } from './config-value.ts'
import { createHandler } from './http/handler.ts'
import { HttpServer, type ListenAddress } from './http/server.ts'
import { Lifecycle } from './lifecycle.ts'
import { createLog, type Log } from './log.ts'
import { Mesh } from './mesh.ts'
import { createMetrics } from './metrics.ts'
import { createNode, networkName, readNetworkKey, startNode } from './node.ts'
import { Origins } from './origin/origins.ts'
import { RoutingFetcher } from './routing/fetcher.ts'
import { Provider } from './routing/provider.ts'
import { openState } from './state.ts'
import { createStore } from './store/index.ts'
import { Telemetry } from './telemetry.ts'

/** What a script needs to reach an edge; see the `ready` line of the outside contract. */
export interface Ready {
  readonly http: string
  readonly admin: string
  readonly peer: string
  /** First listening address, with /p2p/ID: fit for `--join`. */
  readonly listen: string
}

export interface Edge {
  /** Resolves when every socket listens; joining goes on. */
  start: () => Promise<void>
  /** Drains and stops. May be called twice. */
  stop: () => Promise<void>
  /** Valid once started. */
  readonly ready: Ready
  readonly status: StatusSource
}

export interface EdgeDeps {
  readonly log?: Log
  readonly clock?: Clock
}

/** @throws ColonyError for what an operator can mend: data folder, network key, addresses in use */
export async function createEdge (config: EdgeConfig, deps: EdgeDeps = {}): Promise<Edge> {
  const { settings } = config
  const clock = deps.clock ?? systemClock
  const log = deps.log ?? createLog({ level: config.logLevel, name: config.name })
  const networkKey = config.networkKeyFile === undefined ? undefined : await readNetworkKey(config.networkKeyFile)
  const metrics = createMetrics()
  const telemetry = new Telemetry(metrics, log)
  const state = await openState(config.dataDir)

  const origins = new Origins(settings.origin, clock, (event) => { telemetry.onOrigin(event) })
  const sites = new Sites(config.sites, (url) => origins.for(url))
  const store = createStore({ folder: config.dataDir, settings: settings.store, clock, logger: log.scope('store') })

  // The mesh: who is there, who owns what, and the asking itself.
  const locate = new Locate({ region: config.region, settings: settings.locate })
  const gate = new LoadGate(settings.locate)
  // Known to the node only as factories; each is made while the node is.
  let membership!: Membership
  let fetching!: Fetch
  const node = await createNode({
    identity: state.identity,
    datastore: state.datastore,
    listen: config.listen,
    announce: config.announce,
    networkKey,
    settings: settings.mesh,
    logger: log.components,
    registry: metrics.registry
  }, {
    membership: (components: MembershipComponents) => {
      membership = createMembership({
        clock,
        settings: settings.membership,
        network: networkName(networkKey),
        name: config.name,
        region: config.region,
        zone: config.zone,
        weight: config.weight,
        originHash: sites.originHash,
        join: config.join.map((address) => multiaddr(address))
      })(components)
      return membership
    },
    fetch: (components: StreamComponents) => {
      fetching = fetch({
        clock,
        settings: settings.fetch,
        peerIdFromName: peerIdFromString,
        mayAsk: (peer) => membership.isMember(peer),
        provider: { answer: async (ask, from, signal) => await provider.answer(ask, from, signal) }
      })(components)
      return fetching
    }
  })
  const mesh = new Mesh({ membership, fetch: fetching, locate, gate, clock, logger: log.scope('mesh'), loadAnnounceMs: settings.routing.loadAnnounceMs, weightMax: settings.locate.weightMax })

  // The way of a request.
  const fetcher = new RoutingFetcher({ name: config.name, peers: mesh, settings: settings.routing, clock, onStep: telemetry.onStep })
  const cache = new Cache({ store, fetcher, settings: settings.cache, clock })
  const provider = new Provider({
    cache, store, sites, gate, clock,
    region: config.region,
    regionOf: (peer) => mesh.regionOf(peer),
    onAnswer: telemetry.onAnswer
  })
  const handler = createHandler({
    name: config.name, cache, store, sites, clock,
    settings: settings.cache,
    onReport: (report) => { telemetry.onReport(report) },
    onBodyBytes: (bytes) => { telemetry.onBodyBytes(bytes) }
  })
  const http = new HttpServer({ ...config.http, settings: settings.http, clock, handler, logger: log.scope('http') })

  const status = new StatusSource({ config, clock, node, membership, fetch: fetching, locate, cache, store, sites, origins, telemetry, metrics, ready: () => ready })
  const admin = new HttpServer({ ...config.admin, settings: settings.http, clock, handler: createAdminHandler([...statusRoutes(status)]), logger: log.scope('admin') })

  const listening = { http: '', admin: '' }
  const lifecycle = new Lifecycle([
    { name: 'state', stop: async () => { await state.close() } },
    { name: 'metrics', stop: () => { metrics.close() } },
    { name: 'origins', stop: async () => { await origins.close() } },
    { name: 'store', start: async () => { await store.start() }, stop: async () => { await store.stop() } },
    { name: 'admin', start: async () => { listening.admin = urlOf(await admin.start()) }, stop: async () => { await admin.stop({ graceMs: 0 }) } },
    { name: 'node', start: async () => { await startNode(node, config.listen) }, stop: async () => { await node.stop() } },
    { name: 'mesh', start: () => { mesh.start() }, stop: () => { mesh.stop() } },
    {
      name: 'http',
      start: async () => {
        listening.http = urlOf(await http.start())
        membership.announce({ http: listening.http })
      },
      stop: async () => {
        // Others stop asking this edge for what it owns before its sockets close.
        membership.announce({ draining: true })
        await http.stop({ graceMs: settings.lifecycle.drainGraceMs })
      }
    }
  ], log.scope('lifecycle'))

  let ready: Ready = { http: '', admin: '', peer: node.peerId.toString(), listen: '' }
  return {
    status,
    get ready () { return ready },
    start: async () => {
      await lifecycle.start()
      ready = { ...listening, peer: node.peerId.toString(), listen: joinAddress(node.getMultiaddrs().map((address) => address.toString())) }
      log.scope('edge').info({ ...ready, region: config.region, sites: config.sites.map(({ name, origin }) => `${name} from ${origin}`) }, 'ready')
    },
    stop: async () => { await lifecycle.stop() }
  }
}

function urlOf ({ host, port }: ListenAddress): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`
}

/** The address to give to others: one that leaves this machine where there is one. */
function joinAddress (addresses: readonly string[]): string {
  return addresses.find((address) => !isLoopbackMultiaddr(address)) ?? addresses[0] ?? ''
}
