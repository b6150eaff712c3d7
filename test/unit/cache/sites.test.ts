import { describe, expect, it } from 'vitest'
import { freshnessOf, Sites } from '../../../daemon/cache/sites.ts'
import type { SiteConfig } from '../../../daemon/config.ts'
import { lifetimeMs } from '../../../daemon/http/freshness.ts'
import { storability } from '../../../daemon/http/storable.ts'
import type { Origin } from '../../../daemon/origin/origin.ts'
import { completeSettings, readSettings } from '../../../protocols/config/schema.ts'
import { fillWith, rig } from './rig.ts'

const own: SiteConfig = { name: 'own', hosts: ['own.example', 'both.example'], origin: 'http://own/', defaultTtlMs: 7, hostHeader: 'origin' }

function sitesOf (agreed: object | undefined, configs: readonly SiteConfig[] = [own]): Sites {
  const sites = new Sites(configs, (url) => {
    if (url.includes('nowhere')) throw new Error(`${url} cannot be asked`)
    const origin = { url }
    return { ...origin, all: [origin] } as unknown as Origin
  })
  if (agreed !== undefined) sites.agree(completeSettings(readSettings({ sites: agreed })).sites)
  return sites
}

/** What clients' targets come to at the host `shop.example`. */
function targets (key: object, ...asked: readonly string[]): string[] {
  const sites = sitesOf({ shop: { hosts: ['shop.example'], published: true, key } })
  return asked.map((each) => sites.locate(sites.byHost('shop.example')!, each, 'shop.example')!.target)
}

describe('agreed sites', () => {
  it('stand beside the edge\'s own ones, and go before them in name and host', () => {
    const shop = { hosts: ['both.example'], origins: ['http://agreed/', 'http://second/'] }
    const sites = sitesOf({ shop })
    expect(['own.example', 'both.example:8080', 'x.example'].map((host) => sites.byHost(host)?.name)).toEqual(['own', 'shop', undefined])
    expect(sites.byName('shop')!.origin!.all.map(({ url }) => url)).toEqual(['http://agreed/', 'http://second/'])
    expect(sites.byName('own')!.origin!.all.map(({ url }) => url)).toEqual(['http://own/'])
    sites.agree(completeSettings(readSettings({ sites: { own: shop } })).sites)
    expect([sites.all().map(({ name }) => name), sites.byHost('own.example')]).toEqual([['own'], undefined])
    sites.agree({})
    expect(sites.byHost('both.example')!.defaultTtlMs).toBe(7)
  })

  it('have several origins, as the edge\'s own ones may: each once, in the order given', () => {
    const listed = { ...own, origin: undefined, origins: ['http://b/', 'http://a/', 'http://b/'] }
    const made = new Map<string, Origin>()
    const sites = new Sites([own, { ...listed, name: 'listed', hosts: ['listed.example'] }], (url) => {
      const origin = made.get(url) ?? { url } as Origin
      made.set(url, origin)
      return origin
    })
    const { origin, published } = sites.byName('listed')!
    expect([origin!.all.map(({ url }) => url), published, sites.byName('own')!.origin]).toEqual([['http://b/', 'http://a/'], false, made.get('http://own/')])
    const hash = (origins: readonly string[]): string => new Sites([{ ...listed, origins }], (url) => ({ url }) as Origin).originHash
    expect(new Set([hash(['http://a/', 'http://b/']), hash(['http://b/', 'http://a/']), hash(['http://a/'])]).size).toBe(3)
    expect(hash(['http://own/'])).toBe(new Sites([own], (url) => ({ url }) as Origin).originHash)
  })

  it('change nothing when one of them cannot be run', () => {
    const sites = sitesOf({ shop: { hosts: ['shop.example'], published: true } })
    expect(() => { sites.agree(completeSettings(readSettings({ sites: { shop: { hosts: ['new.example'], origins: ['http://nowhere/'] } } })).sites) }).toThrow('cannot be asked')
    expect(sites.byHost('shop.example')!.name).toBe('shop')
  })

  it('lead a host to the longest pattern that fits, an exact name before it, and * last', () => {
    const published = true
    const sites = sitesOf({
      all: { hosts: ['*'], published }, wide: { hosts: ['*.example.org'], published }, deep: { hosts: ['*.a.example.org'], published }, one: { hosts: ['x.a.example.org'], published }
    }, [])
    expect(['x.a.example.org', 'y.a.example.org', 'p.q.example.org', 'example.org', 'elsewhere'].map((host) => sites.byHost(host)!.name)).toEqual(['one', 'deep', 'wide', 'all', 'all'])
  })

  it('leave out of the key, and of what is asked, the parts of a query that do not count', () => {
    expect(targets({ query: 'drop' }, '/a?b=1', '/a?', '/a')).toEqual(['/a', '/a', '/a'])
    expect(targets({ query: 'sort' }, '/a?b=2&a=1&b=1', '/a?a=1&b=2&b=1')).toEqual(['/a?a=1&b=2&b=1', '/a?a=1&b=2&b=1'])
    expect(targets({ ignore: ['utm_*', 'id'] }, '/a?utm_x=1&b=2&id=3&idx=4', '/a?id', '/a?c&b')).toEqual(['/a?b=2&idx=4', '/a', '/a?c&b'])
    expect(targets({}, '/a?b=2&a=1&utm_x=1')).toEqual(['/a?b=2&a=1&utm_x=1'])
  })

  it('keep the whole target for what is passed on, and know their own keys again', () => {
    const sites = sitesOf({ shop: { hosts: ['shop.example'], published: true, key: { query: 'drop' } } })
    const site = sites.byName('shop')!
    const located = sites.locate(site, '/a?b=1', 'shop.example')!
    expect(located).toMatchObject({ target: '/a', whole: '/a?b=1' })
    expect([sites.keyMatches(located.key, site, '/a'), sites.keyMatches(located.key, site, '/a?b=1')]).toEqual([true, false])
  })

  it('give answers lifetimes by the first rule that fits their path, within bounds, and errors their own', () => {
    const ttl = { default: '10s', min: '5s', max: '60s', negative: '2s', rules: [{ path: '/img/*', default: '30s' }, { path: '/robots.txt', min: '0s', max: '1s' }] }
    const site = sitesOf({ shop: { hosts: ['shop.example'], published: true, ttl } }).byName('shop')
    const lives = (target: string, control?: string, status = 200): number => lifetimeMs({ fields: control === undefined ? [] : [['cache-control', control]], receivedAtMs: 0, initialAgeMs: 0 }, freshnessOf(site, target, status))
    expect([lives('/a'), lives('/a', 'max-age=1'), lives('/a', 'max-age=600'), lives('/img/x?y'), lives('/robots.txt'), lives('/robots.txt?x')]).toEqual([10_000, 5_000, 60_000, 30_000, 1_000, 1_000])
    expect([lives('/a', undefined, 404), lives('/a', 'max-age=1', 404)]).toEqual([2_000, 1_000])
    expect(freshnessOf(undefined, '/', 200)).toEqual({ defaultTtlMs: 0 })
    expect(storability({ method: 'GET', requestFields: [], status: 404, fields: [], defaultTtlMs: 9, negativeTtlMs: 2 }).storable).toBe(true)
    expect(storability({ method: 'GET', requestFields: [], status: 404, fields: [], defaultTtlMs: 9 }).storable).toBe(false)
  })

  it('set and remove fields of responses to clients', () => {
    const { fieldRule } = sitesOf({ shop: { hosts: ['shop.example'], published: true, headers: { set: { 'X-Frame-Options': 'DENY' }, remove: ['Server'] } } }).byName('shop')!
    expect(fieldRule!([['server', 'x'], ['x-frame-options', 'ALLOW'], ['etag', '"1"']])).toEqual([['etag', '"1"'], ['x-frame-options', 'DENY']])
  })

  it('serve what is stale no longer than they say when no origin answers', async () => {
    const site = sitesOf({ shop: { hosts: ['shop.example'], published: true, stale: { ifError: '100s' } } }).byName('shop')!
    const cache = rig()
    await fillWith(cache, [['etag', '"1"'], ['cache-control', 'max-age=60']], { site })
    const failing = async (): Promise<string> => {
      const asked = cache.request({ site })
      const count = cache.flights.length
      while (cache.flights.length === count) await new Promise((resolve) => { setImmediate(resolve) })
      cache.flights.at(-1)!.land({ kind: 'failed', status: 504, reason: 'no origin' })
      const result = await asked
      if (result.kind === 'stored') result.body.close()
      return result.kind
    }
    cache.clock.advance(150_000)
    expect(await failing()).toBe('stored')
    cache.clock.advance(11_000)
    expect(await failing()).toBe('failed')
  })
})
