import { generateKeyPair } from '@libp2p/crypto/keys'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { describe, expect, it } from 'vitest'
import { AnnouncementError, announcementBytesMax, decodeAnnouncement, signAnnouncement, verifyAnnouncement } from '../../../protocols/membership/announcement.ts'
import { WireError } from '../../../protocols/errors.ts'
import { encodeHead } from '../../../protocols/wire.ts'
import { announcementOf, network, signed } from './support.ts'

/** The bytes of an announcement whose body has `fields` in place of the right ones, signature aside. */
async function withBody (fields: object): Promise<Uint8Array> {
  const { announcement } = await signed()
  return encodeHead({ body: encodeHead({ ...announcement, ...fields }), signature: new Uint8Array(64) })
}

describe('an announcement', () => {
  it('is read as it was signed', async () => {
    const own = await signed({ zone: 'rack-1', draining: true, load: 0.25, weight: 2.5, coordinate: [1_200, -3_400, 0, 150, 12] })
    const read = decodeAnnouncement(own.bytes)
    expect(read.announcement).toEqual(own.announcement)
    expect(await verifyAnnouncement(network, read)).toBe(true)
  })

  it('is read without a coordinate that makes no sense, or that a later version means', async () => {
    for (const coordinate of ['north', [1, 2], [1, 2, 3, 4, 5, 6, 7], [1e9, 0, 0, 0, 0], [0, 0, 0, -1, 0]]) {
      const { announcement } = decodeAnnouncement(await withBody({ coordinate }))
      expect(announcement).not.toHaveProperty('coordinate')
    }
  })

  it('is refused when a relay changed it', async () => {
    const own = await signed()
    const body = encodeHead({ ...own.announcement, weight: 100 })
    const read = decodeAnnouncement(encodeHead({ body, signature: own.signature }))
    expect(await verifyAnnouncement(network, read)).toBe(false)
  })

  it('is refused when another peer signed it', async () => {
    const subject = peerIdFromPrivateKey(await generateKeyPair('Ed25519')).toString()
    const forged = await signAnnouncement(network, announcementOf(subject), await generateKeyPair('Ed25519'))
    expect(await verifyAnnouncement(network, decodeAnnouncement(forged.bytes))).toBe(false)
  })

  it('is refused in another colony than it was signed for', async () => {
    expect(await verifyAnnouncement('other', await signed())).toBe(false)
  })

  it('keeps fields that this version does not know, under their signature', async () => {
    const key = await generateKeyPair('Ed25519')
    const announcement = { ...announcementOf(peerIdFromPrivateKey(key).toString()), colour: 'green' }
    const read = decodeAnnouncement((await signAnnouncement(network, announcement, key)).bytes)
    expect(await verifyAnnouncement(network, read)).toBe(true)
    expect(read.announcement).not.toHaveProperty('colour')
  })

  it.each([
    ['no peer id', { peer: 'nobody' }],
    ['an RSA or hashed peer id', { peer: 'QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N' }],
    ['a region that is the name of all regions', { region: 'global' }],
    ['a region that would reach into another topic', { region: 'a/b' }],
    ['a zone that is no label', { zone: '' }],
    ['a weight of 0', { weight: 0 }],
    ['a weight above 100', { weight: 100.5 }],
    ['a weight that is not a number', { weight: NaN }],
    ['an infinite load', { load: Infinity }],
    ['a negative load', { load: -1 }],
    ['a sequence that is no integer', { sequence: 1.5 }],
    ['a sequence that no number holds', { sequence: 2n ** 63n }],
    ['an incarnation that nothing can follow', { incarnation: Number.MAX_SAFE_INTEGER }],
    ['a promise longer than allowed', { refreshMs: 1e9 }],
    ['a name that is too long', { name: 'x'.repeat(257) }],
    ['a name that would move a terminal\'s cursor', { name: '\u001b[2J' }],
    ['an address that is no text', { http: 8080 }],
    ['no origin hash', { originHash: undefined }]
  ])('is refused with %s', async (_what, fields) => {
    const bytes = await withBody(fields)
    expect(() => decodeAnnouncement(bytes)).toThrow(WireError)
  })

  it('is refused when it is no CBOR, no map, cut short or too long', async () => {
    const { bytes } = await signed()
    for (const bad of [new Uint8Array(0), new Uint8Array(40).fill(0x81), encodeHead([]), bytes.subarray(0, -1), new Uint8Array(announcementBytesMax + 1)]) {
      expect(() => decodeAnnouncement(bad)).toThrow(WireError)
    }
  })

  it('is not made with a field that others would refuse', async () => {
    await expect(signed({ region: 'global' })).rejects.toThrow(AnnouncementError)
    await expect(signed({ weight: 0 })).rejects.toThrow('weight is 0')
  })
})
