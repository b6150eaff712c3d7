/** Serving what is stale while one flight without a client fetches it anew (RFC 5861 section 3). */
import { describe, expect, it } from 'vitest'
import type { CacheRequest } from '../../../daemon/cache/cache.ts'
import { Sites, type Site } from '../../../daemon/cache/sites.ts'
import { cacheDefaults } from '../../../daemon/cache/settings.ts'
import { Origin } from '../../../daemon/origin/origin.ts'
import { originDefaults } from '../../../daemon/origin/settings.ts'
import { completeSettings, readSettings } from '../../../protocols/config/schema.ts'
import type { Fields } from '../../../protocols/fields.ts'
import { eventually, stillClock } from '../../support/store.ts'
import { body, fillWith, key, read, rig, type Rig } from './rig.ts'
import { memoryStore, turn, upstreamOf } from './support.ts'

function siteOf (stale: object = {}, more: object = {}): Site {
  const sites = new Sites([], (url) => new Origin(url, originDefaults, stillClock()))
  sites.agree(completeSettings(readSettings({ sites: { shop: { hosts: ['*'], origins: ['http://origin.example/'], stale, ...more } } })).sites)
  return sites.byName('shop')!
}
const site = siteOf({ whileRevalidate: '30s' })
const fieldsOf = (control: string): Fields => [['etag', '"1"'], ['cache-control', control]]
const minute = fieldsOf('max-age=60')

/** A cache that holds an answer which is past its lifetime of a minute by so much. */
async function stale (pastMs: number, fields = minute, request: Partial<CacheRequest> = { site }, settings: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const cache = rig(settings, memoryStore())
  await fillWith(cache, fields, request)
  cache.clock.advance(60_000 + pastMs)
  return cache
}

/** How a client's request is answered, and how many flights have departed since the first. */
async function ask (cache: Rig, more: Partial<CacheRequest> = {}): Promise<[string, number]> {
  const leave = new AbortController()
  const asking = cache.request({ site, staleWhileRevalidate: true, signal: leave.signal, ...more })
  const answer = await Promise.race([asking, turn().then(turn)])
  if (answer === undefined) {
    leave.abort()
    await asking.catch(() => {})
    return ['waits', cache.flights.length - 1]
  }
  if (answer.kind === 'stored') answer.body.close()
  return [answer.kind === 'stored' ? answer.phase : answer.kind, cache.flights.length - 1]
}

describe('what is past its lifetime', () => {
  it('is served at once within the site\'s window, and fetched anew once', async () => {
    const cache = await stale(29_999)
    for (let times = 0; times < 3; times++) expect(await ask(cache)).toEqual(['stale', 1])
    const { request, land } = cache.flights[1]!
    expect([request.validators, request.signal.aborted]).toEqual([[['if-none-match', '"1"']], false])
    land({ kind: 'not-modified', fields: fieldsOf('max-age=1'), receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    await eventually(() => cache.cache.flights === 0)
    expect(await ask(cache)).toEqual(['hit', 1])
    cache.clock.advance(1_000)
    expect(await ask(cache)).toEqual(['stale', 2])
  })

  it('takes the new version, to its last byte, though nobody reads it', async () => {
    const cache = await stale(0)
    expect(await ask(cache)).toEqual(['stale', 1])
    const newer = upstreamOf({ fields: fieldsOf('max-age=90'), receivedAtMs: cache.clock.wallMs() })
    cache.flights[1]!.upstream(newer).feed.push(body.subarray(1))
    await turn()
    expect(newer.cancelled).toBe(0)
    newer.feed.end()
    await eventually(() => cache.cache.flights === 0)
    expect(cache.cache.stored(key, [])).toMatchObject({ length: body.byteLength - 1 })
    expect(await ask(cache)).toEqual(['hit', 1])
  })

  it.each<[string, number, Fields, Partial<CacheRequest>]>([
    ['the window is over', 30_000, minute, {}],
    ['its own window, which goes before the site\'s, is over', 5_000, fieldsOf('max-age=60, stale-while-revalidate=5'), {}],
    ['it allows none itself', 0, fieldsOf('max-age=60, stale-while-revalidate=0'), {}],
    ['the site has none', 0, minute, { site: siteOf() }],
    ['content is published to the site', 0, fieldsOf('max-age=60, stale-while-revalidate=30'), { site: siteOf({ whileRevalidate: '30s' }, { published: true }) }],
    ['the site has no origin', 0, fieldsOf('max-age=60, stale-while-revalidate=30'), { site: siteOf({}, { origins: [] }) }],
    ['it says must-revalidate', 0, fieldsOf('max-age=60, must-revalidate'), {}],
    ['it says proxy-revalidate', 0, fieldsOf('max-age=60, proxy-revalidate, stale-while-revalidate=30'), {}],
    ['it says s-maxage', 0, fieldsOf('s-maxage=60, stale-while-revalidate=30'), {}],
    ['it says no-cache', 0, fieldsOf('max-age=60, no-cache'), {}],
    ['it says no-cache and would be fresh', -30_000, fieldsOf('max-age=60, no-cache, stale-while-revalidate=30'), {}],
    ...['no-cache', 'max-age=0', 'max-age=600', 'min-fresh=1', 'max-stale=0'].map((control): [string, number, Fields, Partial<CacheRequest>] =>
      [`the request says ${control}`, 1, minute, { fields: [['cache-control', control]] }]),
    ['a peer asks', 0, minute, { staleWhileRevalidate: false }]
  ])('is fetched first where %s', async (_why, pastMs, fields, more) => {
    const cache = await stale(pastMs, fields, { site, ...more, fields: [] })
    expect(await ask(cache, more)).toEqual(['waits', 1])
  })

  it.each<[string, Partial<CacheRequest>]>([
    ['carries credentials', { fields: [['authorization', 'Basic x']] }],
    ['says no-store', { fields: [['cache-control', 'no-store']] }]
  ])('is not served, nor fetched with its fields, to a request that %s', async (_what, more) => {
    expect(await ask(await stale(0), more)).toEqual(['pass', 0])
  })

  it('is served by its own word where the site has no window, and an error by no other', async () => {
    expect(await ask(await stale(29_999, fieldsOf('max-age=60, stale-while-revalidate=30'), { site: siteOf() }), { site: siteOf() })).toEqual(['stale', 1])
    const cache = rig()
    const asked = cache.request({ site })
    await eventually(() => cache.flights.length === 1)
    cache.flights[0]!.upstream(upstreamOf({ status: 404, fields: minute, receivedAtMs: cache.clock.wallMs() })).feed.push(body).end()
    await read(await asked)
    await eventually(() => cache.cache.flights === 0)
    cache.clock.advance(60_000)
    expect(await ask(cache)).toEqual(['waits', 1])
  })

  it('joins a fetch that a client waits on, which may wait on it', async () => {
    const cache = await stale(0)
    expect(await ask(cache)).toEqual(['stale', 1])
    const waiting = cache.request({ site })
    await turn()
    expect(cache.flights).toHaveLength(2)
    cache.flights[1]!.land({ kind: 'not-modified', fields: minute, receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    expect(await waiting).toMatchObject({ kind: 'stored', phase: 'revalidated', collapsed: true })
  })
})

describe('fetching anew behind clients', () => {
  it.each<[string, (cache: Rig) => void]>([
    ['fails', (cache) => { cache.flights[1]!.land({ kind: 'failed', status: 504, reason: 'no origin can be reached' }) }],
    ['brings a server\'s error', (cache) => { cache.flights[1]!.upstream(upstreamOf({ status: 503, fields: [] })).feed.push(body).end() }],
    ['brings a server\'s error that may not be shared', (cache) => { cache.flights[1]!.upstream(upstreamOf({ status: 500, fields: [['cache-control', 'no-store']] })).feed.push(body).end() }],
    ['breaks off', (cache) => { cache.flights[1]!.upstream(upstreamOf({ fields: minute })).feed.push(body).fail(new Error('lost')) }]
  ])('is not begun again for a while where it %s, and what is stale is served on', async (_what, end) => {
    const cache = await stale(0)
    expect(await ask(cache)).toEqual(['stale', 1])
    end(cache)
    await eventually(() => cache.cache.flights === 0)
    await turn()
    expect(await ask(cache)).toEqual(['stale', 1])
    cache.clock.advance(cacheDefaults.revalidateAgainMs - 1)
    expect(await ask(cache)).toEqual(['stale', 1])
    cache.clock.advance(1)
    expect(await ask(cache)).toEqual(['stale', 2])
  })

  it.each<[string, number, Fields]>([['is gone', 404, []], ['is for one user now', 200, [['cache-control', 'private']]]])('ends what is stale where the answer %s', async (_what, status, fields) => {
    const cache = await stale(0)
    expect(await ask(cache)).toEqual(['stale', 1])
    cache.flights[1]!.upstream(upstreamOf({ status, fields })).feed.push(body).end()
    await eventually(() => cache.cache.stored(key, []) === undefined)
  })

  it('ends where the store takes no more', async () => {
    const cache = await stale(0)
    expect(await ask(cache)).toEqual(['stale', 1])
    const endless = cache.flights[1]!.upstream(upstreamOf({ fields: minute }))
    for (let sent = 0; sent < 100 && endless.cancelled === 0; sent++) {
      endless.feed.push(new Uint8Array(1 << 20))
      await turn()
    }
    await eventually(() => cache.cache.flights === 0)
    expect(await ask(cache)).toEqual(['stale', 1])
  })
})
