/**
 * Whole edges that ask each other: one origin request for all, and no two that wait for each other,
 * whatever each believes the ring to be. A circle would last until the clients leave, so each test ends
 * its clients after a deadline and wants them to have been answered before.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestOrigin } from '../../support/origin.ts'
import { eventually } from '../../support/store.ts'
import { closedPort } from '../origin/support.ts'
import { colonyOf, type ColonyEdge } from './support.ts'

let origin: TestOrigin
beforeEach(async () => { origin = await new TestOrigin().start() })
afterEach(async () => { await origin.close() })

type Got = Awaited<ReturnType<ColonyEdge['get']>> | { kind: 'cut', bytes: Buffer, reason: string }

/** A client at each edge at once; one who is not answered within the deadline is `waiting`. */
async function clients (edges: readonly ColonyEdge[], deadlineMs = 8_000): Promise<Got[]> {
  const leaving = new AbortController()
  const timer = setTimeout(() => { leaving.abort(new Error('still waiting')) }, deadlineMs)
  const answers = await Promise.all(edges.map(async (edge): Promise<Got> => await edge.get({ signal: leaving.signal }).catch((error: Error) => ({ kind: 'cut', bytes: Buffer.alloc(0), reason: error.message }))))
  clearTimeout(timer)
  return answers
}

const kinds = (answers: readonly Got[]): string[] => answers.map((answer) => 'reason' in answer ? answer.reason : answer.kind)

describe('a crowd on every edge', () => {
  it.each([
    ['one region', { home: ['a', 'b', 'c'] }],
    ['three regions', { home: ['a', 'b'], there: ['c', 'd'], yonder: ['e', 'f'] }]
  ])('of %s makes one origin request', async (_what, regions) => {
    const whole = origin.file('/a', 300_000, { maxAge: 60, delayMs: 100 })
    const edges = Object.values(colonyOf({ regions, origin: origin.url }))
    for (const answer of await clients([...edges, ...edges])) expect(answer.bytes.equals(whole)).toBe(true)
    expect(origin.count('/a')).toBe(1)
  })
})

describe('edges that have different views of the ring', () => {
  it.each([
    ['each takes the other for the owner', { a: { home: ['b', 'a'] }, b: { home: ['a', 'b'] } }],
    ['each takes itself for the owner', { a: { home: ['a', 'b'] }, b: { home: ['b', 'a'] } }],
    ['three in a ring take the next for the owner', { a: { home: ['b', 'c', 'a'] }, b: { home: ['c', 'a', 'b'] }, c: { home: ['a', 'b', 'c'] } }],
    ['each takes the other\'s region for the home', { a: { there: ['b'], home: ['a'] }, b: { home: ['a'], there: ['b'] } }]
  ])('never wait for each other: %s', async (_what, views) => {
    const whole = origin.file('/a', 300_000, { maxAge: 60, delayMs: 100 })
    const names = Object.keys(views)
    const regions: Record<string, string[]> = 'there' in views.a ? { home: ['a'], there: ['b'] } : { home: names }
    const edges = Object.values(colonyOf({ regions, views: views as never, origin: origin.url }))
    const answers = await clients(edges)
    expect(kinds(answers)).not.toContain('still waiting')
    for (const answer of answers) expect(answer.bytes.equals(whole)).toBe(true)
  })
})

describe('edges that ask each other beside their origins', () => {
  const far = (names: readonly string[]) => ({
    regions: { home: [...names] },
    // Each takes the next for the owner.
    views: Object.fromEntries(names.map((name, index) => [name, { home: [...names.slice(index + 1), ...names.slice(0, index + 1)] }])),
    // Too far to be waited for, near enough to be raced.
    rtts: Object.fromEntries(names.map((name) => [name, 50])),
    origin: origin.url
  })

  it.each([['two', ['a', 'b']], ['three', ['a', 'b', 'c']]])('do not keep each other\'s fetches going when all clients have left: %s', async (_what, names) => {
    origin.on('/a', () => {})
    const edges = Object.values(colonyOf(far(names)))
    const leaving = new AbortController()
    const answers = edges.map(async (edge) => await edge.get({ signal: leaving.signal }).catch(() => 'left'))
    await eventually(() => origin.count('/a') === edges.length && edges.every(({ answered }) => answered.length === 1))
    leaving.abort(new Error('the client leaves'))
    expect(await Promise.all(answers)).toEqual(edges.map(() => 'left'))
    await eventually(() => edges.every(({ cache }) => cache.flights === 0))
  })

  it('have it from one that asks the origin alone', async () => {
    const gate = Promise.withResolvers<void>()
    origin.on('/a', async (_request, response) => {
      if (origin.count('/a') > 1) return
      await gate.promise
      response.writeHead(200, { 'cache-control': 'max-age=60', 'content-length': 5 }).end('whole')
    })
    const { a, b } = colonyOf({ ...far(['a', 'b']), views: { a: { home: ['b', 'a'] }, b: { home: ['b', 'a'] } } }) as Record<'a' | 'b', ColonyEdge>
    const first = b.get()
    await eventually(() => origin.count('/a') === 1)
    const second = a.get()
    await eventually(() => b.answered.length === 1)
    gate.resolve()
    expect([await first, await second]).toEqual([{ kind: 'origin', bytes: Buffer.from('whole'), status: 200 }, { kind: 'peer', bytes: Buffer.from('whole'), status: 200 }])
    expect(a.steps).toEqual(['peer-raced', 'origin', 'peer-hit'])
  })
})

describe('edges without an origin', () => {
  it.each([
    ['nobody has an origin', undefined], ['the origin is dead', 'dead']
  ])('never wait for each other when all look for it at once: %s', async (_what, kind) => {
    const url = kind === undefined ? undefined : `http://127.0.0.1:${await closedPort()}`
    const edges = colonyOf({ regions: { home: ['a', 'b', 'c'], there: ['d', 'e'] }, origin: url })
    const answers = await clients(Object.values(edges), 4_000)
    expect(kinds(answers)).toEqual(answers.map(() => 'failed'))
  })

  it('never wait for each other when their origins fail at the same moment', async () => {
    const gate = Promise.withResolvers<void>()
    origin.on('/a', async (request) => {
      await gate.promise
      request.socket.destroy()
    })
    // As a mesh whose edges took each other for far: each asks its origin, all at once.
    const regions = { home: ['a'], there: ['b'], yonder: ['c'] }
    const views = Object.fromEntries(['a', 'b', 'c'].map((self, index) => [self, { [Object.keys(regions)[index] as string]: [self], ...regions }]))
    const edges = Object.values(colonyOf({ regions, views, origin: origin.url }))
    const answers = clients(edges, 4_000)
    await eventually(() => origin.count('/a') === 3)
    gate.resolve()
    expect(kinds(await answers)).toEqual(['failed', 'failed', 'failed'])
  })

  it('have it from one whose own origin answers', async () => {
    const whole = origin.file('/a', 3_000, { maxAge: 60 })
    const dead = `http://127.0.0.1:${await closedPort()}`
    const { a, b } = colonyOf({ regions: { home: ['a', 'b'] }, origin: { a: dead, b: origin.url } })
    expect((await (b as ColonyEdge).get()).bytes.equals(whole)).toBe(true)
    expect((await (a as ColonyEdge).get()).bytes.equals(whole)).toBe(true)
  })
})

describe('edges that lost the same source in mid-body', () => {
  it.each([
    ['in one region', { home: ['owner', 'a', 'b'] }], ['in two regions', { home: ['owner'], there: ['a', 'b'] }]
  ])('never wait for each other, and all get the right bytes: %s', async (_what, regions) => {
    const gate = Promise.withResolvers<void>()
    const whole = origin.file('/a', 900_000, { maxAge: 60, pace: async (sent) => { if (sent >= 450_000) await gate.promise } })
    const edges = colonyOf({ regions, origin: origin.url })
    const answers = clients([edges.a, edges.b] as ColonyEdge[])
    await eventually(() => [edges.a, edges.b].every((edge) => edge?.steps.includes('peer-hit') === true))
    expect(origin.count('/a')).toBe(1)
    origin.file('/a', 900_000, { maxAge: 60 })
    edges.owner?.kill()
    expect(kinds(await answers)).toEqual(['peer', 'peer'])
    for (const answer of await answers) expect(answer.bytes.equals(whole)).toBe(true)
    gate.resolve()
  })
})
