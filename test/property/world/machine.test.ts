import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Engine } from '../../../netsim/world/engine.ts'
import { Machine, type Host } from '../../../netsim/world/machine.ts'
import { Random } from '../../../netsim/random.ts'

const nothing: Host = { start: () => {}, crash: () => {}, receive: () => {} }

function machineOn (engine: Engine, { driftPpm = 0, skewMs = 0, host = nothing }: { driftPpm?: number, skewMs?: number, host?: Host } = {}): Machine {
  const machine = new Machine({ index: 0, name: 'one', engine, random: new Random(1), skewMs, driftPpm })
  machine.host = host
  machine.boot()
  return machine
}

/** Writes down the numbers that it receives. */
function listening (): { engine: Engine, machine: Machine, seen: unknown[] } {
  const engine = new Engine()
  const seen: unknown[] = []
  return { engine, seen, machine: machineOn(engine, { host: { ...nothing, receive: (_from, message) => { seen.push(message) } } }) }
}

describe('a machine', () => {
  it('wakes a core never before its deadline by its own clock, and at most a moment after it', () => {
    fc.assert(fc.property(fc.double({ min: -500, max: 500, noNaN: true }), fc.double({ min: 0, max: 1e9, noNaN: true }), fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { maxLength: 20 }), (driftPpm, bootMs, deadlines) => {
      const engine = new Engine()
      engine.run(bootMs)
      const woken: number[] = []
      const machine: Machine = machineOn(engine, { driftPpm, host: { ...nothing, onTimer: (_kind, at) => { woken[at] = machine.nowMs() } } })
      // A deadline that was a time of this clock is hit exactly by rounding, from either side.
      for (let ms = 1; ms < 1_000; ms += 7) deadlines.push(ms * (1 + driftPpm / 1e6))
      for (const [at, deadlineMs] of deadlines.entries()) machine.post(deadlineMs, 7, at)
      engine.run(bootMs + 2e6)
      for (const [at, deadlineMs] of deadlines.entries()) {
        expect(woken[at]).toBeGreaterThanOrEqual(deadlineMs)
        expect(woken[at]! - deadlineMs).toBeLessThan(0.01)
      }
    }))
  })

  it('wakes a core not before a deadline that lies so little behind a tick that late in a run the sum is rounded down to it', () => {
    const bootMs = 2 ** 30
    for (const driftPpm of [-250, -30, 7, 30, 100]) {
      const engine = new Engine()
      engine.run(bootMs)
      const rate = 1 + driftPpm / 1e6
      const woken: Array<readonly [deadlineMs: number, atMs: number]> = []
      const machine: Machine = machineOn(engine, { driftPpm, host: { ...nothing, onTimer: (_kind, _value, deadlineMs) => { woken.push([deadlineMs as number, machine.nowMs()]) } } })
      for (let tick = 1; tick <= 1_024; tick++) {
        const deadlineMs = (tick / 1_024 + 1e-8) * rate
        expect(bootMs + deadlineMs / rate).toBe(bootMs + tick / 1_024)
        machine.post(deadlineMs, 1, 0, deadlineMs)
      }
      engine.run(bootMs + 10)
      expect(woken).toHaveLength(1_024)
      for (const [deadlineMs, atMs] of woken) expect(atMs).toBeGreaterThanOrEqual(deadlineMs)
    }
  })

  it('hands a timer its kind, value and payload, and sets none for a core that waits for nothing', () => {
    const engine = new Engine()
    const seen: unknown[] = []
    const machine = machineOn(engine, { host: { ...nothing, onTimer: (...all) => { seen.push(all) } } })
    machine.post(1, 3, 4, 'five')
    machine.cancel(machine.post(1, 8, 8))
    expect(machine.cancel(machine.post(Infinity, 1, 1))).toBe(false)
    expect(engine.pending).toBe(1)
    engine.run(10)
    expect(seen).toEqual([[3, 4, 'five']])
  })

  it('drifts as it was told, counts from its start, and its wall clock jumps alone', () => {
    const engine = new Engine()
    engine.run(1_000)
    const machine = machineOn(engine, { driftPpm: 100, skewMs: 40 })
    const startMs = machine.wallMs()
    expect(machine.nowMs()).toBe(0)
    engine.run(1_001_000)
    expect(machine.nowMs()).toBeCloseTo(1_000_100, 3)
    expect(machine.wallMs() - startMs).toBeCloseTo(1_000_100, 3)
    machine.jump(-5_000)
    expect(machine.wallMs() - startMs).toBeCloseTo(995_100, 3)
    expect(machine.nowMs()).toBeCloseTo(1_000_100, 3)
  })

  it('forgets the timers of a process that ended, also when another one runs', () => {
    const engine = new Engine()
    const seen: string[] = []
    const machine = machineOn(engine, { host: { ...nothing, receive: (_from, message) => { seen.push(String(message)) } } })
    machine.after(10, () => { seen.push('first life') })
    engine.run(5)
    machine.crash()
    machine.deliver(0, 'nobody hears', 1)
    engine.run(6)
    machine.boot()
    expect(machine.nowMs()).toBe(0)
    machine.after(1, () => { seen.push('second life') })
    engine.run(100)
    expect(seen).toEqual(['second life'])
  })

  it('does, when it goes on after a pause, all that came meanwhile in its order', () => {
    const engine = new Engine()
    const seen: string[] = []
    const machine = machineOn(engine, { host: { ...nothing, receive: (_from, message) => { seen.push(`${String(message)} at ${engine.nowMs}`) } } })
    machine.after(10, () => { seen.push(`timer at ${engine.nowMs}`) })
    machine.pause()
    engine.at(5, () => { machine.deliver(1, 'before', 1) })
    engine.at(15, () => { machine.deliver(1, 'after', 1) })
    engine.at(100, () => { machine.resume() })
    engine.run(200)
    expect(seen).toEqual(['before at 100', 'timer at 100', 'after at 100'])
  })

  it('drops what a pause kept when the process is killed in it', () => {
    const engine = new Engine()
    const seen: unknown[] = []
    const machine = machineOn(engine, { host: { ...nothing, receive: (_from, message) => { seen.push(message) } } })
    machine.pause()
    machine.deliver(1, 'kept', 1)
    machine.crash()
    machine.boot()
    expect(machine.paused).toBe(false)
    machine.pause()
    machine.deliver(1, 'heard', 1)
    machine.resume()
    expect(seen).toEqual(['heard'])
  })

  it('does one thing after the other, late, while it is slow', () => {
    const engine = new Engine()
    const seen: Array<readonly [unknown, number]> = []
    const machine = machineOn(engine, { host: { ...nothing, receive: (_from, message) => { seen.push([message, engine.nowMs]) } } })
    machine.slowMs = 50
    for (let number = 0; number < 200; number++) machine.deliver(1, number, 1)
    engine.run(1e6)
    expect(seen.map(([number]) => number)).toEqual(Array.from({ length: 200 }, (_, number) => number))
    expect(seen.at(-1)![1] / 200).toBeGreaterThan(35)
    expect(seen.at(-1)![1] / 200).toBeLessThan(70)
  })

  it('does at once, and in its order, what still waits when it is slow no more', () => {
    const { engine, machine, seen } = listening()
    machine.slow(50)
    for (let number = 0; number < 200; number++) machine.deliver(1, number, 1)
    engine.run(1_000)
    const before = seen.length
    expect(before).toBeLessThan(60)
    machine.slow(-50)
    machine.deliver(1, 200, 1)
    expect(seen).toEqual(Array.from({ length: 201 }, (_, number) => number))
    // Slow again: turns that were planned the first time let nobody go first.
    machine.slow(50)
    for (let number = 201; number < 300; number++) machine.deliver(1, number, 1)
    engine.run(1_500)
    expect(seen.length).toBeLessThan(240)
    engine.run(1e6)
    expect(seen).toEqual(Array.from({ length: 300 }, (_, number) => number))
  })

  it('keeps the order of what it was slow with and what came in a pause, and is slow still after it', () => {
    const { engine, machine, seen } = listening()
    machine.slow(50)
    for (let number = 0; number < 100; number++) machine.deliver(1, number, 1)
    engine.run(500)
    machine.pause()
    const before = seen.length
    for (let number = 100; number < 200; number++) machine.deliver(1, number, 1)
    engine.run(60_000)
    expect(seen).toHaveLength(before)
    machine.resume()
    expect(seen).toHaveLength(before)
    engine.run(61_000)
    expect(seen.length - before).toBeGreaterThan(5)
    expect(seen.length - before).toBeLessThan(60)
    machine.pause()
    machine.slow(-50)
    expect(seen.length).toBeLessThan(200)
    machine.resume()
    expect(seen).toEqual(Array.from({ length: 200 }, (_, number) => number))
  })
})
