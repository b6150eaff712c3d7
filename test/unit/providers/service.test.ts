import { describe, expect, it } from 'vitest'
import { contentCid } from '../../../protocols/providers/service.ts'
import { cidOf, k, rigOf } from './support.ts'
import type { Rig } from './support.ts'

const announced = (rig: Rig): string[] => rig.provides.map(({ cid }) => cid)

async function startedRig (settings: Parameters<typeof rigOf>[0] = {}): Promise<Rig> {
  const rig = await rigOf(settings)
  await rig.service.start()
  await rig.service.afterStart?.()
  return rig
}

describe('announcing providers', () => {
  it('names a key by its colony, so that those of two never meet', () => {
    expect(contentCid('test', k('a')).toString()).not.toBe(contentCid('other', k('a')).toString())
  })

  it('announces what is wanted, within its bound of those in flight', async () => {
    const rig = await startedRig({ announcesInFlightMax: 2, announcesPerMinuteMax: 60_000 })
    for (const name of ['a', 'b', 'c']) rig.service.want(k(name), 'rare')
    await rig.clock.advance(10)
    expect(announced(rig)).toEqual(['c', 'b'].map(cidOf))
    expect(rig.service.counters()).toMatchObject({ queued: 3, inFlight: 2, behind: 1, behindMs: 10, announced: 0 })
    rig.provides[0]?.end()
    await rig.clock.advance(10)
    expect(announced(rig)).toEqual(['c', 'b', 'a'].map(cidOf))
    for (const { end } of rig.provides) end()
    await rig.clock.advance(10)
    expect(rig.service.counters()).toMatchObject({ queued: 3, inFlight: 0, behind: 0, announced: 3, failed: 0 })
  })

  it('spreads them over the minute, as its budget says', async () => {
    const rig = await startedRig({ announcesPerMinuteMax: 120 })
    for (let index = 0; index < 400; index++) rig.service.want(k(`${index}`), 'rare')
    for (let second = 0; second < 120; second++) {
      if (second === 60) expect(rig.provides.length).toBe(120)
      if (second === 0) {
        await rig.clock.advance(0)
        // Taken off the steady rate, which is one each 522 ms.
        expect(rig.provides.length).toBe(6)
        await rig.clock.advance(522)
        expect(rig.provides.length).toBe(7)
        await rig.clock.advance(477)
      } else await rig.clock.advance(1_000)
      for (const { end } of rig.provides) end()
    }
    expect(rig.provides.length).toBe(235)
    expect(new Set(announced(rig)).size).toBe(235)
  })

  it('gives an announcement up at its deadline and tries it again', async () => {
    const rig = await startedRig({ provideTimeoutMs: 1_000, announceRetryMs: 5_000 })
    rig.service.want(k('a'), 'rare')
    await rig.clock.advance(1_000)
    expect(rig.provides[0]?.signal.aborted).toBe(true)
    expect(rig.service.counters()).toMatchObject({ announced: 0, failed: 1, inFlight: 0 })
    await rig.clock.advance(5_000)
    expect(announced(rig)).toEqual(['a', 'a'].map(cidOf))
    rig.provides[1]?.end(new Error('no content routers'))
    await rig.clock.advance(0)
    expect(rig.service.counters().failed).toBe(2)
  })

  it('waits for a link, and until that has settled; after a time without links it announces all anew', async () => {
    const rig = await rigOf({ settleMs: 3_000, linkCheckMs: 1_000 })
    rig.links = 0
    await rig.service.start()
    await rig.service.afterStart?.()
    rig.service.want(k('a'), 'rare')
    await rig.clock.advance(10_000)
    expect(rig.service.counters().behindMs).toBe(10_000)
    rig.links = 1
    await rig.clock.advance(3_000)
    expect(announced(rig)).toEqual([])
    await rig.clock.advance(1_000)
    expect(announced(rig)).toEqual([cidOf('a')])
    rig.provides[0]?.end()
    rig.links = 0
    await rig.clock.advance(2_000)
    rig.links = 2
    await rig.clock.advance(4_000)
    expect(announced(rig)).toEqual(['a', 'a'].map(cidOf))
  })

  it('takes its own record back when a key is dropped or displaced, though it was just being announced', async () => {
    const rig = await startedRig({ keysMax: 2 })
    rig.service.want(k('a'), 'rare')
    await rig.clock.advance(0)
    rig.service.drop(k('a'))
    rig.service.drop(k('never wanted'))
    expect(rig.retracted).toEqual([cidOf('a')])
    rig.provides[0]?.end()
    await rig.clock.advance(0)
    expect(rig.retracted).toEqual(['a', 'a'].map(cidOf))
    await rig.clock.advance(3_600_000)
    expect(announced(rig)).toEqual([cidOf('a')])
    for (const name of ['b', 'c', 'd']) rig.service.want(k(name), 'rare')
    expect(rig.retracted.at(-1)).toBe(cidOf('b'))
    expect(rig.service.counters().displaced).toBe(1)
  })

  it('lets go of everything when it stops, and goes on after a new start', async () => {
    const rig = await startedRig()
    rig.service.want(k('a'), 'rare')
    await rig.clock.advance(0)
    await rig.service.beforeStop?.()
    await rig.service.stop()
    await rig.service.stop()
    await rig.clock.advance(3_600_000)
    expect(rig.provides.map(({ signal }) => signal.aborted)).toEqual([true])
    expect(rig.service.counters()).toMatchObject({ inFlight: 0, failed: 0, queued: 1 })
    await rig.service.start()
    await rig.service.afterStart?.()
    await rig.clock.advance(1_000)
    expect(announced(rig)).toEqual(['a', 'a'].map(cidOf))
  })
})
