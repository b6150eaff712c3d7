/** Single byte ranges (daemon/http/range.ts; RFC 9110 section 14). */
import { describe, expect, it } from 'vitest'
import { contentRange, ifRangeMatches, parseRange, parseUnknownLength, unsatisfiedContentRange } from '../../../daemon/http/range.ts'

describe('Range', () => {
  it.each([
    ['bytes=0-499', 0, 500], ['bytes=500-999', 500, 1000], ['bytes=-500', 500, 1000], ['bytes=999-', 999, 1000], ['Bytes=0-0', 0, 1],
    ['bytes=900-5000', 900, 1000], ['bytes=-5000', 0, 1000], ['bytes=0-99999999999999999999', 0, 1000]
  ])('%s of 1000 bytes is a part (section 14.1.2)', (value, start, end) => {
    expect(parseRange(value, 1000)).toEqual({ kind: 'range', start, end })
  })

  it.each(['bytes=1000-', 'bytes=1000-1001', 'bytes=-0', 'bytes=99999999999999999999-'])('%s of 1000 bytes cannot be met', (value) => {
    expect(parseRange(value, 1000)).toEqual({ kind: 'unsatisfiable' })
  })

  it.each([undefined, '', 'bytes=', 'bytes=-', 'bytes=5-4', 'bytes=0-1,3-4', 'bytes=0-1,', 'items=0-1', 'bytes=a-b', 'bytes 0-1', 'bytes=0 -1', 'bytes=1e1-'])(
    '%s is ignored and the whole is sent (section 14.2)', (value) => { expect(parseRange(value, 1000)).toEqual({ kind: 'none' }) })

  it('of an empty body is met only by the whole', () => {
    expect(parseRange('bytes=-5', 0)).toEqual({ kind: 'none' })
    expect(parseRange('bytes=0-', 0)).toEqual({ kind: 'unsatisfiable' })
  })

  it('stays open while the length is not known', () => {
    expect(parseUnknownLength('bytes=5-9')).toEqual({ start: 5, end: 10 })
    expect(parseUnknownLength('bytes=5-')).toEqual({ start: 5 })
    expect(parseUnknownLength('bytes=-7')).toEqual({ suffix: 7 })
    expect(parseUnknownLength('bytes=0-1,4-5')).toBeUndefined()
  })
})

describe('If-Range (section 13.1.5)', () => {
  const modified = 'Sun, 06 Nov 1994 08:49:37 GMT'

  it('compares tags strongly', () => {
    expect(ifRangeMatches(undefined, [])).toBe(true)
    expect(ifRangeMatches('"a"', [['etag', '"a"']])).toBe(true)
    expect(ifRangeMatches('W/"a"', [['etag', 'W/"a"']])).toBe(false)
    expect(ifRangeMatches('"a"', [['etag', '"b"']])).toBe(false)
    expect(ifRangeMatches('"a"', [])).toBe(false)
    expect(ifRangeMatches('garbage', [['etag', 'garbage']])).toBe(false)
  })

  it('takes a date only when it is Last-Modified and a second older than the response (section 8.8.2.2)', () => {
    const at = (date: string): boolean => ifRangeMatches(modified, [['last-modified', modified], ['date', date]])
    expect(at('Sun, 06 Nov 1994 08:49:38 GMT')).toBe(true)
    expect(at(modified)).toBe(false)
    expect(ifRangeMatches('Sun, 06 Nov 1994 08:49:40 GMT', [['last-modified', modified], ['date', 'Sun, 06 Nov 1994 09:49:38 GMT']])).toBe(false)
  })
})

it('Content-Range counts its last byte in (section 14.4)', () => {
  expect(contentRange({ start: 0, end: 500 }, 1000)).toBe('bytes 0-499/1000')
  expect(contentRange({ start: 5, end: 6 })).toBe('bytes 5-5/*')
  expect(unsatisfiedContentRange(10)).toBe('bytes */10')
})
