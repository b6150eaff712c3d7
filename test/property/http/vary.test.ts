/** Vary: a variant is never given to a request that does not match it (RFC 9111 section 4.1). */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { selectVariant, variantKey, varyNames } from '../../../daemon/http/vary.ts'
import type { StoredResponse } from '../../../daemon/store/store.ts'
import type { Field } from '../../../protocols/fields.ts'
import { contentKey } from '../../../protocols/ids.ts'

const name = fc.constantFrom('accept', 'cookie', 'origin')
const value = fc.array(fc.constantFrom('', 'a', 'b', '"a,b"', 'a b'), { minLength: 1, maxLength: 3 })
/** Values as lists of members: what a request means, apart from how it is written. */
const meaning = fc.dictionary(name, value)
const names = fc.uniqueArray(name).map((list) => list.sort())
type Meaning = Record<string, string[]>

const written = (meant: Meaning, comma: string): Field[] => Object.entries(meant).map(([key, members]) => [key, members.join(comma)])
const same = (vary: string[], a: Meaning, b: Meaning): boolean =>
  vary.every((key) => a[key]?.join('|') === b[key]?.join('|') && (a[key] === undefined) === (b[key] === undefined))

it('gives equal keys to requests that mean the same in the named fields, and to no others', () => {
  fc.assert(fc.property(names, meaning, meaning, fc.constantFrom(',', ', ', ' ,\t'), (vary, a, b, comma) => {
    const equal = variantKey(vary, written(a, ',')) === variantKey(vary, written(b, comma))
    expect(equal).toBe(same(vary, a, b))
  }))
})

it('selects a matching variant, the last received, or none', () => {
  const variants = fc.array(fc.record({ vary: names, request: meaning, receivedAtMs: fc.nat() }), { maxLength: 8 })
  fc.assert(fc.property(variants, meaning, (made, request) => {
    const held = made.map(({ vary, request: of, receivedAtMs }): StoredResponse => ({
      key: contentKey('s', '/'), variant: variantKey(vary, written(of, ',')), site: 's', target: '/', status: 200, fields: [],
      vary, receivedAtMs, initialAgeMs: 0, length: 0, hash: ''
    }))
    const matching = made.filter(({ vary, request: of }) => same(vary, of, request))
    const selected = selectVariant(held, written(request, ', '))
    if (matching.length === 0) expect(selected).toBeUndefined()
    else expect(selected?.receivedAtMs).toBe(Math.max(...matching.map(({ receivedAtMs }) => receivedAtMs)))
  }))
})

it('reads its names as a sorted set whatever their order, case and spacing', () => {
  fc.assert(fc.property(fc.array(name), fc.boolean(), (list, upper) => {
    const text = list.map((each) => upper ? each.toUpperCase() : each).join(' ,')
    expect(varyNames([['vary', text]])).toEqual([...new Set(list)].sort())
  }))
})
