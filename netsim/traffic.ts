/** Sums over a colony: what all its edges did, out of their status documents. Pure. */
import type { EdgeStatus } from '../daemon/admin/status.ts'

export interface Traffic {
  readonly requests: number
  /** Answered out of an edge's own store. */
  readonly hits: number
  readonly peerFetches: number
  readonly originFetches: number
  readonly servedBytes: number
  readonly peerBytes: number
  readonly originBytes: number
}

export const noTraffic: Traffic = Object.freeze({
  requests: 0, hits: 0, peerFetches: 0, originFetches: 0, servedBytes: 0, peerBytes: 0, originBytes: 0
})

/** What one edge did since its start. */
export function trafficOf ({ traffic, peerBytes }: Pick<EdgeStatus, 'traffic' | 'peerBytes'>): Traffic {
  const { requests } = traffic
  return {
    requests: Object.values(requests).reduce((sum, count) => sum + count, 0),
    hits: requests.hit + requests.stale + requests.revalidated,
    peerFetches: traffic.peerFetches,
    originFetches: traffic.originFetches,
    servedBytes: traffic.servedBytes,
    peerBytes: peerBytes.received,
    originBytes: traffic.originBytes
  }
}

export function add (one: Traffic, other: Traffic): Traffic {
  return combine(one, other, (a, b) => a + b)
}

/** What came to pass between two moments. */
export function subtract (later: Traffic, earlier: Traffic): Traffic {
  return combine(later, earlier, (a, b) => a - b)
}

export function isNothing (traffic: Traffic): boolean {
  return Object.values(traffic).every((count) => count === 0)
}

function combine (one: Traffic, other: Traffic, operate: (a: number, b: number) => number): Traffic {
  return {
    requests: operate(one.requests, other.requests),
    hits: operate(one.hits, other.hits),
    peerFetches: operate(one.peerFetches, other.peerFetches),
    originFetches: operate(one.originFetches, other.originFetches),
    servedBytes: operate(one.servedBytes, other.servedBytes),
    peerBytes: operate(one.peerBytes, other.peerBytes),
    originBytes: operate(one.originBytes, other.originBytes)
  }
}
