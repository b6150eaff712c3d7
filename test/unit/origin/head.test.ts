import { describe, expect, it } from 'vitest'
import { framing, requestHeaders, responseFields } from '../../../daemon/origin/head.ts'

describe('the head of a response', () => {
  it('loses what concerns one connection, also by Connection (RFC 9110 section 7.6.1)', () => {
    expect(responseFields([
      ['connection', 'close, X-Hop'], ['x-hop', '1'], ['keep-alive', 'timeout=5'], ['transfer-encoding', 'chunked'],
      ['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['etag', '"x"']
    ])).toEqual([['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['etag', '"x"']])
  })

  it('loses the white space after a value (RFC 9112 section 5.1)', () => {
    expect(responseFields([['x-a', 'one two \t '], ['x-b', ' '.repeat(60_000)]])).toEqual([['x-a', 'one two'], ['x-b', '']])
  })

  it('says how the body ends (RFC 9112 section 6.3)', () => {
    expect(framing('HEAD', 200, [['content-length', '5']])).toBe('none')
    expect(framing('GET', 204, [])).toBe('none')
    expect(framing('GET', 304, [['content-length', '5']])).toBe('none')
    expect(framing('GET', 200, [['content-length', '5']])).toBe('length')
    expect(framing('GET', 200, [['transfer-encoding', 'Chunked']])).toBe('chunked')
    expect(framing('GET', 200, [['transfer-encoding', 'gzip'], ['transfer-encoding', 'chunked']])).toBe('unknown')
    expect(framing('GET', 200, [])).toBe('close')
  })
})

describe('the head of a request', () => {
  it('takes Host and traceparent from the caller and leaves out what undici refuses', () => {
    expect(requestHeaders([
      ['host', 'evil.example'], ['traceparent', 'old'], ['expect', '100-continue'], ['connection', 'upgrade'],
      ['upgrade', 'websocket'], ['transfer-encoding', 'chunked'], ['accept', '*/*'], ['content-length', '9']
    ], 'www.example', 'new', false)).toEqual(['host', 'www.example', 'accept', '*/*', 'traceparent', 'new'])
  })

  it('keeps the length of a body that is sent', () => {
    expect(requestHeaders([['content-length', '9']], undefined, 'new', true)).toEqual(['content-length', '9', 'traceparent', 'new'])
  })
})
