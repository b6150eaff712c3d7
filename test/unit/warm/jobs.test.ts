/** The teller's side of warming: a list of URLs over several edges, and the admin route in front of it. */
import { describe, expect, it } from 'vitest'
import { createAdminHandler } from '../../../daemon/admin/routes.ts'
import { warmRoutes } from '../../../daemon/admin/warm.ts'
import { Sites } from '../../../daemon/cache/sites.ts'
import type { EdgeResponse } from '../../../daemon/http/message.ts'
import { WarmJobs, type WarmJob, type WarmLine, type WarmResult } from '../../../daemon/warm/jobs.ts'
import { warmDefaults, type WarmSettings } from '../../../daemon/warm/settings.ts'
import { meant } from '../../../daemon/warm/urls.ts'
import type { Fields } from '../../../protocols/fields.ts'
import type { Region } from '../../../protocols/ids.ts'
import type { Answerer } from '../../../protocols/rpc.ts'
import { turn } from '../cache/support.ts'
import { manualClock } from '../membership/support.ts'
import { callTo } from './support.ts'

const sites = new Sites([
  { name: 'shop', hosts: ['shop.example'], defaultTtlMs: 0, hostHeader: 'origin' },
  { name: 'kept', hosts: ['kept.example'], defaultTtlMs: 0, hostHeader: 'preserve' }
], () => { throw new Error('no origin here') })

const stored = { state: 'stored', bytes: 10, status: 200, source: 'origin' }
const url = 'http://shop.example/a'

interface Rig {
  jobs: WarmJobs
  clock: ReturnType<typeof manualClock>
  /** Edges in the order in which they were asked, with the target. */
  asked: string[]
  all: (job?: Partial<WarmJob>, signal?: AbortSignal) => Promise<WarmLine[]>
}

/** Two regions of three edges; `home-1` is the edge itself. */
function rig (answer: (peer: string, target: string) => object | Promise<object> = () => stored, settings: Partial<WarmSettings> = {}): Rig {
  const clock = manualClock()
  const asked: string[] = []
  const names = ['home', 'away'].flatMap((region) => [1, 2, 3].map((each) => `${region}-${each}`))
  const answerTo = async (peer: string, target: string): Promise<object> => {
    asked.push(`${peer} ${target}`)
    return await answer(peer, target)
  }
  const answerers = Object.fromEntries(names.map((peer): [string, Answerer] => [peer, async ({ head }) => ({ head: await answerTo(peer, String(head.target)) })]))
  const jobs = new WarmJobs({
    call: callTo({ ...answerers, 'home-1': undefined }),
    self: { warm: async ({ target }) => await answerTo('home-1', target) as never },
    selfName: 'home-1',
    locate: {
      regions: () => ['away', 'home'],
      homeRegions: () => ['home', 'away'],
      owners: (_key: unknown, n: number, region: Region) => names.filter((name) => name.startsWith(region)).slice(0, n)
    },
    sites, clock,
    member: (peer) => ({ name: `the ${peer}` }),
    settings: { ...warmDefaults, ...settings }
  })
  return {
    jobs, clock, asked,
    all: async (job, signal = new AbortController().signal) => await Array.fromAsync(jobs.run({ urls: [url], copies: 1, concurrency: 4, ...job }, signal))
  }
}

describe('a job', () => {
  it('has the home\'s first owner go ahead, then all others, and joins what they say', async () => {
    const { asked, all } = rig((peer) => peer === 'home-1' ? stored : { state: peer === 'away-2' ? 'held' : 'stored', bytes: peer === 'away-2' ? 0 : 10, status: 200, source: 'peer' })
    const [result] = await all({ copies: 2 })
    expect(asked[0]).toBe('home-1 /a')
    expect(asked.toSorted()).toEqual(['away-1 /a', 'away-2 /a', 'home-1 /a', 'home-2 /a'])
    expect(result).toMatchObject({ kind: 'result', url, outcome: 'stored', bytes: 30 })
    expect((result as WarmResult).copies[0]).toEqual({ edge: 'the home-1', peer: 'home-1', region: 'home', outcome: 'stored', bytes: 10, status: 200, source: 'origin' })
  })

  it('goes into the regions that were chosen', async () => {
    const { asked, all } = rig()
    await all({ regions: ['away'], copies: 2 })
    expect(asked).toEqual(['away-1 /a', 'away-2 /a'])
  })

  it.each([
    ['not storable', { state: 'not-storable', bytes: 0, status: 200, why: 'private' }, 'not-storable'],
    ['an error', { state: 'failed', bytes: 0, status: 404, why: 'an error' }, 'failed']
  ])('asks no other edge for what is %s', async (_what, answer, outcome) => {
    const { asked, all } = rig(() => answer)
    expect(await all({ copies: 3 })).toMatchObject([{ outcome, why: answer.why }])
    expect(asked).toHaveLength(1)
  })

  it('goes on with the others where one edge fails, and says which', async () => {
    const { all } = rig((peer) => peer === 'home-1' ? { state: 'failed', bytes: 0, why: 'its disk is full' } : stored)
    const [result] = await all({ copies: 2 }) as [WarmResult]
    expect(result).toMatchObject({ outcome: 'failed', why: 'its disk is full', bytes: 30 })
    expect(result.copies.map(({ outcome }) => outcome)).toEqual(['failed', 'stored', 'stored', 'stored'])
  })

  it('gives each URL one result, as they complete, and one that means nothing too', async () => {
    const held = Promise.withResolvers<object>()
    const { all } = rig(async (_peer, target) => target === '/slow' ? await held.promise : stored)
    const urls = ['http://shop.example/slow', 'http://other.example/a', ...Array.from({ length: 30 }, (_, index) => `shop:/${index}`)]
    const lines = all({ urls, regions: ['home'] })
    await turn()
    await turn()
    held.resolve(stored)
    const results = await lines as WarmResult[]
    expect(results.map((each) => each.url).toSorted()).toEqual(urls.toSorted())
    expect(results.at(-1)?.url).toBe('http://shop.example/slow')
    expect(results.filter(({ outcome }) => outcome === 'failed')).toMatchObject([{ url: 'http://other.example/a', why: 'no site of this edge answers for the host other.example', copies: [] }])
  })

  it('tells now and then how far it is, with the bytes of what is running', async () => {
    const rigged = rig(async () => {
      await new Promise<void>((resolve) => { rigged.clock.after(900, resolve) })
      return rigged.clock.nowMs() < 2_500 ? { state: 'running', bytes: rigged.clock.nowMs() } : stored
    })
    const lines = rigged.all({ urls: ['shop:/a', 'shop:/b'], regions: ['home'], concurrency: 1 })
    await rigged.clock.advance(60_000)
    const told = (await lines).filter((line) => line.kind === 'progress')
    expect(told.slice(0, 2)).toEqual([{ kind: 'progress', done: 0, of: 2, bytes: 900 }, { kind: 'progress', done: 0, of: 2, bytes: 1_900 }])
  })

  it('keeps to its own number of URLs at a time, and all jobs together to the edge\'s', async () => {
    let now = 0
    const most = { all: 0 }
    const { all, asked } = rig(async () => {
      most.all = Math.max(most.all, ++now)
      await turn()
      now--
      return stored
    }, { warmUrlsAtOnceMax: 3 })
    const urls = Array.from({ length: 20 }, (_, index) => `shop:/${index}`)
    await all({ urls, regions: ['home'], concurrency: 2 })
    expect(most.all).toBe(2)
    await Promise.all([all({ urls, regions: ['home'] }), all({ urls, regions: ['home'] })])
    expect(most.all).toBe(3)
    expect(asked).toHaveLength(60)
  })

  it('asks nobody any more when its reader leaves, or the edge stops', async () => {
    for (const end of ['signal', 'iteration', 'stop'] as const) {
      const leaving = new AbortController()
      const { jobs, asked, clock } = rig(async () => {
        await turn()
        return { state: 'running', bytes: 1 }
      })
      const lines = jobs.run({ urls: [url], copies: 1, concurrency: 1 }, leaving.signal)
      const first = lines.next()
      await clock.advance(warmDefaults.warmProgressMs)
      expect(await first).toMatchObject({ value: { kind: 'progress' } })
      expect(jobs.running).toBe(1)
      if (end === 'signal') leaving.abort(new Error('left'))
      if (end === 'stop') jobs.stop()
      if (end === 'iteration') await lines.return(undefined)
      else await expect(lines.next()).rejects.toThrow()
      expect(jobs.running).toBe(0)
      await turn()
      const count = asked.length
      for (let turns = 0; turns < 5; turns++) await turn()
      expect(asked.length).toBe(count)
    }
  })
})

describe('a URL', () => {
  it.each([
    ['http://shop.example/a', 'shop', '/a', undefined],
    ['https://SHOP.example:8443/a%7eb/../c?x=1#part', 'shop', '/c?x=1', undefined],
    ['http://shop.example', 'shop', '/', undefined],
    ['http://shop.example?x', 'shop', '/?x', undefined],
    ['shop:/a b'.replace(' ', '%20'), 'shop', '/a%20b', undefined],
    ['http://Kept.example:81/a', 'kept', '/a', 'kept.example:81']
  ])('%s is found', (text, site, target, host) => {
    expect(meant(sites, text)).toMatchObject({ kind: 'located', located: { site: { name: site }, target, host } })
  })

  it.each([
    ['http://other.example/', /no site of this edge answers for the host other\.example/],
    ['other:/a', /there is no site other on this edge: it has shop, kept/],
    ['kept:/a', /give the full URL/],
    ['ftp://shop.example/a', /neither/],
    ['http://user@shop.example/a', /neither/],
    ['http://shop.example/a b', /neither/],
    ['shop.example/a', /neither/],
    ['', /neither/]
  ])('%s is refused with a sentence', (text, why) => {
    expect(meant(sites, text)).toEqual({ kind: 'nothing', why: expect.stringMatching(why) as string })
  })
})

describe('POST /v1/warm', () => {
  async function post (body: string, fields: Fields = [['content-type', 'application/json']], settings: Partial<WarmSettings> = {}, running = 0): Promise<{ status: number, text: string, response: EdgeResponse }> {
    const { jobs } = rig()
    const all = { ...warmDefaults, ...settings }
    const handler = createAdminHandler(warmRoutes({ jobs: { run: (...given) => jobs.run(...given), running }, regions: () => ['away', 'home'], settings: all }))
    const response = await handler({
      method: 'POST', target: '/v1/warm', host: '', fields, signal: new AbortController().signal, traceparent: '',
      body: (async function * () { yield Buffer.from(body) })()
    })
    return { status: response.status, response, text: Buffer.concat(await Array.fromAsync(response.body ?? [])).toString() }
  }

  it('answers with a line of JSON for each URL', async () => {
    const { status, text, response } = await post(JSON.stringify({ urls: ['shop:/a', 'shop:/b', 'nothing'], regions: ['home'], copies: 2 }))
    expect([status, response.fields[0]]).toEqual([200, ['content-type', 'application/x-ndjson']])
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line) as WarmResult)
    expect(lines.map(({ url, outcome, copies }) => [url, outcome, copies.length]).toSorted()).toEqual([['nothing', 'failed', 0], ['shop:/a', 'stored', 2], ['shop:/b', 'stored', 2]])
  })

  it.each([
    ['{', 400, /not JSON/],
    ['null', 400, /urls is missing/],
    ['{"urls":[]}', 400, /at least one/],
    ['{"urls":"shop:/a"}', 400, /urls is "shop:\/a"/],
    ['{"urls":[1]}', 400, /urls is \[1\]/],
    ['{"urls":["a","b","c"]}', 400, /urls has 3 entries: expected at most 2/],
    [JSON.stringify({ urls: ['a'.repeat(20_000)] }), 400, /characters/],
    ['{"urls":["a"],"regions":[]}', 400, /regions is \[\]/],
    ['{"urls":["a"],"regions":["moon"]}', 400, /no edge in the region "moon": expected away, home/],
    ['{"urls":["a"],"copies":0}', 400, /copies is 0: expected a whole number from 1 to 16/],
    ['{"urls":["a"],"copies":1.5}', 400, /copies is 1.5/],
    ['{"urls":["a"],"concurrency":17}', 400, /concurrency is 17/],
    ['x'.repeat(30_000), 413, /larger than 25000 bytes/]
  ])('refuses %.40s', async (body, status, detail) => {
    const answer = await post(body, undefined, { warmUrlsMax: 2, warmBodyBytesMax: 25_000 })
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toMatchObject({ detail: expect.stringMatching(detail) as string })
  })

  it('takes JSON from programs only, as a web page can send plain forms, and no more jobs than it may', async () => {
    const body = '{"urls":["shop:/a"]}'
    expect((await post(body, [['content-type', 'text/plain']])).status).toBe(415)
    expect((await post(body, [])).status).toBe(415)
    expect((await post(body, [['content-type', 'application/json'], ['origin', 'http://evil.example']])).status).toBe(403)
    expect((await post(body, [['content-type', 'Application/JSON; charset=utf-8']])).status).toBe(200)
    expect((await post(body, undefined, {}, warmDefaults.warmJobsMax)).status).toBe(503)
  })
})
