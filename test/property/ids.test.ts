/** Normalisation of targets: one form for what RFC 3986 calls equivalent, and never one for two things. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { normaliseTarget } from '../../protocols/ids.ts'

const unreserved = fc.constantFrom(...'AZaz09-._~')
const reserved = fc.constantFrom(...'!$&\'()*+,;=:@/')
const hex = fc.constantFrom(...'0123456789abcdefABCDEF')
const encoded = fc.tuple(hex, hex).map(([one, other]) => `%${one}${other}`)
const dots = fc.constantFrom('/.', '/..', '/./', '/../', '/%2e', '/%2E%2e/', '//')
/** What clients send, and what they should not: stray percent signs too. */
const anyTarget = fc.array(fc.oneof(unreserved, reserved, encoded, dots, fc.constantFrom('%', '%4', '?', 'é')), { maxLength: 30 })
  .map((parts) => `/${parts.join('')}`)
const segment = fc.array(fc.oneof(unreserved, fc.constantFrom(...'!$&\'()*+,;=:@'), encoded), { maxLength: 6 }).map((parts) => parts.join(''))

describe('normaliseTarget', () => {
  it('is idempotent: a normal form is its own', () => {
    fc.assert(fc.property(anyTarget, (target) => {
      const normal = normaliseTarget(target)
      if (normal !== undefined) expect(normaliseTarget(normal)).toBe(normal)
    }), { numRuns: 2_000, examples: [['/%%341'], ['/%4%31'], ['/%%2e/x']] })
  })

  it('leaves no dot segment and no encoded unreserved octet behind', () => {
    fc.assert(fc.property(fc.array(segment, { maxLength: 6 }), (segments) => {
      const normal = normaliseTarget(`/${segments.join('/')}`) ?? ''
      expect(normal.split('/').filter((each) => each === '.' || each === '..')).toEqual([])
      for (const [, digits] of normal.matchAll(/%(..)/g)) {
        expect(digits).toBe(digits?.toUpperCase())
        expect(String.fromCharCode(parseInt(digits ?? '', 16))).not.toMatch(/[A-Za-z0-9\-._~]/)
      }
    }))
  })

  it('gives what differs only in the encoding of unreserved octets one form', () => {
    const octets = fc.array(fc.tuple(fc.constantFrom(...'AZaz09-_~'), fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 12 })
    fc.assert(fc.property(octets, (each) => {
      const plain = each.map(([char]) => char).join('')
      const mixed = each.map(([char, encode, lower]) => {
        const digits = char.charCodeAt(0).toString(16)
        return encode ? `%${lower ? digits : digits.toUpperCase()}` : char
      }).join('')
      expect(normaliseTarget(`/${mixed}`)).toBe(`/${plain}`)
      expect(normaliseTarget(`/?${mixed}`)).toBe(`/?${plain}`)
    }))
  })

  it('never merges targets that differ in more than RFC 3986 calls equivalent', () => {
    // Built without dot segments: then equivalence is octet by octet, whether encoded or not.
    const target = fc.tuple(fc.array(segment.filter((each) => !/^(\.|%2[eE]){1,2}$/.test(each)), { minLength: 1, maxLength: 4 }), fc.option(segment))
      .map(([path, query]) => `/${path.join('/')}${query === null ? '' : `?${query}`}`)
    fc.assert(fc.property(target, target, (one, other) => {
      expect(normaliseTarget(one) === normaliseTarget(other)).toBe(meaning(one) === meaning(other))
    }), { numRuns: 1_000 })
  })
})

/** A target as a list of octets, each with whether it stands for itself or is data (a reserved one that is encoded). */
function meaning (target: string): string {
  const parts: string[] = []
  for (const [part] of target.matchAll(/%[0-9A-Fa-f]{2}|[^]/g)) {
    const octet = part.length === 3 ? String.fromCharCode(parseInt(part.slice(1), 16)) : part
    const data = part.length === 3 && !/[A-Za-z0-9\-._~]/.test(octet)
    parts.push(`${octet.charCodeAt(0)}${data ? 'd' : 's'}`)
  }
  return parts.join()
}
