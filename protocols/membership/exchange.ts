/**
 * Exchange of member lists between two connected peers (anti-entropy, Demers et al. 1987), protocol
 * `/colony/members/1.0.0`: whoever opened the stream sends its version vector, the other answers with
 * its own and with what the first lacks, and gets what it lacks itself. So an edge that joins has the
 * whole list in one round trip, and what gossip lost is repaired. The answerer ends it, once it has taken what it was told: who closes
 * the connection next, as it takes its leave, must not do so before.
 *
 *     frame = varint length | CBOR map: { vector: [peer, incarnation, sequence, peer, …] }
 *                                     | { announcements: [bytes, …] }
 *                                     | { done: 'vector' | 'announcements', more?: true }
 */
import { lpStream } from '@libp2p/utils'
import { pipe } from 'it-pipe'
import { deadline } from '../clock.ts'
import { WireError } from '../errors.ts'
import { decodeHead, encodeHead } from '../wire.ts'
import { byteStrings, pages } from './topics.ts'
import type { SignedAnnouncement } from './announcement.ts'
import type { Intake } from './intake.ts'
import type { Members } from './members.ts'
import type { MembershipSettings } from './settings.ts'
import type { Version, VersionVector } from './version.ts'
import type { Clock } from '../clock.ts'
import type { PeerName } from '../ids.ts'
import type { Connection, Stream } from '@libp2p/interface'

export const exchangeProtocol = '/colony/members/1.0.0'

/** A vector's entries in one frame: 500 take 40 KB. */
const vectorPageEntries = 500
/** Exchanges in a row with a peer that has more to tell than fits in one. */
const exchangesInARowMax = 32

export interface ExchangeInit {
  readonly clock: Clock
  readonly settings: MembershipSettings
  readonly members: Members
  readonly intake: Intake
}

type Head = Readonly<Record<string, unknown>>

export class Exchange {
  readonly #init: ExchangeInit

  constructor (init: ExchangeInit) {
    this.#init = init
  }

  /** Exchanges lists over a connection, until neither side has more to tell. */
  async initiate (connection: Connection, parent?: AbortSignal): Promise<void> {
    const { clock, settings } = this.#init
    let more = true
    for (let round = 0; more && round < exchangesInARowMax; round++) {
      const { signal, clear } = deadline(clock, settings.exchangeTimeoutMs, 'an exchange of member lists', parent)
      try {
        const stream = await connection.newStream(exchangeProtocol, { signal })
        more = await this.#run(stream, signal, (frames) => this.#ask(frames, connection.remotePeer.toString()))
      } finally {
        clear()
      }
    }
  }

  /** Answers an exchange that `peer` began. */
  async respond (stream: Stream, peer: PeerName, parent?: AbortSignal): Promise<void> {
    const { clock, settings } = this.#init
    const { signal, clear } = deadline(clock, settings.exchangeTimeoutMs, 'an exchange of member lists', parent)
    try {
      await this.#run(stream, signal, (frames) => this.#answer(frames, peer))
    } finally {
      clear()
    }
  }

  /** @returns what the conversation returns: whether there is more to tell */
  async #run (stream: Stream, signal: AbortSignal, conversation: (frames: AsyncGenerator<Head>) => AsyncGenerator<object, boolean>): Promise<boolean> {
    const { digestBytesMax, exchangeBufferBytesMax } = this.#init.settings
    const lp = lpStream(stream, { maxDataLength: digestBytesMax, maxBufferSize: exchangeBufferBytesMax })
    let more = false
    try {
      await pipe(
        async function * () {
          while (true) yield decodeHead((await lp.read({ signal })).subarray())
        },
        async function * (frames: AsyncGenerator<Head>) {
          more = yield * conversation(frames)
        },
        async (frames: AsyncIterable<object>) => {
          for await (const frame of frames) await lp.write(encodeHead(frame), { signal })
        }
      )
      await stream.close({ signal })
    } catch (error) {
      stream.abort(error as Error)
      throw error
    }
    return more
  }

  async * #ask (frames: AsyncGenerator<Head>, peer: PeerName): AsyncGenerator<object, boolean> {
    yield * this.#vector()
    const theirs = await this.#readVector(frames)
    const more = await this.#readAnnouncements(frames)
    const left = yield * this.#announcements(theirs, peer)
    await end(frames)
    return left || more
  }

  async * #answer (frames: AsyncGenerator<Head>, peer: PeerName): AsyncGenerator<object, boolean> {
    const theirs = await this.#readVector(frames)
    yield * this.#vector()
    yield * this.#announcements(theirs, peer)
    return await this.#readAnnouncements(frames)
  }

  * #vector (): Generator<object> {
    const entries = [...this.#init.members.vector()]
    for (let at = 0; at < entries.length; at += vectorPageEntries) {
      yield { vector: entries.slice(at, at + vectorPageEntries).flatMap(([peer, version]) => [peer, ...version]) }
    }
    yield { done: 'vector' }
  }

  /** @returns whether some did not fit */
  * #announcements (theirs: VersionVector, peer: PeerName): Generator<object, boolean> {
    const { members, settings } = this.#init
    const missing = members.missing(theirs, peer)
    const sent = fitting(missing, settings.exchangeNewsBytesMax)
    for (const announcements of pages(sent, settings.digestBytesMax)) yield { announcements }
    const more = sent.length < missing.length
    yield { done: 'announcements', ...(more && { more }) }
    return more
  }

  async #readVector (frames: AsyncGenerator<Head>): Promise<VersionVector> {
    const { membersMax, goneMax } = this.#init.settings
    const vector = new Map<string, Version>()
    for await (const head of until(frames, 'vector')) {
      const items: unknown[] = Array.isArray(head.vector) ? head.vector : []
      for (let at = 0; at < items.length; at += 3) {
        const [peer, incarnation, sequence] = items.slice(at, at + 3)
        if (typeof peer !== 'string' || !Number.isSafeInteger(incarnation) || !Number.isSafeInteger(sequence)) {
          throw new WireError('a peer sent a version vector with an entry that is not (peer, incarnation, sequence)')
        }
        vector.set(peer, [incarnation as number, sequence as number])
      }
      if (vector.size > membersMax + goneMax) throw new WireError(`a peer sent a version vector of more than ${membersMax + goneMax} entries`)
    }
    return vector
  }

  /** @returns whether the peer has more to tell */
  async #readAnnouncements (frames: AsyncGenerator<Head>): Promise<boolean> {
    let bytes = 0
    let more = false
    for await (const head of until(frames, 'announcements')) {
      if (head.done !== undefined) more = head.more === true
      if (head.announcements === undefined) continue
      const announcements = byteStrings(head.announcements)
      bytes += announcements.reduce((sum, each) => sum + each.byteLength, 0)
      if (bytes > this.#init.settings.exchangeBufferBytesMax) throw new WireError(`a peer sent ${bytes} bytes of announcements in one exchange`)
      if (await this.#init.intake.take(announcements) === 'reject') throw new WireError('a peer sent an announcement that is malformed or forged')
    }
    return more
  }
}

/** Waits until the peer has ended the exchange. */
async function end (frames: AsyncGenerator<Head>): Promise<void> {
  try {
    await frames.next()
  } catch (error) {
    if ((error as Error).name === 'UnexpectedEOFError') return
    throw error
  }
  throw new WireError('a peer went on after the end of an exchange of member lists')
}

/** The frames up to and with the one that says `done: what`; the generator stays open for what follows. */
async function * until (frames: AsyncGenerator<Head>, what: string): AsyncGenerator<Head> {
  while (true) {
    const { value, done } = await frames.next()
    if (done === true) throw new WireError(`a peer ended an exchange of member lists before its ${what} was complete`)
    yield value
    if (value.done === what) return
  }
}

/** As many of the first as fit, one at least. */
function fitting (announcements: readonly SignedAnnouncement[], bytesMax: number): readonly SignedAnnouncement[] {
  let bytes = 0
  const end = announcements.findIndex((each, index) => {
    bytes += each.bytes.byteLength
    return index > 0 && bytes > bytesMax
  })
  return end === -1 ? announcements : announcements.slice(0, end)
}
