/** No origin can be reached: whoever has it. */
import { describe, expect, it } from 'vitest'
import { Level } from '../../../daemon/cache/flight.ts'
import { bodyOf } from '../../support/store.ts'
import { bytesOf, fakePeers, fetcherOf, hitOf, requestOf, silent, siteOf } from './support.ts'

const body = bodyOf(1_000)

/** Hits for heads and bodies, as an edge that holds it gives. */
function holder (peer: string, ageMs: number, stale: boolean): () => ReturnType<typeof hitOf> {
  return () => hitOf(peer, body, { stale, head: { ageMs } })
}

describe('the last resort', () => {
  it('takes fresh before stale, then the youngest, and only then asks for a body', async () => {
    const peers = fakePeers({
      owners: { here: ['self'] }, members: { here: ['self', 'a', 'b', 'c', 'd'] },
      answers: { a: holder('a', 10, true), b: holder('b', 900, false), c: holder('c', 400, false), d: silent }
    })
    const { fetcher, steps } = fetcherOf(peers)
    const got = await fetcher.obtain(requestOf(siteOf()))
    expect(got).toMatchObject({ kind: 'upstream', upstream: { source: 'peer', peer: 'c', stale: false, initialAgeMs: 400 } })
    expect(peers.asks.slice(0, 4).map(({ peer, ask }) => [peer, ask.verb, ask.headOnly, ask.staleOk])).toEqual(['a', 'b', 'c', 'd'].map((peer) => [peer, 'have', true, true]))
    expect(peers.asks.slice(4)).toMatchObject([{ peer: 'c', ask: { headOnly: false, staleOk: true } }])
    expect(steps).toEqual(['origin', 'anyone'])
  })

  it('takes the youngest stale copy where nobody has a fresh one, and says that it is stale', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, members: { here: ['self', 'a', 'b'] }, answers: { a: holder('a', 900, true), b: holder('b', 800, true) } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf()))
    expect(got).toMatchObject({ upstream: { peer: 'b', stale: true } })
  })

  it('goes on to the next best when the best has lost it by then', async () => {
    let asked = 0
    const peers = fakePeers({
      owners: { here: ['self'] }, members: { here: ['self', 'a', 'b'] },
      answers: { a: () => asked++ === 0 ? hitOf('a', body) : silent, b: holder('b', 800, false) }
    })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf()))
    expect(got).toMatchObject({ upstream: { peer: 'b' } })
    if (got.kind === 'upstream') expect((await bytesOf(got.upstream)).equals(body)).toBe(true)
  })

  it('asks the members of the region and one owner in each other, but nobody found silent, nor itself', async () => {
    const peers = fakePeers({ owners: { here: ['mute', 'self'], asia: ['x', 'y'], africa: ['z'] }, members: { here: ['self', 'mute', 'a'] }, answers: { mute: silent } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf()))
    expect(got).toMatchObject({ kind: 'failed' })
    expect(peers.asked().slice(1)).toEqual(['have a', 'have x', 'have z'])
  })

  it('asks no more than so many', async () => {
    const members = Array.from({ length: 40 }, (_, index) => `m${index}`)
    const peers = fakePeers({ owners: { here: ['self'] }, members: { here: ['self', ...members] } })
    await fetcherOf(peers, { settings: { lastResortPeersMax: 5 } }).fetcher.obtain(requestOf(siteOf()))
    expect(peers.asks.length).toBeLessThanOrEqual(5)
  })

  it('is the first asker\'s: who was asked by a peer searches no further', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, members: { here: ['self', 'a', 'asker'] }, answers: { a: holder('a', 1, false) } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(), { path: ['asker'], level: 1 }))).toMatchObject({ kind: 'failed' })
    expect(peers.asked()).toEqual([])
  })

  it('has it by way of another owner, whose origin answers where this edge\'s does not', async () => {
    const dead = siteOf('http://127.0.0.1:1')
    const peers = fakePeers({ owners: { here: ['self', 'two'] }, answers: { 'fill two': hitOf('two', body) } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(dead))
    expect(got).toMatchObject({ kind: 'upstream', upstream: { peer: 'two', verb: 'fill' } })
    expect(peers.asks.find(({ ask }) => ask.verb === 'fill')?.ask).toMatchObject({ path: ['self'], last: true })
  })

  it('gives what is stale at hand after a short wait for that, and drops what comes later', async () => {
    const late = Promise.withResolvers<ReturnType<typeof hitOf>>()
    const peers = fakePeers({ owners: { here: ['self', 'two'] }, members: { here: ['self', 'a'] }, answers: { a: holder('a', 10, true), 'fill two': async () => await late.promise } })
    const got = await fetcherOf(peers, { settings: { freshWaitMs: 20 } }).fetcher.obtain(requestOf(siteOf('http://127.0.0.1:1')))
    expect(got).toMatchObject({ kind: 'upstream', upstream: { peer: 'a', stale: true } })
    const dropped = hitOf('two', body)
    late.resolve(dropped)
    await expect.poll(() => dropped.cancelled).toBe(1)
  })

  it('asks no other owner for what another edge asked for', async () => {
    const peers = fakePeers({ owners: { here: ['self', 'two'] }, answers: { 'fill two': hitOf('two', body) } })
    expect(await fetcherOf(peers).fetcher.obtain(requestOf(siteOf('http://127.0.0.1:1'), { path: ['asker'], level: Level.Owner }))).toMatchObject({ kind: 'failed' })
    expect(peers.asked()).not.toContain('fill two')
  })

  it('says what is held here, so that the same bytes are not moved again', async () => {
    const peers = fakePeers({ owners: { here: ['self'] }, members: { here: ['self', 'a'] }, answers: { a: hitOf('a', Buffer.from('x'), { stale: true, same: true }) } })
    const got = await fetcherOf(peers).fetcher.obtain(requestOf(siteOf(), { stored: { fields: [['etag', '"1"']] } as never }))
    for (const { ask } of peers.asks) expect(ask.held).toMatchObject({ etag: '"1"' })
    // Nobody has confirmed it: it is no more current than before.
    expect(got).toMatchObject({ kind: 'not-modified', stale: true, peer: 'a' })
  })
})
