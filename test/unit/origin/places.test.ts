import { describe, expect, it } from 'vitest'
import { Places, type Leave, type Taken } from '../../../daemon/origin/places.ts'
import { manualClock } from './support.ts'

const settings = { concurrentMax: 2, queueMax: 2, queueWaitMs: 1_000 }
const patient = new AbortController().signal

async function place (taken: Promise<Taken>): Promise<Leave> {
  const result = await taken
  if (result.kind !== 'place') throw new Error(`no place: ${result.kind}`)
  return result.leave
}

describe('the places of an origin', () => {
  it('gives places up to the limit, then lets wait, then says full at once', async () => {
    const places = new Places(settings, manualClock())
    await place(places.take(patient))
    await place(places.take(patient))
    void places.take(patient)
    void places.take(patient)
    expect([places.taken, places.queued]).toEqual([2, 2])
    expect(await places.take(patient)).toEqual({ kind: 'full' })
  })

  it('passes a place that is left to who waits longest, never to a newcomer', async () => {
    const places = new Places(settings, manualClock())
    const leave = await place(places.take(patient))
    await place(places.take(patient))
    const order: string[] = []
    const first = places.take(patient).then(() => order.push('first'))
    void places.take(patient).then(() => order.push('second'))
    leave()
    expect(places.queued).toBe(1)
    void places.take(patient).then(() => order.push('newcomer'))
    await first
    expect(order).toEqual(['first'])
    expect(places.taken).toBe(2)
  })

  it('counts a place that is left twice once', async () => {
    const places = new Places(settings, manualClock())
    const leave = await place(places.take(patient))
    leave()
    leave()
    expect(places.taken).toBe(0)
  })

  it('ends the wait after its time and keeps no timer of those who got a place', async () => {
    const clock = manualClock()
    const places = new Places(settings, clock)
    const leave = await place(places.take(patient))
    await place(places.take(patient))
    const served = places.take(patient)
    const late = places.take(patient)
    leave()
    await place(served)
    expect(clock.timers).toBe(1)
    clock.move(1_000)
    expect(await late).toEqual({ kind: 'late' })
    expect(places.queued).toBe(0)
  })

  it('lets an asker leave the queue', async () => {
    const places = new Places({ ...settings, concurrentMax: 1 }, manualClock())
    await place(places.take(patient))
    const asker = new AbortController()
    const waiting = places.take(asker.signal)
    asker.abort()
    expect(await waiting).toEqual({ kind: 'aborted' })
    expect(await places.take(asker.signal)).toEqual({ kind: 'aborted' })
    expect(places.queued).toBe(0)
  })

  it('sends everyone away when it closes', async () => {
    const places = new Places({ ...settings, concurrentMax: 1 }, manualClock())
    await place(places.take(patient))
    const waiting = places.take(patient)
    places.close()
    expect(await waiting).toEqual({ kind: 'closed' })
    expect(await places.take(patient)).toEqual({ kind: 'closed' })
  })
})
