/** Preconditions and validation (daemon/http/conditional.ts; RFC 9110 section 13, RFC 9111 section 4.3). */
import { describe, expect, it } from 'vitest'
import { evaluate, freshenedFields, hasOriginPrecondition, notModifiedFields, parseEntityTag, validators } from '../../../daemon/http/conditional.ts'
import type { Field } from '../../../protocols/fields.ts'

const modified = 'Sun, 06 Nov 1994 08:49:37 GMT'
const before = 'Sun, 06 Nov 1994 08:49:36 GMT'
const after = 'Sun, 06 Nov 1994 08:49:38 GMT'
const head = (...fields: Field[]): { status: number, fields: Field[] } => ({ status: 200, fields })
const both = head(['etag', '"a"'], ['last-modified', modified])

describe('an entity tag', () => {
  it('is read exactly, a backslash being a character like others (RFC 9110 section 8.8.3)', () => {
    expect(parseEntityTag('W/"a\\"')).toEqual({ weak: true, opaque: 'a\\' })
    expect(parseEntityTag('""')).toEqual({ weak: false, opaque: '' })
    for (const value of [undefined, 'a', '"a', 'w/"a"', '"a" ', '"a b"', '"a", "b"']) expect(parseEntityTag(value)).toBeUndefined()
  })
})

describe('preconditions', () => {
  it('If-None-Match compares weakly, against any of its tags (section 13.1.2)', () => {
    expect(evaluate([['if-none-match', '"x", W/"a"']], both)).toBe('not-modified')
    expect(evaluate([['if-none-match', '"a"']], head(['etag', 'W/"a"']))).toBe('not-modified')
    expect(evaluate([['if-none-match', '"x"'], ['if-none-match', '"a"']], both)).toBe('not-modified')
    expect(evaluate([['if-none-match', '*']], head())).toBe('not-modified')
    expect(evaluate([['if-none-match', '"x"']], both)).toBe('send')
    expect(evaluate([['if-none-match', 'a']], both)).toBe('send')
    expect(evaluate([['if-none-match', '"a"']], head())).toBe('send')
  })

  it('If-None-Match goes before If-Modified-Since (section 13.2.2)', () => {
    expect(evaluate([['if-none-match', '"x"'], ['if-modified-since', after]], both)).toBe('send')
  })

  it('If-Modified-Since goes by Last-Modified, else by Date (RFC 9111 section 4.3.2)', () => {
    expect(evaluate([['if-modified-since', modified]], both)).toBe('not-modified')
    expect(evaluate([['if-modified-since', before]], both)).toBe('send')
    expect(evaluate([['if-modified-since', modified]], head(['date', modified]))).toBe('not-modified')
    expect(evaluate([['if-modified-since', before]], head(['date', modified]))).toBe('send')
    expect(evaluate([['if-modified-since', after]], head())).toBe('send')
    expect(evaluate([['if-modified-since', 'yesterday']], both)).toBe('send')
  })

  it('If-Match compares strongly and goes before If-Unmodified-Since (section 13.2.2)', () => {
    expect(evaluate([['if-match', '"x", "a"']], both)).toBe('send')
    expect(evaluate([['if-match', '*']], head())).toBe('send')
    expect(evaluate([['if-match', 'W/"a"']], both)).toBe('precondition-failed')
    expect(evaluate([['if-match', '"a"']], head(['etag', 'W/"a"']))).toBe('precondition-failed')
    expect(evaluate([['if-match', '"a"']], head())).toBe('precondition-failed')
    expect(evaluate([['if-match', '"a"'], ['if-unmodified-since', before]], both)).toBe('send')
    expect(evaluate([['if-match', '"x"'], ['if-none-match', '"a"']], both)).toBe('precondition-failed')
    expect(evaluate([['if-match', '"a"'], ['if-none-match', '"a"']], both)).toBe('not-modified')
  })

  it('If-Unmodified-Since fails where the content is newer, and counts for nothing without a date', () => {
    expect(evaluate([['if-unmodified-since', before]], both)).toBe('precondition-failed')
    expect(evaluate([['if-unmodified-since', modified]], both)).toBe('send')
    expect(evaluate([['if-unmodified-since', before]], head())).toBe('send')
    expect(evaluate([['if-unmodified-since', 'x']], both)).toBe('send')
  })

  it('count only where the answer would be a success (section 13.2.1)', () => {
    expect(evaluate([['if-none-match', '"a"']], { status: 404, fields: both.fields })).toBe('send')
    expect(evaluate([['if-match', '"x"']], { status: 301, fields: both.fields })).toBe('send')
  })

  it('that only an origin can decide are known (RFC 9111 section 4.3.2)', () => {
    expect(hasOriginPrecondition([['if-unmodified-since', before]])).toBe(true)
    expect(hasOriginPrecondition([['if-none-match', '"a"'], ['if-modified-since', before]])).toBe(false)
  })
})

describe('validation of a stored response', () => {
  it('sends every validator that can be used (RFC 9111 section 4.3.1)', () => {
    expect(validators(both.fields)).toEqual([['if-none-match', '"a"'], ['if-modified-since', modified]])
    expect(validators([['etag', 'a'], ['last-modified', 'x']])).toEqual([])
  })

  it('replaces what a 304 brings and keeps the rest (RFC 9111 section 3.2)', () => {
    const stored: Field[] = [['cache-control', 'max-age=1'], ['x-a', '1'], ['x-a', '2'], ['content-type', 'text/plain'], ['content-length', '9'], ['content-encoding', 'gzip'], ['date', before]]
    const fresh: Field[] = [
      ['cache-control', 'max-age=2'], ['x-a', '3'], ['content-type', 'text/html'], ['content-length', '0'], ['content-encoding', 'br'], ['content-range', 'bytes 0-0/1'],
      ['age', '4'], ['set-cookie', 'a=1'], ['connection', 'x-hop'], ['x-hop', '1'], ['date', after], ['x-new', '1'], ['x-new', '2']
    ]
    expect(freshenedFields(stored, fresh).map((field) => field.join('=')).sort()).toEqual([
      'cache-control=max-age=2', 'content-encoding=gzip', 'content-length=9', 'content-type=text/html', `date=${after}`, 'x-a=3', 'x-new=1', 'x-new=2'
    ])
  })
})

describe('a 304', () => {
  it('carries what RFC 9110 section 15.4.5 names, and Last-Modified only without ETag', () => {
    const fields: Field[] = [['etag', '"a"'], ['last-modified', modified], ['content-type', 'a/b'], ['content-length', '3'], ['vary', 'x'], ['cache-control', 'a'], ['age', '1'], ['expires', after], ['date', before], ['content-location', '/x'], ['set-cookie', 'a=1']]
    expect(notModifiedFields(fields).map(([name]) => name)).toEqual(['etag', 'vary', 'cache-control', 'age', 'expires', 'date', 'content-location'])
    expect(notModifiedFields([['last-modified', modified], ['content-type', 'a/b']])).toEqual([['last-modified', modified]])
  })
})
