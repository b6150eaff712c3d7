/** HTTP-date (daemon/http/date.ts; RFC 9110 section 5.6.7). */
import { describe, expect, it } from 'vitest'
import { formatHttpDate, parseHttpDate } from '../../../daemon/http/date.ts'

const example = Date.UTC(1994, 10, 6, 8, 49, 37)

describe('HTTP-date', () => {
  it.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'reads each of the three forms: %s', (value) => { expect(parseHttpDate(value)).toBe(example) })

  it.each([
    undefined, '', '0', '-1', 'Sun, 6 Nov 1994 08:49:37 GMT', 'Sun, 06 nov 1994 08:49:37 GMT', 'sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 UTC', 'Sun, 06 Nov 1994 08:49:37', 'Sun, 06 Nov 1994 24:00:00 GMT', 'Sun, 06 Nov 1994 08:60:00 GMT',
    'Sun, 06 Nov 1994 08:49:61 GMT', 'Sun, 30 Feb 1994 08:49:37 GMT', 'Sun, 00 Nov 1994 08:49:37 GMT', ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT', '1994-11-06T08:49:37Z', 'Sun, 06 Nov 0050 08:49:37 GMT'
  ])('takes anything else for no date: %s', (value) => { expect(parseHttpDate(value)).toBeUndefined() })

  it('places a two-digit year at most 50 years ahead', () => {
    const year = (digits: string, nowYear: number): number =>
      new Date(parseHttpDate(`Sunday, 06-Nov-${digits} 08:49:37 GMT`, Date.UTC(nowYear, 6)) ?? NaN).getUTCFullYear()
    expect(year('76', 2026)).toBe(2076)
    expect(year('77', 2026)).toBe(1977)
    expect(year('00', 1999)).toBe(2000)
    expect(year('99', 2001)).toBe(1999)
    expect(year('10', 2080)).toBe(2110)
  })

  it('is written as IMF-fixdate, for each second anew', () => {
    expect(formatHttpDate(example + 999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
    expect(formatHttpDate(example + 1000)).toBe('Sun, 06 Nov 1994 08:49:38 GMT')
    expect(formatHttpDate(example)).toBe('Sun, 06 Nov 1994 08:49:37 GMT')
  })
})
