/** What a swarm has used between two readings, for each edge and second. Pure. */
import { add, noTraffic, subtract, type Traffic } from '../traffic.ts'
import { addCoordination, type Coordination, coordinationBytes, subtractCoordination } from './coordination.ts'
import type { HostUsage } from './host.ts'

export interface Reading {
  readonly atMs: number
  readonly edges: number
  readonly processes: number
  readonly cpuMs: number
  readonly rssBytes: number
  readonly traffic: Traffic
  readonly coordination: Coordination
  /** Of the process that is in the middle, and of the latest of all; since the reading before. */
  readonly eventLoopDelayMs: { readonly p50: number, readonly p99: number }
}

export interface Cost {
  readonly seconds: number
  /** Of one core, for each edge. */
  readonly cpuPercentPerPeer: number
  /** Whole processes, their share of the runtime included. */
  readonly rssBytesPerPeer: number
  readonly eventLoopDelayMs: { readonly p50: number, readonly p99: number }
  readonly coordination: {
    readonly bytesPerPeerSecond: number
    readonly messagesPerPeerSecond: number
    /** Bytes for each edge and second. */
    readonly byPart: Readonly<Record<string, number>>
  }
}

export function readingOf (atMs: number, usages: readonly HostUsage[]): Reading {
  const delays = usages.flatMap(({ eventLoopDelayMs }) => eventLoopDelayMs ?? [])
  const sum = (value: (usage: HostUsage) => number): number => usages.reduce((total, usage) => total + value(usage), 0)
  return {
    atMs,
    edges: sum(({ edges }) => edges),
    processes: usages.length,
    cpuMs: sum(({ cpuMs }) => cpuMs),
    rssBytes: sum(({ rssBytes }) => rssBytes),
    traffic: usages.map(({ traffic }) => traffic).reduce(add, noTraffic),
    coordination: usages.map(({ coordination }) => coordination).reduce<Coordination>(addCoordination, {}),
    eventLoopDelayMs: { p50: median(delays.map(({ p50 }) => p50)), p99: Math.max(0, ...delays.map(({ p99 }) => p99)) }
  }
}

export function costOf (before: Reading, after: Reading): Cost {
  const seconds = (after.atMs - before.atMs) / 1_000
  const peerSeconds = seconds * after.edges
  const coordination = subtractCoordination(after.coordination, before.coordination)
  const byPart = Object.fromEntries(Object.entries(coordinationBytes(coordination)).map(([part, bytes]) => [part, round(bytes / peerSeconds)]))
  const messages = Object.keys(byPart).reduce((total, part) => total + coordination[part]!.messagesOut, 0)
  return {
    seconds: round(seconds),
    cpuPercentPerPeer: round((after.cpuMs - before.cpuMs) / (seconds * 1_000) * 100 / after.edges, 1_000),
    rssBytesPerPeer: Math.round(after.rssBytes / after.edges),
    eventLoopDelayMs: { p50: round(after.eventLoopDelayMs.p50), p99: round(after.eventLoopDelayMs.p99) },
    coordination: {
      bytesPerPeerSecond: round(Object.values(byPart).reduce((total, bytes) => total + bytes, 0)),
      messagesPerPeerSecond: round(messages / peerSeconds, 1_000),
      byPart
    }
  }
}

/** What was served between two readings. */
export function trafficBetween (before: Reading, after: Reading): Traffic {
  return subtract(after.traffic, before.traffic)
}

function median (values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

function round (value: number, steps = 10): number {
  return Math.round(value * steps) / steps
}
