/** What an edge tells peers: `have`, `fill`, and what it refuses. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Cache, type Fetcher } from '../../../daemon/cache/cache.ts'
import { cacheDefaults } from '../../../daemon/cache/settings.ts'
import { Sites } from '../../../daemon/cache/sites.ts'
import { systemClock } from '../../../daemon/clock.ts'
import { Origin } from '../../../daemon/origin/origin.ts'
import { originDefaults } from '../../../daemon/origin/settings.ts'
import { Provider } from '../../../daemon/routing/provider.ts'
import { MemoryStore } from '../../../daemon/store/memory-store.ts'
import type { Ask } from '../../../protocols/fetch/messages.ts'
import type { Offer, ProviderAnswer } from '../../../protocols/fetch/provider.ts'
import { contentKey } from '../../../protocols/ids.ts'
import { boundedLoadDefaults, LoadGate } from '../../../protocols/locate/bounded-load.ts'
import { TestOrigin } from '../../support/origin.ts'
import { bodyOf, eventually, hashOf, headOf, settingsOf } from '../../support/store.ts'
import { askOf } from '../fetch/support.ts'
import { fakePeers, fetcherOf, key } from './support.ts'

const body = bodyOf(5_000)
const never = new AbortController().signal
let origin: TestOrigin

beforeEach(async () => { origin = await new TestOrigin().start() })
afterEach(async () => { await origin.close() })

interface Rig { provider: Provider, cache: Cache, store: MemoryStore, gate: LoadGate, obtained: string[], answer: (ask?: Partial<Ask>, from?: string) => Promise<ProviderAnswer> }

function rig (init: { preserve?: boolean } = {}): Rig {
  const store = new MemoryStore({ settings: settingsOf() })
  const routing = fetcherOf(fakePeers({ owners: { here: ['self'] } })).fetcher
  const obtained: string[] = []
  const fetcher: Fetcher = {
    obtain: async (request) => {
      obtained.push(request.target)
      return await routing.obtain(request)
    },
    resume: async (...args) => await routing.resume(...args)
  }
  const cache = new Cache({ store, fetcher, settings: cacheDefaults, clock: systemClock })
  const sites = new Sites([{ name: 'default', hosts: ['*'], origin: origin.url, hostHeader: init.preserve === true ? 'preserve' : 'origin', defaultTtlMs: 0 }], (url) => new Origin(url, originDefaults, systemClock))
  const gate = new LoadGate({ ...boundedLoadDefaults, busyFloorPerSecond: 1 })
  const provider = new Provider({ cache, store, sites, gate, clock: systemClock, region: 'here', regionOf: () => 'here', holders: () => [], onAnswer: () => {} })
  return { provider, cache, store, gate, obtained, answer: async (ask, from = 'asker') => await provider.answer(askOf(ask), from, never) }
}

async function keep (store: MemoryStore, more: Partial<ReturnType<typeof headOf>> = {}): Promise<void> {
  const writer = await store.create(key, body.byteLength)
  await writer?.write(body)
  await writer?.commit(headOf(key, body, { target: '/a', site: 'default', receivedAtMs: Date.now(), fields: [['etag', '"1"'], ['cache-control', 'max-age=60']], ...more }))
  await writer?.close()
}

async function read (offer: ProviderAnswer, offset = 0): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of (offer as Offer).open(offset, 1_000, never)) parts.push(chunk)
  ;(offer as Offer).release()
  return Buffer.concat(parts)
}

describe('have', () => {
  it('brings what is stored and fresh, from any offset', async () => {
    const { store, answer } = rig()
    await keep(store)
    const offer = await answer({ verb: 'have' })
    expect(offer).toMatchObject({ kind: 'hit', stale: false, same: false, head: { status: 200, length: 5_000, hash: hashOf(body) } })
    expect((await read(offer)).equals(body)).toBe(true)
    expect((await read(offer, 4_999)).equals(body.subarray(4_999))).toBe(true)
    expect((offer as Offer).total()).toEqual({ length: 5_000, hash: hashOf(body) })
  })

  it('never leaves this edge: what is not here is a miss, and no flight begins', async () => {
    origin.file('/a', 10, { maxAge: 60 })
    const { answer, cache, obtained } = rig()
    expect(await answer({ verb: 'have' })).toEqual({ kind: 'miss' })
    expect(await answer({ verb: 'have', staleOk: true, last: true })).toEqual({ kind: 'miss' })
    expect(obtained).toEqual([])
    expect(cache.flights).toBe(0)
  })

  it('does not bring what is stale, unless the asker says that it will do and the response does not forbid it', async () => {
    const { store, answer } = rig()
    await keep(store, { receivedAtMs: Date.now() - 100_000 })
    expect(await answer({ verb: 'have' })).toEqual({ kind: 'miss', stale: true })
    expect(await answer({ verb: 'have', staleOk: true })).toMatchObject({ kind: 'hit', stale: true })
    await keep(store, { receivedAtMs: Date.now() - 100_000, fields: [['etag', '"1"'], ['cache-control', 'max-age=60, must-revalidate']] })
    expect(await answer({ verb: 'have', staleOk: true })).toEqual({ kind: 'miss', stale: true })
  })

  it('does not bring what clients have while it is fetched anew: it is validated first where it is to be filled', async () => {
    const { store, answer, obtained } = rig()
    origin.file('/a', 10, { maxAge: 60 })
    await keep(store, { receivedAtMs: Date.now() - 100_000, fields: [['etag', '"1"'], ['cache-control', 'max-age=60, stale-while-revalidate=3600']] })
    expect(await answer({ verb: 'have' })).toEqual({ kind: 'miss', stale: true })
    const filled = await answer({ verb: 'fill', last: true, path: ['asker'] })
    expect([filled, obtained]).toMatchObject([{ kind: 'hit', stale: false, head: { length: 10 } }, ['/a']])
    await read(filled)
  })

  it('brings a stale copy to one who resumes exactly that version, and nothing to one who resumes another', async () => {
    const { store, answer } = rig()
    await keep(store, { receivedAtMs: Date.now() - 100_000 })
    expect(await answer({ verb: 'have', version: { etag: '"1"' }, offset: 100 })).toMatchObject({ kind: 'hit' })
    expect(await answer({ verb: 'have', version: { etag: '"2"' } })).toEqual({ kind: 'miss', stale: true })
    expect(await answer({ verb: 'have', version: { etag: '"1"', length: 1 } })).toEqual({ kind: 'miss', stale: true })
  })

  it('tells one who holds the same version so', async () => {
    const { store, answer } = rig()
    await keep(store)
    expect(await answer({ verb: 'have', held: { etag: '"1"' } })).toMatchObject({ kind: 'hit', same: true })
    expect(await answer({ verb: 'have', held: { etag: '"2"' } })).toMatchObject({ kind: 'hit', same: false })
  })

  it('gives a variant only to whom it fits', async () => {
    const { store, answer, cache } = rig()
    origin.on('/a', (request, response) => { response.writeHead(200, { vary: 'accept-language', 'cache-control': 'max-age=60' }).end(String(request.headers['accept-language'])) })
    const german = await answer({ fields: [['accept-language', 'de']] })
    expect((await read(german)).toString()).toBe('de')
    await eventually(() => cache.flights === 0 && store.stats().objects === 1)
    expect(await answer({ verb: 'have', fields: [['accept-language', 'de']] })).toMatchObject({ kind: 'hit' })
    expect(await answer({ verb: 'have', fields: [['accept-language', 'fr']] })).toEqual({ kind: 'miss' })
  })

  it('brings what is just arriving from the origin, as it arrives', async () => {
    const gate = Promise.withResolvers<void>()
    const whole = origin.file('/a', 200_000, { maxAge: 60, pace: async (sent) => { if (sent > 0) await gate.promise } })
    const { answer } = rig()
    const filling = await answer()
    const had = await answer({ verb: 'have' })
    expect(had).toMatchObject({ kind: 'hit', head: { length: 200_000 } })
    gate.resolve()
    expect((await read(had, 100_000)).equals(whole.subarray(100_000))).toBe(true)
    ;(filling as Offer).release()
  })
})

describe('fill', () => {
  it('fetches on the asker\'s behalf, once for all who ask', async () => {
    const whole = origin.file('/a', 10_000, { maxAge: 60, delayMs: 50 })
    const { answer, obtained } = rig()
    const offers = await Promise.all([answer(), answer(), answer()])
    for (const offer of offers) expect((await read(offer)).equals(whole)).toBe(true)
    expect(obtained).toEqual(['/a'])
    expect(origin.count('/a')).toBe(1)
  })

  it.each([
    ['a path that does not end with the asker', { path: ['other'] }], ['no path', { path: [] }], ['a path that is too long', { path: ['one', 'two', 'asker'] }]
  ])('is refused with %s', async (_what, ask) => {
    const { answer, obtained } = rig()
    expect(await answer(ask)).toEqual({ kind: 'miss' })
    expect(obtained).toEqual([])
  })

  it('is busy above this edge\'s share of the load, except for one who has no other', async () => {
    const { answer, gate } = rig()
    origin.file('/a', 10, { maxAge: 60 })
    gate.observe({ othersPerSecond: [0, 0], weightShare: 0.1 })
    for (let count = 0; count < 1_000; count++) gate.take(systemClock.nowMs())
    expect(await answer({ turnedAway: true })).toEqual({ kind: 'busy' })
    expect(await answer({ turnedAway: true, last: true })).toMatchObject({ kind: 'hit' })
  })

  it('says that a response may not be shared, and fetches it for nobody a second time', async () => {
    origin.on('/a', (_request, response) => { response.writeHead(200, { 'cache-control': 'private' }).end('yours') })
    const { answer } = rig()
    expect(await answer()).toEqual({ kind: 'private' })
    expect(await answer()).toEqual({ kind: 'private' })
    expect(origin.count('/a')).toBe(1)
  })

  it('fails where the origin does, though a stale copy is here: the asker tries its own origin first', async () => {
    const { answer, store } = rig()
    await keep(store, { receivedAtMs: Date.now() - 100_000 })
    await origin.close()
    expect(await answer()).toMatchObject({ kind: 'failed', status: 504 })
    expect(await answer({ staleOk: true })).toMatchObject({ kind: 'hit', stale: true })
  })
})

describe('a key that is not what this edge computes from site and target', () => {
  it.each<[string, Partial<Ask>]>([
    ['another target', { target: '/b' }], ['another site', { site: 'other' }], ['another key', { key: contentKey('default', '/b') }],
    ['no target', { target: '' }], ['a target that is no path', { target: 'http://elsewhere/a' }]
  ])('is a miss: %s', async (_what, ask) => {
    const { answer, store, obtained } = rig()
    await keep(store)
    for (const verb of ['have', 'fill'] as const) expect(await answer({ ...ask, verb })).toEqual({ kind: 'miss' })
    expect(obtained).toEqual([])
  })

  it.each(['/./a', '/x/../a', '/%61', '/x/%2e%2e/a'])('is a miss for %s, which an origin may answer in another way than the normal form', async (target) => {
    const { answer, obtained } = rig()
    origin.on(target, (_request, response) => { response.writeHead(200, { 'cache-control': 'max-age=60' }).end('poison') })
    expect(await answer({ target })).toEqual({ kind: 'miss' })
    expect(obtained).toEqual([])
  })

  it('is a miss with a host where the site does not preserve it: the origin might answer for another', async () => {
    const { answer, obtained } = rig()
    expect(await answer({ host: 'elsewhere.example' })).toEqual({ kind: 'miss' })
    expect(obtained).toEqual([])
  })

  it('is a miss with a host that is spelt otherwise, or none, where the site preserves it', async () => {
    const { answer } = rig({ preserve: true })
    origin.file('/a', 10, { maxAge: 60 })
    const named = contentKey('default|a.example', '/a')
    for (const host of ['A.example', 'b.example', 'a.example\r\nx-evil: 1', undefined]) expect(await answer({ key: named, host })).toEqual({ kind: 'miss' })
    expect(await answer({ key: named, host: 'a.example' })).toMatchObject({ kind: 'hit' })
    expect(origin.seen[0]?.headers.host).toBe('a.example')
  })
})
