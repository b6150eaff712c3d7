/** What peers say about published content: it survives the wire, and nonsense is refused, never a crash. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { WireError } from '../../../protocols/errors.ts'
import { contentKey } from '../../../protocols/ids.ts'
import { decodeManifest, emptyHash, type Manifest } from '../../../protocols/publish/manifest.ts'
import { decodeCompared, decodeLooked, decodePage, decodeRequest, encodeLooked, encodeRequest, type Request } from '../../../protocols/publish/messages.ts'
import { decodeFrame, encodeFrame, encodeHead, type Frame } from '../../../protocols/wire.ts'

const key = contentKey('default', '/a')

const manifests = fc.record({
  version: fc.record({ wallMs: fc.nat(), counter: fc.nat(), peer: fc.constantFrom('a', '12D3KooW') }),
  host: fc.option(fc.constant('www.example.org:80'), { nil: undefined }),
  idempotencyKey: fc.option(fc.string({ minLength: 1, maxLength: 20, unit: fc.constantFrom('a', '"', ' ', '~') }), { nil: undefined }),
  fields: fc.constantFrom([], [['content-type', 'text/plain']], [['cache-control', 'max-age=1'], ['link', '</a>; rel="next"']]),
  copies: fc.integer({ min: 1, max: 8 }), length: fc.nat(), deleted: fc.boolean(), createdAtMs: fc.nat()
}).map(({ host, idempotencyKey, fields, ...rest }): Manifest => ({
  key, site: 'default', target: '/a', hash: emptyHash, ...rest,
  fields: fields as unknown as Manifest['fields'],
  ...(host === undefined ? {} : { host }),
  ...(idempotencyKey === undefined ? {} : { idempotencyKey })
}))

const sources = fc.array(fc.constantFrom('p', 'q'), { maxLength: 8 })
const requests: fc.Arbitrary<Request> = fc.oneof(
  fc.tuple(manifests, sources).map(([manifest, from]): Request => ({ verb: 'keep', manifest, sources: from })),
  fc.tuple(fc.nat(), sources).map(([length, from]): Request => ({ verb: 'hold', body: { key, site: 'default', target: '/a', hash: emptyHash, length }, sources: from })),
  fc.constant<Request>({ verb: 'look', key }),
  fc.array(manifests, { maxLength: 5 }).map((all): Request => ({ verb: 'compare', known: all.map(({ version }) => ({ key, version })) })),
  fc.integer({ min: 1, max: 1_000 }).map((limit): Request => ({ verb: 'list', site: 'default', after: '/a', limit }))
)

function carried ({ head, payload }: { readonly head: object, readonly payload?: Uint8Array | undefined }): Frame {
  return decodeFrame(encodeFrame(head, payload).subarray())
}

it('carries every request and answer over the wire', () => {
  fc.assert(fc.property(requests, (request) => {
    expect(decodeRequest(carried(encodeRequest(request)))).toEqual(request)
  }))
  fc.assert(fc.property(manifests, (manifest) => {
    expect(decodeLooked(carried(encodeLooked({ history: [manifest], holds: [emptyHash] })), key)).toEqual({ history: [manifest], holds: [emptyHash] })
  }))
})

it('refuses what is not one with a WireError, and nothing else', () => {
  const values = fc.oneof(fc.anything(), fc.constant(null), fc.nat(), fc.string())
  const damaged = fc.tuple(requests, fc.constantFrom('verb', 'manifest', 'body', 'sources', 'key', 'known', 'site', 'after', 'limit'), values)
  fc.assert(fc.property(damaged, ([request, name, value]) => {
    const { head, payload } = encodeRequest(request)
    expectRefusalOrResult(() => decodeRequest({ head: { ...head, [name]: value } as Frame['head'], payload: payload ?? new Uint8Array() }))
  }))
  fc.assert(fc.property(fc.tuple(manifests, fc.constantFrom('key', 'site', 'target', 'host', 'hash', 'length', 'version', 'fields', 'copies', 'idempotencyKey', 'createdAtMs'), values), ([manifest, name, value]) => {
    expectRefusalOrResult(() => decodeManifest({ ...manifest, [name]: value }))
  }))
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), values, (payload, value) => {
    const head = { lacking: value, newer: value, holds: value, more: value } as Frame['head']
    for (const decode of [() => decodeLooked({ head, payload }, key), () => decodePage({ head, payload }), () => decodeCompared({ head, payload }, 3)]) expectRefusalOrResult(decode)
  }))
})

it('refuses a history that is another key\'s, or out of order', () => {
  const manifest = { site: 'default', target: '/a', hash: emptyHash, length: 0, fields: [], copies: 1, deleted: false, createdAtMs: 0 }
  const at = (wallMs: number, of = key): object => ({ ...manifest, key: of, version: { wallMs, counter: 0, peer: 'a' } })
  const looked = (...history: object[]): (() => unknown) => () => decodeLooked({ head: {}, payload: encodeHead({ manifests: history }) }, key)
  expect(looked(at(2), at(1))()).toMatchObject({ holds: [] })
  for (const wrong of [looked(at(1), at(2)), looked(at(1), at(1)), looked(at(1, contentKey('default', '/b')))]) expect(wrong).toThrow(WireError)
  expect(() => decodeManifest({ ...at(1), fields: [['set-cookie', 'a=b']] })).toThrow(WireError)
  expect(() => decodeManifest({ ...at(1), fields: [['content-type', 'a\r\nb: c']] })).toThrow(WireError)
  expect(() => decodeCompared({ head: { lacking: [3], newer: [] }, payload: new Uint8Array() }, 3)).toThrow(WireError)
})

function expectRefusalOrResult (decode: () => unknown): void {
  try {
    decode()
  } catch (error) {
    if (!(error instanceof WireError)) throw error
  }
}
