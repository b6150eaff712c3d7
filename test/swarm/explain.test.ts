/**
 * Issue item 5: `colony explain` and /v1/explain over real edges. What the page says is held against the facts: who
 * holds a body, who was asked, why something is no longer there, and what the next request then really comes to.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Explanation } from '../../daemon/explain/explanation.ts'
import { contentKey } from '../../protocols/ids.ts'
import { get, steady, Swarm, until, type TestEdge } from '../support/edges.ts'
import { bytesOf, TestOrigin } from '../support/origin.ts'

const KiB = 1024
// Memory alone and little of it, so that a test can push something out. Reports and filters soon.
const settings = {
  ...steady,
  store: { memoryBytesMax: 4096 * KiB, memoryObjectBytesMax: 400 * KiB, diskBytesMax: 0 },
  filters: { changesIntervalMs: 100 },
  membership: { ...steady.membership, pingIntervalMs: 500 }
}

let swarm: Swarm
let origin: TestOrigin
let edges: [TestEdge, TestEdge, TestEdge]

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  edges = await swarm.grow({ europe: 3 }, { origin: origin.url, settings }) as [TestEdge, TestEdge, TestEdge]
})
afterAll(async () => {
  await swarm.stop()
  await origin.close()
})

async function explain (edge: TestEdge, url: string, more = ''): Promise<Explanation> {
  const { status, text } = await get(`${edge.admin}/v1/explain?url=${encodeURIComponent(url)}${more}`)
  expect(status, text).toBe(200)
  return JSON.parse(text) as Explanation
}

/** The command as a person runs it. */
async function page (edge: TestEdge, ...args: readonly string[]): Promise<{ status: number | null, stdout: string, stderr: string }> {
  const script = fileURLToPath(new URL('../../bin/colony.ts', import.meta.url))
  const child = spawn(process.execPath, [script, '--admin', edge.admin, 'explain', ...args], { env: {}, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => { stdout += text })
  child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text })
  return { status: await new Promise((resolve) => { child.once('close', resolve) }), stdout, stderr }
}

const holdersOf = ({ edges: each }: Explanation): string[] => each.filter(({ variants }) => variants.length > 0).map(({ peer }) => peer).sort()
const decisionsOf = ({ decisions }: Explanation): string[] => decisions.map(({ what }) => what)
const peersOf = (...each: readonly TestEdge[]): string[] => each.map(({ peer }) => peer).sort()

/** A path whose owner, as all edges say, is this one. */
async function pathOwnedBy (owner: TestEdge, name: string): Promise<string> {
  for (let index = 0; ; index++) {
    const path = `/${name}-${index}`
    if ((await explain(edges[0], path)).owners[0]?.peer === owner.peer) return path
  }
}

describe('explain', () => {
  it('foretells a miss, then tells who holds it, who knows, and that the next one is a hit', async () => {
    const [edge, owner, other] = edges
    const path = await pathOwnedBy(owner, 'story')
    const body = origin.file(path, 20 * KiB, { maxAge: 600 })
    const before = await explain(edge, path)
    expect(before).toMatchObject({ site: 'default', target: path, key: contentKey('default', path), outcome: 'miss', home: 'europe', edge: { name: edge.name } })
    expect(before.verdict).toBe(`A request to ${edge.name} now would be a MISS, filled from the origin by way of ${owner.name}: nothing is stored for it here.`)
    expect(holdersOf(before)).toEqual([])
    expect(before.edges.map(({ peer, owner: owns }) => [peer, owns])).toEqual(expect.arrayContaining([[owner.peer, true], [edge.peer, false], [other.peer, false]]))
    // Asking to explain has fetched nothing.
    expect(origin.count(path)).toBe(0)

    expect((await get(edge.http + path)).cacheStatus).toContain('detail=peer')
    await until(async () => {
      const { disagreements, sources } = await explain(edge, path)
      return disagreements.length === 0 && sources.directories[0]?.holders?.length === 1
    }, 10_000, 'directory and filters did not come to agree with what is held')
    const after = await explain(edge, path)
    expect(after.outcome).toBe('hit')
    expect(holdersOf(after)).toEqual(peersOf(edge, owner))
    for (const { variants } of after.edges.slice(0, 1)) {
      expect(variants).toEqual([expect.objectContaining({ length: body.byteLength, tier: 'memory', status: 200, variant: '' })])
      expect(variants[0]?.ttlMs).toBeGreaterThan(500_000)
    }
    expect(after.sources.directories).toEqual([{ of: { peer: owner.peer, name: owner.name, region: 'europe' }, holders: [{ peer: edge.peer, name: edge.name, region: 'europe' }] }])
    expect(decisionsOf(after)).toEqual(['admitted', 'fetched'])
    expect(after.decisions[1]).toMatchObject({ source: 'peer', from: owner.name })
    expect(decisionsOf(await explain(owner, path))).toEqual(['admitted', 'fetched'])
    expect((await explain(owner, path)).decisions[1]).toMatchObject({ source: 'origin' })

    // To the third edge it is still a miss, which the owner's copy fills.
    const third = await explain(other, path)
    expect(third).toMatchObject({ outcome: 'miss' })
    expect(third.verdict).toMatch(new RegExp(`would be a MISS here, filled from (${owner.name}|${edge.name}), which holds it fresh`))
    expect((await get(edge.http + path)).cacheStatus).toContain(';hit')
    expect((await get(other.http + path)).cacheStatus).toContain('detail=peer')
    expect(origin.count(path)).toBe(1)
  })

  it('prints a page and the document, for a whole URL as well as for a path', async () => {
    const [edge, owner] = edges
    const path = await pathOwnedBy(owner, 'printed')
    origin.file(path, 2 * KiB, { maxAge: 600 })
    await get(edge.http + path)
    const { status, stdout, stderr } = await page(edge, edge.http + path)
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout.split('\n')[0]).toMatch(new RegExp(`^A request to ${edge.name} now would be a HIT: stored .+ ago, fresh for another .+\\.$`))
    expect(stdout).toMatch(new RegExp(`^ +${edge.name} +this edge +memory .*2 KiB`, 'm'))
    expect(stdout).toMatch(new RegExp(`^ +${owner.name} +owner +memory .*2 KiB`, 'm'))
    expect(stdout).toMatch(/^1\. answers from the store: stored /m)
    const json = JSON.parse((await page(edge, path, '--json')).stdout) as Explanation
    expect(json).toMatchObject({ url: path, outcome: 'hit', target: path })
    const wrong = await page(edge, 'nosite:/a')
    expect([wrong.status, wrong.stdout]).toEqual([1, ''])
    expect(wrong.stderr).toContain('there is no site "nosite" on this edge; its sites are default (any other host)')
    expect((await page(edge)).status).toBe(2)
  })

  it('tells what pushed an object out, and that the next request will be a miss again', async () => {
    const [edge, owner] = edges
    const path = await pathOwnedBy(owner, 'pushed-out')
    origin.file(path, 100 * KiB, { maxAge: 600 })
    await get(edge.http + path)
    expect((await explain(edge, path)).outcome).toBe('hit')
    for (let index = 0; (await explain(edge, path)).outcome === 'hit'; index++) {
      expect(index).toBeLessThan(100)
      origin.file(`/crowd-${index}`, 300 * KiB, { maxAge: 600 })
      await get(`${edge.http}/crowd-${index}`)
    }
    const after = await explain(edge, path)
    expect(decisionsOf(after).slice(0, 2)).toEqual(['evicted', 'admitted'])
    expect(after.decisions[0]).toMatchObject({ why: 'from memory', by: expect.stringMatching(/^default:\/crowd-\d+$/) as string })
    expect(holdersOf(after)).not.toContain(edge.peer)
    expect((await page(edge, path)).stdout).toMatch(/ago +evicted +from memory, to make room for default:\/crowd-\d+$/m)
    expect((await get(edge.http + path)).cacheStatus).toContain('fwd=uri-miss')
  })

  it('says that a response is not shareable and that requests pass for a while', async () => {
    const [, , edge] = edges
    const path = await pathOwnedBy(edge, 'private')
    origin.on(path, (_request, response) => { response.writeHead(200, { 'cache-control': 'private' }).end('yours') })
    await get(edge.http + path)
    const about = await explain(edge, path)
    expect(about).toMatchObject({ outcome: 'pass', steps: [{ why: expect.stringContaining('not shareable') as string }] })
    expect(about.decisions[0]).toMatchObject({ what: 'not-shareable', why: 'private', source: 'origin' })
    expect(holdersOf(about)).toEqual([])
    const asks = origin.count(path)
    expect((await get(edge.http + path)).cacheStatus).toContain('fwd=bypass')
    expect(origin.count(path)).toBe(asks + 1)
  })

  it('tells the variants apart by the request fields that are given', async () => {
    const [edge] = edges
    const path = await pathOwnedBy(edge, 'varied')
    origin.on(path, (request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=600', vary: 'Accept-Encoding' }).end(bytesOf(String(request.headers['accept-encoding']), 1_000))
    })
    await get(edge.http + path, { 'accept-encoding': 'gzip' })
    expect((await explain(edge, path, '&header=Accept-Encoding:+gzip')).outcome).toBe('hit')
    const plain = await explain(edge, path)
    expect(plain.outcome).toBe('miss')
    expect(plain.verdict).toContain('what is stored here is for other values of accept-encoding')
    expect((await page(edge, path, '--header', 'X-Other: 1', '--header', 'Accept-Encoding: gzip')).stdout).toMatch(/^A request to \S+ now would be a HIT/)
  })
})

describe('explain with a dead member in the list', () => {
  it('names the dead edge, ends soon, and plans around it', async () => {
    const [edge] = edges
    const dead = await swarm.spawn({ region: 'europe', name: 'doomed', origin: origin.url, join: [edge.listen] })
    await swarm.whole()
    const path = await pathOwnedBy(dead, 'left-behind')
    origin.file(path, 5 * KiB, { maxAge: 600 })
    await get(edge.http + path)
    expect(holdersOf(await explain(edge, path))).toEqual(peersOf(edge, dead))
    dead.child.kill('SIGKILL')
    const about = await explain(edge, path)
    const report = about.edges.find(({ peer }) => peer === dead.peer)
    expect(report).toMatchObject({ name: 'doomed', variants: [], error: expect.stringMatching(/\S/) as string })
    expect(report?.error).not.toContain(dead.peer)
    expect(holdersOf(about)).toEqual(peersOf(edge))
    expect(about.sources.directories[0]).toMatchObject({ of: { name: 'doomed' }, error: 'it did not answer' })
    expect((await page(edge, path)).stdout).toMatch(/^no answer from doomed in europe: /m)
    const [, , other] = edges
    const plan = await explain(other, path)
    expect(plan.steps.some(({ do: what, why }) => what === 'asks doomed to find it' && why.includes('did not answer'))).toBe(true)
  })
})
