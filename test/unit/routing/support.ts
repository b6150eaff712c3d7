/**
 * What the tests of routing share: peers whose answers a test sets, and whole edges (cache, memory store,
 * routing, provider) joined in one process by calls in place of streams.
 */
import { Cache, type ObtainRequest } from '../../../daemon/cache/cache.ts'
import type { FillHead } from '../../../daemon/cache/fill.ts'
import { Level } from '../../../daemon/cache/flight.ts'
import { cacheDefaults } from '../../../daemon/cache/settings.ts'
import { Sites, type Site } from '../../../daemon/cache/sites.ts'
import type { Upstream } from '../../../daemon/cache/upstream.ts'
import { systemClock } from '../../../daemon/clock.ts'
import { Origin } from '../../../daemon/origin/origin.ts'
import { originDefaults } from '../../../daemon/origin/settings.ts'
import { RoutingFetcher } from '../../../daemon/routing/fetcher.ts'
import type { Step } from '../../../daemon/routing/step.ts'
import type { Peers } from '../../../daemon/routing/peers.ts'
import { Provider } from '../../../daemon/routing/provider.ts'
import { routingDefaults, type RoutingSettings } from '../../../daemon/routing/settings.ts'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import type { Clock } from '../../../protocols/clock.ts'
import type { Ask, RemoteHead } from '../../../protocols/fetch/messages.ts'
import type { ProviderAnswer } from '../../../protocols/fetch/provider.ts'
import type { PeerAnswer } from '../../../protocols/fetch/transfer.ts'
import type { Fields } from '../../../protocols/fields.ts'
import { contentKey, type ContentKey, type PeerName, type Region } from '../../../protocols/ids.ts'
import { LoadGate } from '../../../protocols/locate/bounded-load.ts'
import { hashOf, settingsOf } from '../../support/store.ts'

export const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
export const key: ContentKey = contentKey('default', '/a')

export function siteOf (originUrl?: string, more: Partial<Site> = {}): Site {
  return { name: 'default', defaultTtlMs: 0, preserveHost: false, published: false, origin: originUrl === undefined ? undefined : new Origin(originUrl, originDefaults, systemClock), ...more }
}

export function requestOf (site: Site, more: Partial<ObtainRequest> = {}): ObtainRequest & { readonly levels: Level[] } {
  const levels: Level[] = []
  const told = { onLevel: (level: Level) => { levels.push(level) }, onAsk: () => () => {}, onUnreachable: () => {} }
  return {
    site, key, target: '/a', fields: [], path: [], silent: [], level: Level.Asker, signal: new AbortController().signal, traceparent,
    validators: [], ...told, ...more, levels
  }
}

export type HitAnswer = Extract<PeerAnswer, { kind: 'hit' }> & { cancelled: number }

export function hitOf (peer: PeerName, body: Uint8Array, more: { head?: Partial<RemoteHead>, stale?: boolean, same?: boolean } = {}): HitAnswer {
  const hit: HitAnswer = {
    kind: 'hit', peer, stale: more.stale ?? false, same: more.same ?? false,
    head: { status: 200, fields: [['etag', '"1"'], ['cache-control', 'max-age=60']], ageMs: 0, length: body.byteLength, hash: hashOf(body), ...more.head },
    body: (async function * () { yield body })(),
    total: () => ({ length: body.byteLength, hash: hashOf(body) }),
    cancelled: 0,
    cancel: () => { hit.cancelled++ }
  }
  return hit
}

export const miss: PeerAnswer = { kind: 'miss' }
export const silent: PeerAnswer = { kind: 'silent', error: new Error('nothing came') }

type Script = PeerAnswer | Promise<PeerAnswer> | ((ask: Ask, options: { signal: AbortSignal, onFilling?: () => void }) => PeerAnswer | Promise<PeerAnswer>)

export interface FakePeers extends Peers {
  /** Every ask that was made, in order. */
  readonly asks: Array<{ peer: PeerName, ask: Ask }>
  /** Whose filter was found wrong. */
  readonly wrong: PeerName[]
  /** `verb peer` of each. */
  asked: () => string[]
}

export interface FakePeersInit {
  self?: PeerName
  region?: Region
  /** Owners by region, first owner first. */
  owners: Record<Region, PeerName[]>
  /** The key's regions, home first; the order of `owners` when absent. */
  homes?: Region[]
  previous?: PeerName
  holders?: PeerName[]
  replicas?: PeerName[]
  neighbours?: PeerName[]
  providers?: PeerName[]
  members?: Record<Region, PeerName[]>
  /** No members any more, though others still name them. */
  gone?: PeerName[]
  rtts?: Record<PeerName, number>
  /** By peer, or by `verb peer`. Whoever has none misses. */
  answers?: Record<string, Script>
}

export function fakePeers (init: FakePeersInit): FakePeers {
  const region = init.region ?? Object.keys(init.owners)[0] ?? 'here'
  const asks: FakePeers['asks'] = []
  const wrong: PeerName[] = []
  const regions = { ...init.owners, ...init.members }
  return {
    self: init.self ?? 'self',
    region,
    regionOf: (peer) => init.gone?.includes(peer) === true ? undefined : [...Object.entries(init.owners), ...Object.entries(init.members ?? {})].find(([, peers]) => peers.includes(peer))?.[0] ?? region,
    members: (name) => regions[name] ?? [],
    owners: (_key, n, name) => (init.owners[name] ?? []).slice(0, n),
    homeRegions: () => init.homes ?? Object.keys(init.owners),
    previousOwner: () => init.previous,
    holders: () => init.holders ?? [],
    replicas: () => init.replicas ?? [],
    neighbours: () => init.neighbours ?? [],
    wrongNeighbour: (peer) => { wrong.push(peer) },
    providers: async function * () { yield * init.providers ?? [] },
    rttMs: (peer) => init.rtts?.[peer],
    ask: async (peer, ask, options) => {
      asks.push({ peer, ask })
      const script = init.answers?.[`${ask.verb} ${peer}`] ?? init.answers?.[peer] ?? miss
      return await (typeof script === 'function' ? script(ask, options) : script)
    },
    asks,
    wrong,
    asked: () => asks.map(({ peer, ask }) => `${ask.verb} ${peer}`)
  }
}

export interface FetcherRig {
  readonly fetcher: RoutingFetcher
  readonly steps: Step[]
}

export function fetcherOf (peers: Peers, more: { clock?: Clock, settings?: Partial<RoutingSettings> } = {}): FetcherRig {
  const steps: Step[] = []
  const fetcher = new RoutingFetcher({
    name: 'edge', peers, clock: more.clock ?? systemClock, settings: { ...routingDefaults, originJitterMs: 0, ...more.settings },
    onStep: (step) => { steps.push(step) }
  })
  return { fetcher, steps }
}

export async function bytesOf (upstream: Pick<Upstream, 'body'>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of upstream.body) parts.push(chunk)
  return Buffer.concat(parts)
}

export function fillHeadOf (body: Uint8Array, more: Partial<FillHead> = {}): FillHead {
  return {
    key, variant: '', site: 'default', target: '/a', status: 200, fields: [['etag', '"1"']], vary: [], receivedAtMs: 0, initialAgeMs: 0,
    length: body.byteLength, ...more
  }
}

export interface ColonyEdge {
  readonly name: PeerName
  readonly cache: Cache
  readonly store: MemoryStore
  readonly provider: Provider
  readonly site: Site
  readonly steps: Step[]
  /** Asks of peers that were answered here. */
  readonly answered: string[]
  /** From now on it answers nobody, and what it was sending breaks off. */
  kill: () => void
  readonly killed: AbortSignal
  /** A client's request, read to its end. @throws when the body is cut */
  get: (options?: { fields?: Fields, signal?: AbortSignal }) => Promise<{ kind: string, bytes: Buffer, status?: number }>
}

export interface ColonyInit {
  /** Edges by region, in the order in which they own the key. */
  readonly regions: Record<Region, PeerName[]>
  /** The origin's URL, for each edge its own or one for all; none: no origin. */
  readonly origin?: string | Record<PeerName, string>
  /** Edges whose view of the owners is another. */
  readonly views?: Record<PeerName, Record<Region, PeerName[]>>
  readonly previous?: Record<PeerName, PeerName>
  /** Round trips to edges as all others measure them, ms; none: near. */
  readonly rtts?: Record<PeerName, number>
}

/** Whole edges without sockets between them. The first region is the key's home. */
export function colonyOf (init: ColonyInit): Record<PeerName, ColonyEdge> {
  const edges: Record<PeerName, ColonyEdge> = {}
  for (const [region, names] of Object.entries(init.regions)) {
    for (const self of names) {
      const view = init.views?.[self] ?? init.regions
      const peers = fakePeers({ self, region, owners: view, members: init.regions, previous: init.previous?.[self], rtts: init.rtts })
      const ask: Peers['ask'] = async (peer, asked, options) => {
        options.signal.throwIfAborted()
        const edge = edges[peer]
        if (edge === undefined || edge.killed.aborted) return silent
        edge.answered.push(`${asked.verb} from ${self}`)
        return await carry(edge, peer, self, asked, options)
      }
      edges[self] = edgeOf(self, region, { ...peers, ask }, typeof init.origin === 'string' ? init.origin : init.origin?.[self])
    }
  }
  return edges
}

function edgeOf (name: PeerName, region: Region, peers: Peers, originUrl?: string): ColonyEdge {
  const store = new MemoryStore({ settings: settingsOf() })
  const { fetcher, steps } = fetcherOf(peers)
  const cache = new Cache({ store, fetcher, settings: cacheDefaults, clock: systemClock })
  const sites = new Sites(
    originUrl === undefined ? [] : [{ name: 'default', hosts: ['*'], origin: originUrl, hostHeader: 'origin', defaultTtlMs: 0 }],
    (url) => new Origin(url, originDefaults, systemClock)
  )
  const site = sites.byName('default') as Site
  const provider = new Provider({ cache, store, sites, gate: new LoadGate(), clock: systemClock, region, regionOf: peers.regionOf, holders: peers.holders, onAnswer: () => {} })
  const life = new AbortController()
  return {
    name, cache, store, provider, site, steps, answered: [], killed: life.signal,
    kill: () => { life.abort(new Error(`${name} is gone`)) },
    get: async ({ fields = [], signal = new AbortController().signal } = {}) => {
      const result = await cache.request({ site, key, target: '/a', fields, path: [], silent: [], level: Level.Asker, signal, traceparent })
      if (result.kind === 'filling') {
        try {
          const parts: Uint8Array[] = []
          for await (const chunk of result.fill.read(0, undefined, signal)) parts.push(chunk)
          return { kind: result.source, bytes: Buffer.concat(parts), status: result.head.status }
        } finally {
          result.release()
        }
      }
      if (result.kind === 'stored') {
        const reader = await store.open(result.head)
        const bytes = Buffer.from(await reader?.read(0, result.head.length) ?? [])
        reader?.close()
        return { kind: result.source, bytes, status: result.head.status }
      }
      if (result.kind === 'pass' && result.upstream !== undefined) return { kind: 'pass', bytes: await bytesOf(result.upstream), status: result.upstream.status }
      return { kind: result.kind, bytes: Buffer.alloc(0), status: result.kind === 'failed' ? result.status : undefined }
    }
  }
}

/** An ask and its answer as the fetch protocol would carry them. */
async function carry (edge: ColonyEdge, peer: PeerName, from: PeerName, ask: Ask, { signal, onFilling }: { signal: AbortSignal, onFilling?: () => void }): Promise<PeerAnswer> {
  const gone = new AbortController()
  const leave = (): void => { gone.abort(signal.reason) }
  signal.addEventListener('abort', leave, { once: true })
  const cancelled = Promise.withResolvers<never>()
  cancelled.promise.catch(() => {})
  gone.signal.addEventListener('abort', () => { cancelled.reject(gone.signal.reason as Error) })
  edge.killed.addEventListener('abort', () => { gone.abort(edge.killed.reason) }, { once: true })
  let over = false
  const pending = edge.provider.answer(ask, from, gone.signal)
  setImmediate(() => { if (!over) onFilling?.() })
  let answer: ProviderAnswer
  try {
    answer = await Promise.race([pending, cancelled.promise])
  } catch (error) {
    pending.then((late) => { if (late.kind === 'hit') late.release() }, () => {})
    signal.throwIfAborted()
    return { kind: 'silent', error: error as Error }
  } finally {
    over = true
  }
  if (answer.kind !== 'hit') return answer
  const offer = answer
  if (offer.same || ask.headOnly) {
    offer.release()
    return { ...offer, peer, body: (async function * () {})(), total: () => undefined, cancel: () => {} }
  }
  let total: { length: number, hash?: string } | undefined
  let released = false
  const release = (): void => {
    if (released) return
    released = true
    offer.release()
    leave()
  }
  return {
    kind: 'hit', peer, head: offer.head, stale: offer.stale, same: false, total: () => total, cancel: release,
    body: (async function * () {
      const chunks = offer.open(ask.offset, 64 * 1024, gone.signal)[Symbol.asyncIterator]()
      try {
        for (;;) {
          const next = await Promise.race([chunks.next(), cancelled.promise])
          if (next.done === true) break
          yield Buffer.from(next.value)
          await new Promise((resolve) => { setImmediate(resolve) })
        }
        total = offer.total()
      } finally {
        release()
      }
    })()
  }
}
