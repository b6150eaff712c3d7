/** The reporting to one owner, step by step. */
import { describe, expect, it } from 'vitest'
import { Lane, Phase } from '../../../protocols/directory/lane.ts'
import { directoryDefaults } from '../../../protocols/directory/settings.ts'
import { contentKey } from '../../../protocols/ids.ts'

const keys = Array.from({ length: 100 }, (_, index) => contentKey('site', `/${index}`))
const settings = { ...directoryDefaults, reportKeysMax: 10, queueKeysMax: 20 }

function lane (): Lane {
  let draw = 0
  return new Lane({ peer: 'owner', settings, random: () => (draw += 0.01), belongs: () => true })
}

/** Told everything, which was nothing. */
function liveLane (): Lane {
  const told = lane()
  told.beginFull(0)
  told.endFull()
  told.answered(told.next(0)!, { kind: 'ok', count: 0 }, 0)
  return told
}

describe('the reporting to an owner', () => {
  it('calls it complete with the last key of the walk, not before, and not later however much changes', () => {
    const told = lane()
    told.beginFull(0)
    for (const key of keys.slice(0, 30)) told.mark(key, 0)
    const reports = []
    for (let step = 0; step < 4; step++) {
      const report = told.next(1_000)!
      reports.push(report)
      told.answered(report, { kind: 'ok' }, 1_000)
      if (step === 0) told.endFull()
      // The first page goes while the walk is on.
      for (const key of keys.slice(10 * step + 30, 10 * step + 40)) told.mark(key, 0)
    }
    expect(reports.map(({ sequence, complete, added }) => [sequence, complete, added.length])).toEqual([[0, false, 10], [1, false, 10], [2, true, 10], [3, false, 10]])
    expect(told.phase).toBe(Phase.Live)
  })

  it('repeats a report as it was until it is answered, later each time, whatever changes meanwhile', () => {
    const told = liveLane()
    told.mark(keys[0]!, 0)
    expect(told.next(199)).toBeUndefined()
    const report = told.next(200)!
    told.mark(keys[1]!, 300)
    expect(told.next(10_000)).toBeUndefined()
    told.failed(report, 2_200)
    expect(told.next(2_300)).toBeUndefined()
    expect(told.next(2_700)).toBe(report)
    told.failed(report, 4_700)
    expect(told.next(5_200)).toBeUndefined()
    expect(told.next(5_700)).toBe(report)
    told.answered(report, { kind: 'ok' }, 5_700)
    expect(told.next(6_000)).toMatchObject({ sequence: report.sequence + 1, added: [keys[1]] })
  })

  it('does not take an answer to a session that it gave up for one to the next', () => {
    const told = liveLane()
    told.mark(keys[0]!, 0)
    const late = told.next(200)!
    told.beginFull(300)
    told.mark(keys[0]!, 300)
    const report = told.next(500)!
    expect(report).toMatchObject({ sequence: 0, added: [keys[0]] })
    expect(report.session).not.toBe(late.session)
    told.answered(late, { kind: 'ok', count: 1 }, 600)
    told.failed(late, 600)
    expect(told.next(20_000)).toBeUndefined()
    told.answered(report, { kind: 'again' }, 600)
    expect(told.phase).toBe(Phase.Waiting)
  })

  it('gives up an owner that is silent while too much changes, asks whether it is back, and then tells it everything', () => {
    const told = liveLane()
    for (const key of keys.slice(0, 20)) told.mark(key, 0)
    expect(told.full).toBe(true)
    told.failed(told.next(0)!, 2_000)
    expect(told.full).toBe(false)
    for (const key of keys) told.mark(key, 2_000)
    expect(told.phase).toBe(Phase.Waiting)
    const probe = told.next(10_000)!
    expect(probe).toMatchObject({ session: 0, added: [], dropped: [] })
    expect(told.answers).toBe(false)
    told.answered(probe, { kind: 'again' }, 10_000)
    expect([told.answers, told.phase, told.dueAtMs()]).toEqual([true, Phase.Waiting, Infinity])
  })
})
