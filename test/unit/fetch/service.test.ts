/** Asks and answers between two services over real streams, both sides well-behaved. */
import { describe, expect, it } from 'vitest'
import { handOf } from '../../support/evil-peer.ts'
import { bodyOf } from '../../support/store.ts'
import type { Ask } from '../../../protocols/fetch/messages.ts'
import type { ProviderAnswer } from '../../../protocols/fetch/provider.ts'
import { askOf, bodyOfHit, fetchRig, headOf, offerOf, same, sha256, traceparent } from './support.ts'
import { eventually, hashOf } from '../../support/store.ts'

const body = bodyOf(3_000_000)

describe('an ask', () => {
  it('that hits brings head and every block, then the whole length and hash', async () => {
    const offer = offerOf(body)
    const rig = await fetchRig({ provider: async () => offer })
    const answer = await rig.ask()
    expect(answer).toMatchObject({ kind: 'hit', head: headOf(body), stale: false, same: false })
    if (answer.kind !== 'hit') return
    expect(answer.total()).toBeUndefined()
    expect(same(await bodyOfHit(answer), body)).toBe(true)
    expect(answer.total()).toEqual({ length: body.byteLength, hash: hashOf(body) })
    expect(offer.released).toBe(1)
    expect(rig.asker.counters().bytesIn).toBe(body.byteLength)
    expect(rig.server.counters()).toMatchObject({ bytesOut: body.byteLength, answered: 1, broken: 0 })
    expect(rig.server.serving()).toBe(0)
  })

  it('reaches the provider as it was sent, with credit and block size lowered to what the asker can hold', async () => {
    const asked: Ask[] = []
    const rig = await fetchRig({ provider: async (ask) => { asked.push(ask); return { kind: 'miss' } }, settings: { blocksInFlight: 3, blockBytesMax: 10_000 } })
    const sent = askOf({ host: 'a.example', silent: ['x'], offset: 7, version: { etag: '"1"', length: 9 }, held: { hash: 'h'.repeat(43) }, staleOk: true, headOnly: true, turnedAway: true, last: true })
    await rig.ask(sent)
    expect(asked).toEqual([{ ...sent, version: { etag: '"1"', hash: undefined, length: 9 }, held: { etag: undefined, hash: 'h'.repeat(43), length: undefined }, credit: 3, blockBytes: 10_000 }])
  })

  it.each<ProviderAnswer>([
    { kind: 'miss' }, { kind: 'busy' }, { kind: 'private' }, { kind: 'failed', status: 504, reason: 'the origin is gone' }
  ])('brings $kind as it is, and the stream serves the next ask', async (result) => {
    const rig = await fetchRig({ provider: async () => result })
    expect(await rig.ask()).toEqual(result)
    expect(await rig.ask()).toEqual(result)
    expect(rig.streams).toHaveLength(1)
  })

  it('is a miss where the sender had not applied the asker\'s purges before it looked, but for a version that is named', async () => {
    let applied = 1
    const offers: Array<ReturnType<typeof offerOf>> = []
    const rig = await fetchRig({
      purges: { stated: () => Uint8Array.of(applied), accepts: (stated) => stated?.[0] === 2 },
      provider: async () => {
        // While it looks.
        applied = 2
        offers.push(offerOf(body))
        return offers.at(-1)!
      }
    })
    expect(await rig.ask()).toEqual({ kind: 'miss' })
    await eventually(() => offers[0]!.released === 1)
    expect(await rig.ask()).toMatchObject({ kind: 'hit' })
    applied = 1
    expect(await rig.ask({ version: { hash: hashOf(body) } })).toMatchObject({ kind: 'hit' })
  })

  it('is a miss where the sender states no purges, and the asker has some; with more than fit it states none', async () => {
    const stated = [undefined, new Uint8Array(9_000), new Uint8Array(8_000)]
    const rig = await fetchRig({ provider: async () => offerOf(body), purges: { stated: () => stated.shift(), accepts: (given) => given !== undefined } })
    expect([(await rig.ask()).kind, (await rig.ask()).kind, (await rig.ask()).kind]).toEqual(['miss', 'miss', 'hit'])
  })

  it('brings a failure whose reason is longer than a frame should carry, cut', async () => {
    const rig = await fetchRig({ provider: async () => ({ kind: 'failed', status: 502, reason: 'x'.repeat(2_000) }) })
    expect(await rig.ask()).toMatchObject({ kind: 'failed', status: 502 })
  })

  it.each([
    ['more fields than a head may have', Array.from({ length: 300 }, (_, index) => [`x-${index}`, 'y'] as const)],
    ['longer fields than a head may have', [['x', 'y'.repeat(70_000)] as const]]
  ])('for a response with %s is not silence, and the asker fetches for itself', async (_what, fields) => {
    const offer = offerOf(body, { head: headOf(body, { fields }) })
    const rig = await fetchRig({ provider: async () => offer })
    expect(await rig.ask()).toEqual({ kind: 'private' })
    expect(await rig.ask()).toEqual({ kind: 'private' })
    expect(offer.released).toBe(2)
    expect(rig.streams).toHaveLength(1)
  })

  it.each([1, 100_000, 262_144, 2_999_999, 3_000_000])('begins at offset %i when that is wanted', async (offset) => {
    const rig = await fetchRig({ provider: async () => offerOf(body) })
    const answer = await rig.ask({ offset })
    expect(same(await bodyOfHit(answer), body.subarray(offset))).toBe(true)
  })

  it.each([0, 1, 262_143, 262_144, 262_145])('brings a body of %i bytes', async (length) => {
    const rig = await fetchRig({ provider: async () => offerOf(body.subarray(0, length)) })
    expect(await bodyOfHit(await rig.ask())).toHaveLength(length)
  })

  it.each([1, 2, 3, 4, 5])('brings the whole with %i blocks in flight', async (blocksInFlight) => {
    const rig = await fetchRig({ provider: async () => offerOf(body), settings: { blocksInFlight, blockBytesMax: 64 * 1024 } })
    const got = bodyOfHit(await rig.ask())
    let over = false
    void got.finally(() => { over = true }).catch(() => {})
    await rig.pass(() => over, 500)
    expect(same(await got, body)).toBe(true)
  })

  it('brings a head alone where the asker holds that version, or wants no more', async () => {
    const offers = [offerOf(body, { same: true }), offerOf(body)]
    const rig = await fetchRig({ provider: async (ask) => offers[ask.headOnly ? 1 : 0] as ProviderAnswer })
    const revalidated = await rig.ask({ held: { etag: '"1"' } })
    expect(revalidated).toMatchObject({ kind: 'hit', same: true })
    expect(await bodyOfHit(revalidated)).toHaveLength(0)
    expect(await rig.ask({ headOnly: true })).toMatchObject({ kind: 'hit', same: false, head: headOf(body) })
    await eventually(() => rig.server.serving() === 0)
    expect(offers.map(({ released }) => released)).toEqual([1, 1])
    expect(rig.streams).toHaveLength(1)
  })

  it('brings a body whose length nobody knows beforehand', async () => {
    const rig = await fetchRig({ provider: async () => offerOf(body, { head: headOf(body, { length: undefined, hash: undefined }) }) })
    const answer = await rig.ask()
    expect(same(await bodyOfHit(answer), body)).toBe(true)
    if (answer.kind === 'hit') expect(answer.total()).toEqual({ length: body.byteLength, hash: hashOf(body) })
  })

  it('shares the peer\'s streams: one after another on one, at once on several, few of them kept', async () => {
    const gate = Promise.withResolvers<void>()
    const rig = await fetchRig({ provider: async () => { await gate.promise; return offerOf(body.subarray(0, 10)) }, settings: { idleStreamsMax: 2 } })
    const asks = [rig.ask(), rig.ask(), rig.ask(), rig.ask()]
    await eventually(() => rig.streams.length === 4)
    gate.resolve()
    for (const ask of asks) await bodyOfHit(await ask)
    expect(rig.streams.filter(({ outbound }) => outbound.status === 'open')).toHaveLength(2)
    await bodyOfHit(await rig.ask())
    expect(rig.streams).toHaveLength(4)
  })

  it('opens a fresh stream where the pooled one was closed in the meantime', async () => {
    const rig = await fetchRig({ provider: async () => offerOf(body.subarray(0, 10)) })
    await bodyOfHit(await rig.ask())
    rig.streams[0]?.inbound.abort(new Error('restarted'))
    expect(await bodyOfHit(await rig.ask())).toHaveLength(10)
    expect(rig.streams).toHaveLength(2)
  })

  it('carries its trace in every frame, both ways', async () => {
    const rig = await fetchRig({ provider: async () => offerOf(body.subarray(0, 300_000)), settings: { blockBytesMax: 100_000 } })
    const hand = await rig.open()
    await hand.write(askOf())
    for (const kind of ['hit', 'block', 'block', 'block', 'end']) expect((await hand.read()).head).toMatchObject({ kind, traceparent })

    const heads: object[] = []
    const answering = await fetchRig({
      handler: (stream) => {
        const peer = handOf(stream)
        void (async () => {
          heads.push((await peer.read()).head)
          await peer.write({ kind: 'hit', head: headOf(body.subarray(0, 2)) })
          for (let at = 0; at < 2; at++) await peer.write({ kind: 'block', hash: sha256(body.subarray(at, at + 1)) }, body.subarray(at, at + 1))
          await peer.write({ kind: 'end', length: 2 })
          heads.push((await peer.read()).head)
        })()
      }
    })
    await bodyOfHit(await answering.ask())
    await eventually(() => heads.length === 2)
    expect(heads).toMatchObject([{ verb: 'fill', traceparent }, { kind: 'pull', traceparent }])
  })

  it('of one who is no member is refused before anything of it is read', async () => {
    let asked = 0
    const rig = await fetchRig({ provider: async () => { asked++; return { kind: 'miss' } }, mayAsk: (peer) => peer !== 'asker' })
    expect(await rig.ask()).toMatchObject({ kind: 'silent' })
    expect(asked).toBe(0)
    expect(rig.server.counters()).toMatchObject({ refused: 1, answered: 0 })
  })

  it('beyond the transfers that are served at once is busy, and taken again when one is over', async () => {
    const gate = Promise.withResolvers<void>()
    const rig = await fetchRig({ provider: async () => { await gate.promise; return { kind: 'miss' } }, settings: { transfersMax: 2 } })
    for (const peer of ['one', 'other']) await (await rig.open(peer)).write(askOf())
    await eventually(() => rig.server.serving() === 2)
    expect(await rig.ask()).toEqual({ kind: 'busy' })
    gate.resolve()
    await eventually(() => rig.server.serving() === 0)
    expect(await rig.ask()).toEqual({ kind: 'miss' })
  })

  it('throws when its own signal aborts, before the answer and in mid-body', async () => {
    const rig = await fetchRig({ provider: async () => await new Promise(() => {}) })
    const leaving = new AbortController()
    const asked = rig.ask({}, { signal: leaving.signal })
    await eventually(() => rig.server.serving() === 1)
    leaving.abort(new Error('the client is gone'))
    await expect(asked).rejects.toThrow('the client is gone')
    await expect(rig.ask({}, { signal: leaving.signal })).rejects.toThrow('the client is gone')
  })
})

describe('a transfer', () => {
  it('whose source breaks at the sender ends in an error that says so, and its stream is not used again', async () => {
    const offer = offerOf(body, { open: async function * () { yield body.subarray(0, 1_000); throw new Error('the disk is broken') } })
    const rig = await fetchRig({ provider: async () => offer })
    const answer = await rig.ask()
    await expect(bodyOfHit(answer)).rejects.toMatchObject({ code: 'COLONY_PEER_FETCH', peer: 'server', message: expect.stringContaining('the disk is broken') as string })
    expect(offer.released).toBe(1)
    await bodyOfHit(await rig.ask()).catch(() => {})
    expect(rig.streams).toHaveLength(2)
  })

  it('that the asker stops reading frees both sides', async () => {
    const offer = offerOf(body)
    const rig = await fetchRig({ provider: async () => offer, settings: { blockBytesMax: 100_000 } })
    const answer = await rig.ask()
    if (answer.kind !== 'hit') throw new Error(answer.kind)
    for await (const chunk of answer.body) {
      expect(chunk).toHaveLength(100_000)
      break
    }
    await rig.pass(() => rig.server.serving() === 0)
    expect(offer.released).toBe(1)
  })

  it('that the asker drops unread frees both sides', async () => {
    const offer = offerOf(body)
    const rig = await fetchRig({ provider: async () => offer, settings: { blockBytesMax: 100_000 } })
    const answer = await rig.ask()
    if (answer.kind === 'hit') {
      answer.cancel()
      answer.cancel()
    }
    await rig.pass(() => rig.server.serving() === 0)
    expect(offer.released).toBe(1)
  })

  it('is held back by a slow reader: the sender reads no further than its credit', async () => {
    let read = 0
    const offer = offerOf(body, {
      open: async function * () {
        for (let at = 0; at < body.byteLength; at += 50_000) {
          read = at + 50_000
          yield body.subarray(at, at + 50_000)
        }
      }
    })
    const rig = await fetchRig({ provider: async () => offer, settings: { blockBytesMax: 50_000, blocksInFlight: 4 } })
    const answer = await rig.ask()
    if (answer.kind !== 'hit') throw new Error(answer.kind)
    let received = 0
    let most = 0
    for await (const chunk of answer.body) {
      received += chunk.byteLength
      if (received % 500_000 === 0) for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => { setTimeout(resolve, 1) })
      most = Math.max(most, read - received)
      expect(rig.streams[0]?.inbound.writeBufferLength).toBeLessThanOrEqual(4 * 51_000)
    }
    expect(received).toBe(body.byteLength)
    // Four blocks in flight, and one that waits for credit.
    expect(most).toBeLessThanOrEqual(5 * 50_000)
  })
})
