/** What is stored and what is shared (daemon/http/storable.ts; RFC 9111 section 3). */
import { describe, expect, it } from 'vitest'
import { storability } from '../../../daemon/http/storable.ts'
import type { Storability, StorabilityInit } from '../../../daemon/http/storable.ts'
import type { Field } from '../../../protocols/fields.ts'

const stored: Storability = { storable: true, shareable: true }
const refused = (reason: string, shareable = false): unknown => ({ storable: false, shareable, reason })
const ask = (fields: Field[], init: Partial<StorabilityInit> = {}): Storability =>
  storability({ method: 'GET', requestFields: [], status: 200, defaultTtlMs: 0, fields, ...init })
const control = (value: string): Field[] => [['cache-control', value]]
const date: Field = ['date', 'Sun, 06 Nov 1994 08:49:37 GMT']
const later: Field = ['expires', 'Sun, 06 Nov 1994 08:49:38 GMT']

describe('storability', () => {
  it('stores a 200 that states no lifetime, to have it when no origin can be reached (DESIGN.md)', () => {
    expect(ask([])).toEqual(stored)
    expect(ask(control('no-cache'))).toEqual(stored)
  })

  it.each([203, 204, 300, 301, 308])('stores a %d with a lifetime, its own or the site\'s', (status) => {
    expect(ask(control('max-age=5'), { status })).toEqual(stored)
    expect(ask([], { status, defaultTtlMs: 1 })).toEqual(stored)
    expect(ask([], { status })).toEqual(refused('no-lifetime', true))
  })

  it.each([404, 405, 410, 414, 501])('stores a %d only with a lifetime of its own, and shares it all the same', (status) => {
    expect(ask([date, later], { status })).toEqual(stored)
    expect(ask([], { status, defaultTtlMs: 1000 })).toEqual(refused('no-lifetime', true))
    expect(ask(control('max-age=0'), { status })).toEqual(refused('no-lifetime', true))
  })

  it('shares the failure of an origin with all who wait, but no other status that it does not understand', () => {
    expect(ask(control('max-age=5'), { status: 503 })).toEqual(refused('status', true))
    for (const status of [206, 302, 401, 403]) expect(ask(control('max-age=5'), { status })).toEqual(refused('status'))
  })

  it('keeps nothing of other methods, nor against the will of request or response', () => {
    expect(ask(control('max-age=5'), { method: 'POST' })).toEqual(refused('method'))
    expect(ask(control('max-age=5'), { requestFields: control('no-store') })).toEqual(refused('request-no-store'))
    expect(ask(control('max-age=5, no-store'))).toEqual(refused('no-store'))
    expect(ask(control('max-age=5, private'))).toEqual(refused('private'))
    expect(ask(control('max-age=5, private="x"'))).toEqual(refused('private'))
    expect(ask([['vary', 'accept, *']])).toEqual(refused('vary'))
  })

  it('looks past no-store beside must-understand where it understands the status (section 5.2.2.3)', () => {
    expect(ask(control('must-understand, no-store, max-age=5'))).toEqual(stored)
    expect(ask(control('must-understand, no-store, max-age=5'), { status: 299 })).toEqual(refused('no-store'))
  })

  it('stores what credentials brought only where the response opens itself (section 3.5)', () => {
    const requestFields: Field[] = [['authorization', 'Basic x']]
    expect(ask(control('max-age=5'), { requestFields })).toEqual(refused('authorization'))
    for (const value of ['public', 's-maxage=5', 'must-revalidate']) expect(ask(control(value), { requestFields })).toEqual(stored)
  })

  it('stores a cookie only with a response that is stated to be fresh for anybody', () => {
    const cookie: Field = ['set-cookie', 'a=1']
    expect(ask([cookie, ...control('max-age=5')])).toEqual(stored)
    for (const fields of [[], control('max-age=0'), control('max-age=5, no-cache'), [later]]) {
      expect(ask([cookie, ...fields], { defaultTtlMs: 1000 })).toEqual(refused('set-cookie'))
    }
  })
})
