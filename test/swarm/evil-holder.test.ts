/**
 * A member that lies about who holds what, among honest edges: to directories, by filters, in the DHT, in the answers
 * to calls. Whatever it says, clients get the right bytes after a bounded number of questions in vain, what is remembered
 * of it is bounded, and honest edges go on telling each other the truth. What it may publish is in evil-publisher.test.ts.
 */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parts } from '../../daemon/colony.ts'
import type { Explanation } from '../../daemon/explain/explanation.ts'
import { routingDefaults } from '../../daemon/routing/settings.ts'
import { encodeFind, encodeHandOver, encodeReport } from '../../protocols/directory/messages.ts'
import { CuckooFilter, saltOf, type FilterShape } from '../../protocols/filters/cuckoo-filter.ts'
import { updateHead } from '../../protocols/filters/messages.ts'
import { contentKey, type ContentKey } from '../../protocols/ids.ts'
import { get, steady, Swarm, until, type TestEdge } from '../support/edges.ts'
import { EvilPeer, type Act, type Speak } from '../support/evil-peer.ts'
import { TestOrigin } from '../support/origin.ts'

const settings = {
  ...steady,
  fetch: { answerTimeoutMs: 1_000, silenceTimeoutMs: 1_000 },
  rpc: { callTimeoutMs: 1_000 },
  directory: { reportIntervalMs: 50, settleMs: 50, fullMinMs: 100, retryMinMs: 100, retryMaxMs: 500, reportTimeoutMs: 500, entriesMax: 64 * 10, keysPerHolderMax: 100 },
  filters: { changesIntervalMs: 100, topicMessagesPerSecondMax: 1_000, askTickMs: 50, askSpreadMs: 50, askIntervalMs: 200, askIntervalMaxMs: 500, askTimeoutMs: 500, filterBytesMax: 64 * 1024, wrongsMin: 5 },
  warm: { warmQueueMax: 20, warmWaitMs: 50 },
  // Everything is announced here by hand.
  providers: { announcesPerMinuteMax: 1 }
}
const key = (path: string): ContentKey => contentKey('default', path)
/** What may not reach a person's terminal: C0 and C1 control characters, and what turns the direction of a line around. */
const control = /[\p{Cc}\p{Cf}]/u
const escapes = 'evil\u001b[2J\u009b31m\u202e\u0007'

let swarm: Swarm
let origin: TestOrigin
let evil: EvilPeer
/** Reaches every edge, and is no member. */
let stranger: EvilPeer
let edges: TestEdge[]
const crashes: unknown[] = []
const onCrash = (error: unknown): void => { crashes.push(error) }

beforeAll(async () => {
  process.on('unhandledRejection', onCrash).on('uncaughtException', onCrash)
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  edges = await swarm.grow({ europe: 4 }, { origin: origin.url, settings })
  evil = await EvilPeer.start({ join: first().listen, region: 'europe', weight: 1 })
  stranger = await EvilPeer.start({ join: first().listen, region: 'europe', stranger: true })
  for (const edge of edges) await stranger.connect(edge.listen)
  await until(() => evil.members() === 5, 30_000, 'the evil peer did not become a member')
  await swarm.whole(edges, 5)
})
afterEach(() => { evil.rest() })
afterAll(async () => {
  await evil.stop().catch(() => {})
  await stranger.stop().catch(() => {})
  await swarm.stop()
  await origin.close()
  process.off('unhandledRejection', onCrash).off('uncaughtException', onCrash)
  expect(crashes).toEqual([])
})

const first = (): TestEdge => edges[0] as TestEdge
const events = async (edge: TestEdge, part: string): Promise<Record<string, number>> => {
  const { text } = await get(`${edge.admin}/metrics`)
  return Object.fromEntries([...text.matchAll(new RegExp(`^colony_${part}_events\\{event="(\\w+)"\\} (\\d+)`, 'gm'))].map(([, event, count]) => [event, Number(count)]))
}
/** Steps of all honest edges together. */
async function steps (): Promise<Record<string, number>> {
  const sum: Record<string, number> = {}
  for (const edge of edges) for (const [step, count] of Object.entries((await edge.status()).traffic.steps)) sum[step] = (sum[step] ?? 0) + count
  return sum
}

interface Case { path: string, body: Buffer, owner: TestEdge, asker: TestEdge, others: TestEdge[] }

/** A path of an honest edge's, with the origin's bytes, and another edge whose client asks for it. */
function prepare (name: string, ownerAt = 1, askerAt = 2): Case {
  const [owner, asker] = [edges[ownerAt] as TestEdge, edges[askerAt] as TestEdge]
  const path = evil.ownedPath(name, 'default', owner.peer)
  return { path, body: origin.file(path, 5_000, { maxAge: 600 }), owner, asker, others: edges.filter((edge) => edge !== owner && edge !== asker) }
}

async function expectRight (edge: TestEdge, path: string, body: Buffer): Promise<void> {
  const got = await get(`${edge.http}${path}`)
  expect(got.status, path).toBe(200)
  expect(got.body.equals(body), path).toBe(true)
}

let session = 0
/** Tells an owner's directory that the evil peer holds keys. */
async function claim (owner: TestEdge, keys: readonly ContentKey[]): Promise<void> {
  const { head, payload } = encodeReport({ session: ++session, sequence: 0, complete: true, added: keys, dropped: [] })
  expect((await evil.call(owner.peer, 'directory', head, payload)).head.body).toMatchObject({ kind: 'ok' })
}

/** Says as a previous owner that others hold keys. */
async function handOver (owner: TestEdge, peers: readonly string[], keys: readonly ContentKey[]): Promise<void> {
  const { head, payload } = encodeHandOver({ entries: new Map(peers.map((peer) => [peer, keys])) })
  expect((await evil.call(owner.peer, 'directory', head, payload)).head.body).toEqual({ kind: 'ok' })
}

/** Whom an owner's directory names. */
async function named (owner: TestEdge, path: string): Promise<string[]> {
  return ((await evil.call(owner.peer, 'directory', encodeFind(key(path)).head)).head.body as { holders: string[] }).holders
}

let generation = 0
/** A filter of the evil peer's that names keys, as a whole. */
function lie (keys: readonly ContentKey[], { shape = { bucketBits: 8, printBits: 16 }, fill, more = {} }: { shape?: FilterShape, fill?: number, more?: object } = {}): object {
  const version = { incarnation: 2 ** 42, generation: ++generation, sequence: 1 }
  const filter = new CuckooFilter(shape, saltOf(evil.peer, version.incarnation, version.generation))
  for (const each of keys) filter.add(each)
  if (fill !== undefined) filter.bytes.fill(fill)
  return { ...updateHead({ kind: 'full', ...version, shape, digest: filter.digest(), page: 0, pages: 1, offset: 0, bytes: filter.bytes }), ...more }
}

async function explain (edge: TestEdge, path: string): Promise<{ text: string, page: Explanation }> {
  const { text, status } = await get(`${edge.admin}/v1/explain?url=${encodeURIComponent(path)}`)
  expect(status).toBe(200)
  return { text, page: JSON.parse(text) as Explanation }
}
/** Whether an edge believes a filter in which the evil peer names a path. */
const filterNames = async (edge: TestEdge, path: string): Promise<boolean> =>
  (await explain(edge, path)).page.sources.filters?.holders.some(({ peer }) => peer === evil.peer) ?? false

/** Honest edges still tell each other what they hold. */
async function expectTold (name: string): Promise<void> {
  const { path, body, owner, asker } = prepare(name, 3, 0)
  await expectRight(asker, path, body)
  await until(async () => (await named(owner, path)).includes(asker.peer), 10_000, 'the owner was not told')
}

const silent: Act = async () => { await new Promise(() => {}) }

describe('claims to hold what it has not', () => {
  it.each<[string, Act]>([['a miss', async (hand) => { await hand.write({ kind: 'miss' }) }], ['nothing', silent]])('cost a few questions in vain where it answers %s, then the origin is asked once', async (what, act) => {
    const { path, body, owner, asker, others } = prepare(`claimed-${what.length}`)
    await claim(owner, [key(path)])
    await handOver(owner, [...others.map(({ peer }) => peer), stranger.peer, 'nobody'], [key(path)])
    await evil.gossip(lie([key(path)]))
    await until(async () => await filterNames(asker, path), 10_000, 'the filter was not taken')
    evil.act = act
    const before = await steps()
    await expectRight(asker, path, body)
    const after = await steps()
    const spent = (step: string): number => (after[step] ?? 0) - (before[step] ?? 0)
    // The asker by its filter; the owner by its directory and its filter.
    expect(evil.asks.filter(({ target }) => target === path).length).toBeLessThanOrEqual(3)
    expect(spent('wrong-by-directory')).toBeLessThanOrEqual(routingDefaults.holdersAskedMax)
    expect(spent('peer-silent') + spent('wrong-by-filter') + spent('wrong-by-directory')).toBeGreaterThan(0)
    expect(origin.count(path)).toBe(1)
    expect(stranger.asks).toEqual([])
  })

  it('lead no further: whom a wrong holder names is not asked', async () => {
    const { path, body, owner, asker } = prepare('leads-on')
    await claim(owner, [key(path)])
    evil.act = async (hand) => { await hand.write({ kind: 'miss', holders: [stranger.peer, ...edges.map(({ peer }) => peer)].slice(0, 4) }) }
    const before = (await steps())['peer-miss'] ?? 0
    await expectRight(asker, path, body)
    expect(evil.asks.some(({ target }) => target === path)).toBe(true)
    expect(((await steps())['peer-miss'] ?? 0) - before).toBe(1)
    expect(stranger.asks).toEqual([])
  })

  it('lead, of an owner, to a few members only: the dead and those who are no members are not asked', async () => {
    const path = evil.ownedPath('owned')
    const body = origin.file(path, 5_000, { maxAge: 600 })
    stranger.act = async (hand) => { await hand.write({ kind: 'hit', head: { status: 200, fields: [['cache-control', 'max-age=600']], ageMs: 0, length: 0 } }); await hand.write({ kind: 'end', length: 0 }) }
    evil.act = async (hand) => { await hand.write({ kind: 'miss', holders: [stranger.peer, 'nobody', ...edges.map(({ peer }) => peer)].slice(0, 4) }) }
    for (const edge of edges) await expectRight(edge, path, body)
    expect(stranger.asks).toEqual([])
    expect(evil.asks.filter(({ target, verb }) => target === path && verb === 'have').length).toBeGreaterThan(0)
  })
})

describe('a directory', () => {
  const keysOf = (bytes: number): Uint8Array => randomBytes(bytes)
  it.each<[string, object, Uint8Array?]>([
    ['a report of a million keys', { kind: 'report', session: 1, sequence: 0, added: 1_000_000, dropped: 0 }, keysOf(32 * 8_000)],
    ['a report with half a key', { kind: 'report', session: 1, sequence: 0, added: 1, dropped: 0 }, keysOf(16)],
    ['more keys than were announced', { kind: 'report', session: 1, sequence: 0, added: 1, dropped: 0 }, keysOf(96)],
    ['a negative count', { kind: 'report', session: 1, sequence: 0, added: -1, dropped: 2 }, keysOf(32)],
    ['a session that is text', { kind: 'report', session: 'x', sequence: 0, added: 0, dropped: 0 }],
    ['a session beyond exact numbers', { kind: 'report', session: 2 ** 60, sequence: 0, added: 0, dropped: 0 }],
    ['a hand-over without counts', { kind: 'hand-over', holders: ['a', 'b'], counts: [1] }, keysOf(32)],
    ['a holder named twice', { kind: 'hand-over', holders: ['a', 'a'], counts: [1, 1] }, keysOf(64)],
    ['a look-up of what is no key', { kind: 'find', key: '../../etc/passwd' }],
    ['what nobody knows', { kind: 'constructor' }]
  ])('refuses %s with a sentence', async (_what, body, payload) => {
    expect((await evil.call(first().peer, 'directory', body, payload)).head.error).toMatch(/^a peer /)
  })

  it('asks again for a session that it does not know, or of which a step is missing', async () => {
    for (const [number, sequence] of [[991, 5], [0, 0], [992, Number.MAX_SAFE_INTEGER]]) {
      const { head, payload } = encodeReport({ session: number ?? 0, sequence: sequence ?? 0, complete: true, added: [key('/unknown')], dropped: [] })
      expect((await evil.call(first().peer, 'directory', head, payload)).head.body).toEqual({ kind: 'again' })
    }
    expect(await named(first(), '/unknown')).toEqual([])
  })

  it('keeps what honest edges told, however much one member claims of itself and of others', async () => {
    const cases = Array.from({ length: 12 }, (_, index) => prepare(`kept-${index}`, 1, 2))
    const { owner, asker } = cases[0] as Case
    for (const { path, body } of cases) await expectRight(asker, path, body)
    const untold = async (): Promise<string[]> => {
      const lost: string[] = []
      for (const { path } of cases) if (!(await named(owner, path)).includes(asker.peer)) lost.push(path)
      return lost
    }
    await until(async () => (await untold()).length === 0, 10_000, 'the owner was not told')
    const ownerOf = evil.ownerOf()
    for (let round = 0; round < 6; round++) {
      const keys = Array.from({ length: 4_000 }, (_, index) => contentKey('flood', `/${round}/${index}`))
      await claim(owner, keys)
      const { head, payload } = encodeReport({ session: ++session, sequence: 0, complete: false, added: keys.map((_, index) => contentKey('more', `/${round}/${index}`)), dropped: [] })
      await evil.call(owner.peer, 'directory', head, payload)
      const owned = Array.from({ length: 8_000 }, (_, index) => key(`/hearsay-${round}-${index}`)).filter((each) => ownerOf(each) === owner.peer)
      expect(owned.length).toBeGreaterThan(settings.directory.entriesMax)
      for (const { peer } of edges) await handOver(owner, [peer], owned)
    }
    expect((await events(owner, 'directory')).entries).toBeLessThanOrEqual(settings.directory.entriesMax)
    expect(await untold()).toEqual([])
  })

  it('that asks for everything again for ever is told ever less often, and others are told at once', async () => {
    const sessions = new Set<unknown>()
    const startMs = performance.now()
    evil.speak = { directory: async (hand, { id, body }) => { sessions.add(body.session); await hand.write({ id, body: { kind: 'again' } }) } }
    for (let index = 0; index < 3; index++) {
      const path = evil.ownedPath(`again-${index}`)
      await expectRight(first(), path, origin.file(path, 100, { maxAge: 600 }))
      await expectTold(`meanwhile-${index}`)
    }
    await until(() => sessions.size > edges.length, 10_000, 'it was told nothing')
    const mostOfOne = 3 + Math.log2((performance.now() - startMs) / settings.directory.fullMinMs)
    expect(sessions.size).toBeLessThanOrEqual(edges.length * mostOfOne)
  })
})

describe('calls', () => {
  it('that it never answers hold up nobody, and explain says who is silent', async () => {
    const never: Speak = async () => {}
    evil.speak = Object.fromEntries(parts.map((part) => [part, never]))
    await expectTold('never-answered')
    const { page } = await explain(first(), '/some')
    const told = Map.groupBy(page.edges, ({ error }) => error === undefined)
    expect(told.get(false)?.map(({ peer }) => peer)).toEqual([evil.peer])
    expect(told.get(true)?.length).toBe(edges.length)
  })

  it.each<[string, Speak]>([
    ['under ids that nobody gave', async (hand, { id }) => { for (const other of [-1, 2 ** 60, 'x', null, {}]) await hand.write({ id: other, body: {} }); await hand.write({ id: Number(id) + 1_000, body: {} }) }],
    ['with more than a frame holds', async (hand, { id }) => { await hand.write({ id, body: {} }, new Uint8Array(400 * 1024)) }],
    ['with a head that is too long', async (hand, { id }) => { await hand.write({ id, body: { text: 'x'.repeat(70_000) } }) }],
    ['with a body that is none', async (hand, { id }) => { await hand.write({ id, body: [1, 2, 3] }) }],
    ['with heads nested without end', async (hand, { id }) => { await hand.write({ id, body: { nested: JSON.parse(`${'['.repeat(900)}${']'.repeat(900)}`) as unknown } }) }],
    ['with bytes that are no frame', async (hand) => { hand.raw(randomBytes(1_000)) }],
    ['with escapes for a terminal', async (hand, { id }) => { await hand.write({ id, error: escapes }) }]
  ])('that it answers %s spoil no others, and no page', async (what, speak) => {
    evil.speak = Object.fromEntries(parts.map((part) => [part, speak]))
    await expectTold(`garbage-${what.length}`)
    for (const { text } of [await explain(first(), '/some'), await get(`${first().admin}/v1/overview`)]) {
      expect(text.trimEnd()).not.toMatch(control)
      expect(JSON.stringify(JSON.parse(text), (_name, value: unknown) => typeof value === 'string' && control.test(value) ? 'CONTROL' : value)).not.toContain('CONTROL')
    }
  })

  it('of who is no member are not answered, by any part', async () => {
    for (const part of parts) await expect(stranger.call(first().peer, part, { kind: 'summary' }), part).rejects.toThrow()
    const hand = await stranger.open(first().peer)
    await expect((async () => { await hand.write({ kind: 'have' }); await hand.read(AbortSignal.timeout(5_000)) })()).rejects.toThrow()
  })
})

describe('filters', () => {
  it.each<[string, () => object]>([
    ['matches half of all keys', () => lie([], { shape: { bucketBits: 8, printBits: 4 }, fill: 0xff })],
    ['is larger than may be', () => lie([], { shape: { bucketBits: 18, printBits: 16 }, more: { bytes: new Uint8Array(10), pages: 30 } })],
    ['is of another size than it says', () => lie([], { more: { bucketBits: 5 } })],
    ['contradicts its digest', () => lie([key('/any')], { more: { digest: 1 } })],
    ['is of a shape that does not exist', () => lie([], { more: { bucketBits: 40 } })]
  ])('are not believed where one %s', async (_what, make) => {
    const before = (await events(first(), 'filters')).rejected ?? 0
    await evil.gossip(make())
    await until(async () => ((await events(first(), 'filters')).rejected ?? 0) > before, 10_000, 'it was not refused')
  })

  it('with every bit set name few keys, and new ones without end take no more room than one', async () => {
    const bytesMax = edges.length * 2 * settings.filters.filterBytesMax
    for (let round = 0; round < 50; round++) await evil.gossip(lie([], { shape: { bucketBits: 12, printBits: 16 }, fill: 0xff, more: { pages: 2, bytes: new Uint8Array(16_000) } }))
    await evil.gossip(lie([], { fill: 0xff }))
    await until(async () => (await events(first(), 'filters')).neighbours === edges.length, 10_000, 'the filter was not taken')
    expect((await events(first(), 'filters')).neighbourBytes).toBeLessThanOrEqual(bytesMax)
    const paths = Array.from({ length: 20 }, (_, index) => `/any-${index}`)
    expect((await Promise.all(paths.map(async (path) => await filterNames(first(), path)))).filter(Boolean)).toEqual([])
  })

  it.each<[string, Act, number]>([['a miss', async (hand) => { await hand.write({ kind: 'miss' }) }, 3], ['nothing', silent, 0]])('that name what is not there are left unasked after some errors, also where it answers %s', async (what, act, askerAt) => {
    evil.act = act
    const cases = Array.from({ length: 3 * settings.filters.wrongsMin }, (_, index) => prepare(`wrong-${what.length}-${index}`, 1, askerAt))
    await evil.gossip(lie(cases.map(({ path }) => key(path))))
    const asker = edges[askerAt] as TestEdge
    await until(async () => await filterNames(asker, cases[0]?.path ?? ''), 10_000, 'the filter was not taken')
    for (const { path, body } of cases) await expectRight(asker, path, body)
    expect((await events(asker, 'filters')).ignored).toBeGreaterThan(0)
    // By the asker and by the owner, each for itself.
    expect(evil.asks.filter(({ target }) => cases.some(({ path }) => path === target)).length).toBeLessThanOrEqual(2 * settings.filters.wrongsMin)
  })

  it('whose pages never end hold up the filters of others no longer than one answer', async () => {
    let pages = 0
    evil.speak = {
      filters: async (hand, { id, body }) => {
        pages++
        await new Promise((resolve) => { setTimeout(resolve, 100) })
        await hand.write({ id, body: { ...lie([]), incarnation: 2 ** 43, generation: 1, page: body.page, pages: 4_096, offset: 0, bytes: new Uint8Array(0) } })
      }
    }
    await evil.gossip({ ...lie([]), kind: 'changes', changes: new Uint8Array(0), sequence: 7, bytes: undefined })
    await until(() => pages > edges.length, 20_000, 'nobody asked for its filter')
    const late = await swarm.start({ region: 'europe', origin: origin.url, settings, join: [first().listen] })
    try {
      const isWhole = async (edge: TestEdge): Promise<boolean> => ((await events(edge, 'filters')).neighbours ?? 0) > edges.length
      await until(async () => (await Promise.all(edges.map(isWhole))).every(Boolean), 20_000, 'the new edge\'s filter was not asked for')
    } finally {
      await late.stop()
      swarm.edges.splice(swarm.edges.indexOf(late), 1)
      await swarm.whole(edges, 5)
    }
  })
})

describe('what a person asks for', () => {
  const held = { variant: '', vary: [], status: 200, ageMs: 0, ttlMs: 1e6, tier: 'memory' }
  it.each<[string, object]>([
    ['a hundred thousand variants', { variants: Array(100_000).fill(0) }],
    ['more variants than may be', { variants: Array(200).fill(held) }],
    ['a negative age', { variants: [{ ...held, ageMs: -5 }] }],
    ['an endless age', { variants: [{ ...held, ageMs: Infinity }] }],
    ['a tier with escapes', { variants: [{ ...held, tier: escapes }] }],
    ['a validator with escapes', { variants: [{ ...held, etag: '"\u009b31m"' }] }],
    ['a ring with escapes', { variants: [], ring: escapes }],
    ['holders with escapes', { variants: [], directory: [escapes] }]
  ])('is right of honest edges, and clean, when it tells of %s', async (what, body) => {
    const { path, body: bytes, asker } = prepare(`survey-${what.length}`)
    await expectRight(asker, path, bytes)
    evil.speak = { survey: async (hand, { id }) => { await hand.write({ id, body: { moreVariants: 0, fetching: 0, owner: false, ...body } }) } }
    const { text, page } = await explain(first(), path)
    expect(JSON.stringify(page).match(control) ?? text.trimEnd().match(control)).toBeNull()
    expect(page.edges.filter(({ variants }) => variants.length > 0).map(({ peer }) => peer)).toContain(asker.peer)
    expect(page.edges.filter(({ error }) => error !== undefined).every(({ peer }) => peer === evil.peer)).toBe(true)
  })

  it('shows its summary without what could move a cursor, or why there is none', async () => {
    const amounts = { store: { objects: 0, memoryBytes: 0, memoryBytesMax: 0, diskBytes: 0, diskBytesMax: 0 }, requests: {}, servedBytes: { store: 0, peer: 0, origin: 0 }, peerBytes: { received: 0, sent: 0 }, originBytes: 0, flights: 0, uptimeMs: 1 }
    for (const [summary, shown] of [
      [{ ...amounts, name: escapes, region: escapes, version: escapes, origins: [], hotKeys: [{ site: escapes, target: escapes, perSecond: 1 }] }, 'summary'],
      [{ ...amounts, uptimeMs: -1, name: '', region: '', version: '', origins: [], hotKeys: [] }, 'error']
    ] as const) {
      evil.speak = { survey: async (hand, { id }) => { await hand.write({ id, body: summary }) } }
      // On a starved machine an honest edge may be too late for one overview.
      await until(async () => {
        const { text } = await get(`${first().admin}/v1/overview`)
        const page = JSON.parse(text) as { edges: Array<{ peer: string, summary?: object, error?: string }> }
        expect(JSON.stringify(page)).not.toMatch(control)
        return Object.hasOwn(page.edges.find(({ peer }) => peer === evil.peer)!, shown) && page.edges.filter(({ summary: each }) => each !== undefined).length >= edges.length
      }, 30_000, `the overview does not show the ${shown} of one edge and the summaries of the others`)
    }
  })
})

describe('asking to warm without end', () => {
  it('fills a bounded queue, keeps few requests at the origin, and clients are served', async () => {
    const waiting: Array<() => void> = []
    const paths = Array.from({ length: 200 }, (_, index) => evil.ownedPath(`warm-${index}`, 'default', first().peer))
    for (const path of paths) origin.on(path, (_request, response) => { waiting.push(() => { response.writeHead(404).end() }) })
    const states: unknown[] = []
    const flood = async (lane: number): Promise<void> => {
      const hand = await evil.open(first().peer, 'warm')
      for (let index = 0; index < 1_250; index++) {
        await hand.write({ id: index, body: { kind: 'warm', site: 'default', target: paths[(lane * 25 + index) % paths.length], job: `job-${lane}` } })
        states.push((((await hand.read(AbortSignal.timeout(20_000))).head.body ?? {}) as { state?: unknown }).state)
      }
    }
    const flooding = Promise.all(Array.from({ length: 8 }, async (_, lane) => { await flood(lane) }))
    await until(() => states.includes('busy'), 20_000, 'the queue did not fill')
    const { path, body, asker } = prepare('while-warming', 0, 1)
    await expectRight(asker, path, body)
    await expectRight(first(), path, body)
    expect(new Set(origin.seen.filter(({ url }) => paths.includes(url)).map(({ url }) => url)).size).toBeLessThanOrEqual(4)
    await flooding
    expect(states).toHaveLength(10_000)
    for (const answer of waiting) answer()
  }, 120_000)
})

