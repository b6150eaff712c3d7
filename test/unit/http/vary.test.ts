/** Variants (daemon/http/vary.ts; RFC 9111 section 4.1). */
import { describe, expect, it } from 'vitest'
import { selectVariant, variantKey, varyNames } from '../../../daemon/http/vary.ts'
import type { StoredResponse } from '../../../daemon/store/store.ts'
import type { Field } from '../../../protocols/fields.ts'
import { contentKey } from '../../../protocols/ids.ts'

const stored = (vary: string[], request: Field[], receivedAtMs: number): StoredResponse => ({
  key: contentKey('a', '/'), variant: variantKey(vary, request), site: 'a', target: '/', status: 200, fields: [], vary,
  receivedAtMs, initialAgeMs: 0, length: 0, hash: ''
})

describe('Vary', () => {
  it('is read as sorted names, each once, in lower case', () => {
    expect(varyNames([['vary', 'Origin, accept'], ['vary', 'ACCEPT,']])).toEqual(['accept', 'origin'])
    expect(varyNames([])).toEqual([])
    expect(varyNames([['vary', 'accept'], ['vary', '*']])).toBe('*')
  })

  it('gives one key to values that differ in the space around commas, and to repeated lines', () => {
    const key = variantKey(['accept'], [['accept', 'a,b']])
    expect(variantKey(['accept'], [['accept', ' a ,\tb ']])).toBe(key)
    expect(variantKey(['accept'], [['accept', 'a'], ['accept', 'b']])).toBe(key)
    expect(variantKey(['accept'], [['accept', 'b,a']])).not.toBe(key)
    expect(variantKey(['accept'], [['accept', '"a,b"']])).not.toBe(variantKey(['accept'], [['accept', '"a, b"']]))
  })

  it('tells an absent field from an empty one', () => {
    expect(variantKey(['accept'], [])).not.toBe(variantKey(['accept'], [['accept', '']]))
  })

  it('has the empty key for a response without Vary', () => {
    expect(variantKey([], [['accept', 'a']])).toBe('')
  })

  it('selects the match that was received last, in whatever order they come', () => {
    const en: Field[] = [['accept-language', 'en']]
    const de: Field[] = [['accept-language', 'de']]
    const names = ['accept-language']
    const [old, german, recent, plain] = [stored(names, en, 1), stored(names, de, 5), stored(names, en, 3), stored([], [], 2)]
    expect(selectVariant([german, old, recent, plain], en)).toBe(recent)
    expect(selectVariant([recent, plain, old, german], de)).toBe(german)
    expect(selectVariant([german, recent, plain], [])).toBe(plain)
    expect(selectVariant([german, recent], [])).toBeUndefined()
  })
})
