/** What purges do to the cache: to what is stored, to what is on its way, and to who comes when. */
import { describe, expect, it } from 'vitest'
import { Marks, markDefaults, type Place } from '../../../protocols/purge/marks.ts'
import { tagHash } from '../../../protocols/purge/tags.ts'
import type { PurgeView } from '../../../daemon/purge/ports.ts'
import { PurgedStore } from '../../../daemon/purge/purged-store.ts'
import { bodyOf, eventually, hashOf } from '../../support/store.ts'
import { memoryStore, same, turn, upstreamOf, type TestUpstream } from './support.ts'
import { body, fillWith, key, read, rig, shared, type Rig } from './rig.ts'

const hard = { soft: false, atMs: 0 }
const target: Place = { scope: 'test', kind: 'target', text: '/a' }
const tag: Place = { scope: '', kind: 'tag', tag: tagHash('post-1') }
const tagged = [...shared, ['surrogate-key', 'home post-1']] as const

function purgeable (): Rig & { marks: Marks, purge: (place?: Place) => void, soften: () => void } {
  const marks = new Marks(markDefaults, 7)
  const purges: PurgeView = {
    get stamp () { return marks.epoch },
    isPurged: (subject) => marks.isPurged(subject),
    softenedAtMs: (subject) => marks.softenedAtMs(subject)
  }
  const cache = rig({}, new PurgedStore(memoryStore(), purges), purges)
  return {
    ...cache, marks,
    purge: (place = target) => { marks.apply([place], hard) },
    soften: () => { marks.apply([target], { soft: true, atMs: cache.clock.wallMs() }) }
  }
}

describe('what is stored', () => {
  it('is asked for anew once it is purged, and its body goes', async () => {
    const cache = purgeable()
    await fillWith(cache)
    cache.purge({ ...target, text: '/other' } as Place)
    expect(await cache.request()).toMatchObject({ kind: 'stored', phase: 'hit' })
    cache.purge()
    void cache.request().catch(() => {})
    await turn()
    // Nothing to validate: what was stored is as good as never seen.
    expect(cache.flights[1]?.request).toMatchObject({ validators: [] })
    await eventually(() => cache.store.stats().objects === 0)
  })

  it('is found by any of its tags, and by all where they were too many', async () => {
    for (const fields of [tagged, [...shared, ['cache-tag', Array.from({ length: 400 }, (_, at) => `t${at}`).join()]] as const]) {
      const cache = purgeable()
      await fillWith(cache, [...fields])
      cache.purge({ ...tag, scope: 'other' })
      expect(await cache.request()).toMatchObject({ kind: 'stored' })
      cache.purge(tag)
      expect(cache.store.variants(key)).toEqual([])
    }
  })

  it('is stale from the moment of a soft purge on: served at once within its window, and where no origin answers', async () => {
    const windowed = [['etag', '"1"'], ['cache-control', 'max-age=600, stale-while-revalidate=30']] as const
    const cache = purgeable()
    await fillWith(cache, [...windowed])
    cache.clock.advance(100_000)
    cache.soften()
    cache.clock.advance(20_000)
    expect(await cache.request({ site: { name: 'test', defaultTtlMs: 0, preserveHost: false, published: false, origin: {} as never }, staleWhileRevalidate: true })).toMatchObject({ kind: 'stored', phase: 'stale' })
    await turn()
    expect(cache.flights[1]?.request.validators).toEqual([['if-none-match', '"1"']])
    cache.flights[1]?.land({ kind: 'failed', status: 504, reason: 'gone' })
    await eventually(() => cache.cache.flights === 0)
    cache.clock.advance(20_000)
    const asked = cache.request({ staleWhileRevalidate: true })
    await turn()
    cache.flights[2]?.land({ kind: 'failed', status: 504, reason: 'gone' })
    expect(await asked).toMatchObject({ kind: 'stored', phase: 'stale', forward: 'stale' })
    const confirmed = cache.request()
    await turn()
    cache.flights[3]?.land({ kind: 'not-modified', fields: [], receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    expect(await confirmed).toMatchObject({ kind: 'stored', phase: 'revalidated' })
    expect(await cache.request()).toMatchObject({ kind: 'stored', phase: 'hit' })
  })

  it('is never the last resort once it was purged hard, even where that came while the origin was asked', async () => {
    for (const when of ['before', 'while'] as const) {
      const cache = purgeable()
      await fillWith(cache)
      cache.clock.advance(61_000)
      if (when === 'before') cache.purge()
      const asked = cache.request()
      await turn()
      if (when === 'while') cache.purge()
      cache.flights[1]?.land({ kind: 'failed', status: 504, reason: 'gone' })
      expect(await asked).toMatchObject({ kind: 'failed', status: 504 })
    }
  })
})

describe('a fill that began before a purge of its key', () => {
  it('goes on for those who have it, takes nobody else, and is not stored', async () => {
    const cache = purgeable()
    const early = cache.request()
    await turn()
    const { feed } = cache.flights[0]?.upstream(upstreamOf({ fields: shared, receivedAtMs: 0 })) as TestUpstream
    feed.push(body.subarray(0, 4_000))
    const [reading] = [await early]
    cache.purge()
    const late = cache.request()
    await turn()
    expect(cache.flights).toHaveLength(2)
    expect(cache.cache.oldestEpoch).toBe(7)
    feed.push(body.subarray(4_000)).end()
    expect(same(await read(reading), body)).toBe(true)
    await eventually(() => cache.cache.oldestEpoch === 8)
    expect(cache.store.stats().objects).toBe(0)
    const news = bodyOf(5_000, 3)
    cache.flights[1]?.upstream(upstreamOf({ fields: [['etag', '"2"'], ['cache-control', 'max-age=60']], receivedAtMs: 0 })).feed.push(news).end()
    expect(same(await read(await late), news)).toBe(true)
    await eventually(() => cache.cache.flights === 0)
    expect(await cache.request()).toMatchObject({ kind: 'stored', head: { hash: hashOf(news) } })
  })

  it('is not found by a peer that asks what is under way', async () => {
    const cache = purgeable()
    const asked = cache.request({ level: 3 })
    await turn()
    cache.flights[0]?.upstream(upstreamOf({ fields: shared, receivedAtMs: 0 })).feed.push(body.subarray(0, 10))
    await asked
    const signal = new AbortController().signal
    expect(await cache.cache.running(key, [], signal)).toMatchObject({ kind: 'filling' })
    cache.purge()
    expect(await cache.cache.running(key, [], signal)).toBeUndefined()
  })

  it('whose tags nobody knows yet is over with any tag of its site, and with those that it turns out to have', async () => {
    const cache = purgeable()
    void cache.request().catch(() => {})
    await turn()
    cache.purge({ ...tag, scope: 'other' })
    void cache.request().catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(1)
    cache.purge(tag)
    void cache.request().catch(() => {})
    await turn()
    expect(cache.flights).toHaveLength(2)
    // The first has another tag: it was not meant, and is kept.
    cache.flights[0]?.upstream(upstreamOf({ fields: [...shared, ['cache-tag', 'other']], receivedAtMs: 0 })).feed.push(body).end()
    await eventually(() => cache.store.stats().objects === 1)
    expect(cache.store.variants(key)).toMatchObject([{ epoch: 7 }])
  })
})

describe('a validation that began before a purge', () => {
  it('does not bring back what it found current', async () => {
    const cache = purgeable()
    await fillWith(cache)
    cache.clock.advance(61_000)
    const asked = cache.request()
    await turn()
    cache.purge()
    cache.flights[1]?.land({ kind: 'not-modified', fields: shared, receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    await eventually(() => cache.flights.length === 3)
    expect(cache.flights[2]?.request.validators).toEqual([])
    cache.flights[2]?.upstream(upstreamOf({ fields: shared, receivedAtMs: 0 })).feed.push(body).end()
    expect(await asked).toMatchObject({ kind: 'filling' })
    await eventually(() => cache.cache.flights === 0)
    expect(cache.store.variants(key)).toMatchObject([{ epoch: 8 }])
  })

  it('does not bring it back under other tags, either', async () => {
    const cache = purgeable()
    await fillWith(cache, [...tagged])
    cache.clock.advance(61_000)
    void cache.request().catch(() => {})
    await turn()
    cache.purge(tag)
    cache.flights[1]?.land({ kind: 'not-modified', fields: [['surrogate-key', 'other']], receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    await eventually(() => cache.flights.length === 3)
    expect(cache.flights[2]?.request.validators).toEqual([])
  })

  it('does not make fresh what was purged softly meanwhile', async () => {
    const cache = purgeable()
    await fillWith(cache)
    cache.clock.advance(61_000)
    const asked = cache.request()
    await turn()
    cache.soften()
    cache.flights[1]?.land({ kind: 'not-modified', fields: shared, receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    expect(await asked).toMatchObject({ kind: 'stored', phase: 'revalidated' })
    const next = cache.request()
    await turn()
    expect(cache.flights).toHaveLength(3)
    cache.flights[2]?.land({ kind: 'not-modified', fields: shared, receivedAtMs: cache.clock.wallMs(), initialAgeMs: 0, source: 'origin' })
    expect(await next).toMatchObject({ kind: 'stored' })
    expect(await cache.request()).toMatchObject({ kind: 'stored', phase: 'hit' })
  })
})
