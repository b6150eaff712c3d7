/** Gathers what /v1/status, /v1/peers, /readyz and /metrics tell, out of the edge's parts. */
import { peerIdFromString } from '@libp2p/peer-id'
import type { Clock } from '../../protocols/clock.ts'
import type { Locate } from '../../protocols/locate/locate.ts'
import { copyStatus } from '../agreed/part.ts'
import type { AgreedConfig } from '../agreed/service.ts'
import type { Agreement, AgreementStatus } from '../agreement/agreement.ts'
import type { Publish } from '../publish/publish.ts'
import type { Cache } from '../cache/cache.ts'
import type { Colony } from '../colony.ts'
import type { Sites } from '../cache/sites.ts'
import type { EdgeConfig } from '../config.ts'
import type { Metrics } from '../metrics.ts'
import { addPartitionMetrics, roundedSight, type PartitionWatch } from '../partition.ts'
import type { Origin } from '../origin/origin.ts'
import type { Origins } from '../origin/origins.ts'
import type { Store } from '../store/store.ts'
import type { Telemetry } from '../telemetry.ts'
import { version } from '../version.ts'
import { addAgreementMetrics } from './agreement-metrics.ts'
import type { AdminSource } from './routes.ts'
import type { EdgeStatus, OriginStatus, PartTraffic, PeerStatus, SiteStatus } from './status.ts'

export interface StatusSourceInit extends Colony {
  readonly agreements: Readonly<Record<'regional' | 'global', Pick<Agreement, 'status' | 'refusals' | 'counters'>>>
  readonly agreed: Pick<AgreedConfig, 'group' | 'machine' | 'follower' | 'ageMs'>
  readonly publish: Pick<Publish, 'stats' | 'counters'>
  readonly config: EdgeConfig
  readonly clock: Clock
  readonly partition: Pick<PartitionWatch, 'sight'>
  readonly locate: Locate
  readonly cache: Cache
  readonly store: Store
  readonly sites: Sites
  readonly origins: Origins
  readonly telemetry: Telemetry
  readonly metrics: Metrics
  /** Addresses once every socket listens, empty before. */
  readonly ready: () => { readonly http: string, readonly admin: string }
}

export class StatusSource implements AdminSource {
  readonly #init: StatusSourceInit
  readonly #startedMs: number

  constructor (init: StatusSourceInit) {
    this.#init = init
    this.#startedMs = init.clock.nowMs()
    this.#addGauges()
  }

  status (): EdgeStatus {
    const { config, clock, node, membership, fetch, locate, cache, store, telemetry, metrics, filters } = this.#init
    const own = membership.self()
    const members = membership.members()
    const waiting = this.#waiting()
    const { bytesIn, bytesOut } = fetch.counters()
    return {
      name: config.name,
      peer: own.peer,
      region: config.region,
      zone: config.zone,
      version,
      uptimeMs: Math.round(clock.nowMs() - this.#startedMs),
      ...this.#init.ready(),
      listen: node.getMultiaddrs().map((address) => address.toString()),
      ready: waiting.length === 0,
      waiting,
      members: members.length,
      regions: Object.fromEntries([...Map.groupBy(members, ({ region }) => region)].map(([region, each]) => [region, each.length]).sort()) as Record<string, number>,
      sight: roundedSight(this.#init.partition.sight()),
      connections: node.getConnections().length,
      ring: locate.ringHash(),
      traffic: telemetry.tally(),
      peerBytes: { received: bytesIn, sent: bytesOut },
      coordination: metrics.node.traffic.coordination(),
      topics: { members: trafficOf(membership.counters()), filters: trafficOf(filters.counters()) },
      raft: this.#groups(),
      flights: cache.flights,
      store: store.stats(),
      sites: this.#sites(),
      flags: this.#init.agreed.follower.effective?.settings.flags ?? {}
    }
  }

  peers (): readonly PeerStatus[] {
    const { membership, node } = this.#init
    const own = membership.self()
    return membership.members()
      .filter(({ peer }) => peer !== own.peer)
      .map(({ peer, name, region, zone, http, weight, load, draining, originHash }): PeerStatus => ({
        peer, name, region, zone, http, weight, load, draining,
        ...distanceOf(membership, peer),
        connected: node.getConnections(peerIdFromString(peer)).length > 0,
        otherOrigins: originHash !== own.originHash
      }))
      .sort((one, other) => one.region.localeCompare(other.region) || one.name.localeCompare(other.name))
  }

  async metrics (): Promise<{ type: string, text: string }> {
    return { type: this.#init.metrics.contentType, text: await this.#init.metrics.text() }
  }

  /** The edge's part in each group; of the global one what it copies, where it has none. */
  #groups (): AgreementStatus[] {
    const { agreements: { regional, global }, agreed, membership } = this.#init
    const copied = agreed.group('global')
    const own = global.status()
    const copies = copied?.status().standing === 'copy' && copied.group !== undefined
    return [regional.status(), copies ? { ...copyStatus(copied, (peer) => membership.member(peer)?.name), ...(own.failure !== undefined && { failure: own.failure }) } : own]
  }

  #waiting (): string[] {
    const { config, membership, ready } = this.#init
    const waiting: string[] = []
    if (ready().http === '') waiting.push('sockets do not listen yet')
    if (config.join.length > 0 && membership.members().length < 2) waiting.push(`no member of the colony has been reached yet through ${config.join.join(', ')}`)
    return waiting
  }

  #sites (): SiteStatus[] {
    return this.#init.sites.all().map(({ name, origin }) => ({ name, origins: (origin?.all ?? []).map(originStatus) }))
  }

  /** Numbers that other parts keep, read when the metrics are. */
  #addGauges (): void {
    const { metrics, membership, fetch, store, cache, node, directory, filters, providers, rpc, publish, raft, agreements, agreed } = this.#init
    metrics.gauge('membership', 'members', '', 'Live members of the colony, this edge included.', [], (gauge) => { gauge.set(membership.members().length) })
    addPartitionMetrics(metrics, () => this.#init.partition.sight())
    metrics.gauge('mesh', 'connections', '', 'Open libp2p connections.', [], (gauge) => { gauge.set(node.getConnections().length) })
    metrics.counter('mesh', '', 'bytes', 'Bytes between edges, by part; transport is what is below the parts\' streams.', ['part', 'direction'], (counter) => {
      for (const [part, { bytesIn, bytesOut }] of Object.entries(metrics.node.traffic.flows())) {
        counter.inc({ part, direction: 'in' }, bytesIn)
        counter.inc({ part, direction: 'out' }, bytesOut)
      }
    })
    metrics.counter('mesh', 'messages', '', 'Messages between edges, by part.', ['part', 'direction'], (counter) => {
      for (const [part, { messagesIn, messagesOut }] of Object.entries(metrics.node.traffic.flows())) {
        counter.inc({ part, direction: 'in' }, messagesIn)
        counter.inc({ part, direction: 'out' }, messagesOut)
      }
    })
    metrics.gauge('cache', 'flights', '', 'Fetches under way.', [], (gauge) => { gauge.set(cache.flights) })
    metrics.gauge('store', 'objects', '', 'Stored responses.', [], (gauge) => { gauge.set(store.stats().objects) })
    metrics.gauge('store', 'used', 'bytes', 'Bytes stored, by tier.', ['tier'], (gauge) => {
      const { memoryBytes, diskBytes } = store.stats()
      gauge.set({ tier: 'memory' }, memoryBytes)
      gauge.set({ tier: 'disk' }, diskBytes)
    })
    metrics.gauge('store', 'evictions', '', 'Responses evicted since the start.', [], (gauge) => { gauge.set(store.stats().evictions) })
    metrics.gauge('fetch', 'events', '', 'The fetch protocol since the start, by event: asked, answered, refused, broken, bytesIn, bytesOut.', ['event'], (gauge) => {
      for (const [event, count] of Object.entries(fetch.counters())) gauge.set({ event }, count)
    })
    for (const [part, what, counters] of [
      ['directory', 'The directory of holders', () => directory.counters()],
      ['filters', 'The filters of what is held', () => filters.counters()],
      ['publish', 'Published content held here, and its repair', () => ({ ...publish.stats(), ...publish.counters() })],
      ['providers', 'Provider records in the DHT', () => providers.counters()]
    ] as const) {
      metrics.gauge(part, 'events', '', `${what}: events since the start, and quantities now.`, ['event'], (gauge) => {
        for (const [event, count] of Object.entries(counters())) gauge.set({ event }, count)
      })
    }
    addAgreementMetrics(metrics, { agreements, agreed, groups: () => this.#groups() })
    metrics.gauge('raft', 'events', '', 'Frames and bytes of agreement since the start, by event.', ['event'], (gauge) => {
      for (const [event, count] of Object.entries(raft.counters())) gauge.set({ event }, count)
    })
    metrics.gauge('rpc', 'events', '', 'Calls between edges since the start, by part and event.', ['part', 'event'], (gauge) => {
      for (const [part, each] of Object.entries(rpc)) for (const [event, count] of Object.entries(each.counters())) gauge.set({ part, event }, count)
    })
    metrics.gauge('membership', 'events', '', 'Membership since the start, by event.', ['event'], (gauge) => {
      for (const [event, count] of Object.entries(membership.counters())) gauge.set({ event }, count)
    })
  }
}

function originStatus (origin: Origin): OriginStatus {
  const ttfbMs = origin.ttfbMs()
  return { url: origin.url, ttfbMs: ttfbMs === undefined ? undefined : Math.round(ttfbMs * 10) / 10, ...origin.state() }
}

/** Measured or estimated, told apart. */
function distanceOf (membership: Colony['membership'], peer: string): Pick<PeerStatus, 'rttMs' | 'estimatedRttMs'> {
  const rttMs = membership.rttMs(peer)
  if (rttMs !== undefined) return { rttMs }
  const estimatedRttMs = membership.distanceMs(peer)
  return estimatedRttMs === undefined ? {} : { estimatedRttMs: Math.round(estimatedRttMs * 10) / 10 }
}

function trafficOf ({ bytesIn, bytesOut, messagesIn, messagesOut }: PartTraffic): PartTraffic {
  return { bytesIn, bytesOut, messagesIn, messagesOut }
}
