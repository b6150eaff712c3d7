/**
 * Purges on one real edge with a real origin: what clients get afterwards, while fills and validations are under way, when the origin
 * is gone, and after a `kill -9`. `colony purge` runs as a person runs it.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Explanation } from '../../daemon/explain/explanation.ts'
import { get, Swarm, until, type Got, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

let swarm: Swarm
let origin: TestOrigin
let edge: TestEdge

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  edge = await swarm.start({ origin: origin.url, settings: { purge: { purgeBurstMax: 50, purgesPerSecondMax: 1, sweepDelayMs: 50 } } })
})
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

async function purge (order: object, at = edge): Promise<Got> {
  return await get(`${at.admin}/v1/purge`, { 'content-type': 'application/json' }, 'POST', JSON.stringify(order))
}

/** A page that tells how often it was made. */
function page (path: string, fields: Record<string, string> = {}): void {
  let made = 0
  origin.on(path, (_request, response) => { response.writeHead(200, { 'cache-control': 'max-age=600', ...fields }).end(`${++made}`) })
}
const text = async (path: string): Promise<string> => (await get(edge.http + path)).text

describe('a purge', () => {
  it('by URL, prefix, tag, host or everything has the next client get what the origin has now, and leaves the rest', async () => {
    page('/by/a', { 'surrogate-key': 'one two' })
    page('/other')
    const orders = [{ urls: ['/by/a'] }, { urls: [`${edge.http}/by/a?q`], queries: 'all' }, { prefixes: ['default:/by'] }, { tags: ['two'] }, { hosts: ['any.example'] }, { everything: true, site: 'default' }]
    for (const [index, order] of orders.entries()) {
      const before = await text('/by/a')
      await text('/other')
      const asked = origin.count('/other')
      const { status, text: receipt } = await purge(order)
      expect([status, JSON.parse(receipt)]).toMatchObject([200, { id: expect.stringMatching(`^${edge.peer}-`), applied: [{ peer: edge.peer }] }])
      expect(Number(await text('/by/a'))).toBe(Number(before) + 1)
      await text('/other')
      expect(origin.count('/other') - asked).toBe(index < 4 ? 0 : 1)
    }
    await purge({ urls: ['/by/b'] })
    expect((await get(`${edge.http}/by/a`)).cacheStatus).toContain(';hit')
  })

  it('gives disk space back, says so when asked why something is gone, and counts', async () => {
    origin.file('/large', 400_000, { maxAge: 600 })
    await get(`${edge.http}/large`)
    const { objects } = (await edge.status()).store
    await purge({ urls: ['/large'] })
    await until(async () => (await edge.status()).store.objects < objects, 10_000, 'what was purged is still stored')
    const explained = JSON.parse((await get(`${edge.admin}/v1/explain?url=${encodeURIComponent('default:/large')}`)).text) as Explanation
    expect(JSON.stringify(explained)).toContain('"what":"purged"')
    const metrics = (await get(`${edge.admin}/metrics`)).text
    expect(metrics).toMatch(/colony_purge_applied_total\{kind="hard"\} [1-9]/)
  })

  it('during a fill lets its reader finish, and is not undone by it', async () => {
    const open = Promise.withResolvers<void>()
    let made = 0
    origin.on('/slow', async (_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=600' }).write(`${++made} `)
      if (made === 1) await open.promise
      response.end('end')
    })
    const first = get(`${edge.http}/slow`)
    await until(() => origin.count('/slow') === 1, 10_000, 'the origin was not asked')
    await purge({ urls: ['/slow'] })
    expect(await text('/slow')).toBe('2 end')
    open.resolve()
    expect((await first).text).toBe('1 end')
    expect(await get(`${edge.http}/slow`)).toMatchObject({ text: '2 end', cacheStatus: expect.stringContaining(';hit') })
  })

  it('during a validation is not undone by its 304', async () => {
    const open = Promise.withResolvers<void>()
    origin.on('/validated', async (request, response) => {
      const fields = { 'cache-control': 'max-age=0', etag: '"1"' }
      const conditional = request.headers['if-none-match'] !== undefined
      if (conditional) await open.promise
      response.writeHead(conditional ? 304 : 200, fields).end(conditional ? undefined : `${origin.count('/validated')}`)
    })
    expect(await text('/validated')).toBe('1')
    const validating = get(`${edge.http}/validated`)
    await until(() => origin.count('/validated') === 2, 10_000, 'the origin was not asked')
    await purge({ urls: ['/validated'] })
    open.resolve()
    expect((await validating).text).toBe('3')
  })

  it('soft leaves something for when the origin is gone, hard does not, also where it came after the soft one', async () => {
    const gone = await new TestOrigin().start()
    const alone = await swarm.start({ origin: gone.url })
    for (const path of ['/soft', '/hard', '/both']) {
      gone.file(path, 1_000, { maxAge: 600 })
      await get(alone.http + path)
    }
    await gone.close()
    await purge({ urls: ['/soft', '/both'], soft: true }, alone)
    await purge({ urls: ['/hard', '/both'] }, alone)
    expect(await get(`${alone.http}/soft`)).toMatchObject({ status: 200, cacheStatus: expect.stringMatching(/fwd=stale.*detail=origin-unreachable/) })
    for (const path of ['/hard', '/both']) expect((await get(alone.http + path)).status).toBeGreaterThanOrEqual(502)
  })

  it('that was acknowledged counts after a kill -9 at once, and what was fetched since is kept', async () => {
    const settings = { purge: { sweepDelayMs: 60_000 } }
    for (const path of ['/kept', '/forgotten', '/anew']) origin.file(path, 200_000, { maxAge: 600 })
    const first = await swarm.spawn({ origin: origin.url, settings })
    for (const path of ['/kept', '/forgotten', '/anew']) await get(first.http + path)
    await until(async () => (await first.status()).store.diskBytes >= 600_000, 10_000, 'not on disk')
    await purge({ urls: ['/forgotten', '/anew'] }, first)
    await get(`${first.http}/anew`)
    await until(async () => (await get(`${first.http}/anew`, { 'cache-control': 'only-if-cached' })).status === 200, 10_000, 'not stored')
    const exited = once(first.child, 'exit')
    first.child.kill('SIGKILL')
    await exited
    const second = await swarm.spawn({ origin: origin.url, settings, dataDir: first.dataDir })
    const status = async (path: string): Promise<number> => (await get(second.http + path, { 'cache-control': 'only-if-cached' })).status
    expect([await status('/kept'), await status('/forgotten')]).toEqual([200, 504])
    // Written behind, it may not have reached the disk; if it has, it is no older than the purge.
    expect([200, 504]).toContain(await status('/anew'))
  }, 120_000)
})

describe('POST /v1/purge', () => {
  it.each([
    [{ urls: ['a'] }, 400, /neither an http or https URL/], [{}, 400, /names nothing/], [{ urls: [`/${'a'.repeat(300_000)}`] }, 413, /in parts/]
  ])('refuses with a sentence: %#', async (order, status, sentence) => {
    const answer = await purge(order)
    expect([answer.status, answer.fields['content-type']]).toEqual([status, 'application/problem+json'])
    expect((JSON.parse(answer.text) as { detail: string }).detail).toMatch(sentence)
  })

  it('carries out a repeated order once, and refuses a storm of others with the time to wait', async () => {
    const [one, other] = [await purge({ tags: ['x'], idempotencyKey: 'k' }), await purge({ tags: ['x'], idempotencyKey: 'k' })]
    expect(other.text).toBe(one.text)
    expect((await purge({ tags: ['y'], idempotencyKey: 'k' })).status).toBe(409)
    const byField = async (key: string, tag: string): Promise<Got> => await get(`${edge.admin}/v1/purge`, { 'content-type': 'application/json', 'idempotency-key': key }, 'POST', JSON.stringify({ tags: [tag] }))
    expect((await byField('k', 'x')).text).toBe(one.text)
    // Of two long keys the beginnings may be the same.
    expect((await byField('k'.repeat(300), 'x')).status).toBe(400)
    const { id } = JSON.parse(one.text) as { id: string }
    const told = async (which: string): Promise<Got> => await get(`${edge.admin}/v1/purge/${which}`)
    expect(JSON.parse((await told(id)).text)).toMatchObject({ id, state: 'applied' })
    expect([(await told(`${id}0`)).status, (await told('none')).status, (await told(`${id}?wait=some`)).status]).toEqual([404, 400, 400])
    const answers = await Promise.all(Array.from({ length: 200 }, async () => await purge({ tags: ['x'] })))
    const refused = answers.filter(({ status }) => status === 429)
    expect(refused.length).toBeGreaterThan(0)
    expect(refused[0]?.fields['retry-after']).toMatch(/^\d+$/)
  })
})

describe('PURGE on the HTTP port', () => {
  it('forgets a URL where the site allows it, and goes to the origin where not; nothing that came through a proxy is let pass', async () => {
    const config = join(await mkdtemp(join(tmpdir(), 'colony-purge-')), 'edge.yaml')
    await writeFile(config, JSON.stringify({ sites: [{ name: 'open', hosts: ['open.example'], origin: origin.url, purgeMethod: 'loopback' }, { name: 'shut', hosts: ['*'], origin: origin.url }] }))
    const other = await swarm.start({ flags: ['--config', config] })
    page('/by-method')
    const ask = async (method = 'GET', host = 'open.example', more = {}): Promise<Got> => await get(`${other.http}/by-method`, { host, ...more }, method)
    const [before, shut] = [(await ask()).text, (await ask('GET', 'x')).text]
    expect((await ask('PURGE', 'open.example', { 'x-forwarded-for': '192.0.2.1' })).status).toBe(403)
    expect((await ask()).text).toBe(before)
    expect(JSON.parse((await ask('PURGE')).text)).toMatchObject({ applied: [{ peer: other.peer }] })
    expect((await ask()).text).not.toBe(before)
    expect((await ask('GET', 'x')).text).toBe(shut)
    await ask('PURGE', 'x')
    expect(origin.seen.at(-1)).toMatchObject({ method: 'PURGE', url: '/by-method' })
    await rm(dirname(config), { recursive: true })
  })
})

describe('colony purge', () => {
  async function colony (...args: string[]): Promise<{ code: number, out: string, err: string }> {
    const child = spawn(process.execPath, [fileURLToPath(new URL('../../bin/colony.ts', import.meta.url)), 'purge', ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH } })
    const said = { out: '', err: '' }
    child.stdout.on('data', (data: Buffer) => { said.out += data.toString() })
    child.stderr.on('data', (data: Buffer) => { said.err += data.toString() })
    const [code] = await once(child, 'close') as [number]
    return { code, ...said }
  }

  it('shows the receipt, as a line or as it is', async () => {
    const other = await swarm.start({ origin: origin.url })
    expect(await colony('--admin', other.admin, '--tag', 'a', '--tag', 'b', '--soft', 'shop:/x')).toMatchObject({ code: 0, out: expect.stringMatching(/^purged on the only edge \(\S+-\d+\)\nnote: this edge knows no site shop/) })
    expect(JSON.parse((await colony('--admin', other.admin, '--json', '--everything')).out)).toMatchObject({ applied: [{ peer: other.peer }] })
  })
})
