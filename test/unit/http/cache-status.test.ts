/** Cache-Status (daemon/http/cache-status.ts; RFC 9211) and Via (daemon/http/via.ts; RFC 9110 section 7.6.3). */
import { describe, expect, it } from 'vitest'
import { cacheStatus, withCacheStatus } from '../../../daemon/http/cache-status.ts'
import { withVia } from '../../../daemon/http/via.ts'

describe('Cache-Status', () => {
  it('tells a hit with what is left of its freshness', () => {
    expect(cacheStatus({ cache: 'edge-1', hit: true, ttl: 12.9, fwd: 'miss', stored: true })).toBe('edge-1;hit;ttl=12')
    expect(cacheStatus({ cache: 'edge-1', hit: true, ttl: -0.5 })).toBe('edge-1;hit;ttl=-1')
  })

  it('tells why a request went on, and what became of it', () => {
    expect(cacheStatus({ cache: 'e', hit: false, fwd: 'stale', fwdStatus: 304, stored: true, collapsed: true, key: 'a"b', detail: 'peer' }))
      .toBe('e;fwd=stale;fwd-status=304;stored;collapsed;key="a\\"b";detail=peer')
    expect(cacheStatus({ cache: 'e', hit: false, fwd: 'uri-miss', stored: false, collapsed: false })).toBe('e;fwd=uri-miss')
  })

  it('quotes a name that is no token, and replaces what a string cannot hold', () => {
    expect(cacheStatus({ cache: '1 é"\\', hit: true })).toBe('"1 ?\\"\\\\";hit')
  })

  it('stands behind what caches nearer to the origin said (section 2)', () => {
    expect(withCacheStatus([['cache-status', 'far;hit']], { cache: 'near', hit: false, fwd: 'miss' }))
      .toEqual([['cache-status', 'far;hit'], ['cache-status', 'near;fwd=miss']])
  })
})

describe('Via', () => {
  it('stands behind the hops before, with a pseudonym that is a token', () => {
    expect(withVia([['via', '1.0 old']], 'edge 1')).toEqual([['via', '1.0 old'], ['via', '1.1 edge-1']])
    expect(withVia([])).toEqual([['via', '1.1 colony']])
    expect(withVia([], '')).toEqual([['via', '1.1 colony']])
  })
})
