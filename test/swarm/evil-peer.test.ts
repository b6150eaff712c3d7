/**
 * A member that owns keys and lies, floods or says nothing, among honest edges. Whatever it does, their
 * clients get the right bytes from a next source or a transfer that is visibly cut, nothing wrong is
 * stored, and no edge falls over.
 */
import { createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contentKey } from '../../protocols/ids.ts'
import { get, Swarm, until, type Got, type TestEdge } from '../support/edges.ts'
import { EvilPeer, type Act, type Hand } from '../support/evil-peer.ts'
import { TestOrigin, type Answer } from '../support/origin.ts'

const settings = {
  // Short, as the tests wait for them: the peer fills for ever, and keeps streams.
  fetch: { fillingMaxMs: 2_000, idleStreamMs: 3_000, transfersMax: 64 }
}
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

let swarm: Swarm
let origin: TestOrigin
let evil: EvilPeer
let edges: TestEdge[]
/** Every path that was used, with the right bytes. */
const used = new Map<string, Buffer>()

beforeAll(async () => {
  swarm = new Swarm()
  origin = await new TestOrigin().start()
  edges = [await swarm.start({ region: 'europe', origin: origin.url, settings })]
  edges.push(await swarm.start({ region: 'europe', origin: origin.url, settings, join: [edges[0]?.listen ?? ''] }))
  evil = await EvilPeer.start({ join: edges[0]?.listen ?? '', region: 'europe' })
  await until(() => evil.members() === 3, 30_000, 'the evil peer did not become a member')
  await swarm.whole(edges, 3)
})
afterAll(async () => {
  await evil.stop().catch(() => {})
  await swarm.stop()
  await origin.close()
})

const sha = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
const text = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')

interface Case { path: string, body: Buffer, head: { status: number, fields: string[][], ageMs: number, length: number, hash: string } }

/** A path of the evil peer's, with the origin's right bytes, and the head that an honest owner would give. */
function prepare (name: string, length = 300_000): Case {
  const path = evil.ownedPath(name)
  const body = origin.file(path, length, { maxAge: 600 })
  used.set(path, body)
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 16)}"`
  return { path, body, head: { status: 200, fields: [['etag', etag], ['cache-control', 'max-age=600']], ageMs: 0, length, hash: text(body) } }
}

async function send (hand: Hand, bytes: Uint8Array, size = 100_000): Promise<void> {
  for (let at = 0; at < bytes.byteLength; at += size) {
    const block = bytes.subarray(at, at + size)
    await hand.write({ kind: 'block', hash: sha(block) }, block)
  }
}

/** What a client gets: the answer, or that the transfer was cut. */
async function client (edge: TestEdge | undefined, path: string): Promise<Got | 'cut'> {
  return await get(`${edge?.http}${path}`).catch(() => 'cut' as const)
}

/** Right bytes as a whole, an error that says so, or a cut; never wrong bytes that look whole. */
function honestly (got: Got | 'cut', body: Buffer): 'right' | 'cut' | 'error' {
  if (got === 'cut') return 'cut'
  if (got.status >= 500) return 'error'
  expect(got.status).toBe(200)
  expect(got.body.equals(body)).toBe(true)
  return 'right'
}

/** The same for a client that keeps nothing of what it gets. */
async function drained (edge: TestEdge, { path, body }: Case): Promise<'right' | 'cut' | 'error' | 'wrong'> {
  const hash = createHash('sha256')
  try {
    const answer = await fetch(`${edge.http}${path}`)
    for await (const chunk of answer.body ?? []) hash.update(chunk)
    if (answer.status >= 500) return 'error'
  } catch {
    return 'cut'
  }
  return hash.digest().equals(sha(body)) ? 'right' : 'wrong'
}

/** With the evil peer at rest, every edge has the right bytes, asked twice: from wherever, then from its store. */
async function expectRight (path: string, body: Buffer): Promise<void> {
  evil.rest()
  for (const edge of [...edges, ...edges]) {
    const got = await client(edge, path)
    expect(honestly(got, body), `${path} at ${edge.name}`).toBe('right')
  }
}

/** Both edges' clients while it misbehaves. */
async function clients (path: string, body: Buffer, act: Act): Promise<string[]> {
  const before = evil.asks.length
  evil.act = act
  const ends = await Promise.all([...edges, ...edges].map(async (edge) => honestly(await client(edge, path), body)))
  expect(evil.asks.length, 'nobody asked the evil peer').toBeGreaterThan(before)
  return ends
}

const collectGarbage = (() => {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
})()

/** Of this process, without what is only not collected yet: that is as much as the machine had no time for. */
function heldBytes (): number {
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

const all = (what: string): string[] => [what, what, what, what]

describe('clients of honest edges get the right bytes from a next source', () => {
  it.each<[string, (one: Case) => Act]>([
    ['says nothing at all', () => async () => {}],
    ['resets every stream', () => async () => { throw new Error('go away') }],
    ['sends frames of garbage', () => async (hand) => { hand.raw(Uint8Array.of(8, 0, 0, 0, 4, 0xff, 0xfe, 0xfd, 0xfc)) }],
    ['sends the length of an endless frame', () => async (hand) => { for (let count = 0; count < 100; count++) hand.raw(new Uint8Array(1_000).fill(0x80)) }],
    ['announces more than it may and trickles it', () => async (hand) => { hand.raw(Uint8Array.of(0xff, 0xff, 0x7f)) }],
    ['breaks lines in a header field', ({ head }) => async (hand) => { await hand.write({ kind: 'hit', head: { ...head, fields: [...head.fields, ['x', 'a\r\nset-cookie: evil=1']] } }) }],
    ['names a header field in upper case', ({ head }) => async (hand) => { await hand.write({ kind: 'hit', head: { ...head, fields: [['Cache-Control', 'max-age=1']] } }) }],
    ['answers with a part', ({ head, body }) => async (hand) => { await hand.write({ kind: 'hit', head: { ...head, status: 206, length: 10, hash: text(body.subarray(0, 10)) } }); await send(hand, body.subarray(0, 10)); await hand.write({ kind: 'end', length: 10 }) }],
    ['answers that nothing changed', ({ head }) => async (hand) => { await hand.write({ kind: 'hit', head, same: true }) }],
    ['answers with status 304', ({ head }) => async (hand) => { await hand.write({ kind: 'hit', head: { ...head, status: 304, length: 0 } }); await hand.write({ kind: 'end', length: 0 }) }],
    ['says that it is filling, for ever', () => async (hand) => {
      for (;;) {
        await hand.write({ kind: 'filling' })
        await new Promise((resolve) => { setTimeout(resolve, 100) })
      }
    }],
    ['sends a block that contradicts its hash', ({ head, body }) => async (hand) => { await hand.write({ kind: 'hit', head }); await hand.write({ kind: 'block', hash: sha(body) }, body.subarray(0, 50_000)) }],
    ['sends good bytes, then one block that contradicts its hash', ({ head, body }) => async (hand) => { await hand.write({ kind: 'hit', head }); await send(hand, body.subarray(0, 200_000)); await hand.write({ kind: 'block', hash: sha(body) }, body.subarray(200_000)) }],
    ['sends more than it announced', ({ head, body }) => async (hand) => { await hand.write({ kind: 'hit', head }); await send(hand, body.subarray(0, 200_000)); await send(hand, Buffer.concat([body.subarray(200_000), Buffer.alloc(10)]), 200_000) }],
    ['sends fewer than it announced', ({ head, body }) => async (hand) => { await hand.write({ kind: 'hit', head }); await send(hand, body.subarray(0, 200_000)); await hand.write({ kind: 'end', length: 200_000, hash: text(body.subarray(0, 200_000)) }) }],
    ['counts wrongly at its end', ({ head, body }) => async (hand) => { await hand.write({ kind: 'hit', head }); await send(hand, body.subarray(0, 200_000)); await hand.write({ kind: 'end', length: 300_000 }) }],
    ['falls silent in mid-body', ({ head, body }) => async (hand) => { await hand.write({ kind: 'hit', head }); await send(hand, body.subarray(0, 200_000)) }],
    ['stalls in mid-body, saying that it is filling', ({ head, body }) => async (hand) => {
      await hand.write({ kind: 'hit', head })
      await send(hand, body.subarray(0, 200_000))
      for (;;) {
        await hand.write({ kind: 'filling' })
        await new Promise((resolve) => { setTimeout(resolve, 100) })
      }
    }]
  ])('when it %s', async (what, act) => {
    const one = prepare(what.replaceAll(/\W+/g, '-'))
    expect(await clients(one.path, one.body, act(one))).toEqual(all('right'))
    await expectRight(one.path, one.body)
  })

  it('when it sends good bytes of another version and breaks off: nothing is spliced', async () => {
    const one = prepare('other-version')
    const lie = Buffer.alloc(300_000, 7)
    const ends = await clients(one.path, one.body, async (hand) => {
      await hand.write({ kind: 'hit', head: { ...one.head, fields: [['etag', '"another"'], ['cache-control', 'max-age=600']], hash: text(lie) } })
      await send(hand, lie.subarray(0, 200_000))
      throw new Error('broken off')
    })
    expect(ends).not.toContain('wrong')
    await expectRight(one.path, one.body)
  })
})

describe('bytes that contradict the hash of the whole are nobody\'s as whole, and are not stored', () => {
  it.each<[string, number]>([['in one block', 50_000], ['in several blocks', 300_000]])('%s', async (_what, length) => {
    const one = prepare(`contradiction-${length}`, length)
    const lie = Buffer.from(one.body).fill(0, 100, 200)
    const ends = await clients(one.path, one.body, async (hand) => {
      await hand.write({ kind: 'hit', head: one.head })
      await send(hand, lie)
      await hand.write({ kind: 'end', length, hash: one.head.hash })
    })
    expect(ends).not.toContain('wrong')
    await expectRight(one.path, one.body)
  })

  it('also when it breaks off before its end and the origin brings the rest', async () => {
    const one = prepare('half-a-lie')
    const lie = Buffer.from(one.body).fill(0, 100, 200)
    await clients(one.path, one.body, async (hand) => {
      await hand.write({ kind: 'hit', head: one.head })
      await send(hand, lie.subarray(0, 200_000))
      throw new Error('broken off')
    })
    await expectRight(one.path, one.body)
  })
})

describe('memory', () => {
  it('stays bounded under a flood without credit', async () => {
    const one = prepare('flood')
    const block = Buffer.alloc(200_000, 1)
    const frame = { kind: 'block', hash: sha(block) }
    const before = heldBytes()
    let flooded = 0
    let heldMax = 0
    evil.act = async (hand) => {
      await hand.write({ kind: 'hit', head: { ...one.head, length: undefined, hash: undefined } })
      while (hand.stream.status === 'open' && flooded < 1e9) {
        await hand.write(frame, block)
        flooded += block.byteLength
        if (flooded % 10e6 === 0) heldMax = Math.max(heldMax, heldBytes() - before)
      }
    }
    const ends = await Promise.all([...edges, ...edges].map(async (edge) => await drained(edge, one)))
    heldMax = Math.max(heldMax, heldBytes() - before)
    expect(flooded).toBeGreaterThan(0)
    expect(ends).not.toContain('wrong')
    expect(heldMax).toBeLessThan(100e6)
    await expectRight(one.path, one.body)
  })
})

describe('an evil asker', () => {
  const askOf = (path: string, more: object = {}): object => ({
    verb: 'fill', key: contentKey('default', path), site: 'default', target: path, fields: [], path: [evil.peer], silent: [], offset: 0, credit: 4,
    blockBytes: 100_000, traceparent, ...more
  })
  const answerTo = async (ask: object): Promise<Readonly<Record<string, unknown>>> => {
    const hand = await evil.open(edges[0]?.peer ?? '')
    await hand.write(ask)
    for (;;) {
      const { head } = await hand.read(AbortSignal.timeout(5_000))
      if (head.kind === 'filling') continue
      hand.stream.abort(new Error('enough'))
      return head
    }
  }

  it.each<[string, (path: string) => object]>([
    ['another target\'s bytes', (path) => ({ target: `${path}-poison` })],
    ['what an origin answers to a target that is not normal', (path) => ({ target: `/x/..${path}` })],
    ['what an origin answers for another host', () => ({ host: 'evil.example' })]
  ])('does not get %s stored under a key', async (what, more) => {
    const path = `/poison-${what.length}`
    const body = origin.file(path, 5_000, { maxAge: 600 })
    used.set(path, body)
    const poison: Answer = (_request, response) => { response.writeHead(200, { 'cache-control': 'max-age=600' }).end('poison') }
    origin.on(`${path}-poison`, poison).on(`/x/..${path}`, poison)
    expect(await answerTo(askOf(path, more(path)))).toMatchObject({ kind: 'miss' })
    expect(origin.seen.filter(({ headers }) => headers.host === 'evil.example')).toEqual([])
    await expectRight(path, body)
  })

  it('gets nothing with a path that is not its own, or too long', async () => {
    const path = '/long-path'
    used.set(path, origin.file(path, 5_000, { maxAge: 600 }))
    expect(await answerTo(askOf(path, { path: ['somebody-else'] }))).toMatchObject({ kind: 'miss' })
    await expect(answerTo(askOf(path, { path: Array(3).fill(evil.peer) }))).rejects.toThrow()
    await expect(answerTo(askOf(path, { path: Array(5_000).fill('x') }))).rejects.toThrow()
    expect(origin.count(path)).toBe(0)
  })

  it('that asks thousands of times at once, and reads nothing, leaves the edge serving clients and peers', async () => {
    const big = '/never-read'
    used.set(big, origin.file(big, 5_000_000, { maxAge: 600 }))
    await get(`${edges[0]?.http}${big}`)
    const hands: Hand[] = []
    for (let count = 0; count < 200; count++) {
      const hand = await evil.open(edges[0]?.peer ?? '').catch(() => undefined)
      if (hand === undefined) break
      hands.push(hand)
      // Nobody listens for what comes back: the stream's window fills and stays full.
      hand.stream.pause()
      for (let each = 0; each < 10; each++) await hand.write(askOf(big, { credit: 1_000 })).catch(() => {})
    }
    expect(hands.length).toBeGreaterThan(50)
    const one = prepare('meanwhile')
    evil.rest()
    for (const edge of edges) expect(honestly(await client(edge, one.path), one.body)).toBe('right')
    // What nobody reads is given up, and then another's ask finds a place.
    await until(async () => {
      const hand = await evil.open(edges[0]?.peer ?? '')
      try {
        await hand.write(askOf('/never-read', { verb: 'have', headOnly: true }))
        return (await hand.read(AbortSignal.timeout(1_000))).head.kind === 'hit'
      } finally {
        hand.stream.abort(new Error('enough'))
      }
    }, 20_000, 'no place was given back')
    for (const hand of hands) hand.stream.abort(new Error('over'))
  })
})

describe('once it is gone', () => {
  it('every edge has the right bytes of all that it ever lied about', async () => {
    await evil.stop()
    for (const [path, body] of used) {
      for (const edge of edges) expect(honestly(await client(edge, path), body), `${path} at ${edge.name}`).toBe('right')
    }
  })
})
