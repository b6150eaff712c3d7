/** The Cache-Control parser (daemon/http/cache-control.ts; RFC 9111 section 5.2). */
import { describe, expect, it } from 'vitest'
import { deltaSecondsMax, parseCacheControl, requestCacheControl } from '../../../daemon/http/cache-control.ts'

describe('Cache-Control', () => {
  it('reads every directive, in any case', () => {
    expect(parseCacheControl(
      'Max-Age=10, s-maxage=20, NO-STORE, no-cache, private, public, must-revalidate, proxy-revalidate, must-understand, ' +
      'no-transform, immutable, stale-while-revalidate=30, stale-if-error=40, only-if-cached, max-stale=50, min-fresh=60'
    )).toEqual({
      maxAge: 10, sMaxage: 20, noStore: true, noCache: true, private: true, public: true, mustRevalidate: true,
      proxyRevalidate: true, mustUnderstand: true, noTransform: true, immutable: true, staleWhileRevalidate: 30,
      staleIfError: 40, onlyIfCached: true, maxStale: 50, minFresh: 60
    })
  })

  it('says nothing when the field is absent', () => {
    const control = parseCacheControl(undefined)
    expect(control.maxAge).toBeUndefined()
    expect(control.noCache).toBe(false)
    expect(control.noStore).toBe(false)
  })

  it('takes arguments as tokens and as quoted strings (section 5.2)', () => {
    expect(parseCacheControl('max-age="10"').maxAge).toBe(10)
  })

  it.each(['max-age=', 'max-age', 'max-age=1.5', 'max-age=-1', 'max-age= 5', 'max-age =5', 'max-age=5s', 'max-age="5'])(
    'makes a response stale whose lifetime cannot be read: %s', (value) => {
      expect(parseCacheControl(value).maxAge).toBe(0)
    })

  it('counts a number that is too large as 2^31 (section 1.2.2)', () => {
    expect(parseCacheControl('max-age=99999999999999999999').maxAge).toBe(deltaSecondsMax)
  })

  it('takes lifetimes that contradict each other for stale, and repeated ones as they are (section 4.2.1)', () => {
    expect(parseCacheControl('max-age=10, max-age=20').maxAge).toBe(0)
    expect(parseCacheControl('max-age=10, max-age=10').maxAge).toBe(10)
  })

  it('takes the strictest of repeated demands, and of those that cannot be read', () => {
    expect(parseCacheControl('max-stale, max-stale=5').maxStale).toBe(5)
    expect(parseCacheControl('max-stale').maxStale).toBe(Infinity)
    expect(parseCacheControl('max-stale=x').maxStale).toBe(0)
    expect(parseCacheControl('min-fresh=1, min-fresh=9').minFresh).toBe(9)
    expect(parseCacheControl('min-fresh=x').minFresh).toBe(deltaSecondsMax)
  })

  it('knows directives that are limited to some fields, unless another one is not', () => {
    expect(parseCacheControl('no-cache="Set-Cookie, X-A", private="x-b"')).toMatchObject({ noCache: ['set-cookie', 'x-a'], private: ['x-b'] })
    expect(parseCacheControl('no-cache="a", no-cache').noCache).toBe(true)
    expect(parseCacheControl('private=""').private).toBe(true)
  })

  it('is not fooled by a directive within a quoted string', () => {
    expect(parseCacheControl('ext="a, no-store, max-age=5"')).toMatchObject({ noStore: false, maxAge: undefined })
  })

  it('heeds Pragma in a request only where Cache-Control is absent (section 5.4)', () => {
    expect(requestCacheControl([['pragma', 'No-Cache']]).noCache).toBe(true)
    expect(requestCacheControl([['pragma', 'no-cache'], ['cache-control', 'max-age=1']]).noCache).toBe(false)
  })
})
