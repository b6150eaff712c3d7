/** Directories of a small region in virtual time: what each claim of the part looks like from outside. */
import { describe, expect, it } from 'vitest'
import { keyOf, World } from '../../sim/directory/world.ts'
import type { DirectorySettings } from '../../../protocols/directory/settings.ts'
import { encodeHandOver, encodeReport, type Message } from '../../../protocols/directory/messages.ts'
import { contentKey, type ContentKey } from '../../../protocols/ids.ts'

const never = new AbortController().signal

async function region (names: readonly string[], settings: Partial<DirectorySettings> = {}): Promise<World> {
  const world = new World({ seed: 1, settings })
  for (const name of names) world.join(name)
  await world.clock.advance(2_000)
  return world
}

/** Keys that `owner` owns as `viewer` sees it. */
function owned (world: World, owner: string, count: number, viewer = owner): ContentKey[] {
  const keys = Array.from({ length: 1_000 }, (_, index) => keyOf(index)).filter((key) => world.edge(viewer).ring.owner(key) === owner)
  return keys.slice(0, count)
}

async function send (world: World, to: string, from: string, { head, payload = new Uint8Array(0) }: Message): Promise<object> {
  return (await world.edge(to).directory.answer({ head: head as Record<string, unknown>, payload }, from, never)).head
}

describe('a directory', () => {
  it('hears of fills and drops within the report interval, in one report for many', async () => {
    const world = await region(['a', 'b'])
    const keys = owned(world, 'a', 100)
    const { reportsIn } = world.edge('a').directory.counters()
    for (const key of keys) world.hold('b', key)
    world.drop('b', keys[0]!)
    await world.clock.advance(210)
    expect(keys.filter((key) => world.edge('a').directory.holders(key).includes('b'))).toEqual(keys.slice(1))
    expect(world.edge('a').directory.counters().reportsIn - reportsIn).toBe(1)
  })

  it('tells others whom to ask, itself too when it holds the key, and never the asker', async () => {
    const world = await region(['a', 'b', 'c'])
    const [key] = owned(world, 'a', 1) as [ContentKey]
    for (const name of ['a', 'b', 'c']) world.hold(name, key)
    await world.clock.advance(300)
    const finding = world.edge('b').directory.find('a', key)
    await world.clock.advance(50)
    expect((await finding).sort()).toEqual(['a', 'c'])
    expect(world.edge('a').directory.holders(key).toSorted()).toEqual(['b', 'c'])
  })

  it('drops holders that left the region', async () => {
    const world = await region(['a', 'b', 'c'])
    const [key] = owned(world, 'a', 1) as [ContentKey]
    for (const name of ['b', 'c']) world.hold(name, key)
    await world.clock.advance(300)
    world.crash('b', true)
    await world.clock.advance(1_100)
    expect(world.edge('a').directory.holders(key)).toEqual(['c'])
    // And they are told nothing any more.
    await world.clock.advance(10_000)
    const { reportsFailed } = world.edge('a').directory.counters()
    await world.clock.advance(60_000)
    expect(world.edge('a').directory.counters().reportsFailed).toBe(reportsFailed)
  })

  it('that was lost while nothing changes is rebuilt by signs of life', async () => {
    const world = await region(['a', 'b', 'c'])
    const [key] = owned(world, 'a', 1) as [ContentKey]
    world.hold('b', key)
    await world.clock.advance(300)
    world.crash('a', false)
    world.join('a')
    await world.clock.advance(100)
    expect(world.edge('a').directory.holders(key)).toEqual([])
    await world.clock.advance(world.settings.refreshIntervalMs + 1_000)
    expect(world.edge('a').directory.holders(key)).toEqual(['b'])
  })

  it('is handed over to the new owner, and believed for a while without a word of the holder', async () => {
    const world = await region(['a', 'b', 'holder'])
    const before = world.edge('a').ring
    for (const key of owned(world, 'a', 200)) world.hold('holder', key)
    await world.clock.advance(1_000)
    world.cutOff.add('holder')
    const { directory } = world.join('new')
    await world.clock.advance(3_000)
    const moved = owned(world, 'new', 1_000).filter((key) => before.owner(key) === 'a' && world.edge('holder').holdings.has(key))
    expect(moved.length).toBeGreaterThan(10)
    expect(moved.filter((key) => directory.holders(key).includes('holder'))).toEqual(moved)
    expect(directory.counters().entries).toBe(moved.length)
    // The previous owner still knows, as it may still be asked.
    expect(world.edge('a').directory.holders(moved[0]!)).toEqual(['holder'])
    await world.clock.advance(world.settings.toldKeepMs)
    expect(directory.counters().entries).toBe(0)
  })

  it('is handed on as it was gained, not only as it was at the start', async () => {
    const world = await region(['b', 'holder', 'a'])
    const gained = owned(world, 'b', 300)
    for (const key of gained) world.hold('holder', key)
    world.crash('b', true)
    await world.clock.advance(5_000)
    world.cutOff.add('holder')
    const { directory } = world.join('new')
    await world.clock.advance(3_000)
    const moved = gained.filter((key) => world.edge('new').ring.owner(key) === 'new' && world.edge('a').directory.holders(key).length > 0)
    expect(moved.length).toBeGreaterThan(10)
    expect(moved.filter((key) => directory.holders(key).includes('holder'))).toEqual(moved)
  })

  it('of a previous owner keeps what moved away for a while, then lets it go', async () => {
    const world = await region(['a', 'b', 'holder'])
    for (const key of owned(world, 'a', 200)) world.hold('holder', key)
    await world.clock.advance(1_000)
    world.join('new')
    await world.clock.advance(world.settings.formerKeepMs - 1_000)
    expect(world.edge('a').directory.counters().entries).toBe(200)
    await world.clock.advance(3_000)
    const kept = owned(world, 'a', 1_000).filter((key) => world.edge('holder').holdings.has(key)).length
    expect(kept).toBeLessThan(190)
    expect(world.edge('a').directory.counters().entries).toBe(kept)
  })

  it('hears only of what moved to it when an edge joins', async () => {
    const world = await region(['a', 'b', 'holder'])
    for (let index = 0; index < 1_000; index++) world.hold('holder', keyOf(index))
    await world.clock.advance(2_000)
    const { keysOut, fulls } = world.edge('holder').directory.counters()
    const before = world.edge('holder').ring
    world.join('new')
    await world.clock.advance(10_000)
    const moved = owned(world, 'new', 1_000).filter((key) => before.owner(key) !== 'holder' || world.edge('holder').holdings.has(key))
    expect(moved.length).toBeGreaterThan(100)
    const counters = world.edge('holder').directory.counters()
    expect(counters.keysOut - keysOut).toBe(moved.length)
    expect(counters.fulls - fulls).toBe(1)
  })

  it('of one owner that is silent keeps no other from hearing, and hears all when that is back', async () => {
    const world = await region(['a', 'b', 'holder'], { queueKeysMax: 50, reportKeysMax: 10 })
    world.cutOff.add('a')
    const [lost, found] = [owned(world, 'a', 80, 'b'), owned(world, 'b', 80)]
    for (const key of [...lost, ...found]) {
      world.hold('holder', key)
      await world.clock.advance(10)
    }
    await world.clock.advance(1_000)
    expect(found.filter((key) => world.edge('b').directory.holders(key).length === 0)).toEqual([])
    // Nor from hearing everything again.
    world.crash('b', false)
    world.join('b')
    await world.clock.advance(world.settings.refreshIntervalMs + 1_000)
    expect(found.filter((key) => world.edge('b').directory.holders(key).length === 0)).toEqual([])
    world.cutOff.delete('a')
    await world.clock.advance(20_000)
    expect(lost.filter((key) => world.edge('a').directory.holders(key).length === 0)).toEqual([])
  })

  it('is put right by an audit when a holder lost content without a word', async () => {
    const world = await region(['a', 'b'])
    const keys = owned(world, 'a', 50)
    for (const key of keys) world.hold('b', key)
    await world.clock.advance(1_000)
    const { fulls } = world.edge('b').directory.counters()
    await world.clock.advance(world.settings.auditIntervalMs)
    expect(world.edge('b').directory.counters().fulls).toBe(fulls)
    for (const key of keys.slice(0, 5)) world.edge('b').holdings.delete(key)
    await world.clock.advance(world.settings.auditIntervalMs)
    expect(keys.filter((key) => world.edge('a').directory.holders(key).length === 0)).toEqual(keys.slice(0, 5))
  })

  it('hears by an audit of a holder that it had no room for, once others have made room', async () => {
    const world = await region(['a', 'b', 'c', 'd'], { holdersPerKeyMax: 2 })
    const [key] = owned(world, 'a', 1) as [ContentKey]
    for (const name of ['b', 'c', 'd']) {
      world.hold(name, key)
      await world.clock.advance(300)
    }
    expect(world.edge('a').directory.holders(key).toSorted()).toEqual(['b', 'c'])
    for (const name of ['b', 'c']) world.drop(name, key)
    await world.clock.advance(300)
    expect(world.edge('a').directory.holders(key)).toEqual([])
    await world.clock.advance(2 * world.settings.auditIntervalMs)
    expect(world.edge('a').directory.holders(key)).toEqual(['d'])
  })

  it('is told nothing but signs of life while nothing changes', async () => {
    const world = await region(['a', 'b', 'c'])
    for (let index = 0; index < 300; index++) world.hold('a', keyOf(index))
    await world.clock.advance(20_000)
    const { keysOut, reportsOut } = world.edge('a').directory.counters()
    await world.clock.advance(60_000)
    const counters = world.edge('a').directory.counters()
    expect(counters.keysOut).toBe(keysOut)
    // Two owners, every 7.5 to 15 s.
    expect(counters.reportsOut - reportsOut).toBeLessThanOrEqual(2 * 8)
  })

  it('takes reports and pages from members of its region only', async () => {
    const world = await region(['a', 'b'])
    const keys = owned(world, 'a', 1)
    await expect(send(world, 'a', 'stranger', encodeReport({ session: 1, sequence: 0, complete: true, added: keys, dropped: [] }))).rejects.toThrow('not of this region')
    await expect(send(world, 'a', 'stranger', encodeHandOver({ entries: new Map([['b', keys]]) }))).rejects.toThrow('not of this region')
    expect(world.edge('a').directory.counters().entries).toBe(0)
  })

  it('takes from a page only what it owns, about members, and nothing about itself', async () => {
    const world = await region(['a', 'b', 'c'])
    const [mine] = owned(world, 'a', 1) as [ContentKey]
    const [other] = owned(world, 'b', 1) as [ContentKey]
    await send(world, 'a', 'b', encodeHandOver({ entries: new Map([['a', [mine]], ['c', [other]], ['stranger', [mine]]]) }))
    expect(world.edge('a').directory.counters().entries).toBe(0)
    await send(world, 'a', 'b', encodeHandOver({ entries: new Map([['c', [mine, other]]]) }))
    expect(world.edge('a').directory.holders(mine)).toEqual(['c'])
    expect(world.edge('a').directory.counters().entries).toBe(1)
  })

  it('is not walked without end for an owner that always asks for everything again', async () => {
    const world = await region(['a', 'b'])
    world.hold('b', owned(world, 'a', 1)[0]!)
    const { fulls } = world.edge('b').directory.counters()
    Object.assign(world.edge('a').directory, { answer: async () => ({ head: { kind: 'again' } }) })
    await world.clock.advance(300_000)
    const walks = world.edge('b').directory.counters().fulls - fulls
    expect(walks).toBeGreaterThan(4)
    expect(walks).toBeLessThan(15)
  })

  it('says nothing after it was stopped', async () => {
    const world = await region(['a', 'b'])
    world.hold('b', contentKey('site', '/'))
    world.edge('b').directory.stop()
    const { callsOut } = world.edge('b')
    await world.clock.advance(60_000)
    world.edge('b').directory.held(keyOf(1))
    world.edge('b').directory.ringChanged()
    await world.clock.advance(60_000)
    expect(world.edge('b').callsOut).toBe(callsOut)
  })
})
