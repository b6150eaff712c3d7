/** What a peer may say, field by field: each limit at its edge and one beyond. */
import { describe, expect, it } from 'vitest'
import { WireError } from '../../../protocols/errors.ts'
import { decodeAnswer, decodeRequest, pathMax, shortReason } from '../../../protocols/fetch/messages.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'
import { bodyOf, hashOf } from '../../support/store.ts'
import { askOf, headOf, sha256 } from './support.ts'

const body = bodyOf(10)
const request = (head: object): unknown => decodeRequest(decodeFrame(encodeFrame(head)))
const answer = (head: object, payload?: Uint8Array): unknown => decodeAnswer(decodeFrame(Uint8Array.from(encodeFrame(head, payload).subarray())))
const hit = (head: object): object => ({ kind: 'hit', head: { ...headOf(body), ...head } })
const text = (length: number): string => 'x'.repeat(length)
const list = (length: number): string[] => Array.from({ length }, (_, index) => `peer-${index}`)

describe('an ask', () => {
  it('with every field comes back as it was sent', () => {
    const version = { etag: '"1"', hash: hashOf(body), length: 10 }
    const ask = askOf({ host: 'a.example', path: list(2), silent: list(8), offset: 5, version, held: version, staleOk: true, headOnly: true, turnedAway: true, last: true, credit: 4 })
    expect(request(ask)).toEqual(ask)
  })

  it('without what an older edge did not know has the careful value of each', () => {
    const { key, site, target, fields, path } = askOf()
    expect(request({ verb: 'have', key, site, target, fields, path })).toEqual({
      ...askOf({ verb: 'have' }), host: undefined, version: undefined, held: undefined, credit: 1, traceparent: ''
    })
  })

  it('with fields that nobody knows yet is read without them', () => {
    expect(request({ ...askOf(), epoch: 7, purge: { vector: [1, 2] } })).toEqual({ ...askOf(), host: undefined, version: undefined, held: undefined })
  })

  it.each<[string, object, object]>([
    ['site', { site: text(256) }, { site: text(257) }],
    ['target', { target: text(16 * 1024) }, { target: text(16 * 1024 + 1) }],
    ['host', { host: text(300) }, { host: text(301) }],
    ['path', { path: list(pathMax) }, { path: list(pathMax + 1) }],
    ['a station of the path', { path: [text(128)] }, { path: [text(129)] }],
    ['silent', { silent: list(8) }, { silent: list(9) }],
    ['offset', { offset: Number.MAX_SAFE_INTEGER }, { offset: -1 }],
    ['credit', { credit: 1_000 }, { credit: 1_001 }],
    ['credit from below', { credit: 0 }, { credit: -1 }],
    ['block size', { blockBytes: 1024 * 1024 }, { blockBytes: 1024 * 1024 + 1 }],
    ['block size from below', { blockBytes: 1 }, { blockBytes: 0 }],
    ['trace', { traceparent: text(64) }, { traceparent: text(65) }],
    ['number of fields', { fields: Array(200).fill(['a', 'b']) }, { fields: Array(201).fill(['a', 'b']) }],
    ['ETag of a version', { version: { etag: text(1024) } }, { version: { etag: text(1025) } }],
    ['hash of a version', { held: { hash: hashOf(body) } }, { held: { hash: 'short' } }],
    ['length of a version', { held: { length: 0 } }, { held: { length: 0.5 } }]
  ])('has a limit for its %s', (_what, within, beyond) => {
    expect(request({ ...askOf(), ...within })).toMatchObject(within)
    expect(() => request({ ...askOf(), ...beyond })).toThrow(WireError)
  })

  it.each<[string, object]>([
    ['an unknown verb', { verb: 'purge' }], ['a verb that is a number too large for JSON', { verb: 2n ** 60n }], ['a verb that is a map', { verb: { a: [1] } }],
    ['no key', { key: null }], ['a key that is none', { key: '/a' }], ['a target that is bytes', { target: new Uint8Array(3) }], ['no site', { site: null }],
    ['no path', { path: null }], ['a path that is text', { path: 'peer' }], ['a path of numbers', { path: [1] }], ['no fields', { fields: null }],
    ['fields that are a map', { fields: { a: 'b' } }], ['an offset that is text', { offset: '1' }], ['an offset of a half', { offset: 0.5 }],
    ['an offset beyond what is exact', { offset: 2n ** 60n }], ['a version that is a list', { version: [] }], ['a version that is text', { version: '"1"' }]
  ])('with %s is a WireError', (_what, more) => {
    expect(() => request({ ...askOf(), ...more })).toThrow(WireError)
  })

  it.each([['GET', 'upper case'], ['a b', 'a space'], ['', 'nothing'], ['a:', 'a colon'], ['a\r\nb', 'a line break'], ['ä', 'a letter outside ASCII'], ['a\n', 'a line break at its end']])('may not have a field named %j: %s', (name) => {
    expect(() => request({ ...askOf(), fields: [[name, 'x']] })).toThrow(WireError)
  })

  it.each(['a\r\nset-cookie: x=1', 'a\nb', 'a\rb', 'a\0', '\x7f', 'ā', '\u{1F41C}', 'a\n'])('may not have a field with the value %j', (value) => {
    expect(() => request({ ...askOf(), fields: [['x', value]] })).toThrow(WireError)
  })

  it.each([['x'], ['x', 'y', 'z'], 'x: y', [1, 'y'], ['x', 1], null].map((pair) => [pair]))('may not have the field %j', (pair) => {
    expect(() => request({ ...askOf(), fields: [pair] })).toThrow(WireError)
  })

  it('may have fields with tabs and with octets above ASCII', () => {
    expect(request(askOf({ fields: [['x', 'a\tb \xe9'], ['y', '']] }))).toMatchObject({ fields: [['x', 'a\tb \xe9'], ['y', '']] })
  })

  it.each(['a.example\r\nx: 1', 'a b', 'a/b', '\0', 'ā'])('may not name the host %j, which would go into a request to the origin', (host) => {
    expect(() => request({ ...askOf(), host })).toThrow(WireError)
  })

  it.each(['00-x\r\nx: 1', '\0', 'ā', '\x1b[31m'])('may not carry the trace %j, which would go into a request to the origin and the log', (traceparent) => {
    expect(() => request({ ...askOf(), traceparent })).toThrow(WireError)
  })
})

describe('a pull', () => {
  it.each([1, 1_000])('grants %i blocks', (blocks) => { expect(request({ kind: 'pull', blocks, more: true })).toEqual({ kind: 'pull', blocks }) })
  it.each([0, -1, 1_001, 1.5, '1', null, NaN, Infinity])('never grants %s', (blocks) => { expect(() => request({ kind: 'pull', blocks })).toThrow(WireError) })
})

describe('an answer', () => {
  it.each<[object, Uint8Array?]>([
    [{ kind: 'filling' }], [{ kind: 'miss' }], [{ kind: 'busy' }], [{ kind: 'private' }], [{ kind: 'failed', status: 502, reason: 'gone' }],
    [{ kind: 'cut', reason: 'broken' }], [{ kind: 'end', length: 0, hash: hashOf(body) }], [{ kind: 'end', length: 10, hash: undefined }],
    [{ kind: 'hit', head: headOf(body), stale: true, same: false }], [{ kind: 'hit', head: headOf(body, { length: undefined, hash: undefined }), stale: false, same: true }],
    [{ kind: 'block', hash: Uint8Array.from(sha256(body)) }, body]
  ])('%o comes back as it was sent, without what nobody knows', (sent, payload) => {
    expect(answer({ ...sent, traceparent: 'x', unknown: 1 }, payload)).toEqual(sent)
  })

  it.each<[string, object, object]>([
    ['status of a head', hit({ status: 200 }), hit({ status: 199 })], ['status of a head from above', hit({ status: 599 }), hit({ status: 600 })],
    ['status of a failure', { kind: 'failed', status: 500, reason: '' }, { kind: 'failed', status: 499, reason: '' }],
    ['reason', { kind: 'failed', status: 500, reason: text(500) }, { kind: 'failed', status: 500, reason: text(501) }],
    ['reason of a cut', { kind: 'cut', reason: text(500) }, { kind: 'cut', reason: text(501) }],
    ['age', hit({ ageMs: 0 }), hit({ ageMs: -1 })], ['age from above', hit({ ageMs: 1e300 }), hit({ ageMs: Infinity })],
    ['length', hit({ length: Number.MAX_SAFE_INTEGER }), hit({ length: -1 })], ['length at the end', { kind: 'end', length: 0 }, { kind: 'end', length: -1 }],
    ['number of fields', hit({ fields: Array(200).fill(['a', 'b']) }), hit({ fields: Array(201).fill(['a', 'b']) })]
  ])('has a limit for its %s', (_what, within, beyond) => {
    expect(answer(within)).toMatchObject({})
    expect(() => answer(beyond)).toThrow(WireError)
  })

  it.each<[string, object, Uint8Array?]>([
    ['an unknown kind', { kind: 'gossip' }], ['no kind', {}], ['a kind that is a number too large for JSON', { kind: 2n ** 60n }],
    ['a hit without a head', { kind: 'hit' }], ['a hit whose head is a list', { kind: 'hit', head: [] }], ['a hit whose head is bytes', { kind: 'hit', head: new Uint8Array(3) }],
    ['an age that is not a number', hit({ ageMs: NaN })], ['a length that is text', hit({ length: '10' })], ['a length beyond what is exact', hit({ length: 2n ** 60n })],
    ['a hash that is no SHA-256', hit({ hash: 'x' })], ['a failure without a status', { kind: 'failed' }], ['an end without a length', { kind: 'end' }],
    ['a block without bytes', { kind: 'block', hash: sha256(body) }], ['a block without a hash', { kind: 'block' }, body],
    ['a block with half a hash', { kind: 'block', hash: sha256(body).subarray(16) }, body], ['a block with a hash that is text', { kind: 'block', hash: hashOf(body) }, body],
    ['a field name in upper case', hit({ fields: [['ETag', '"1"']] })], ['a field value with a line break', hit({ fields: [['etag', '"1"\r\nx: y']] })]
  ])('with %s is a WireError', (_what, head, payload) => {
    expect(() => answer(head, payload)).toThrow(WireError)
  })

  it.each([206, 304])('never has a head of status %i: a peer is asked for a whole representation', (status) => {
    expect(() => answer(hit({ status }))).toThrow(WireError)
  })
})

describe('a reason', () => {
  it('is cut to what the other side accepts', () => {
    expect(answer({ kind: 'cut', reason: shortReason(text(5_000)) })).toEqual({ kind: 'cut', reason: text(500) })
  })
})
