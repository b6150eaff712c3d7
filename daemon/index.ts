/**
 * The program: every part of an edge, made and joined here. A request goes socket -> http/server ->
 * http/handler -> cache/cache -> routing/fetcher -> protocols/fetch or origin, and its bytes come back through
 * cache/fill. A peer's ask comes in at protocols/fetch (hung into the node by colony.ts) and goes through
 * routing/provider to the same cache.
 */
import type { Clock } from '../protocols/clock.ts'
import type { ContentKey } from '../protocols/ids.ts'
import type { StateMachine } from '../protocols/raft/group.ts'
import { LoadGate } from '../protocols/locate/bounded-load.ts'
import { Locate } from '../protocols/locate/locate.ts'
import { encodeSummary, type Summary } from '../protocols/survey/summary.ts'
import { surveyAnswerer } from '../protocols/survey/survey.ts'
import { warmAnswerer } from '../protocols/warm/messages.ts'
import { honour } from './agreed/honour.ts'
import { groupOf, takesPart } from './agreed/part.ts'
import { AgreedConfig, type AgreedConfigInit } from './agreed/service.ts'
import { configRoutes } from './admin/config.ts'
import type { Agreement } from './agreement/agreement.ts'
import { createGroups } from './agreement/groups.ts'
import { eldest } from './agreement/reach.ts'
import { contentRoutes } from './admin/content.ts'
import { explainRoutes } from './admin/explain.ts'
import { overviewRoutes, summaryOf } from './admin/overview.ts'
import { purgeRoutes } from './admin/purge.ts'
import { createAdminHandler, statusRoutes } from './admin/routes.ts'
import { StatusSource } from './admin/source.ts'
import { warmRoutes } from './admin/warm.ts'
import { Cache } from './cache/cache.ts'
import { HotKeys } from './cache/hot-keys.ts'
import { originsOf, Sites } from './cache/sites.ts'
import { systemClock } from './clock.ts'
import { createColony } from './colony.ts'
import type { EdgeConfig } from './config.ts'
import { isLoopbackMultiaddr } from './config-value.ts'
import type { Databases } from './database.ts'
import { Decisions, storeDecisions } from './explain/decisions.ts'
import { Explainer } from './explain/explain.ts'
import { holdingsHere } from './explain/holdings.ts'
import { Holdings } from './holdings.ts'
import { createHandler } from './http/handler.ts'
import { HttpServer, httpUrl } from './http/server.ts'
import { Lifecycle } from './lifecycle.ts'
import { createLog, type Log } from './log.ts'
import { Mesh } from './mesh.ts'
import { createMetrics } from './metrics.ts'
import { type MeshInit, readNetworkKey, startNode } from './node.ts'
import { Origins } from './origin/origins.ts'
import { PartitionWatch } from './partition.ts'
import { Publish } from './publish/publish.ts'
import { pullOver } from './publish/pull.ts'
import { carryPurges, type Purges } from './purge/carry.ts'
import { createPurging } from './purge/part.ts'
import { RoutingFetcher } from './routing/fetcher.ts'
import { Provider } from './routing/provider.ts'
import { openState } from './state.ts'
import { createStore } from './store/index.ts'
import { Telemetry } from './telemetry.ts'
import { WarmJobs } from './warm/jobs.ts'
import { Warmer } from './warm/warmer.ts'

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
  readonly agreed: AgreedConfig
  /** Its part in the region's group. */
  readonly agreement: Agreement
  readonly purges: Purges
}

export interface EdgeDeps {
  /** False leaves the DHT out, for tests that show what it does. */
  readonly dht?: boolean
  /** Wraps the node's transport: simulated links. */
  readonly transport?: MeshInit['transport']
  readonly log?: Log
  readonly clock?: Clock
  /** Where small records are kept. Default: a database for each part in the data folder. */
  readonly databases?: Databases
  /** Groups that agree on configuration. Default: none, so that the local scope is all there is. */
  readonly groups?: AgreedConfigInit['groups']
  /** What the region's group agrees on, for tests. Default: the regional configuration. */
  readonly machine?: StateMachine
}

/** @throws ColonyError for what an operator can mend: data folder, network key, addresses in use */
export async function createEdge (config: EdgeConfig, deps: EdgeDeps = {}): Promise<Edge> {
  const { settings, region } = config
  const clock = deps.clock ?? systemClock
  const log = deps.log ?? createLog({ level: config.logLevel, name: config.name })
  const networkKey = config.networkKeyFile === undefined ? undefined : await readNetworkKey(config.networkKeyFile)
  const metrics = createMetrics()
  const telemetry = new Telemetry(metrics, log)
  const state = await openState(config.dataDir, deps.databases)

  const origins = new Origins(settings.origin, clock, (event) => {
    telemetry.onOrigin(event)
    if (event.kind === 'failed' && event.error.code !== 'COLONY_ORIGIN_ABORTED') agreed.health.originFailed()
  })
  const sites = new Sites(config.sites, (url) => origins.for(url))

  // What is stored, and who hears of it.
  const decisions = new Decisions(settings.explain, clock)
  const decided = storeDecisions(decisions)
  const purging = createPurging({
    sites, clock, metrics, settings,
    logger: log.scope('purge'),
    database: () => state.database('purge-marks'),
    oldestEpoch: () => cache.oldestEpoch
  })
  const cached = purging.over(createStore({
    folder: config.dataDir,
    settings: settings.store,
    clock,
    logger: log.scope('store'),
    events: purging.hearing({
      ...telemetry.storeEvents,
      ...decided,
      committed: (head) => {
        decided.committed(head)
        holdings.committed(head.key)
      },
      dropped: (head, cause) => {
        decided.dropped(head, cause)
        holdings.dropped(head.key)
      },
      // A walk that ended while the index was still being read has missed the rest.
      loaded: () => { holdings.walk() }
    })
  }))
  const holds = (key: ContentKey): boolean => store.variants(key).length > 0
  // Each key once, however many variants it has.
  const held = (): Iterable<ContentKey> => Iterator.from(store.heads())
    .filter(({ key, variant }) => store.variants(key)[0]?.variant === variant)
    .map(({ key }) => key)

  // The mesh: who is there, who owns what, who holds what, and the asking itself.
  const locate = new Locate({ region, settings: settings.locate })
  const gate = new LoadGate(settings.locate)
  const colony = await createColony({
    config, clock, log, state, networkKey, metrics, locate, held, holds,
    dht: deps.dht,
    transport: deps.transport,
    originHash: sites.originHash,
    provider: { answer: async (...ask) => await provider.answer(...ask) },
    purges: { stated: () => purges.stated(), accepts: (stated) => purges.accepts(stated) },
    answers: {
      survey: async (...call) => call[0].head.kind === 'summary' ? { head: encodeSummary(summary()) } : await answerSurvey(...call),
      warm: async (...call) => await answerWarm(...call),
      publish: async (...call) => await publish.answer(...call),
      config: async (...call) => await agreed.answer(...call),
      purge: async (...call) => await purges.answer(...call)
    }
  })
  const { node, membership, directory, filters, providers, raft } = colony
  const self = node.peerId.toString()
  const holdings = new Holdings({
    clock, directory, filters, providers, holds,
    settings: settings.holdings,
    keys: held,
    owns: (key) => locate.ring()?.owner(key) === self,
    isHome: (key) => locate.homeRegions(key)[0] === region,
    isPublished: (key) => store.variants(key).some((head) => store.isPublished(head))
  })
  const publish = new Publish({
    clock, self, sites,
    folder: config.dataDir,
    databases: deps.databases,
    settings: settings.publish,
    logger: log.scope('publish'),
    call: colony.rpc.publish.call,
    pull: pullOver(colony.fetch),
    members: () => mesh.owning(),
    inner: cached,
    onChange: (key) => {
      decisions.note(key, holds(key) ? 'admitted' : 'removed', { why: 'by publishing' })
      if (holds(key)) holdings.committed(key)
      else holdings.dropped(key)
    }
  })
  // What is published lies over what is cached.
  const { store } = publish
  const mesh = new Mesh({
    ...colony, locate, gate, clock,
    logger: log.scope('mesh'),
    loadAnnounceMs: settings.routing.loadAnnounceMs,
    weightMax: settings.locate.weightMax,
    replicas: (key) => publish.replicas(key),
    weightOf: ({ peer, name }) => weights.get(peer) ?? weights.get(name),
    onRingChange: () => { holdings.walk() },
    onChange: () => { publish.changed() }
  })

  // What the colony agrees on, and what of it takes effect here. Requests read what was put in place last.
  let weights: ReadonlyMap<string, number> = new Map()
  const agreed = new AgreedConfig({
    self, region, clock,
    logger: log.scope('config'),
    settings: { ...settings.config, ...settings.agreed },
    records: state.records('config'),
    groups: deps.groups ?? { regional: () => deps.machine === undefined ? regional : undefined, global: () => takesPart(groups.global, self, settings.globalRaft.learnerTicks) ? global : undefined },
    globalMembers: () => eldest(membership.members(), 3).map(({ peer }) => peer).sort((one, other) => (membership.distanceMs(one) ?? 1e6) - (membership.distanceMs(other) ?? 1e6)),
    call: colony.rpc.config.call,
    members: () => membership.members(),
    isReachable: (peer) => membership.isMember(peer),
    isLinked: (peer) => membership.isLinked(peer),
    logs: { regional: () => regional, global: () => global },
    recover: {
      regional: async (...which) => { await groups.regional.recover(...which) },
      global: async (...which) => { await groups.global.recover(...which) }
    },
    dissolved: { regional: () => groups.regional.dissolved, global: () => groups.global.dissolved },
    objectsBySite: () => countBy(store.heads(), ({ site }) => site),
    run: (next) => {
      sites.agree(next.sites)
      weights = new Map(Object.entries(next.ring.weights))
      mesh.reweigh()
      membership.allow(next.peers.allowed)
    }
  })

  // What the region, and all of them, agree on. No request waits for it.
  const groups = createGroups({
    clock, raft, membership, region, log,
    dataDir: config.dataDir,
    databases: deps.databases,
    founding: state.founding,
    joins: config.join.length > 0,
    settings: settings.agreement,
    raftSettings: { regional: settings.raft, global: settings.globalRaft },
    machines: { regional: deps.machine ?? agreed.machine('regional'), global: agreed.machine('global') },
    knowsGlobal: () => agreed.group('global')?.group !== undefined
  })
  const regional = groupOf(groups.regional)
  const global = groupOf(groups.global)
  for (const each of [groups.regional, groups.global]) each.onChange(() => { agreed.changed() })

  const purges = await carryPurges({ ...colony, config, clock, state, metrics, networkKey, logger: log.scope('purge'), applier: purging.local })

  // The way of a request.
  const fetcher = new RoutingFetcher({ name: config.name, peers: mesh, settings: settings.routing, clock, onStep: telemetry.onStep })
  const cache = new Cache({
    store, fetcher, clock,
    settings: settings.cache, purges: purging.local,
    isAuthoritative: (head) => store.isPublished(head),
    onDecision: (...decision) => { decisions.note(...decision) }
  })
  const provider = new Provider({
    cache, store, sites, gate, clock, region,
    regionOf: (peer) => mesh.regionOf(peer),
    holders: (key) => mesh.owners(key, 1, region)[0] === self ? mesh.holders(key) : [],
    byHash: ({ site, target, key, version }) => version?.hash === undefined ? undefined : store.byHash(site, target, key, version.hash),
    onAnswer: telemetry.onAnswer
  })
  const { purge, byMethod } = purging.orders(purges)
  const hotKeys = new HotKeys({ settings: settings.hotKeys, clock })
  const handler = createHandler({
    name: config.name, cache, store, sites, clock,
    published: publish, purge: byMethod,
    hasOtherOrigins: () => mesh.hasOtherOrigins(),
    honour: async (token, signal) => await honour(agreed, token, signal),
    settings: settings.cache,
    onReport: (report) => {
      telemetry.onReport(report)
      agreed.health.count(report)
      if (report.located !== undefined) hotKeys.count(report.located.key, report.located.site.name, report.located.target)
    },
    onBodyBytes: (bytes, source) => { telemetry.onBodyBytes(bytes, source) }
  })
  const http = new HttpServer({ ...config.http, settings: settings.http, clock, handler, logger: log.scope('http') })

  // What an operator is told, and can have done.
  const partition = new PartitionWatch({ membership, clock, settings: settings.partition, logger: log.scope('partition') })
  const status = new StatusSource({ ...colony, partition, agreements: { regional: groups.regional, global: groups.global }, agreed, publish, config, clock, locate, cache, store, sites, origins, telemetry, metrics, ready: () => ready })
  const summary = (): Summary => summaryOf(status.status(), telemetry.servedBytesBySource(), hotKeys.top(settings.hotKeys.topMax))
  const holdingsOf = holdingsHere({
    clock, store, sites,
    flying: (key) => cache.flying(key),
    isOwner: (key) => locate.ring()?.owner(key) === self,
    ring: () => locate.ringHash(),
    directory: (key) => mesh.holders(key),
    published: (head) => store.isPublished(head)
  })
  const answerSurvey = surveyAnswerer(holdingsOf)
  const explainer = new Explainer({
    clock, sites, membership, locate, store, decisions,
    settings: settings.explain,
    surveySettings: settings.survey,
    routing: settings.routing,
    directory: settings.directory,
    rangeWaitBytesMax: settings.cache.rangeWaitBytesMax,
    get hosts () { return sites.hosts() },
    peers: mesh,
    notShareable: (key) => cache.notShareable(key),
    holdings: holdingsOf,
    call: colony.rpc.survey.call,
    filterHas: (peer, key) => filters.has(peer, key),
    findProviders: async (key, signal) => await Array.fromAsync(mesh.providers(key, signal))
  })
  const warmer = new Warmer({ cache, sites, clock, settings: settings.warm })
  const answerWarm = warmAnswerer(warmer)
  const warmJobs = new WarmJobs({
    locate, sites, clock,
    call: colony.rpc.warm.call,
    self: warmer,
    settings: settings.warm,
    member: (peer) => membership.member(peer),
    selfName: self
  })
  const admin = new HttpServer({
    ...config.admin,
    settings: settings.http,
    clock,
    handler: createAdminHandler([
      ...statusRoutes(status),
      ...explainRoutes(explainer),
      ...overviewRoutes({ clock, self, call: colony.rpc.survey.call, settings: settings.overview, ownSummary: summary, members: () => membership.members() }),
      ...contentRoutes({ publish, sites, settings: settings.publish, member: (peer) => membership.member(peer) }),
      ...configRoutes({ agreed, bodyBytesMax: settings.agreed.bodyBytesMax, watchMaxMs: settings.agreed.watchMaxMs }),
      ...purgeRoutes({ purge, status: async (...which) => await purges.status(...which), settings: settings.purge }),
      ...warmRoutes({ jobs: warmJobs, regions: () => locate.regions(), settings: settings.warm })
    ]),
    logger: log.scope('admin')
  })

  const listening = { http: '', admin: '' }
  const lifecycle = new Lifecycle([
    { name: 'state', stop: async () => { await state.close() } },
    { name: 'metrics', stop: () => { metrics.close() } },
    { name: 'origins', stop: async () => { await origins.close() } },
    { name: 'purging', start: purging.start, stop: purging.stop },
    { name: 'store', start: async () => { await store.start() }, stop: async () => { await store.stop() } },
    { name: 'config', start: async () => { await agreed.start() }, stop: async () => { await agreed.stop() } },
    // What a purge means here is read off the sites.
    { name: 'purge-log', start: () => { purges.restore() } },
    { name: 'admin', start: async () => { listening.admin = httpUrl(await admin.start()) }, stop: async () => { await admin.stop({ graceMs: 0 }) } },
    { name: 'node', start: async () => { await startNode(node, config.listen) }, stop: async () => { await node.stop() } },
    { name: 'agreement', start: groups.start, stop: groups.stop },
    { name: 'purges', start: async () => { await purges.start() }, stop: async () => { await purges.stop() } },
    { name: 'directory', start: () => { directory.start() }, stop: () => { directory.stop() } },
    { name: 'holdings', stop: () => { holdings.stop() } },
    { name: 'publish', start: () => { publish.start() }, stop: () => { publish.stop() } },
    { name: 'mesh', start: () => { mesh.start() }, stop: () => { mesh.stop() } },
    { name: 'partition', start: () => { partition.start() }, stop: () => { partition.stop() } },
    { name: 'warm', stop: () => { warmJobs.stop(); warmer.stop() } },
    {
      name: 'http',
      start: async () => {
        listening.http = httpUrl(await http.start())
        membership.announce({ http: listening.http })
      },
      stop: async () => {
        // Others stop asking this edge for what it owns before its sockets close.
        membership.announce({ draining: true })
        await http.stop({ graceMs: settings.lifecycle.drainGraceMs })
      }
    }
  ], log.scope('lifecycle'))

  let ready: Ready = { http: '', admin: '', peer: self, listen: '' }
  return {
    status, agreed, purges,
    agreement: groups.regional,
    get ready () { return ready },
    start: async () => {
      await lifecycle.start()
      ready = { ...listening, peer: self, listen: joinAddress(node.getMultiaddrs().map((address) => address.toString())) }
      log.scope('edge').info({ ...ready, region, sites: config.sites.map((site) => originsOf(site).length === 0 ? site.name : `${site.name} from ${originsOf(site).join(', ')}`) }, 'ready')
    },
    stop: async () => { await lifecycle.stop() }
  }
}

function countBy<T> (all: Iterable<T>, nameOf: (each: T) => string): Record<string, number> {
  const counts = new Map<string, number>()
  for (const each of all) counts.set(nameOf(each), (counts.get(nameOf(each)) ?? 0) + 1)
  return Object.fromEntries(counts)
}

/** The address to give to others: one that leaves this machine where there is one. */
function joinAddress (addresses: readonly string[]): string {
  return addresses.find((address) => !isLoopbackMultiaddr(address)) ?? addresses[0] ?? ''
}
