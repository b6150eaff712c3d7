/** How far members are: measured, estimated, or unknown; and how the own coordinate travels. */
import { describe, expect, it } from 'vitest'
import { decodeCoordinate, encodeCoordinate, type WireCoordinate } from '../../../protocols/coordinates/coordinate.ts'
import { Vivaldi } from '../../../protocols/coordinates/vivaldi.ts'
import { Distances } from '../../../protocols/membership/distances.ts'
import { Members } from '../../../protocols/membership/members.ts'
import { membershipDefaults as settings } from '../../../protocols/membership/settings.ts'
import { announcementOf, manualClock, unsigned } from './support.ts'

const { signal } = new AbortController()
const at = (x: number): WireCoordinate => encodeCoordinate({ position: [x, 0, 0], heightMs: 0.05, error: 0.05 })

function measuring (coordinates: Record<string, WireCoordinate>, pings: Record<string, number>): { distances: Distances, told: WireCoordinate[], clock: ReturnType<typeof manualClock>, linked: string[] } {
  const clock = manualClock()
  const told: WireCoordinate[] = []
  const linked = Object.keys(pings)
  const distances = new Distances({
    clock, settings,
    linked: () => linked,
    ping: async (peer) => pings[peer]!,
    coordinateOf: (peer) => coordinates[peer],
    onMoved: (coordinate) => { told.push(coordinate) }
  })
  return { distances, told, clock, linked }
}

describe('distances', () => {
  it('are measured where there is a link, and estimated where both know where they are', async () => {
    const { distances, told, clock, linked } = measuring({ near: at(0), far: at(100), between: at(40), unsure: encodeCoordinate(new Vivaldi({ random: () => 0.5 }).own) }, { near: 10, far: 90, old: 70 })
    expect(distances.distanceMs('between')).toBeUndefined()
    for (let round = 0; round < 40; round++) {
      await distances.round(signal)
      await clock.advance(settings.pingIntervalMs)
    }
    expect(distances.distanceMs('near')).toBe(10)
    expect(distances.rttMs('between')).toBeUndefined()
    expect(distances.distanceMs('between')! / 30).toBeCloseTo(1, 1)
    // One of an earlier version has no coordinate: it is measured all the same.
    expect(distances.distanceMs('old')).toBe(70)
    for (const peer of ['unsure', 'nobody']) expect(distances.distanceMs(peer)).toBeUndefined()
    expect(decodeCoordinate(told.at(-1))!.position[0]! / 10).toBeCloseTo(1, 0)
    // 320 measurements of two that it could place, and a few words of it.
    expect(told.length).toBeLessThan(10)
    linked.splice(0)
    await distances.round(signal)
    expect(distances.rttMs('far')).toBeUndefined()
    expect(distances.distanceMs('far')! / 90).toBeCloseTo(1, 1)
  })
})

describe('the own coordinate', () => {
  it('rides on the next proof of life, once each time that it is told, and no more often than loads may', () => {
    const { incarnation, sequence: _sequence, refreshMs: _refreshMs, leaving: _leaving, ...self } = announcementOf('m')
    const members = new Members({ self, incarnation, nowMs: 0, random: () => 0.5, seed: () => new Uint8Array(16), settings })
    const announced: Array<WireCoordinate | undefined> = []
    const run = (untilMs: number): void => {
      for (let nowMs = members.nextDeadline(); nowMs <= untilMs; nowMs = members.nextDeadline()) {
        const { announce } = members.tick(nowMs)
        if (announce === undefined) continue
        announced.push(announce.coordinate)
        members.keepOwn(unsigned(announce), nowMs)
      }
    }
    run(10_000)
    expect(announced).toEqual([undefined])
    const [list, revision] = [members.live(), members.revision]
    for (const x of [1, 2, 3]) members.announce({ coordinate: at(x) }, 10_000)
    expect([members.revision, members.live(), list[0]!.coordinate]).toEqual([revision, list, at(3)])
    run(60_000)
    expect(announced).toEqual([undefined, at(3)])
    for (let nowMs = 60_000; nowMs < 120_000; nowMs += 100) {
      members.announce({ coordinate: at(nowMs / 1_000) }, nowMs)
      run(nowMs)
    }
    expect(announced.length).toBeLessThanOrEqual(2 + 60_000 / settings.refreshMs + 1)
  })
})
