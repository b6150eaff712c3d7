/** What a fill shows of a peer's bytes, and what it does when the store is full. */
import { describe, expect, it } from 'vitest'
import { bodyOf, eventually, hashOf } from '../../support/store.ts'
import { fillOf, memoryStore, peerOf, readFill, same, turn, upstreamOf } from './support.ts'

const body = bodyOf(300_000)
const lie = Uint8Array.from(body, (byte, at) => at === 120_000 ? byte ^ 1 : byte)

describe('a fill from a peer', () => {
  it('shows the last block only once the whole has been checked', async () => {
    const upstream = peerOf(body)
    const { fill, interest, stored } = await fillOf({ upstream })
    interest.join()
    upstream.feed.push(body.subarray(0, 100_000), body.subarray(100_000, 200_000), body.subarray(200_000))
    await eventually(() => upstream.feed.waiting)
    expect(fill.visible).toBe(200_000)
    upstream.feed.end()
    expect(same((await readFill(fill)).bytes, body)).toBe(true)
    expect(stored()).toMatchObject({ hash: hashOf(body) })
  })

  it.each([
    ['its head announced', (): ReturnType<typeof peerOf> => peerOf(body, { total: () => ({ length: body.byteLength }) })],
    ['its end told', (): ReturnType<typeof peerOf> => peerOf(body, { hash: undefined })]
  ])('that contradicts the whole hash which %s is cut for every reader and not stored', async (_what, make) => {
    const upstream = make()
    const { fill, interest, stored } = await fillOf({ upstream })
    interest.join()
    upstream.feed.push(lie.subarray(0, 150_000), lie.subarray(150_000)).end()
    const got = await readFill(fill)
    expect(got.error).toMatchObject({ code: 'COLONY_FILL' })
    expect(got.bytes.byteLength).toBeLessThan(body.byteLength)
    await eventually(() => fill.done)
    expect(stored()).toBeUndefined()
  })

  it('is checked against the hash it announced also when another source brought the rest', async () => {
    const upstream = peerOf(body)
    const { fill, interest, stored } = await fillOf({
      upstream,
      resume: async (offset) => {
        const origin = upstreamOf()
        origin.feed.push(body.subarray(offset, 250_000), body.subarray(250_000)).end()
        return origin
      }
    })
    interest.join()
    upstream.feed.push(lie.subarray(0, 150_000)).fail(new Error('cut'))
    const got = await readFill(fill)
    await eventually(() => fill.done)
    expect(stored()).toBeUndefined()
    expect(got.error).toMatchObject({ code: 'COLONY_FILL' })
    expect(got.bytes.byteLength).toBeLessThan(body.byteLength)
  })

  it('that fell silent after its last byte is whole all the same when the bytes are what it announced', async () => {
    const upstream = peerOf(body)
    const { fill, interest, stored, resumed } = await fillOf({ upstream })
    interest.join()
    upstream.feed.push(body).fail(new Error('silent before its end'))
    const got = await readFill(fill)
    expect(resumed).toEqual([])
    expect(same(got.bytes, body)).toBe(true)
    expect(stored()).toMatchObject({ hash: hashOf(body) })
  })
})

/** Of what the store does not take, no more than needed is kept in memory. */
const tight = { recentBytesMax: 1 }

/** Takes 100,000 bytes of a body of unknown length. */
function smallStore (): ReturnType<typeof memoryStore> {
  return memoryStore({ memoryObjectBytesMax: 100_000 })
}

function parts (bytes: Uint8Array, size = 40_000): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
}

describe('a fill that outgrows the store', () => {
  it('goes on at the pace of its slowest reader, holding one chunk', async () => {
    const upstream = upstreamOf()
    const { fill, interest, stored } = await fillOf({ upstream, store: smallStore(), settings: tight })
    interest.join()
    const slow = fill.read(0, undefined, new AbortController().signal)
    const first = slow.next()
    upstream.feed.push(...parts(body)).end()
    await first
    const fast = readFill(fill)
    await turn()
    await turn()
    // Two chunks went into the store, the third is held for the slow one.
    expect(upstream.feed.taken).toBe(3)
    const rest: Uint8Array[] = [(await first).value as Uint8Array]
    for await (const chunk of slow) rest.push(chunk)
    expect(same(Buffer.concat(rest), body)).toBe(true)
    expect(same((await fast).bytes, body)).toBe(true)
    expect(stored()).toBeUndefined()
  })

  it('takes no new readers, as they could not have every byte', async () => {
    const upstream = upstreamOf()
    const { fill, interest } = await fillOf({ upstream, store: smallStore(), settings: tight })
    interest.join()
    const reading = readFill(fill)
    upstream.feed.push(...parts(body))
    await eventually(() => fill.visible > 100_000)
    expect(fill.joinable).toBe(false)
    upstream.feed.end()
    expect(same((await reading).bytes, body)).toBe(true)
  })

  it('keeps every byte for one who joined in time and begins to read only then', async () => {
    const upstream = upstreamOf()
    const { fill, interest } = await fillOf({ upstream, store: smallStore(), settings: tight })
    const leave = interest.join()
    upstream.feed.push(...parts(body)).end()
    for (let round = 0; round < 20; round++) await turn()
    const got = await readFill(fill)
    expect(got.error).toBeUndefined()
    expect(same(got.bytes, body)).toBe(true)
    leave()
  })

  it('cuts a reader whose bytes are gone, and never gives it an endless stream of nothing', async () => {
    const upstream = upstreamOf()
    const { fill, interest } = await fillOf({ upstream, store: smallStore(), settings: tight })
    interest.join()
    const reading = readFill(fill)
    upstream.feed.push(...parts(body)).end()
    await reading
    expect((await readFill(fill)).error).toMatchObject({ code: 'COLONY_FILL' })
  })

  it('goes on when a slow reader leaves', async () => {
    const upstream = upstreamOf()
    const { fill, interest } = await fillOf({ upstream, store: smallStore(), settings: tight })
    interest.join()
    const slow = fill.read(0, undefined, new AbortController().signal)
    const fast = readFill(fill)
    upstream.feed.push(...parts(body)).end()
    await slow.next()
    await turn()
    await slow.return(undefined)
    expect(same((await fast).bytes, body)).toBe(true)
  })

  it('lets nobody have a peer\'s bytes as whole that contradict its hash', async () => {
    const upstream = peerOf(body, { length: undefined })
    const { fill, interest } = await fillOf({ upstream, store: smallStore(), settings: tight })
    interest.join()
    const reading = readFill(fill)
    upstream.feed.push(...parts(lie)).end()
    const got = await reading
    expect(got.error).toMatchObject({ code: 'COLONY_FILL' })
    expect(got.bytes.byteLength).toBeLessThan(body.byteLength)
  })
})
