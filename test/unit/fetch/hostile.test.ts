/** The other side breaks the protocol, on either end: what is refused, and what it may cost. */
import { describe, expect, it } from 'vitest'
import type { Stream } from '@libp2p/interface'
import { fetchDefaults } from '../../../protocols/fetch/settings.ts'
import { encodeFrame, headBytesMax } from '../../../protocols/wire.ts'
import { handOf, type Hand } from '../../support/evil-peer.ts'
import { bodyOf, eventually, hashOf } from '../../support/store.ts'
import { askOf, bodyOfHit, fetchRig, headOf, offerOf, sha256 } from './support.ts'

const body = bodyOf(1_000)
const block = (bytes: Uint8Array): [object, Uint8Array] => [{ kind: 'block', hash: sha256(bytes) }, bytes]

/** An asked peer that reads the ask and then does as it likes. */
function peer (act: (hand: Hand) => Promise<void>): (stream: Stream) => void {
  return (stream) => {
    const hand = handOf(stream)
    void hand.read().then(async () => { await act(hand) }).catch(() => {})
  }
}

describe('an asked peer', () => {
  it.each<[string, (hand: Hand) => Promise<void>]>([
    ['answers with a block before any head', async (hand) => { await hand.write(...block(body)) }],
    ['answers with an end before any head', async (hand) => { await hand.write({ kind: 'end', length: 0 }) }],
    ['answers with what nobody knows', async (hand) => { await hand.write({ kind: 'gossip' }) }],
    ['answers with a head that is not CBOR', async (hand) => { hand.raw(Uint8Array.of(8, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff)) }],
    ['answers with a frame of no bytes', async (hand) => { hand.raw(Uint8Array.of(0)) }],
    ['announces a frame larger than any', async (hand) => { hand.raw(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x07)) }],
    ['announces a head larger than its frame', async (hand) => { hand.raw(Uint8Array.of(4, 0xff, 0xff, 0xff, 0xff)) }],
    ['answers with a line break in a field', async (hand) => { await hand.write({ kind: 'hit', head: headOf(body, { fields: [['x', 'a\r\nb: c']] }) }) }],
    ['answers with a field in upper case', async (hand) => { await hand.write({ kind: 'hit', head: headOf(body, { fields: [['ETag', '"1"']] }) }) }],
    ['says that what nobody holds is current', async (hand) => { await hand.write({ kind: 'hit', head: headOf(body), same: true }) }],
    ['closes without an answer', async (hand) => { await hand.stream.close() }],
    ['resets without an answer', async (hand) => { hand.stream.abort(new Error('go away')) }]
  ])('that %s counts as silent, and its stream is dropped', async (_what, act) => {
    const rig = await fetchRig({ handler: peer(act) })
    expect(await rig.ask()).toMatchObject({ kind: 'silent', error: { code: 'COLONY_PEER_FETCH' } })
    expect(rig.streams[0]?.outbound.status).not.toBe('open')
    expect(rig.asker.counters().broken).toBe(1)
  })

  it('that says another version than the one held is current counts as silent', async () => {
    const rig = await fetchRig({ handler: peer(async (hand) => { await hand.write({ kind: 'hit', head: headOf(body), same: true }) }) })
    expect(await rig.ask({ held: { etag: '"2"', hash: hashOf(body.subarray(1)) } })).toMatchObject({ kind: 'silent' })
  })

  it.each<[string, (hand: Hand) => Promise<void>]>([
    ['contradict their hash', async (hand) => { await hand.write({ kind: 'block', hash: sha256(body.subarray(1)) }, body) }],
    ['are more than announced', async (hand) => { await hand.write(...block(bodyOf(1_001))) }],
    ['are more than a block may have', async (hand) => { await hand.write(...block(bodyOf(fetchDefaults.blockBytesMax + 1))) }],
    ['end with another count', async (hand) => { await hand.write(...block(body.subarray(0, 999))); await hand.write({ kind: 'end', length: 1_000 }) }],
    ['end before what the head announced', async (hand) => { await hand.write(...block(body.subarray(0, 999))); await hand.write({ kind: 'end', length: 999 }) }],
    ['are followed by a second head', async (hand) => { await hand.write(...block(body.subarray(0, 9))); await hand.write({ kind: 'hit', head: headOf(body) }) }],
    ['are followed by a miss', async (hand) => { await hand.write(...block(body.subarray(0, 9))); await hand.write({ kind: 'miss' }) }],
    ['are cut', async (hand) => { await hand.write(...block(body.subarray(0, 9))); await hand.write({ kind: 'cut', reason: 'x' }) }],
    ['just stop', async (hand) => { await hand.write(...block(body.subarray(0, 9))); await hand.stream.close() }],
    ['are torn off in mid-frame', async (hand) => { hand.raw(encodeFrame(...block(body)).subarray(0, 100)); hand.stream.abort(new Error('torn')) }]
  ])('whose bytes %s is cut: never a body that looks whole', async (_what, act) => {
    const rig = await fetchRig({ handler: peer(async (hand) => { await hand.write({ kind: 'hit', head: headOf(body) }); await act(hand) }) })
    await expect(bodyOfHit(await rig.ask())).rejects.toMatchObject({ code: 'COLONY_PEER_FETCH', peer: 'server' })
    expect(rig.streams[0]?.outbound.status).not.toBe('open')
  })

  it('that floods without credit is cut, and little of it is held', async () => {
    let sent = 0
    const settings = { blockBytesMax: 64 * 1024, blocksInFlight: 4 }
    const flood = bodyOf(64 * 1024)
    const rig = await fetchRig({
      settings,
      handler: peer(async (hand) => {
        await hand.write({ kind: 'hit', head: headOf(flood, { length: undefined, hash: undefined }) })
        while (hand.stream.status === 'open' && sent < 2_000) {
          await hand.write(...block(flood))
          sent++
        }
      })
    })
    const answer = await rig.ask()
    if (answer.kind !== 'hit') throw new Error(answer.kind)
    const reading = answer.body[Symbol.asyncIterator]()
    await reading.next()
    await eventually(() => rig.streams[0]?.outbound.status !== 'open')
    await expect((async () => { while ((await reading.next()).done !== true); })()).rejects.toMatchObject({ code: 'COLONY_PEER_FETCH' })
    expect(rig.asker.counters().bytesIn).toBeLessThanOrEqual(8 * 64 * 1024)
  })

  it('that sends a length without an end is cut at once, not read for ever', async () => {
    let sent = 0
    const rig = await fetchRig({
      handler: peer(async (hand) => {
        while (hand.stream.status === 'open' && sent < 400) {
          hand.raw(new Uint8Array(1_000).fill(0x80))
          sent++
          await new Promise((resolve) => { setImmediate(resolve) })
        }
      })
    })
    expect(await rig.ask()).toMatchObject({ kind: 'silent' })
    expect(sent).toBeLessThan(100)
  })

  it('that sends a head byte by byte, without an end, is held to the time for an answer', async () => {
    const rig = await fetchRig({ handler: peer(async (hand) => { hand.raw(Uint8Array.of(0xff, 0x7f, 0, 0)) }) })
    const asked = rig.ask()
    let over = false
    void asked.finally(() => { over = true })
    await eventually(() => rig.streams.length === 1)
    await rig.pass(() => over, 50, fetchDefaults.answerTimeoutMs + 50)
    expect(await asked).toMatchObject({ kind: 'silent' })
  })
})

describe('an asker', () => {
  it.each<[string, (hand: Hand) => unknown]>([
    ['asks with a verb that nobody knows', async (hand) => { await hand.write({ ...askOf(), verb: 'purge' }) }],
    ['asks with a key that is none', async (hand) => { await hand.write({ ...askOf(), key: 'x' }) }],
    ['sends what is not CBOR', (hand) => hand.raw(Uint8Array.of(8, 0, 0, 0, 4, 0xff, 0xff, 0xff, 0xff))],
    ['announces more than an ask may have', (hand) => hand.raw(Uint8Array.of(0x85, 0x80, 0x04, 0))],
    ['asks with more fields than allowed', async (hand) => { await hand.write({ ...askOf(), fields: Array(201).fill(['a', 'b']) }) }]
  ])('that %s is cut, and the provider never hears of it', async (_what, act) => {
    let asked = 0
    const rig = await fetchRig({ provider: async () => { asked++; return { kind: 'miss' } } })
    const hand = await rig.open()
    await act(hand)
    await eventually(() => hand.stream.status !== 'open')
    expect(asked).toBe(0)
    expect(rig.server.counters().broken).toBe(1)
    expect(await rig.ask()).toEqual({ kind: 'miss' })
  })

  it('that sends a length without an end is cut at once', async () => {
    const rig = await fetchRig({})
    const hand = await rig.open()
    let sent = 0
    while (hand.stream.status === 'open' && sent < 400) {
      hand.raw(new Uint8Array(1_000).fill(0x80))
      sent++
      await new Promise((resolve) => { setImmediate(resolve) })
    }
    expect(sent).toBeLessThan(100)
  })

  it('that asks a thousand times without reading is served one at a time, and cut when it floods', async () => {
    let asked = 0
    const rig = await fetchRig({ provider: async () => { asked++; return offerOf(body) } })
    const hand = await rig.open()
    const padded = { ...askOf(), target: 'x'.repeat(8_000), credit: 0 }
    let sent = 0
    while (hand.stream.status === 'open' && sent < 1_000) {
      await hand.write(padded).catch(() => {})
      sent++
    }
    await eventually(() => hand.stream.status !== 'open')
    expect(asked).toBeLessThanOrEqual(2)
    expect(sent * 8_000).toBeLessThan(4 * (fetchDefaults.blocksInFlight + 2) * (headBytesMax + 4))
    await rig.pass(() => rig.server.serving() === 0)
  })

  it('that opens many streams takes no place from others beyond its share', async () => {
    const rig = await fetchRig({ provider: async (_ask, from) => from === 'evil' ? await new Promise(() => {}) : { kind: 'miss' }, settings: { transfersMax: 8, answerTimeoutMs: 10_000 } })
    for (let count = 0; count < 16; count++) await (await rig.open('evil')).write(askOf())
    await eventually(() => rig.server.counters().answered >= 1)
    expect(await rig.ask()).toEqual({ kind: 'miss' })
  })
})
