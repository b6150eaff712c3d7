import { beforeEach, describe, expect, it } from 'vitest'
import { Intake } from '../../../protocols/membership/intake.ts'
import { zeroCounters } from '../../../protocols/membership/ports.ts'
import { Topics } from '../../../protocols/membership/topics.ts'
import { encodeHead } from '../../../protocols/wire.ts'
import { manualClock, membersOf, network, signed } from './support.ts'
import type { Members } from '../../../protocols/membership/members.ts'
import type { PubSub } from '../../../protocols/membership/ports.ts'

type Validator = Parameters<PubSub['topicValidators']['set']>[1]

const regionTopic = 'colony/test/here/members/1'
const globalTopic = 'colony/test/global/members/1'
const digestBytesMax = 4_096

let members: Members
let counters: ReturnType<typeof zeroCounters>
let topics: Topics
let validators: Map<string, Validator>
let published: Array<{ topic: string, data: Uint8Array }>

beforeEach(() => {
  members = membersOf('self')
  counters = zeroCounters()
  validators = new Map()
  published = []
  const intake = new Intake({ clock: manualClock(), network, members, onMerge: () => {} })
  topics = new Topics({ network, region: 'here', digestBytesMax, intake, counters })
  topics.start({
    subscribe: () => {},
    unsubscribe: () => {},
    publish: async (topic, data) => { published.push({ topic, data }) },
    topicValidators: validators
  })
})

async function arrive (topic: string, data: Uint8Array): Promise<string> {
  return await validators.get(topic)?.(undefined as never, { topic, data })
}

describe('the topics of membership', () => {
  it('take and relay what is new or the same, and ignore what is older', async () => {
    const own = await signed({ sequence: 1 })
    expect(await arrive(regionTopic, own.bytes)).toBe('accept')
    expect(members.member(own.announcement.peer)).toMatchObject({ sequence: 1 })
    expect(await arrive(regionTopic, own.bytes)).toBe('accept')
    members.receive({ ...own, bytes: new Uint8Array(own.bytes.byteLength), announcement: { ...own.announcement, sequence: 2 } }, 0)
    expect(await arrive(regionTopic, own.bytes)).toBe('ignore')
    expect(counters).toMatchObject({ messagesIn: 3, bytesIn: 3 * own.bytes.byteLength, rejected: 0 })
  })

  it('reject what is forged, malformed, of another region or too long, and keep nothing of it', async () => {
    const own = await signed()
    const forged = encodeHead({ body: (await signed()).body, signature: own.signature })
    const stranger = await signed({ region: 'there' })
    for (const data of [forged, stranger.bytes, own.bytes.subarray(1), new Uint8Array(5_000), new Uint8Array(0)]) {
      expect(await arrive(regionTopic, data)).toBe('reject')
    }
    expect(members.live()).toHaveLength(1)
    expect(counters.rejected).toBe(5)
  })

  it('reject a digest with one forged announcement in it, or that is none', async () => {
    const [own, other] = [await signed(), await signed()]
    const forged = encodeHead({ body: other.body, signature: own.signature })
    for (const announcements of [[forged], [own.bytes, forged], [1], 'text', undefined]) {
      expect(await arrive(globalTopic, encodeHead({ announcements }))).toBe('reject')
    }
    const tooLong = encodeHead({ announcements: [own.bytes], padding: new Uint8Array(digestBytesMax) })
    expect(await arrive(globalTopic, tooLong)).toBe('reject')
    expect(members.member(other.announcement.peer)).toBeUndefined()
  })

  it('do not relay a held announcement under a wrong signature', async () => {
    const own = await signed()
    expect(await arrive(regionTopic, own.bytes)).toBe('accept')
    expect(await arrive(regionTopic, encodeHead({ body: own.body, signature: new Uint8Array(64) }))).toBe('reject')
  })

  it('carry a large region in digests of bounded size, every one of which is taken', async () => {
    const region = await Promise.all(Array.from({ length: 40 }, async (_, index) => await signed({ region: 'there', name: `edge ${index}`.padEnd(index * 5) })))
    await topics.publishDigest(region)
    expect(published.length).toBeGreaterThan(2)
    for (const { topic, data } of published) {
      expect(topic).toBe(globalTopic)
      expect(data.byteLength).toBeLessThanOrEqual(digestBytesMax)
      expect(await arrive(globalTopic, data)).toBe('accept')
    }
    expect(members.live()).toHaveLength(41)
  })
})
