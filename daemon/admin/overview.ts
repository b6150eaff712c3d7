/**
 * The whole colony on one page, `GET /v1/overview`: this edge asks every member for its summary, a few at a time and all
 * under one deadline, and says which did not answer. `colony top` asks for it again and again and computes rates
 * itself; people who watch at the same time share one round of questions.
 */
import type { Clock } from '../../protocols/clock.ts'
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { Call } from '../../protocols/rpc.ts'
import { askAll } from '../../protocols/survey/ask-all.ts'
import { decodeSummary, encodeSummary, summaryRequest, type OriginSummary, type Summary } from '../../protocols/survey/summary.ts'
import type { HotKey } from '../cache/hot-keys.ts'
import type { Source } from '../cache/phase.ts'
import { jsonResponse, type AdminRoute } from './route.ts'
import type { EdgeStatus } from './status.ts'

export const overviewDefaults = Object.freeze({
  /** Edges asked at once. Higher is done sooner in a large colony, and opens more connections at a time. */
  inFlightMax: 64,
  /** Wait for one edge, ms. Lower shows edges that are only far or busy as silent. */
  askTimeoutMs: 2_000,
  /** For all of them, ms: whoever was not asked until then is not. Stays below what `colony` waits for a page. */
  deadlineMs: 5_000
})
export type OverviewSettings = { readonly [K in keyof typeof overviewDefaults]: number }

/** A member, and its summary or why there is none. */
export interface EdgeOverview {
  readonly peer: PeerName
  /** As membership has them: an edge that does not answer has a name all the same. */
  readonly name: string
  readonly region: Region
  readonly draining: boolean
  readonly summary?: Summary
  readonly error?: string
}

export interface Overview {
  /** The edge that asked the others. */
  readonly through: PeerName
  /** Wall clock when all had answered or were given up, ms. */
  readonly atMs: number
  /** By region and name. */
  readonly edges: readonly EdgeOverview[]
}

export interface OverviewSource {
  readonly call: Call
  readonly clock: Clock
  readonly settings: OverviewSettings
  readonly self: PeerName
  readonly ownSummary: () => Summary
  /** All live members, this edge included. */
  readonly members: () => ReadonlyArray<{ readonly peer: PeerName, readonly name: string, readonly region: Region, readonly draining: boolean }>
}

export function overviewRoutes (source: OverviewSource): AdminRoute[] {
  let running: Promise<Overview> | undefined
  return [{
    method: 'GET',
    path: '/v1/overview',
    run: async () => {
      running ??= overview(source).finally(() => { running = undefined })
      return jsonResponse(200, await running)
    }
  }]
}

/** Never rejects for what an edge does or does not answer. */
export async function overview ({ call, clock, settings, self, ownSummary, members }: OverviewSource): Promise<Overview> {
  const { inFlightMax, askTimeoutMs, deadlineMs } = settings
  const asked = members().toSorted((one, other) => compare(one.region, other.region) || compare(one.name, other.name) || compare(one.peer, other.peer))
  const others = asked.map(({ peer }) => peer).filter((peer) => peer !== self)
  const said = new Map((await askAll({ clock, inFlightMax, deadlineMs }, others, async (peer, signal) =>
    decodeSummary(await call(peer, summaryRequest, { signal, timeoutMs: askTimeoutMs })))).map((each) => [each.peer, each]))
  // One's own goes the same way as any other: cut, checked and cleaned.
  said.set(self, { peer: self, answer: decodeSummary({ head: encodeSummary(ownSummary()) as Record<string, unknown> }) })
  const edges = asked.map(({ peer, name, region, draining }): EdgeOverview => {
    const each = said.get(peer)!
    return { peer, name, region, draining, ...('error' in each ? { error: each.error } : { summary: each.answer }) }
  })
  return { through: self, atMs: clock.wallMs(), edges }
}

/** What an edge tells of itself, from what it knows of itself. */
export function summaryOf (status: EdgeStatus, servedBytes: Readonly<Record<Source, number>>, hotKeys: readonly HotKey[]): Summary {
  const { name, region, zone, version, uptimeMs, traffic, peerBytes, flights, sites } = status
  const { objects, memoryBytes, memoryBytesMax, diskBytes, diskBytesMax } = status.store
  const origins = new Map<string, OriginSummary>()
  // Sites of one origin share it.
  for (const { url, breaker, sent, inFlight, queued, ttfbMs } of sites.flatMap((site) => site.origins)) origins.set(url, { url, breaker, sent, inFlight, queued, ttfbMs })
  return {
    name, region, zone, version, uptimeMs, servedBytes, peerBytes, flights,
    requests: traffic.requests,
    originBytes: traffic.originBytes,
    store: { objects, memoryBytes, memoryBytesMax, diskBytes, diskBytesMax },
    origins: [...origins.values()],
    hotKeys: hotKeys.map(({ site, target, perSecond }) => ({ site, target, perSecond: Math.round(perSecond * 100) / 100 }))
  }
}

function compare (one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0
}
