/** What edges say to each other about purges: it comes back as it went, and nothing else comes back. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeAsk, decodeMissing, decodePassed, decodeStated, encodeAsk, encodeMissing, encodePassed, encodeStated } from '../../../protocols/purge/messages.ts'
import { spreadDefaults } from '../../../protocols/purge/settings.ts'
import { isAuthentic, signPurge } from '../../../protocols/purge/signed.ts'
import { decodeFrame, encodeFrame, encodeHead, type Frame } from '../../../protocols/wire.ts'

const overWire = ({ head, payload }: { head: object, payload?: Uint8Array }): Frame => decodeFrame(encodeFrame(head, payload).subarray())
const purge = { id: { peer: 'a', incarnation: 5, sequence: 1 }, selectors: [{ kind: 'host', host: 'shop.example' }], soft: true, atMs: 7 } as const
const sign = (message: Uint8Array): Uint8Array => new Uint8Array(createHash('sha256').update(message).digest())
const verify = (_peer: string, message: Uint8Array, signature: Uint8Array): boolean => Buffer.from(sign(message)).equals(signature)
const vector = new Map([['a', [{ incarnation: 5, sequence: 1, beyond: [4] }]]])

describe('messages about purges', () => {
  it('come back as they went', async () => {
    const signed = await signPurge(purge, 'net', 1_000, sign)
    const asks = [{ kind: 'purge', duty: 'region', signed }, { kind: 'vector', hash: 'x' }, { kind: 'missing', vector }] as const
    for (const ask of asks) expect(decodeAsk(overWire(encodeAsk(ask)), spreadDefaults)).toEqual(ask)
    const passed = { applied: ['a', 'b'], complete: true }
    expect(decodePassed(overWire(encodePassed(passed)))).toEqual(passed)
    const stated = { hash: 'x', vector, ages: [['europe', 5]] as const }
    expect(decodeStated(overWire(encodeStated(stated)), spreadDefaults)).toEqual(stated)
    const missing = { purges: [signed], more: true, floors: [{ peer: 'a', incarnation: 5, floor: 2, lastMs: 3 }] }
    expect(decodeMissing(overWire(encodeMissing(missing)), spreadDefaults)).toEqual(missing)
  })

  it('are refused with a WireError whatever else they say', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.object({ values: [fc.string(), fc.integer(), fc.uint8Array(), fc.constant([['a', [1, 2]]])], key: fc.constantFrom('body', 'signature', 'applied', 'v', 'purges', 'floors') }).map((value) => encodeHead(value as object)))
    const head = fc.record({ kind: fc.constantFrom('purge', 'vector', 'missing', 'else'), duty: fc.anything(), hash: fc.anything(), ages: fc.anything(), complete: fc.anything(), more: fc.anything() })
    fc.assert(fc.property(head, bytes, (each, payload) => {
      for (const decode of [decodeAsk, decodePassed, decodeStated, decodeMissing]) {
        try {
          decode({ head: each, payload }, spreadDefaults)
        } catch (error) {
          expect(error).toMatchObject({ code: 'COLONY_WIRE' })
        }
      }
    }))
  })

  it('bear a signature that holds for one body in one colony, and no order that is too long', async () => {
    const signed = await signPurge(purge, 'net', 1_000, sign)
    expect(await isAuthentic(signed, 'net', verify)).toBe(true)
    expect(await isAuthentic(signed, 'other', verify)).toBe(false)
    expect(await isAuthentic({ ...signed, body: signed.body.map((byte) => byte ^ 1) }, 'net', verify)).toBe(false)
    await expect(signPurge(purge, 'net', 20, sign)).rejects.toMatchObject({ code: 'COLONY_PURGE_TOO_LARGE' })
    const long = await signPurge({ ...purge, selectors: [{ kind: 'tag', tag: 'x'.repeat(900) }] }, 'net', 2_000, sign)
    expect(() => decodeAsk(overWire(encodeAsk({ kind: 'purge', duty: 'keep', signed: long })), { ...spreadDefaults, purgeBytesMax: 500 })).toThrow(/the longest is 500/)
  })
})
