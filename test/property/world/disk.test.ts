import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Disk } from '../../../netsim/world/disk.ts'
import { Engine } from '../../../netsim/world/engine.ts'
import { Random } from '../../../netsim/random.ts'

type Step =
  | { readonly kind: 'write', readonly key: number, readonly value: number }
  | { readonly kind: 'delete', readonly key: number, readonly value: number }
  | { readonly kind: 'sync' }
  | { readonly kind: 'wait', readonly ms: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constantFrom('write' as const, 'delete' as const), key: fc.nat(5), value: fc.nat(99) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'sync' as const }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(5) }) }
)

/** What the disk held after each write, and which of these states was synced last. */
function play (steps: readonly Step[], unsyncedMax: number): { disk: Disk<number>, states: string[], synced: () => number } {
  const engine = new Engine()
  const disk = new Disk<number>({ after: (delayMs, callback) => engine.after(delayMs, callback), settings: { syncMs: 3, unsyncedMax } })
  const states = [contents(disk)]
  let synced = 0
  for (const each of steps) {
    if (each.kind === 'write') disk.write(each.key, each.value)
    else if (each.kind === 'delete') disk.delete(each.key)
    else if (each.kind === 'sync') {
      const upTo = states.length - 1
      disk.sync(() => { synced = upTo })
    } else if (each.kind === 'wait') engine.run(engine.nowMs + each.ms)
    if (each.kind === 'write' || each.kind === 'delete') states.push(contents(disk))
  }
  return { disk, states, synced: () => synced }
}

function contents (disk: Disk<number>): string {
  return JSON.stringify([...disk.entries()].toSorted(([a], [b]) => Number(a) - Number(b)))
}

describe('a disk that crashes', () => {
  it('holds what it held at some moment after the last completed sync', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, seed) => {
      const { disk, states, synced } = play(steps, 1_000)
      disk.crash(new Random(seed))
      expect(states.slice(synced())).toContain(contents(disk))
      expect(disk.unsynced).toBe(0)
    }))
  })

  it('loses anything from nothing to all of the unsynced tail', () => {
    const kept = new Set(Array.from({ length: 200 }, (_, seed) => {
      const { disk } = play([{ kind: 'write', key: 0, value: 0 }, { kind: 'sync' }, { kind: 'wait', ms: 5 }, ...[1, 2, 3].map((key) => ({ kind: 'write' as const, key, value: key }))], 1_000)
      disk.crash(new Random(seed))
      return disk.size
    }))
    expect([...kept].toSorted()).toEqual([1, 2, 3, 4])
  })

  it('may lose what was written while a sync was under way', () => {
    const kept = new Set(Array.from({ length: 50 }, (_, seed) => {
      const { disk } = play([{ kind: 'sync' }, { kind: 'write', key: 0, value: 0 }, { kind: 'wait', ms: 5 }], 1_000)
      disk.crash(new Random(seed))
      return disk.size
    }))
    expect([...kept].toSorted()).toEqual([0, 1])
  })

  it('loses no more writes than the operating system holds back', () => {
    for (let seed = 0; seed < 50; seed++) {
      const { disk } = play(Array.from({ length: 100 }, (_, key) => ({ kind: 'write', key, value: key })), 4)
      disk.crash(new Random(seed))
      expect(disk.size).toBeGreaterThan(100 - 8)
    }
  })

  it('loses nothing when it was settled', () => {
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), fc.integer(), (steps, seed) => {
      const { disk } = play(steps, 1_000)
      const before = contents(disk)
      disk.settle()
      disk.crash(new Random(seed))
      expect(contents(disk)).toBe(before)
    }))
  })
})
