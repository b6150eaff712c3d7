/** Vectors of purges: an order by what they cover, bounded whatever comes, and nothing believed that was not written that way. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PurgeId } from '../../../protocols/purge/purge.ts'
import { covers, decodeVector, encodeVector, has, lacks, merge, Progress, vectorHash } from '../../../protocols/purge/vector.ts'

const bounds = { livesMax: 100, beyondMax: 64 }
/** Few and small, so that they meet. */
const id: fc.Arbitrary<PurgeId> = fc.record({ peer: fc.constantFrom('a', 'b', 'c'), incarnation: fc.integer({ min: 1, max: 3 }), sequence: fc.integer({ min: 1, max: 8 }) })
const ids = fc.array(id, { maxLength: 40 })

function progressOf (given: readonly PurgeId[], limits = bounds): Progress {
  const progress = new Progress(limits)
  for (const each of given) progress.add(each)
  return progress
}

const text = ({ peer, incarnation, sequence }: PurgeId): string => `${peer} ${incarnation} ${sequence}`
const everyId: PurgeId[] = ['a', 'b', 'c'].flatMap((peer) => [1, 2, 3].flatMap((incarnation) => [1, 2, 3, 4, 5, 6, 7, 8].map((sequence) => ({ peer, incarnation, sequence }))))

describe('a purge vector', () => {
  it('holds exactly the ids that came, in whatever order and however often', () => {
    fc.assert(fc.property(ids, fc.infiniteStream(fc.nat()), (given, order) => {
      const shuffled = given.map((each) => ({ each, place: order.next().value as number })).sort((one, other) => one.place - other.place).map(({ each }) => each)
      const vector = progressOf([...given, ...given]).vector()
      const held = new Set(given.map(text))
      for (const each of everyId) expect(has(vector, each)).toBe(held.has(text(each)))
      expect(vectorHash(progressOf(shuffled).vector())).toBe(vectorHash(vector))
    }))
  })

  it('covers another exactly when it holds all that the other holds, and lacks nothing else', () => {
    fc.assert(fc.property(ids, ids, (one, other) => {
      const [a, b] = [progressOf(one).vector(), progressOf(other).vector()]
      const missing = everyId.filter((each) => has(b, each) && !has(a, each))
      expect(covers(a, b)).toBe(missing.length === 0)
      expect(lacks(a, b).size === 0).toBe(missing.length === 0)
      expect(missing.every((each) => has(lacks(a, b), each))).toBe(true)
      const both = merge(a, b, bounds)
      for (const each of everyId) expect(has(both, each)).toBe(has(a, each) || has(b, each))
    }))
  })

  it('comes back from the wire as it went, and nothing comes back that would not have gone', () => {
    fc.assert(fc.property(ids, (given) => {
      const { vector } = { vector: progressOf(given).vector() }
      expect(decodeVector(encodeVector(vector), bounds)).toEqual(vector)
    }))
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      let vector
      try {
        vector = decodeVector(bytes, bounds)
      } catch (error) {
        expect(error).toMatchObject({ code: 'COLONY_WIRE' })
        return
      }
      expect(decodeVector(encodeVector(vector), bounds)).toEqual(vector)
    }))
    fc.assert(fc.property(ids.filter((given) => given.length > 0), fc.nat(), fc.integer({ min: 0, max: 255 }), (given, at, byte) => {
      const bytes = encodeVector(progressOf(given).vector())
      bytes[at % bytes.byteLength] = byte
      try {
        decodeVector(bytes, bounds)
      } catch (error) {
        expect(error).toMatchObject({ code: 'COLONY_WIRE' })
      }
    }))
  })

  it('stays within its bounds and never says that it holds what it was not given', () => {
    fc.assert(fc.property(ids, fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 4 }), (given, beyondMax, livesMax) => {
      const progress = progressOf(given, { beyondMax, livesMax })
      const vector = progress.vector()
      const marks = [...vector.values()].flat()
      expect(marks.length).toBeLessThanOrEqual(livesMax)
      for (const { beyond = [] } of marks) expect(beyond.length).toBeLessThanOrEqual(beyondMax)
      const held = new Set(given.map(text))
      for (const each of everyId) if (has(vector, each)) expect(held.has(text(each))).toBe(true)
    }))
  })

  it('is refused where it is out of order, too long, or has what cannot be out of turn', () => {
    const encode = (v: unknown): Uint8Array => encodeVector(new Map(v as [string, { incarnation: number, sequence: number, beyond: number[] }[]][]))
    const mark = (incarnation: number, sequence: number, beyond: number[] = []): object => ({ incarnation, sequence, beyond })
    const bad = [
      [['b', [mark(1, 1)]], ['a', [mark(1, 1)]]], [['a', []]],
      [['a', [mark(2, 1), mark(1, 1)]]], [['a', [mark(1, -1)]]], [['a', [mark(1, 1.5)]]],
      [['a', [mark(1, 3, [4])]]], [['a', [mark(1, 3, [9, 7])]]], [['a'.repeat(200), [mark(1, 1)]]],
      [['a', Array.from({ length: 101 }, (_, index) => mark(index, 1))]], [['a', [mark(1, 1, Array.from({ length: 65 }, (_, index) => index + 3))]]]
    ]
    for (const each of bad) expect(() => decodeVector(encode(each), bounds)).toThrow(/a peer sent a purge vector/)
  })
})
