import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../../../protocols/errors.ts'
import { Holdings } from '../../../protocols/filters/holdings.ts'
import { decodeFullRequest, decodeUpdate, updateHead, type Update } from '../../../protocols/filters/messages.ts'
import { Neighbours } from '../../../protocols/filters/neighbours.ts'
import { decodeHead, encodeHead } from '../../../protocols/wire.ts'
import { keysOf, settingsWith } from '../../unit/filters/support.ts'

const settings = settingsWith({ messageBytesMax: 2_000, filterBytesMax: 4_096, neighboursMax: 2, statedRateMax: 0.6 })
const bytes = fc.uint8Array({ maxLength: 300 })
const wild = fc.oneof(fc.maxSafeInteger(), fc.double(), bytes, fc.string(), fc.constant(null), fc.boolean(), fc.array(fc.nat(), { maxLength: 3 }))
/** Mostly what it should be, so that what is checked last is reached as well. */
const mostly = (arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> => fc.oneof({ weight: 25, arbitrary }, wild)
const head = fc.record({
  kind: mostly(fc.constantFrom('full', 'changes')),
  incarnation: mostly(fc.nat({ max: 2 })),
  generation: mostly(fc.nat({ max: 2 })),
  sequence: mostly(fc.nat({ max: 4 })),
  bucketBits: mostly(fc.oneof(fc.constant(4), fc.integer({ min: 4, max: 20 }))),
  printBits: mostly(fc.integer({ min: 4, max: 24 })),
  digest: mostly(fc.nat()),
  page: mostly(fc.nat({ max: 1 })),
  pages: mostly(fc.integer({ min: 1, max: 3 })),
  offset: mostly(fc.nat({ max: 100 })),
  bytes: mostly(bytes),
  still: mostly(fc.boolean()),
  changes: mostly(bytes)
}, { requiredKeys: ['kind', 'incarnation', 'generation', 'sequence', 'bucketBits', 'printBits', 'digest', 'page', 'pages'] })

/** A value, or a WireError; anything else fails the test. */
function attempt<T> (read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
    return undefined
  }
}

function expectBounded (neighbours: Neighbours): void {
  expect(neighbours.sizes().bytes).toBeLessThanOrEqual(2 * settings.neighboursMax * settings.filterBytesMax)
}

describe('what a peer may send in place of a filter', () => {
  it('is a WireError, or a message that makes no copy larger than may be', () => {
    let taken = 0
    fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), head), { maxLength: 8 }), (messages) => {
      const neighbours = new Neighbours(settings)
      for (const [peer, fields] of messages) {
        const update = attempt(() => decodeUpdate(decodeHead(encodeHead(fields))))
        attempt(() => decodeFullRequest(fields))
        if (update === undefined) continue
        if (neighbours.apply(peer, update) === 'applied') taken++
        expectBounded(neighbours)
      }
    }), { numRuns: 3_000 })
    expect(taken).toBeGreaterThan(0)
  })

  it('is a WireError or another message where one byte of a right one is turned', () => {
    const holdings = new Holdings({ self: 'a', incarnation: 1, settings })
    const heads: Uint8Array[] = []
    const tell = (): void => { for (const update of holdings.takeChanges()) heads.push(encodeHead(updateHead(update))) }
    for (const key of keysOf(0, 500)) holdings.add(key)
    tell()
    for (const key of keysOf(500, 20)) holdings.add(key)
    tell()
    expect(new Set(heads.map((each) => decodeHead(each).kind))).toEqual(new Set(['full', 'changes']))
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 6 }), (turns) => {
      const neighbours = new Neighbours(settings)
      for (const whole of heads) neighbours.apply('a', decodeUpdate(decodeHead(whole)))
      for (const [which, at, by] of turns) {
        const turned = Uint8Array.from(heads[which % heads.length]!)
        turned[at % turned.byteLength]! ^= by
        const update: Update | undefined = attempt(() => decodeUpdate(decodeHead(turned)))
        if (update !== undefined) neighbours.apply('a', update)
        expectBounded(neighbours)
      }
    }), { numRuns: 1_500 })
  })
})
