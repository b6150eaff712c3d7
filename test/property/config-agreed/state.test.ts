/** The state of a configuration group, for any log: the same everywhere, whether from the log or from a snapshot. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { encodeCommand, type Command } from '../../../protocols/config/commands.ts'
import { documentOf, hashOf, leavesOf, type JsonMap } from '../../../protocols/config/canonical.ts'
import { documentOfLayer, writeDocument, type Layer } from '../../../protocols/config/merge.ts'
import { parsePlan, stepsOf } from '../../../protocols/config/rollout.ts'
import { ConfigState } from '../../../protocols/config/state.ts'
import type { Vector } from '../../../protocols/config/token.ts'

const document: fc.Arbitrary<JsonMap> = fc.dictionary(fc.constantFrom('flags/a', 'flags/b', 'sites/shop/ttl/default', 'ring/weights/a1'), fc.integer({ min: 1, max: 3 }), { maxKeys: 4 })
  .map((leaves) => documentOf(Object.entries(leaves)))
const version = fc.integer({ min: 0, max: 6 })
const edit = {
  id: fc.constantFrom('k1', 'k2', 'k3', 'k4', 'k5', 'k6'), digest: fc.constantFrom('d1', 'd2'), author: fc.constant('ann'), wallMs: fc.nat(9), reason: fc.constant('because'),
  priority: fc.constantFrom(10, 20), seen: fc.constantFrom<Vector>({}, { fra: 1 }), regionWide: fc.boolean(), bounds: fc.constant({}), moved: fc.constant(0), base: version,
  steps: fc.constantFrom('now', 'edge,all', 'region,all').chain((plan) => fc.boolean().map((wide) => stepsOf(parsePlan(plan), wide)))
}
const other: fc.Arbitrary<Layer> = document.map((each) => writeDocument(new Map(), each, { vector: { 'fra@2': 1 }, priority: 10, source: 'fra@2', author: 'bob', wallMs: 1 }))
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant('put' as const), ...edit, document }),
  fc.record({ kind: fc.constant('absorb' as const), ...edit, layer: other }),
  fc.record({ kind: fc.constant('step' as const), version, step: fc.nat(3), edges: fc.constantFrom([], ['a1']), regions: fc.constantFrom([], ['a']), wallMs: fc.nat(9) }),
  fc.record({ kind: fc.constant('finish' as const), version, step: fc.nat(3), wallMs: fc.nat(9) }),
  fc.record({ kind: fc.constant('abort' as const), version, reason: fc.constant('x'), author: fc.constant('ann'), wallMs: fc.nat(9) })
)
/** Half of the edits start from what is agreed, and most moves of a roll-out are the next one, or little would be done. */
const log = fc.array(fc.tuple(command, fc.boolean()), { maxLength: 40 })

function aimed (state: ConfigState, each: Command): Command {
  if (each.kind === 'put' || each.kind === 'absorb') return { ...each, base: state.base }
  const { version: number = 0, at = 0 } = state.rollout ?? {}
  if (each.kind === 'abort') return { ...each, version: number }
  return { ...each, version: number, step: each.kind === 'step' ? at + 1 : Math.max(0, at) }
}

describe('the state of a configuration group', () => {
  it('is the same from the log, from any snapshot and the rest, and from junk in between', () => {
    fc.assert(fc.property(log, fc.nat(40), fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 2 }), (entries, cut, junk) => {
      const one = new ConfigState('global')
      let two = new ConfigState('global')
      const all = entries.map(([each, aim]) => ({ each, aim }))
      let index = 0
      for (const [at, { each, aim }] of all.entries()) {
        const bytes = at === cut && junk[0] !== undefined ? junk[0] : encodeCommand(aim ? aimed(one, each) : each)
        if (at === cut) two = ConfigState.restore('global', two.snapshot())
        const entry = { index: ++index, term: 1, bytes }
        const answer = one.apply(entry)
        expect(two.apply(entry)).toEqual(answer)
        expect(one.apply(entry)).toBeUndefined()
      }
      expect(two.snapshot()).toEqual(one.snapshot())
    }), { numRuns: 200 })
  })

  it('holds together: versions rise, the good one is kept and is what its layer says, and one roll-out runs at a time', () => {
    fc.assert(fc.property(log, (entries) => {
      const state = new ConfigState('global')
      let head = 0
      let epoch = 0
      for (const [index, [each, aim]] of entries.entries()) {
        state.apply({ index: index + 1, term: 1, bytes: encodeCommand(aim ? aimed(state, each) : each) })
        expect(state.head - head).toBeGreaterThanOrEqual(0)
        expect(state.head - head).toBeLessThanOrEqual(1)
        head = state.head
        expect(state.epoch('a')).toBeGreaterThanOrEqual(epoch)
        epoch = state.epoch('a')
        if (state.base > 0) {
          expect(hashOf(documentOfLayer(state.layer()))).toBe(state.version(state.base)!.hash)
          expect(leavesOf(state.document())).toEqual(leavesOf(documentOfLayer(state.layer())))
        }
        const running = state.history().filter(({ outcome }) => outcome === 'rolling-out')
        expect(running.map(({ number }) => number)).toEqual(state.rollout === undefined ? [] : [state.rollout.version])
        const { version: wanted, regionWide } = state.desired({ peer: 'a1', region: 'a' })
        expect([state.layer(wanted), state.layer(regionWide)]).not.toContain(undefined)
      }
    }), { numRuns: 200 })
  })

  it('gives a repeated request its first answer', () => {
    fc.assert(fc.property(log, (entries) => {
      const state = new ConfigState('global')
      const given = new Map<string, unknown>()
      for (const [index, [each, aim]] of entries.entries()) {
        const asked = aim ? aimed(state, each) : each
        const answer = state.apply({ index: index + 1, term: 1, bytes: encodeCommand(asked) })
        if (asked.kind !== 'put' && asked.kind !== 'absorb') continue
        const key = `${asked.id} ${asked.digest}`
        if (given.has(key)) expect(answer).toEqual(given.get(key))
        else if ((answer as { why?: string }).why !== 'same-key') given.set(key, answer)
      }
    }), { numRuns: 200 })
  })
})
