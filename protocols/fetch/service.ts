/**
 * `/colony/fetch/1.0.0` on libp2p streams: answers peers out of a provider, and asks them. Streams are
 * long-lived, one ask at a time on each, and pooled by peer, since a stream costs a negotiation round trip. Reading and
 * writing go through bounded length-prefixed streams, so no peer can make this side buffer.
 */
import type { Connection, PeerId, Startable, Stream } from '@libp2p/interface'
import { pipe } from 'it-pipe'
import type { Uint8ArrayList } from 'uint8arraylist'
import { deadline, type Clock } from '../clock.ts'
import { messageOf, WireError } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import { frameStream, openStream, type FrameStream, type StreamComponents } from '../streams.ts'
import { decodeFrame, type Frame } from '../wire.ts'
import { fetchProtocol, type Ask } from './messages.ts'
import type { FetchProvider, TransferPurges } from './provider.ts'
import { serve } from './serve.ts'
import type { FetchSettings } from './settings.ts'
import { exchange, PeerFetchError, type Lane, type PeerAnswer } from './transfer.ts'

export interface FetchInit {
  readonly provider: FetchProvider
  readonly settings: FetchSettings
  readonly clock: Clock
  readonly purges?: TransferPurges | undefined
  /** Turns a peer's name into the id that dialling takes. */
  readonly peerIdFromName: (peer: PeerName) => PeerId
  /** Whether this peer is a member: others' asks are refused, and they are asked nothing, whoever named them. */
  readonly mayAsk: (peer: PeerName) => boolean
}

export interface FetchCounters {
  asked: number
  answered: number
  refused: number
  bytesIn: number
  bytesOut: number
  /** Streams dropped because the other side broke the protocol or fell silent. */
  broken: number
}

export interface Fetch extends Startable {
  /** Never throws for what a peer does: that is an answer of kind `silent`. Throws when `signal` aborts. */
  ask: (peer: PeerName, ask: Ask, options: { signal: AbortSignal, onFilling?: () => void }) => Promise<PeerAnswer>
  counters: () => Readonly<FetchCounters>
  /** Transfers being served to peers now. */
  serving: () => number
}

interface OpenLane { stream: Stream, frames: FrameStream }

export function fetch (init: FetchInit): (components: StreamComponents) => Fetch {
  return (components) => new FetchService(init, components)
}

class FetchService implements Fetch {
  readonly #init: FetchInit
  readonly #components: StreamComponents
  readonly #idle = new Map<PeerName, OpenLane[]>()
  readonly #inbound = new Set<Stream>()
  readonly #counters: FetchCounters = { asked: 0, answered: 0, refused: 0, bytesIn: 0, bytesOut: 0, broken: 0 }
  #serving = 0
  readonly #servingTo = new Map<PeerName, number>()
  #running = false

  constructor (init: FetchInit, components: StreamComponents) {
    this.#init = init
    this.#components = components
  }

  counters (): Readonly<FetchCounters> { return this.#counters }
  serving (): number { return this.#serving }

  async start (): Promise<void> {
    if (this.#running) return
    this.#running = true
    const { streamsMax } = this.#init.settings
    await this.#components.registrar.handle(fetchProtocol, (stream, connection) => { void this.#onStream(stream, connection) }, {
      maxInboundStreams: streamsMax, maxOutboundStreams: streamsMax
    })
  }

  async stop (): Promise<void> {
    if (!this.#running) return
    this.#running = false
    await this.#components.registrar.unhandle(fetchProtocol)
    const error = new Error('the edge is stopping')
    for (const stream of this.#inbound) stream.abort(error)
    for (const lanes of this.#idle.values()) for (const lane of lanes) lane.stream.abort(error)
    this.#idle.clear()
  }

  async ask (peer: PeerName, ask: Ask, options: { signal: AbortSignal, onFilling?: () => void }): Promise<PeerAnswer> {
    this.#counters.asked++
    const { clock, settings, mayAsk, purges } = this.#init
    if (!mayAsk(peer)) return { kind: 'silent', error: new PeerFetchError(peer, `peer ${peer} is no member of the colony`) }
    const request = { ...ask, blockBytes: Math.min(ask.blockBytes, settings.blockBytesMax), credit: Math.min(ask.credit, settings.blocksInFlight) }
    for (let attempt = 1; ; attempt++) {
      let lane: (Lane & { pooled: boolean }) | undefined
      try {
        lane = await this.#lane(peer, options.signal)
        return await exchange(lane, request, {
          clock, settings, signal: options.signal, onFilling: options.onFilling, accepts: purges?.accepts, onBytes: (bytes) => { this.#counters.bytesIn += bytes }
        })
      } catch (error) {
        lane?.abort(error as Error)
        options.signal.throwIfAborted()
        // A pooled stream may have been closed by the other side while idle; a fresh one tells.
        if (lane?.pooled === true && attempt === 1 && (error as Error).name !== 'TimeoutError') continue
        this.#counters.broken++
        return { kind: 'silent', error: new PeerFetchError(peer, `peer ${peer} gave no answer: ${messageOf(error)}`, { cause: error }) }
      }
    }
  }

  /** An idle stream to the peer, or a new one within the answer's deadline. */
  async #lane (peer: PeerName, signal: AbortSignal): Promise<Lane & { pooled: boolean }> {
    const lanes = this.#idle.get(peer)
    for (let open = lanes?.pop(); open !== undefined; open = lanes?.pop()) {
      if (open.stream.status === 'open' && open.stream.remoteWriteStatus === 'writable') return this.#wrap(peer, open, true)
      open.stream.abort(new Error('the idle stream was closed by the peer'))
    }
    const { clock, settings, peerIdFromName } = this.#init
    const limit = deadline(clock, settings.answerTimeoutMs, `a stream to peer ${peer}`, signal)
    try {
      const stream = await openStream(this.#components, peerIdFromName(peer), fetchProtocol, { signal: limit.signal, maxOutboundStreams: settings.streamsMax })
      return this.#wrap(peer, { stream, frames: this.#bounded(stream, settings.blockBytesMax) }, false)
    } finally {
      limit.clear()
    }
  }

  #wrap (peer: PeerName, open: OpenLane, pooled: boolean): Lane & { pooled: boolean } {
    return {
      peer,
      pooled,
      frames: open.frames,
      release: () => {
        const lanes = this.#idle.get(peer) ?? []
        if (!this.#running || lanes.length >= this.#init.settings.idleStreamsMax) {
          open.stream.abort(new Error('enough idle streams'))
          return
        }
        lanes.push(open)
        this.#idle.set(peer, lanes)
      },
      abort: (error) => { open.stream.abort(error) }
    }
  }

  #bounded (stream: Stream, blockBytesMax: number): FrameStream {
    return frameStream(stream, blockBytesMax, this.#init.settings.blocksInFlight + 2)
  }

  async #onStream (stream: Stream, connection: Connection): Promise<void> {
    const from = connection.remotePeer.toString()
    if (!this.#init.mayAsk(from)) {
      this.#counters.refused++
      stream.abort(new Error('only members of the colony may ask'))
      return
    }
    const closed = new AbortController()
    stream.addEventListener('close', () => { closed.abort(new Error('the asker is gone')) })
    this.#inbound.add(stream)
    // Asks and pulls carry no payload: what comes in is at most a head.
    const frames = this.#bounded(stream, 0)
    try {
      await pipe(
        this.#frames(frames, closed.signal),
        (source) => serve(source, {
          provider: this.#init.provider,
          purges: this.#init.purges,
          settings: this.#init.settings,
          clock: this.#init.clock,
          from,
          signal: closed.signal,
          enter: () => this.#enter(from),
          onBytes: (bytes) => { this.#counters.bytesOut += bytes }
        }),
        async (answers: AsyncIterable<Uint8ArrayList>) => {
          for await (const answer of answers) {
            // One who never reads would keep its place for ever.
            const limit = deadline(this.#init.clock, this.#init.settings.idleStreamMs, 'the reading of an answer', closed.signal)
            await frames.write(answer, { signal: limit.signal }).finally(limit.clear)
          }
        }
      )
      await stream.close({ signal: closed.signal })
    } catch (error) {
      if (!closed.signal.aborted) this.#counters.broken++
      stream.abort(error as Error)
    } finally {
      this.#inbound.delete(stream)
    }
  }

  /** Frames of an inbound stream until the asker closes it or lets it idle too long. */
  async * #frames (frames: FrameStream, closed: AbortSignal): AsyncGenerator<Frame> {
    const { clock, settings } = this.#init
    for (;;) {
      const limit = deadline(clock, settings.idleStreamMs, 'the next ask', closed)
      let bytes: Uint8ArrayList
      try {
        bytes = await frames.read({ signal: limit.signal })
      } catch (error) {
        if ((error as Error).name === 'UnexpectedEOFError' || (error as Error).name === 'TimeoutError') return
        throw error
      } finally {
        limit.clear()
      }
      yield decodeFrame(bytes)
    }
  }

  #enter (from: PeerName): (() => void) | undefined {
    const { transfersMax, transfersShareMax } = this.#init.settings
    const own = this.#servingTo.get(from) ?? 0
    if (this.#serving >= transfersMax || own >= Math.max(1, transfersMax * transfersShareMax)) return undefined
    this.#serving++
    this.#servingTo.set(from, own + 1)
    this.#counters.answered++
    return () => {
      this.#serving--
      const left = (this.#servingTo.get(from) ?? 1) - 1
      if (left === 0) this.#servingTo.delete(from)
      else this.#servingTo.set(from, left)
    }
  }
}
