/** Range parsing against a model that picks bytes out of an array (RFC 9110 section 14.1.2). */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { contentRange, parseRange, parseUnknownLength } from '../../../daemon/http/range.ts'

const position = fc.option(fc.integer({ min: 0, max: 40 }), { nil: undefined })
const lengths = fc.integer({ min: 0, max: 30 })

it('selects the bytes that the RFC selects', () => {
  fc.assert(fc.property(position, position, lengths, (first, last, length) => {
    const all = Array.from({ length }, (_, index) => index)
    const wanted = first !== undefined
      ? all.filter((index) => index >= first && index <= (last ?? Infinity))
      : all.filter((index) => index >= length - (last ?? 0))
    const invalid = (first === undefined && last === undefined) || (first !== undefined && last !== undefined && last < first)
    const result = parseRange(`bytes=${first ?? ''}-${last ?? ''}`, length)
    if (result.kind === 'range') {
      expect(all.slice(result.start, result.end)).toEqual(wanted)
      expect(wanted.length).toBeGreaterThan(0)
      expect(contentRange(result, length)).toBe(`bytes ${wanted[0]}-${wanted.at(-1)}/${length}`)
    } else if (result.kind === 'unsatisfiable') {
      expect(invalid).toBe(false)
      expect(wanted).toEqual([])
    } else {
      expect(invalid || (length === 0 && first === undefined)).toBe(true)
    }
  }))
})

it('means the same before and after the length is known', () => {
  fc.assert(fc.property(position, position, lengths, (first, last, length) => {
    const header = `bytes=${first ?? ''}-${last ?? ''}`
    const open = parseUnknownLength(header)
    const result = parseRange(header, length)
    if (open === undefined) expect(result.kind).toBe('none')
    else if (result.kind === 'range' && 'start' in open) {
      expect(result.start).toBe(open.start)
      expect(result.end).toBe(Math.min(open.end ?? length, length))
    }
  }))
})

it('gives a range within the body, or none, whatever the text', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(...'bytes=0123456789-, ') }), lengths, (text, length) => {
    for (const header of [text, `bytes=${text}`]) {
      const result = parseRange(header, length)
      if (result.kind === 'range') expect(0 <= result.start && result.start < result.end && result.end <= length).toBe(true)
    }
  }))
})
