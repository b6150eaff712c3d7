/** What a person means by a URL: the same key that a request for it would have, or one sentence that helps. */
import { describe, expect, it } from 'vitest'
import { Sites } from '../../../daemon/cache/sites.ts'
import { systemClock } from '../../../daemon/clock.ts'
import type { SiteConfig } from '../../../daemon/config.ts'
import { ExplainError, readFields, readSubject } from '../../../daemon/explain/subject.ts'
import { Origin } from '../../../daemon/origin/origin.ts'
import { originDefaults } from '../../../daemon/origin/settings.ts'

const config = (name: string, hosts: readonly string[], hostHeader: 'origin' | 'preserve' = 'origin'): SiteConfig =>
  ({ name, hosts, origin: 'http://127.0.0.1:1/', defaultTtlMs: 0, hostHeader })
const sitesOf = (configs: readonly SiteConfig[]): Sites => new Sites(configs, (url) => new Origin(url, originDefaults, systemClock))

const three = [config('shop', ['shop.example', '[::1]']), config('kept', ['kept.example'], 'preserve'), config('rest', ['*'])]
const sites = sitesOf(three)
const read = (text: string): ReturnType<typeof readSubject> => readSubject(text, sites, three)
const codeOf = (run: () => unknown): string | undefined => {
  try { run() } catch (error) { return error instanceof ExplainError ? error.code : String(error) }
  return undefined
}

describe('a URL to explain', () => {
  it.each([
    ['http://shop.example/a?b=%7e', 'shop', '/a?b=~'],
    ['https://SHOP.example:8443/a/../b#top', 'shop', '/b'],
    ['shop.example/a', 'shop', '/a'],
    ['http://shop.example', 'shop', '/'],
    ['http://shop.example?q', 'shop', '/?q'],
    ['http://[::1]:80/a', 'shop', '/a'],
    ['localhost:8080/a', 'rest', '/a'],
    ['http://127.0.0.1:8080/a', 'rest', '/a'],
    ['shop:/a//b', 'shop', '/a//b'],
    ['http://shop.example/ü', 'shop', '/%C3%BC']
  ])('%s is of the site %s, path %s', (text, site, target) => {
    const located = read(text)
    expect([located.site.name, located.target]).toEqual([site, target])
    expect(located.key).toBe(sites.locate(located.site, target, '')?.key)
  })

  it('has the client\'s Host in its key where the site keeps it', () => {
    const located = read('http://kept.example/a')
    expect(located).toMatchObject({ host: 'kept.example', key: sites.locate(located.site, '/a', 'kept.example')?.key })
    expect(() => read('kept:/a')).toThrow('give the whole URL')
  })

  it('may be a path alone where there is one site', () => {
    const one = [config('only', ['*'])]
    expect(readSubject('/a', sitesOf(one), one).site.name).toBe('only')
    expect(() => read('/a')).toThrow('give SITE:/PATH')
  })

  it('names the sites and their hosts where none answers for it', () => {
    const two = three.slice(0, 2)
    const run = (): unknown => readSubject('http://other.example/a', sitesOf(two), two)
    expect(run).toThrow('no site of this edge answers for the host other.example; its sites are shop (shop.example, [::1]); kept (kept.example)')
    expect(codeOf(run)).toBe('COLONY_EXPLAIN_SITE')
    expect(codeOf(() => read('unknown:/a'))).toBe('COLONY_EXPLAIN_SITE')
  })

  it.each(['', 'ftp://shop.example/a', 'http://user@shop.example/a', 'http:///a', '//shop.example/a b', 'http://shop.example/a b', 'shop.example\\x', '\ud800 /'])('%j is none', (text) => {
    expect(codeOf(() => read(text))).toMatch(/^COLONY_EXPLAIN_(URL|SITE)$/)
    expect(codeOf(() => read('x'.repeat(20_000)))).toBe('COLONY_EXPLAIN_URL')
  })

  it('takes request fields as the edge would, and refuses what is no field', () => {
    expect(readFields(['Accept-Encoding:  gzip ', 'Host: x', 'Connection: close', 'X-Empty:'])).toEqual([['accept-encoding', 'gzip'], ['x-empty', '']])
    expect(codeOf(() => readFields(['no colon']))).toBe('COLONY_EXPLAIN_URL')
    expect(codeOf(() => readFields(['a: b\nc: d']))).toBe('COLONY_EXPLAIN_URL')
  })
})
