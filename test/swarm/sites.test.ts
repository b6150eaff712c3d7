/**
 * Issue item 8: sites and keys. What a client calls an object (host name, port, spelling of the URL) does
 * not make it another one; edges of a colony may fill one site from different origins, a dead one or none too; an agreed
 * site has several origins, and serves what is stale while it is fetched anew.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

describe('an edge with two sites', () => {
  let swarm: Swarm
  let docs: TestOrigin
  let shop: TestOrigin
  let edge: TestEdge
  let folder: string

  beforeAll(async () => {
    swarm = new Swarm()
    docs = await new TestOrigin().start()
    shop = await new TestOrigin().start()
    folder = await mkdtemp(join(tmpdir(), 'colony-sites-'))
    await writeFile(join(folder, 'colony.yaml'), [
      'sites:',
      '  - name: docs',
      '    hosts: [docs.example, www.docs.example]',
      `    origin: ${docs.url}`,
      '    defaultTtlMs: 60000',
      '  - name: shop',
      '    hosts: [shop.example, laden.example]',
      `    origin: ${shop.url}/base/`,
      '    hostHeader: preserve'
    ].join('\n'))
    edge = await swarm.start({ name: 'two-sites', flags: ['--config', join(folder, 'colony.yaml')] })
  })
  afterAll(async () => {
    await swarm.stop()
    await docs.close()
    await shop.close()
    await rm(folder, { recursive: true })
  })

  it('serves each host from its site\'s origin, and the same path of two sites as two objects', async () => {
    docs.on('/index', (_request, response) => { response.writeHead(200, { 'cache-control': 'max-age=60' }).end('docs') })
    shop.on('/base/index', (_request, response) => { response.writeHead(200, { 'cache-control': 'max-age=60' }).end('shop') })
    for (const cacheStatus of ['fwd=uri-miss', ';hit']) {
      for (const name of ['docs', 'shop']) {
        const got = await get(`${edge.http}/index`, { host: `${name}.example` })
        expect(got.text).toBe(name)
        expect(got.cacheStatus).toContain(cacheStatus)
      }
    }
  })

  it('answers 421 for a host that no site names', async () => {
    const got = await get(`${edge.http}/index`, { host: 'elsewhere.example' })
    expect(got.status).toBe(421)
    expect(got.fields['content-type']).toBe('application/problem+json')
    expect(JSON.parse(got.text)).toMatchObject({ status: 421, detail: expect.stringContaining('elsewhere.example') as string })
  })

  it('keeps one object whatever host name and port of the site the client used, and asks the origin by its own name', async () => {
    docs.on('/one', (_request, response) => { response.writeHead(200).end('one') })
    for (const host of ['docs.example', 'docs.example:1234', 'www.docs.example', 'DOCS.Example']) {
      expect((await get(`${edge.http}/one`, { host })).text).toBe('one')
    }
    const asked = docs.seen.filter(({ url }) => url === '/one')
    expect(asked.map(({ headers }) => headers.host)).toEqual([new URL(docs.url).host])
  })

  it('passes the client\'s host on where the site preserves it, which is then part of the key', async () => {
    shop.on('/base/front', (request, response) => { response.writeHead(200, { 'cache-control': 'max-age=60' }).end(`front of ${String(request.headers.host)}`) })
    for (const host of ['shop.example', 'laden.example']) {
      const ask = async (): Promise<[string, boolean]> => {
        const { text, cacheStatus } = await get(`${edge.http}/front`, { host })
        return [text, cacheStatus.includes(';hit')]
      }
      expect(await ask()).toEqual([`front of ${host}`, false])
      expect(await ask()).toEqual([`front of ${host}`, true])
    }
    expect(shop.count('/base/front')).toBe(2)
  })

  it('takes two spellings of one URL for one object, and the query\'s order for part of it', async () => {
    for (const path of ['/~user/a', '/~user/%2Fa']) docs.on(path, (request, response) => { response.writeHead(200).end(request.url) })
    // The parser behind a URL would normalise the path before it is sent.
    const ask = async (path: string): Promise<string> => await new Promise((resolve, reject) => {
      httpRequest({ host: '127.0.0.1', port: new URL(edge.http).port, path, headers: { host: 'docs.example' }, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (part: string) => { text += part }).on('end', () => { resolve(text) })
      }).on('error', reject).end()
    })
    for (const path of ['/~user/a', '/%7Euser/a', '/%7euser/%61', '/x/../~user/./a']) expect(await ask(path), path).toBe('/~user/a')
    expect(docs.count('/~user/a')).toBe(1)
    for (const path of ['/~user/%2Fa', '/%7Euser/%2fa']) expect(await ask(path), path).toBe('/~user/%2Fa')
    expect(docs.count('/~user/%2Fa')).toBe(1)
    expect(await ask('/%7euser/a?y=%7e1&x=2')).toBe('/~user/a?y=~1&x=2')
    expect(await ask('/~user/a?x=2&y=~1')).toBe('/~user/a?x=2&y=~1')
    expect(await ask('/~user/a?y=~1&x=2')).toBe('/~user/a?y=~1&x=2')
    expect(docs.count('/~user/a')).toBe(3)
  })
})

describe('edges that fill one site from different origins', () => {
  let swarm: Swarm
  let origin: TestOrigin

  beforeEach(async () => {
    swarm = new Swarm()
    origin = await new TestOrigin().start()
  })
  afterEach(async () => {
    await swarm.stop()
    await origin.close()
  })

  /** An address where nothing answers. */
  async function deadOrigin (): Promise<string> {
    const dead = await new TestOrigin().start()
    await dead.close()
    return dead.url
  }

  /** Paths enough that each of two edges owns some: all 20 on one side is a chance of one in 500,000. */
  const paths = Array.from({ length: 20 }, (_, index) => `/piece-${index}`)

  it.each([['one region', 'europe'], ['two regions', 'asia']])('serve what either has, the owner with a dead origin too, in %s', async (_title, region) => {
    const bodies = new Map(paths.map((path) => [path, origin.file(path, 30_000, { maxAge: 60 })]))
    const live = await swarm.start({ region: 'europe', origin: origin.url })
    const dead = await swarm.start({ region, origin: await deadOrigin(), join: [live.listen] })
    await swarm.whole()
    for (const path of paths) expect((await get(`${live.http}${path}`)).body.equals(bodies.get(path) as Buffer)).toBe(true)
    for (const path of paths) {
      const got = await get(`${dead.http}${path}`)
      expect(got.status, path).toBe(200)
      expect(got.body.equals(bodies.get(path) as Buffer)).toBe(true)
      expect(got.cacheStatus).toContain('detail=peer')
    }
    // The search of last resort is the way of the keys that the edge owns itself.
    expect((await dead.status()).traffic.steps.anyone).toBeGreaterThan(0)
    await origin.close()
    for (const edge of [live, dead]) {
      for (const path of paths) expect((await get(`${edge.http}${path}`)).body.equals(bodies.get(path) as Buffer)).toBe(true)
    }
    for (const edge of [live, dead]) expect((await edge.peers()).map(({ otherOrigins }) => otherOrigins)).toEqual([true])
  })

  it('serve each other what is stale by now, also what only a peer has', async () => {
    const body = origin.file('/no-lifetime', 30_000)
    const live = await swarm.start({ origin: origin.url })
    const dead = await swarm.start({ origin: await deadOrigin(), join: [live.listen] })
    await swarm.whole()
    expect((await get(`${live.http}/no-lifetime`)).status).toBe(200)
    await origin.close()
    const got = await get(`${dead.http}/no-lifetime`)
    expect(got.status).toBe(200)
    expect(got.body.equals(body)).toBe(true)
  })

  it('one that cannot reach its origin has what is new by way of one that can, whoever of them owns it', async () => {
    const live = await swarm.start({ origin: origin.url })
    const dead = await swarm.start({ origin: await deadOrigin(), join: [live.listen] })
    await swarm.whole()
    for (let index = 0; index < 12; index++) {
      const body = origin.file(`/new-${index}`, 2_000, { maxAge: 60 })
      const got = await get(`${dead.http}/new-${index}`)
      expect(got.status, `/new-${index}: ${got.text.slice(0, 200)}`).toBe(200)
      expect(got.body.equals(body)).toBe(true)
    }
  })

  it.each(['europe', 'asia'])('an edge in %s without any origin serves what an edge in europe has, and says 504 to the rest', async (region) => {
    const bodies = new Map(paths.map((path) => [path, origin.file(path, 30_000, { maxAge: 60 })]))
    const filled = await swarm.start({ region: 'europe', origin: origin.url })
    const bare = await swarm.start({ region, join: [filled.listen] })
    await swarm.whole()
    for (const path of paths) await get(`${filled.http}${path}`)
    for (const path of paths) {
      const got = await get(`${bare.http}${path}`)
      expect(got.body.equals(bodies.get(path) as Buffer), `${path}: ${got.status}`).toBe(true)
    }
    const upload = await get(`${bare.http}/upload`, { 'content-length': '1' }, 'POST', 'x')
    expect(upload.status).toBe(504)
    expect(upload.fields['content-type']).toBe('application/problem+json')
    await filled.stop()
    await until(async () => (await bare.status()).members === 1, 10_000, 'the other edge did not leave')
    const nowhere = await get(`${bare.http}/nowhere`)
    expect(nowhere.status).toBe(504)
    expect(nowhere.fields['content-type']).toBe('application/problem+json')
  })

  it('are told apart from edges with the same origins', async () => {
    const edges = await swarm.grow({ europe: 2 }, { origin: origin.url })
    const other = await swarm.start({ region: 'asia', join: [edges[0]?.listen ?? ''] })
    await swarm.whole()
    const seen = async (edge: TestEdge): Promise<Record<string, boolean>> => Object.fromEntries((await edge.peers()).map(({ name, otherOrigins }) => [name, otherOrigins]))
    expect(await seen(edges[0] as TestEdge)).toEqual({ [edges[1]?.name ?? '']: false, [other.name]: true })
    expect(await seen(other)).toEqual({ [edges[0]?.name ?? '']: true, [edges[1]?.name ?? '']: true })
  })
})

describe('an agreed site', () => {
  let swarm: Swarm
  let origins: TestOrigin[]
  let edge: TestEdge

  beforeEach(async () => {
    swarm = new Swarm()
    origins = [await new TestOrigin().start(), await new TestOrigin().start()]
    edge = await swarm.start()
  })
  afterEach(async () => {
    await swarm.stop()
    for (const origin of origins) await origin.close()
  })

  const agree = async (more: object): Promise<void> => {
    const site = { hosts: ['shop.example'], origins: origins.map(({ url }) => url), ...more }
    const { status, text } = await get(`${edge.admin}/v1/config?scope=local&plan=now`, { 'content-type': 'application/json' }, 'PUT', JSON.stringify({ sites: { shop: site } }))
    expect([200, 201], text).toContain(status)
  }
  const ask = async (path: string, method = 'GET', body?: string): ReturnType<typeof get> => await get(`${edge.http}${path}`, { host: 'shop.example' }, method, body)

  it('is filled, and written to, through the next origin once the first is gone, and says of each why none answers', async () => {
    await agree({})
    for (const [index, origin] of origins.entries()) {
      for (const path of ['/a', '/b', '/c']) {
        origin.on(path, async (request, response) => {
          const body = await Array.fromAsync(request as AsyncIterable<Buffer>)
          response.end(`${request.method} ${index} ${Buffer.concat(body).toString()}`.trim())
        })
      }
    }
    expect((await ask('/a')).text).toBe('GET 0')
    await origins[0]!.close()
    expect((await ask('/b')).text).toBe('GET 1')
    expect((await ask('/b', 'POST', 'a body')).text).toBe('POST 1 a body')
    expect((await edge.status()).sites.find(({ name }) => name === 'shop')!.origins.map(({ url, sent }) => [url, sent])).toEqual([[origins[0]!.url, 3], [origins[1]!.url, 2]])
    const explained = JSON.parse((await get(`${edge.admin}/v1/explain?url=shop:/c`)).text) as { steps: Array<{ do: string }> }
    const asked = explained.steps.map((step) => step.do)
    for (const { url } of origins) expect(asked.filter((each) => each.includes(url))).toHaveLength(1)
    await origins[1]!.close()
    for (const answer of [await ask('/c'), await ask('/c', 'POST', 'a body')]) {
      expect(answer.status).toBe(502)
      for (const { url } of origins) expect(answer.text).toContain(`origin ${url} refused the connection`)
    }
  })

  it.each([
    ['by its own word', {}, { 'cache-control': 'max-age=0, stale-while-revalidate=600' }],
    ['by the site\'s', { stale: { whileRevalidate: '10m' } }, {}]
  ])('serves at once what is stale, %s, while one request has a slow origin fetch it anew', async (_whose, more, fields) => {
    await agree(more)
    const held = Promise.withResolvers<void>()
    origins[0]!.on('/page', async (_request, response) => {
      const version = origins[0]!.count('/page')
      if (version > 1) await held.promise
      response.writeHead(200, { etag: `"${version}"`, ...fields }).end(`version ${version}`)
    })
    expect((await ask('/page')).text).toBe('version 1')
    const { cacheStatus } = await get(`${edge.http}/page`, { host: 'shop.example', 'cache-control': 'max-stale' })
    expect([cacheStatus.replace(/-\d+$/, '0'), origins[0]!.count('/page')]).toEqual([expect.stringMatching(/;hit;ttl=0$/), 1])
    for (const answer of await Promise.all(Array.from({ length: 5 }, async () => await ask('/page')))) {
      expect(answer.text).toBe('version 1')
      expect(answer.cacheStatus).toMatch(/;hit;ttl=(0|-\d+)$/)
      expect(answer.fields.age).toMatch(/^\d+$/)
    }
    await until(() => origins[0]!.count('/page') === 2, 10_000, 'it was not fetched anew')
    expect((await ask('/page')).text).toBe('version 1')
    expect(origins[0]!.count('/page')).toBe(2)
    held.resolve()
    await until(async () => (await ask('/page')).text !== 'version 1', 10_000, 'the new version was not served')
  })
})
