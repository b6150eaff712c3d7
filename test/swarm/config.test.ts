/**
 * Agreed configuration on a real edge: what is agreed takes effect between two requests, outlives a restart, and is honoured by
 * tokens on content. Each scope that such an edge can agree on alone.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { get, Swarm, until, type Got, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'
import { encodeToken } from '../../protocols/config/token.ts'

const scopes = ['local', 'regional', 'global'] as const

describe.each(scopes)('a real edge that agrees on its %s configuration', (scope) => {
  let swarm: Swarm
  let first: TestOrigin
  let second: TestOrigin
  let edge: TestEdge

  beforeAll(async () => {
    swarm = new Swarm()
    first = await new TestOrigin().start()
    second = await new TestOrigin().start()
    first.on('/page', (_request, response) => { response.writeHead(200, { server: 'old' }).end('first') })
    second.on('/page', (request, response) => { response.writeHead(200, { server: 'old' }).end(`second ${String(request.headers['colony-token'])}`) })
    edge = await swarm.start({ origin: first.url })
  })
  afterAll(async () => {
    await swarm.stop()
    await first.close()
    await second.close()
  })

  const change = async (method: string, body: object, fields: Record<string, string> = {}): Promise<Got> =>
    await get(`${edge.admin}/v1/config?scope=${scope}&plan=now&author=ann`, { 'content-type': 'application/json', ...fields }, method, JSON.stringify(body))
  const shop = (target = '/page', fields: Record<string, string> = {}): Promise<Got> => get(`${edge.http}${target}`, { host: 'www.shop.example', ...fields })

  it('serves another origin, key, lifetime and headers from the next request on', async () => {
    expect((await shop()).text).toBe('first')
    const site = { hosts: ['*.shop.example'], origins: [second.url], key: { ignore: ['utm_*'] }, ttl: { default: '60s' }, headers: { set: { 'x-frame-options': 'DENY' }, remove: ['server'] } }
    let token: string | undefined
    // A group may be without a leader yet, and a slow disk late: the same key asks again.
    await until(async () => {
      const { status, fields } = await change('PUT', { sites: { shop: site } }, { 'idempotency-key': 'the-shop' })
      token = fields['colony-token']
      return status === 201
    }, 10_000, 'nothing was agreed')
    const got = await shop('/page?utm_source=a', { 'colony-token': token! })
    expect([got.text, got.fields['x-frame-options'], got.fields.server]).toEqual(['second undefined', 'DENY', undefined])
    expect((await shop('/page?utm_source=b')).cacheStatus).toContain(';hit')
    expect((await get(`${edge.http}/page`, { host: 'else.example' })).text).toBe('first')
  })

  it('answers a request whose token names what it does not have with what is lacking', async () => {
    const got = await shop('/page', { 'colony-token': encodeToken({ elsewhere: 5 }) })
    expect([got.status, JSON.parse(got.text)]).toMatchObject([409, { lacks: [{ group: 'elsewhere', has: 0, needs: 5 }] }])
  })

  it('starts with it again, before it asks anybody', async () => {
    await edge.stop()
    edge = await swarm.start({ origin: first.url, dataDir: edge.dataDir })
    expect((await shop('/page?new')).text).toBe('second undefined')
    expect(JSON.parse((await get(`${edge.admin}/v1/config?scope=${scope}`)).text)).toMatchObject({ version: 1 })
  })
})

describe('three real edges of a region', () => {
  let swarm: Swarm
  let edges: TestEdge[]
  let origin: TestOrigin

  beforeAll(async () => {
    swarm = new Swarm()
    origin = await new TestOrigin().start()
    origin.on('/page', (_request, response) => { response.end('agreed') })
    edges = await swarm.grow({ default: 3 }, { settings: { config: { stageMs: 500, listenMs: 500, quietMs: 1_000, reportIntervalMs: 200 }, agreed: { idleReportIntervalMs: 200, driveIntervalMs: 100 } } })
  })
  afterAll(async () => {
    await swarm.stop()
    await origin.close()
  })

  it('roll out, stage by stage, what is agreed through any of them, and say so', async () => {
    const document = { sites: { shop: { hosts: ['shop.example'], origins: [origin.url] } } }
    await until(async () => {
      const got = await get(`${edges[2]!.admin}/v1/config?scope=regional&author=ann`, { 'content-type': 'application/json', 'idempotency-key': 'staged' }, 'PUT', JSON.stringify(document))
      return got.status === 201
    }, 20_000, 'nothing was agreed')
    const serving = async (): Promise<number> => (await Promise.all(edges.map(async ({ http }) => await get(`${http}/page`, { host: 'shop.example' })))).filter(({ text }) => text === 'agreed').length
    await until(async () => await serving() === 3, 30_000, 'not all edges serve it')
    const outcomes = async (): Promise<string[]> => await Promise.all(edges.map(async ({ admin }) => {
      const { versions } = JSON.parse((await get(`${admin}/v1/config/history?scope=regional`)).text) as { versions: Array<{ outcome: string }> }
      return versions.map(({ outcome }) => outcome).join()
    }))
    await until(async () => (await outcomes()).every((each) => each === 'good'), 30_000, 'the roll-out did not end')
  })
})
