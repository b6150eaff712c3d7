/** Merging of scopes and of edits made while cut off, for any writes in any order. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { documentOf, leavesOf, type JsonMap } from '../../../protocols/config/canonical.ts'
import { composeLayers, conflictsOf, documentOfLayer, layerEntries, layerSchema, mergeLayers, writeDocument, type Layer, type Write } from '../../../protocols/config/merge.ts'
import { compareVectors, type Vector } from '../../../protocols/config/token.ts'

const paths = ['flags/a', 'flags/b', 'sites/shop/ttl/default', 'sites/shop/hosts', 'ring/weights/fra-1']
const groups = ['global', 'fra', 'par', 'fra@2']
const vector: fc.Arbitrary<Vector> = fc.dictionary(fc.constantFrom(...groups), fc.integer({ min: 1, max: 3 }), { maxKeys: 3 }).map((counters) => ({ ...counters }))
const write: fc.Arbitrary<Write> = fc.record({
  value: fc.option(fc.oneof(fc.integer({ min: 0, max: 2 }), fc.constant(['a'])), { nil: undefined }),
  vector,
  priority: fc.constantFrom(10, 20),
  source: fc.constantFrom('fra', 'global', 'par'),
  author: fc.constantFrom('ann', 'bob'),
  wallMs: fc.integer({ min: 0, max: 2 })
})
/** As `layerSchema` makes them of anything: each path's writes did not know of each other. */
const layer: fc.Arbitrary<Layer> = fc.array(fc.tuple(fc.constantFrom(...paths), fc.array(write, { minLength: 1, maxLength: 4 })), { maxLength: 5 })
  .map((pairs) => layerSchema.parse([...new Map(pairs)]))

const text = (each: Layer): string => JSON.stringify(layerEntries(each))

describe('merging layers', () => {
  it('is commutative, associative and idempotent', () => {
    fc.assert(fc.property(layer, layer, layer, (a, b, c) => {
      expect(text(mergeLayers(a, b))).toBe(text(mergeLayers(b, a)))
      expect(text(mergeLayers(mergeLayers(a, b), c))).toBe(text(mergeLayers(a, mergeLayers(b, c))))
      expect(text(mergeLayers(a, a))).toBe(text(a))
      expect(text(mergeLayers(mergeLayers(a, b), b))).toBe(text(mergeLayers(a, b)))
    }), { numRuns: 500 })
  })

  it('loses nothing: each write is there, or another had seen it', () => {
    fc.assert(fc.property(layer, layer, (a, b) => {
      const merged = mergeLayers(a, b)
      for (const [path, writes] of [...a, ...b]) {
        for (const each of writes) {
          const kept = merged.get(path)!
          const there = kept.some((other) => JSON.stringify(other) === JSON.stringify(each))
          expect(there || kept.some((other) => compareVectors(each.vector, other.vector) === 'before')).toBe(true)
        }
      }
    }))
  })

  it('shows each value that lost as a conflict, and the one of higher priority, then of the first region, counts', () => {
    fc.assert(fc.property(layer, layer, (a, b) => {
      const merged = mergeLayers(a, b)
      const document = leavesOf(documentOfLayer(merged))
      const conflicts = new Map(conflictsOf(merged).map((conflict) => [conflict.path, conflict]))
      for (const [path, writes] of merged) {
        const [best] = writes.toSorted((x, y) => y.priority - x.priority || (x.source < y.source ? -1 : x.source > y.source ? 1 : 0))
        expect([best!.priority, best!.source]).toEqual([writes[0]!.priority, writes[0]!.source])
        expect(document.get(path)).toEqual(writes[0]!.value)
        const shown = [writes[0]!, ...conflicts.get(path)?.losers ?? []].map(({ value }) => JSON.stringify(value))
        expect(new Set(shown)).toEqual(new Set(writes.map(({ value }) => JSON.stringify(value))))
      }
    }))
  })
})

describe('writing a document', () => {
  const document: fc.Arbitrary<JsonMap> = fc.dictionary(fc.constantFrom(...paths), fc.integer({ min: 0, max: 3 }), { maxKeys: 5 }).map((leaves) => documentOf(Object.entries(leaves)))
  const stamp = { vector: { global: 9 }, priority: 10, source: 'global', author: 'ann', wallMs: 9 }

  it('makes the layer say that document, and wins against all that stood in the layer', () => {
    fc.assert(fc.property(layer, document, (before, wanted) => {
      const after = writeDocument(before, wanted, stamp)
      expect(documentOfLayer(after)).toEqual(wanted)
      expect(text(mergeLayers(before, after))).toBe(text(after))
    }))
  })

  it('leaves what it does not change as it was, conflicts too', () => {
    fc.assert(fc.property(layer, (before) => {
      expect(text(writeDocument(before, documentOfLayer(before), stamp))).toBe(text(before))
      const settled = writeDocument(before, documentOfLayer(before), stamp, paths)
      expect(conflictsOf(settled)).toEqual([])
      expect(documentOfLayer(settled)).toEqual(documentOfLayer(before))
    }))
  })
})

describe('a region that has not switched', () => {
  it('keeps to its version in all that is region-wide, and runs the new one in the rest', () => {
    fc.assert(fc.property(layer, layer, (own, wide) => {
      const composed = composeLayers(own, wide)
      for (const path of ['ring/weights/fra-1', 'sites/shop/hosts']) expect(composed.get(path)).toBe(wide.get(path))
      for (const path of ['flags/a', 'flags/b']) expect(composed.get(path)).toBe(own.get(path))
      expect(composeLayers(own, own)).toEqual(own)
    }))
  })
})
