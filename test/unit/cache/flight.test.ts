/** The table of flights. */
import { describe, expect, it } from 'vitest'
import { Flight, Flights, Level } from '../../../daemon/cache/flight.ts'
import type { Fill } from '../../../daemon/cache/fill.ts'
import { keyOf } from '../../support/store.ts'

const sought = { epoch: 0, site: 'default', target: '/' }

function flight (): Flight {
  return new Flight(Level.Asker, sought, async () => ({ kind: 'failed', status: 502, reason: 'a test' }))
}

describe('flights', () => {
  it('are found by key and variant', () => {
    const flights = new Flights()
    const [one, other] = [flight(), flight()]
    flights.add(keyOf('a'), '', one)
    flights.add(keyOf('a'), 'de', other)
    expect(flights.get(keyOf('a'), '')).toBe(one)
    expect(flights.get(keyOf('b'), '')).toBeUndefined()
    expect(flights.of(keyOf('a'))).toEqual([one, other])
    expect(flights.of(keyOf('b'))).toEqual([])
    expect(flights.size).toBe(2)
  })

  it('are taken out only by themselves: a newer one in the same place stays', () => {
    const flights = new Flights()
    const [older, newer] = [flight(), flight()]
    flights.add(keyOf('a'), '', older)
    flights.add(keyOf('a'), '', newer)
    flights.remove(keyOf('a'), '', older)
    expect(flights.get(keyOf('a'), '')).toBe(newer)
    expect(flights.size).toBe(1)
    flights.remove(keyOf('a'), '', newer)
    flights.remove(keyOf('a'), '', newer)
    expect(flights.size).toBe(0)
  })
})

describe('a flight', () => {
  it('is aborted when the last who waited has left', () => {
    const one = flight()
    const leave = one.interest.join()
    const leaveToo = one.interest.join()
    leave()
    expect(one.signal.aborted).toBe(false)
    leaveToo()
    expect(one.signal.aborted).toBe(true)
  })

  it('that fails without anybody waiting troubles nobody', async () => {
    const one = new Flight(Level.Asker, sought, async () => { throw new Error('unheard') })
    await expect(one.outcome).rejects.toThrow('unheard')
  })

  it('rises to whom it waits on, never falls while it is sought, and falls back to its base while a peer brings the body', () => {
    const one = new Flight(Level.Asker, sought, async () => await new Promise(() => {}))
    one.raise(Level.Owner)
    one.raise(Level.Asker)
    expect(one.level).toBe(Level.Owner)
    one.raise(Level.Origin)
    expect(one.level).toBe(Level.Origin)
    let fromOrigin = true
    one.land({ get fromOrigin () { return fromOrigin } } as Fill)
    expect(one.level).toBe(Level.Origin)
    fromOrigin = false
    expect(one.level).toBe(Level.Owner)
  })

  it('is as the home\'s while it asks a peer beside the origin, until all of those have answered or its body comes from the origin', () => {
    const one = new Flight(Level.Asker, sought, async () => await new Promise(() => {}))
    const early = one.ask()
    expect(one.level).toBe(Level.Asker)
    one.raise(Level.Origin)
    const late = one.ask()
    early()
    expect(one.level).toBe(Level.Home)
    late()
    expect(one.level).toBe(Level.Origin)
    one.ask()
    one.land({ fromOrigin: true } as Fill)
    expect(one.level).toBe(Level.Origin)
  })
})
