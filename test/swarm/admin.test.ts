/**
 * Issue item 12: what an edge says of itself, on its admin listener and in its log, and that one trace id
 * ties together a client's request, the peers and the origin that it went through.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

let swarm: Swarm
let origin: TestOrigin
let edges: [TestEdge, TestEdge]

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  edges = await swarm.grow({ europe: 2 }, { origin: origin.url, settings: { membership: { pingIntervalMs: 500, provideDelayMs: 1_000 } } }) as [TestEdge, TestEdge]
})
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

/** One value of a metric, all its label sets added up. */
function valueOf (text: string, name: string, labels = ''): number {
  const lines = text.split('\n').filter((line) => new RegExp(`^${name}[ {]`).test(line) && line.includes(labels))
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0)
}

const metricsOf = async (edge: TestEdge): Promise<string> => (await get(`${edge.admin}/metrics`)).text

describe('the admin listener', () => {
  it('says that the edge lives and is ready', async () => {
    const health = await get(`${edges[0].admin}/healthz`)
    expect(health).toMatchObject({ status: 200, text: '{"status":"ok"}\n' })
    expect(health.fields).toMatchObject({ 'content-type': 'application/json', 'cache-control': 'no-store' })
    const ready = await get(`${edges[1].admin}/readyz`)
    expect(ready.status).toBe(200)
    expect(JSON.parse(ready.text)).toEqual({ status: 'ready', waiting: [] })
    expect(await get(`${edges[0].admin}/healthz`, {}, 'HEAD')).toMatchObject({ status: 200, text: '' })
  })

  it('tells what the edge is and does at /v1/status', async () => {
    const [edge] = edges
    origin.file('/status', 4_000, { maxAge: 60 })
    const before = await edge.status()
    for (let times = 0; times < 3; times++) await get(`${edge.http}/status`)
    const after = await edge.status()
    expect(after).toMatchObject({
      name: edge.name, peer: edge.peer, region: 'europe', http: edge.http, admin: edge.admin, listen: [edge.listen],
      ready: true, waiting: [], members: 2, regions: { europe: 2 }, flights: 0, ring: expect.any(String) as string,
      sites: [{ name: 'default', origins: [{ url: origin.url, breaker: 'closed' }] }]
    })
    expect(after.version).toMatch(/^\d+\.\d+\.\d+/)
    expect(after.traffic.requests.hit - before.traffic.requests.hit).toBe(2)
    expect(after.traffic.requests.miss - before.traffic.requests.miss).toBe(1)
    expect(after.traffic.servedBytes - before.traffic.servedBytes).toBe(12_000)
    expect(after.store.objects - before.store.objects).toBe(1)
    expect(after.uptimeMs).toBeGreaterThan(0)
  })

  it('lists the other edges, and not itself, at /v1/peers', async () => {
    const [edge, other] = edges
    await until(async () => (await edge.peers())[0]?.rttMs !== undefined, 20_000, 'the link was not measured')
    const peers = await edge.peers()
    expect(peers).toEqual([{
      peer: other.peer, name: other.name, region: 'europe', http: other.http, weight: 1, load: expect.any(Number) as number,
      draining: false, connected: true, otherOrigins: false, rttMs: expect.any(Number) as number
    }])
  })

  it('gives Prometheus text at /metrics, with libp2p\'s numbers beside its own', async () => {
    await get(`${edges[0].http}/metrics-warm-up`)
    const { text, fields } = await get(`${edges[0].admin}/metrics`)
    expect(fields['content-type']).toMatch(/^text\/plain; version=0\.0\.4/)
    expect(text.endsWith('\n')).toBe(true)
    const number = String.raw`(?:[+-]?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?|Inf)|NaN)`
    const label = String.raw`[a-zA-Z_]\w*="(?:[^"\\\n]|\\[\\n"])*"`
    const line = new RegExp(String.raw`^(?:# HELP [a-zA-Z_:][\w:]* .*|# TYPE [a-zA-Z_:][\w:]* (?:counter|gauge|histogram|summary|untyped)|[a-zA-Z_:][\w:]*(?:\{(?:${label}(?:,${label})*)?\})? ${number}(?: \d+)?|)$`)
    expect(text.split('\n').filter((each) => !line.test(each))).toEqual([])
    const samples = text.split('\n').filter((each) => each !== '' && !each.startsWith('#')).map((each) => each.replace(/ [^ ]+$/, ''))
    expect(samples.filter((each, index) => samples.indexOf(each) !== index)).toEqual([])
    for (const name of ['colony_http_requests_total', 'colony_http_body_bytes_total', 'colony_membership_members', 'colony_store_used_bytes', 'colony_process_resident_memory_bytes']) {
      expect(valueOf(text, name), name).toBeGreaterThan(0)
    }
    expect(text).toMatch(/^libp2p_\w+(\{.*\})? \d/m)
  })

  it('counts what the mesh costs by part, and content apart from it', async () => {
    const bytes = 3_000_000
    origin.file('/counted', bytes, { maxAge: 60 })
    // An edge announces itself to the DHT some seconds after its first link.
    await until(async () => (await Promise.all(edges.map(async (edge) => await edge.status()))).every(({ coordination }) => coordination.dht.bytesIn > 0 && coordination.dht.bytesOut > 0), 40_000, 'the DHT was not used')
    const ask = async (): Promise<{ content: number, coordination: number }> => {
      const texts = await Promise.all(edges.map(metricsOf))
      const statuses = await Promise.all(edges.map(async (edge) => await edge.status()))
      for (const { coordination, topics } of statuses) {
        // Counted without what gossipsub adds: signatures, topics, who has what.
        expect(topics.members.bytesIn).toBeGreaterThan(0)
        expect(topics.members.bytesOut).toBeGreaterThan(0)
        expect(topics.members.bytesIn + topics.filters.bytesIn).toBeLessThan(coordination.gossip.bytesIn)
        for (const part of ['gossip', 'dht', 'membership', 'identify'] as const) {
          for (const [what, count] of Object.entries(coordination[part])) expect(count, `${part} ${what}`).toBeGreaterThan(0)
        }
        expect(coordination.other, 'a protocol belongs to no part: see daemon/mesh-traffic.ts').toEqual({ bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0 })
      }
      const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)
      return {
        content: sum(texts.map((text) => valueOf(text, 'colony_mesh_bytes_total', 'part="content",direction="in"'))),
        coordination: sum(statuses.flatMap(({ coordination }) => Object.values(coordination).map(({ bytesIn }) => bytesIn)))
      }
    }
    const before = await ask()
    for (const edge of edges) await get(`${edge.http}/counted`)
    const after = await ask()
    expect(after.content - before.content).toBeGreaterThan(bytes)
    expect(after.content - before.content).toBeLessThan(bytes * 1.1)
    expect(after.coordination - before.coordination).toBeLessThan(bytes / 10)
  })

  it('keeps the numbers of two edges in one process apart', async () => {
    const [one, other] = edges
    const before = await Promise.all(edges.map(metricsOf))
    origin.file('/apart', 1_000, { maxAge: 60 })
    for (let times = 0; times < 5; times++) await get(`${one.http}/apart`)
    const [oneNow = '', otherNow = ''] = await Promise.all([one, other].map(metricsOf))
    expect(valueOf(oneNow, 'colony_http_requests_total') - valueOf(before[0] ?? '', 'colony_http_requests_total')).toBe(5)
    expect(valueOf(otherNow, 'colony_http_requests_total') - valueOf(before[1] ?? '', 'colony_http_requests_total')).toBe(0)
    for (const text of [oneNow, otherNow]) expect(text).toMatch(/^libp2p_\w+(\{.*\})? \d/m)
  })

  it('answers with problem documents to what it does not know', async () => {
    const unknown = await get(`${edges[0].admin}/v1/nothing`)
    expect(unknown.status).toBe(404)
    const refused = await get(`${edges[0].admin}/v1/status`, { 'content-length': '2' }, 'POST', '{}')
    expect(refused.status).toBe(405)
    expect(refused.fields.allow).toBe('GET, HEAD')
    for (const { fields, text, status } of [unknown, refused]) {
      expect(fields['content-type']).toBe('application/problem+json')
      expect(JSON.parse(text)).toMatchObject({ status, title: expect.any(String) as string, detail: expect.stringContaining('/v1/') as string })
    }
  })
})

describe('a trace', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'
  const parentId = '00f067aa0ba902b7'
  const traceparent = `00-${traceId}-${parentId}-01`
  const sent = (path: string): string[] => origin.seen.filter(({ url }) => url === path).map(({ headers }) => String(headers.traceparent))

  it('goes on to the origin with the client\'s trace id and a step of its own, also through a peer', async () => {
    let throughPeers = 0
    for (let index = 0; index < 20; index++) {
      const path = `/traced-${index}`
      origin.file(path, 100, { maxAge: 60 })
      const { cacheStatus } = await get(`${edges[0].http}${path}`, { traceparent })
      if (cacheStatus.includes('detail=peer')) throughPeers++
      expect(sent(path)).not.toEqual([])
      // More than one where the machine is busy and a peer was raced or silent: each in the trace.
      for (const each of sent(path)) {
        expect(each).toMatch(new RegExp(`^00-${traceId}-[0-9a-f]{16}-01$`))
        expect(each).not.toContain(parentId)
      }
    }
    expect(throughPeers).toBeGreaterThan(0)
  })

  it('goes on where a request passes the cache, and begins where the client sends none or a broken one', async () => {
    origin.on('/posted', (_request, response) => { response.writeHead(204).end() })
    await get(`${edges[0].http}/posted`, { traceparent, 'content-length': '1' }, 'POST', 'x')
    expect(sent('/posted')[0]).toContain(traceId)
    for (const [path, fields] of [['/untraced', {}], ['/broken-trace', { traceparent: '00-0-0-0' }]] as const) {
      origin.file(path, 100)
      await get(`${edges[0].http}${path}`, fields)
      expect(sent(path)).toEqual([expect.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/) as string])
    }
  })

  it('stands in the log lines of requests that failed, and every line of the log is JSON', async () => {
    origin.on('/failing', (request) => { request.socket.destroy() })
    origin.on('/broken', (_request, response) => {
      response.writeHead(200, { 'content-length': 100_000 })
      response.write(Buffer.alloc(50_000), () => { response.destroy() })
    })
    const process = await swarm.spawn({ origin: origin.url, name: 'logging', flags: ['--log-level', 'debug'] })
    let log = ''
    process.child.stderr?.on('data', (data: Buffer) => { log += data.toString() })
    expect((await get(`${process.http}/failing`, { traceparent })).status).toBe(502)
    await expect(get(`${process.http}/broken`, { traceparent })).rejects.toThrow()
    await process.stop()
    // What came before this listener may have ended in mid-line.
    const lines = log.slice(log.startsWith('{') ? 0 : log.indexOf('\n') + 1).trimEnd().split('\n')
    const parsed = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    for (const line of parsed) expect(line).toMatchObject({ level: expect.any(String) as string, time: expect.any(String) as string, scope: expect.any(String) as string, name: 'logging', msg: expect.any(String) as string })
    expect(parsed.some(({ scope }) => String(scope).startsWith('libp2p:'))).toBe(true)
    const warnings = parsed.filter(({ level, scope }) => level === 'warn' && scope === 'http')
    expect(warnings).toEqual([
      expect.objectContaining({ msg: 'request failed', target: '/failing', traceId, status: 502, method: 'GET', phase: 'failed', reason: expect.stringContaining(origin.url) as string }),
      expect.objectContaining({ target: '/broken', traceId, method: 'GET' })
    ])
  })
})
