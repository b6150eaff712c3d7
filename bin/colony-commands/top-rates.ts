/**
 * From two looks at a colony to what it does in a second: the numbers behind `colony top`. An edge's own clock measures
 * the time between its two summaries, so that edges that answer late are not shown as slow. Where there is no earlier
 * one, or the edge was started anew in between and its counters began at zero, rates are over its whole life.
 */
import type { EdgeOverview, Overview } from '../../daemon/admin/overview.ts'
import type { OriginSummary, Summary } from '../../protocols/survey/summary.ts'

/** What one edge does, or several together; all a second. */
export interface Rates {
  readonly requests: number
  /** Answered out of the edge's own store. */
  readonly hits: number
  /** Bytes to clients, by where they came from. */
  readonly store: number
  readonly peer: number
  readonly origin: number
  /** Bytes from peers and from origins, for whomever. */
  readonly peerIn: number
  readonly originIn: number
}

export interface EdgeNow {
  readonly edge: EdgeOverview
  /** Absent when it did not answer. */
  readonly rates?: Rates
}

export interface OriginNow {
  readonly url: string
  /** Edges that use it, and how many of them leave it alone now. */
  readonly edges: number
  readonly leftAlone: number
  readonly requests: number
  readonly inFlight: number
  readonly queued: number
  /** Median over the edges, ms. */
  readonly ttfbMs?: number
}

export interface KeyNow {
  readonly site: string
  readonly target: string
  readonly requests: number
  /** Edges that count it among their hottest. */
  readonly edges: number
}

export interface Page {
  readonly overview: Overview
  /** Whether all rates are since the start of the edges, as there was no earlier look. */
  readonly first: boolean
  readonly edges: readonly EdgeNow[]
  /** Busiest first, both. */
  readonly origins: readonly OriginNow[]
  readonly keys: readonly KeyNow[]
}

const none: Rates = { requests: 0, hits: 0, store: 0, peer: 0, origin: 0, peerIn: 0, originIn: 0 }

/** Remembers the last summary of each edge. */
export class Looks {
  #before: ReadonlyMap<string, Summary> | undefined

  next (overview: Overview): Page {
    const before = this.#before
    const after = new Map<string, Summary>()
    const origins = new Map<string, Array<{ readonly state: OriginSummary, readonly requests: number }>>()
    const keys = new Map<string, KeyNow>()
    const edges = overview.edges.map((edge): EdgeNow => {
      const { peer, summary } = edge
      const last = before?.get(peer)
      const kept = summary ?? last
      // One that is silent for a while has its last word remembered.
      if (kept !== undefined) after.set(peer, kept)
      if (summary === undefined) return { edge }
      const since = last !== undefined && !beganAnew(last, summary) ? last : undefined
      const perSecond = (count: number, earlier: number | undefined): number => {
        const ms = summary.uptimeMs - (since?.uptimeMs ?? 0)
        return ms > 0 ? Math.max(0, count - (since === undefined ? 0 : earlier ?? 0)) * 1_000 / ms : 0
      }
      for (const state of summary.origins) {
        const sent = last?.origins.find(({ url }) => url === state.url)?.sent
        origins.set(state.url, [...origins.get(state.url) ?? [], { state, requests: perSecond(state.sent, sent) }])
      }
      for (const { site, target, perSecond: requests } of summary.hotKeys) {
        const id = JSON.stringify([site, target])
        const known = keys.get(id)
        keys.set(id, { site, target, requests: requests + (known?.requests ?? 0), edges: 1 + (known?.edges ?? 0) })
      }
      const counted = counters(summary)
      const earlier = since === undefined ? undefined : counters(since)
      const rates = Object.fromEntries(Object.entries(counted).map(([name, count]) => [name, perSecond(count, earlier?.[name as keyof Rates])])) as unknown as Rates
      return { edge, rates }
    })
    this.#before = after
    return {
      overview,
      first: before === undefined,
      edges,
      origins: [...origins].map(([url, each]) => origin(url, each)).sort((one, other) => other.requests - one.requests || (one.url < other.url ? -1 : 1)),
      keys: [...keys.values()].sort((one, other) => other.requests - one.requests || (one.target < other.target ? -1 : 1))
    }
  }
}

export function total (edges: readonly EdgeNow[]): Rates {
  return edges.reduce((sum, { rates = none }) => (
    Object.fromEntries(Object.entries(sum).map(([name, each]) => [name, (each as number) + rates[name as keyof Rates]])) as unknown as Rates
  ), none)
}

function counters ({ requests, servedBytes, peerBytes, originBytes }: Summary): Rates {
  return {
    requests: Object.values(requests).reduce((sum, count) => sum + count, 0),
    hits: requests.hit + requests.stale + requests.revalidated,
    store: servedBytes.store,
    peer: servedBytes.peer,
    origin: servedBytes.origin,
    peerIn: peerBytes.received,
    originIn: originBytes
  }
}

/** Another process under the same name: time or a counter went back. */
function beganAnew (before: Summary, now: Summary): boolean {
  const earlier = counters(before)
  return now.uptimeMs < before.uptimeMs || Object.entries(counters(now)).some(([name, count]) => (count as number) < earlier[name as keyof Rates])
}

function origin (url: string, each: ReadonlyArray<{ readonly state: OriginSummary, readonly requests: number }>): OriginNow {
  const sum = (value: (of: typeof each[number]) => number): number => each.reduce((all, one) => all + value(one), 0)
  const times = each.flatMap(({ state: { ttfbMs } }) => ttfbMs ?? []).sort((one, other) => one - other)
  return {
    url,
    edges: each.length,
    leftAlone: each.filter(({ state }) => state.breaker === 'open').length,
    requests: sum(({ requests }) => requests),
    inFlight: sum(({ state }) => state.inFlight),
    queued: sum(({ state }) => state.queued),
    ttfbMs: times[times.length >> 1]
  }
}
