import { describe, expect, it } from 'vitest'
import { WireError } from '../../../protocols/errors.ts'
import { decodeFullRequest, decodeUpdate, fullRequest, pagesOfChanges, updateHead, type Update } from '../../../protocols/filters/messages.ts'
import { decodeHead, encodeHead } from '../../../protocols/wire.ts'

const shape = { bucketBits: 10, printBits: 13 }
const version = { incarnation: 1_700_000_000_000, generation: 2, sequence: 9, shape, digest: 0xfedcba98, page: 1, pages: 2 }
const changes = [{ slot: 0, print: 0 }, { slot: 1, print: 8191 }, { slot: 200, print: 1 }, { slot: 4095, print: 4096 }]
const full: Update = { kind: 'full', ...version, offset: 100, bytes: Uint8Array.of(1, 2, 3) }
const some: Update = { kind: 'changes', ...version, still: false, changes }

const overWire = (head: object): Readonly<Record<string, unknown>> => decodeHead(encodeHead(head))

describe('messages about filters', () => {
  it.each([full, some, { ...some, page: 0, pages: 1, still: true, changes: [] }])('come back as they were sent: %j', (update) => {
    expect(decodeUpdate(overWire({ ...updateHead(update), later: 'field' }))).toEqual(update)
  })

  it('tell one change in four bytes, its neighbour in three, and split where a page is full', () => {
    const head = updateHead(some) as { changes: Uint8Array }
    expect(head.changes.byteLength).toBe(3 + 3 + 4 + 4)
    expect(pagesOfChanges(changes, shape, 14)).toEqual([changes])
    expect(pagesOfChanges(changes, shape, 13)).toEqual([changes.slice(0, 3), changes.slice(3)])
    for (const page of pagesOfChanges(changes, shape, 5)) {
      expect((updateHead({ ...some, changes: page } as Update) as { changes: Uint8Array }).changes.byteLength).toBeLessThanOrEqual(5)
    }
    expect(pagesOfChanges([], shape, 5)).toEqual([])
  })

  it.each<[string, Update, object]>([
    ['a kind that nobody knows', full, { kind: 'more' }],
    ['a negative incarnation', full, { incarnation: -1 }],
    ['a fraction for a sequence', full, { sequence: 1.5 }],
    ['a table beyond the largest', full, { bucketBits: 21 }],
    ['a table below the smallest', full, { bucketBits: 3 }],
    ['fingerprints too short', full, { printBits: 3 }],
    ['fingerprints too long', full, { printBits: 25 }],
    ['a digest of more than 32 bits', full, { digest: 2 ** 32 }],
    ['a page behind the last', full, { page: 2 }],
    ['no pages', full, { pages: 0 }],
    ['too many pages', full, { pages: 4097 }],
    ['bytes behind the table', full, { offset: 4096 * 13 / 8 - 2 }],
    ['bytes that are text', full, { bytes: 'abc' }],
    ['changes that are a list', some, { changes: [1, 2] }],
    ['a change cut short', some, { changes: Uint8Array.of(0, 1) }],
    ['a change without a fingerprint', some, { changes: Uint8Array.of(5) }],
    ['a slot behind the last', some, { changes: Uint8Array.of(0x80, 0x20, 1, 0) }],
    ['a gap without end', some, { changes: Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0, 1, 0) }],
    ['a fingerprint too large', some, { changes: Uint8Array.of(0, 0, 0x20) }],
    ['changes where there are said to be none', some, { still: true, page: 0, pages: 1 }]
  ])('are refused with %s', (_what, update, fields) => {
    expect(() => decodeUpdate(overWire({ ...updateHead(update), ...fields }))).toThrow(WireError)
  })

  it('ask for a page of the whole filter', () => {
    expect(decodeFullRequest(overWire(fullRequest(3)))).toBe(3)
    for (const head of [{ kind: 'half' }, { kind: 'full', page: -1 }, { kind: 'full', page: '0' }]) expect(() => decodeFullRequest(head)).toThrow(WireError)
  })
})
