/** Dialler, joins, discovery, round trips and their repetition, by a clock that moves when told. */
import { multiaddr } from '@multiformats/multiaddr'
import { describe, expect, it } from 'vitest'
import { Dialler } from '../../../protocols/membership/dialler.ts'
import { nameCid } from '../../../protocols/cid.ts'
import { Discovery } from '../../../protocols/membership/discovery.ts'
import { Joins } from '../../../protocols/membership/joins.ts'
import { Periodic } from '../../../protocols/periodic.ts'
import { zeroCounters } from '../../../protocols/membership/ports.ts'
import { RoundTrips } from '../../../protocols/membership/round-trips.ts'
import { membershipDefaults as settings } from '../../../protocols/membership/settings.ts'
import { manualClock } from './support.ts'

const { signal } = new AbortController()

function dialling (answer: (peer: string) => Promise<unknown>): { dialler: Dialler, dialled: string[], linked: Set<string>, clock: ReturnType<typeof manualClock> } {
  const clock = manualClock()
  const dialled: string[] = []
  const linked = new Set<string>()
  const dialler = new Dialler({
    clock,
    settings,
    self: 'm',
    isLinked: (peer) => linked.has(peer),
    dial: async (peer) => {
      dialled.push(peer)
      await answer(peer)
      linked.add(peer)
    },
    onSettled: () => {},
    counters: zeroCounters()
  })
  return { dialler, dialled, linked, clock }
}

describe('the dialler', () => {
  it('dials what is missing, and again when a link is lost', async () => {
    const { dialler, dialled, linked, clock } = dialling(async () => {})
    dialler.keep(new Set(['x', 'y']))
    dialler.round(signal)
    await clock.advance(settings.linkProofMs)
    dialler.round(signal)
    expect(dialled).toEqual(['x', 'y'])
    linked.delete('x')
    dialler.round(signal)
    expect(dialled).toEqual(['x', 'y', 'x'])
  })

  it('leaves the first dial to the lower of two peer ids, for a while', async () => {
    const { dialler, dialled, clock } = dialling(async () => {})
    dialler.keep(new Set(['a']))
    dialler.round(signal)
    await clock.advance(settings.dialYieldMs - 1)
    dialler.round(signal)
    expect(dialled).toEqual([])
    await clock.advance(1)
    dialler.round(signal)
    expect(dialled).toEqual(['a'])
  })

  it('has a few dials under way at most, and one for a peer', async () => {
    const { dialler, dialled } = dialling(async () => await new Promise(() => {}))
    dialler.keep(new Set(Array.from({ length: 20 }, (_, index) => `x${index}`)))
    dialler.round(signal)
    dialler.round(signal)
    expect(dialled).toHaveLength(settings.dialsMax)
    expect(new Set(dialled).size).toBe(settings.dialsMax)
  })

  it('waits longer after each failure, up to a bound', async () => {
    const { dialler, dialled, clock } = dialling(async () => { throw new Error('refused') })
    dialler.keep(new Set(['x']))
    const counts: number[] = []
    for (let minute = 0; minute < 10; minute++) {
      const before = dialled.length
      for (let step = 0; step < 240; step++) {
        dialler.round(signal)
        await clock.advance(250)
      }
      counts.push(dialled.length - before)
    }
    expect(counts[0]).toBeGreaterThan(4)
    expect(counts.slice(2).every((count) => count >= 1 && count <= 2)).toBe(true)
  })

  it('takes a link that ends at once for a failure, and one that lasts for none', async () => {
    const { dialler, dialled, linked, clock } = dialling(async () => {})
    dialler.keep(new Set(['x']))
    for (let step = 0; step < 240; step++) {
      dialler.round(signal)
      await clock.advance(1)
      dialler.round(signal)
      // The other end has looked who it is.
      linked.delete('x')
      await clock.advance(249)
    }
    expect(dialled.length).toBeLessThan(10)
    await clock.advance(settings.dialBackoffMaxMs)
    const before = dialled.length
    for (let step = 0; step < 2; step++) {
      dialler.round(signal)
      await clock.advance(settings.linkProofMs)
      dialler.round(signal)
      linked.delete('x')
    }
    dialler.round(signal)
    expect(dialled.length - before).toBe(3)
  })

  it('tries a found peer once, and not again soon when it does not answer', async () => {
    const { dialler, dialled, clock } = dialling(async () => { throw new Error('refused') })
    for (let found = 0; found < 5; found++) {
      dialler.tryOnce('a')
      dialler.round(signal)
      await clock.advance(50)
    }
    expect(dialled).toEqual(['a'])
  })
})

describe('join addresses', () => {
  const address = multiaddr('/ip4/127.0.0.1/tcp/4001')

  function joining (init: { answers: () => boolean, linked?: () => boolean, hasLinks?: () => boolean }): { joins: Joins, dials: () => number, warnings: string[], clock: ReturnType<typeof manualClock> } {
    const clock = manualClock()
    const warnings: string[] = []
    let dials = 0
    const joins = new Joins({
      clock,
      settings,
      addresses: [address],
      isLinked: () => init.linked?.() ?? false,
      hasLinks: () => init.hasLinks?.() ?? false,
      dial: async () => {
        dials++
        if (!init.answers()) throw new Error('connection refused')
        return 'bootstrap'
      },
      warn: (message) => { warnings.push(message) },
      counters: zeroCounters()
    })
    return { joins, dials: () => dials, warnings, clock }
  }

  async function pass (joins: Joins, clock: ReturnType<typeof manualClock>, untilMs: number): Promise<void> {
    while (clock.nowMs() < untilMs) await clock.advance(await joins.round(signal))
  }

  it('are tried for ever while there is no link, and said so once in a while', async () => {
    const { joins, dials, warnings, clock } = joining({ answers: () => false })
    await pass(joins, clock, 600_000)
    expect(dials()).toBeGreaterThan(600_000 / settings.joinBackoffMaxMs)
    expect(warnings.length).toBeLessThanOrEqual(600_000 / settings.joinLogIntervalMs)
    expect(warnings[0]).toBe('cannot reach join address /ip4/127.0.0.1/tcp/4001: connection refused; trying again in 1 s')
  })

  it('are tried slowly while there are other links', async () => {
    const { joins, dials, clock } = joining({ answers: () => false, hasLinks: () => true })
    await pass(joins, clock, 600_000)
    expect(dials()).toBe(10)
  })

  it('are tried ever more slowly where each link ends at once', async () => {
    const { joins, dials, warnings, clock } = joining({ answers: () => true, linked: () => false })
    await pass(joins, clock, 600_000)
    expect(dials()).toBeGreaterThan(600_000 / settings.joinBackoffMaxMs)
    expect(dials()).toBeLessThan(2.5 * 600_000 / settings.joinBackoffMaxMs)
    expect(warnings.length).toBeLessThanOrEqual(600_000 / settings.joinLogIntervalMs)
    expect(warnings[0]).toBe('the edge at join address /ip4/127.0.0.1/tcp/4001 ends each link at once: is this edge in its peers.allowed?')
  })

  it('are left alone while one is linked, and tried again when the link is lost', async () => {
    let linked = true
    const { joins, dials, clock } = joining({ answers: () => true, linked: () => linked })
    await pass(joins, clock, 60_000)
    expect(dials()).toBe(1)
    linked = false
    await joins.round(signal)
    expect(dials()).toBe(2)
  })
})

describe('discovery', () => {
  function discovering (init: { hasLinks: () => boolean, hasFellow: () => boolean, isDiscoverer?: (region?: string) => boolean }): { discovery: Discovery, calls: string[], providers: string[] } {
    const calls: string[] = []
    const providers: string[] = []
    const discovery = new Discovery({
      clock: manualClock(),
      settings,
      network: 'test',
      region: 'here',
      contentRouting: {
        provide: async (cid) => { calls.push(`provide ${cid.toString()}`) },
        findProviders: async function * (cid) {
          calls.push(`find ${cid.toString()}`)
          yield { id: { toString: () => 'provider' } as never, multiaddrs: [], routing: 'test' }
          throw new Error('the deadline passed')
        }
      },
      isDiscoverer: () => true,
      ...init,
      onProvider: (peer) => { providers.push(peer) },
      counters: zeroCounters()
    })
    return { discovery, calls, providers }
  }

  const [region, colony] = [nameCid('colony/test/here').toString(), nameCid('colony/test').toString()]

  it('provides and looks up the names of the region and of the colony', async () => {
    const { discovery, calls, providers } = discovering({ hasLinks: () => true, hasFellow: () => false })
    await discovery.provide(signal)
    await discovery.lookup(signal)
    expect(calls).toEqual([`provide ${region}`, `provide ${colony}`, `find ${region}`, `find ${colony}`])
    expect(providers).toEqual(['provider', 'provider'])
  })

  it('is left to a few of the edges that know each other, and to each that has no fellow', async () => {
    let fellow = true
    const { discovery, calls } = discovering({ hasLinks: () => true, hasFellow: () => fellow, isDiscoverer: (of) => of === 'here' })
    await discovery.provide(signal)
    await discovery.lookup(signal)
    expect(calls).toEqual([`provide ${region}`, `find ${region}`])
    fellow = false
    await discovery.lookup(signal)
    expect(calls.slice(2)).toEqual([`find ${region}`, `find ${colony}`])
  })

  it('asks nobody while there is no link', async () => {
    const { discovery, calls } = discovering({ hasLinks: () => false, hasFellow: () => false })
    await discovery.provide(signal)
    expect(await discovery.lookup(signal)).toBe(settings.discoveryFastMs)
    expect(calls).toEqual([])
  })

  it('is fast until an edge of the region is linked', async () => {
    let fellow = false
    const { discovery } = discovering({ hasLinks: () => true, hasFellow: () => fellow })
    expect(await discovery.lookup(signal)).toBe(settings.discoveryFastMs)
    expect(await discovery.lookup(signal)).toBeLessThan(2 * settings.discoveryFastMs)
    fellow = true
    expect(await discovery.lookup(signal)).toBe(settings.discoveryIntervalMs)
  })

  it('repeats its first records soon, and comes to the stated interval', async () => {
    const { discovery } = discovering({ hasLinks: () => true, hasFellow: () => true })
    const delays: number[] = []
    for (let time = 0; time < 9; time++) delays.push(await discovery.provide(signal))
    expect(delays.slice(0, 2)).toEqual([settings.provideDelayMs, 3 * settings.provideDelayMs])
    expect(delays.at(-1)).toBe(settings.provideIntervalMs)
  })
})

describe('round trips', () => {
  it('are the shortest of the last eight, measured at once, forgotten with the link, and survive a lost ping', async () => {
    const clock = manualClock()
    const linked = ['x']
    const samples = [40, 10, 18, 12, 30, 30, 30, 30, 30, 30, 30]
    const roundTrips = new RoundTrips({
      clock,
      settings,
      linked: () => linked,
      ping: async () => samples.shift() ?? await Promise.reject(new Error('lost'))
    })
    await roundTrips.round(signal)
    expect(roundTrips.rttMs('x')).toBe(10)
    const shortest: Array<number | undefined> = []
    while (samples.length > 0) {
      await clock.advance(settings.pingIntervalMs)
      await roundTrips.round(signal)
      shortest.push(roundTrips.rttMs('x'))
    }
    expect(shortest).toEqual([10, 10, 10, 10, 10, 12, 12])
    await clock.advance(settings.pingIntervalMs)
    await roundTrips.round(signal)
    expect(roundTrips.rttMs('x')).toBe(12)
    linked.pop()
    await roundTrips.round(signal)
    expect(roundTrips.rttMs('x')).toBeUndefined()
  })

  it('are measured a few at a time', async () => {
    let [running, most] = [0, 0]
    const roundTrips = new RoundTrips({
      clock: manualClock(),
      settings,
      linked: () => Array.from({ length: 30 }, (_, index) => `x${index}`),
      ping: async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => { setImmediate(resolve) })
        return running--
      }
    })
    await roundTrips.round(signal)
    expect(most).toBe(settings.pingsMax)
  })
})

describe('repeated work', () => {
  it('follows the delays it asks for, goes on after an error, runs sooner when woken, and ends', async () => {
    const clock = manualClock()
    const ranAtMs: number[] = []
    const errors: unknown[] = []
    const periodic = new Periodic({
      clock,
      run: () => {
        ranAtMs.push(clock.nowMs())
        if (ranAtMs.length === 2) throw new Error('once')
        return 100
      },
      onError: (error) => { errors.push(error) },
      retryMs: 10
    })
    periodic.start()
    await clock.advance(150)
    expect(ranAtMs).toEqual([0, 100, 110])
    expect(errors).toHaveLength(1)
    periodic.soon(20)
    await clock.advance(30)
    expect(ranAtMs).toEqual([0, 100, 110, 170])
    periodic.stop()
    periodic.stop()
    await clock.advance(1_000)
    expect(ranAtMs).toHaveLength(4)
  })

  it('has one run at a time, and takes a wake during a run as a wish for another', async () => {
    const clock = manualClock()
    let [running, most, runs] = [0, 0, 0]
    const finish: Array<() => void> = []
    const periodic = new Periodic({
      clock,
      run: async () => {
        runs++
        most = Math.max(most, ++running)
        await new Promise<void>((resolve) => { finish.push(resolve) })
        running--
        return 1_000
      },
      onError: () => {},
      retryMs: 10
    })
    periodic.start()
    await clock.advance(1)
    periodic.soon()
    await clock.advance(50)
    expect(runs).toBe(1)
    finish.shift()?.()
    await clock.advance(1)
    expect(runs).toBe(2)
    expect(most).toBe(1)
    periodic.stop()
  })
})
