/** What can be agreed on, and the sentence for each thing that cannot. */
import { describe, expect, it } from 'vitest'
import { canonicalJson, configLimits, ConfigInvalidError, dotted, hashOf, mergePatch } from '../../../protocols/config/canonical.ts'
import { completeSettings, isRegionWide, readSettings } from '../../../protocols/config/schema.ts'

const shop = { hosts: ['shop.example.org'], origins: ['https://origin.example.org'] }

/** All faults of settings, read and completed. */
function faultsOf (value: unknown): readonly string[] {
  try {
    completeSettings(readSettings(value))
    return []
  } catch (error) {
    if (error instanceof ConfigInvalidError) return error.faults
    throw error
  }
}

/** One site with these fields in place of the plain ones. */
function site (fields: object): object {
  return { sites: { shop: { ...shop, ...fields } } }
}

describe('readSettings', () => {
  it('keeps what is given in one normal form, and leaves out what is empty', () => {
    const read = readSettings({
      sites: { shop: { hosts: ['Shop.Example.ORG'], origins: ['HTTP://origin.example.org:80'], ttl: { default: '60s', rules: [{ path: '/img/*', max: '7d' }] }, key: {}, headers: { set: { 'X-Frame-Options': 'DENY' }, remove: ['Server'] } } },
      flags: { beta: true },
      ring: {}
    })
    expect(read).toEqual({
      sites: { shop: { hosts: ['shop.example.org'], origins: ['http://origin.example.org/'], ttl: { default: 60_000, rules: [{ path: '/img/*', max: 604_800_000 }] }, headers: { set: { 'x-frame-options': 'DENY' }, remove: ['server'] } } },
      flags: { beta: true }
    })
    expect(readSettings(read)).toEqual(read)
  })

  it('takes nothing as settings without content', () => {
    expect(readSettings(undefined)).toEqual({})
    expect(readSettings(null)).toEqual({})
  })

  it('lets a region say one field of a site and nothing else', () => {
    expect(readSettings({ sites: { shop: { ttl: { default: 0 } } } })).toEqual({ sites: { shop: { ttl: { default: 0 } } } })
  })

  it('finds every fault in one reading, and names the first one', () => {
    const read = (): unknown => readSettings({ site: {}, flags: { a: null }, ring: { weights: { fra: 0 } } })
    expect(read).toThrow(expect.objectContaining({ code: 'COLONY_CONFIG_INVALID', message: 'site: unknown; did you mean sites? (and 2 more)' }))
  })

  it.each<[what: string, value: unknown, ...faults: string[]]>([
    ['a mistyped field', site({ ttl: { defualt: 1 } }), 'sites.shop.ttl.defualt: unknown; did you mean default?'],
    ['an unknown field with nothing near', site({ stale: { zebra: 1 } }), 'sites.shop.stale.zebra: unknown; known here are whileRevalidate, ifError, fenced'],
    ['an unknown part', { policies: {} }, 'policies: unknown; known here are sites, flags, ring, placement, peers'],
    ['the field of the edge\'s own file', site({ origin: 'http://a.example' }), 'sites.shop.origin: unknown; did you mean origins?'],
    ['a field that every object has', site({ constructor: 1 }), 'sites.shop.constructor: unknown; known here are hosts, origins, published, hostHeader, purgeMethod, key, ttl, stale, headers'],
    ['a site without hosts', { sites: { shop: { origins: ['http://a.example'] } } }, 'sites.shop.hosts: missing; expected a list of host names, such as [cdn.example.org]'],
    ['no host', site({ hosts: [] }), 'sites.shop.hosts: expected a list of host names, such as [cdn.example.org], not an empty list'],
    ['one host as text', site({ hosts: 'a.example' }), 'sites.shop.hosts: expected a list of host names, such as [cdn.example.org], not "a.example"'],
    ['a host with a port', site({ hosts: ['a.example', 'b.example:80'] }), 'sites.shop.hosts[1]: expected a host name without a port, such as cdn.example.org, *.example.org or *, not "b.example:80"'],
    ['a star within a host', site({ hosts: ['a.*.example'] }), 'sites.shop.hosts[0]: expected a host name without a port, such as cdn.example.org, *.example.org or *, not "a.*.example"'],
    ['too many hosts', site({ hosts: Array.from({ length: 101 }, (_, index) => `h${index}.example`) }), 'sites.shop.hosts: 101 entries; at most 100 are allowed'],
    ['an origin with credentials', site({ origins: ['http://me:secret@a.example/'] }), 'sites.shop.origins[0]: expected an http or https URL without credentials, query or fragment, such as https://origin.example.org, not "http://me:secret@a.example/"'],
    ['an origin of another scheme', site({ origins: ['ftp://a.example'] }), 'sites.shop.origins[0]: expected an http or https URL without credentials, query or fragment, such as https://origin.example.org, not "ftp://a.example"'],
    ['neither origin nor publishing', site({ origins: [], published: false }), 'sites.shop.published: false, but the site has no origins; give one, or let content be published'],
    ['publishing that is no choice', site({ published: 'yes' }), 'sites.shop.published: expected true or false, not "yes"'],
    ['an unknown Host rule', site({ hostHeader: 'client' }), 'sites.shop.hostHeader: expected origin or preserve, not "client"'],
    ['an unknown query rule', site({ key: { query: 'strip' } }), 'sites.shop.key.query: expected keep, sort, drop, not "strip"'],
    ['a parameter with a blank', site({ key: { ignore: ['utm source'] } }), 'sites.shop.key.ignore[0]: expected a query parameter such as utm_source or utm_*, not "utm source"'],
    ['a lifetime in words', site({ ttl: { default: 'soon' } }), 'sites.shop.ttl.default: expected a duration such as 500ms, 60s, 2h or 7d, or whole milliseconds, not "soon"'],
    ['a negative lifetime', site({ ttl: { min: -1 } }), 'sites.shop.ttl.min: expected a duration such as 500ms, 60s, 2h or 7d, or whole milliseconds, not -1'],
    ['a lifetime beyond all', site({ ttl: { max: '99999999d' } }), 'sites.shop.ttl.max: expected a duration such as 500ms, 60s, 2h or 7d, or whole milliseconds, not "99999999d"'],
    ['a lifetime that YAML left empty', site({ ttl: { default: null } }), 'sites.shop.ttl.default: expected a duration such as 500ms, 60s, 2h or 7d, or whole milliseconds, not null'],
    ['lifetimes the wrong way round', site({ ttl: { min: '2h', max: '1h' } }), 'sites.shop.ttl.min: 7200000 ms is more than max, which is 3600000 ms'],
    ['a rule below the site\'s least', site({ ttl: { min: '2h', rules: [{ path: '/a', max: '1h' }] } }), 'sites.shop.ttl.rules[0].min: 7200000 ms is more than max, which is 3600000 ms'],
    ['a rule without a path', site({ ttl: { rules: [{ default: 1 }] } }), 'sites.shop.ttl.rules[0].path: missing; expected a path such as /img/* or /robots.txt, with * at its end only'],
    ['a rule with a star in the middle', site({ ttl: { rules: [{ path: '/a*b', default: 1 }] } }), 'sites.shop.ttl.rules[0].path: expected a path such as /img/* or /robots.txt, with * at its end only, not "/a*b"'],
    ['a rule that says nothing', site({ ttl: { rules: [{ path: '/a' }] } }), 'sites.shop.ttl.rules[0]: says nothing; give default, min or max'],
    ['a mistyped field of a rule', site({ ttl: { rules: [{ path: '/a', tll: 1 }] } }), 'sites.shop.ttl.rules[0].tll: unknown; known here are path, default, min, max'],
    ['an unknown rule for fences', site({ stale: { fenced: 'serve' } }), 'sites.shop.stale.fenced: expected revalidate, serve-stale, refuse, not "serve"'],
    ['a header that frames the message', site({ headers: { set: { 'Content-Length': '1' } } }), 'sites.shop.headers.set.Content-Length: expected the name of a response header that does not frame the message, such as X-Frame-Options'],
    ['a removed header that Colony answers for', site({ headers: { remove: ['Age'] } }), 'sites.shop.headers.remove[0]: expected the name of a response header that does not frame the message, such as X-Frame-Options, not "Age"'],
    ['a header of two lines', site({ headers: { set: { 'x-a': 'b\r\nx-c: d' } } }), 'sites.shop.headers.set.x-a: expected a header value of up to 1024 printable characters, not "b\\r\\nx-c: d"'],
    ['a header given twice', site({ headers: { set: { 'x-a': '1', 'X-A': '2' } } }), 'sites.shop.headers.set.X-A: given twice, as names of headers have no case'],
    ['a site\'s name with a blank', { sites: { 'my shop': shop } }, 'sites["my shop"]: expected a site\'s name: up to 63 letters, digits, ".", "_" or "-"'],
    ['sites as a list', { sites: [shop] }, 'sites: expected a map of a site\'s name: up to 63 letters, digits, ".", "_" or "-", not [{"hosts":["shop.example.org"],"origins":["https://origin.example.org"]}]'],
    ['one host for two sites', { sites: { a: shop, b: shop } }, 'sites.b.hosts[0]: shop.example.org leads to site a already; a host leads to one site'],
    ['a flag that is a map', { flags: { beta: {} } }, 'flags.beta: expected true, false, a number or up to 256 characters, not {}'],
    ['a weight of nothing', { ring: { weights: { 'fra-1': 0 } } }, 'ring.weights.fra-1: expected a weight above 0 and up to 16, such as 2, not 0'],
    ['copies in part', { placement: { copiesMin: 1.5 } }, 'placement.copiesMin: expected a whole number from 1 to 100, not 1.5'],
    ['copies the wrong way round', { placement: { copiesMin: 9 } }, 'placement.copiesMin: 9 is more than placement.copiesMax, which is 8'],
    ['a share in percent', { placement: { storeShareMax: 50 } }, 'placement.storeShareMax: expected a share from 0 to 1, such as 0.5, not 50'],
    ['a peer id that is none', { peers: { allowed: ['fra-1'] } }, 'peers.allowed[0]: expected a peer id, such as 12D3KooW…, not "fra-1"'],
    ['text for settings', 'sites', 'the configuration: expected a map of sites, flags, ring, placement, peers, not "sites"'],
    ['a date, as YAML reads one', { flags: { since: new Date(0) } }, 'flags.since: a Date is not a value that JSON has'],
    ['a number without an end', { flags: { a: Infinity } }, 'flags.a: Infinity is not a number that JSON has'],
    ['half a character', { flags: { a: '\ud800' } }, 'flags.a: text that is not Unicode'],
    ['a name with a slash', { flags: { 'a/b': 1 } }, 'flags: "a/b" cannot be a name: 1 to 128 printable characters without "/" are needed'],
    ['the name of all prototypes', JSON.parse('{"flags":{"__proto__":1}}'), 'flags: "__proto__" cannot be a name: 1 to 128 printable characters without "/" are needed'],
    ['maps in maps', JSON.parse(`${'{"a":'.repeat(20)}1${'}'.repeat(20)}`), `${dotted(Array.from({ length: 13 }, () => 'a'))}: nested deeper than 12`]
  ])('refuses %s', (_what, value, ...faults) => {
    expect(faultsOf(value)).toEqual(faults)
  })

  it('refuses more values than it is willing to look at, and more bytes than an entry may have', () => {
    expect(faultsOf({ sites: new Array(configLimits.valuesMax).fill(0) })[0]).toMatch(/: more than 50000 values$/)
    const sites = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`s${index}`, { hosts: [`s${index}.example`], headers: { set: { 'x-a': 'a'.repeat(1024), 'x-b': 'b'.repeat(1024) } } }]))
    expect(faultsOf({ sites })[0]).toMatch(/^the configuration: \d+ bytes; at most 262144 are allowed$/)
  })
})

describe('completeSettings', () => {
  it('fills in every default', () => {
    expect(completeSettings(readSettings({ sites: { shop } }))).toEqual({
      sites: {
        shop: {
          hosts: ['shop.example.org'],
          origins: ['https://origin.example.org/'],
          published: false,
          hostHeader: 'origin',
          purgeMethod: 'off',
          key: { query: 'keep', ignore: [] },
          ttl: { default: 0, min: 0, max: 31_536_000_000, negative: 0, rules: [] },
          stale: { whileRevalidate: 0, ifError: 86_400_000, fenced: 'revalidate' },
          headers: { set: {}, remove: [] }
        }
      },
      flags: {},
      ring: { weights: {} },
      placement: { copiesMin: 1, copiesMax: 8, linkBytesPerSecondMax: 10_000_000, storeShareMax: 0.5 },
      peers: { allowed: [] }
    })
  })

  it('lets content be published where there is no origin, unless the site says otherwise', () => {
    const { sites } = completeSettings(readSettings({ sites: { a: { hosts: ['a.example'] }, b: { ...shop, published: true } } }))
    expect([sites.a!.published, sites.b!.published]).toEqual([true, true])
  })
})

describe('canonical JSON', () => {
  it('orders names by code unit and writes numbers as ECMAScript does (RFC 8785, sections 3.2.2 and 3.2.3)', () => {
    expect(canonicalJson({ '\u20ac': 1, 1: 2, '\ud83d\ude02': 3, '\ufb33': 4, numbers: [333333333.3333333, 1e30, 4.5, 6, 2e-3, 1e-27, -0] }))
      .toBe('{"1":2,"numbers":[333333333.3333333,1e+30,4.5,6,0.002,1e-27,0],"\u20ac":1,"\ud83d\ude02":3,"\ufb33":4}')
  })

  it('gives equal settings one hash, and others another one', () => {
    expect(hashOf({ a: 1, b: [1, 2] })).toBe(hashOf(JSON.parse('{"b":[1,2],"a":1.0}')))
    expect(hashOf({ a: 1, b: [2, 1] })).not.toBe(hashOf({ a: 1, b: [1, 2] }))
    expect(hashOf({ a: 1 })).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })
})

describe('a patch', () => {
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }]
  ])('turns %j by %j into %j (RFC 7396, appendix A)', (target, patch, merged) => {
    expect(mergePatch(target, patch)).toEqual(merged)
  })
})

describe('what a whole region must do alike', () => {
  it.each([
    ['ring/weights/fra-1', true], ['peers/allowed', true], ['sites/shop/hosts', true], ['sites/shop/hostHeader', true], ['sites/shop/key/query', true],
    ['sites/shop/origins', false], ['sites/shop/ttl/default', false], ['flags/hosts', false], ['placement/copiesMax', false]
  ])('%s: %s', (path, wide) => {
    expect(isRegionWide(path)).toBe(wide)
  })
})
