import { describe, expect, it } from 'vitest'
import { Engine, engineDefaults, exactMs, StandstillError, type Actor } from '../../../netsim/world/engine.ts'

describe('the engine', () => {
  it('shows each event its own time and stops after the last one that is due', () => {
    const engine = new Engine()
    const seen: number[] = []
    for (const atMs of [30, 10, 20, 20.5]) engine.at(atMs, () => { seen.push(engine.nowMs) })
    engine.run(20)
    expect(seen).toEqual([10, 20])
    expect(engine.nowMs).toBe(20)
    engine.run(100)
    expect(seen).toEqual([10, 20, 20.5, 30])
    expect(engine.nowMs).toBe(100)
  })

  it('runs at once, after what is already due, what is set for the past', () => {
    const engine = new Engine()
    const seen: string[] = []
    engine.at(10, () => {
      engine.at(3, () => { seen.push(`late at ${engine.nowMs}`) })
      seen.push('first')
    })
    engine.at(10, () => { seen.push('second') })
    engine.run(10)
    expect(seen).toEqual(['first', 'second', 'late at 10'])
  })

  it('does not run what was cancelled', () => {
    const engine = new Engine()
    let runs = 0
    const id = engine.after(5, () => { runs++ })
    expect(engine.cancel(id)).toBe(true)
    engine.run(10)
    expect(runs).toBe(0)
    expect(engine.cancel(id)).toBe(false)
  })

  it('adds times without error', () => {
    const tenth = exactMs(0.1)
    let sum = 0
    for (let times = 0; times < 100_000; times++) sum += tenth
    expect(sum).toBe(100_000 * tenth)
    expect(tenth - 0.1).toBeLessThan(1 / 1_024)
  })

  it('skips to a time only when nothing else is due before or at it', () => {
    const engine = new Engine()
    engine.at(1, () => {
      expect(engine.skipTo(4)).toBe(true)
      expect(engine.nowMs).toBe(4)
      expect(engine.skipTo(5)).toBe(false)
    })
    engine.at(5, () => { expect(engine.skipTo(11)).toBe(false) })
    engine.run(10)
    expect(engine.events).toBe(3)
  })

  it('ends a run in which time stands still, and names the event', () => {
    class Clock implements Actor {
      readonly name = 'edge-0007'
      onEvent (kind: number, a: number): void { engine.post(engine.nowMs, this, kind, a, 0) }
    }
    const engine = new Engine()
    engine.post(5, new Clock(), 3, 42, 0)
    expect(() => { engine.run(10) }).toThrow(new StandstillError('time stands still at 5 ms: more than 100000 events are due then; the last is an event of Clock edge-0007 (kind 3, a 42, b 0)'))
    const other = new Engine()
    const askAgain = (): void => { other.after(0, askAgain) }
    other.at(0, askAgain)
    expect(() => { other.run(10) }).toThrow(/time stands still at 0 ms: .* a callback: \(\) => \{ other\.after\(0, askAgain\)/)
  })

  it('lets as many events happen at one instant as it may, over and over', () => {
    const engine = new Engine()
    for (const atMs of [0, 1, 2]) for (let count = 0; count < engineDefaults.eventsPerInstantMax; count++) engine.at(atMs, () => {})
    engine.run(2)
    expect(engine.events).toBe(3 * engineDefaults.eventsPerInstantMax)
  })

  it('refuses a time that would order nothing', () => {
    const engine = new Engine()
    expect(() => engine.at(NaN, () => {})).toThrow(RangeError)
    expect(() => engine.at(Infinity, () => {})).toThrow(RangeError)
  })

  it('has the same trace for the same events, and another for any other time, order or note', () => {
    const hash = (timesMs: readonly number[], value = 1, notedMs?: number): string => {
      const engine = new Engine()
      const kind = engine.trace.kind('seen')
      for (const [at, timeMs] of timesMs.entries()) engine.post(timeMs, { onEvent: (_kind, a) => { engine.trace.note(notedMs ?? engine.nowMs, kind, a, value) } }, 1, at, 0)
      engine.run(1_000)
      return engine.trace.hash()
    }
    const hashes = [hash([1, 2, 3]), hash([2, 1, 3]), hash([1, 2, 3.5]), hash([1, 2]), hash([1, 2, 3], 2), hash([1, 2, 3], 1 + 2 ** -40), hash([1, 2, 3], 1, 7)]
    expect(new Set(hashes).size).toBe(hashes.length)
    expect(hash([1, 2, 3])).toBe(hashes[0])
    expect(hashes[0]).toMatch(/^[0-9a-f]{16}$/)
  })
})
