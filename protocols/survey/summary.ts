/**
 * What an edge tells another of itself for a view of the whole colony (`colony top`): a survey's answer to
 * `{ kind: 'summary' }`. Counters run from the edge's start, so that whoever asks twice has rates over its own interval, and
 * no edge keeps anything for those who ask. Every field comes from a peer and is checked and bounded; texts end up in
 * terminals, so what is no text is taken out of them here.
 */
import { WireError } from '../errors.ts'
import type { Region } from '../ids.ts'
import { printable } from '../text.ts'
import type { Frame } from '../wire.ts'

/** How a request was answered, as in the log and the metrics. */
export const summaryPhases = ['hit', 'stale', 'revalidated', 'miss', 'pass', 'failed'] as const
export type SummaryPhase = typeof summaryPhases[number]

export interface OriginSummary {
  readonly url: string
  readonly breaker: 'closed' | 'open' | 'half-open'
  /** Requests sent since the start. */
  readonly sent: number
  readonly inFlight: number
  readonly queued: number
  /** Smoothed time to the first byte, ms; absent before the first. */
  readonly ttfbMs?: number
}

export interface HotKeySummary {
  readonly site: string
  readonly target: string
  readonly perSecond: number
}

export interface Summary {
  readonly name: string
  readonly region: Region
  readonly zone?: string
  readonly version: string
  /** Since the start, as are all counters; less than before means that the edge was started anew. */
  readonly uptimeMs: number
  readonly requests: Readonly<Record<SummaryPhase, number>>
  /** Body bytes sent to clients, by where they came from. */
  readonly servedBytes: { readonly store: number, readonly peer: number, readonly origin: number }
  /** Body bytes from and to peers, and from origins, for whomever. */
  readonly peerBytes: { readonly received: number, readonly sent: number }
  readonly originBytes: number
  readonly store: { readonly objects: number, readonly memoryBytes: number, readonly memoryBytesMax: number, readonly diskBytes: number, readonly diskBytesMax: number }
  /** Fetches under way. */
  readonly flights: number
  readonly origins: readonly OriginSummary[]
  /** Asked for most, the first the most. */
  readonly hotKeys: readonly HotKeySummary[]
}

export const summaryRequest = { kind: 'summary' } as const

/** Origins and hot keys in one summary: with the texts at their bounds it fits a frame's head. */
const originsMax = 16
const hotKeysMax = 20
const nameMax = 256
const targetMax = 512

/** Cut to what every decoder accepts. */
export function encodeSummary (summary: Summary): object {
  const { origins, hotKeys, name, zone, version, region } = summary
  return {
    ...summary,
    name: cut(name, nameMax),
    region: cut(region, nameMax),
    zone: zone === undefined ? undefined : cut(zone, nameMax),
    version: cut(version, nameMax),
    origins: origins.slice(0, originsMax).map((origin) => ({ ...origin, url: cut(origin.url, targetMax) })),
    hotKeys: hotKeys.slice(0, hotKeysMax).map(({ site, target, perSecond }) => ({ site: cut(site, nameMax), target: cut(target, targetMax), perSecond }))
  }
}

/** @throws WireError */
export function decodeSummary ({ head }: Pick<Frame, 'head'>): Summary {
  const requests = map(head.requests, 'requests')
  const served = map(head.servedBytes, 'servedBytes')
  const peers = map(head.peerBytes, 'peerBytes')
  const store = map(head.store, 'store')
  return {
    name: text(head.name, 'name', nameMax),
    region: text(head.region, 'region', nameMax),
    ...(head.zone === undefined ? {} : { zone: text(head.zone, 'zone', nameMax) }),
    version: text(head.version, 'version', nameMax),
    uptimeMs: amount(head.uptimeMs, 'uptimeMs'),
    requests: Object.fromEntries(summaryPhases.map((phase) => [phase, amount(requests[phase] ?? 0, phase)])) as Record<SummaryPhase, number>,
    servedBytes: { store: amount(served.store, 'store'), peer: amount(served.peer, 'peer'), origin: amount(served.origin, 'origin') },
    peerBytes: { received: amount(peers.received, 'received'), sent: amount(peers.sent, 'sent') },
    originBytes: amount(head.originBytes, 'originBytes'),
    store: {
      objects: amount(store.objects, 'objects'),
      memoryBytes: amount(store.memoryBytes, 'memoryBytes'),
      memoryBytesMax: amount(store.memoryBytesMax, 'memoryBytesMax'),
      diskBytes: amount(store.diskBytes, 'diskBytes'),
      diskBytesMax: amount(store.diskBytesMax, 'diskBytesMax')
    },
    flights: amount(head.flights, 'flights'),
    origins: list(head.origins, 'origins', originsMax).map(originSummary),
    hotKeys: list(head.hotKeys, 'hotKeys', hotKeysMax).map(hotKeySummary)
  }
}

function originSummary (value: unknown): OriginSummary {
  const { url, breaker, sent, inFlight, queued, ttfbMs } = map(value, 'origin')
  if (breaker !== 'closed' && breaker !== 'open' && breaker !== 'half-open') throw new WireError('a peer told of an origin in a state that nobody knows')
  return {
    url: text(url, 'url', targetMax),
    breaker,
    sent: amount(sent, 'sent'),
    inFlight: amount(inFlight, 'inFlight'),
    queued: amount(queued, 'queued'),
    ...(ttfbMs === undefined ? {} : { ttfbMs: amount(ttfbMs, 'ttfbMs') })
  }
}

function hotKeySummary (value: unknown): HotKeySummary {
  const { site, target, perSecond } = map(value, 'hot key')
  return { site: text(site, 'site', nameMax), target: text(target, 'target', targetMax), perSecond: amount(perSecond, 'perSecond') }
}

function map (value: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new WireError(`a peer sent a summary whose ${name} is not a map`)
  return value as Record<string, unknown>
}

function list (value: unknown, name: string, lengthMax: number): unknown[] {
  if (!Array.isArray(value) || value.length > lengthMax) throw new WireError(`a peer sent a summary whose ${name} are not a list of at most ${lengthMax}`)
  return value
}

/** Sums of a thousand of them stay exact enough to be shown. */
function amount (value: unknown, name: string): number {
  if (typeof value !== 'number' || !(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new WireError(`a peer sent a summary whose ${name} is not an amount`)
  return value
}

function text (value: unknown, name: string, charsMax: number): string {
  if (typeof value !== 'string' || value.length > charsMax) throw new WireError(`a peer sent a summary whose ${name} is not text of at most ${charsMax} characters`)
  return printable(value)
}

function cut (value: string, charsMax: number): string {
  return value.length <= charsMax ? value : `${value.slice(0, charsMax - 1)}…`
}
