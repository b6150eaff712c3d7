/** Which peers are asked, in what order, and when the origin is: every answer and what follows it. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Level } from '../../../daemon/cache/flight.ts'
import { decodeRequest, pathMax } from '../../../protocols/fetch/messages.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'
import { TestOrigin } from '../../support/origin.ts'
import { bodyOf, headOf } from '../../support/store.ts'
import { bytesOf, fakePeers, fetcherOf, hitOf, key, miss, requestOf, silent, siteOf } from './support.ts'

const body = bodyOf(1_000)
let origin: TestOrigin
let whole: Buffer

beforeEach(async () => {
  origin = await new TestOrigin().start()
  whole = origin.file('/a', 5_000, { maxAge: 60 })
})
afterEach(async () => { await origin.close() })

describe('an edge that is not the owner', () => {
  it('asks the owner to fill, and its hit is the answer', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: hitOf('one', body) } })
    const { fetcher, steps } = fetcherOf(peers)
    const got = await fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(got).toMatchObject({ kind: 'upstream', upstream: { source: 'peer', peer: 'one', status: 200, length: 1_000, stale: false } })
    expect(peers.asks).toMatchObject([{ peer: 'one', ask: { verb: 'fill', path: ['self'], silent: [], turnedAway: false, last: false, offset: 0, staleOk: false } }])
    expect(steps).toEqual(['peer-hit'])
    expect(origin.seen).toEqual([])
  })

  it('tells the second owner who was silent, and the origin is asked when that is silent too', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: silent, 'fill two': silent } })
    const { fetcher, steps } = fetcherOf(peers)
    const got = await fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.asked()).toEqual(['fill one', 'fill two'])
    expect(peers.asks[1]?.ask).toMatchObject({ silent: ['one'], last: true })
    expect(steps).toEqual(['peer-silent', 'peer-silent', 'origin'])
    expect(got).toMatchObject({ kind: 'upstream', upstream: { source: 'origin' } })
    if (got.kind === 'upstream') expect((await bytesOf(got.upstream)).equals(whole)).toBe(true)
  })

  it('names no more silent peers than an ask may carry', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: silent } })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { silent: Array.from({ length: 8 }, (_, index) => `mute-${index}`) }))
    expect(() => decodeRequest(decodeFrame(encodeFrame(peers.asks[1]?.ask ?? {})))).not.toThrow()
    expect(peers.asks[1]?.ask.silent).toContain('one')
  })

  it('asks nobody whom its own asker found silent', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] } })
    const { fetcher } = fetcherOf(peers)
    await fetcher.obtain(requestOf(siteOf(origin.url), { silent: ['one'] }))
    expect(peers.asked()).toEqual(['fill two'])
  })

  it('goes on to the next owner when one is busy, says so, and that there is no other', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: { kind: 'busy' }, two: hitOf('two', body) } })
    const { fetcher, steps } = fetcherOf(peers)
    expect(await fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject({ kind: 'upstream', upstream: { peer: 'two' } })
    expect(peers.asks.map(({ ask }) => [ask.turnedAway, ask.last])).toEqual([[false, false], [true, true]])
    expect(steps).toEqual(['peer-busy', 'peer-hit'])
  })

  it('tells a lone owner that there is no other, so that it takes the ask however busy', async () => {
    const peers = fakePeers({ owners: { here: ['one'] }, answers: { one: hitOf('one', body) } })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.asks).toMatchObject([{ ask: { last: true } }])
  })

  it('goes on to the next owner after a miss, without calling the first silent', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: miss, two: hitOf('two', body) } })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.asks[1]?.ask).toMatchObject({ silent: [], turnedAway: false })
  })

  it('asks the origin itself when an owner could not reach its own', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: { kind: 'failed', status: 504, reason: 'gone' } } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.asked()).toEqual(['fill one'])
    expect(got).toMatchObject({ kind: 'upstream', upstream: { source: 'origin' } })
  })

  it('learns that a response may not be shared, and asks nobody else', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'two'] }, answers: { one: { kind: 'private' } } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))).toEqual({ kind: 'private' })
    expect(origin.seen).toEqual([])
  })

  it('tells the owner what it holds, and takes its word that this is current', async () => {
    const stored = headOf(key, body)
    const peers = fakePeers({ owners: { here: ['one'] }, answers: { one: hitOf('one', body, { same: true, head: { ageMs: 70 } }) } })
    const { fetcher, steps } = fetcherOf(peers)
    const got = await fetcher.obtain(requestOf(siteOf(origin.url), { stored, validators: [['if-none-match', '"1"']] }))
    expect(peers.asks[0]?.ask.held).toEqual({ etag: '"1"', hash: stored.hash, length: 1_000 })
    expect(got).toMatchObject({ kind: 'not-modified', source: 'peer', peer: 'one', initialAgeMs: 70 })
    expect(steps).toEqual(['peer-same'])
  })

  it('acts as the owner when it is the next one itself, and asks the first only for what is there', async () => {
    const peers = fakePeers({ owners: { here: ['one', 'self'] }, answers: { 'fill one': { kind: 'busy' }, 'have one': hitOf('one', body) } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))
    expect(peers.asked()).toEqual(['fill one', 'have one'])
    expect(peers.asks[0]?.ask.last).toBe(false)
    expect(got).toMatchObject({ kind: 'upstream', upstream: { peer: 'one' } })
  })

  it('never sends conditions, ranges or connection fields of its client on', async () => {
    const peers = fakePeers({ owners: { here: ['one'] } })
    const fields = [['accept-language', 'de'], ['if-none-match', '"x"'], ['range', 'bytes=1-'], ['connection', 'close, x-hop'], ['x-hop', '1'], ['host', 'h']] as const
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { fields }))
    expect(peers.asks[0]?.ask.fields).toEqual([['accept-language', 'de']])
    const [seen] = origin.seen
    expect(seen?.headers).toMatchObject({ 'accept-language': 'de', via: '1.1 edge' })
    expect(Object.keys(seen?.headers ?? {})).not.toContain('if-none-match')
    expect(Object.keys(seen?.headers ?? {})).not.toContain('range')
  })

  it('ends with its signal wherever it is', async () => {
    const leaving = new AbortController()
    const peers = fakePeers({
      owners: { here: ['one'] },
      answers: { one: async (_ask, { signal }) => await new Promise((_resolve, reject) => { signal.addEventListener('abort', () => { reject(signal.reason as Error) }) }) }
    })
    const obtained = fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { signal: leaving.signal }))
    leaving.abort(new Error('nobody waits'))
    await expect(obtained).rejects.toThrow('nobody waits')
    expect(origin.seen).toEqual([])
  })
})

describe('an owner', () => {
  it('of the home region asks the owner of the view before what it has, then the origin', async () => {
    const peers = fakePeers({ owners: { here: ['self', 'two'] }, previous: 'old' })
    const request = requestOf(siteOf(origin.url))
    expect(await fetcherOf(peers).fetcher.obtain(request)).toMatchObject({ kind: 'upstream', upstream: { source: 'origin' } })
    expect(peers.asked()).toEqual(['have old'])
    expect(request.levels).toEqual([Level.Home, Level.Origin])
  })

  it('has it from the owner of the view before', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, previous: 'old', answers: { old: hitOf('old', body) } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject({ upstream: { peer: 'old' } })
  })

  it('of another region asks the home region\'s owners to fill', async () => {
    const peers = fakePeers({ region: 'there', owners: { home: ['h1', 'h2'], there: ['self', 'two'] }, answers: { h1: silent, 'fill h2': hitOf('h2', body) } })
    const request = requestOf(siteOf(origin.url))
    expect(await fetcherOf(peers).fetcher.obtain(request)).toMatchObject({ upstream: { peer: 'h2' } })
    expect(peers.asked()).toEqual(['fill h1', 'fill h2'])
    expect(peers.asks[1]?.ask).toMatchObject({ path: ['self'], silent: ['h1'], last: true })
    expect(request.levels).toEqual([Level.Owner])
  })

  it('that was asked by an edge of its region carries the path on to the home region', async () => {
    const peers = fakePeers({ region: 'there', owners: { home: ['h1'], there: ['self', 'asker'] }, answers: { h1: hitOf('h1', body) } })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { level: Level.Owner, path: ['asker'] }))
    expect(peers.asks).toMatchObject([{ peer: 'h1', ask: { path: ['asker', 'self'] } }])
  })

  it('that was asked by another region goes to the origin and never further', async () => {
    const peers = fakePeers({ region: 'there', owners: { home: ['h1'], there: ['self', 'two'], asia: ['asker'] }, answers: { h1: hitOf('h1', body) } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { level: Level.Home, path: ['asker'] }))
    expect(peers.asked()).toEqual([])
    expect(got).toMatchObject({ upstream: { source: 'origin' } })
  })

  it('never asks anybody to fill with a path that is full', async () => {
    const peers = fakePeers({ region: 'there', owners: { home: ['h1'], there: ['self', 'asker', 'first'] }, answers: { h1: hitOf('h1', body) } })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { level: Level.Owner, path: ['first', 'asker'] }))
    for (const { ask } of peers.asks) expect(ask.path.length).toBeLessThanOrEqual(pathMax)
  })

  it('asks nobody who already carries the request', async () => {
    const peers = fakePeers({ owners: { here: ['asker', 'self'] }, previous: 'asker' })
    await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { level: Level.Owner, path: ['asker'] }))
    expect(peers.asked()).toEqual([])
  })
})

describe('the origin', () => {
  it('is asked conditionally where something is stored, and its 304 is taken as such', async () => {
    const etag = String((await fetch(`${origin.url}/a`)).headers.get('etag'))
    const peers = fakePeers({ owners: { here: ['self'] } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url), { stored: headOf(key, body), validators: [['if-none-match', etag]] }))
    expect(got).toMatchObject({ kind: 'not-modified', source: 'origin' })
    expect(origin.seen.at(-1)?.headers['if-none-match']).toBe(etag)
  })

  it('that cannot be reached, with nobody else to ask, is a failure with its status', async () => {
    await origin.close()
    const peers = fakePeers({ owners: { here: ['self'] }, members: { here: ['self'] } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(origin.url)))).toMatchObject({ kind: 'failed', status: 502 })
  })

  it('that a site does not have is a failure that says so', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, members: { here: ['self'] } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf()))).toMatchObject({ kind: 'failed', status: 504, reason: expect.stringContaining('no origin') as string })
  })
})
