import { describe, expect, it } from 'vitest'
import { Sites } from '../../../daemon/cache/sites.ts'
import { placesOf } from '../../../daemon/purge/places.ts'
import type { AgreedSite } from '../../../protocols/config/schema.ts'
import type { Selector } from '../../../protocols/purge/purge.ts'
import { tagHash } from '../../../protocols/purge/tags.ts'

const agreedSite = (more: object): AgreedSite => ({
  hosts: ['shop.example'], origins: [], published: false, hostHeader: 'origin', purgeMethod: 'off', key: { query: 'keep', ignore: [] },
  ttl: { default: 0, min: 0, max: 1, negative: 0, rules: [] }, stale: { whileRevalidate: 0, ifError: 0, fenced: 'revalidate' }, headers: { set: {}, remove: [] }, ...more
})

function sitesOf (agreed: Record<string, AgreedSite> = {}): Sites {
  const sites = new Sites([{ name: 'many', hosts: ['*'], defaultTtlMs: 0, hostHeader: 'preserve' }], () => { throw new Error('no origin') })
  sites.agree(agreed)
  return sites
}

const url = (more: object): Selector => ({ kind: 'url', target: '/a?y=2&x=1&utm=3', queries: 'exact', ...more }) as Selector

describe('what a selector means on this edge', () => {
  it('is a host apart where its site keeps hosts apart, else the site that it leads to', () => {
    const sites = sitesOf({ shop: agreedSite({}) })
    expect(placesOf(sites, [{ kind: 'host', host: 'other.example' }, { kind: 'host', host: 'shop.example' }])).toEqual([{ scope: 'many|other.example', kind: 'all' }, { scope: 'shop', kind: 'all' }])
    expect(placesOf(sites, [{ kind: 'tag', tag: 'a' }, { kind: 'everything', site: 'shop' }])).toEqual([{ scope: '', kind: 'tag', tag: tagHash('a') }, { scope: 'shop', kind: 'all' }])
  })

  it('is what the site\'s key has of a target, by its rule of now and by the one before', () => {
    const sites = sitesOf({ shop: agreedSite({ key: { query: 'sort', ignore: ['utm'] } }) })
    expect(placesOf(sites, [url({ site: 'shop' })]).map((place) => 'text' in place && place.text)).toEqual(['/a?y=2&x=1&utm=3', '/a?x=1&y=2'])
    sites.agree({ shop: agreedSite({ key: { query: 'drop', ignore: [] } }), late: agreedSite({ hosts: ['late.example'] }) })
    // Another change of what is agreed does not make it forget the rule before.
    sites.agree({ shop: agreedSite({ key: { query: 'drop', ignore: [] } }) })
    for (const each of [{ site: 'shop' }, { host: 'shop.example' }, {}]) {
      expect(placesOf(sites, [url(each)]).filter(({ scope }) => scope === 'shop').map((place) => 'text' in place && place.text)).toEqual(expect.arrayContaining(['/a', '/a?x=1&y=2']))
    }
    expect(placesOf(sites, [{ kind: 'prefix', site: 'shop', prefix: '/a?x' }])).toContainEqual({ scope: 'shop', kind: 'path', text: '/a' })
  })

  it('is every query of the path where the edge knows no such site', () => {
    const sites = sitesOf()
    expect(placesOf(sites, [url({ site: 'gone' })])).toContainEqual({ scope: 'gone', kind: 'path', text: '/a' })
    expect(placesOf(sites, [url({ queries: 'all', target: '/a' })])).toEqual([{ scope: '', kind: 'path', text: '/a' }])
  })
})
