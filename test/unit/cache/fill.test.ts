/** One body on its way in and its readers: who sees which byte, when, and how it ends. */
import { describe, expect, it } from 'vitest'
import { bodyIn, bodyOf, eventually, hashOf } from '../../support/store.ts'
import { fillOf, memoryStore, peerOf, readFill, same, turn, upstreamOf } from './support.ts'

const body = bodyOf(300_000)

function chunks (bytes: Uint8Array, size = 50_000): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size))
}

describe('a fill', () => {
  it('gives readers the bytes as they arrive, from the start also to one who comes later', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const { fill, interest } = await fillOf({ upstream })
    interest.join()
    const early = fill.read(0, undefined, new AbortController().signal)
    upstream.feed.push(body.subarray(0, 100_000))
    expect((await early.next()).value).toHaveLength(100_000)
    const late = readFill(fill)
    await turn()
    upstream.feed.push(body.subarray(100_000)).end()
    expect(same((await late).bytes, body)).toBe(true)
    let rest = 0
    for await (const chunk of early) rest += chunk.byteLength
    expect(rest).toBe(200_000)
  })

  it('is stored whole with its length and hash, once the last byte is in', async () => {
    const upstream = upstreamOf()
    const { fill, store, interest, running, stored } = await fillOf({ upstream })
    const leave = interest.join()
    upstream.feed.push(...chunks(body))
    await eventually(() => fill.visible === body.byteLength)
    expect(stored()).toBeUndefined()
    upstream.feed.end()
    await eventually(() => fill.done)
    expect(stored()).toMatchObject({ length: body.byteLength, hash: hashOf(body) })
    expect(fill.total()).toEqual({ length: body.byteLength, hash: hashOf(body) })
    leave()
    await running
    expect(same(await bodyIn(store, stored() as never) as Uint8Array, body)).toBe(true)
  })

  it('is not stored where the response may not be, and is read all the same', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const { fill, interest, running, store } = await fillOf({ upstream, storable: false })
    const leave = interest.join()
    upstream.feed.push(...chunks(body)).end()
    expect(same((await readFill(fill)).bytes, body)).toBe(true)
    leave()
    await running
    expect(store.stats()).toMatchObject({ objects: 0, memoryBytes: 0 })
  })

  it('is held up by no slow reader', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const { fill, interest } = await fillOf({ upstream })
    interest.join()
    const slow = fill.read(0, undefined, new AbortController().signal)
    upstream.feed.push(...chunks(body)).end()
    await slow.next()
    expect(same((await readFill(fill)).bytes, body)).toBe(true)
    expect(fill.done).toBe(true)
    let rest = 0
    for await (const chunk of slow) rest += chunk.byteLength
    expect(rest).toBeGreaterThan(0)
  })

  it('gives a reader of a range exactly that, and waits for its first byte', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const { fill, interest } = await fillOf({ upstream })
    interest.join()
    const middle = readFill(fill, 120_001, 180_003)
    const last = readFill(fill, body.byteLength - 1, body.byteLength)
    const none = readFill(fill, 10, 10)
    upstream.feed.push(...chunks(body, 7_000))
    expect(same((await middle).bytes, body.subarray(120_001, 180_003))).toBe(true)
    expect((await none).bytes).toHaveLength(0)
    upstream.feed.end()
    expect(same((await last).bytes, body.subarray(-1))).toBe(true)
  })

  it('ends a range that the body turns out not to reach', async () => {
    const upstream = upstreamOf()
    const { fill, interest } = await fillOf({ upstream })
    interest.join()
    const beyond = readFill(fill, 400_000)
    upstream.feed.push(body).end()
    expect(await beyond).toEqual({ bytes: Buffer.alloc(0) })
  })

  it('stays readable after it was stored, until the last who wants it has left', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const { fill, interest, running, store, stored, over } = await fillOf({ upstream })
    const leave = interest.join()
    upstream.feed.push(body).end()
    await eventually(() => fill.done)
    expect(over).toBe(0)
    await store.remove(fill.head.key)
    expect(same((await readFill(fill)).bytes, body)).toBe(true)
    leave()
    leave()
    await running
    expect(store.stats().memoryBytes).toBe(0)
  })

  it('lets a reader leave in the middle, by its signal or by stopping to read', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const { fill, interest } = await fillOf({ upstream })
    interest.join()
    upstream.feed.push(body.subarray(0, 10))
    const leaving = new AbortController()
    const left = readFill(fill, 0, undefined, leaving.signal)
    const stopped = fill.read(0, undefined, new AbortController().signal)
    await stopped.next()
    await stopped.return(undefined)
    await turn()
    leaving.abort(new Error('gone'))
    expect((await left).error?.message).toBe('gone')
    upstream.feed.push(body.subarray(10)).end()
    expect(same((await readFill(fill)).bytes, body)).toBe(true)
  })
})

describe('a fill whose source fails', () => {
  it('tells every reader, those behind after the bytes that are good', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const { fill, interest, running, stored } = await fillOf({ upstream })
    const leave = interest.join()
    const ahead = readFill(fill)
    upstream.feed.push(body.subarray(0, 100_000))
    await turn()
    upstream.feed.fail(new Error('the line was cut'))
    expect(await ahead).toMatchObject({ error: { code: 'COLONY_FILL', cause: { message: 'no other source' } } })
    const behind = await readFill(fill)
    expect(same(behind.bytes, body.subarray(0, 100_000))).toBe(true)
    expect(behind.error).toMatchObject({ code: 'COLONY_FILL' })
    // One who wanted no more than what is there has it.
    expect(await readFill(fill, 5, 10)).toEqual({ bytes: Buffer.from(body.subarray(5, 10)) })
    expect(fill.joinable).toBe(false)
    leave()
    await running
    expect(stored()).toBeUndefined()
  })

  it('goes on from another one at the first byte that is missing, as often as is allowed', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const rig = await fillOf({
      upstream,
      settings: { resumesMax: 3 },
      resume: async (offset) => {
        const next = upstreamOf({ length: body.byteLength })
        next.feed.push(body.subarray(offset, offset + 60_000))
        if (offset + 60_000 >= body.byteLength) next.feed.end()
        else next.feed.fail(new Error('again'))
        return next
      }
    })
    rig.interest.join()
    upstream.feed.push(body.subarray(0, 110_000)).fail(new Error('the first'))
    const got = await readFill(rig.fill)
    expect(rig.resumed).toEqual([{ offset: 110_000 }, { offset: 170_000 }, { offset: 230_000 }])
    expect(got.error).toMatchObject({ code: 'COLONY_FILL' })
    expect(got.bytes).toHaveLength(290_000)

    const second = upstreamOf({ length: body.byteLength })
    const allowed = await fillOf({
      upstream: second,
      resume: async (offset) => {
        const next = upstreamOf({ length: body.byteLength })
        next.feed.push(body.subarray(offset)).end()
        return next
      }
    })
    allowed.interest.join()
    second.feed.push(body.subarray(0, 110_000)).fail(new Error('the first'))
    expect(same((await readFill(allowed.fill)).bytes, body)).toBe(true)
    expect(allowed.stored()).toMatchObject({ hash: hashOf(body) })
  })

  it.each([
    ['fewer bytes than announced', body.subarray(0, 299_999)],
    ['more bytes than announced', Buffer.concat([body, Uint8Array.of(1)])]
  ])('takes %s for a failure', async (_what, sent) => {
    const upstream = upstreamOf({ length: body.byteLength })
    const { fill, interest, stored, resumed } = await fillOf({ upstream })
    interest.join()
    upstream.feed.push(...chunks(sent)).end()
    expect((await readFill(fill)).error).toMatchObject({ code: 'COLONY_FILL' })
    expect(resumed).toHaveLength(1)
    expect(stored()).toBeUndefined()
  })

  it('takes another count of bytes than its sender\'s for a failure', async () => {
    const upstream = upstreamOf({ total: () => ({ length: body.byteLength + 1 }) })
    const { fill, interest, stored } = await fillOf({ upstream })
    interest.join()
    upstream.feed.push(body).end()
    expect((await readFill(fill)).error).toMatchObject({ code: 'COLONY_FILL' })
    expect(stored()).toBeUndefined()
  })

  it('still serves the whole when only the storing of it fails', async () => {
    const store = memoryStore()
    const create = store.create.bind(store)
    store.create = async (key, length) => {
      const writer = await create(key, length)
      if (writer !== undefined) writer.commit = async () => { throw new Error('the disk is broken') }
      return writer
    }
    const upstream = upstreamOf()
    const { fill, interest } = await fillOf({ upstream, store })
    interest.join()
    upstream.feed.push(body).end()
    const got = await readFill(fill)
    expect(same(got.bytes, body)).toBe(true)
    expect(got.error).toBeUndefined()
  })
})

describe('a fill that nobody wants any more', () => {
  it('is dropped when much of it is missing, and takes no new readers from then on', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const rig = await fillOf({ upstream, settings: { finishAbandonedBytesMax: 1_000 } })
    const leave = rig.interest.join()
    upstream.feed.push(body.subarray(0, 1_000))
    await turn()
    leave()
    expect(upstream.cancelled).toBe(1)
    expect(rig.fill.joinable).toBe(false)
    await rig.running
    expect(rig.over).toBe(1)
    expect(rig.stored()).toBeUndefined()
    expect(rig.store.stats().memoryBytes).toBe(0)
  })

  it('of unknown length is dropped, and what had come of it is never taken for the whole', async () => {
    const upstream = upstreamOf()
    const rig = await fillOf({ upstream })
    const leave = rig.interest.join()
    upstream.feed.push(body.subarray(0, 1_000))
    await eventually(() => rig.fill.visible === 1_000 && upstream.feed.waiting)
    leave()
    await rig.running
    expect(rig.stored()).toBeUndefined()
  })

  it('goes on to its end when little is missing', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const rig = await fillOf({ upstream, settings: { finishAbandonedBytesMax: 1_000 } })
    const leave = rig.interest.join()
    upstream.feed.push(body.subarray(0, body.byteLength - 1_000))
    await eventually(() => upstream.feed.waiting)
    leave()
    expect(rig.fill.joinable).toBe(true)
    upstream.feed.push(body.subarray(body.byteLength - 1_000)).end()
    await rig.running
    expect(rig.stored()).toMatchObject({ hash: hashOf(body) })
  })

  it('looks for no other source once its own has failed', async () => {
    const upstream = peerOf(body)
    const rig = await fillOf({ upstream, settings: { finishAbandonedBytesMax: 1_000 } })
    const leave = rig.interest.join()
    upstream.feed.push(body.subarray(0, 1_000))
    await eventually(() => upstream.feed.waiting)
    leave()
    await rig.running
    expect(rig.resumed).toEqual([])
  })

  it('lets go of another source that was found after the last had left', async () => {
    const upstream = upstreamOf({ length: body.byteLength })
    const found = Promise.withResolvers<ReturnType<typeof upstreamOf>>()
    const rig = await fillOf({ upstream, settings: { finishAbandonedBytesMax: 1_000 }, resume: async () => await found.promise })
    const leave = rig.interest.join()
    upstream.feed.push(body.subarray(0, 1_000)).fail(new Error('cut'))
    await eventually(() => rig.resumed.length === 1)
    leave()
    const next = upstreamOf({ length: body.byteLength })
    found.resolve(next)
    await eventually(() => rig.over === 1, 2_000)
    expect(next.cancelled).toBeGreaterThan(0)
  })
})
