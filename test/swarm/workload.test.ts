/** The workload's real processes against a real edge, against plain HTTP servers that lie, and against none. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../daemon/clock.ts'
import type { Clock } from '../../protocols/clock.ts'
import { Client, type ClientSettings } from '../../netsim/workload/client.ts'
import { Content, etagOf, objectOf } from '../../netsim/workload/content.ts'
import type { Progress, Target } from '../../netsim/workload/messages.ts'
import { WorkloadOrigin } from '../../netsim/workload/origin-host.ts'
import { parseShape } from '../../netsim/workload/shape.ts'
import { Workload } from '../../netsim/workload/workload.ts'
import { get, Swarm, until } from '../support/edges.ts'

const seed = 'a'
const clock = systemClock
const settings = { reportIntervalMs: 100 }
const ends: Array<() => Promise<unknown>> = []

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function startOrigin (spec: string): Promise<WorkloadOrigin> {
  const origin = new WorkloadOrigin({ seed, shape: parseShape(spec), clock })
  ends.push(async () => { await origin.stop() })
  await origin.start()
  return origin
}

/** A server in this process that answers as the given function does. */
async function serve (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<{ http: string, server: Server }> {
  const server = createServer(answer)
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  ends.push(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => { server.close(resolve) })
  })
  return { http: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

/** Drives from this process until the condition holds. */
async function drive (spec: string, targets: readonly Target[], enough: (report: Progress['report']) => boolean, more: { settings?: Partial<ClientSettings>, clock?: Clock } = {}): Promise<Progress['report']> {
  let newest: Progress['report'] | undefined
  const client = new Client({
    seed, shape: parseShape(spec), targets, clock: more.clock ?? clock, settings: { ...settings, ...more.settings },
    onProgress: ({ report }) => { newest = report }
  })
  try {
    await until(() => newest !== undefined && enough(newest), 20_000, 'the workload did not get so far')
  } finally {
    newest = (await client.stop()).report
  }
  return newest
}

describe('a workload on a real edge', () => {
  it('is answered rightly from its store, whole and in parts, and its origin counts only what is new', async () => {
    const spec = 'objects=30,zipf=0.5,size=20KiB,clients=8,ranges=20%'
    const origin = await startOrigin(spec)
    await origin.control({ cacheControl: 'public, max-age=1' })
    const swarm = new Swarm()
    ends.push(async () => { await swarm.stop() })
    const edge = await swarm.start({ origin: origin.url, region: 'europe' })
    const workload = new Workload({ clock })
    ends.push(async () => { await workload.kill() })
    await workload.start({ seed, shape: parseShape(spec), targets: [{ name: edge.name, region: 'europe', http: edge.http }], settings })
    await until(() => (workload.report?.bySource.hit.requests ?? 0) > 300, 20_000, 'there were too few hits')

    // Objects change while they are served: the old version is right until it is stale, and then the new one.
    await origin.control({ bump: Array.from({ length: 30 }, (_, object) => object) })
    const { bytes } = await origin.counters()
    await until(async () => (await origin.counters()).bytes > bytes * 1.5, 20_000, 'no edge fetched the new versions')
    const report = await workload.stop()
    const counters = await origin.counters()

    expect(report.wrong).toEqual([])
    expect(report).toMatchObject({ errors: 0, firstTryErrors: 0, wrongAnswers: 0, wrongBytes: 0, availability: 1, inFlight: 0, byError: {} })
    expect(report.byStatus).toMatchObject({ 200: expect.any(Number), 206: expect.any(Number) })
    expect(report.originFetches).toBeGreaterThan(0)
    expect(report.bySource.unknown.requests).toBe(0)
    expect(report.byRegion.europe!.requests).toBe(report.requests)
    expect(counters.objects).toBeLessThanOrEqual(30)
    expect(counters.byObject.every(({ object }) => object < 30)).toBe(true)
    expect(report.hitRatio).toBeGreaterThan(0.5)
    expect(report.series.length).toBeGreaterThan(5)
    expect(report.series.reduce((sum, row) => sum + row.requests, 0)).toBe(report.requests)
  })
})

describe('the workload\'s origin', () => {
  it('does as it is told: changed objects, refusals, and silence', async () => {
    const origin = await startOrigin('objects=5')
    const url = `${origin.url}/o/3`
    const before = await get(url)
    expect(before.fields).toMatchObject({ etag: etagOf(3, 1), 'cache-control': 'public, max-age=3600', 'content-length': String(before.body.length) })
    expect((await get(url, { 'if-none-match': before.fields.etag! })).status).toBe(304)
    const part = await get(url, { range: 'bytes=60-99' })
    expect([part.status, part.body]).toEqual([206, before.body.subarray(60, 100)])

    await origin.control({ bump: 3 })
    const after = await get(url, { 'if-none-match': before.fields.etag! })
    expect([after.status, after.fields.etag]).toEqual([200, etagOf(3, 2)])
    expect(after.text.slice(0, 19)).toBe('object 3 version 2 ')

    await origin.control({ status: 503 })
    expect((await get(url)).status).toBe(503)
    await origin.control({ status: null, down: true })
    await expect(get(url)).rejects.toThrow()
    await origin.control({ down: false })
    expect((await get(url)).body.equals(after.body)).toBe(true)

    await expect(origin.control({ delayMs: -1 })).rejects.toThrow('cannot control the origin: delayMs is -1: expected milliseconds from 0 to 60000')
    expect(await origin.counters()).toMatchObject({ requests: 7, notModified: 1, objects: 1, byObject: [{ object: 3, requests: 5 }] })
  })
})

describe('the clients of a workload', () => {
  const spec = 'objects=50,size=4KiB,sigma=0,clients=4'
  const content = new Content({ seed, ...parseShape(spec).sizes })
  const objectIn = (request: IncomingMessage): number => objectOf(request.url ?? '') ?? -1
  const bytesOf = (object: number, version: number): Buffer => Buffer.concat([...content.read(object, version, 0, content.sizes.of(object))])
  const right = (request: IncomingMessage, response: ServerResponse): void => {
    response.writeHead(200, { etag: etagOf(objectIn(request), 1), 'content-length': '4096' }).end(bytesOf(objectIn(request), 1))
  }
  const dead = 'http://127.0.0.1:9'

  it('see one wrong byte in a hundred answers, say where, and do not ask again', async () => {
    let answers = 0
    let broken = 0
    const { http } = await serve((request, response) => {
      const body = bytesOf(objectIn(request), 1)
      if (++answers % 100 === 0) {
        body[4000]! ^= 1
        broken++
      }
      response.writeHead(200, { etag: etagOf(objectIn(request), 1), 'content-length': String(body.length) }).end(body)
    })
    const report = await drive(spec, [{ name: 'liar', region: 'europe', http }], ({ requests }) => requests >= 300)
    expect(broken).toBeGreaterThan(1)
    expect(report).toMatchObject({ wrongAnswers: broken, wrongBytes: broken, errors: broken, firstTryErrors: broken, byError: { wrong: broken }, requests: answers })
    expect(report.wrong[0]).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/o\/\d+ by liar: 1 of the \d+ bytes at \d+$/)
  })

  it('ask a second edge where the first is gone, cuts or refuses, and tell both apart', async () => {
    const { http: refusing } = await serve((_request, response) => { response.writeHead(503).end() })
    const { http: cutting } = await serve((request, response) => {
      response.writeHead(200, { etag: etagOf(objectIn(request), 1), 'content-length': '4096' }).write(bytesOf(objectIn(request), 1).subarray(0, 1000), () => { response.destroy() })
    })
    const { http } = await serve(right)
    const good = { name: 'good', region: 'europe', http }
    for (const [bad, error] of [[dead, 'connect'], [refusing, 'status-503'], [cutting, 'cut']] as const) {
      const targets = [{ name: 'bad', region: 'europe', http: bad }, good]
      const report = await drive(spec, targets, ({ firstTryErrors }) => firstTryErrors >= 20)
      expect(report, error).toMatchObject({ errors: 0, availability: 1, wrongBytes: 0 })
      expect(report.firstTryErrors).toBeLessThan(report.requests)
      const alone = await drive(spec, targets, ({ errors }) => errors >= 20, { settings: { retriesMax: 0 } })
      expect(alone.byError).toEqual({ [error]: alone.errors })
      expect(alone.errors).toBe(alone.firstTryErrors)
    }
  })

  it('count apart what nobody was given before and was asked for while the origin was down', async () => {
    const given = new Set<number>()
    let down = false
    let refusedNew = 0
    const { http } = await serve((request, response) => {
      const object = objectIn(request)
      if (object < 25 && !down) {
        given.add(object)
        return right(request, response)
      }
      if (!given.has(object)) refusedNew++
      response.writeHead(503).end()
    })
    const reports: Array<Progress['report']> = []
    const client = new Client({
      seed, shape: parseShape(spec), clock, settings: { ...settings, retriesMax: 0 }, targets: [{ name: 'half', region: 'europe', http }], onProgress: ({ report }) => { reports.push(report) }
    })
    const report = async (holds: (newest: Progress['report']) => boolean): Promise<Progress['report']> => {
      await until(() => reports.length > 0 && holds(reports.at(-1)!), 20_000, 'the clients did not get so far')
      return reports.at(-1)!
    }
    expect(await report(({ errors }) => errors >= 20 && given.size === 25)).toMatchObject({ unanswerable: 0 })
    down = true
    refusedNew = 0
    client.origin(true)
    await report(({ unanswerable }) => unanswerable > 20)
    client.origin(false)
    // What was under way when the origin came back is over with the report after the next.
    const told = reports.length
    const { errors, unanswerable } = await report(() => reports.length > told + 1)
    const after = await report((newest) => newest.errors >= errors + 20)
    await client.stop()
    expect(after.unanswerable).toBe(unanswerable)
    expect(after.unanswerable).toBeLessThanOrEqual(refusedNew)
  })

  it('keep to their region, and leave it only when nobody is left there', async () => {
    const asked = { near: 0, far: 0 }
    const near = await serve((request, response) => { asked.near++; right(request, response) })
    const far = await serve((request, response) => { asked.far++; right(request, response) })
    const home = { name: 'near', region: 'europe', http: near.http }
    const away = { name: 'far', region: 'asia', http: far.http }
    let errors = 0
    // The regions that ask are those of the first list.
    const client = new Client({ seed, shape: parseShape(spec), targets: [home], clock, settings, onProgress: ({ report }) => { errors = report.errors } })
    client.update([home, away])
    await until(() => asked.near > 50, 10_000, 'too few requests')
    expect(asked.far).toBe(0)
    client.update([away])
    await until(() => asked.far > 50, 10_000, 'nobody went elsewhere')
    client.update([])
    await until(() => errors > 10, 10_000, 'requests went somewhere')
    const { report } = await client.stop()
    expect(report.byRegion).toMatchObject({ europe: { requests: report.requests } })
    expect(report.byError).toEqual({ 'no-edge': report.errors })
  })

  it('count an open loop\'s latency from when a request was meant to start, however late it was sent', async () => {
    const { http } = await serve(right)
    // This client's own timers are a quarter of a second late, as if it had been kept from asking.
    const late: Clock = { ...clock, after: (delayMs, callback) => clock.after(Math.max(delayMs, 250), callback) }
    const report = await drive('objects=50,size=4KiB,sigma=0,rate=400', [{ name: 'edge', region: 'europe', http }], ({ requests }) => requests >= 300, { clock: late })
    expect(report.latencyMs.max).toBeGreaterThan(200)
    expect(report.latencyMs.p50).toBeGreaterThan(report.serviceMs.p50 + 50)
  })

  it('count what never ends as an error', async () => {
    const { http } = await serve(() => {})
    const report = await drive('objects=50,rate=200', [{ name: 'silent', region: 'europe', http }], ({ inFlight }) => inFlight > 10, { settings: { drainTimeoutMs: 50 } })
    expect(report.errors).toBe(report.requests)
    expect(report.byError).toEqual({ unfinished: report.requests })
    expect(report.availability).toBe(0)
  })
})
