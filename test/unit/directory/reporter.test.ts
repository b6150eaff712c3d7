/** Walks of the holdings with changes in their midst: what owners have been told in the end. */
import { describe, expect, it } from 'vitest'
import { Reporter, type OwnerView } from '../../../protocols/directory/reporter.ts'
import { directoryDefaults } from '../../../protocols/directory/settings.ts'
import { contentKey, type ContentKey } from '../../../protocols/ids.ts'

const keys = Array.from({ length: 10 }, (_, index) => contentKey('site', `/${index}`))

interface Told {
  readonly reporter: Reporter
  readonly holdings: Set<ContentKey>
  /** What each owner knows. */
  readonly owners: Map<string, Set<ContentKey>>
  /** Steps, and answers every report at once. */
  run: (untilMs: number) => void
  nowMs: number
}

/** A holder of all keys, one key a slice. */
function holder (ring: OwnerView): Told {
  const holdings = new Set(keys)
  const settings = { ...directoryDefaults, walkKeysPerSlice: 1 }
  const reporter = new Reporter({ self: 'self', settings, random: () => 0.5, held: () => holdings, holds: (key) => holdings.has(key) })
  const told: Told = {
    reporter, holdings, nowMs: 0,
    owners: new Map([['a', new Set()], ['b', new Set()], ['c', new Set()]]),
    run: (untilMs) => {
      for (; told.nowMs < untilMs; told.nowMs = Math.max(told.nowMs, Math.min(untilMs, reporter.nextDeadline()))) {
        reporter.step(told.nowMs)
        for (const [lane, report] of reporter.reports(told.nowMs)) {
          const known = told.owners.get(lane.peer)!
          for (const key of report.added) known.add(key)
          for (const key of report.dropped) known.delete(key)
          lane.answered(report, { kind: 'ok', count: known.size }, told.nowMs)
        }
      }
    }
  }
  reporter.membersChanged(['self', 'a', 'b', 'c'], 0)
  reporter.ringChanged(ring, 0)
  told.run(1_000)
  return told
}

function ownedBy (peer: string): OwnerView { return { owner: () => peer } }

describe('a walk of the holdings', () => {
  it.each([['before', 9], ['after', 0]])('tells both owners of a key that is dropped %s it was passed', (_when, index) => {
    const { reporter, holdings, owners, run } = holder(ownedBy('a'))
    expect([...owners.get('a')!]).toEqual(keys)
    reporter.ringChanged(ownedBy('b'), 1_000)
    for (let slice = 0; slice < 5; slice++) reporter.step(1_500)
    holdings.delete(keys[index]!)
    reporter.changed(keys[index]!, 1_500)
    run(3_000)
    expect(owners.get('a')!.has(keys[index]!)).toBe(false)
    expect(owners.get('a')!.size).toBe(9)
    expect([...owners.get('b')!]).toEqual([...holdings])
    run(1_500 + directoryDefaults.formerKeepMs + 2_000)
    expect(owners.get('a')!.size).toBe(0)
  })

  it('goes on for the ring that it began with, and then for the newest one', () => {
    const { reporter, owners, run } = holder(ownedBy('a'))
    reporter.ringChanged(ownedBy('b'), 1_000)
    for (let slice = 0; slice < 5; slice++) reporter.step(1_500)
    reporter.ringChanged({ owner: () => undefined }, 1_500)
    reporter.ringChanged(ownedBy('c'), 1_500)
    run(4_000)
    expect([...owners.get('c')!]).toEqual(keys)
    run(4_000 + directoryDefaults.formerKeepMs)
    expect([owners.get('a')!.size, owners.get('b')!.size, owners.get('c')!.size]).toEqual([0, 0, 10])
  })

  it('tells a previous owner nothing when the key came back to it meanwhile', () => {
    const { reporter, owners, run } = holder(ownedBy('a'))
    reporter.ringChanged(ownedBy('b'), 1_000)
    run(3_000)
    reporter.ringChanged(ownedBy('a'), 3_000)
    run(3_000 + 2 * directoryDefaults.formerKeepMs)
    expect([...owners.get('a')!]).toEqual(keys)
    expect(owners.get('b')!.size).toBe(0)
  })
})
