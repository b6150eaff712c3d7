/**
 * Issue item 7: content is where it was told to be before anyone asked for it, the origin was asked once, and
 * each URL has a result. `colony warm` runs as a person runs it, against real edges.
 */
import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WarmResult } from '../../daemon/warm/jobs.ts'
import { get, steady, Swarm, until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

let swarm: Swarm
let origin: TestOrigin
let edges: TestEdge[]

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  edges = await swarm.grow({ asia: 3, europe: 3 }, { origin: origin.url, settings: { ...steady, warm: { warmLeaseMs: 2_000 } } })
})
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

async function warm (body: object, edge = edges[0]!): Promise<WarmResult[]> {
  const { status, text } = await get(`${edge.admin}/v1/warm`, { 'content-type': 'application/json' }, 'POST', JSON.stringify(body))
  expect([status, text.slice(0, 200)]).toEqual([200, expect.anything()])
  return text.trimEnd().split('\n').map((line) => JSON.parse(line) as WarmResult).filter(({ kind }) => kind === 'result')
}

const url = (path: string): string => `http://any.example${path}`
const edgeOf = (peer: string): TestEdge => edges.find((edge) => edge.peer === peer)!
/** What an edge answers out of its own store, and nothing else. */
const stored = async (edge: TestEdge, path: string): Promise<{ status: number, bytes: number }> => {
  const { status, body } = await get(edge.http + path, { 'cache-control': 'only-if-cached' })
  return { status, bytes: body.byteLength }
}

interface Run { readonly code: number | null, readonly stdout: string, readonly stderr: string }

async function colony (args: readonly string[], input = ''): Promise<Run> {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../bin/colony.ts', import.meta.url)), ...args], { stdio: 'pipe', env: { PATH: process.env.PATH } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  child.stdin.end(input)
  const code = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
  return { code, stdout, stderr }
}

describe('warming two regions with two copies', () => {
  const paths = Array.from({ length: 12 }, (_, index) => `/warm-${index}`)

  it('brings each URL to two edges in each, asks the origin once, and says the second time that all is there', async () => {
    for (const path of paths) origin.file(path, 150_000, { maxAge: 600 })
    const results = await warm({ urls: paths.map(url), copies: 2 })
    expect(results.map((each) => each.url).toSorted()).toEqual(paths.map(url).toSorted())
    for (const result of results) {
      const path = new URL(result.url).pathname
      expect(result).toMatchObject({ outcome: 'stored' })
      expect(result.copies.map(({ region }) => region).toSorted()).toEqual(['asia', 'asia', 'europe', 'europe'])
      expect(new Set(result.copies.map(({ peer }) => peer)).size).toBe(4)
      // One that another's fetch came through had it before its own turn came.
      const sources = result.copies.map(({ source }) => source)
      expect(sources[0]).toBe('origin')
      for (const source of sources.slice(1)) expect(['peer', 'store']).toContain(source)
      expect(result.bytes).toBe(150_000 * sources.filter((source) => source !== 'store').length)
      for (const { peer } of result.copies) expect(await stored(edgeOf(peer), path)).toEqual({ status: 200, bytes: 150_000 })
    }
    expect(paths.map((path) => origin.count(path))).toEqual(paths.map(() => 1))
    // They are spread over the edges, not piled on one.
    expect(new Set(results.flatMap(({ copies }) => copies.map(({ peer }) => peer))).size).toBe(6)

    const again = await warm({ urls: paths.map(url), copies: 2 }, edges[5])
    expect(again.map(({ outcome, bytes }) => `${outcome} ${bytes}`)).toEqual(paths.map(() => 'held 0'))
    expect(paths.map((path) => origin.count(path))).toEqual(paths.map(() => 1))
  })

  it('leaves the other region as it was when only one was chosen', async () => {
    origin.file('/one-region', 5_000, { maxAge: 600 })
    const [result] = await warm({ urls: [url('/one-region')], regions: ['asia'], copies: 3 })
    expect(result?.copies.map(({ region }) => region)).toEqual(['asia', 'asia', 'asia'])
    for (const edge of edges) expect((await stored(edge, '/one-region')).status).toBe((await edge.status()).region === 'asia' ? 200 : 504)
  })
})

describe('what cannot be warmed', () => {
  it('is told with its reason, and does not hold up the rest', async () => {
    origin.file('/good', 5_000, { maxAge: 600 })
    origin.file('/mine', 5_000, { fields: { 'cache-control': 'private' } })
    origin.on('/cut', (_request, response) => {
      response.writeHead(200, { 'content-length': 100_000, 'cache-control': 'max-age=600' })
      response.write(Buffer.alloc(10_000), () => { response.destroy() })
    })
    const results = await warm({ urls: ['/good', '/mine', '/missing', '/cut'].map(url).concat('nonsense') })
    const told = Object.fromEntries(results.map(({ url, outcome, why }) => [url.replace(/^.*\//, ''), `${outcome}: ${why ?? ''}`]))
    expect(told).toEqual({
      good: 'stored: ',
      mine: expect.stringMatching(/^not-storable: .*private/) as string,
      missing: 'failed: the answer is an error: 404',
      cut: expect.stringMatching(/^failed: .*broke off/) as string,
      nonsense: expect.stringMatching(/^failed: it is neither/) as string
    })
    // Once, not once for each edge.
    expect([origin.count('/mine'), origin.count('/missing')]).toEqual([1, 1])
  })
})

describe('a client that leaves', () => {
  it('ends the job: the origin\'s transfer is cut, and what was not begun is not asked for', async () => {
    let goOn = (): void => {}
    const held = new Promise<void>((resolve) => { goOn = resolve })
    let cut = 0
    const paths = Array.from({ length: 6 }, (_, index) => `/left-${index}`)
    for (const path of paths) {
      origin.on(path, (_request, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=600', 'content-length': 100_000_000 })
        response.write(Buffer.alloc(100_000))
        response.on('close', () => { if (!response.writableFinished) cut++ })
        void held.then(() => { response.destroy() })
      })
    }
    const request = httpRequest(`${edges[0]!.admin}/v1/warm`, { method: 'POST', headers: { 'content-type': 'application/json' }, agent: false })
    request.on('error', () => {})
    request.end(JSON.stringify({ urls: paths.map(url), regions: ['asia'], concurrency: 2 }))
    const asked = (): number => paths.filter((path) => origin.count(path) > 0).length
    await until(() => asked() === 2, 20_000, 'nothing was fetched')
    request.destroy()
    await until(() => cut === 2, 20_000, 'the transfers were not cut')
    expect(asked()).toBe(2)
    goOn()
  })
})

describe('an edge that is killed meanwhile', () => {
  it('fails its own copy alone', async () => {
    const mortal = new Swarm()
    const held = Promise.withResolvers<void>()
    try {
      const options = { origin: origin.url, settings: { ...steady, warm: { warmPauseMs: 100 } } }
      const teller = await mortal.start(options)
      const others = [await mortal.spawn({ ...options, join: [teller.listen] }), await mortal.spawn({ ...options, join: [teller.listen] })]
      await mortal.whole()
      // Who goes ahead shows while it is not there yet.
      const [missing] = await warm({ urls: [url('/killed')], copies: 3 }, teller)
      const victim = others.find(({ peer }) => peer !== missing?.copies[0]?.peer)!
      origin.file('/killed', 500_000, { maxAge: 600, pace: async (sent) => { if (sent > 0) await held.promise } })
      const running = warm({ urls: [url('/killed')], copies: 3 }, teller)
      await until(() => origin.count('/killed') === 2, 20_000, 'it was not begun')
      victim.child.kill('SIGKILL')
      held.resolve()
      const [result] = await running
      expect(result?.outcome).toBe('failed')
      expect(result?.copies.map(({ peer, outcome }) => [peer, outcome]).toSorted()).toEqual(mortal.edges.map(({ peer }) => [peer, peer === victim.peer ? 'failed' : 'stored']).toSorted())
    } finally {
      held.resolve()
      await mortal.stop()
    }
  })
})

describe('colony warm', () => {
  it('reads files, standard input and URLs, prints a line for each and a table, and fails with what failed', async () => {
    const [edge] = edges as [TestEdge]
    for (const path of ['/cli-1', '/cli-2', '/cli-3']) origin.file(path, 20_000, { maxAge: 600 })
    const file = join(edge.dataDir, 'urls.txt')
    await writeFile(file, `# a list\n\n${url('/cli-1')}\n  default:/cli-2   # by the site's name\r\n`)
    const run = await colony(['warm', '--admin', edge.admin, '--region', 'asia', '--region', 'europe', '--copies', '2', file, '-', url('/cli-missing')], `${url('/cli-3')}\n${url('/cli-1')}\n`)
    expect(run).toMatchObject({ code: 1, stderr: 'colony: 1 of 4 URLs failed\n' })
    const lines = run.stdout.split('\n')
    for (const each of [url('/cli-1'), 'default:/cli-2', url('/cli-3')]) {
      expect(lines.filter((line) => line.includes(`  ${each}  `))).toEqual([expect.stringMatching(/^stored +78\.1 KiB +\S.*from the origin, 3 from a peer, at edge-/) as string])
    }
    expect(lines.filter((line) => line.startsWith('failed'))).toEqual([expect.stringMatching(/cli-missing .*: the answer is an error: 404$/) as string])
    expect(run.stdout).toMatch(/EDGE +STORED +ALREADY THERE[^]*asia\n[^]*europe\n[^]*all URLs\n +each once +3 +0 +0 +1 +234 KiB\n$/)
  })

  it('prints a document for each URL with --json, and ends well when all is there', async () => {
    const run = await colony(['warm', '--admin', edges[1]!.admin, '--json', '--copies', '2', url('/cli-1'), 'default:/cli-2'])
    expect([run.code, run.stderr]).toEqual([0, ''])
    const results = run.stdout.trimEnd().split('\n').map((line) => JSON.parse(line) as WarmResult)
    expect(results.map(({ outcome, copies }) => `${outcome} ${copies.length}`)).toEqual(['held 4', 'held 4'])
  })

  it.each([
    [['warm'], 2, 'colony warm needs FILE|URL... (see colony warm --help)'],
    [['warm', 'no-such-file.txt'], 2, '"no-such-file.txt" is neither a file that is there nor a URL: expected http://HOST/PATH or SITE:/PATH'],
    [['warm', '/tmp'], 2, '"/tmp" is a folder: expected a file of URLs, or a URL'],
    [['warm', '-'], 2, 'there is no URL in -'],
    [['warm', '--copies', '0', 'a:/b'], 2, '--copies is "0": expected a whole number from 1 to 16'],
    [['warm', '--region', 'asia,', 'a:/b'], 2, '--region is "asia,": expected names of regions, such as europe'],
    [['warm', '--region', 'moon', 'a:/b'], 1, /^\S+\/v1\/warm was refused with 400: there is no edge in the region "moon": expected asia, europe$/]
  ])('%j is one sentence', async (args, code, sentence) => {
    const run = await colony([...args, '--admin', edges[0]!.admin])
    expect(run).toEqual({ code, stdout: '', stderr: typeof sentence === 'string' ? `colony: ${sentence}\n` : expect.stringMatching(/^colony: .*\n$/) as string })
    expect(run.stderr.slice('colony: '.length, -1)).toMatch(sentence)
  })
})
