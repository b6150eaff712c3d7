/**
 * Issue items 3, 9, 10 and 11: an edge without `--join` is a mesh of one and a plain caching proxy. One
 * edge and one origin serve all tests here, each on paths of its own; the last ones want an edge for themselves.
 */
import { createHash } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'
import { bytesOf, sha256, TestOrigin } from '../support/origin.ts'

const modified = 'Tue, 03 Mar 2020 10:00:00 GMT'
let swarm: Swarm
let origin: TestOrigin
let edge: TestEdge

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  edge = await swarm.start({ origin: origin.url, name: 'alone' })
})
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

/** What a path answers, with one fixed body and these fields, and a 304 where its ETag is asked for. */
function page (path: string, fields: Record<string, string>): void {
  origin.on(path, (request, response) => {
    const unchanged = fields.etag !== undefined && request.headers['if-none-match'] === fields.etag
    response.writeHead(unchanged ? 304 : 200, fields).end(unchanged ? undefined : `page of ${path}`)
  })
}

describe('a hit', () => {
  it('has the fields of the stored response, Age, Via and Cache-Status, and asks no origin', async () => {
    const body = origin.file('/hit', 5_000, { maxAge: 60, fields: { 'last-modified': modified, 'content-type': 'text/css', age: '7' } })
    const miss = await get(`${edge.http}/hit`)
    expect(miss.cacheStatus).toMatch(/^alone;fwd=uri-miss;fwd-status=200;stored;ttl=\d+;detail=origin$/)
    const hit = await get(`${edge.http}/hit`)
    expect(hit.status).toBe(200)
    expect(hit.body.equals(body)).toBe(true)
    expect(hit.cacheStatus).toMatch(/^alone;hit;ttl=\d+$/)
    expect(hit.fields).toMatchObject({ 'last-modified': modified, 'content-type': 'text/css', 'content-length': '5000', 'accept-ranges': 'bytes', via: '1.1 alone' })
    expect(hit.fields.etag).toBe(miss.fields.etag)
    expect(hit.fields.date).toBe(miss.fields.date)
    expect(Number(hit.fields.age)).toBeGreaterThanOrEqual(7)
    expect(origin.count('/hit')).toBe(1)
    expect(origin.seen.find(({ url }) => url === '/hit')?.headers.via).toBe('1.1 alone')
  })

  it('answers HEAD without a body, and a HEAD fills the cache for the GET after it', async () => {
    const body = origin.file('/head', 70_000, { maxAge: 60 })
    const head = await get(`${edge.http}/head`, {}, 'HEAD')
    expect(head).toMatchObject({ status: 200, text: '' })
    expect(head.fields['content-length']).toBe('70000')
    await until(async () => (await get(`${edge.http}/head`, {}, 'HEAD')).cacheStatus.includes(';hit'), 10_000, 'HEAD did not become a hit')
    const whole = await get(`${edge.http}/head`)
    expect(whole.cacheStatus).toContain(';hit')
    expect(whole.body.equals(body)).toBe(true)
    expect(origin.count('/head')).toBe(1)
  })

  it('is a 304 where the client has it already, by ETag or by date', async () => {
    origin.file('/condition', 900, { maxAge: 60, fields: { 'last-modified': modified, 'content-type': 'text/css' } })
    const etag = (await get(`${edge.http}/condition`)).fields.etag ?? ''
    for (const tags of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const same = await get(`${edge.http}/condition`, { 'if-none-match': tags })
      expect(same.status, tags).toBe(304)
      expect(same.body.byteLength).toBe(0)
      expect(same.fields).toMatchObject({ etag, 'cache-control': 'max-age=60', via: '1.1 alone' })
      expect(same.fields.date).toBeDefined()
      expect(same.fields['content-type']).toBeUndefined()
      expect(same.cacheStatus).toContain(';hit')
    }
    const answers = async (fields: Record<string, string>): Promise<number> => (await get(`${edge.http}/condition`, fields)).status
    expect(await answers({ 'if-modified-since': modified })).toBe(304)
    expect(await answers({ 'if-modified-since': 'Mon, 02 Mar 2020 10:00:00 GMT' })).toBe(200)
    expect(await answers({ 'if-none-match': '"other"' })).toBe(200)
    // RFC 9110 section 13.2.2: the tag decides, the date is not looked at.
    expect(await answers({ 'if-none-match': '"other"', 'if-modified-since': modified })).toBe(200)
    expect(origin.count('/condition')).toBe(1)
  })

  it('is a 206 for a single range, a 416 beyond the end, and whole where If-Range does not fit', async () => {
    const body = origin.file('/range', 5_000, { maxAge: 60, fields: { 'last-modified': modified } })
    const etag = (await get(`${edge.http}/range`)).fields.etag ?? ''
    for (const [range, start, end] of [['100-199', 100, 200], ['4900-', 4_900, 5_000], ['-50', 4_950, 5_000], ['-9000', 0, 5_000], ['4999-9999', 4_999, 5_000]] as const) {
      const part = await get(`${edge.http}/range`, { range: `bytes=${range}` })
      expect(part.status, range).toBe(206)
      expect(part.fields['content-range']).toBe(`bytes ${start}-${end - 1}/5000`)
      expect(part.fields['content-length']).toBe(String(end - start))
      expect(part.body.equals(body.subarray(start, end))).toBe(true)
      expect(part.cacheStatus).toContain(';hit')
    }
    const beyond = await get(`${edge.http}/range`, { range: 'bytes=5000-' })
    expect(beyond).toMatchObject({ status: 416, text: '' })
    expect(beyond.fields['content-range']).toBe('bytes */5000')
    const withIfRange = async (value: string): Promise<number> => (await get(`${edge.http}/range`, { range: 'bytes=0-9', 'if-range': value })).status
    expect(await withIfRange(etag)).toBe(206)
    expect(await withIfRange(modified)).toBe(206)
    expect(await withIfRange(`W/${etag}`)).toBe(200)
    expect(await withIfRange('"other"')).toBe(200)
    expect((await get(`${edge.http}/range`, { range: 'bytes=0-9,20-29' })).body.equals(body)).toBe(true)
    expect(origin.count('/range')).toBe(1)
  })

  it('gives each request the variant that its fields select', async () => {
    origin.on('/varied', (request, response) => {
      response.writeHead(200, { vary: 'Accept-Language', 'cache-control': 'max-age=60' }).end(`in ${String(request.headers['accept-language'])}`)
    })
    const ask = async (language: string): Promise<[string, string | undefined]> => {
      const { text, cacheStatus } = await get(`${edge.http}/varied`, { 'accept-language': language })
      return [text, /;(hit|fwd=[a-z-]+)/.exec(cacheStatus)?.[1]]
    }
    expect(await ask('de')).toEqual(['in de', 'fwd=uri-miss'])
    expect(await ask('fr')).toEqual(['in fr', 'fwd=vary-miss'])
    expect(await ask('de')).toEqual(['in de', 'hit'])
    expect(await ask('fr')).toEqual(['in fr', 'hit'])
    page('/varied-by-all', { vary: '*', 'cache-control': 'max-age=60' })
    for (const asked of [1, 2]) {
      expect((await get(`${edge.http}/varied-by-all`)).cacheStatus).not.toContain(';hit')
      expect(origin.count('/varied-by-all')).toBe(asked)
    }
  })
})

describe('a body on its way in', () => {
  it('is cached whole where the origin does not say its length', async () => {
    const body = bytesOf('chunked', 700_000)
    origin.on('/chunked', (_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60' })
      for (let at = 0; at < body.byteLength; at += 50_000) response.write(body.subarray(at, at + 50_000))
      response.end()
    })
    const miss = await get(`${edge.http}/chunked`)
    expect(miss.fields['content-length']).toBeUndefined()
    expect(miss.body.equals(body)).toBe(true)
    const hit = await get(`${edge.http}/chunked`)
    expect(hit.cacheStatus).toContain(';hit')
    expect(hit.fields['content-length']).toBe('700000')
    expect(hit.body.equals(body)).toBe(true)
    expect(origin.count('/chunked')).toBe(1)
  })

  it('serves ranges: what is there at once, what is not when it has come', async () => {
    const gate = Promise.withResolvers<void>()
    const sent = origin.bytesSent
    const body = origin.file('/range-live', 400_000, { maxAge: 60, pace: async (at) => { if (at >= 200_000) await gate.promise } })
    const whole = get(`${edge.http}/range-live`)
    await until(() => origin.bytesSent - sent >= 196_608, 10_000, 'the fill did not begin')
    const begun = await get(`${edge.http}/range-live`, { range: 'bytes=1000-1999' })
    expect(begun.status).toBe(206)
    expect(begun.cacheStatus).toContain('collapsed')
    expect(begun.body.equals(body.subarray(1_000, 2_000))).toBe(true)
    const suffix = get(`${edge.http}/range-live`, { range: 'bytes=-1000' })
    gate.resolve()
    expect((await suffix).body.equals(body.subarray(399_000))).toBe(true)
    expect((await whole).body.equals(body)).toBe(true)
    expect(origin.count('/range-live')).toBe(1)
  })

  it('fills the cache whole for a near range of what is not stored, and leaves a far one to the origin', async () => {
    const body = origin.file('/near', 50_000, { maxAge: 60 })
    const near = await get(`${edge.http}/near`, { range: 'bytes=10000-10099' })
    expect(near.status).toBe(206)
    expect(near.body.equals(body.subarray(10_000, 10_100))).toBe(true)
    await until(async () => (await get(`${edge.http}/near`, { 'cache-control': 'only-if-cached' })).body.equals(body), 10_000, 'the whole was not stored')
    expect(origin.count('/near')).toBe(1)

    origin.on('/far', (request, response) => {
      response.writeHead(206, { 'cache-control': 'max-age=60', 'content-range': 'bytes 90000000-90000003/100000000' }).end(request.headers.range?.slice(-4))
    })
    const far = await get(`${edge.http}/far`, { range: 'bytes=90000000-90000003' })
    expect(far).toMatchObject({ status: 206, text: '0003', cacheStatus: 'alone;fwd=partial;fwd-status=206;detail=origin' })
    expect((await get(`${edge.http}/far`, { 'cache-control': 'only-if-cached' })).status).toBe(504)
  })

  it('is kept whole where the client that began it leaves in mid-body', async () => {
    const gate = Promise.withResolvers<void>()
    const body = origin.file('/left', 2_000_000, { maxAge: 60, pace: async (at) => { if (at >= 1_000_000) await gate.promise } })
    const leaving = new AbortController()
    const response = await fetch(`${edge.http}/left`, { signal: leaving.signal })
    await response.body?.getReader().read()
    leaving.abort()
    gate.resolve()
    await until(async () => (await edge.status()).flights === 0, 10_000, 'the fill did not end')
    const hit = await get(`${edge.http}/left`)
    expect(hit.cacheStatus).toContain(';hit')
    expect(hit.body.equals(body)).toBe(true)
    expect(origin.count('/left')).toBe(1)
  })
})

describe('freshness', () => {
  const fresh: Array<Record<string, string>> = [
    { 'cache-control': 'max-age=60' },
    { 'cache-control': 'max-age=0, s-maxage=60' },
    { expires: new Date(Date.now() + 3_600_000).toUTCString() },
    { 'cache-control': 'max-age=60', expires: '0' },
    { 'cache-control': 'public, max-age=60', 'set-cookie': 'a=b' }
  ]
  const stale: Array<Record<string, string>> = [
    { 'cache-control': 'max-age=0' },
    { 'cache-control': 'max-age=60, s-maxage=0' },
    { 'cache-control': 'max-age=60', age: '61' },
    { 'cache-control': 'no-cache' },
    { expires: '0' },
    {}
  ]

  it.each(fresh)('serves what says %j without asking again', async (fields) => {
    const path = `/fresh-${fresh.indexOf(fields)}`
    page(path, { ...fields, etag: '"one"' })
    await get(`${edge.http}${path}`)
    expect((await get(`${edge.http}${path}`)).cacheStatus).toMatch(/^alone;hit;ttl=\d+$/)
    expect(origin.count(path)).toBe(1)
  })

  it.each(stale)('validates what says %j, and serves what is stored when it is current', async (fields) => {
    const path = `/stale-${stale.indexOf(fields)}`
    page(path, { ...fields, etag: '"one"' })
    await get(`${edge.http}${path}`)
    const again = await get(`${edge.http}${path}`)
    expect(again).toMatchObject({ status: 200, text: `page of ${path}` })
    expect(again.cacheStatus).toContain('fwd=stale;fwd-status=304')
    expect(origin.seen.filter(({ url }) => url === path).map(({ headers }) => headers['if-none-match'])).toEqual([undefined, '"one"'])
    // A 304 to the edge is none to a client that holds nothing, and one to a client that holds the same.
    expect((await get(`${edge.http}${path}`, { 'if-none-match': '"one"' })).status).toBe(304)
  })

  it('obeys a client that wants it validated, or only what is stored', async () => {
    page('/asked', { 'cache-control': 'max-age=60', etag: '"one"' })
    const ask = async (control: string): Promise<string> => {
      const { status, cacheStatus } = await get(`${edge.http}/asked`, { 'cache-control': control })
      return `${status} ${cacheStatus.replace(/;(ttl|stored).*/, '')}`
    }
    expect(await ask('only-if-cached')).toMatch(/^504 /)
    expect(await ask('no-cache')).toBe('200 alone;fwd=uri-miss;fwd-status=200')
    expect(await ask('only-if-cached')).toBe('200 alone;hit')
    expect(await ask('no-cache')).toBe('200 alone;fwd=request;fwd-status=304')
    expect(await ask('max-age=0')).toBe('200 alone;fwd=request;fwd-status=304')
    expect(origin.count('/asked')).toBe(3)
  })

  it('takes the new response where a stored one is no longer current', async () => {
    page('/changed', { etag: '"one"' })
    await get(`${edge.http}/changed`)
    origin.on('/changed', (_request, response) => { response.writeHead(200, { etag: '"two"', 'cache-control': 'max-age=60' }).end('another page') })
    expect((await get(`${edge.http}/changed`)).text).toBe('another page')
    const hit = await get(`${edge.http}/changed`)
    expect(hit).toMatchObject({ text: 'another page', fields: { etag: '"two"' } })
    expect(hit.cacheStatus).toContain(';hit')
  })

  it.each(['no-store', 'private, max-age=60'])('never stores what says %s', async (control) => {
    const path = `/unstored-${control.length}`
    page(path, { 'cache-control': control })
    for (const asked of [1, 2]) {
      const got = await get(`${edge.http}${path}`)
      expect(got.text).toBe(`page of ${path}`)
      expect(got.cacheStatus).not.toMatch(/;hit|;stored/)
      expect(origin.count(path)).toBe(asked)
    }
  })

  it('serves what states no lifetime when the origin is gone, says so, and obeys must-revalidate', async () => {
    const going = await new TestOrigin().start()
    const own = await swarm.start({ origin: going.url })
    const lax = going.file('/lax', 3_000)
    going.file('/strict', 3_000, { fields: { 'cache-control': 'max-age=0, must-revalidate' } })
    for (const path of ['/lax', '/strict']) await get(`${own.http}${path}`)
    await going.close()
    const served = await get(`${own.http}/lax`)
    expect(served.status).toBe(200)
    expect(served.body.equals(lax)).toBe(true)
    expect(served.cacheStatus).toMatch(/;fwd=stale;ttl=-?\d+;detail=origin-unreachable$/)
    const refused = await get(`${own.http}/strict`)
    expect(refused.status).toBeGreaterThanOrEqual(500)
    expect(refused.fields['content-type']).toBe('application/problem+json')
  })
})

describe('another method', () => {
  it('passes an upload of 5 MB through while it is still being sent, and the answer back', async () => {
    const arrived = { bytes: 0 }
    origin.on('/upload', async (request, response) => {
      const hash = createHash('sha256')
      for await (const chunk of request as AsyncIterable<Buffer>) {
        hash.update(chunk)
        arrived.bytes += chunk.byteLength
      }
      response.writeHead(201, { 'x-type': String(request.headers['content-type']) }).end(hash.digest('hex'))
    })
    const body = bytesOf('upload', 5_000_000)
    const request = httpRequest(`${edge.http}/upload`, { method: 'PUT', agent: false, headers: { 'content-type': 'video/mp4', 'content-length': body.byteLength } })
    const answer = new Promise<{ status?: number, type: unknown, status9211: unknown, text: string }>((resolve, reject) => {
      request.on('error', reject).on('response', (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => { text += part }).on('end', () => {
          resolve({ status: response.statusCode, type: response.headers['x-type'], status9211: response.headers['cache-status'], text })
        })
      })
    })
    request.write(body.subarray(0, 2_500_000))
    await until(() => arrived.bytes >= 2_000_000, 10_000, 'the first half did not arrive before the second was sent')
    request.end(body.subarray(2_500_000))
    expect(await answer).toEqual({ status: 201, type: 'video/mp4', status9211: 'alone;fwd=method;fwd-status=201;detail=origin', text: sha256(body) })
  })

  it('invalidates what is stored where it succeeds, and only there', async () => {
    let status = 500
    origin.on('/document', (request, response) => {
      if (request.method === 'GET') response.writeHead(200, { 'cache-control': 'max-age=60' }).end('document')
      else response.writeHead(status).end(request.method)
    })
    const isHit = async (): Promise<boolean> => (await get(`${edge.http}/document`)).cacheStatus.includes(';hit')
    await isHit()
    expect(await get(`${edge.http}/document`, { 'content-length': '1' }, 'POST', 'x')).toMatchObject({ status: 500, text: 'POST' })
    status = 200
    expect((await get(`${edge.http}/document`, {}, 'OPTIONS')).text).toBe('OPTIONS')
    expect(await isHit()).toBe(true)
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
      expect((await get(`${edge.http}/document`, { 'content-length': '1' }, method, 'x')).text).toBe(method)
      expect(await isHit(), method).toBe(false)
      expect(await isHit(), method).toBe(true)
    }
  })
})

describe('the store', () => {
  it('keeps bodies above the memory tier on disk, and all of them, with their ages, over a restart', async () => {
    const settings = { store: { memoryBytesMax: 2 * 1024 * 1024, memoryObjectBytesMax: 64 * 1024 } }
    const large = origin.file('/large', 6_000_000, { maxAge: 3_600, fields: { age: '100' } })
    const small = origin.file('/small', 5_000, { maxAge: 3_600, fields: { age: '200' } })
    const first = await swarm.start({ origin: origin.url, settings })
    const ages = { small: 0, large: 0 }
    for (const cacheStatus of ['stored', ';hit']) {
      const got = { large: await get(`${first.http}/large`), small: await get(`${first.http}/small`) }
      expect(got.large.body.equals(large)).toBe(true)
      expect(got.small.body.equals(small)).toBe(true)
      for (const name of ['large', 'small'] as const) {
        expect(got[name].cacheStatus).toContain(cacheStatus)
        ages[name] = Number(got[name].fields.age)
      }
    }
    const { store } = await first.status()
    expect(store.diskBytes).toBeGreaterThanOrEqual(6_000_000)
    expect(store.memoryBytes).toBeLessThan(2 * 1024 * 1024)
    await first.stop()

    const second = await swarm.start({ origin: origin.url, settings, dataDir: first.dataDir, name: first.name })
    expect(second.peer).toBe(first.peer)
    for (const [name, body] of [['large', large], ['small', small]] as const) {
      const got = await get(`${second.http}/${name}`)
      expect(got.cacheStatus).toContain(';hit')
      expect(got.body.equals(body)).toBe(true)
      expect(Number(got.fields.age)).toBeGreaterThanOrEqual(ages[name])
      expect(Number(got.fields.age)).toBeLessThan(ages[name] + 60)
      expect(origin.count(`/${name}`)).toBe(1)
    }
  })

  it('serves fast clients to the end while slow ones of the same fill stand still', async () => {
    const body = Buffer.alloc(24_000_000, bytesOf('film', 65_537))
    const path = '/film'
    origin.on(path, (_request, response) => { response.writeHead(200, { 'content-length': body.byteLength, 'cache-control': 'max-age=60' }).end(body) })
    const slow = await Promise.all(Array.from({ length: 4 }, async () => await new Promise<{ hash: ReturnType<typeof createHash>, received: number, resume: () => Promise<void> }>((resolve, reject) => {
      httpRequest(`${edge.http}${path}`, { agent: false }, (response) => {
        const client = { hash: createHash('sha256'), received: 0, resume: async () => { await new Promise((resolve, reject) => response.on('end', resolve).on('error', reject).resume()) } }
        response.on('data', (chunk: Buffer) => {
          client.hash.update(chunk)
          client.received += chunk.byteLength
        })
        response.pause()
        resolve(client)
      }).on('error', reject).end()
    })))
    const expected = sha256(body)
    const fast = await Promise.all(Array.from({ length: 4 }, async () => await get(`${edge.http}${path}`)))
    expect(fast.map((each) => sha256(each.body))).toEqual(fast.map(() => expected))
    for (const { received } of slow) expect(received).toBeLessThan(body.byteLength)
    await Promise.all(slow.map(async ({ resume }) => { await resume() }))
    expect(slow.map(({ hash }) => hash.digest('hex'))).toEqual(slow.map(() => expected))
    expect(origin.count(path)).toBe(1)
  })
})
