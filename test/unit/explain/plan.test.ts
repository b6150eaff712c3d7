/** What a request now would come to: every answer of the cache, said in a sentence, for the reason that decides it. */
import { describe, expect, it } from 'vitest'
import { plan } from '../../../daemon/explain/plan.ts'
import type { Fields } from '../../../protocols/fields.ts'
import { held, routeOf, situationOf, storedOf } from './support.ts'

const control = (value: string): Fields => [['cache-control', value]]
const doing = (about: ReturnType<typeof plan>): string[] => about.steps.map(({ do: what }) => what)

describe('the plan of a request for what is stored', () => {
  it('is a hit while it is fresh', () => {
    expect(plan(situationOf({ stored: storedOf('max-age=60', 12_000, 60_000) }))).toEqual({
      outcome: 'hit',
      verdict: 'A request to edge-1 now would be a HIT: stored 12 s ago, fresh for another 48 s.',
      steps: [{ do: 'answers from the store', why: 'stored 12 s ago, fresh for another 48 s' }]
    })
  })

  it.each<[string, string | undefined, number, number, Fields, string]>([
    ['its lifetime is over', 'max-age=60', 72_000, 60_000, [], 'the lifetime of 1 min of what is stored ended 12 s ago'],
    ['it states no lifetime', undefined, 10, 0, [], 'states no lifetime and the site has no default one'],
    ['it says no-cache', 'no-cache, max-age=60', 10, 60_000, [], 'the stored response says no-cache'],
    ['the request says no-cache', 'max-age=60', 10, 60_000, control('no-cache'), 'fresh, but the request says no-cache'],
    ['the request wants it fresher', 'max-age=60', 10_000, 60_000, control('max-age=5'), 'the request\'s Cache-Control wants it fresher']
  ])('validates it first when %s', (_why, stored, ageMs, lifetimeMs, fields, why) => {
    const about = plan(situationOf({ stored: storedOf(stored, ageMs, lifetimeMs, [['etag', '"1"']]), fields, route: routeOf({ validators: ['if-none-match'] }) }))
    expect(about.outcome).toBe('revalidated')
    expect(about.verdict).toContain(why)
    expect(about.steps[0]).toEqual({ do: 'keeps what is stored back until it is validated', why: expect.stringContaining(why) as string })
    expect(doing(about)).toContain('asks the origin http://origin, with if-none-match, and beside it whom the DHT names')
  })

  it('is revalidated by a peer that holds the same version fresh, and a miss where it holds another', () => {
    const stored = storedOf('max-age=60', 72_000, 60_000)
    const from = (hash: string): string => plan(situationOf({ stored, route: routeOf({ owners: ['owner'], holding: { owner: held(5_000, { hash }) } }) })).outcome
    expect([from(stored.head.hash), from('C'.repeat(43))]).toEqual(['revalidated', 'miss'])
  })

  it('is served stale to who allows that, and to everybody when no origin and no peer has it', () => {
    const stored = storedOf('max-age=60', 72_000, 60_000)
    expect(plan(situationOf({ stored, fields: control('max-stale') })).verdict).toContain('be served STALE: stored 1.2 min ago, stale for 12 s, which the request\'s max-stale allows')
    const dead = routeOf({ origins: [{ url: 'http://origin', breaker: 'open' }] })
    expect(plan(situationOf({ stored, route: dead })).outcome).toBe('stale')
    expect(plan(situationOf({ stored: storedOf('max-age=60, must-revalidate', 72_000, 60_000), route: dead })).outcome).toBe('failed')
  })
})

describe('the plan of a request for what may be served while it is fetched anew', () => {
  const stored = { ...storedOf('max-age=60', 72_000, 60_000), whileRevalidateMs: 30_000 }

  it('serves it stale at once, then asks as for any other', () => {
    const about = plan(situationOf({ stored }))
    expect([about.outcome, about.verdict]).toEqual(['stale', 'A request to edge-1 now would be served STALE: stored 1.2 min ago, stale for 12 s, which is allowed for another 18 s while it is fetched anew.'])
    expect(doing(about).slice(0, 2)).toEqual(['answers from the store, stale, and then fetches it anew', 'asks the origin http://origin, and beside it whom the DHT names'])
    expect(doing(plan(situationOf({ stored, underway: true })))).toEqual([doing(about)[0], 'leaves it to the fetch that is under way'])
  })

  it.each<[string, Fields, number]>([['no-cache', control('no-cache'), 30_000], ['credentials', [['authorization', 'Basic x']], 30_000], ['a window that is over', [], 12_000]])('does not for %s', (_what, fields, whileRevalidateMs) => {
    expect(plan(situationOf({ stored: { ...stored, whileRevalidateMs }, fields })).outcome).not.toBe('stale')
  })
})

describe('the plan of a request where a site has several origins', () => {
  const origins = [{ url: 'http://one', breaker: 'open' as const }, { url: 'http://two', ttfbMs: 5, breaker: 'closed' as const }]

  it('asks them in turn, and expects what one of them that can be reached brings', () => {
    const about = plan(situationOf({ route: routeOf({ origins }) }))
    expect(about.verdict).toContain('be a MISS, filled from the origin')
    expect(about.steps.filter(({ do: what }) => what.startsWith('asks the origin'))).toEqual([
      { do: 'asks the origin http://one', why: 'it could not be reached a moment ago and is left alone for a while, so this fails at once' },
      { do: 'asks the origin http://two', why: 'only if the one before does not answer; its first byte takes 5 ms' }
    ])
  })

  it('passes to each in turn what passes, and fails where none can be reached', () => {
    const passing = (each: typeof origins | Array<typeof origins[0]>): ReturnType<typeof plan> => plan(situationOf({ fields: control('no-store'), route: routeOf({ origins: each }) }))
    expect(passing(origins)).toMatchObject({ outcome: 'pass', steps: [{ do: 'passes to the origin http://one; no peer is asked' }, { do: 'passes to the origin http://two; no peer is asked', why: 'only if the one before does not answer' }] })
    expect(passing([origins[0]!]).outcome).toBe('failed')
  })
})

describe('the plan of a request that may not be answered from a store', () => {
  it.each<[string, Parameters<typeof situationOf>[0], string]>([
    ['carries credentials', { fields: [['authorization', 'Basic x']] }, 'credentials'],
    ['says no-store', { fields: control('no-store') }, 'no-store'],
    ['names a key whose last response was not shareable', { notShareable: true }, 'not shareable'],
    ['has a precondition for the origin', { fields: [['if-match', '"1"']], stored: storedOf('max-age=60', 1, 60_000) }, 'precondition'],
    ['wants a far range of what is not stored', { fields: [['range', 'bytes=5000-']] }, 'range begins further in']
  ])('passes to the origin alone when it %s', (_why, more, why) => {
    const about = plan(situationOf(more))
    expect(about).toMatchObject({ outcome: 'pass', steps: [{ do: 'passes to the origin http://origin; no peer is asked' }] })
    expect(about.verdict).toContain(why)
  })

  it('takes a far range of what is stored from there, and validates that first where it is stale', () => {
    const fields: Fields = [['range', 'bytes=5000-']]
    expect(plan(situationOf({ fields, stored: storedOf('max-age=60', 1, 60_000) })).outcome).toBe('hit')
    expect(plan(situationOf({ fields, stored: storedOf('max-age=60', 72_000, 60_000) })).steps.length).toBeGreaterThan(1)
  })

  it('fails where it may only be answered from the store', () => {
    expect(plan(situationOf({ fields: control('only-if-cached') }))).toMatchObject({ outcome: 'failed', verdict: expect.stringContaining('FAIL with 504') as string })
    expect(plan(situationOf({ fields: control('only-if-cached'), stored: storedOf('max-age=60', 1, 60_000) })).outcome).toBe('hit')
  })

  it('joins the fetch that is under way', () => {
    const about = plan(situationOf({ underway: true }))
    expect(doing(about)).toEqual(['joins the fetch that is under way'])
  })

  it('tells another variant from nothing at all', () => {
    expect(plan(situationOf({ otherVary: ['accept-encoding'] })).verdict).toContain('what is stored here is for other values of accept-encoding')
    expect(plan(situationOf()).verdict).toContain('nothing is stored for it here')
  })
})

describe('the plan of a miss', () => {
  it('names the owner, the round trip and why that is waited for', () => {
    const about = plan(situationOf({ route: routeOf({ owners: ['owner'], rtts: { owner: 1.2 } }) }))
    expect(about.verdict).toBe('A request to edge-1 now would be a MISS, filled from the origin by way of owner: nothing is stored for it here.')
    expect(about.steps[1]).toEqual({
      do: 'asks owner to find it',
      why: 'first owner of the key in here; round trip 1.2 ms, waited for as that is below 10 ms or 5 % of the origin\'s 80 ms to its first byte; it does not hold it and asks the origin'
    })
  })

  it('follows the owner to whom its directory names, and to the home region', () => {
    const route = routeOf({ owners: ['owner'], home: 'far', homeOwners: ['far-owner'], directories: { owner: ['holder'] } })
    expect(plan(situationOf({ route })).steps[1]?.why).toContain('asks holder, which its directory names; then far-owner, the owner in its home region far; then the origin')
    const found = (peer: string): string => plan(situationOf({ route: { ...route, holds: (each) => each === peer ? held(5_000) : undefined } })).verdict
    expect(found('holder')).toContain('filled from holder, which holds it fresh, by way of owner')
    expect(found('far-owner')).toContain('filled from far-owner, which holds it fresh, by way of owner')
    expect(found('owner')).toContain('filled from owner, which holds it fresh:')
  })

  it('passes over an owner that did not answer the survey', () => {
    const about = plan(situationOf({ route: routeOf({ owners: ['owner', 'second'], holding: { owner: 'unknown' } }) }))
    expect(about.steps[1]?.why).toContain('it did not answer')
    expect(about.verdict).toContain('by way of second')
  })

  it('takes no copy that the request wants fresher', () => {
    const route = routeOf({ owners: ['owner'], holding: { owner: held(5_000) }, fits: () => false })
    const about = plan(situationOf({ route, fields: control('no-cache') }))
    expect(about.verdict).toContain('from the origin by way of owner')
    expect(about.steps[1]?.why).toContain('the request wants it fresher')
  })

  it('comes from anyone who has it, stale or not, when the origin cannot be reached', () => {
    const origins = [{ url: 'http://origin', ttfbMs: 80, breaker: 'open' as const }]
    const about = plan(situationOf({ route: routeOf({ origins, holding: { other: held(-5_000) } }) }))
    expect(about.verdict).toContain('filled with a stale copy of other as no origin can be reached')
    expect(plan(situationOf({ route: routeOf({ origins }) }))).toMatchObject({ outcome: 'failed' })
  })
})
