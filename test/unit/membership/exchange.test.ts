import { lpStream, streamPair } from '@libp2p/utils'
import { describe, expect, it } from 'vitest'
import { systemClock } from '../../../daemon/clock.ts'
import { Exchange } from '../../../protocols/membership/exchange.ts'
import { Intake } from '../../../protocols/membership/intake.ts'
import { membershipDefaults } from '../../../protocols/membership/settings.ts'
import { encodeHead } from '../../../protocols/wire.ts'
import { membersOf, network, signed } from './support.ts'
import type { Members } from '../../../protocols/membership/members.ts'
import type { MembershipSettings } from '../../../protocols/membership/settings.ts'
import type { Connection, Stream } from '@libp2p/interface'

function side (name: string, overrides: Partial<MembershipSettings> = {}): { members: Members, intake: Intake, exchange: Exchange } {
  const settings = { ...membershipDefaults, ...overrides }
  const members = membersOf(name)
  const intake = new Intake({ clock: systemClock, network, members, onMerge: () => {} })
  return { members, intake, exchange: new Exchange({ clock: systemClock, settings, members, intake }) }
}

/** A connection whose streams end at `other`, or at a misbehaving `peer`. */
function connectionTo (answer: (stream: Stream) => Promise<void>): { connection: Connection, streams: () => number, answered: () => Promise<unknown> } {
  const answers: Array<Promise<void>> = []
  const newStream = async (): Promise<Stream> => {
    const [outbound, inbound] = await streamPair()
    answers.push(answer(inbound))
    return outbound
  }
  return { connection: { newStream, remotePeer: 'other' } as unknown as Connection, streams: () => answers.length, answered: async () => await Promise.all(answers) }
}

async function fill (members: Members, count: number): Promise<void> {
  for (const each of await Promise.all(Array.from({ length: count }, async () => await signed()))) members.receive(each, systemClock.nowMs())
}

describe('an exchange of member lists', () => {
  it('gives each side what it lacks, in one go', async () => {
    const [one, other] = [side('one'), side('other')]
    await fill(one.members, 3)
    await fill(other.members, 40)
    const { connection, streams, answered } = connectionTo(async (stream) => { await other.exchange.respond(stream, 'one') })
    await one.exchange.initiate(connection)
    await answered()
    expect(one.members.live()).toHaveLength(1 + 43)
    expect(other.members.live()).toHaveLength(1 + 43)
    expect(streams()).toBe(1)
  })

  it('is over once the other has taken what it was told, and not before', async () => {
    const [one, other] = [side('one'), side('other')]
    await fill(one.members, 3)
    const held = Promise.withResolvers<void>()
    const slow = new Exchange({
      clock: systemClock, settings: membershipDefaults, members: other.members,
      intake: { take: async (all: Uint8Array[]) => { await held.promise; return await other.intake.take(all) } } as unknown as Intake
    })
    const { connection } = connectionTo(async (stream) => { await slow.respond(stream, 'one') })
    let known = 0
    const over = one.exchange.initiate(connection).then(() => { known = other.members.live().length })
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect([known, other.members.live().length]).toEqual([0, 1])
    held.resolve()
    await over
    expect(known).toBe(1 + 3)
  })

  it('goes on at once where not all fits in one', async () => {
    const [one, other] = [side('one', { exchangeNewsBytesMax: 2_000 }), side('other', { exchangeNewsBytesMax: 2_000 })]
    await fill(other.members, 20)
    const { connection, streams, answered } = connectionTo(async (stream) => { await other.exchange.respond(stream, 'one') })
    await one.exchange.initiate(connection)
    await answered()
    expect(one.members.live()).toHaveLength(21)
    expect(streams()).toBeGreaterThan(1)
  })

  it('refuses forged announcements', async () => {
    const one = side('one')
    const [victim, forger] = [await signed(), await signed()]
    const { connection } = connectionTo(async (stream) => {
      const lp = lpStream(stream)
      const forged = encodeHead({ body: victim.body, signature: forger.signature })
      for (const head of [{ done: 'vector' }, { announcements: [forged] }, { done: 'announcements' }]) await lp.write(encodeHead(head))
    })
    await expect(one.exchange.initiate(connection)).rejects.toThrow('malformed or forged')
    expect(one.members.live()).toHaveLength(1)
  })

  it.each([
    ['bytes that are no frame of it', async (stream: Stream) => { await lpStream(stream).write(new Uint8Array(100).fill(0xff)) }],
    ['a vector that is none', async (stream: Stream) => { await lpStream(stream).write(encodeHead({ vector: [1, 2, 3] })) }],
    ['a frame longer than allowed', async (stream: Stream) => { await lpStream(stream).write(new Uint8Array(membershipDefaults.digestBytesMax + 1)) }],
    ['an end before its time', async (stream: Stream) => { await stream.close() }],
    ['nothing', async () => {}]
  ])('ends with an error when the peer sends %s', async (_what, misbehave) => {
    const one = side('one', { exchangeTimeoutMs: 200 })
    const { connection } = connectionTo(misbehave)
    await expect(one.exchange.initiate(connection)).rejects.toThrow()
    const [outbound, inbound] = await streamPair()
    const answer = one.exchange.respond(inbound, 'other')
    await misbehave(outbound)
    await expect(answer).rejects.toThrow()
    expect(one.members.live()).toHaveLength(1)
  })

  it('ends with an error when the peer floods it', async () => {
    const one = side('one', { exchangeBufferBytesMax: 64 * 1024 })
    const { connection } = connectionTo(async (stream) => {
      const page = encodeHead({ vector: Array.from({ length: 500 }, (_, index) => [`peer ${index}`, 1, 1]).flat() })
      await lpStream(stream).writeV(Array.from({ length: 20 }, () => page)).catch(() => {})
    })
    await expect(one.exchange.initiate(connection)).rejects.toMatchObject({ name: 'StreamBufferError' })
  })
})
