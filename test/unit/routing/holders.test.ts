/**
 * Copies beyond the ring's owners: who is asked when the directory, a filter or the DHT names a holder, and
 * that none of it keeps a request waiting that has another way.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Level } from '../../../daemon/cache/flight.ts'
import { TestOrigin } from '../../support/origin.ts'
import { bytesOf, fakePeers, fetcherOf, hitOf, miss, requestOf, silent, siteOf } from './support.ts'

let origin: TestOrigin
const body = Buffer.from('the very bytes')
const fromOrigin = { kind: 'upstream', upstream: { source: 'origin' } }
const from = (peer: string): object => ({ kind: 'upstream', upstream: { source: 'peer', peer } })

beforeAll(async () => {
  origin = await new TestOrigin().start()
  origin.file('/a', 1_000)
})
afterAll(async () => { await origin.close() })

describe('an edge whose neighbour\'s filter names the key', () => {
  it('has it from the neighbour, and asks no owner', async () => {
    const peers = fakePeers({ owners: { here: ['one'] }, neighbours: ['near'], answers: { near: hitOf('near', body) } })
    const { fetcher, steps } = fetcherOf(peers)
    expect(await fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject(from('near'))
    expect(peers.asked()).toEqual(['have near'])
    expect(steps).toContain('found-by-filter')
  })

  it('loses one round trip when the filter was wrong, says so, and goes its usual way', async () => {
    const peers = fakePeers({ owners: { here: ['one'] }, neighbours: ['near', 'other'], answers: { one: hitOf('one', body) } })
    const { fetcher, steps } = fetcherOf(peers)
    expect(await fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject(from('one'))
    expect(peers.asked()).toEqual(['have near', 'fill one'])
    expect(peers.wrong).toEqual(['near'])
    expect(steps).toContain('wrong-by-filter')
  })

  it('does not hold a stale copy against the filter', async () => {
    const peers = fakePeers({ owners: { here: ['one'] }, neighbours: ['near'], answers: { near: { kind: 'miss', stale: true }, one: hitOf('one', body) } })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.wrong).toEqual([])
  })

  it('leaves alone a neighbour that is the owner, silent, or further than the origin', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, neighbours: ['one'], answers: { one: hitOf('one', body) } })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.asked()).toEqual(['fill one'])
    const far = fakePeers({ owners: { here: ['one'] }, neighbours: ['near'], rtts: { near: 5_000 }, answers: { one: hitOf('one', body) } })
    await fetcherOf(far).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(far.asked()).toEqual(['fill one'])
    const dead = fakePeers({ owners: { here: ['one'] }, neighbours: ['near'], answers: { one: hitOf('one', body) } })
    await fetcherOf(dead).fetcher.obtain(requestOf(siteOf(origin.url), { silent: ['near'] }))
    expect(dead.asked()).toEqual(['fill one'])
  })
})

describe('a holder too far to be waited for', () => {
  const slowly = (ttfbMs: number, answers: boolean) => {
    const site = siteOf(origin.url)
    const request = answers ? site.origin?.request.bind(site.origin) : async () => await new Promise(() => {})
    return { ...site, origin: Object.assign(Object.create(site.origin as object), { ttfbMs: () => ttfbMs, request }) as NonNullable<typeof site.origin> }
  }

  it('is asked beside the origin, by the filter\'s word or the directory\'s', async () => {
    for (const [named, step] of [['neighbours', 'found-by-filter'], ['holders', 'found-by-directory']] as const) {
      const peers = fakePeers({ owners: { here: ['self'] }, [named]: ['far'], rtts: { far: 40 }, answers: { far: hitOf('far', body) } })
      const { fetcher, steps } = fetcherOf(peers)
      expect(await fetcher.obtain(requestOf(slowly(80, false)))).toMatchObject(from('far'))
      expect(steps).toContain(step)
    }
  })

  it('holds up nothing when it has it no more, or says nothing', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, neighbours: ['far'], rtts: { far: 40 }, answers: { far: new Promise(() => {}) } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(slowly(80, true)))).toMatchObject(fromOrigin)
  })

  it('is left alone beyond the origin, and where the origin answers at once', async () => {
    const beyond = fakePeers({ owners: { here: ['self'] }, neighbours: ['far'], rtts: { far: 90 } })
    await fetcherOf(beyond).fetcher.obtain(requestOf(slowly(80, true)))
    const quick = fakePeers({ owners: { here: ['self'] }, neighbours: ['far'], rtts: { far: 12 } })
    await fetcherOf(quick).fetcher.obtain(requestOf(slowly(15, true)))
    expect([...beyond.asked(), ...quick.asked()]).toEqual([])
  })
})

describe('an owner whose directory names holders', () => {
  it('asks them in order, at most as many as the setting says, and waits on no fill', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, holders: ['h1', 'h2', 'h3'], answers: { h2: hitOf('h2', body) } })
    const { fetcher, steps } = fetcherOf(peers)
    const request = requestOf(siteOf(origin.url))
    expect(await fetcher.obtain(request)).toMatchObject(from('h2'))
    expect(peers.asked()).toEqual(['have h1', 'have h2'])
    expect(request.levels).toEqual([Level.Home])
    expect(steps).toEqual(expect.arrayContaining(['wrong-by-directory', 'found-by-directory']))
    const none = fakePeers({ owners: { here: ['self'] }, holders: ['h1', 'h2', 'h3'] })
    expect(await fetcherOf(none).fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject(fromOrigin)
    expect(none.asked()).toEqual(['have h1', 'have h2'])
  })

  it('passes over those that are no members any more, whoever names them', async () => {
    const own = fakePeers({ owners: { here: ['self'] }, holders: ['g1', 'g2', 'h1'], gone: ['g1', 'g2'], answers: { h1: hitOf('h1', body) } })
    expect(await fetcherOf(own).fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject(from('h1'))
    expect(own.asked()).toEqual(['have h1'])
    const named = fakePeers({ owners: { here: ['self'] }, previous: 'one', gone: ['g1', 'g2'], answers: { one: { kind: 'miss', holders: ['g1', 'g2', 'h1'] }, h1: hitOf('h1', body) } })
    expect(await fetcherOf(named).fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject(from('h1'))
    expect(named.asked()).toEqual(['have one', 'have h1'])
    const lastly = fakePeers({ owners: { here: ['self'] }, members: { here: ['self', 'm1'] }, gone: ['g1'], answers: { m1: { kind: 'miss', holders: ['g1'] } } })
    await fetcherOf(lastly).fetcher.obtain(requestOf(siteOf(undefined)))
    expect(lastly.asked()).toEqual(['have m1'])
  })

  it('never asks back whoever carries the request', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, holders: ['asker'] })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { path: ['asker'], level: Level.Owner }))).toMatchObject(fromOrigin)
    expect(peers.asked()).toEqual([])
  })

  it('is believed by one who races it with the origin: the holder that it names is asked', async () => {
    origin.file('/a', 1_000)
    const peers = fakePeers({ owners: { far: ['one'], here: ['self'] }, region: 'here', homes: ['far', 'here'], rtts: { one: 50, h1: 40 }, answers: { one: { kind: 'miss', holders: ['h1'] }, h1: hitOf('h1', body) } })
    const site = siteOf(origin.url)
    const slow = { ...site, origin: Object.assign(Object.create(site.origin as object), { ttfbMs: () => 80, request: async () => await new Promise(() => {}) }) as NonNullable<typeof site.origin> }
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(slow))).toMatchObject(from('h1'))
    expect(peers.asked()).toEqual(['have one', 'have h1'])
  })
})

describe('the DHT', () => {
  it('is asked beside the origin, and its provider wins where the origin is slow', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, providers: ['p1', 'p2'], answers: { p1: silent, p2: hitOf('p2', body) } })
    const site = siteOf(origin.url)
    const slow = { ...site, origin: Object.assign(Object.create(site.origin as object), { ttfbMs: () => 500, request: async () => await new Promise(() => {}) }) as NonNullable<typeof site.origin> }
    const { fetcher, steps } = fetcherOf(peers)
    expect(await fetcher.obtain(requestOf(slow))).toMatchObject(from('p2'))
    expect(steps).toContain('found-by-dht')
  })

  it('is never waited for: a look-up without an end holds up nothing, and is given up', async () => {
    let given = false
    const peers = { ...fakePeers({ owners: { here: ['self'] } }), providers: async function * (_key: string, signal: AbortSignal) {
      await new Promise((resolve) => { signal.addEventListener('abort', resolve) })
      given = true
      signal.throwIfAborted()
      yield 'nobody'
    } }
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(got).toMatchObject(fromOrigin)
    await expect.poll(() => given).toBe(true)
  })

  it('is left alone where the origin answers sooner than a look-up could', async () => {
    let looked = 0
    const peers = { ...fakePeers({ owners: { here: ['self'] } }), providers: async function * () { looked++; yield * [] as string[] } }
    const site = siteOf(origin.url)
    const quick = { ...site, origin: Object.assign(Object.create(site.origin as object), { ttfbMs: () => 2, request: site.origin?.request.bind(site.origin) }) as NonNullable<typeof site.origin> }
    await fetcherOf(peers).fetcher.obtain(requestOf(quick))
    expect(looked).toBe(0)
  })

  it('finds what nobody else knows once no origin can be reached, stale or not, and no more than the setting says are asked', async () => {
    const stale = hitOf('p2', body, { stale: true })
    const peers = fakePeers({ owners: { here: ['self'] }, providers: ['p1', 'p2'], answers: { p2: (ask) => ask.staleOk ? stale : miss } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(undefined)))
    expect(got).toMatchObject(from('p2'))
    if (got.kind === 'upstream') expect(await bytesOf(got.upstream)).toEqual(body)
    const many = fakePeers({ owners: { here: ['self'] }, providers: ['p1', 'p2', 'p3', 'p4', 'p5'] })
    expect(await fetcherOf(many).fetcher.obtain(requestOf(siteOf(undefined)))).toMatchObject({ kind: 'failed' })
    expect(many.asked()).toHaveLength(3)
  })

  it('is not asked for what another edge asked for, once no origin can be reached', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, providers: ['p1'], answers: { p1: hitOf('p1', body) } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(undefined), { path: ['asker'], level: Level.Owner }))).toMatchObject({ kind: 'failed' })
    expect(peers.asked()).toEqual([])
  })
})

describe('a site to which content is published', () => {
  it('waits for its owners however far they are', async () => {
    const peers = fakePeers({ owners: { far: ['one'], here: ['self'] }, region: 'here', homes: ['far', 'here'], rtts: { one: 900 }, answers: { one: hitOf('one', body) } })
    for (const site of [siteOf(undefined), siteOf(origin.url, { published: true })]) {
      expect(await fetcherOf(peers).fetcher.obtain(requestOf(site))).toMatchObject(from('one'))
    }
    expect(peers.asked()).toEqual(['fill one', 'fill one'])
  })
})

describe('with no origin and no owner that has it', () => {
  it('members are asked, then whom their directories name', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, members: { here: ['self', 'm1'] }, answers: { m1: { kind: 'miss', holders: ['h9'] }, h9: (ask) => hitOf('h9', ask.headOnly ? Buffer.alloc(0) : body) } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(undefined)))).toMatchObject(from('h9'))
    expect(peers.asked()).toEqual(['have m1', 'have h9', 'have h9'])
  })
})
