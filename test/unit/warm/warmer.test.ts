/** The target's side of warming, over a real cache and store. */
import { describe, expect, it } from 'vitest'
import { Cache, type Obtained, type ObtainRequest } from '../../../daemon/cache/cache.ts'
import { cacheDefaults } from '../../../daemon/cache/settings.ts'
import { Sites } from '../../../daemon/cache/sites.ts'
import type { StoreSettings } from '../../../daemon/store/settings.ts'
import { warmDefaults, type WarmSettings } from '../../../daemon/warm/settings.ts'
import { Warmer } from '../../../daemon/warm/warmer.ts'
import type { Fields } from '../../../protocols/fields.ts'
import type { WarmAnswer } from '../../../protocols/warm/messages.ts'
import { bodyOf } from '../../support/store.ts'
import { memoryStore, upstreamOf, turn, type TestUpstream } from '../cache/support.ts'
import { manualClock } from '../membership/support.ts'

const body = bodyOf(10_000)
const shared: Fields = [['etag', '"1"'], ['cache-control', 'max-age=60']]

interface Rig {
  warmer: Warmer
  clock: ReturnType<typeof manualClock>
  /** Fetches that began, with what ends them. */
  fetches: Array<{ request: ObtainRequest, land: (outcome: Obtained) => void }>
  warm: (target: string, more?: { host?: string, site?: string, job?: string }) => Promise<WarmAnswer>
  /** Answers the latest fetch with this body. */
  answer: (more?: Parameters<typeof upstreamOf>[0]) => TestUpstream
}

function rig (settings: Partial<WarmSettings> = {}, store: Partial<StoreSettings> = {}): Rig {
  const clock = manualClock()
  const fetches: Rig['fetches'] = []
  const sites = new Sites([
    { name: 'shop', hosts: ['shop.example'], defaultTtlMs: 0, hostHeader: 'origin' },
    { name: 'kept', hosts: ['kept.example'], defaultTtlMs: 0, hostHeader: 'preserve' }
  ], () => { throw new Error('no origin here') })
  const cache = new Cache({
    store: memoryStore(store), clock, settings: cacheDefaults,
    fetcher: {
      obtain: async (request) => await new Promise((resolve, reject) => {
        request.signal.addEventListener('abort', () => { reject(request.signal.reason as Error) })
        fetches.push({ request, land: resolve })
      }),
      resume: async () => { throw new Error('no other source') }
    }
  })
  const warmer = new Warmer({ cache, sites, clock, settings: { ...warmDefaults, ...settings } })
  return {
    warmer, clock, fetches,
    warm: async (target, { site = 'shop', host, job = 'job-1' } = {}) => await warmer.warm({ site, target, host, job }, new AbortController().signal),
    answer: (more) => {
      const upstream = upstreamOf({ fields: shared, receivedAtMs: clock.wallMs(), ...more })
      fetches.at(-1)?.land({ kind: 'upstream', upstream })
      return upstream
    }
  }
}

describe('an edge that is told to warm', () => {
  it('fetches and stores, says from where, and finds it there the next time', async () => {
    const edge = rig()
    const asked = edge.warm('/a')
    await turn()
    edge.answer().feed.push(body).end()
    expect(await asked).toEqual({ state: 'stored', bytes: 10_000, status: 200, source: 'origin' })
    expect(await edge.warm('/a', { job: 'job-2' })).toEqual({ state: 'held', bytes: 0, status: 200, source: 'store' })
    expect(edge.fetches).toHaveLength(1)
  })

  it('says how far it is while it lasts, and gives the outcome to all who asked, once more where it was lost', async () => {
    const edge = rig()
    const early = [edge.warm('/a'), edge.warm('/a')]
    await turn()
    const { feed } = edge.answer()
    feed.push(body)
    await edge.clock.advance(warmDefaults.warmWaitMs)
    for (const each of early) expect(await each).toEqual({ state: 'running', bytes: 10_000, status: 200, source: 'origin' })
    const late = edge.warm('/a')
    feed.end()
    const outcome = { state: 'stored', bytes: 10_000, status: 200, source: 'origin' }
    expect(await late).toEqual(outcome)
    // The answer was lost on its way.
    expect(await edge.warm('/a')).toEqual(outcome)
    expect(edge.fetches).toHaveLength(1)
  })

  it('drops what nobody asks about any more', async () => {
    const edge = rig({ warmInFlightMax: 1 })
    const asked = [edge.warm('/running'), edge.warm('/queued')]
    await edge.clock.advance(warmDefaults.warmWaitMs)
    expect((await Promise.all(asked)).map(({ state }) => state)).toEqual(['running', 'queued'])
    await edge.clock.advance(warmDefaults.warmLeaseMs - 1)
    expect(edge.fetches[0]?.request.signal.aborted).toBe(false)
    await edge.clock.advance(1)
    expect(edge.fetches[0]?.request.signal.aborted).toBe(true)
    expect(edge.warmer.load).toEqual({ queued: 0, running: 0 })
    // The other's turn may have come in the same moment.
    for (const { request } of edge.fetches) expect(request.signal.aborted).toBe(true)
  })

  it('fetches a few at a time, lets others wait, and sends away what is too much', async () => {
    const edge = rig({ warmInFlightMax: 2, warmQueueMax: 1 })
    const asked = ['/1', '/2', '/3', '/4'].map(async (target) => await edge.warm(target))
    await edge.clock.advance(warmDefaults.warmWaitMs)
    expect((await Promise.all(asked)).map(({ state }) => state)).toEqual(['running', 'running', 'queued', 'busy'])
    edge.fetches[0]?.land({ kind: 'failed', status: 502, reason: 'no route' })
    await turn()
    expect(edge.fetches.map(({ request }) => request.target)).toEqual(['/1', '/2', '/3'])
    expect(await edge.warm('/1')).toEqual({ state: 'failed', bytes: 0, why: 'no route' })
  })

  it.each([
    ['private', { fields: [['cache-control', 'private']] as Fields }, 'not-storable', /one user/],
    ['no-store', { fields: [['cache-control', 'no-store']] as Fields }, 'not-storable', /no-store/],
    ['with Vary: *', { fields: [['cache-control', 'max-age=60'], ['vary', '*']] as Fields }, 'not-storable', /Vary/],
    ['a 302 without a lifetime', { status: 302, fields: [] as Fields }, 'not-storable', /status/],
    ['a 404', { status: 404, fields: [] as Fields }, 'failed', /an error: 404/],
    ['a 404 that may be stored', { status: 404, fields: shared }, 'failed', /an error: 404/],
    ['a 500', { status: 500, fields: [] as Fields }, 'failed', /an error: 500/]
  ])('says why what is %s is not stored, without taking in its body', async (_what, response, state, why) => {
    const edge = rig()
    const asked = edge.warm('/a')
    await turn()
    const upstream = edge.answer({ ...response, length: 1e9 })
    expect(await asked).toMatchObject({ state, status: upstream.status, bytes: 0, why: expect.stringMatching(why) as string })
    await turn()
    expect(upstream.cancelled).toBe(1)
  })

  it('fails with what is larger than its store, known beforehand or not', async () => {
    const edge = rig({}, { memoryBytesMax: 50_000, memoryObjectBytesMax: 20_000, memoryObjectShareMax: 1 })
    const known = edge.warm('/known')
    await turn()
    edge.answer({ length: 1e9 })
    expect(await known).toMatchObject({ state: 'failed', status: 200, why: expect.stringContaining('larger') as string })

    const unknown = edge.warm('/unknown')
    await turn()
    const upstream = edge.answer()
    for (let chunk = 0; chunk < 100; chunk++) upstream.feed.push(body)
    expect(await unknown).toMatchObject({ state: 'failed', why: expect.stringContaining('too large') as string })
    expect(upstream.feed.taken).toBeLessThan(50)
  })

  it('fails with a body that breaks off', async () => {
    const edge = rig()
    const asked = edge.warm('/a')
    await turn()
    edge.answer({ length: 20_000 }).feed.push(body).fail(new Error('reset'))
    expect(await asked).toMatchObject({ state: 'failed', bytes: 10_000, why: expect.stringContaining('broke off') as string })
  })

  it('refuses what it understands otherwise than the asker', async () => {
    const edge = rig()
    expect(await edge.warm('/a', { site: 'other' })).toMatchObject({ state: 'failed', why: expect.stringContaining('no site other') as string })
    for (const refused of [edge.warm('/a/../b'), edge.warm('/a', { host: 'x.example' }), edge.warm('/a', { site: 'kept' })]) {
      expect(await refused).toMatchObject({ state: 'failed', why: expect.stringContaining('another idea') as string })
    }
    expect(edge.fetches).toEqual([])
  })

  it('ends what runs when it stops', async () => {
    const edge = rig()
    const asked = edge.warm('/a')
    await turn()
    edge.warmer.stop()
    expect(await asked).toMatchObject({ state: 'failed' })
    expect(await edge.warm('/b')).toMatchObject({ state: 'failed', why: 'it is stopping' })
  })
})
