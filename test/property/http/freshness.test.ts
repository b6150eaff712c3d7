/** Freshness against a model that follows the RFC's own formulas, in whole seconds (RFC 9111 section 4.2). */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parseCacheControl } from '../../../daemon/http/cache-control.ts'
import { formatHttpDate, parseHttpDate } from '../../../daemon/http/date.ts'
import { currentAgeMs, initialAgeMs, isFresh, lifetimeMs, mayServeStale, mayServeWhileRevalidating, needsValidation, revalidationWindowMs } from '../../../daemon/http/freshness.ts'
import type { Field } from '../../../protocols/fields.ts'

const epochS = Date.UTC(2026, 0, 1) / 1000
const seconds = fc.integer({ min: 0, max: 5000 })
const maybe = (value: fc.Arbitrary<number>): fc.Arbitrary<number | undefined> => fc.option(value, { nil: undefined })
const offset = fc.integer({ min: -5000, max: 5000 })

const scene = fc.record({
  age: maybe(seconds), date: maybe(offset), expires: maybe(offset), maxAge: maybe(seconds), sMaxage: maybe(seconds),
  delay: seconds, resident: seconds, defaultTtl: seconds
})
type Scene = typeof scene extends fc.Arbitrary<infer S> ? S : never

function fieldsOf ({ age, date, expires, maxAge, sMaxage }: Scene): Field[] {
  const fields: Field[] = []
  if (age !== undefined) fields.push(['age', String(age)])
  if (date !== undefined) fields.push(['date', formatHttpDate((epochS + date) * 1000)])
  if (expires !== undefined) fields.push(['expires', formatHttpDate((epochS + expires) * 1000)])
  if (maxAge !== undefined) fields.push(['cache-control', `max-age=${maxAge}`])
  if (sMaxage !== undefined) fields.push(['cache-control', `s-maxage=${sMaxage}`])
  return fields
}

it('agrees with the formulas of the RFC on age, lifetime and freshness', () => {
  fc.assert(fc.property(scene, (s) => {
    const receivedAtMs = epochS * 1000
    const fields = fieldsOf(s)
    const initial = initialAgeMs({ fields, requestedAtMs: receivedAtMs - s.delay * 1000, receivedAtMs })
    const stored = { fields, receivedAtMs, initialAgeMs: initial }
    const nowMs = receivedAtMs + s.resident * 1000

    const apparentAge = Math.max(0, 0 - (s.date ?? 0))
    const correctedAge = (s.age ?? 0) + s.delay
    const age = Math.max(apparentAge, correctedAge) + s.resident
    const stated = s.sMaxage ?? s.maxAge ?? (s.expires === undefined ? undefined : Math.max(0, s.expires - (s.date ?? 0)))
    const lifetime = stated ?? s.defaultTtl

    const policy = { defaultTtlMs: s.defaultTtl * 1000 }
    expect(currentAgeMs(stored, nowMs)).toBe(age * 1000)
    expect(lifetimeMs(stored, policy)).toBe(lifetime * 1000)
    expect(isFresh(stored, nowMs, policy)).toBe(lifetime > age)
  }))
})

it('never lets a request without max-stale have what is stale, and validates more, never less, as it ages', () => {
  const request = fc.record({ maxAge: maybe(seconds), minFresh: maybe(seconds), maxStale: maybe(seconds) })
  fc.assert(fc.property(request, seconds, seconds, seconds, fc.boolean(), (r, age, later, lifetime, strict) => {
    const control = parseCacheControl(Object.entries({ 'max-age': r.maxAge, 'min-fresh': r.minFresh, 'max-stale': r.maxStale })
      .filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${value}`).join(', '))
    const stored = { fields: [['cache-control', strict ? 'must-revalidate' : 'public']] as Field[] }
    const needs = (ageS: number): boolean => needsValidation(stored, control, ageS * 1000, lifetime * 1000)
    if (age >= lifetime && (r.maxStale === undefined || strict)) expect(needs(age)).toBe(true)
    if (needs(age)) expect(needs(age + later)).toBe(true)
    if (r.maxAge === undefined && r.minFresh === undefined && age < lifetime) expect(needs(age)).toBe(false)
  }))
})

it('reads back every date that it writes, to the second', () => {
  fc.assert(fc.property(fc.integer({ min: Date.UTC(1900, 0), max: Date.UTC(9999, 11) }), (ms) => {
    expect(parseHttpDate(formatHttpDate(ms))).toBe(Math.floor(ms / 1000) * 1000)
  }))
})

it('reads any text as Cache-Control without failing, and every lifetime as whole seconds within bounds', () => {
  fc.assert(fc.property(fc.string(), fc.string(), (before, value) => {
    const { maxAge } = parseCacheControl(`${before},max-age=${value}`)
    if (maxAge !== undefined) expect(Number.isInteger(maxAge) && maxAge >= 0 && maxAge <= 2 ** 31).toBe(true)
  }))
})

it('serves while it revalidates within the window alone, and never what or whom a directive forbids (RFC 5861 section 3)', () => {
  const directives = ['no-cache', 'must-revalidate', 'proxy-revalidate', 's-maxage=5', 'public', 'immutable']
  const demands = ['no-cache', 'no-store', 'max-age=0', 'max-age=4000', 'min-fresh=1', 'max-stale', 'max-stale=2', 'no-transform']
  const scene = fc.record({
    said: fc.subarray(directives, { maxLength: 2 }), own: maybe(seconds), site: maybe(seconds), demanded: fc.subarray(demands, { maxLength: 1 }), past: offset, status: fc.constantFrom(200, 301, 404)
  })
  fc.assert(fc.property(scene, ({ said, own, site, demanded, past, status }) => {
    const control = [...said, ...own === undefined ? [] : [`stale-while-revalidate=${own}`]].join(', ')
    const stored = { fields: [['cache-control', control]] as Field[], status }
    const windowS = own ?? (status < 400 ? site ?? 0 : 0)
    const isFree = demanded.every((demand) => demand === 'no-transform')
    expect(mayServeWhileRevalidating(parseCacheControl(demanded.join(', ')), past * 1000, revalidationWindowMs(stored, site === undefined ? undefined : site * 1000)))
      .toBe(mayServeStale(stored) && isFree && past >= 0 && past < windowS)
  }))
})
