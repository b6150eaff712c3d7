/** W3C Trace Context (daemon/http/trace.ts). */
import { describe, expect, it } from 'vitest'
import { continueTrace, parseTraceparent, traceId } from '../../../daemon/http/trace.ts'

const trace = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent = '00f067aa0ba902b7'

describe('traceparent', () => {
  it('is continued under the same trace with a step of its own', () => {
    const next = continueTrace(`00-${trace}-${parent}-01`)
    expect(traceId(next)).toBe(trace)
    expect(parseTraceparent(next)).toMatchObject({ traceId: trace, flags: 1 })
    expect(parseTraceparent(next)?.parentId).not.toBe(parent)
  })

  it('of a later version is read as far as version 00 goes', () => {
    expect(parseTraceparent(`01-${trace}-${parent}-03-more`)).toEqual({ traceId: trace, parentId: parent, flags: 3 })
    expect(continueTrace(`01-${trace}-${parent}-03-more`)).toMatch(/^00-.*-01$/)
  })

  it.each([
    undefined, '', `00-${trace}-${parent}`, `00-${trace}-${parent}-01-more`, `ff-${trace}-${parent}-01`, `00-${'0'.repeat(32)}-${parent}-01`,
    `00-${trace}-${'0'.repeat(16)}-01`, `00-${trace.toUpperCase()}-${parent}-01`, ` 00-${trace}-${parent}-01`, `01-${trace}-${parent}-01x`
  ])('that cannot be read begins a new trace: %s', (value) => {
    expect(parseTraceparent(value)).toBeUndefined()
    const begun = continueTrace(value)
    expect(begun).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/)
    expect(traceId(begun)).not.toBe(trace)
    expect(continueTrace(value)).not.toBe(begun)
  })
})
