/** What edges tell each other about a key: whatever an edge holds arrives, and nothing else gets through the decoder. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../../../protocols/errors.ts'
import { contentKey } from '../../../protocols/ids.ts'
import { bounded, decodeHoldings, decodeRequest, holdersMax, requestHead, Tier, variantsMax, type HeldVariant, type Holdings } from '../../../protocols/survey/messages.ts'
import { decodeFrame, encodeFrame, headBytesMax } from '../../../protocols/wire.ts'

const key = contentKey('default', '/a')
const hash = 'A'.repeat(43)

const held: HeldVariant = { variant: 'abc', vary: ['accept-encoding'], status: 200, ageMs: 1.5, ttlMs: -3, length: 10, tier: Tier.Disk, etag: 'W/"1"', hash }
const holdings: Holdings = { variants: [held], moreVariants: 0, fetching: 1, ring: 'ring-1', owner: true, directory: ['edge-2'] }

const carried = (head: object): ReturnType<typeof decodeFrame> => decodeFrame(encodeFrame(head))

const anyHeld = fc.record({
  variant: fc.stringMatching(/^[A-Za-z0-9_-]{0,22}$/),
  vary: fc.array(fc.stringMatching(/^[a-z-]{1,30}$/), { maxLength: 40, size: 'max' }),
  status: fc.integer({ min: 200, max: 599 }),
  ageMs: fc.double({ min: 0, max: 1e12, noNaN: true }),
  ttlMs: fc.double({ min: -1e12, max: 1e13, noNaN: true }),
  length: fc.option(fc.maxSafeNat(), { nil: undefined }),
  tier: fc.constantFrom(...Object.values(Tier)),
  etag: fc.option(fc.stringMatching(/^"[\x21-\x7e]{0,1000}"$/), { nil: undefined }),
  hash: fc.option(fc.constant(hash), { nil: undefined })
})

describe('the messages of a survey', () => {
  it('carry a key there and holdings back', () => {
    expect(decodeRequest(carried(requestHead(key)))).toBe(key)
    expect(decodeHoldings(carried(bounded(holdings)))).toEqual(holdings)
    expect(decodeHoldings(carried({ variants: [], unknown: 1 }))).toEqual({ variants: [], moreVariants: 0, fetching: 0, owner: false })
  })

  it('whatever an edge holds fits a frame, is accepted, and says what was left out', () => {
    const anyHoldings = fc.record({
      variants: fc.array(anyHeld, { maxLength: 3 * variantsMax, size: 'max' }), moreVariants: fc.nat(), fetching: fc.nat(), owner: fc.boolean(),
      directory: fc.array(fc.stringMatching(/^12D3KooW[A-Za-z0-9]{44}$/), { maxLength: 2 * holdersMax, size: 'max' })
    })
    fc.assert(fc.property(anyHoldings, (given) => {
      const frame = encodeFrame(bounded(given))
      expect(frame.byteLength).toBeLessThan(headBytesMax)
      const got = decodeHoldings(decodeFrame(frame))
      expect(got.variants.length).toBe(Math.min(given.variants.length, variantsMax))
      expect(got.moreVariants).toBe(Math.min(1_000_000, given.moreVariants + given.variants.length - got.variants.length))
      expect(got.variants.map(({ variant, ageMs, tier }) => [variant, ageMs, tier])).toEqual(given.variants.slice(0, variantsMax).map(({ variant, ageMs, tier }) => [variant, ageMs, tier]))
    }), { numRuns: 50 })
  })

  it.each<[string, object]>([
    ['too many variants', { variants: Array(variantsMax + 1).fill(held) }],
    ['variants that are no list', { variants: { length: 1 } }],
    ['a variant that is no map', { variants: ['x'] }],
    ['a tier that nobody knows', { variants: [{ ...held, tier: 'tape' }] }],
    ['a status that is none', { variants: [{ ...held, status: 99 }] }],
    ['an age that is none', { variants: [{ ...held, ageMs: -1 }] }],
    ['a lifetime that is no number', { variants: [{ ...held, ttlMs: NaN }] }],
    ['a lifetime that never ends', { variants: [{ ...held, ttlMs: Infinity }] }],
    ['a length that is not whole', { variants: [{ ...held, length: 1.5 }] }],
    ['an etag with a line break', { variants: [{ ...held, etag: '"\n"' }] }],
    ['an etag without end', { variants: [{ ...held, etag: 'x'.repeat(129) }] }],
    ['a Vary name that is none', { variants: [{ ...held, vary: ['a b'] }] }],
    ['a variant name with an escape sequence', { variants: [{ ...held, variant: '\x1b[2J' }] }],
    ['a hash that is none', { variants: [{ ...held, hash: '\0' }] }],
    ['a ring that is none', { variants: [], ring: '\x1b' }],
    ['too many holders', { variants: [], directory: Array(holdersMax + 1).fill('p') }],
    ['a holder that is no peer', { variants: [], directory: ['\x1b[31m'] }],
    ['a negative count', { variants: [], fetching: -1 }]
  ])('refuse %s', (_what, head) => {
    expect(() => decodeHoldings(carried(head))).toThrow(WireError)
  })

  it('refuse a request for something else', () => {
    expect(() => decodeRequest(carried({ kind: 'holdings', key: 'short' }))).toThrow(WireError)
    expect(() => decodeRequest(carried({ kind: 'everything', key }))).toThrow(WireError)
  })
})
