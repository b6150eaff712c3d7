/**
 * A member that publishes as it likes, among honest edges without an origin. Any member may publish, as there are no
 * roles yet: it can write a newer version of anything and delete it. What it cannot do is have bytes kept that are not those
 * named, or keep others from publishing, from listing, or from what they have.
 */
import { createHash, randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { ContentWritten } from '../../daemon/admin/content.ts'
import { contentKey } from '../../protocols/ids.ts'
import { decodePage } from '../../protocols/publish/messages.ts'
import { get, steady, Swarm, until, type Got, type TestEdge } from '../support/edges.ts'
import { EvilPeer, type Act } from '../support/evil-peer.ts'

const settings = {
  ...steady,
  fetch: { answerTimeoutMs: 1_000, silenceTimeoutMs: 3_000, fillingMaxMs: 3_000 },
  publish: { pullsMax: 4, holdTimeoutMs: 4_000, callTimeoutMs: 1_000, objectBytesMax: 1_000_000, bytesMax: 20_000_000 }
}
const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')

let swarm: Swarm
let evil: EvilPeer
let edges: TestEdge[]
const crashes: unknown[] = []
const onCrash = (error: unknown): void => { crashes.push(error) }

beforeAll(async () => {
  process.on('unhandledRejection', onCrash).on('uncaughtException', onCrash)
  swarm = new Swarm()
  edges = await swarm.grow({ europe: 3 }, { settings })
  evil = await EvilPeer.start({ join: first().listen, region: 'europe', weight: 1 })
  await until(() => evil.members() === 4, 30_000, 'the evil peer did not become a member')
  await swarm.whole(edges, 4)
})
afterEach(() => { evil.rest() })
afterAll(async () => {
  await evil.stop().catch(() => {})
  await swarm.stop()
  process.off('unhandledRejection', onCrash).off('uncaughtException', onCrash)
  expect(crashes).toEqual([])
})

const first = (): TestEdge => edges[0] as TestEdge
const put = async (edge: TestEdge, path: string, body: string | Buffer, query = '?copies=2'): Promise<Got & { written: ContentWritten }> => {
  const got = await get(`${edge.admin}/v1/content/default${path}${query}`, { 'content-length': String(Buffer.byteLength(body)) }, 'PUT', body)
  return { ...got, written: JSON.parse(got.text) as ContentWritten }
}
const held = async (edge: TestEdge, what: string): Promise<number> =>
  Number(new RegExp(`^colony_publish_events\\{event="${what}"\\} (\\d+)`, 'm').exec((await get(`${edge.admin}/metrics`)).text)?.[1])

let counter = 0
/** A manifest as an honest writer would make it, at the evil peer. */
function manifestOf (path: string, body: Uint8Array, more: object = {}): object {
  return {
    key: contentKey('default', path), site: 'default', target: path, hash: hashOf(body), length: body.byteLength,
    version: { wallMs: Date.now(), counter: counter++, peer: evil.peer }, fields: [], copies: 2, deleted: false, createdAtMs: Date.now(), ...more
  }
}
const keep = async (edge: TestEdge, manifest: object): Promise<unknown> => (await evil.call(edge.peer, 'publish', { verb: 'keep', manifest, sources: [] })).head.error

/** Gives a body whoever asks for it, under the hash that was asked for. */
const giving = (body: Uint8Array): Act => async (hand, ask) => {
  const { hash, length } = ask.version as { hash: string, length: number }
  await hand.write({ kind: 'hit', head: { status: 200, fields: [], ageMs: 0, length, hash } })
  await hand.write({ kind: 'block', hash: createHash('sha256').update(body).digest() }, body)
  await hand.write({ kind: 'end', length: body.byteLength, hash })
}

describe('bytes and manifests', () => {
  const body = randomBytes(5_000)
  it.each<[string, () => object]>([
    ['bytes of another hash', () => manifestOf('/wrong-hash', body, { hash: hashOf(Buffer.from('another')) })],
    ['fewer bytes than were announced', () => manifestOf('/short', body, { length: 6_000 })],
    ['more bytes than were announced', () => manifestOf('/long', body, { length: 4_000 })],
    ['more than any object may have', () => manifestOf('/huge', body, { length: Number.MAX_SAFE_INTEGER })],
    ['another target under a key', () => manifestOf('/one', body, { key: contentKey('default', '/another') })],
    ['a site that nobody has', () => manifestOf('/site', body, { site: 'nowhere', key: contentKey('nowhere', '/site') })],
    ['a target with line breaks', () => manifestOf('/x', body, { target: '/a\r\nset-cookie: evil=1' })],
    ['a field that is not the content\'s', () => manifestOf('/field', body, { fields: [['set-cookie', 'evil=1']] })],
    ['a version of no time', () => manifestOf('/time', body, { version: { wallMs: Infinity, counter: 0, peer: evil.peer } })]
  ])('are refused for %s, and nothing is kept', async (_what, make) => {
    evil.act = giving(body)
    const objects = await Promise.all(edges.map(async (edge) => [await held(edge, 'objects'), await held(edge, 'bytes')]))
    for (const edge of edges) expect(await keep(edge, make()), edge.name).toEqual(expect.any(String))
    expect(await Promise.all(edges.map(async (edge) => [await held(edge, 'objects'), await held(edge, 'bytes')]))).toEqual(objects)
  })

  it('of another length than the bytes that are here under that hash are refused: else a restart drops them for everybody', async () => {
    expect((await put(first(), '/mine', body)).status).toBe(201)
    const kept = await Promise.all(edges.map(async (edge) => await keep(edge, manifestOf('/mine-too', body, { length: body.byteLength + 1 }))))
    expect(kept.filter((error) => error === undefined)).toEqual([])
    expect((await get(`${first().http}/mine-too`)).status).not.toBe(200)
  })

  it('of a time to come are refused: nobody could write after them', async () => {
    evil.act = giving(body)
    const version = { wallMs: 8.64e15, counter: 2 ** 31, peer: 'zzz' }
    for (const edge of edges) expect(await keep(edge, manifestOf('/future', body, { version }))).toEqual(expect.any(String))
    expect((await put(first(), '/future', 'honest')).status).toBe(201)
    expect((await get(`${first().http}/future`)).text).toBe('honest')
  })

  it('of a newer version replace others\', and a tombstone deletes: a member may publish', async () => {
    expect((await put(first(), '/shared', 'honest')).status).toBe(201)
    for (const edge of edges) await keep(edge, manifestOf('/shared', new Uint8Array(0), { deleted: true, version: { wallMs: Date.now() + 1_000, counter: 0, peer: evil.peer } }))
    expect((await get(`${first().http}/shared`, { 'cache-control': 'no-cache' })).status).toBe(410)
    // Whatever it wrote, the next honest write comes after it.
    expect((await put(first(), '/shared', 'again')).status).toBe(201)
    expect((await get(`${first().http}/shared`, { 'cache-control': 'no-cache' })).text).toBe('again')
  })
})

describe('publishing goes on', () => {
  it('while it announces bodies that never end', async () => {
    evil.act = async (hand, ask) => {
      const { hash, length } = ask.version as { hash: string, length: number }
      await hand.write({ kind: 'hit', head: { status: 200, fields: [], ageMs: 0, length, hash } })
      for (let at = 0; at < length; at++) {
        await hand.write({ kind: 'block', hash: createHash('sha256').update('x').digest() }, Buffer.from('x'))
        await new Promise((resolve) => { setTimeout(resolve, 500) })
      }
    }
    for (const edge of edges) {
      const hand = await evil.open(edge.peer, 'publish')
      for (let index = 0; index < 2 * settings.publish.pullsMax; index++) {
        const path = evil.ownedPath(`endless-${index}`, 'default', edge.peer)
        await hand.write({ id: index, body: { verb: 'hold', body: manifestOf(path, Buffer.from(path), { length: 100_000 }), sources: [] } })
      }
    }
    await until(() => evil.asks.length >= settings.publish.pullsMax, 10_000, 'nobody took its bodies')
    const { status, text } = await put(first(), '/meanwhile', randomBytes(1_000), '?copies=3')
    expect(status, text).toBe(201)
  })

  it('while it takes nothing, answers nothing, or answers nonsense', async () => {
    for (const [index, speak] of [
      async () => {},
      async (hand: { write: (head: object) => Promise<void> }, { id }: { id: unknown }) => { await hand.write({ id, body: { lacking: Array(9_999).fill(0), newer: Array(9_999).fill(0), holds: ['x'] } }) }
    ].entries()) {
      evil.speak = { publish: speak }
      expect((await put(first(), `/answered-${index}`, 'honest', '?copies=3')).status).toBe(201)
      for (const edge of edges) expect((await get(`${edge.http}/answered-${index}`)).text).toBe('honest')
    }
  })
})

describe('a listing', () => {
  it('has the honest edges\' objects, whatever it lists and however often it asks', async () => {
    expect((await put(first(), '/listed', 'honest', '?copies=3')).status).toBe(201)
    const flood = Promise.all(Array.from({ length: 4 }, async () => {
      const hand = await evil.open(first().peer, 'publish')
      for (let index = 0; index < 500; index++) {
        await hand.write({ id: index, body: { verb: 'list', site: 'default', after: '', limit: 10_000 } })
        expect(decodePage({ head: (await hand.read(AbortSignal.timeout(20_000))).head.body as Record<string, unknown>, payload: new Uint8Array([0xa1, 0x69, ...Buffer.from('manifests'), 0x80]) }).more).toBe(false)
      }
    }))
    for (const answer of [{ more: true }, { more: true, manifests: 'x' }]) {
      evil.speak = { publish: async (hand, { id }) => { await hand.write({ id, body: answer }, randomBytes(64)) } }
      const { status, text } = await get(`${first().admin}/v1/content/default?limit=100`)
      expect(status).toBe(200)
      expect(text).toContain('/listed')
      expect(text).toContain(evil.peer)
    }
    await flood
  })
})

describe('records in the DHT', () => {
  it('for what nobody has cost each edge a few questions, and those of no member none', async () => {
    const stranger = await EvilPeer.start({ join: first().listen, region: 'europe', stranger: true })
    try {
      for (const edge of edges) await stranger.connect(edge.listen)
      const path = '/recorded'
      await evil.provide(contentKey('default', path))
      await stranger.provide(contentKey('default', path))
      const before = evil.asks.length
      for (const edge of edges) expect((await get(`${edge.http}${path}`)).status).toBeGreaterThanOrEqual(404)
      const found = await Promise.all(edges.map(async (edge) => Number(/^colony_providers_events\{event="found"\} (\d+)/m.exec((await get(`${edge.admin}/metrics`)).text)?.[1])))
      expect(found.some((count) => count > 0)).toBe(true)
      // Each edge for its own client: as owner, as neighbour, as replica, as any member, by its record. And as
      // owner for another edge's client, where it comes to that: as neighbour, as replica, by its record.
      expect(evil.asks.length - before).toBeLessThanOrEqual(8 * edges.length)
      expect(stranger.asks).toEqual([])
    } finally {
      await stranger.stop()
    }
  })
})
