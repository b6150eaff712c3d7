import { describe, expect, it } from 'vitest'
import { decodeCoordinate, dimensions, encodeCoordinate, errorMin, estimateMs, reachMaxMs } from '../../../protocols/coordinates/coordinate.ts'
import { nowhere } from '../../../protocols/coordinates/vivaldi.ts'
import { encodeHead } from '../../../protocols/wire.ts'

const somewhere = { position: [12.34, -56.78, 0], heightMs: 1.5, error: 0.12 }

describe('a coordinate', () => {
  it('is far from another by the way between them and both heights', () => {
    const other = { position: [12.34, -52.78, 3], heightMs: 0.5, error: 1 }
    expect(estimateMs(somewhere, other)).toBeCloseTo(5 + 2, 9)
    expect(estimateMs(somewhere, other)).toBe(estimateMs(other, somewhere))
  })

  it('comes back as it was sent, in at most 20 bytes', () => {
    for (const each of [somewhere, nowhere]) expect(decodeCoordinate(encodeCoordinate(each))).toEqual(each)
    const widest = encodeCoordinate({ position: [reachMaxMs, -reachMaxMs, reachMaxMs], heightMs: 99, error: 0.5 })
    expect(encodeHead({ c: widest }).byteLength - encodeHead({ c: 0 }).byteLength).toBeLessThanOrEqual(22)
    expect(encodeHead({ c: encodeCoordinate(somewhere) }).byteLength - encodeHead({ c: 0 }).byteLength).toBeLessThanOrEqual(16)
  })

  const wire = encodeCoordinate(somewhere)
  it.each([
    ['nothing', undefined], ['a text', 'here'], ['a map', { position: wire }], ['too few numbers', wire.slice(1)], ['another number of dimensions', [...wire, 0]],
    ['a fraction', wire.with(0, 0.5)], ['no number', wire.with(1, Number.NaN)], ['an endless one', wire.with(0, Infinity)], ['a text in it', wire.with(2, '0' as unknown as number)],
    ['a place off the planet', wire.with(0, -100 * reachMaxMs - 1)], ['a height below the ground', wire.with(dimensions, -1)], ['a height off the planet', wire.with(dimensions, 100 * reachMaxMs + 1)],
    ['less than no error', wire.with(dimensions + 1, -1)], ['more error than there is', wire.with(dimensions + 1, 151)]
  ])('is none where a peer sent %s', (_what, value) => {
    expect(decodeCoordinate(value)).toBeUndefined()
  })

  it('is never believed to be without error', () => {
    expect(decodeCoordinate(wire.with(dimensions + 1, 0))?.error).toBe(errorMin)
  })
})
