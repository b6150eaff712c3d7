/** How long an ask waits, and for what: signs of life, silence, and places given back however it ends. */
import { describe, expect, it } from 'vitest'
import { handOf } from '../../support/evil-peer.ts'
import { bodyOf, eventually } from '../../support/store.ts'
import type { PeerAnswer } from '../../../protocols/fetch/transfer.ts'
import type { ProviderAnswer } from '../../../protocols/fetch/provider.ts'
import { fetchDefaults } from '../../../protocols/fetch/settings.ts'
import { askOf, bodyOfHit, fetchRig, headOf, offerOf, same, sha256 } from './support.ts'

const body = bodyOf(400_000)

/** What a promise has come to, without waiting for it. */
function watched<T> (promise: Promise<T>): { value?: T, error?: unknown, over: boolean } {
  const state: { value?: T, error?: unknown, over: boolean } = { over: false }
  promise.then((value) => { state.value = value }, (error: unknown) => { state.error = error }).finally(() => { state.over = true })
  return state
}

describe('an ask whose answer takes long', () => {
  it('is told at once that it is being filled, then again and again, and waits as long as it is', async () => {
    const answer = Promise.withResolvers<ProviderAnswer>()
    const rig = await fetchRig({ provider: async () => await answer.promise })
    let signs = 0
    const asked = watched(rig.ask({}, { onFilling: () => { signs++ } }))
    await eventually(() => rig.server.serving() === 1)
    await rig.pass(() => signs === 1, 1)
    expect(rig.clock.nowMs()).toBeLessThan(fetchDefaults.fillingIntervalMs)
    await rig.pass(() => rig.clock.nowMs() >= 20_000)
    expect(signs).toBeGreaterThanOrEqual(20_000 / fetchDefaults.fillingIntervalMs - 3)
    expect(asked.over).toBe(false)
    answer.resolve({ kind: 'miss' })
    await eventually(() => asked.over)
    expect(asked.value).toEqual({ kind: 'miss' })
  })

  it('ends by silence after the stated time, not before, when no sign of life ever comes', async () => {
    const rig = await fetchRig({ handler: () => {} })
    const asked = watched(rig.ask())
    await eventually(() => rig.streams.length === 1)
    await rig.clock.advance(fetchDefaults.answerTimeoutMs - 1)
    expect(asked.over).toBe(false)
    await rig.clock.advance(1)
    await eventually(() => asked.over)
    expect(asked.value).toMatchObject({ kind: 'silent', error: { code: 'COLONY_PEER_FETCH', peer: 'server' } })
    expect(rig.streams[0]?.outbound.status).toBe('aborted')
    expect(rig.asker.counters().broken).toBe(1)
  })

  it('ends by silence after a first sign of life, when no other follows', async () => {
    const rig = await fetchRig({ handler: (stream) => { void handOf(stream).write({ kind: 'filling' }) } })
    let signs = 0
    const asked = watched(rig.ask({}, { onFilling: () => { signs++ } }))
    await eventually(() => signs === 1)
    await rig.clock.advance(fetchDefaults.silenceTimeoutMs - 1)
    expect(asked.over).toBe(false)
    await rig.clock.advance(1)
    await eventually(() => asked.over)
    expect(asked.value).toMatchObject({ kind: 'silent' })
  })

  it('is held by signs of life alone no longer than the stated time', async () => {
    const rig = await fetchRig({ provider: async () => await new Promise(() => {}) })
    const asked = watched(rig.ask())
    await rig.pass(() => asked.over, 250, fetchDefaults.fillingMaxMs + 5_000)
    expect(rig.clock.nowMs()).toBeGreaterThan(fetchDefaults.fillingMaxMs)
    expect(asked.value).toMatchObject({ kind: 'silent' })
    await rig.pass(() => rig.server.serving() === 0)
  })

  it('counts a peer that cannot be dialled as silent', async () => {
    const rig = await fetchRig({})
    await rig.server.stop()
    expect(await rig.ask()).toMatchObject({ kind: 'silent' })
  })
})

describe('a body that stalls', () => {
  it('is waited for while its sender gives signs of life', async () => {
    const gate = Promise.withResolvers<void>()
    const offer = offerOf(body, { open: async function * () { yield body.subarray(0, 1_000); await gate.promise; yield body.subarray(1_000) } })
    const rig = await fetchRig({ provider: async () => offer })
    const got = watched(rig.ask().then(async (answer) => await bodyOfHit(answer)))
    await eventually(() => rig.asker.counters().bytesIn === 1_000)
    await rig.pass(() => rig.clock.nowMs() > 10_000)
    expect(got.over).toBe(false)
    gate.resolve()
    await rig.pass(() => got.over)
    expect(same(got.value as Uint8Array, body)).toBe(true)
  })

  it('is cut when its sender falls silent', async () => {
    const rig = await fetchRig({
      handler: (stream) => {
        const peer = handOf(stream)
        void peer.write({ kind: 'hit', head: headOf(body) }).then(async () => { await peer.write({ kind: 'block', hash: sha256(body.subarray(0, 10)) }, body.subarray(0, 10)) })
      }
    })
    const got = watched(rig.ask().then(async (answer) => await bodyOfHit(answer)))
    await eventually(() => rig.asker.counters().bytesIn === 10)
    await rig.pass(() => got.over, 100, fetchDefaults.silenceTimeoutMs + 100)
    expect(got.error).toMatchObject({ code: 'COLONY_PEER_FETCH' })
  })

  it('is held by signs of life alone no longer than the stated time', async () => {
    const rig = await fetchRig({ provider: async () => offerOf(body, { open: async function * () { yield body.subarray(0, 1_000); await new Promise(() => {}) } }) })
    const got = watched(rig.ask().then(async (answer) => await bodyOfHit(answer)))
    await eventually(() => rig.asker.counters().bytesIn === 1_000)
    await rig.pass(() => got.over, 250, fetchDefaults.fillingMaxMs + 5_000)
    expect(got.error).toMatchObject({ code: 'COLONY_PEER_FETCH' })
  })
})

describe('what an ask was offered is given back exactly once', () => {
  async function settled (rig: Awaited<ReturnType<typeof fetchRig>>, offer: ReturnType<typeof offerOf>): Promise<number> {
    await rig.pass(() => rig.server.serving() === 0, 100)
    await rig.clock.advance(5_000)
    return offer.released
  }

  it('when the asker leaves before the answer, and it comes in the same moment', async () => {
    const answer = Promise.withResolvers<ProviderAnswer>()
    const offer = offerOf(body)
    const rig = await fetchRig({ provider: async (_ask, _from, signal) => {
      signal.addEventListener('abort', () => { answer.resolve(offer) })
      return await answer.promise
    } })
    const hand = await rig.open()
    await hand.write(askOf())
    await eventually(() => rig.server.serving() === 1)
    hand.stream.abort(new Error('gone'))
    expect(await settled(rig, offer)).toBe(1)
  })

  it('when the asker leaves before the answer, and it comes much later', async () => {
    const answer = Promise.withResolvers<ProviderAnswer>()
    const offer = offerOf(body)
    const rig = await fetchRig({ provider: async () => await answer.promise })
    const hand = await rig.open()
    await hand.write(askOf())
    await eventually(() => rig.server.serving() === 1)
    hand.stream.abort(new Error('gone'))
    expect(await settled(rig, offer)).toBe(0)
    answer.resolve(offer)
    await eventually(() => offer.released > 0, 2_000)
    expect(offer.released).toBe(1)
  })

  it('when the answer comes while a sign of life cannot be sent, and then the asker leaves', async () => {
    const answer = Promise.withResolvers<ProviderAnswer>()
    const offer = offerOf(body)
    const rig = await fetchRig({ provider: async () => await answer.promise })
    const hand = await rig.open()
    await hand.write(askOf())
    await eventually(() => rig.server.serving() === 1)
    // The asker's window is full: what is sent waits.
    const { inbound } = rig.streams.at(-1) as { inbound: { send: (data: unknown) => boolean } }
    inbound.send = () => false
    await rig.clock.advance(fetchDefaults.fillingIntervalMs)
    answer.resolve(offer)
    await rig.clock.advance(fetchDefaults.fillingIntervalMs)
    hand.stream.abort(new Error('gone'))
    await settled(rig, offer)
    await eventually(() => offer.released > 0, 2_000)
    expect(offer.released).toBe(1)
  })

  it.each([
    ['the head is unread', 0], ['a block is awaited', 1], ['credit is awaited', 2]
  ])('when the asker leaves while %s', async (_what, credit) => {
    const offer = offerOf(body, credit === 1 ? { open: async function * () { yield body.subarray(0, 1_000); await new Promise(() => {}) } } : {})
    const rig = await fetchRig({ provider: async () => offer, settings: { blockBytesMax: 1_000 } })
    const hand = await rig.open()
    await hand.write({ ...askOf(), credit })
    if (credit > 0) expect((await hand.read()).head.kind).toBe('hit')
    if (credit > 0) expect((await hand.read()).head.kind).toBe('block')
    hand.stream.abort(new Error('gone'))
    expect(await settled(rig, offer)).toBe(1)
  })

  it('when the asker closes its side in order in mid-body', async () => {
    const offer = offerOf(body)
    const rig = await fetchRig({ provider: async () => offer, settings: { blockBytesMax: 1_000 } })
    const hand = await rig.open()
    await hand.write({ ...askOf(), credit: 1 })
    expect((await hand.read()).head.kind).toBe('hit')
    await hand.stream.close()
    expect(await settled(rig, offer)).toBe(1)
  })

  it.each([
    ['asks anew in mid-body', (): object => askOf()], ['sends a frame that is none in mid-body', (): object => ({ kind: 'pull', blocks: 0 })]
  ])('when the asker %s', async (_what, frame) => {
    const offer = offerOf(body)
    const rig = await fetchRig({ provider: async () => offer, settings: { blockBytesMax: 1_000 } })
    const hand = await rig.open()
    await hand.write({ ...askOf(), credit: 1 })
    await hand.write(frame())
    expect(await settled(rig, offer)).toBe(1)
    expect(rig.server.counters().broken).toBe(1)
  })

  it.each(['an answer', 'a block', 'credit'])('when the service stops while %s is pending', async (pending) => {
    const answer = Promise.withResolvers<ProviderAnswer>()
    const offer = offerOf(body, pending === 'a block' ? { open: async function * () { yield body.subarray(0, 1_000); await new Promise(() => {}) } } : {})
    const rig = await fetchRig({ provider: async () => await answer.promise, settings: { blockBytesMax: 1_000 } })
    if (pending !== 'an answer') answer.resolve(offer)
    const hand = await rig.open()
    await hand.write({ ...askOf(), credit: 1 })
    await eventually(() => rig.server.serving() === 1)
    await rig.server.stop()
    await rig.server.stop()
    await rig.pass(() => rig.server.serving() === 0)
    if (pending === 'an answer') answer.resolve(offer)
    await eventually(() => offer.released > 0, 2_000)
    expect(await settled(rig, offer)).toBe(1)
  })

  it('when the asker reads nothing for as long as a stream may idle', async () => {
    const large = bodyOf(8_000_000)
    const offer = offerOf(large)
    const rig = await fetchRig({ provider: async () => offer })
    const hand = await rig.open()
    await hand.write({ ...askOf(), credit: 1_000 })
    await eventually(() => rig.server.serving() === 1)
    const { inbound } = rig.streams.at(-1) as { inbound: { send: (data: unknown) => boolean } }
    inbound.send = () => false
    await rig.pass(() => rig.server.serving() === 0, 1_000, fetchDefaults.idleStreamMs * 3)
    expect(await settled(rig, offer)).toBe(1)
  })
})

describe('an idle stream', () => {
  it('is closed by the asked side after the stated time', async () => {
    const rig = await fetchRig({})
    await rig.ask()
    await rig.clock.advance(fetchDefaults.idleStreamMs - 1_000)
    expect(rig.streams[0]?.inbound.status).toBe('open')
    await rig.pass(() => rig.streams[0]?.outbound.remoteWriteStatus !== 'writable', 500)
    const again: PeerAnswer = await rig.ask()
    expect(again).toEqual({ kind: 'miss' })
    expect(rig.streams).toHaveLength(2)
  })
})
