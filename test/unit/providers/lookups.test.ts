import { beforeEach, describe, expect, it } from 'vitest'
import { cidOf, k, peer, rigOf } from './support.ts'
import type { Rig } from './support.ts'
import type { PeerName } from '../../../protocols/ids.ts'
import type { PeerId } from '@libp2p/interface'

interface Reading {
  readonly found: PeerName[]
  readonly ended: () => boolean
  readonly thrown: () => unknown
  readonly controller: AbortController
}

/** Reads all that a look-up finds, or as many as wanted. */
function read (rig: Rig, name: string, countMax = Infinity): Reading {
  const controller = new AbortController()
  const found: PeerName[] = []
  let ended = false
  let thrown: unknown
  const run = async (): Promise<void> => {
    try {
      for await (const provider of rig.service.find(k(name), { signal: controller.signal })) {
        found.push(provider)
        if (found.length >= countMax) break
      }
    } catch (error) {
      thrown = error
    }
    ended = true
  }
  void run()
  return { found, ended: () => ended, thrown: () => thrown, controller }
}

let rig: Rig
let holders: PeerId[]
let names: PeerName[]

/** A rig and three members that hold something. */
async function begin (settings: Parameters<typeof rigOf>[0] = {}): Promise<void> {
  rig = await rigOf(settings)
  holders = await Promise.all([peer(), peer(), peer()])
  names = holders.map(String)
  for (const name of names) rig.members.add(name)
}

const settle = async (): Promise<void> => { await rig.clock.advance(0) }
/** The DHT finds `who` in the query of that number. */
async function give (query: number, ...who: PeerId[]): Promise<void> {
  for (const id of who) rig.queries[query]?.give(id)
  await settle()
}

describe('a look-up of providers', () => {
  beforeEach(async () => { await begin() })

  it('gives each provider as soon as it is found, and once', async () => {
    const reading = read(rig, 'a')
    await settle()
    await give(0, holders[0]!)
    expect(reading.found).toEqual([names[0]])
    await give(0, holders[0]!, holders[1]!)
    expect(reading.ended()).toBe(false)
    rig.queries[0]?.end()
    await settle()
    expect(reading).toMatchObject({ found: names.slice(0, 2) })
    expect(reading.ended()).toBe(true)
    expect(rig.queries.map(({ cid }) => cid)).toEqual([cidOf('a')])
  })

  it('gives neither this edge nor who is no member, nor who has ceased to be one', async () => {
    const reading = read(rig, 'a')
    await settle()
    await give(0, rig.self, await peer(), holders[0]!, holders[1]!)
    rig.queries[0]?.end()
    await settle()
    expect(reading.found).toEqual(names.slice(0, 2))
    rig.members.delete(names[0] ?? '')
    const second = read(rig, 'a')
    await settle()
    expect(second.found).toEqual([names[1]])
    expect(rig.service.counters()).toMatchObject({ lookups: 1, found: 1, remembered: 1 })
  })

  it('is one query for all who look for one key, late comers seeing what was found', async () => {
    const first = read(rig, 'a')
    await settle()
    await give(0, holders[0]!)
    const second = read(rig, 'a')
    await settle()
    await give(0, holders[1]!)
    expect([first.found, second.found]).toEqual([names.slice(0, 2), names.slice(0, 2)])
    expect(rig.queries.length).toBe(1)
  })

  it('ends its query when the last reader has left, and remembers nothing of it', async () => {
    const first = read(rig, 'a', 1)
    const second = read(rig, 'a', 2)
    await settle()
    await give(0, holders[0]!)
    expect(first.ended()).toBe(true)
    expect(rig.queries[0]?.signal.aborted).toBe(false)
    await give(0, holders[1]!)
    expect(second.ended()).toBe(true)
    expect(rig.queries[0]?.signal.aborted).toBe(true)
    read(rig, 'a')
    await settle()
    expect(rig.queries.length).toBe(2)
    expect(rig.service.counters().timedOut).toBe(0)
  })

  it('throws the reason of its reader\'s signal after what was found, and leaves the other readers alone', async () => {
    const first = read(rig, 'a')
    const second = read(rig, 'a')
    await settle()
    await give(0, holders[0]!)
    first.controller.abort(new Error('the client has gone'))
    await settle()
    expect(first.found).toEqual([names[0]])
    expect(first.thrown()).toMatchObject({ message: 'the client has gone' })
    await give(0, holders[1]!)
    expect(second.found).toEqual(names.slice(0, 2))
  })

  it('throws at once when its signal has aborted before', async () => {
    const signal = AbortSignal.abort(new Error('the client has gone'))
    await expect(rig.service.find(k('a'), { signal })[Symbol.asyncIterator]().next()).rejects.toThrow('the client has gone')
    expect(rig.queries.length).toBe(0)
  })

  it('ends at its deadline with what was found, though the DHT does not let go', async () => {
    await begin({ lookupTimeoutMs: 500 })
    const reading = read(rig, 'a')
    await settle()
    await give(0, holders[0]!)
    await rig.clock.advance(499)
    expect(reading.ended()).toBe(false)
    await rig.clock.advance(1)
    expect(reading).toMatchObject({ found: [names[0]] })
    expect(reading.ended()).toBe(true)
    expect(reading.thrown()).toBeUndefined()
    expect(rig.queries[0]?.signal.aborted).toBe(true)
    expect(rig.service.counters()).toMatchObject({ timedOut: 1, found: 1 })
  })

  it('is skipped once there were as many in the minute as may be', async () => {
    await begin({ lookupsPerMinuteMax: 40, lookupsInFlightMax: 12 })
    // A burst of a twentieth, then one each time that the budget has room again.
    for (const key of ['a', 'b', 'c']) read(rig, key)
    await settle()
    expect(rig.queries.length).toBe(2)
    expect(rig.service.counters().skipped).toBe(1)
    await rig.clock.advance(2_000)
    read(rig, 'c')
    await settle()
    expect(rig.queries.length).toBe(3)
  })

  it('is skipped while too many others run, and while there is no link', async () => {
    await begin({ lookupsInFlightMax: 2, lookupTimeoutMs: 500 })
    read(rig, 'a')
    read(rig, 'b')
    const third = read(rig, 'c')
    await settle()
    expect(third.ended()).toBe(true)
    expect(rig.queries.length).toBe(2)
    // The deadline frees their places, though the DHT does not let go.
    await rig.clock.advance(500)
    rig.links = 0
    read(rig, 'c')
    await settle()
    expect(rig.queries.length).toBe(2)
    rig.links = 1
    read(rig, 'c')
    await settle()
    expect(rig.queries.length).toBe(3)
    expect(rig.service.counters()).toMatchObject({ lookups: 3, skipped: 2 })
  })

  it('remembers for a while that nothing was found, and for a shorter one what was', async () => {
    await begin({ hitRememberMs: 100, missRememberMs: 1_000 })
    for (const name of ['hit', 'miss']) read(rig, name)
    await settle()
    await give(0, holders[0]!)
    for (const { end } of rig.queries) end()
    await rig.clock.advance(99)
    const again = ['hit', 'miss'].map((name) => read(rig, name))
    await settle()
    expect(again.map(({ found, ended }) => [found.length, ended()])).toEqual([[1, true], [0, true]])
    expect(rig.queries.length).toBe(2)
    await rig.clock.advance(1)
    read(rig, 'hit')
    await rig.clock.advance(899)
    read(rig, 'miss')
    await settle()
    expect(rig.queries.map(({ cid }) => cid)).toEqual(['hit', 'miss', 'hit'].map(cidOf))
    await rig.clock.advance(1)
    read(rig, 'miss')
    await settle()
    expect(rig.queries.length).toBe(4)
  })

  it('forgets the oldest results when there are too many', async () => {
    await begin({ rememberedMax: 2 })
    for (const name of ['a', 'b', 'c']) {
      read(rig, name)
      await settle()
      rig.queries.at(-1)?.end()
      await settle()
    }
    for (const name of ['b', 'c', 'a']) read(rig, name)
    await settle()
    expect(rig.queries.map(({ cid }) => cid)).toEqual(['a', 'b', 'c', 'a'].map(cidOf))
  })

  it('takes no more than its share from a DHT that never ends', async () => {
    await begin({ providersMax: 2, recordsMax: 4 })
    const full = read(rig, 'full')
    await settle()
    await give(0, ...holders)
    expect(full.found).toEqual(names.slice(0, 2))
    expect(full.ended()).toBe(true)
    const strangers = read(rig, 'strangers')
    await settle()
    await give(1, ...await Promise.all([peer(), peer(), peer()]), ...holders)
    expect(strangers.found).toEqual(names.slice(0, 1))
    expect(strangers.ended()).toBe(true)
  })

  it('ends as one that found nothing when the DHT breaks it off, and when the service stops', async () => {
    const broken = read(rig, 'a')
    const stopped = read(rig, 'b')
    await settle()
    rig.queries[0]?.end(new Error('no content routers'))
    await settle()
    expect([broken.ended(), stopped.ended()]).toEqual([true, false])
    await rig.service.stop()
    await settle()
    expect([broken.thrown(), stopped.thrown(), stopped.ended()]).toEqual([undefined, undefined, true])
    expect(rig.service.counters()).toMatchObject({ lookupErrors: 1, timedOut: 0 })
  })
})
