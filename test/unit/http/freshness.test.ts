/** Age, lifetime and reuse (daemon/http/freshness.ts; RFC 9111 section 4.2). */
import { describe, expect, it } from 'vitest'
import { parseCacheControl } from '../../../daemon/http/cache-control.ts'
import { formatHttpDate } from '../../../daemon/http/date.ts'
import { currentAgeMs, explicitLifetimeMs, initialAgeMs, isFresh, lifetimeMs, mayServeStale, needsValidation, requestAllows } from '../../../daemon/http/freshness.ts'
import type { Field } from '../../../protocols/fields.ts'

const receivedAtMs = Date.UTC(2026, 0, 1)
const date = (offsetSeconds: number): string => formatHttpDate(receivedAtMs + offsetSeconds * 1000)
const stored = (...fields: Field[]): { fields: Field[], receivedAtMs: number, initialAgeMs: number } => ({ fields, receivedAtMs, initialAgeMs: 0 })
const cacheControl = (value: string): { fields: Field[], receivedAtMs: number, initialAgeMs: number } => stored(['cache-control', value])

describe('age', () => {
  const age = (...fields: Field[]): number => initialAgeMs({ fields, requestedAtMs: receivedAtMs - 2000, receivedAtMs })

  it('begins as the greater of Age with the response delay and of the time since Date (section 4.2.3)', () => {
    expect(age(['age', '10'], ['date', date(-5)])).toBe(12_000)
    expect(age(['age', '1'], ['date', date(-50)])).toBe(50_000)
    expect(age()).toBe(2000)
  })

  it('takes a Date in the future for now', () => {
    expect(age(['date', date(3600)])).toBe(2000)
  })

  it('ignores an Age that is no number and goes by the first of several (section 5.1)', () => {
    expect(age(['age', '-10'])).toBe(2000)
    expect(age(['age', 'x'])).toBe(2000)
    expect(age(['age', '7, 100'])).toBe(9000)
  })

  it('grows with the wall clock, and not backwards when that jumps', () => {
    const head = { fields: [], receivedAtMs, initialAgeMs: 5000 }
    expect(currentAgeMs(head, receivedAtMs + 1500)).toBe(6500)
    expect(currentAgeMs(head, receivedAtMs - 99_000)).toBe(5000)
  })
})

describe('lifetime', () => {
  it('is s-maxage, else max-age, else Expires less Date (section 4.2.1)', () => {
    const expires: Field[] = [['expires', date(100)], ['date', date(-20)]]
    expect(explicitLifetimeMs([['cache-control', 's-maxage=1, max-age=2'], ...expires], receivedAtMs)).toBe(1000)
    expect(explicitLifetimeMs([['cache-control', 'max-age=2'], ...expires], receivedAtMs)).toBe(2000)
    expect(explicitLifetimeMs(expires, receivedAtMs)).toBe(120_000)
    expect(explicitLifetimeMs([['expires', date(100)]], receivedAtMs)).toBe(100_000)
  })

  it('is 0 where Expires is past, invalid or given twice (section 5.3)', () => {
    for (const value of [date(-1), '0', 'soon', `${date(100)}, ${date(200)}`]) {
      expect(explicitLifetimeMs([['expires', value], ['date', date(0)]], receivedAtMs)).toBe(0)
    }
  })

  it('is the site\'s default where none is stated, and only there', () => {
    expect(lifetimeMs(stored(['last-modified', date(-1e6)]), { defaultTtlMs: 0 })).toBe(0)
    expect(lifetimeMs(stored(), { defaultTtlMs: 7000 })).toBe(7000)
    expect(lifetimeMs(cacheControl('max-age=0'), { defaultTtlMs: 7000 })).toBe(0)
  })

  it('ends when the age reaches it', () => {
    const head = cacheControl('max-age=10')
    expect(isFresh(head, receivedAtMs + 9999, { defaultTtlMs: 0 })).toBe(true)
    expect(isFresh(head, receivedAtMs + 10_000, { defaultTtlMs: 0 })).toBe(false)
  })
})

describe('stale responses', () => {
  it.each(['must-revalidate', 'proxy-revalidate', 's-maxage=5', 'no-cache', 'no-cache="x"'])('are not served where %s forbids it (section 4.2.4)', (value) => {
    expect(mayServeStale(cacheControl(`max-age=1, ${value}`))).toBe(false)
  })

  it('may be served where nothing forbids it', () => {
    expect(mayServeStale(cacheControl('max-age=1, public'))).toBe(true)
    expect(mayServeStale(stored())).toBe(true)
  })
})

describe('a request\'s directives (section 5.2.1)', () => {
  const allows = (request: string, ageS: number, response = 'max-age=100'): boolean =>
    requestAllows(cacheControl(response), parseCacheControl(request), ageS * 1000, 100_000)

  it('no-cache and max-age=0 ask for validation', () => {
    expect(allows('no-cache', 0)).toBe(false)
    expect(allows('max-age=0', 0)).toBe(false)
  })

  it('max-age bounds the age, min-fresh what is left of the lifetime', () => {
    expect(allows('max-age=10', 9)).toBe(true)
    expect(allows('max-age=10', 10)).toBe(false)
    expect(allows('min-fresh=10', 90)).toBe(true)
    expect(allows('min-fresh=10', 91)).toBe(false)
  })

  it('max-stale accepts what is past its lifetime by so much, where the response lets itself be served stale', () => {
    expect(allows('', 100)).toBe(false)
    expect(allows('max-stale=5', 105)).toBe(true)
    expect(allows('max-stale=5', 106)).toBe(false)
    expect(allows('max-stale', 1e6)).toBe(true)
    expect(allows('max-stale', 101, 'max-age=100, must-revalidate')).toBe(false)
  })

  it('max-stale widens the request\'s own max-age', () => {
    expect(allows('max-age=10, max-stale=5', 15)).toBe(true)
    expect(allows('max-age=10, max-stale=5', 16)).toBe(false)
    expect(allows('max-age=10, max-stale=5', 15, 'max-age=100, must-revalidate')).toBe(true)
  })

  it('cannot overrule a response that wants to be validated each time (section 5.2.2.4)', () => {
    const plain = parseCacheControl(undefined)
    expect(needsValidation(cacheControl('max-age=100'), plain, 0, 100_000)).toBe(false)
    expect(needsValidation(cacheControl('max-age=100'), plain, 100_000, 100_000)).toBe(true)
    expect(needsValidation(cacheControl('max-age=100, no-cache'), plain, 0, 100_000)).toBe(true)
    expect(needsValidation(cacheControl('max-age=100, no-cache="a"'), plain, 0, 100_000)).toBe(true)
  })
})
