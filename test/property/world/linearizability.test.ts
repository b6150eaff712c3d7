/** The search agrees with one that tries every order, on histories of a few operations. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { unexplained } from '../../../netsim/linearizability.ts'
import { operationsOf, settingModel, type SettingOperation } from '../../../netsim/world/checkers/raft/linearizable.ts'
import type { SettingRequest } from '../../../netsim/world/workload/setting-request.ts'

/** By the definition: some order of all that returned, and of some that did not, is allowed and keeps the order of those that did not overlap. */
function hasOrder (state: string, left: readonly SettingOperation[]): boolean {
  if (left.every(({ returnedAt }) => returnedAt === Infinity)) return true
  return left.some((next) => {
    if (left.some(({ returnedAt }) => returnedAt < next.invokedAt)) return false
    const after = settingModel.step(state, next)
    return after !== undefined && hasOrder(after, left.filter((each) => each !== next))
  })
}

/** A few operations with their ends at different places of one order. */
const history = fc.array(fc.record({
  kind: fc.constantFrom('set', 'swap', 'read', 'read'),
  value: fc.constantFrom('a', 'b'),
  expected: fc.constantFrom('', 'a', 'b'),
  seen: fc.constantFrom(undefined, '', 'a', 'b'),
  isOpen: fc.constantFrom(false, false, false, true)
}), { minLength: 1, maxLength: 6 }).chain((drawn) => fc.shuffledSubarray(Array.from({ length: 2 * drawn.length }, (_, at) => at), { minLength: 2 * drawn.length }).map((places) =>
  drawn.map(({ kind, value, expected, seen, isOpen }, at): SettingOperation => {
    const [one, other] = [places[2 * at]!, places[2 * at + 1]!]
    const isUnknown = isOpen && kind !== 'read'
    return {
      invokedAt: Math.min(one, other), returnedAt: isUnknown ? Infinity : Math.max(one, other),
      kind: kind as SettingOperation['kind'], value: kind === 'read' ? '' : value, expected: kind === 'swap' ? expected : undefined,
      seen: isUnknown ? undefined : kind === 'read' ? seen ?? '' : seen
    }
  })))

describe('the search for an order', () => {
  it('finds one where there is one, and none where there is none', () => {
    let linearisable = 0
    fc.assert(fc.property(history, (operations) => {
      const expected = hasOrder('', operations)
      if (expected) linearisable++
      expect(unexplained(settingModel, operations) === undefined).toBe(expected)
    }), { numRuns: 1_500 })
    expect(linearisable).toBeGreaterThan(100)
    expect(linearisable).toBeLessThan(1_400)
  })

  it('comes to the same when writes that nobody saw are left out and those that were seen end with that', () => {
    fc.assert(fc.property(history, (operations) => {
      // No two writes set the same, as with the clients of a world.
      const unique = operations.map((operation, at) => operation.kind === 'read' ? operation : { ...operation, value: `${operation.value}${at}` })
      const seeable = unique.filter(({ kind }) => kind !== 'read').map(({ value }) => value)
      const requests = unique.map(({ invokedAt, returnedAt, seen, kind, ...rest }, at): SettingRequest => ({
        ...rest, kind, region: 'r', edge: 0, key: 'k', lease: false, index: 0, askedAt: invokedAt, answeredAt: returnedAt,
        outcome: returnedAt === Infinity ? 'unknown' : 'done',
        seen: seen === undefined || seen === '' ? seen : seeable[at % (seeable.length + 1)] ?? ''
      }))
      const plain = requests.map(({ askedAt, answeredAt, kind, expected, value, seen }) => ({ invokedAt: askedAt, returnedAt: answeredAt, kind, expected, value, seen }))
      expect(unexplained(settingModel, operationsOf(requests)) === undefined).toBe(hasOrder('', plain))
    }), { numRuns: 1_500 })
  })
})
