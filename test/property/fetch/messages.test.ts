/** The decoders over arbitrary CBOR: a message, or a WireError, never anything else. */
import { encode } from 'cborg'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WireError } from '../../../protocols/errors.ts'
import { decodeAnswer, decodeRequest, type Ask } from '../../../protocols/fetch/messages.ts'
import { contentKey } from '../../../protocols/ids.ts'
import { decodeFrame, encodeFrame, type Frame } from '../../../protocols/wire.ts'

/** Everything that CBOR can say. */
const anything = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string(), fc.integer(), fc.double(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }), fc.boolean(), fc.constant(null), fc.constant(undefined),
    fc.uint8Array({ maxLength: 40 }), fc.array(tie('value'), { maxLength: 4 }), fc.dictionary(fc.string(), tie('value'), { maxKeys: 4, noNullPrototype: true })
  )
})).value

const names = [
  'kind', 'verb', 'key', 'site', 'target', 'host', 'fields', 'path', 'silent', 'offset', 'version', 'held', 'staleOk', 'credit', 'blockBytes',
  'traceparent', 'head', 'stale', 'same', 'status', 'reason', 'hash', 'length', 'blocks', 'ageMs', '__proto__', 'constructor'
]
const kind = fc.constantFrom('hit', 'filling', 'miss', 'failed', 'cut', 'end', 'block', 'pull', 'have', 'fill')
const known = fc.dictionary(fc.constantFrom(...names), fc.oneof(anything, kind), { noNullPrototype: true })
/** Maps whose names mean something, so that every branch of the decoders is reached. */
const plausible = fc.tuple(known, fc.oneof(kind, anything), known).map(([head, which, inner]) => ({ key: contentKey('a', '/'), site: 'a', target: '/', fields: [], path: [], ...head, kind: which, verb: which, head: inner }))

function decodes (decode: (frame: Frame) => unknown, head: unknown, payload: Uint8Array): void {
  const bytes = encode(head)
  const prefix = new Uint8Array(4)
  new DataView(prefix.buffer).setUint32(0, bytes.byteLength)
  try {
    expect(decode(decodeFrame(Buffer.concat([prefix, bytes, payload])))).toBeDefined()
  } catch (error) {
    expect(error).toBeInstanceOf(WireError)
  }
}

describe.each([['decodeRequest', decodeRequest], ['decodeAnswer', decodeAnswer]] as const)('%s', (_name, decode) => {
  it('gives a message or a WireError, whatever CBOR comes', () => {
    fc.assert(fc.property(fc.oneof(anything, known, plausible), fc.uint8Array({ maxLength: 10 }), (head, payload) => { decodes(decode, head, payload) }), {
      numRuns: 3_000, examples: [[{ verb: 2n ** 60n }, new Uint8Array()], [{ kind: 2n ** 60n }, new Uint8Array()]]
    })
  })
})

const field = fc.tuple(fc.stringMatching(/^[!#$%&'*+\-.^_`|~0-9a-z]{1,10}$/), fc.stringMatching(/^[\t\x20-\x7e\x80-\xff]{0,20}$/))
const version = fc.record({ etag: fc.string({ maxLength: 20 }), hash: fc.constant(contentKey('a', '/')), length: fc.maxSafeNat() }, { requiredKeys: [] })
const ask: fc.Arbitrary<Ask> = fc.record({
  verb: fc.constantFrom('have' as const, 'fill' as const), key: fc.constant(contentKey('a', '/')), site: fc.string({ maxLength: 50 }), target: fc.string({ maxLength: 50 }),
  fields: fc.array(field, { maxLength: 10 }), path: fc.array(fc.string({ maxLength: 20 }), { maxLength: 2 }), silent: fc.array(fc.string({ maxLength: 20 }), { maxLength: 8 }),
  offset: fc.maxSafeNat(), version: fc.option(version, { nil: undefined }), held: fc.option(version, { nil: undefined }), staleOk: fc.boolean(), headOnly: fc.boolean(),
  turnedAway: fc.boolean(), last: fc.boolean(), credit: fc.nat(1_000), blockBytes: fc.integer({ min: 1, max: 1024 * 1024 }), traceparent: fc.stringMatching(/^[0-9a-f-]{0,55}$/)
})

describe('an ask', () => {
  it('comes back as it was sent, whatever stands beside it', () => {
    fc.assert(fc.property(ask, fc.dictionary(fc.string({ minLength: 30, maxLength: 40 }), anything, { maxKeys: 3, noNullPrototype: true }), (sent, unknown) => {
      expect(decodeRequest(decodeFrame(encodeFrame({ ...unknown, ...sent })))).toEqual(JSON.parse(JSON.stringify(sent)))
    }))
  })
})
