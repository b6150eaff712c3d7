import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { networkDefaults } from '../../../netsim/world/network.ts'
import { bareWorld, type BareWorld } from '../../support/bare-world.ts'

const host = fc.nat(4)
const sendings = fc.array(fc.record({ atMs: fc.nat(100), from: host, to: host, bytes: fc.nat(100_000), stream: fc.boolean() }), { maxLength: 80 })
type Sendings = typeof sendings extends fc.Arbitrary<infer Each> ? Each : never

/** Each message is its own number. */
function sendAll ({ engine, network }: BareWorld, all: Sendings): void {
  for (const [number, { atMs, from, to, bytes, stream }] of all.entries()) {
    engine.at(atMs, () => {
      if (stream) network.stream(from, to, number, bytes)
      else network.send(from, to, number, bytes)
    })
  }
}

/** Numbers received by `to` from `from`, in their order. */
function between (world: BareWorld, from: number, to: number): number[] {
  return world.received.filter((each) => each.from === from && each.to === to).map(({ message }) => message as number)
}

const jittery = { ...networkDefaults, jitterMs: 20, loss: 0, duplicate: 0, reorder: 0 }

describe('the network', () => {
  it('is first in, first out between two hosts and loses nothing, whatever the jitter', () => {
    fc.assert(fc.property(fc.integer(), sendings, (seed, all) => {
      const world = bareWorld({ seed, settings: jittery })
      sendAll(world, all)
      world.engine.run(1e6)
      expect(world.received).toHaveLength(all.length)
      for (let from = 0; from < 5; from++) {
        for (let to = 0; to < 5; to++) {
          const sent = [...all.entries()].filter(([, each]) => each.from === from && each.to === to).toSorted((a, b) => a[1].atMs - b[1].atMs || a[0] - b[0]).map(([number]) => number)
          expect(between(world, from, to)).toEqual(sent)
        }
      }
    }))
  })

  it('keeps a connection in order and whole while messages by themselves are lost, repeated and overtaken', () => {
    const world = bareWorld({ settings: { ...jittery, loss: 0.3, duplicate: 0.1, reorder: 0.5, reorderMs: 50 } })
    const count = 2_000
    for (let number = 0; number < count; number++) {
      world.engine.at(number, () => {
        world.network.stream(0, 1, number, 100)
        world.network.send(2, 3, number, 100)
      })
    }
    world.engine.run(1e7)
    expect(between(world, 0, 1)).toEqual(Array.from({ length: count }, (_, number) => number))
    const lateMs = world.received.filter(({ from, to }) => from === 0 && to === 1).map(({ atMs, message }) => atMs - (message as number))
    expect(Math.max(...lateMs) - Math.min(...lateMs)).toBeGreaterThan(200)
    const alone = between(world, 2, 3)
    const distinct = new Set(alone).size
    expect(distinct / count).toBeCloseTo(0.7, 1)
    expect((alone.length - distinct) / distinct).toBeCloseTo(0.1, 1)
    expect(alone).not.toEqual(alone.toSorted((a, b) => a - b))
    expect(world.network.counters.duplicated).toBe(alone.length - distinct)
  })

  it('lets nothing arrive through a cut, also not what was under way, and everything before and after', () => {
    fc.assert(fc.property(fc.integer(), sendings, fc.uniqueArray(host, { minLength: 1, maxLength: 4 }), fc.boolean(), (seed, all, side, oneWay) => {
      const world = bareWorld({ seed, settings: jittery })
      const others = [0, 1, 2, 3, 4].filter((each) => !side.includes(each))
      sendAll(world, all)
      let heal = (): void => {}
      world.engine.at(30, () => { heal = world.network.cut(side, others, { oneWay }) })
      world.engine.at(70, () => { heal() })
      world.engine.run(1e6)
      const isCut = (from: number, to: number): boolean => (side.includes(from) && others.includes(to)) || (!oneWay && side.includes(to) && others.includes(from))
      for (const { atMs, from, to } of world.received) expect(isCut(from, to) && atMs > 30 && atMs < 70).toBe(false)
      for (const [number, { atMs, from, to }] of all.entries()) {
        if (!isCut(from, to) || atMs > 70) expect(between(world, from, to)).toContain(number)
        else if (atMs > 30 && atMs < 70) expect(between(world, from, to)).not.toContain(number)
      }
    }))
  })

  it('heals overlapping cuts one by one', () => {
    const { network } = bareWorld()
    const healFirst = network.cut([0], [1, 2])
    const healSecond = network.cut([0], [1], { oneWay: true })
    healFirst()
    healFirst()
    expect([network.isCut(0, 1), network.isCut(1, 0), network.isCut(0, 2)]).toEqual([true, false, false])
    healSecond()
    expect(network.isCut(0, 1)).toBe(false)
  })

  it('sends no faster than the uplink', () => {
    fc.assert(fc.property(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 30 }), (sizes) => {
      const world = bareWorld({ settings: { uplinkBytesPerSecond: 10_000 } })
      for (const bytes of sizes) world.network.send(0, 1, bytes, bytes)
      world.engine.run(1e7)
      let sum = 0
      for (const [at, { atMs }] of world.received.entries()) {
        sum += sizes[at]!
        expect(atMs).toBeGreaterThanOrEqual(sum / 10)
        expect(atMs - sum / 10 - world.network.delayMs(0, 1)).toBeLessThan(1)
      }
    }))
  })

  it('lets the hosts of a city share the line to another one, and the queue drain with time', () => {
    const world = bareWorld({ edges: 4, cities: 2, settings: { lineBytesPerSecond: 10_000 } })
    const [from, to] = world.topology.regions.map(({ edges }) => edges)
    const delayMs = world.network.delayMs(from![0]!, to![0]!)
    world.network.send(from![0]!, to![0]!, 'first', 10_000)
    world.network.send(from![1]!, to![1]!, 'second', 10_000)
    world.network.send(from![0]!, from![1]!, 'within the city', 10_000)
    world.engine.at(5_000, () => { world.network.send(from![0]!, to![0]!, 'later', 10_000) })
    world.engine.run(1e6)
    expect(world.received.map(({ message }) => message)).toEqual(['within the city', 'first', 'second', 'later'])
    expect(world.received.map(({ atMs }) => Math.round(atMs - delayMs)).slice(1)).toEqual([1_000, 2_000, 6_000])
  })

  it('lets nobody wait for a line within a city', () => {
    const world = bareWorld({ edges: 4, cities: 2, settings: { lineBytesPerSecond: 10_000, cityMs: 0.5 } })
    const [one, other] = world.topology.regions[0]!.edges
    for (let number = 0; number < 10; number++) world.network.stream(one!, other!, number, 10_000)
    world.network.send(other!, one!, 'back', 10_000)
    world.engine.run(1e6)
    expect(world.received).toHaveLength(11)
    for (const { atMs } of world.received) expect(atMs).toBeCloseTo(0.5, 1)
  })

  it('broadcasts to every receiver but the sender, exactly as single messages would go', () => {
    fc.assert(fc.property(fc.integer(), fc.uniqueArray(host), host, fc.boolean(), (seed, receivers, from, busy) => {
      const one = bareWorld({ seed, settings: jittery })
      const other = bareWorld({ seed, settings: jittery })
      one.network.broadcast(from, receivers, 'news', 1_000)
      for (const to of receivers) if (to !== from) other.network.send(from, to, 'news', 1_000)
      // Where other things happen in between, the broadcast has to stop and go on.
      if (busy) for (let atMs = 0; atMs < 300; atMs += 3) one.engine.at(atMs, () => {})
      one.engine.run(1e6)
      other.engine.run(1e6)
      expect(one.received).toEqual(other.received)
      expect(one.received).toHaveLength(receivers.filter((to) => to !== from).length)
    }))
  })

  it('lets no later message overtake a broadcast', () => {
    const world = bareWorld({ edges: 4, cities: 2 })
    const [near, far] = world.topology.regions.map(({ edges }) => edges)
    world.network.broadcast(near![0]!, [near![1]!, far![0]!], 'first', 100)
    world.network.send(near![0]!, far![0]!, 'second', 100)
    world.engine.run(1e4)
    expect(world.received.filter(({ to }) => to === far![0]).map(({ message }) => message)).toEqual(['first', 'second'])
  })

  it('lets a relayed broadcast leave the uplink once, and delays each receiver on its own', () => {
    const world = bareWorld({ edges: 40, cities: 1, settings: { uplinkBytesPerSecond: 1_000 } })
    const receivers = Array.from({ length: 40 }, (_, to) => to)
    world.network.broadcast(0, receivers, 'news', 1_000, { relayed: true, extraMs: 100 })
    world.engine.run(1e6)
    expect(world.received).toHaveLength(39)
    const delays = world.received.map(({ atMs }) => atMs - 1_000)
    expect(Math.min(...delays)).toBeGreaterThan(0)
    expect(delays.reduce((sum, each) => sum + each, 0) / 39).toBeGreaterThan(50)
    expect(Math.max(...delays)).toBeLessThan(2_000)
  })

  it('tells the sender that no process listens, and tells nothing through a cut', () => {
    const world = bareWorld()
    world.machines[1]!.crash()
    world.network.send(0, 1, 'lost', 100)
    world.engine.run(1_000)
    expect(world.refused).toMatchObject([{ from: 0, to: 1, message: 'lost', atMs: expect.closeTo(world.network.rttMs(0, 1), 1) as number }])
    world.network.cut([1], [0], { oneWay: true })
    world.network.send(0, 1, 'silent', 100)
    world.engine.run(2_000)
    expect(world.refused).toHaveLength(1)
    expect(world.received).toEqual([])
  })
})
