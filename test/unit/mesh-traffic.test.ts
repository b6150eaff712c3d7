/** Counting of messages in byte streams, and which part a protocol belongs to. */
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { MeshTraffic, partOf } from '../../daemon/mesh-traffic.ts'

/** A message as on the wire: its length as a varint, then itself. */
function frame (length: number): Uint8Array {
  const prefix: number[] = []
  for (let rest = length; ; rest >>= 7) {
    if (rest < 0x80) {
      prefix.push(rest)
      break
    }
    prefix.push((rest & 0x7f) | 0x80)
  }
  // 0xff all over: a count that takes contents for lengths goes astray.
  return Buffer.concat([Uint8Array.from(prefix), Buffer.alloc(length, 0xff)])
}

describe('traffic of the mesh', () => {
  it('counts each message once, however its bytes are cut and joined', () => {
    fc.assert(fc.property(
      fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constantFrom(127, 128, 16_383, 16_384, 70_000)), { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1 }),
      fc.boolean(),
      (lengths, cuts, asLists) => {
        const traffic = new MeshTraffic()
        const count = traffic.stream('/colony/directory/1.0.0', 'in')
        const bytes = Buffer.concat(lengths.map(frame))
        for (let at = 0, index = 0; at < bytes.byteLength; index++) {
          const end = at + cuts[index % cuts.length]!
          const middle = Math.trunc((at + end) / 2)
          count(asLists ? new Uint8ArrayList(bytes.subarray(at, middle), bytes.subarray(middle, end)) : bytes.subarray(at, end))
          at = end
        }
        expect(traffic.flows().directory).toEqual({ bytesIn: bytes.byteLength, bytesOut: 0, messagesIn: lengths.length, messagesOut: 0 })
      }
    ))
  })

  it('counts pings, which have no length before them, by their size', () => {
    const traffic = new MeshTraffic()
    const count = traffic.stream('/ipfs/ping/1.0.0', 'out')
    for (const length of [32, 16, 16, 64]) count(Buffer.alloc(length, 0xff))
    expect(traffic.flows().ping).toEqual({ bytesIn: 0, bytesOut: 128, messagesIn: 0, messagesOut: 4 })
  })

  it('bears a length that does not end', () => {
    const traffic = new MeshTraffic()
    const count = traffic.stream('/colony/publish/1.0.0', 'in')
    count(Buffer.alloc(1_000, 0xff))
    expect(traffic.flows().publish.bytesIn).toBe(1_000)
  })

  it('knows each protocol\'s part, and puts what it does not know under other', () => {
    expect(Object.fromEntries(['/meshsub/1.2.0', '/colony/kad/1.0.0', '/colony/members/1.0.0', '/colony/filters/1.0.0', '/ipfs/id/push/1.0.0', '/colony/fetch/1.0.0', '/colony/new/1.0.0', ''].map((protocol) => [protocol, partOf(protocol)]))).toEqual({
      '/meshsub/1.2.0': 'gossip',
      '/colony/kad/1.0.0': 'dht',
      '/colony/members/1.0.0': 'membership',
      '/colony/filters/1.0.0': 'filters',
      '/ipfs/id/push/1.0.0': 'identify',
      '/colony/fetch/1.0.0': 'content',
      '/colony/new/1.0.0': 'other',
      '': 'other'
    })
  })

  it('finds below the streams what is on the wire beside them', () => {
    const traffic = new MeshTraffic()
    traffic.stream('/colony/fetch/1.0.0', 'out')(frame(1_000))
    traffic.stream('/colony/survey/1.0.0', 'out')(frame(100))
    // Still to be written: never below nothing.
    traffic.wire(600, 'out')
    expect(traffic.coordination().transport.bytesOut).toBe(0)
    traffic.wire(600, 'out')
    expect(traffic.coordination().transport).toEqual({ bytesIn: 0, bytesOut: 1_200 - 1_002 - 101, messagesIn: 0, messagesOut: 0 })
    expect(traffic.coordination()).not.toHaveProperty('content')
  })
})
