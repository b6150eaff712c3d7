/** Lists of HTTP fields as they travel through the edge. */
import { describe, expect, it } from 'vitest'
import { fieldsFromRaw, fieldValue, hasField, withField, withoutFields, type Fields } from '../../protocols/fields.ts'

const fields: Fields = [['vary', 'a'], ['set-cookie', 'x=1'], ['vary', 'b'], ['set-cookie', 'y=2'], ['empty', '']]

describe('fields', () => {
  it('join the values of one name by comma and space (RFC 9110 section 5.2)', () => {
    expect(fieldValue(fields, 'vary')).toBe('a, b')
  })

  it('tell an empty value from an absent field', () => {
    expect(fieldValue(fields, 'empty')).toBe('')
    expect(hasField(fields, 'empty')).toBe(true)
    expect(fieldValue(fields, 'absent')).toBeUndefined()
    expect(hasField(fields, 'absent')).toBe(false)
  })

  it('lose every field of a name and keep the order of the others', () => {
    expect(withoutFields(fields, 'vary', 'empty')).toEqual([['set-cookie', 'x=1'], ['set-cookie', 'y=2']])
  })

  it('replace all of a name by one at the end, and leave the given list alone', () => {
    expect(withField(fields, 'vary', 'c')).toEqual([['set-cookie', 'x=1'], ['set-cookie', 'y=2'], ['empty', ''], ['vary', 'c']])
    expect(fields).toHaveLength(5)
  })

  it('come from a flat list with names in lower case, bytes read as latin1, repeated ones apart', () => {
    expect(fieldsFromRaw(['Set-Cookie', 'a', Buffer.from('SET-COOKIE'), Buffer.from([0xe9]), 'odd'])).toEqual([['set-cookie', 'a'], ['set-cookie', 'é']])
  })
})
