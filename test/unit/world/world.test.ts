import { describe, expect, it } from 'vitest'
import { World, type Colony, type CreateColony, type WorldResult } from '../../../netsim/world/world.ts'
import type { Scenario } from '../../../netsim/world/scenario.ts'
import type { Note } from '../../../netsim/world/trace.ts'

const sizes = { edges: 6, cities: 3, objects: 10, requests: 0, hours: 0.5 }
const scenario: Scenario = { name: 'pings', summary: '', sizes, faults: [{ kind: 'crash', times: 5, from: 0.1, to: 0.9, lastsMs: [1_000, 60_000] }] }

/** Every edge pings another one by chance each second. */
function pings (world: World, onPing: (from: number, to: number) => void = () => {}): Colony {
  let requests = 0
  const heard = world.trace.kind('heard')
  return {
    hosts: world.machines.map((machine) => ({
      start: () => { machine.post(1_000, 1, 0) },
      crash: () => {},
      onTimer: () => {
        world.network.send(machine.index, Math.floor(machine.random() * world.sizes.edges), 'ping', 100)
        machine.post(machine.nowMs() + 1_000, 1, 0)
      },
      receive: (from) => {
        requests++
        world.note(heard, machine.index, from)
        onPing(from, machine.index)
      }
    })),
    start: () => {},
    counters: () => ({ requests, extra: 7 })
  }
}

function play (seed: number, createColony: CreateColony = pings, onNote?: Note): WorldResult {
  return new World({ seed, scenario, sizes, createColony, ...onNote && { onNote } }).run()
}

describe('a world', () => {
  it('runs to its end and says what it was', () => {
    const result = play(1)
    expect(result).toMatchObject({ seed: 1, scenario: 'pings', edges: 6, cities: 3, objects: 10, violations: [], simulatedMs: 1_800_000, faults: 5 })
    expect(result.requests).toBeGreaterThan(9_000)
    expect(result.counters.extra).toBe(7)
    expect(result.counters.messages).toBeGreaterThanOrEqual(result.requests)
  })

  it('has the same trace for the same seed and another for another, with and without a listener', () => {
    const lines: string[] = []
    const hash = play(1).traceHash
    expect(play(1, pings, (timeMs, kind, subject, value) => { lines.push(`${timeMs} ${kind} ${subject} ${value}`) }).traceHash).toBe(hash)
    expect(play(2).traceHash).not.toBe(hash)
    expect(lines.length).toBeGreaterThan(9_000)
    expect(lines.filter((line) => line.includes(' fault '))).toHaveLength(10)
  })

  it('ends at the first violation and says when and what', () => {
    let after = 0
    const result = play(1, (world) => pings(world, () => {
      if (world.engine.nowMs > 100_000) after++
      if (world.engine.nowMs > 100_000) world.fail('no-pings', 'a ping came')
    }))
    expect(result.violations).toMatchObject([{ checker: 'no-pings', sentence: 'a ping came' }])
    expect(result.violations[0]!.atMs).toBe(result.simulatedMs)
    expect(result.simulatedMs).toBeLessThan(102_000)
    expect(after).toBe(1)
  })

  it('lets a checker object at the very end', () => {
    const result = play(1, (world) => {
      world.watch({ name: 'end', onEnd: () => { world.fail('end', 'too late') } })
      return pings(world)
    })
    expect(result.violations).toMatchObject([{ checker: 'end', atMs: 1_800_000 }])
  })

  it('does not take a fault of its own for a finding', () => {
    expect(() => play(1, (world) => pings(world, () => { throw new TypeError('a bug') }))).toThrow('a bug')
  })
})
