/**
 * Membership by gossip (gossipsub 1.1). On its region's topic each edge announces itself; on the global
 * topic one delegate of each region publishes digests, which hold the region's signed announcements.
 * Messages are merged in the topic's validator, so each is decoded and checked once, before it is
 * relayed: forged ones are rejected, old ones ignored.
 */
import { announcementBytesMax } from './announcement.ts'
import { WireError } from '../errors.ts'
import { decodeHead, encodeHead } from '../wire.ts'
import type { SignedAnnouncement } from './announcement.ts'
import type { Counters, PubSub, PubSubMessage } from './ports.ts'
import type { Intake, Verdict } from './intake.ts'
import type { Region } from '../ids.ts'

export interface TopicsInit {
  readonly network: string
  readonly region: Region
  readonly digestBytesMax: number
  readonly intake: Intake
  readonly counters: Counters
}

/** Room for the CBOR around a digest's announcements: map, key, array head, and a length for each. */
const digestOverheadBytes = 32
const itemOverheadBytes = 3

export class Topics {
  readonly #init: TopicsInit
  readonly #region: string
  readonly #global: string
  #pubsub: PubSub | undefined

  constructor (init: TopicsInit) {
    this.#init = init
    this.#region = `colony/${init.network}/${init.region}/members/1`
    this.#global = `colony/${init.network}/global/members/1`
  }

  start (pubsub: PubSub): void {
    this.#pubsub = pubsub
    pubsub.topicValidators.set(this.#region, async (_from, message) => await this.#validate(message, announcementBytesMax, (data) => [data], this.#init.region))
    pubsub.topicValidators.set(this.#global, async (_from, message) => await this.#validate(message, this.#init.digestBytesMax, decodeDigest))
    pubsub.subscribe(this.#region)
    pubsub.subscribe(this.#global)
  }

  /** May be called twice. */
  stop (): void {
    const pubsub = this.#pubsub
    this.#pubsub = undefined
    for (const topic of [this.#region, this.#global]) {
      pubsub?.unsubscribe(topic)
      pubsub?.topicValidators.delete(topic)
    }
  }

  async publishOwn (own: SignedAnnouncement): Promise<void> {
    await this.#publish(this.#region, own.bytes)
  }

  async publishDigest (announcements: readonly SignedAnnouncement[]): Promise<void> {
    for (const page of pages(announcements, this.#init.digestBytesMax)) {
      await this.#publish(this.#global, encodeHead({ announcements: page }))
    }
  }

  /** Nobody listening is no failure: who links later gets the list by an exchange. */
  async #publish (topic: string, data: Uint8Array): Promise<void> {
    const { counters } = this.#init
    try {
      await this.#pubsub?.publish(topic, data)
      counters.messagesOut++
      counters.bytesOut += data.byteLength
    } catch (error) {
      if (!(error as Error).message.includes('NoPeersSubscribedToTopic')) throw error
    }
  }

  async #validate (message: PubSubMessage, bytesMax: number, decode: (data: Uint8Array) => readonly Uint8Array[], region?: Region): Promise<Verdict> {
    const { counters, intake } = this.#init
    counters.messagesIn++
    counters.bytesIn += message.data.byteLength
    const verdict = message.data.byteLength > bytesMax ? 'reject' : await takeDecoded(intake, message.data, decode, region)
    if (verdict === 'reject') counters.rejected++
    return verdict
  }
}

/** Splits announcements so that no page, encoded, is longer than `bytesMax`. */
export function pages (announcements: readonly SignedAnnouncement[], bytesMax: number): Uint8Array[][] {
  const result: Uint8Array[][] = []
  let page: Uint8Array[] = []
  let length = digestOverheadBytes
  for (const { bytes } of announcements) {
    if (page.length > 0 && length + bytes.byteLength + itemOverheadBytes > bytesMax) {
      result.push(page)
      page = []
      length = digestOverheadBytes
    }
    page.push(bytes)
    length += bytes.byteLength + itemOverheadBytes
  }
  if (page.length > 0) result.push(page)
  return result
}

/** @throws WireError when it is not a digest */
function decodeDigest (data: Uint8Array): readonly Uint8Array[] {
  return byteStrings(decodeHead(data).announcements)
}

/** @throws WireError when `value` is not a list of byte strings */
export function byteStrings (value: unknown): readonly Uint8Array[] {
  if (!Array.isArray(value) || !value.every((each) => each instanceof Uint8Array)) {
    throw new WireError('a peer sent announcements that are not a list of byte strings')
  }
  return value
}

async function takeDecoded (intake: Intake, data: Uint8Array, decode: (data: Uint8Array) => readonly Uint8Array[], region?: Region): Promise<Verdict> {
  let announcements: readonly Uint8Array[]
  try {
    announcements = decode(data)
  } catch {
    return 'reject'
  }
  return await intake.take(announcements, region)
}
