import { describe, expect, it } from 'vitest'
import { cacheStatus } from '../../../daemon/http/cache-status.ts'
import { Content, etagOf } from '../../../netsim/workload/content.ts'
import { type Part, sourceOf, type Verdict, Verifier } from '../../../netsim/workload/verifier.ts'

const content = new Content({ seed: 9, medianBytes: 5000, sigma: 0, bytesMax: 5000 })
const body = Buffer.concat([...content.read(7, 3, 0, 5000)])

interface Answer {
  readonly status?: number
  readonly etag?: string
  readonly range?: string
  readonly body?: Buffer
  readonly part?: Part
  readonly chunkBytes?: number
}

function judged ({ status = 200, etag = etagOf(7, 3), range, body: sent = body, part, chunkBytes = 1000 }: Answer): Verdict {
  const verifier = new Verifier(content, 7, part)
  verifier.head(status, { etag, 'content-range': range, 'cache-status': 'edge-1;hit' })
  for (let at = 0; at < sent.length; at += chunkBytes) verifier.body(sent.subarray(at, at + chunkBytes))
  return verifier.end()
}

function broken (at: number): Buffer {
  const copy = Buffer.from(body)
  copy[at]! ^= 0x80
  return copy
}

const part = { start: 1500, end: 3200 }
const partly = { status: 206, part, range: 'bytes 1500-3199/5000', body: body.subarray(1500, 3200) }

describe('the verifier', () => {
  it.each([
    ['the whole', {}],
    ['the whole in single bytes', { chunkBytes: 1 }],
    ['the whole at once', { chunkBytes: 5000 }],
    ['a part', partly],
    ['the whole where a part was asked for', { part }]
  ])('takes %s for right', (_what, answer) => {
    expect(judged(answer)).toEqual({ kind: 'right', source: 'hit' })
  })

  it.each<[string, Answer, number, RegExp]>([
    ['a broken first byte', { body: broken(0) }, 1, /^1 of the 1000 bytes at 0$/],
    ['a broken last byte', { body: broken(4999) }, 1, /^1 of the 1000 bytes at 4000$/],
    ['a missing end', { body: body.subarray(0, 4990) }, 10, /^the last 10 bytes are missing$/],
    ['no body', { body: Buffer.alloc(0) }, 5000, /missing/],
    ['bytes beyond the end', { body: Buffer.concat([body, Buffer.alloc(3)]) }, 3, /^3 of the 3 bytes at 5000$/],
    ['no validator', { etag: '' }, 5000, /^etag is /],
    ['a weak validator', { etag: 'W/"7-3"' }, 5000, /^etag is W/],
    ['another object\'s validator', { etag: etagOf(77, 3) }, 5000, /^etag is "77-3"$/],
    ['another part than it says', { ...partly, body: body.subarray(0, 1700) }, 1690, /bytes at 1500/],
    ['a part that was not asked for', { ...partly, range: 'bytes 0-1699/5000' }, 0, /^content-range is bytes 0-1699\/5000$/],
    ['a part of another length', { ...partly, body: body.subarray(1500, 3100) }, 100, /missing/]
  ])('sees %s', (_what, answer, wrongBytes, what) => {
    const verdict = judged(answer)
    expect(verdict).toMatchObject({ kind: 'wrong', what: expect.stringMatching(what) })
    // Random bytes are equal now and then.
    const counted = verdict.kind === 'wrong' ? verdict.wrongBytes : NaN
    expect(counted).toBeGreaterThan(wrongBytes * 0.98 - 0.5)
    expect(counted).toBeLessThanOrEqual(wrongBytes + 10)
  })

  it('sees the bytes of one version under the validator of another, and an answer spliced of two', () => {
    expect(judged({ etag: etagOf(7, 4) })).toMatchObject({ kind: 'wrong' })
    const next = Buffer.concat([...content.read(7, 4, 0, 5000)])
    expect(judged({ etag: etagOf(7, 4), body: next })).toMatchObject({ kind: 'right' })
    expect(judged({ etag: etagOf(7, 4), body: Buffer.concat([next.subarray(0, 2000), body.subarray(2000)]) })).toMatchObject({ kind: 'wrong' })
  })

  it('does not take a refusal for a wrong answer, nor a part for what asked for the whole', () => {
    expect(judged({ status: 503, body: Buffer.from('busy') })).toEqual({ kind: 'refused' })
    expect(judged({ ...partly, part: undefined })).toEqual({ kind: 'refused' })
  })

  it('counts the wrong bytes of an answer that is cut, and not those that never came', () => {
    const verifier = new Verifier(content, 7)
    verifier.head(200, { etag: etagOf(7, 3) })
    verifier.body(broken(5).subarray(0, 1000))
    expect(verifier.cut()).toBe(1)
  })
})

describe('where an answer came from', () => {
  const field = (init: Omit<Parameters<typeof cacheStatus>[0], 'cache'>): string => cacheStatus({ cache: 'edge-1', ...init })

  it.each([
    ['hit', field({ hit: true, detail: 'memory', ttl: 5 })],
    ['hit', field({ hit: true })],
    ['peer', field({ hit: false, fwd: 'uri-miss', stored: true, detail: 'peer' })],
    ['origin', field({ hit: false, fwd: 'uri-miss', collapsed: true, detail: 'origin' })],
    ['origin', field({ hit: false, fwd: 'stale', fwdStatus: 304, detail: 'origin' })],
    ['stale', field({ hit: false, fwd: 'stale', detail: 'origin-unreachable' })],
    ['peer', `${field({ hit: true, ttl: 5 })}, ${field({ hit: false, fwd: 'uri-miss', detail: 'peer' })}`],
    ['unknown', 'other-cache; fwd=miss'],
    ['unknown', undefined]
  ])('is %s by %s', (source, value) => {
    expect(sourceOf(value)).toBe(source)
  })
})
