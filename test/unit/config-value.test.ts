/** Suggestions for mistyped words, and the schema made from a part's defaults. */
import { describe, expect, it } from 'vitest'
import { settingsValue } from '../../daemon/config-value.ts'
import { nearest } from '../../protocols/text.ts'

describe('nearest', () => {
  it.each([
    ['regoin', 'region'], ['REGION', 'region'], ['zne', 'zone'], ['network-kye', 'network-key']
  ])('takes %s for %s', (word, known) => {
    expect(nearest(word, ['name', 'region', 'zone', 'network-key'])).toBe(known)
  })

  it('suggests nothing for a word that is like no other', () => {
    expect(nearest('verbose', ['name', 'region', 'zone'])).toBeUndefined()
  })
})

describe('settings made from defaults', () => {
  const schema = settingsValue({ store: { sizeBytes: 10, share: 0.5 }, origin: { timeoutMs: 1 } })

  it('completes what is left out', () => {
    expect(schema.parse({ store: { share: 1 } })).toEqual({ store: { sizeBytes: 10, share: 1 }, origin: { timeoutMs: 1 } })
    expect(schema.parse({})).toEqual({ store: { sizeBytes: 10, share: 0.5 }, origin: { timeoutMs: 1 } })
  })

  it.each([
    [{ store: { sizeBytes: 1.5 } }], [{ store: { sizeBytes: -1 } }], [{ store: { sizeBytes: Infinity } }], [{ store: { sizeBytes: '1' } }],
    [{ store: { share: -0.1 } }], [{ store: { share: NaN } }], [{ store: { sizeByte: 1 } }], [{ stores: {} }], [{ store: 1 }], [1]
  ])('refuses %j', (value) => {
    expect(schema.safeParse(value).success).toBe(false)
  })
})
