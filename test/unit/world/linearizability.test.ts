/** Histories whose verdict is known, of one value that is written and read. */
import { describe, expect, it } from 'vitest'
import { unexplained } from '../../../netsim/linearizability.ts'
import { operationsOf, settingModel, type SettingOperation } from '../../../netsim/world/checkers/raft/linearizable.ts'
import type { SettingRequest } from '../../../netsim/world/workload/setting-request.ts'

type Line = readonly [invokedAt: number, returnedAt: number, kind: 'set' | 'swap' | 'read', value: string, expected?: string]

/** Of a read `value` is what it saw. */
function history (...lines: readonly Line[]): SettingOperation[] {
  return lines.map(([invokedAt, returnedAt, kind, value, expected]) => ({
    invokedAt, returnedAt, kind, expected, value: kind === 'read' ? '' : value, seen: kind === 'read' ? value : undefined
  }))
}

const explained: Record<string, SettingOperation[]> = {
  'of nothing at all': [],
  'of reads of what was never set': history([0, 1, 'read', ''], [2, 3, 'read', '']),
  'of a read that sees a write under way': history([0, 5, 'set', 'a'], [1, 2, 'read', 'a'], [3, 4, 'read', 'a']),
  'of two writes at once, seen in either order': history([0, 9, 'set', 'a'], [1, 8, 'set', 'b'], [2, 3, 'read', 'b'], [4, 5, 'read', 'a'], [10, 11, 'read', 'a']),
  'of a write without an outcome that is seen much later': history([0, Infinity, 'set', 'a'], [1, 2, 'set', 'b'], [3, 4, 'read', 'b'], [5, 6, 'read', 'a']),
  'of a write without an outcome that is never seen': history([0, Infinity, 'set', 'a'], [1, 2, 'set', 'b'], [3, 4, 'read', 'b']),
  'of a swap that found what it expected': history([0, 1, 'set', 'a'], [2, 3, 'swap', 'b', 'a'], [4, 5, 'read', 'b']),
  'of a swap that found something else': history([0, 1, 'set', 'a'], [2, 3, 'swap', 'b', 'x'], [4, 5, 'read', 'a'])
}

const unexplainable: Record<string, { readonly operations: SettingOperation[], readonly at: number }> = {
  'of a read of what was overwritten before it began': { operations: history([0, 1, 'set', 'a'], [2, 3, 'set', 'b'], [4, 5, 'read', 'a']), at: 4 },
  'of a read that goes back behind another': { operations: history([0, 9, 'set', 'a'], [1, 2, 'read', 'a'], [3, 4, 'read', '']), at: 3 },
  'of a read of what nobody wrote': { operations: history([0, 1, 'read', 'a']), at: 0 },
  'of a read of what is set only afterwards': { operations: history([0, 1, 'read', 'a'], [2, 3, 'set', 'a']), at: 0 },
  'of a write without an outcome that comes and goes': { operations: history([0, Infinity, 'set', 'a'], [1, 2, 'read', 'a'], [3, 4, 'read', ''], [5, 6, 'read', 'a']), at: 3 },
  'of two swaps that both found the same': { operations: history([0, 1, 'set', 'a'], [2, 5, 'swap', 'b', 'a'], [3, 6, 'swap', 'c', 'a'], [7, 8, 'read', 'b'], [9, 10, 'read', 'c']), at: 9 }
}

describe('a history', () => {
  it.each(Object.keys(explained))('%s is linearisable', (name) => {
    expect(unexplained(settingModel, explained[name]!)).toBeUndefined()
  })

  it.each(Object.keys(unexplainable))('%s is not, and the operation is named', (name) => {
    const { operations, at } = unexplainable[name]!
    expect(unexplained(settingModel, operations)?.invokedAt).toBe(at)
  })

  it('of a thousand operations, five at a time, is searched at once', () => {
    const operations = history(...Array.from({ length: 1_000 }, (_, at): Line => [2 * at, 2 * at + 9, 'set', `v${at}`]))
    expect(unexplained(settingModel, operations)).toBeUndefined()
  })
})

describe('requests as operations', () => {
  const request = (change: Partial<SettingRequest>): SettingRequest => ({
    region: 'r', edge: 0, key: 'k', kind: 'set', expected: undefined, value: 'a', lease: false, askedAt: 0, answeredAt: 1, outcome: 'done', seen: undefined, index: 1, ...change
  })

  it('leave out what failed, and writes without an outcome that nobody saw', () => {
    expect(operationsOf([request({ outcome: 'failed' }), request({ outcome: 'unknown', answeredAt: Infinity }), request({ kind: 'read', outcome: 'failed' })])).toEqual([])
  })

  it('end a write without an outcome with the first that saw it', () => {
    const unknown = request({ outcome: 'unknown', answeredAt: Infinity })
    const reads = [7, 5].map((answeredAt) => request({ kind: 'read', value: '', seen: 'a', askedAt: answeredAt - 1, answeredAt }))
    expect(operationsOf([unknown, ...reads])[0]).toMatchObject({ invokedAt: 0, returnedAt: 5.5 })
  })
})
