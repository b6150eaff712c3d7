/**
 * Issue item 4, with whole edges: one bootstrap address is enough, everyone knows everyone, a network key
 * keeps strangers out, and an edge that leaves is missed by no one.
 */
import { randomBytes } from 'node:crypto'
import { spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { get, Swarm, until, type TestEdge } from '../support/edges.ts'
import { TestOrigin } from '../support/origin.ts'

let swarm: Swarm
let origin: TestOrigin
let folder: string

beforeEach(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  folder = await mkdtemp(join(tmpdir(), 'colony-network-'))
})
afterEach(async () => {
  await swarm.stop()
  await origin.close()
  await rm(folder, { recursive: true })
})

const namesOf = async (edge: TestEdge): Promise<string[]> => (await edge.peers()).map(({ name }) => name).sort()

describe('joining', () => {
  it('makes one mesh of three edges that were told one address', async () => {
    const first = await swarm.start({ origin: origin.url })
    await Promise.all([1, 2].map(async () => await swarm.start({ origin: origin.url, join: [first.listen] })))
    await swarm.whole()
    for (const edge of swarm.edges) {
      const others = swarm.edges.filter((other) => other !== edge)
      expect(await namesOf(edge)).toEqual(others.map(({ name }) => name).sort())
      expect((await get(`${edge.admin}/readyz`)).status).toBe(200)
    }
    // Not by way of the first: all three are linked with each other.
    await until(async () => (await Promise.all(swarm.edges.map(async (edge) => await edge.peers()))).flat().every(({ connected }) => connected), 20_000, 'some are not linked')
  })

  it('lets two edges of a region find each other through an edge of another one', async () => {
    const far = await swarm.start({ region: 'asia', origin: origin.url })
    const near = [1, 2].map(async () => await swarm.start({ region: 'europe', origin: origin.url, join: [far.listen] }))
    const [one, other] = await Promise.all(near)
    await swarm.whole()
    await until(async () => (await one?.peers())?.find(({ peer }) => peer === other?.peer)?.connected === true, 20_000, 'the two are not linked')
  })

  it('measures a link when it is made, not a ping interval later', async () => {
    const settings = { membership: { pingIntervalMs: 600_000 } }
    const first = await swarm.start({ origin: origin.url, settings })
    const second = await swarm.start({ origin: origin.url, settings, join: [first.listen] })
    await swarm.whole()
    for (const edge of [first, second]) {
      await until(async () => (await edge.peers())[0]?.rttMs !== undefined, 20_000, 'the round trip is not known')
    }
  })

  it('gives all four edges of two regions the list of all, and each region its own ring', async () => {
    const edges = await swarm.grow({ europe: 2, asia: 2 }, { origin: origin.url })
    const all = await Promise.all(edges.map(async (edge) => await edge.status()))
    for (const [index, { regions, members }] of all.entries()) {
      expect({ regions, members }).toEqual({ regions: { asia: 2, europe: 2 }, members: 4 })
      expect(await namesOf(edges[index] as TestEdge)).toEqual(edges.filter((_, at) => at !== index).map(({ name }) => name).sort())
    }
    expect(new Set(all.map(({ ring }) => ring)).size).toBe(2)
    const europe = edges.slice(0, 2).map(({ http }) => http)
    expect((await (edges[3] as TestEdge).peers()).filter(({ region }) => region === 'europe').map(({ http }) => http).sort()).toEqual(europe.sort())
  })
})

describe('leaving', () => {
  it('takes an edge off every list at its own word, and others serve its keys', async () => {
    const edges = await swarm.grow({ europe: 3, asia: 1 }, { origin: origin.url })
    const [leaver, ...others] = edges as [TestEdge, ...TestEdge[]]
    const before = Array.from({ length: 12 }, (_, index) => `/before-${index}`)
    const bodies = new Map(before.map((path) => [path, origin.file(path, 20_000, { maxAge: 60 })]))
    for (const path of before) await get(`${leaver.http}${path}`)
    await leaver.stop()
    await swarm.whole(others)
    for (const edge of others) {
      // Nobody had to wait until its silence was long enough.
      expect((await get(`${edge.admin}/metrics`)).text).toMatch(/^colony_membership_events\{event="expired"\} 0$/m)
      expect(await namesOf(edge)).not.toContain(leaver.name)
    }
    for (const [path, body] of bodies) {
      for (const edge of others) expect((await get(`${edge.http}${path}`)).body.equals(body)).toBe(true)
    }
  })
})

describe('a network key', () => {
  async function keyFile (name: string, key = randomBytes(32).toString('hex')): Promise<string> {
    const file = join(folder, name)
    await writeFile(file, `/key/swarm/psk/1.0.0/\n/base16/\n${key}\n`)
    return file
  }
  const loopback = ['--listen', '/ip4/127.0.0.1/tcp/0']

  it('joins those who have it, and keeps out an edge with another one and an edge with none', async () => {
    const flags = ['--network-key', await keyFile('swarm.key'), ...loopback]
    // Two that speak with different keys just do not understand each other, until one gives up.
    const quickly = { membership: { dialTimeoutMs: 1_000 }, mesh: { dialTimeoutMs: 1_000 } }
    const first = await swarm.start({ origin: origin.url, flags })
    const second = await swarm.start({ origin: origin.url, flags, join: [first.listen] })
    await swarm.whole([first, second])
    const stranger = async (...given: string[]): ReturnType<Swarm['spawn']> => await swarm.spawn({
      origin: origin.url,
      join: [first.listen],
      flags: [...loopback, '--log-level', 'warn', ...given],
      settings: { membership: { ...quickly.membership, joinBackoffMaxMs: 500, joinLogIntervalMs: 500 }, mesh: quickly.mesh }
    })
    const strangers = await Promise.all([stranger('--network-key', await keyFile('other.key')), stranger()])
    for (const stranger of strangers) {
      let said = ''
      // Says so again and again: the first time may have been before this began to listen.
      stranger.child.stderr?.on('data', (data: Buffer) => { said += data.toString() })
      await until(() => said.includes('cannot reach join address'), 20_000, 'it was not refused')
      expect(await stranger.status()).toMatchObject({ members: 1, ready: false })
    }
    // The other way round: a member that is told to join a stranger.
    const third = await swarm.start({ origin: origin.url, flags, settings: quickly, join: [first.listen, ...strangers.map(({ listen }) => listen)] })
    await swarm.whole([first, second, third])
    for (const edge of [first, second, third]) expect((await edge.status()).members).toBe(3)
    for (const stranger of strangers) expect((await stranger.status()).members).toBe(1)
    // With the key, what one has is there for the other.
    const body = origin.file('/within', 10_000, { maxAge: 60 })
    const got = []
    for (const edge of [first, second, third]) got.push(await get(`${edge.http}/within`))
    for (const each of got) expect(each.body.equals(body)).toBe(true)
    expect(got.some(({ cacheStatus }) => cacheStatus.includes('detail=peer'))).toBe(true)
  })

  it('that is not one is told in one sentence, as is one that is not there', async () => {
    const program = fileURLToPath(new URL('../../bin/colonyd.ts', import.meta.url))
    const start = (file: string): { status: number | null, stderr: string } => spawnSync(process.execPath, [
      program, '--http', '127.0.0.1:0', '--admin', '127.0.0.1:0', '--data', join(folder, 'data'), '--network-key', file
    ], { encoding: 'utf8', timeout: 20_000, env: { PATH: process.env.PATH } })
    const wrong = start(await keyFile('short.key', 'abcdef'))
    expect(wrong.status).toBe(1)
    expect(wrong.stderr).toMatch(/^colonyd: the network key \S+short\.key is not a libp2p swarm key: expected three lines.*\n$/)
    const missing = start(join(folder, 'none.key'))
    expect(missing.status).toBe(1)
    expect(missing.stderr).toMatch(/^colonyd: the network key \S+none\.key cannot be read.*\n$/)
  })
})
