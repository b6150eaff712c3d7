/** Issue item 7: concurrent misses share one fetch, in an edge, a region and the mesh. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { get, steady, Swarm, until, type Got, type TestEdge } from '../support/edges.ts'
import { sha256, TestOrigin } from '../support/origin.ts'

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

/** `perEdge` clients at each edge at once. */
async function crowd (edges: readonly TestEdge[], path: string, perEdge: number, fields: Record<string, string> = {}): Promise<Got[]> {
  return await Promise.all(edges.flatMap((edge) => Array.from({ length: perEdge }, async () => await get(`${edge.http}${path}`, fields))))
}

/** Why the origin was asked, for a failing test's message. */
async function steps (edges: readonly TestEdge[]): Promise<string> {
  return JSON.stringify(await Promise.all(edges.map(async (edge) => (await edge.status()).traffic.steps)))
}

describe('one flight', () => {
  it('makes one origin request for a crowd on six edges of three regions, though the origin takes 3 s', async () => {
    const body = origin.file('/slow', 500_000, { maxAge: 60, delayMs: 3_000 })
    const edges = await swarm.grow({ europe: 2, america: 2, asia: 2 }, { origin: origin.url, settings: steady })
    const answers = await crowd(edges, '/slow', 10)
    expect(answers.map((each) => each.status)).toEqual(answers.map(() => 200))
    expect(new Set(answers.map((each) => sha256(each.body)))).toEqual(new Set([sha256(body)]))
    expect(origin.count('/slow'), await steps(edges)).toBe(1)
  })

  it('lets a later client read a running fill from its start while it is still being written', async () => {
    const gate = Promise.withResolvers<void>()
    const body = origin.file('/live', 400_000, { maxAge: 60, pace: async (sent) => { if (sent >= 200_000) await gate.promise } })
    const edge = await swarm.start({ origin: origin.url, settings: steady })
    const first = get(`${edge.http}/live`)
    await until(() => origin.bytesSent >= 196_608, 10_000, 'the fill did not begin')
    const joined = await fetch(`${edge.http}/live`)
    const reader = joined.body?.getReader()
    let received = 0
    while (received < 100_000) received += (await reader?.read())?.value?.byteLength ?? 0
    expect(joined.headers.get('cache-status')).toContain('collapsed')
    gate.resolve()
    for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) received += part.value.byteLength
    expect(received).toBe(body.byteLength)
    expect((await first).body.equals(body)).toBe(true)
    expect(origin.count('/live')).toBe(1)
  })

  it('releases all waiters at once when the response is not shareable, and gives nobody another one\'s', async () => {
    origin.on('/me', async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 300))
      response.writeHead(200, { 'cache-control': 'private, max-age=60' }).end(`for ${String(request.headers.cookie)}`)
    })
    const edges = await swarm.grow({ europe: 3 }, { origin: origin.url, settings: steady })
    const answers = await Promise.all(edges.flatMap((edge, index) => [0, 1, 2].map(async (client) => {
      const cookie = `user=${index}-${client}`
      return { cookie, got: await get(`${edge.http}/me`, { cookie }) }
    })))
    for (const { cookie, got } of answers) expect(got.text).toBe(`for ${cookie}`)
    const stored = await Promise.all(edges.map(async (edge) => (await edge.status()).store.objects))
    expect(stored).toEqual([0, 0, 0])
  })

  it('never gives a variant to a request that does not match it, also when they share a flight', async () => {
    origin.on('/greeting', async (request, response) => {
      await new Promise((resolve) => setTimeout(resolve, 200))
      const language = request.headers['accept-language'] ?? 'none'
      response.writeHead(200, { vary: 'Accept-Language', 'cache-control': 'max-age=60' }).end(`in ${language}`)
    })
    const edges = await swarm.grow({ europe: 2, asia: 1 }, { origin: origin.url, settings: steady })
    const answers = await Promise.all(edges.flatMap((edge) => ['de', 'fr', 'de', 'it'].map(async (language) => (
      { language, got: await get(`${edge.http}/greeting`, { 'accept-language': language }) }
    ))))
    for (const { language, got } of answers) expect(got.text).toBe(`in ${language}`)
    for (const edge of edges) {
      const again = await get(`${edge.http}/greeting`, { 'accept-language': 'fr' })
      expect(again.text).toBe('in fr')
      expect(again.cacheStatus).toContain(';hit')
    }
  })

  it('collapses revalidations: one conditional request for a crowd on stale copies', async () => {
    const body = origin.file('/aging', 50_000, { maxAge: 1 })
    const edges = await swarm.grow({ europe: 3 }, { origin: origin.url, settings: steady })
    await crowd(edges, '/aging', 1)
    await until(async () => (await get(`${edges[0]?.http}/aging`, { 'cache-control': 'only-if-cached' })).status === 504, 10_000, 'it did not become stale')
    await new Promise((resolve) => setTimeout(resolve, 1_100))
    const before = origin.count('/aging')
    const answers = await crowd(edges, '/aging', 10)
    expect(answers.every((each) => each.body.equals(body))).toBe(true)
    const revalidations = origin.seen.slice(before)
    expect(revalidations).toHaveLength(1)
    expect(revalidations[0]?.headers['if-none-match']).toBeDefined()
  })

  it('does not end a fill that others want when the client that began it leaves', async () => {
    const gate = Promise.withResolvers<void>()
    const body = origin.file('/shared', 20_000_000, { maxAge: 60, pace: async (sent) => { if (sent >= 65_536) await gate.promise } })
    const edge = await swarm.start({ origin: origin.url, settings: steady })
    const leaving = new AbortController()
    const left = fetch(`${edge.http}/shared`, { signal: leaving.signal }).then(async (response) => await response.arrayBuffer()).catch(() => 'left')
    await until(() => origin.count('/shared') === 1, 5_000, 'no fill began')
    const staying = get(`${edge.http}/shared`)
    await until(async () => (await edge.status()).flights === 1, 5_000, 'no flight')
    leaving.abort()
    expect(await left).toBe('left')
    gate.resolve()
    expect((await staying).body.equals(body)).toBe(true)
    expect(origin.count('/shared')).toBe(1)
  })

  it('drops a large fill that nobody waits for any more', async () => {
    const closed = Promise.withResolvers<void>()
    origin.on('/endless', (_request, response) => {
      response.writeHead(200, { 'content-length': 100_000_000, 'cache-control': 'max-age=60' })
      response.write(Buffer.alloc(65_536))
      response.once('close', () => { closed.resolve() })
    })
    const edge = await swarm.start({ origin: origin.url, settings: steady })
    const leaving = new AbortController()
    const response = await fetch(`${edge.http}/endless`, { signal: leaving.signal })
    await response.body?.getReader().read()
    leaving.abort()
    await closed.promise
    await until(async () => (await edge.status()).flights === 0, 5_000, 'the flight goes on')
  })
})

describe('finding and filling', () => {
  it('serves a miss, a hit on the same edge and a peer hit on another', async () => {
    const edges = await swarm.grow({ europe: 3 }, { origin: origin.url, settings: steady })
    for (let index = 0; index < 12; index++) {
      const path = `/object-${index}`
      const body = origin.file(path, 3_000 + index, { maxAge: 60 })
      const seen: string[] = []
      for (const edge of [...edges, ...edges]) {
        const got = await get(`${edge.http}${path}`)
        expect(got.body.equals(body)).toBe(true)
        seen.push(got.cacheStatus)
      }
      expect(origin.count(path), await steps(edges)).toBe(1)
      // All but the edge whose answer came first from the origin's side have it from a peer or hold it as its owner.
      expect(seen.slice(3).every((status) => status.includes(';hit'))).toBe(true)
      expect(seen.slice(0, 3).some((status) => status.includes('detail=peer'))).toBe(true)
    }
  })

  it('asks the origin once for the colony when clients come to one region after the other', async () => {
    const edges = await swarm.grow({ europe: 2, asia: 2 }, { origin: origin.url, settings: steady })
    for (let index = 0; index < 8; index++) {
      const path = `/everywhere-${index}`
      const body = origin.file(path, 10_000, { maxAge: 60, delayMs: 100 })
      for (const edge of edges) expect((await get(`${edge.http}${path}`)).body.equals(body)).toBe(true)
    }
    const requests = Array.from({ length: 8 }, (_, index) => origin.count(`/everywhere-${index}`))
    // A region that is not the home fetches from the home; only a key first asked in its home is asked there alone.
    expect(Math.max(...requests)).toBe(1)
  })

  it('tells the true age: a peer\'s copy is as old as the object, whoever asks', async () => {
    origin.file('/old', 2_000, { maxAge: 600, fields: { age: '100' } })
    const edges = await swarm.grow({ europe: 3 }, { origin: origin.url, settings: steady })
    for (const edge of edges) expect(Number((await get(`${edge.http}/old`)).fields.age)).toBeGreaterThanOrEqual(100)
  })

  it('never sends a request with credentials to a peer', async () => {
    origin.on('/secret', (request, response) => { response.writeHead(200, { 'cache-control': 'max-age=60' }).end(`hello ${String(request.headers.authorization)}`) })
    const edges = await swarm.grow({ europe: 3 }, { origin: origin.url, settings: steady })
    for (const edge of edges) {
      const got = await get(`${edge.http}/secret`, { authorization: `Bearer ${edge.name}` })
      expect(got.text).toBe(`hello Bearer ${edge.name}`)
      expect(got.cacheStatus).toContain('detail=origin')
    }
    expect(origin.count('/secret')).toBe(3)
    expect((await get(`${edges[0]?.http}/secret`)).text).toBe('hello undefined')
  })
})
