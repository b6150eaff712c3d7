/** Content keys and the normalisation under them, by the examples of RFC 3986. */
import { describe, expect, it } from 'vitest'
import { contentKey, isContentKey, normaliseTarget } from '../../protocols/ids.ts'

describe('normaliseTarget', () => {
  it.each([
    // Section 6.2.2: example://a/b/c/%7Bfoo%7D and eXAMPLE://a/./b/../b/%63/%7bfoo%7d are one.
    ['/b/c/%7Bfoo%7D', '/b/c/%7Bfoo%7D'],
    ['/./b/../b/%63/%7bfoo%7d', '/b/c/%7Bfoo%7D'],
    // Section 6.2.2.2: unreserved octets, upper and lower case of the encoding.
    ['/%7Esmith/', '/~smith/'],
    ['/%7esmith/', '/~smith/'],
    ['/%41%5A%61%7A%30%39%2D%2E%5F', '/AZaz09-._'],
    ['/a%3a', '/a%3A']
  ])('gives %s the normal form %s (RFC 3986 section 6.2.2)', (target, normal) => {
    expect(normaliseTarget(target)).toBe(normal)
  })

  it.each([
    ['/a/b/c/./../../g', '/a/g'],
    ['/mid/content=5/../6', '/mid/6'],
    ['/b/c/g;x=1/./y', '/b/c/g;x=1/y'],
    ['/b/c/g;x=1/../y', '/b/c/y'],
    ['/../g', '/g'],
    ['/../../../g', '/g'],
    ['/b/c/.', '/b/c/'],
    ['/b/c/..', '/b/'],
    ['/..', '/'],
    ['/.', '/'],
    ['/a//../b', '/a/b'],
    ['//..', '/'],
    ['/..//x', '//x'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/%2e', '/a/']
  ])('removes the dot segments of %s: %s (RFC 3986 section 5.2.4)', (target, normal) => {
    expect(normaliseTarget(target)).toBe(normal)
  })

  it.each([
    ['/b/c/g.', '/b/c/.g'], ['/b/c/g..', '/b/c/..g'], ['/b/c/...', '/b/c/'], ['/a//b', '/a/b'], ['/a/', '/a'], ['/a', '/A'],
    ['/a%2Fb', '/a/b'], ['/a%3Fb', '/a?b'], ['/a?b', '/a'], ['/a?', '/a'], ['/?a=1&b=2', '/?b=2&a=1'], ['/?a=%2B', '/?a=+'],
    ['/?a=%26b', '/?a=&b'], ['/a;x', '/a'], ['/?x=/../y', '/?x=/y'], ['/%25', '/%'], ['/%2541', '/A'], ['/%C3%A9', '/%c3%a8'],
    ['/a%20b', '/a+b'], ['/!', '/%21']
  ])('keeps %s and %s apart', (one, other) => {
    expect(normaliseTarget(one)).not.toBe(normaliseTarget(other))
  })

  it('keeps what a malformed percent-encoding says, so that decoding once more finds nothing new', () => {
    for (const target of ['/%%341', '/%4%31', '/%%2541', '/a?%%34%31', '/%%2e%2e/x', '/%2%65%2%65/x']) {
      const normal = normaliseTarget(target)
      if (normal !== undefined) expect(normaliseTarget(normal), target).toBe(normal)
    }
  })

  it.each(['', 'a', '*', 'http://host/a', '?a', '/a b', '/a\tb', '/a\nb', '/a\r\nHost: b', '/a\0', '/a\x7f', '/a#b'])('refuses %j, which is not an origin-form target', (target) => {
    expect(normaliseTarget(target)).toBeUndefined()
  })
})

describe('contentKey', () => {
  it('is the SHA-256 of key version, site and target in 43 characters of base64url', () => {
    expect(contentKey('default', '/')).toBe('NlQiLcmaN0CIWdJQoW4ztnXrf5rsV4M_ZiPZjezAMjc')
    expect(isContentKey(contentKey('default', '/'))).toBe(true)
  })

  it('does not let a site\'s name run into its target', () => {
    expect(contentKey('a', '/b')).not.toBe(contentKey('a/', 'b'))
    expect(contentKey('ab', '/')).not.toBe(contentKey('a', 'b/'))
  })

  it.each([undefined, 1, '', 'a'.repeat(42), 'a'.repeat(44), `${'a'.repeat(42)}=`, `${'a'.repeat(42)}+`, `${'a'.repeat(43)}\n`])('does not take %j for a key', (value) => {
    expect(isContentKey(value)).toBe(false)
  })
})
