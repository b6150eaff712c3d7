/**
 * A colony whose edges are killed, started, cut off from each other and lose messages while purges are ordered. What was acknowledged is
 * never lost, what is told as done holds on every edge that counts as current, and once it is quiet everyone has everything.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Receipt } from '../../../protocols/purge/receipt.ts'
import { purgeIdText } from '../../../protocols/purge/selector.ts'
import type { SpreadSettings } from '../../../protocols/purge/settings.ts'
import { World, type SimEdge } from './world.ts'

const settings = { leaseMs: 3_000, clockSlackMs: 100, vectorIntervalMs: 500, vectorTimeoutMs: 600, spreadDeadlineMs: 3_000 }
const selectors = [{ kind: 'tag', tag: 'news' }] as const

type Action =
  | { readonly kind: 'order', readonly edge: number }
  | { readonly kind: 'kill', readonly edge: number }
  | { readonly kind: 'start', readonly edge: number }
  | { readonly kind: 'cut', readonly sides: readonly boolean[] }
  | { readonly kind: 'heal' }
  | { readonly kind: 'lose', readonly share: number }
  | { readonly kind: 'pass', readonly forMs: number }

const edge = fc.nat(99)
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('order' as const), edge }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('kill' as const, 'start' as const), edge }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut' as const), sides: fc.array(fc.boolean(), { minLength: 9, maxLength: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('heal' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('lose' as const), share: fc.constantFrom(0, 0.1, 0.4) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('pass' as const), forMs: fc.oneof(fc.nat(50), fc.nat(500), fc.integer({ min: 3_200, max: 6_000 })) }) }
)

/** Whatever happened before: one edge is cut off, and purges are ordered on both sides. */
const ending: readonly Action[] = [
  { kind: 'start', edge: 0 }, { kind: 'cut', sides: [true] }, { kind: 'pass', forMs: 3_200 }, { kind: 'order', edge: 0 }, { kind: 'order', edge: 1 }, { kind: 'pass', forMs: 4_500 }
]

interface Told {
  readonly id: string
  readonly receipt: Receipt
  /** On the disk of every edge that is said to have applied it. */
  readonly isWritten: boolean
}

async function colony (sizes: readonly number[], seed: number, more: Partial<SpreadSettings> = {}): Promise<World> {
  const world = new World({ seed, settings: { ...settings, ...more }, nearMs: [1, 5], farMs: [20, 60], linksMax: 60, syncMs: 30 })
  for (const [region, size] of sizes.entries()) for (let index = 0; index < size; index++) world.add(`p${(index * 3 + region) % 10}r${region}e${index}`, `r${region}`)
  for (const each of world.edges.values()) await world.start(each)
  await world.until(() => world.up().every(({ purges }) => purges!.isCurrent()), 30_000, 100)
  return world
}

/** No edge that counts as current is without a purge that was told to be done. */
function assertDone (world: World, done: readonly string[]): void {
  for (const { name, purges, applied } of world.up()) {
    if (purges!.isCurrent()) for (const id of done) expect(applied.has(id), `${name} is current without ${id}`).toBe(true)
  }
}

function order (world: World, from: SimEdge, told: Told[], acknowledged: Set<string>): void {
  const { purges } = from
  void purges?.purge({ selectors, soft: false, wait: 'none', timeoutMs: 0 }).then(({ id }) => {
    if (from.purges !== purges) return
    acknowledged.add(purgeIdText(id))
    void purges.status(id, { wait: 'all', timeoutMs: 60_000 }).then((receipt) => { 
      if (receipt === undefined || from.purges !== purges) return
      const isWritten = receipt.applied.every(({ peer }) => [...world.edges.get(peer)!.disk.entries.values()].some(({ signed }) => purgeIdText(signed.purge.id) === purgeIdText(id)))
      told.push({ id: purgeIdText(id), receipt, isWritten })
    })
  })
}

describe('purges in a colony that fails', () => {
  it('are never lost once acknowledged, hold on every current edge once told as done, and reach everyone in the end', async () => {
    const states = new Map<string, number>()
    await fc.assert(fc.asyncProperty(fc.integer(), fc.constantFrom([3], [2, 2], [3, 2, 1], [3, 3, 3]), fc.array(action, { maxLength: 25 }), async (seed, sizes, actions) => {
      const world = await colony(sizes, seed)
      const all = [...world.edges.values()]
      const told: Told[] = []
      const acknowledged = new Set<string>()
      const done = (): string[] => told.filter(({ receipt: { state } }) => state === 'applied' || state === 'fenced').map(({ id }) => id)
      for (const each of [...actions, ...ending]) {
        if (each.kind === 'order') order(world, all[each.edge % all.length]!, told, acknowledged)
        else if (each.kind === 'kill') world.kill(all[each.edge % all.length]!)
        else if (each.kind === 'start') await world.start(all[each.edge % all.length]!)
        else if (each.kind === 'cut') world.reaches = (from, to) => (each.sides[all.indexOf(from)] ?? false) === (each.sides[all.indexOf(to)] ?? false)
        else if (each.kind === 'heal') world.reaches = () => true
        else if (each.kind === 'lose') world.loss = each.share
        else for (let ms = 0; ms < each.forMs; ms += 50) {
          await world.clock.advance(Math.min(50, each.forMs - ms))
          assertDone(world, done())
        }
      }
      world.reaches = () => true
      world.loss = 0
      for (const each of all) await world.start(each)
      await world.until(() => { assertDone(world, done()); return false }, 8_000, 200)
      expect(told.filter(({ isWritten }) => !isWritten)).toEqual([])
      for (const { receipt: { state } } of told) states.set(state, (states.get(state) ?? 0) + 1)
      const everything = new Set(all.flatMap(({ applied }) => [...applied.keys()]))
      for (const id of acknowledged) expect(everything.has(id)).toBe(true)
      for (const { name, purges, applied } of all) {
        expect([...everything].filter((id) => !applied.has(id)), `${name} lacks some`).toEqual([])
        expect(purges!.isCurrent(), `${name} is fenced`).toBe(true)
      }
    }), { numRuns: 25 })
    // Else not every way was tried.
    expect([...states.keys()]).toEqual(expect.arrayContaining(['applied', 'fenced', 'here-only']))
  }, 180_000)

  it('tell what they can: fenced on the large side of a cut and here only on the small one, and no edge serves the old afterwards', async () => {
    const world = await colony([2, 2, 2], 7)
    const [large, small] = [world.up()[0]!, world.up()[5]!]
    world.reaches = (from, to) => (from.region === 'r2') === (to.region === 'r2')
    await world.clock.advance(settings.leaseMs + 100)
    expect(world.up().map(({ region, purges }) => [region, purges!.isCurrent()])).toEqual(['r0', 'r0', 'r1', 'r1', 'r2', 'r2'].map((region) => [region, region !== 'r2']))
    const told: Told[] = []
    order(world, large, told, new Set())
    order(world, small, told, new Set())
    await world.until(() => told.length === 2, 10_000)
    expect(told.map(({ receipt: { id, state, applied, edges } }) => [id.peer, state, applied.length, edges]).sort()).toEqual([[large.name, 'fenced', 4, 6], [small.name, 'here-only', 2, 6]].sort())
    const lapses: string[] = []
    world.reaches = () => true
    await world.until(() => {
      for (const { name, purges, applied } of world.up()) if (purges!.isCurrent() && !applied.has(told.find(({ receipt }) => receipt.id.peer === large.name)!.id)) lapses.push(name)
      return world.up().every(({ applied }) => told.every(({ id }) => applied.has(id)))
    }, 5_000)
    expect(lapses).toEqual([])
    expect(world.up().every(({ applied }) => applied.size === 2)).toBe(true)
    expect((await large.purges!.status(told.find(({ receipt }) => receipt.id.peer === large.name)!.receipt.id, { wait: 'none', timeoutMs: 0 }))!.edges).toBe(6)
  }, 60_000)

  it('leave both of two regions in a minority when they are cut, and nobody fenced when edges take their leave or join', async () => {
    const world = await colony([2, 2], 3)
    world.reaches = (from, to) => from.region === to.region
    await world.clock.advance(settings.leaseMs + 100)
    expect(world.up().some(({ purges }) => purges!.isCurrent())).toBe(false)
    world.reaches = () => true
    await world.until(() => world.up().every(({ purges }) => purges!.isCurrent()), 5_000)
    const old = world.up().filter(({ region }) => region === 'r0')
    const staysCurrent = async (): Promise<void> => {
      for (let ms = 0; ms < 2 * settings.leaseMs; ms += 50) {
        await world.clock.advance(50)
        expect(old.every(({ purges }) => purges!.isCurrent())).toBe(true)
      }
    }
    for (const each of world.up().filter(({ region }) => region === 'r1')) world.leave(each)
    await staysCurrent()
    for (const name of ['new1', 'new2', 'new3']) await world.start(world.add(name, 'r0'))
    await staysCurrent()
    expect(world.up().every(({ purges }) => purges!.isCurrent())).toBe(true)
    // Those count now: without them there is no majority.
    for (const each of world.up().filter((one) => !old.includes(one))) world.kill(each)
    await world.clock.advance(2 * settings.leaseMs)
    expect(old.some(({ purges }) => purges!.isCurrent())).toBe(false)
  }, 60_000)

  it('are all fetched by an edge that was away before it is current; one that was away too long revalidates everything first', async () => {
    const world = await colony([3, 3], 5, { horizonMs: 60_000, seenIntervalMs: 1_000 })
    const [away, from] = [world.up()[4]!, world.up()[0]!]
    const before = away.revalidations.size
    world.kill(away)
    for (let count = 0; count < 200; count++) order(world, from, [], new Set())
    await world.clock.advance(30_000)
    await world.start(away)
    const tookMs = await world.until(() => away.purges!.isCurrent(), 10_000)
    console.log(`200 purges missed: caught up and current ${tookMs} ms after the start`)
    expect([away.applied.size, away.revalidations.size - before]).toEqual([200, 0])

    await world.clock.advance(5_000)
    world.kill(away)
    order(world, from, [], new Set())
    await world.clock.advance(65_000)
    await world.start(away)
    await world.until(() => away.purges!.isCurrent(), 10_000)
    expect(away.applied.size).toBe(200)
    expect(away.revalidations.size).toBeGreaterThan(before)
  }, 120_000)

  it('are also fetched by an edge that runs on and was cut off, which revalidates everything where that took too long', async () => {
    const world = await colony([2, 2, 1], 6, { horizonMs: 40_000, seenIntervalMs: 1_000 })
    const away = world.up()[4]!
    const before = away.revalidations.size
    world.reaches = (one, other) => one !== away && other !== away
    await world.clock.advance(55_000)
    expect(away.purges!.isCurrent()).toBe(false)
    expect(away.purges!.stated()).toBe(undefined)
    world.reaches = () => true
    await world.until(() => away.purges!.isCurrent(), 10_000)
    expect(away.revalidations.size - before).toBe(1)
  }, 120_000)

  it('keep an edge fenced that cannot take one in, and one that is started while it is cut off', async () => {
    const world = await colony([2, 2, 2], 8)
    const [from, distrusts, , , one] = world.up()
    world.distrusts = (edge, peer) => edge === distrusts && peer === from!.name
    order(world, from!, [], new Set())
    await world.clock.advance(2 * settings.leaseMs)
    expect(world.up().filter(({ purges }) => !purges!.isCurrent())).toEqual([distrusts])
    world.distrusts = () => false
    await world.until(() => distrusts!.purges!.isCurrent(), 5_000)

    world.kill(one!)
    world.reaches = (a, b) => (a.region === 'r2') === (b.region === 'r2')
    await world.clock.advance(100)
    await world.start(one!)
    await world.clock.advance(2 * settings.leaseMs)
    expect(world.up().filter(({ purges }) => !purges!.isCurrent()).map(({ region }) => region)).toEqual(['r2', 'r2'])
  }, 60_000)

  it('fence nobody when a second edge joins the first, and the first where that is cut off before it was heard of', async () => {
    for (const isCut of [false, true]) {
      const world = await colony([1], 9)
      const [first] = world.up()
      const second = world.add('second', 'r0')
      await world.start(second)
      if (isCut) world.reaches = () => false
      for (let ms = 0; ms < settings.leaseMs - 10; ms += 10) {
        await world.clock.advance(10)
        expect(first!.purges!.isCurrent()).toBe(true)
      }
      await world.clock.advance(settings.leaseMs)
      expect(first!.purges!.isCurrent()).toBe(!isCut)
    }
  }, 60_000)
})
