/** Messages of the directory: what goes through, and what a hostile peer may try. */
import { describe, expect, it } from 'vitest'
import { decodeHolders, decodeReportAnswer, decodeRequest, encodeFind, encodeHandOver, encodeReport } from '../../../protocols/directory/messages.ts'
import { WireError } from '../../../protocols/errors.ts'
import { contentKey } from '../../../protocols/ids.ts'
import { decodeFrame, encodeFrame } from '../../../protocols/wire.ts'
import type { Message } from '../../../protocols/directory/messages.ts'

const keys = Array.from({ length: 5 }, (_, index) => contentKey('site', `/${index}`))
const [a, b, c] = keys as [typeof keys[0], typeof keys[0], typeof keys[0]]
const empty = new Uint8Array(0)

function sent ({ head, payload }: Message): ReturnType<typeof decodeRequest> {
  return decodeRequest(decodeFrame(encodeFrame(head, payload)))
}

describe('messages of the directory', () => {
  it('carry a report, its keys as 32 bytes each', () => {
    const report = { session: 2 ** 52, sequence: 7, complete: true, added: [a, b], dropped: [c] }
    expect(sent(encodeReport(report))).toEqual({ kind: 'report', report })
    expect(encodeReport(report).payload?.byteLength).toBe(96)
  })

  it('carry a page of a directory', () => {
    const entries = new Map([['one', [a, b]], ['two', [b]], ['three', []]])
    expect(sent(encodeHandOver({ entries }))).toEqual({ kind: 'hand-over', handOver: { entries } })
  })

  it('carry a look-up', () => {
    expect(sent(encodeFind(a))).toEqual({ kind: 'find', key: a })
  })

  const report = { kind: 'report', session: 1, sequence: 0, complete: false, added: 1, dropped: 0 }
  it.each([
    ['a kind that nobody knows', { kind: 'forget' }, empty],
    ['no kind', {}, empty],
    ['fewer keys than announced', { ...report, added: 2 }, new Uint8Array(32)],
    ['more keys than announced', report, new Uint8Array(64)],
    ['half a key', report, new Uint8Array(16)],
    ['counts that cancel each other out', { ...report, added: 2, dropped: -1 }, new Uint8Array(32)],
    ['a count that is no integer', { ...report, added: 0.5, dropped: 0.5 }, new Uint8Array(32)],
    ['a count beyond all bounds', { ...report, added: 2 ** 40 }, empty],
    ['a sequence that is text', { ...report, sequence: '1' }, new Uint8Array(32)],
    ['a session below 0', { ...report, session: -1 }, new Uint8Array(32)],
    ['holders that are no list', { kind: 'hand-over', holders: 'one', counts: [1] }, new Uint8Array(32)],
    ['holders without counts', { kind: 'hand-over', holders: ['one'] }, new Uint8Array(32)],
    ['more counts than holders', { kind: 'hand-over', holders: ['one'], counts: [1, 0] }, new Uint8Array(32)],
    ['a holder twice', { kind: 'hand-over', holders: ['one', 'one'], counts: [1, 0] }, new Uint8Array(32)],
    ['a holder without end', { kind: 'hand-over', holders: ['x'.repeat(129)], counts: [1] }, new Uint8Array(32)],
    ['many holders of nothing', { kind: 'hand-over', holders: Array.from({ length: 257 }, String), counts: Array(257).fill(0) }, empty],
    ['a look-up of something else', { kind: 'find', key: '../../etc' }, empty]
  ])('refuse %s', (_what, head, payload) => {
    expect(() => decodeRequest({ head, payload })).toThrow(WireError)
  })

  it.each([{ kind: 'no' }, {}, { kind: 'ok', count: -1 }, { kind: 'ok', count: '3' }])('refuse the answer %j', (head) => {
    expect(() => decodeReportAnswer({ head, payload: empty })).toThrow(WireError)
  })

  it.each([{}, { holders: [1] }, { holders: Array.from({ length: 257 }, String) }])('refuse holders in %j', (head) => {
    expect(() => decodeHolders({ head, payload: empty })).toThrow(WireError)
  })
})
