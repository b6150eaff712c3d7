/** Where the rest of a body comes from when its source broke off: only ever the same version. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Level } from '../../../daemon/cache/flight.ts'
import type { Upstream } from '../../../daemon/cache/upstream.ts'
import { TestOrigin } from '../../support/origin.ts'
import { bodyOf, eventually, hashOf } from '../../support/store.ts'
import { bytesOf, fakePeers, fetcherOf, fillHeadOf, hitOf, requestOf, silent, siteOf, type FakePeersInit } from './support.ts'

const body = bodyOf(100_000)
const etag = '"1"'
let origin: TestOrigin

beforeEach(async () => { origin = await new TestOrigin().start() })
afterEach(async () => { await origin.close() })

function failed (more: Partial<Upstream> = {}): Upstream {
  return {
    source: 'peer', peer: 'one', verb: 'fill', status: 200, fields: [], receivedAtMs: 0, initialAgeMs: 0, stale: false,
    body: (async function * () {})(), total: () => undefined, cancel: () => {}, ...more
  }
}

async function resumed (init: Partial<FakePeersInit> & { offset?: number, head?: object, request?: object, failed?: Upstream, url?: string }): Promise<{ upstream: Upstream, asked: string[], peers: ReturnType<typeof fakePeers> }> {
  const peers = fakePeers({ owners: { here: ['one', 'two'] }, ...init })
  const upstream = await fetcherOf(peers).fetcher.resume(
    requestOf(siteOf(init.url ?? origin.url), init.request), init.offset ?? 40_000, fillHeadOf(body, init.head), init.failed ?? failed()
  )
  return { upstream, asked: peers.asked(), peers }
}

/** What a peer gives from an offset on. */
function rest (peer: string, offset: number, more: Parameters<typeof hitOf>[2] = {}): ReturnType<typeof hitOf> {
  return { ...hitOf(peer, body, more), body: (async function * () { yield body.subarray(offset) })() }
}

describe('resuming from a peer', () => {
  it('takes one that has the same version, from the first byte that is missing', async () => {
    const { upstream, peers } = await resumed({ answers: { two: (ask) => rest('two', ask.offset) } })
    expect(peers.asks[0]).toMatchObject({ peer: 'two', ask: { offset: 40_000, version: { etag, length: 100_000 }, last: true } })
    expect(peers.asks[0]?.ask.held).toBeUndefined()
    expect(upstream).toMatchObject({ source: 'peer', peer: 'two' })
    expect((await bytesOf(upstream)).equals(body.subarray(40_000))).toBe(true)
    expect(origin.seen).toEqual([])
  })

  it('never asks the one that broke off, nor one found silent, nor one that carries the request', async () => {
    origin.on('/a', (_request, answer) => { answer.writeHead(200, { etag, 'content-length': 100_000 }).end(body) })
    const { asked, upstream } = await resumed({ owners: { here: ['one', 'two', 'three'] }, request: { silent: ['two'], path: ['three'], level: Level.Owner } })
    expect(asked).toEqual([])
    expect(upstream.source).toBe('origin')
  })

  it.each([
    ['another hash', { head: { hash: hashOf(body.subarray(1)) } }],
    ['another length', { head: { length: 99_999 } }],
    ['another ETag', { head: { fields: [['etag', '"2"']] as const, hash: undefined } }],
    ['only a weak ETag', { head: { fields: [['etag', 'W/"1"']] as const, hash: undefined } }]
  ])('refuses one that gives %s, and lets go of it', async (_what, more) => {
    const other = hitOf('two', body, more)
    await expect(resumed({ answers: { two: other }, head: { hash: hashOf(body) } })).rejects.toMatchObject({ code: 'COLONY_RESUME' })
    expect(other.cancelled).toBe(1)
  })

  it('lets an owner before this edge fill on its behalf, and asks those behind only for what they have', async () => {
    const { asked } = await resumed({ owners: { here: ['two', 'self', 'four'] }, answers: { two: silent, four: (ask) => rest('four', ask.offset) } })
    expect(asked).toEqual(['fill two', 'have four'])
  })

  it('lets nobody fill where this edge filled for others, or lost the origin itself', async () => {
    for (const more of [{ request: { path: ['asker'], level: Level.Owner } }, { failed: failed({ source: 'origin', peer: undefined, verb: undefined }) }]) {
      const { asked } = await resumed({ ...more, owners: { here: ['two', 'self'] }, answers: { two: (ask) => rest('two', ask.offset) } })
      expect(asked).toEqual(['have two'])
    }
  })
})

describe('resuming from the origin', () => {
  const response = { etag, 'accept-ranges': 'bytes' }

  it('asks for the rest by range, on condition that it is the same version', async () => {
    origin.on('/a', (_request, answer) => { answer.writeHead(206, { ...response, 'content-range': 'bytes 40000-99999/100000', 'content-length': 60_000 }).end(body.subarray(40_000)) })
    const { upstream } = await resumed({})
    expect(origin.seen[0]?.headers).toMatchObject({ range: 'bytes=40000-', 'if-range': etag })
    expect(upstream.source).toBe('origin')
    expect(upstream.length).toBeUndefined()
    expect((await bytesOf(upstream)).equals(body.subarray(40_000))).toBe(true)
  })

  it('skips up to the offset in a 200 of the same version', async () => {
    origin.on('/a', (_request, answer) => { answer.writeHead(200, { ...response, 'content-length': 100_000 }).end(body) })
    const { upstream } = await resumed({})
    expect((await bytesOf(upstream)).equals(body.subarray(40_000))).toBe(true)
  })

  it.each([
    ['a 200 of another version', 200, { etag: '"2"', 'content-length': 100_000 }],
    ['a 200 of another length', 200, { etag, 'content-length': 100_001 }],
    ['a 200 that is only weakly the same', 200, { etag: 'W/"1"', 'content-length': 100_000 }],
    ['a 200 without a validator', 200, { 'content-length': 100_000 }],
    ['a 206 of another version', 206, { etag: '"2"', 'content-range': 'bytes 40000-99999/100000' }],
    ['a 206 without a validator', 206, { 'content-range': 'bytes 40000-99999/100000' }],
    ['a 206 from another offset', 206, { etag, 'content-range': 'bytes 0-99999/100000' }],
    ['a 206 of less than the rest', 206, { etag, 'content-range': 'bytes 40000-99998/100000' }],
    ['a 206 of another length', 206, { etag, 'content-range': 'bytes 40000-100000/100001' }],
    ['a 206 without a Content-Range', 206, { etag }],
    ['a 206 with a Content-Range that is none', 206, { etag, 'content-range': 'bytes 40000-99999/' }],
    ['a 206 of many ranges', 206, { etag, 'content-type': 'multipart/byteranges; boundary=x' }],
    ['a 416', 416, { etag, 'content-range': 'bytes */100000' }],
    ['an error', 500, {}]
  ])('refuses %s, and lets go of it', async (_what, status, fields) => {
    let closed = false
    origin.on('/a', (request, answer) => {
      request.socket.once('close', () => { closed = true })
      answer.writeHead(status, fields as Record<string, string | number>).write(Buffer.alloc(10_000))
    })
    await expect(resumed({})).rejects.toMatchObject({ code: 'COLONY_RESUME' })
    await eventually(() => closed, 5_000)
  })

  it('takes a rest whose whole length the origin does not tell', async () => {
    origin.on('/a', (_request, answer) => { answer.writeHead(206, { ...response, 'content-range': 'bytes 40000-99999/*' }).end(body.subarray(40_000)) })
    expect((await bytesOf((await resumed({})).upstream)).equals(body.subarray(40_000))).toBe(true)
  })

  it('is not tried without a strong ETag to go by', async () => {
    await expect(resumed({ head: { fields: [], hash: hashOf(body) } })).rejects.toMatchObject({ code: 'COLONY_RESUME' })
    expect(origin.seen).toEqual([])
  })

  it('asks nobody at all where there is neither a strong ETag nor a hash', async () => {
    const peers = fakePeers({ owners: { here: ['two'] } })
    await expect(fetcherOf(peers).fetcher.resume(requestOf(siteOf(origin.url)), 1, fillHeadOf(body, { fields: [['etag', 'W/"1"']] }), failed())).rejects.toMatchObject({ code: 'COLONY_RESUME' })
    expect(peers.asks).toEqual([])
  })

  it('fails as the origin does when that cannot be reached', async () => {
    await origin.close()
    await expect(resumed({})).rejects.toMatchObject({ code: 'COLONY_ORIGIN_UNREACHABLE' })
  })
})
