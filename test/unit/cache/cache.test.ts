/** What a request gets: from the store, from a flight that is under way, or from one of its own. */
import { describe, expect, it } from 'vitest'
import type { CacheResult, Obtained } from '../../../daemon/cache/cache.ts'
import { Level } from '../../../daemon/cache/flight.ts'
import type { Fields } from '../../../protocols/fields.ts'
import { bodyOf, eventually, hashOf } from '../../support/store.ts'
import { same, turn, upstreamOf, type TestUpstream } from './support.ts'
import { body, fillWith, key, mine, read, rig, shared } from './rig.ts'

describe('requests for one key', () => {
  it('share one flight while it is under way, and the store afterwards', async () => {
    const cache = rig()
    const [one, other] = [cache.request(), cache.request()]
    await turn()
    expect(cache.flights).toHaveLength(1)
    const { feed } = cache.flights[0]?.upstream(upstreamOf({ fields: shared, receivedAtMs: 0 })) as TestUpstream
    feed.push(body.subarray(0, 4_000))
    expect(await one).toMatchObject({ kind: 'filling', collapsed: false, forward: 'uri-miss', storing: true, source: 'origin' })
    expect(await other).toMatchObject({ kind: 'filling', collapsed: true })
    const late = await cache.request()
    expect(late).toMatchObject({ kind: 'filling', collapsed: true })
    feed.push(body.subarray(4_000)).end()
    for (const each of [one, other, late]) expect(same(await read(await each), body)).toBe(true)
    await eventually(() => cache.cache.flights === 0)
    expect(await cache.request()).toMatchObject({ kind: 'stored', phase: 'hit', source: 'store', head: { hash: hashOf(body) } })
    expect(cache.flights).toHaveLength(1)
  })

  it('that reload share a flight of their own, which replaces what is stored', async () => {
    const cache = rig()
    await fillWith(cache)
    const reload: Fields = [['cache-control', 'no-cache']]
    const reloads = [cache.request({ fields: reload }), cache.request({ fields: reload })]
    await turn()
    expect(cache.flights).toHaveLength(2)
    expect(cache.flights[1]?.request.validators).toEqual([['if-none-match', '"1"']])
    expect(await cache.request()).toMatchObject({ kind: 'stored', phase: 'hit' })
    const news = bodyOf(5_000, 3)
    cache.flights[1]?.upstream(upstreamOf({ fields: [['etag', '"2"'], ['cache-control', 'max-age=60']], receivedAtMs: 0 })).feed.push(news).end()
    for (const each of reloads) expect(same(await read(await each), news)).toBe(true)
    await eventually(() => cache.cache.flights === 0)
    expect(await cache.request()).toMatchObject({ kind: 'stored', head: { hash: hashOf(news) } })
  })

  it('that find it stale share one validation', async () => {
    const cache = rig()
    await fillWith(cache)
    cache.clock.advance(61_000)
    const asks = [cache.request(), cache.request()]
    await turn()
    expect(cache.flights).toHaveLength(2)
    cache.flights[1]?.land({ kind: 'not-modified', fields: [['cache-control', 'max-age=100']], receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    for (const each of asks) expect(await each).toMatchObject({ kind: 'stored', phase: 'revalidated', source: 'origin', forward: 'stale' })
    cache.clock.advance(99_000)
    expect(await cache.request()).toMatchObject({ kind: 'stored', phase: 'hit' })
  })

  it('get what is stored and stale when nothing newer can be had, unless it forbids that', async () => {
    for (const [control, kind] of [['max-age=60', 'stored'], ['max-age=60, must-revalidate', 'failed']] as const) {
      const cache = rig()
      await fillWith(cache, [['etag', '"1"'], ['cache-control', control]])
      cache.clock.advance(61_000)
      const asked = cache.request()
      await turn()
      cache.flights[1]?.land({ kind: 'failed', status: 504, reason: 'gone' })
      expect(await asked).toMatchObject(kind === 'stored' ? { kind, phase: 'stale' } : { kind, status: 504 })
    }
  })

  it('all learn of a failure, and the next one tries anew', async () => {
    const cache = rig()
    const asks = [cache.request(), cache.request()]
    await turn()
    cache.flights[0]?.land({ kind: 'failed', status: 502, reason: 'gone' })
    for (const each of asks) expect(await each).toEqual({ kind: 'failed', status: 502, reason: 'gone' })
    void cache.request().catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(2)
  })

  it('each get their own variant, though they shared a flight before it was known that there are any', async () => {
    const cache = rig()
    const [german, french] = [cache.request({ fields: [['accept-language', 'de']] }), cache.request({ fields: [['accept-language', 'fr']] })]
    await turn()
    expect(cache.flights).toHaveLength(1)
    const fields: Fields = [['vary', 'accept-language'], ['cache-control', 'max-age=60']]
    cache.flights[0]?.upstream(upstreamOf({ fields, receivedAtMs: 0 })).feed.push(body).end()
    expect(same(await read(await german), body)).toBe(true)
    await eventually(() => cache.flights.length === 2)
    expect(cache.flights[1]?.request.fields).toEqual([['accept-language', 'fr']])
    const other = bodyOf(100, 9)
    cache.flights[1]?.upstream(upstreamOf({ fields, receivedAtMs: 0 })).feed.push(other).end()
    expect(same(await read(await french), other)).toBe(true)
    await eventually(() => cache.cache.flights === 0)
    for (const [language, bytes] of [['de', body], ['fr', other]] as const) {
      expect(await cache.request({ fields: [['accept-language', language]] })).toMatchObject({ kind: 'stored', head: { hash: hashOf(bytes) } })
    }
    void cache.request({ fields: [['accept-language', 'it']] }).catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(3)
  })

  it('begin a new flight where the one under way was dropped by the last who left it', async () => {
    const cache = rig({ finishAbandonedBytesMax: 0 })
    const leaving = new AbortController()
    const left = cache.request({ signal: leaving.signal })
    await turn()
    const upstream = cache.flights[0]?.upstream(upstreamOf({ fields: shared, length: body.byteLength })) as TestUpstream
    // A peer or an origin that takes its time to notice.
    Object.assign(upstream, { cancel: () => {} })
    upstream.feed.push(body.subarray(0, 10))
    const result = await left
    if (result.kind === 'filling') result.release()
    const next = cache.request()
    await eventually(() => cache.flights.length === 2, 2_000)
    cache.flights[1]?.upstream(upstreamOf({ fields: shared, length: body.byteLength })).feed.push(body).end()
    expect(same(await read(await next), body)).toBe(true)
  })

  it('never get what had come of a body of unknown length when the last client left', async () => {
    const cache = rig()
    const asked = cache.request()
    await turn()
    const { feed } = cache.flights[0]?.upstream(upstreamOf({ fields: shared, receivedAtMs: 0 })) as TestUpstream
    feed.push(body.subarray(0, 10))
    const result = await asked
    await eventually(() => feed.waiting)
    if (result.kind === 'filling') result.release()
    await eventually(() => cache.cache.flights === 0)
    expect(cache.store.stats().objects).toBe(0)
  })

  it('end with their own signal, and the flight with the last of them', async () => {
    const cache = rig()
    const [one, other] = [new AbortController(), new AbortController()]
    const asks = [cache.request({ signal: one.signal }), cache.request({ signal: other.signal })]
    await turn()
    one.abort(new Error('one left'))
    await expect(asks[0]).rejects.toThrow('one left')
    expect(cache.flights[0]?.request.signal.aborted).toBe(false)
    other.abort(new Error('the other left'))
    await expect(asks[1]).rejects.toThrow('the other left')
    expect(cache.flights[0]?.request.signal.aborted).toBe(true)
    expect(cache.cache.flights).toBe(0)
    await expect(cache.request({ signal: one.signal })).rejects.toThrow('one left')
  })
})

describe('a response that may not be shared', () => {
  it('goes to the request that it was given to; all others ask for themselves, for a while at once', async () => {
    const cache = rig({ notShareableMs: 1_000 })
    const asks = [cache.request(), cache.request(), cache.request()]
    await turn()
    const upstream = cache.flights[0]?.upstream(upstreamOf({ fields: mine })) as TestUpstream
    const results = await Promise.all(asks)
    expect(results).toEqual([{ kind: 'pass', reason: 'private', upstream }, { kind: 'pass', reason: 'private' }, { kind: 'pass', reason: 'private' }])
    expect(await cache.request()).toEqual({ kind: 'pass', reason: 'private' })
    expect(cache.flights).toHaveLength(1)
    expect(upstream.cancelled).toBe(0)
    cache.clock.advance(1_001)
    void cache.request().catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(2)
  })

  it('goes to nobody when the client that it was for left before it came', async () => {
    const cache = rig()
    const leaving = new AbortController()
    const left = cache.request({ signal: leaving.signal })
    const stays = cache.request()
    await turn()
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    const upstream = cache.flights[0]?.upstream(upstreamOf({ fields: mine })) as TestUpstream
    expect(await stays).toEqual({ kind: 'pass', reason: 'private' })
    await eventually(() => upstream.cancelled === 1, 1_000)
  })

  it('is dropped when that client leaves in the moment in which it comes', async () => {
    const cache = rig()
    const leaving = new AbortController()
    const left = cache.request({ signal: leaving.signal })
    await turn()
    const upstream = cache.flights[0]?.upstream(upstreamOf({ fields: mine })) as TestUpstream
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    await eventually(() => upstream.cancelled === 1, 1_000)
  })

  it('that a peer spoke of is nobody\'s here', async () => {
    const cache = rig()
    const asked = cache.request()
    await turn()
    cache.flights[0]?.land({ kind: 'private' })
    expect(await asked).toEqual({ kind: 'pass', reason: 'private' })
  })

  it.each<[string, Fields]>([['credentials', [['authorization', 'Basic x']]], ['no-store', [['cache-control', 'no-store']]]])('is expected by a request with %s, which begins no flight', async (_what, fields) => {
    const cache = rig()
    expect(await cache.request({ fields })).toEqual({ kind: 'pass', reason: 'private' })
    expect(cache.flights).toEqual([])
  })

  it('also is one whose Vary is *, and one that the store cannot hold', async () => {
    for (const more of [{ fields: [['vary', '*'], ['cache-control', 'max-age=60']] as Fields }, { fields: shared, length: 1e12 }]) {
      const cache = rig()
      const asked = cache.request()
      await turn()
      const upstream = cache.flights[0]?.upstream(upstreamOf(more)) as TestUpstream
      expect(await asked).toEqual({ kind: 'pass', reason: 'private', upstream })
    }
  })
})

describe('a request', () => {
  it('for what is cached only gets that, or 504', async () => {
    const cache = rig()
    const fields: Fields = [['cache-control', 'only-if-cached']]
    expect(await cache.request({ fields })).toMatchObject({ kind: 'failed', status: 504 })
    await fillWith(cache)
    expect(await cache.request({ fields })).toMatchObject({ kind: 'stored', phase: 'hit' })
  })

  it('for a far range is not made to wait for all before it, unless that is on its way', async () => {
    const cache = rig({ rangeWaitBytesMax: 1_000 })
    expect(await cache.request({ rangeStart: 1_001 })).toEqual({ kind: 'pass', reason: 'partial' })
    void cache.request({ rangeStart: 1_000 }).catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(1)
    void cache.request({ rangeStart: 5_000 }).catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(1)
  })

  it('whose source fails in an unexpected way gets a 502, not an exception', async () => {
    const cache = rig()
    const asked = cache.request()
    await turn()
    cache.flights[0]?.land(Promise.reject(new TypeError('a fault')) as never)
    expect(await asked).toMatchObject({ kind: 'failed', status: 502 })
    expect(cache.cache.flights).toBe(0)
  })

  it('of a higher level does not join a flight that may wait on whoever asks', async () => {
    const cache = rig()
    void cache.request().catch(() => {})
    void cache.request({ level: Level.Owner, path: ['peer'] }).catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(2)
    cache.flights[0]?.request.onLevel(Level.Origin)
    void cache.request({ level: Level.Home, path: ['far'] }).catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(2)
  })

  it('that was told that what it does not hold is current gets a 502 and nothing is kept', async () => {
    const cache = rig()
    const asked = cache.request()
    await turn()
    cache.flights[0]?.land({ kind: 'not-modified', fields: [], receivedAtMs: 0, initialAgeMs: 0, source: 'origin' })
    expect(await asked).toMatchObject({ kind: 'failed', status: 502 })
    expect(cache.store.stats().objects).toBe(0)
  })
})

describe('what is running, for a peer\'s have', () => {
  it('is a flight that waits on the origin alone', async () => {
    const cache = rig()
    void cache.request().catch(() => {})
    await turn()
    const signal = new AbortController().signal
    expect(await cache.cache.running(key, [], signal)).toBeUndefined()
    cache.flights[0]?.request.onLevel(Level.Origin)
    const running = cache.cache.running(key, [], signal)
    cache.flights[0]?.upstream(upstreamOf({ fields: shared, receivedAtMs: 0 })).feed.push(body).end()
    const found = await running
    expect(same(await read(found as CacheResult), body)).toBe(true)
  })

  it.each<[string, Obtained]>([
    ['fails', { kind: 'failed', status: 502, reason: 'gone' }], ['may not be shared', { kind: 'private' }]
  ])('is nothing when the flight %s', async (_what, outcome) => {
    const cache = rig()
    const asked = cache.request()
    await turn()
    cache.flights[0]?.request.onLevel(Level.Origin)
    const running = cache.cache.running(key, [], new AbortController().signal)
    cache.flights[0]?.land(outcome)
    expect(await running).toBeUndefined()
    await asked
  })

  it('is nothing of a variant that does not fit', async () => {
    const cache = rig()
    void cache.request({ fields: [['accept-language', 'de']] }).then((result) => { if (result.kind === 'filling') result.release() })
    await turn()
    cache.flights[0]?.request.onLevel(Level.Origin)
    const running = cache.cache.running(key, [['accept-language', 'fr']], new AbortController().signal)
    cache.flights[0]?.upstream(upstreamOf({ fields: [['vary', 'accept-language'], ['cache-control', 'max-age=60']], receivedAtMs: 0 })).feed.push(body).end()
    expect(await running).toBeUndefined()
  })

  it('does not bring what came from a peer in the end', async () => {
    const cache = rig()
    const asked = cache.request()
    await turn()
    cache.flights[0]?.request.onLevel(Level.Origin)
    const running = cache.cache.running(key, [], new AbortController().signal)
    cache.flights[0]?.upstream(upstreamOf({ fields: shared, source: 'peer', peer: 'p' }))
    expect(await running).toBeUndefined()
    const result = await asked
    if (result.kind === 'filling') result.release()
  })
})

describe('the stored head', () => {
  it('is refreshed by a 304, and no more stored under a Vary that has become another', async () => {
    const cache = rig()
    await fillWith(cache)
    cache.clock.advance(61_000)
    const asked = cache.request()
    await turn()
    cache.flights[1]?.land({ kind: 'not-modified', fields: [['vary', 'accept-language']], receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    // What it would have been served from is gone: it is fetched anew, without a condition.
    await expect.poll(() => cache.flights[2]).toBeDefined()
    expect(cache.store.variants(key)).toEqual([])
    expect(cache.flights[2]?.request.validators).toEqual([])
    cache.flights[2]?.land({ kind: 'failed', status: 502, reason: 'the test is over' })
    expect(await asked).toMatchObject({ kind: 'failed' })
  })
})
