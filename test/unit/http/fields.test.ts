/** Which fields travel on, and comma lists (daemon/http/fields.ts). */
import { describe, expect, it } from 'vitest'
import { endToEnd, listMembers, passedRequestFields, unquoted, upstreamRequestFields } from '../../../daemon/http/fields.ts'
import type { Field } from '../../../protocols/fields.ts'

const names = (fields: readonly Field[]): string[] => fields.map(([name]) => name)

describe('end-to-end fields', () => {
  it('drops the fields of one connection and those that Connection names (RFC 9110 section 7.6.1)', () => {
    const fields: Field[] = [
      ['connection', 'close, X-Hop'], ['x-hop', '1'], ['keep-alive', 'timeout=5'], ['te', 'trailers'], ['upgrade', 'h2c'],
      ['transfer-encoding', 'chunked'], ['proxy-authorization', 'Basic x'], ['etag', '"a"'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']
    ]
    expect(endToEnd(fields)).toEqual([['etag', '"a"'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']])
  })

  it('keeps what decides who may have a response, though Connection names it', () => {
    const fields: Field[] = [['connection', 'cache-control, vary'], ['cache-control', 'no-store'], ['vary', 'cookie']]
    expect(names(endToEnd(fields))).toEqual(['cache-control', 'vary'])
  })

  const request: Field[] = [
    ['host', 'a'], ['expect', '100-continue'], ['if-match', '"a"'], ['if-none-match', '"a"'], ['if-modified-since', 'x'],
    ['if-unmodified-since', 'x'], ['if-range', '"a"'], ['range', 'bytes=0-1'], ['content-length', '3'], ['accept', '*/*']
  ]

  it('asks for the whole, unconditionally, when the edge fills its cache', () => {
    expect(names(upstreamRequestFields(request))).toEqual(['accept'])
  })

  it('leaves conditions, range and length in place when a request passes through', () => {
    expect(names(passedRequestFields(request))).toEqual([
      'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range', 'range', 'content-length', 'accept'
    ])
  })
})

describe('comma lists', () => {
  it('do not part inside quoted strings, where a backslash hides the next quote', () => {
    expect(listMembers('a="x, \\", y" ,, b\t,c')).toEqual(['a="x, \\", y"', 'b', 'c'])
  })

  it('run to the end when a quote is not closed', () => {
    expect(listMembers('a, "b, c')).toEqual(['a', '"b, c'])
  })

  it('hold quoted strings whose text can be had', () => {
    expect(unquoted('"a \\"b\\" \\\\"')).toBe('a "b" \\')
    expect(unquoted('plain')).toBe('plain')
    expect(unquoted('"')).toBe('"')
  })
})
