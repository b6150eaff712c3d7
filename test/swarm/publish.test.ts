/** Issue item 8: content that is published in the mesh, without an origin, on real edges. */
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { ContentDetail, ContentList, ContentWritten } from '../../daemon/admin/content.ts'
import { bytesOf } from '../support/origin.ts'
import { get, Swarm, until, type EdgeOptions, type Got, type TestEdge } from '../support/edges.ts'

const execute = promisify(execFile)

type Child = Awaited<ReturnType<Swarm['spawn']>>

let swarm: Swarm
beforeEach(() => { swarm = new Swarm() })
afterEach(async () => { await swarm.stop() })

/** A killed edge is missed after some seconds. */
const membership = { refreshMs: 500, digestIntervalMs: 500, silentRefreshes: 5, joinBackoffMaxMs: 1_000 }
/** Repairs soon. */
const eager = { publish: { repairDelayMs: 1_000, repairSettleMs: 100, repairIntervalMs: 1_000, surplusKeepMs: 1_000 }, membership }

/** `region/zone` of each edge. */
const places = ['north/1', 'north/2', 'south/1', 'south/2']

async function grow (kind: 'start' | 'spawn', settings: EdgeOptions['settings'] = eager): Promise<TestEdge[]> {
  for (const place of places) {
    const [region = '', zone = ''] = place.split('/')
    const first = swarm.edges[0]
    await swarm[kind]({ region, flags: ['--zone', zone], join: first === undefined ? [] : [first.listen], settings })
  }
  await linked()
  return swarm.edges
}

async function put (edge: TestEdge, path: string, body: string | Buffer, fields: Record<string, string> = {}, query = ''): Promise<Got & { written: ContentWritten }> {
  const got = await get(`${edge.admin}/v1/content/default${path}${query}`, { 'content-length': String(Buffer.byteLength(body)), ...fields }, 'PUT', body)
  return { ...got, written: JSON.parse(got.text) as ContentWritten }
}

async function detail (edge: TestEdge, path: string): Promise<ContentDetail> {
  return JSON.parse((await get(`${edge.admin}/v1/content/default${path}`)).text) as ContentDetail
}

/** Names of the edges that say of themselves that they hold the newest version. */
async function holders (edge: TestEdge, path: string): Promise<string[]> {
  return (await detail(edge, path)).versions[0]?.holders.map(({ name }) => name).sort() ?? []
}

async function kill (edge: TestEdge): Promise<void> {
  const { child } = edge as Child
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGKILL')
  await exited
}

/** On the same folder, so with the same identity and what it held. */
async function again (edge: TestEdge, place: string, settings: EdgeOptions['settings'] = eager): Promise<Child> {
  const [region = '', zone = ''] = place.split('/')
  const other = swarm.edges.find((each) => each !== edge && (each as Child).child.exitCode === null && (each as Child).child.signalCode === null)
  const started = await swarm.spawn({ region, name: edge.name, dataDir: edge.dataDir, flags: ['--zone', zone], join: other === undefined ? [] : [other.listen], settings })
  swarm.edges.splice(swarm.edges.indexOf(edge), 1)
  return started
}

/** Until every edge knows every other, and has reached it: a call needs an address. */
async function linked (): Promise<void> {
  await swarm.whole()
  await until(async () => (await Promise.all(swarm.edges.map(async (edge) => await edge.peers()))).flat().every(({ connected }) => connected), 30_000, 'the edges did not all link')
}

async function gone (edges: readonly TestEdge[]): Promise<void> {
  await until(async () => (await Promise.all(edges.map(async (edge) => await edge.status()))).every(({ members }) => members === edges.length), 40_000, 'the killed edge was not missed')
}

it('has as many copies in different zones as were asked for before it answers, and every edge serves it', async () => {
  const edges = await grow('start')
  const body = bytesOf('published', 3_000_000)
  const { status, written, fields } = await put(edges[0]!, '/big.bin', body, { 'content-type': 'video/mp4', 'cache-control': 'max-age=3600' }, '?copies=3')
  expect(status).toBe(201)
  expect(written).toMatchObject({ copies: 3, zones: 3, length: body.byteLength, created: true })
  expect(await holders(edges[3]!, '/big.bin')).toEqual(written.holders.map(({ name }) => name).sort())
  for (const edge of edges) {
    const got = await get(`${edge.http}/big.bin`)
    expect(got.status).toBe(200)
    expect(got.body.equals(body)).toBe(true)
    expect(got.fields).toMatchObject({ 'content-type': 'video/mp4', 'cache-control': 'max-age=3600', etag: fields.etag, 'colony-version': written.version })
    expect((await get(`${edge.http}/big.bin`, { range: 'bytes=1000-1999' })).body.equals(body.subarray(1_000, 2_000))).toBe(true)
    expect((await get(`${edge.http}/big.bin`, { 'cache-control': 'no-cache' })).status).toBe(200)
    expect((await get(`${edge.http}/never`)).status).toBe(404)
  }
})

it('keeps versions apart, deletes everywhere, and tells both', async () => {
  const edges = await grow('start')
  const first = await put(edges[0]!, '/page', 'one', { 'cache-control': 'max-age=1' })
  for (const edge of edges) expect((await get(`${edge.http}/page`)).text).toBe('one')
  expect(await put(edges[2]!, '/page', 'two', { 'cache-control': 'max-age=1' })).toMatchObject({ status: 200, written: { created: false } })
  for (const edge of edges) {
    for (const level of ['quorum', 'all']) expect((await get(`${edge.http}/page`, { 'colony-consistency': level })).text).toBe('two')
    expect((await get(`${edge.http}/page`, { 'colony-consistency': 'most' })).status).toBe(400)
    // A copy in a cache is good for its lifetime, and no longer.
    await until(async () => (await get(`${edge.http}/page`)).text === 'two', 10_000, 'the new version was not served')
  }
  expect((await detail(edges[1]!, '/page')).versions).toHaveLength(2)
  expect((await get(`${edges[1]!.admin}/v1/content/default/page?body&version=${first.written.version}`)).text).toBe('one')
  await put(edges[1]!, '/other', 'x')
  const listed = async (edge: TestEdge): Promise<string[]> => (JSON.parse((await get(`${edge.admin}/v1/content/default`)).text) as ContentList).objects.map(({ path }) => path)
  expect(await listed(edges[3]!)).toEqual(['/other', '/page'])

  expect((await get(`${edges[3]!.admin}/v1/content/default/page`, {}, 'DELETE')).status).toBe(200)
  for (const edge of edges) {
    expect((await get(`${edge.http}/page`, { 'colony-consistency': 'quorum' })).status).toBe(410)
    await until(async () => (await get(`${edge.http}/page`)).status === 410, 10_000, 'the deletion was not seen')
    expect(await listed(edge)).toEqual(['/other'])
  }
})

it('is published, listed, read and deleted from the command line', async () => {
  const edges = await grow('start')
  const [edge] = edges as [TestEdge]
  const colony = async (...args: string[]): Promise<string> => {
    const { stdout } = await execute(process.execPath, [fileURLToPath(new URL('../../bin/colony.ts', import.meta.url)), '--admin', edge.admin, ...args])
    return stdout
  }
  const file = join(edge.dataDir, 'page.html')
  await writeFile(file, '<p>hello</p>')
  expect(await colony('put', '--copies', '3', file, `${edge.http}/hello`)).toMatch(/^published default:\/hello: 12 B on 3 edges/)
  expect(await colony('ls', 'default')).toMatch(/^\/hello +12 B +text\/html; charset=utf-8 .* 3 of 3 /m)
  expect(await colony('get', '--consistency', 'all', `${edges[3]!.http}/hello`)).toBe('<p>hello</p>')
  expect(await colony('rm', 'default:/hello')).toMatch(/^deleted default:\/hello on 3 edges/)
  await expect(colony('get', 'default:/hello')).rejects.toMatchObject({ stderr: expect.stringContaining('was refused with 410') as unknown })
})

it('answers a retry as the first time, also through another edge, and refuses its key for something else', async () => {
  const edges = await grow('start')
  const fields = { 'idempotency-key': '"upload-1"' }
  const first = await put(edges[0]!, '/x', 'text', fields)
  const second = await put(edges[3]!, '/x', 'text', fields)
  expect(second.status).toBe(first.status)
  expect(second.written.version).toBe(first.written.version)
  expect((await detail(edges[1]!, '/x')).versions).toHaveLength(1)
  expect(await put(edges[1]!, '/x', 'other', fields)).toMatchObject({ status: 422 })
})

it('refuses what is too large, not what was announced, or not all there, and keeps what was', async () => {
  const edges = await grow('start', { membership, publish: { ...eager.publish, objectBytesMax: 1_000_000 } })
  const [edge] = edges as [TestEdge]
  await put(edge, '/x', 'old')
  const url = `${edge.admin}/v1/content/default/x`
  const announced = await get(url, { 'content-length': '1000001', expect: '100-continue' }, 'PUT', Buffer.alloc(1_000_001))
  expect([announced.status, announced.text]).toEqual([413, expect.stringContaining('published content may have 1000000 bytes at most')])
  const streamed = await get(url, { 'transfer-encoding': 'chunked' }, 'PUT', Buffer.alloc(1_200_000))
  expect(streamed.status).toBe(413)
  const wrong = await get(url, { 'content-digest': `sha-256=:${createHash('sha256').update('other').digest('base64')}:` }, 'PUT', 'text')
  expect([wrong.status, wrong.text]).toEqual([400, expect.stringContaining('Content-Digest')])
  const broken = httpRequest(url, { method: 'PUT', headers: { 'content-length': '500000' } })
  broken.on('error', () => {})
  broken.write(Buffer.alloc(100_000))
  await sleep(200)
  broken.destroy()
  await sleep(200)
  for (const each of edges) expect((await get(`${each.http}/x`, { 'colony-consistency': 'all' })).text).toBe('old')
  expect((await detail(edge, '/x')).versions).toHaveLength(1)
})

it('is there after every edge was killed and started again', async () => {
  const edges = [...await grow('spawn')]
  const body = bytesOf('kept', 500_000)
  const { written } = await put(edges[0]!, '/x', body)
  for (const edge of edges) await kill(edge)
  for (const [index, edge] of edges.entries()) await again(edge, places[index]!)
  await linked()
  for (const edge of swarm.edges) {
    const got = await get(`${edge.http}/x`, { 'colony-consistency': 'all' })
    expect([got.status, got.status === 200 ? '' : got.text]).toEqual([200, ''])
    expect(got.body.equals(body)).toBe(true)
  }
  expect(await holders(swarm.edges[0]!, '/x')).toEqual(written.holders.map(({ name }) => name).sort())
}, 120_000)

it('copies to another edge what an edge held that was killed for good', async () => {
  const edges = await grow('spawn')
  const { written } = await put(edges[0]!, '/x', bytesOf('moved', 300_000))
  const lost = edges.find(({ name }) => name === written.holders[1]!.name)!
  await kill(lost)
  const left = edges.filter((edge) => edge !== lost)
  await gone(left)
  await until(async () => {
    const now = await holders(left[0]!, '/x')
    return now.length === 3 && !now.includes(lost.name)
  }, 30_000, 'no other edge took the copy')
  for (const edge of left) expect((await get(`${edge.http}/x`, { 'colony-consistency': 'all' })).status).toBe(200)
}, 120_000)

it('has the old version or the new one, whole, when the edge that takes a PUT is killed', async () => {
  const edges = await grow('spawn')
  const writer = edges[3]!
  const others = edges.slice(0, 3)
  let taking = writer
  let current = bytesOf('v0', 2_000_000)
  await put(others[0]!, '/x', current)
  for (const [round, delayMs] of [5, 40, 120, 250].entries()) {
    const next = bytesOf(`v${round + 1}`, 2_000_000)
    const fields = { 'idempotency-key': `round-${round}` }
    const sent = put(taking, '/x', next, fields).then(({ status }) => status, () => 'broken' as const)
    await sleep(delayMs)
    await kill(taking)
    const answered = await sent
    for (const edge of others) {
      const got = await get(`${edge.http}/x`, { 'colony-consistency': 'quorum' })
      expect(got.status).toBe(200)
      const isNew = got.body.equals(next)
      if (answered === 200) expect(isNew).toBe(true)
      expect(isNew || got.body.equals(current)).toBe(true)
    }
    // The retry comes through another edge.
    await until(async () => (await put(others[0]!, '/x', next, fields)).status === 200, 30_000, 'the retry did not succeed')
    for (const edge of others) expect((await get(`${edge.http}/x`, { 'colony-consistency': 'quorum' })).body.equals(next)).toBe(true)
    current = next
    taking = await again(taking, places[3]!)
    await linked()
  }
  expect((await detail(others[0]!, '/x')).versions.length).toBeLessThanOrEqual(5)
}, 180_000)

it('sees the newest version by quorum while a replica is behind that was away, and nothing deleted comes back with it', async () => {
  // Nobody repairs anything by itself for now: what is seen is the read's own doing.
  const settings = { membership, publish: { repairDelayMs: 600_000, repairSettleMs: 600_000, repairIntervalMs: 600_000 } }
  const edges = await grow('spawn', settings)
  const { written } = await put(edges[0]!, '/changed', 'old')
  await put(edges[0]!, '/deleted', 'old', {}, '?copies=4')
  const index = edges.findIndex(({ name }) => name === written.holders[2]!.name)
  const away = edges[index]!
  const left = edges.filter((edge) => edge !== away)
  await kill(away)
  await gone(left)
  expect((await put(left[0]!, '/changed', 'new')).status).toBe(200)
  expect((await get(`${left[0]!.admin}/v1/content/default/deleted?copies=3`, {}, 'DELETE')).status).toBe(200)
  const back = await again(away, places[index]!, settings)
  await linked()
  expect((await get(`${back.admin}/v1/content/default/changed?body&consistency=one`)).text).toBe('old')
  expect((await get(`${back.http}/changed`, { 'colony-consistency': 'quorum' })).text).toBe('new')
  // It was told, as it was behind.
  await until(async () => (await get(`${back.admin}/v1/content/default/changed?body&consistency=one`)).text === 'new', 10_000, 'the replica was not brought up to date')
  expect((await get(`${back.http}/deleted`, { 'colony-consistency': 'quorum' })).status).toBe(410)
  await until(async () => (await get(`${back.http}/deleted`)).status === 410, 10_000, 'the deletion was not told')
  for (const edge of swarm.edges) expect((await get(`${edge.http}/deleted`, { 'colony-consistency': 'all' })).status).toBe(410)
}, 120_000)
