/**
 * Calls between edges: one request frame, one answer frame, many at once on one long-lived stream for each peer
 * (opening a stream for each call costs six times as much). What is asked and answered is the
 * parts': a part takes a `Call` and gives an `Answerer`, and knows nothing of streams. Calls may be repeated by the
 * caller, so every answerer must bear the same request twice.
 *
 *     frame = wire.ts frame, head { id, body } to ask, { id, body } or { id, error } to answer
 */
import type { Connection, PeerId, Startable, Stream } from '@libp2p/interface'
import { deadline, type Clock } from './clock.ts'
import { ColonyError, messageOf, WireError } from './errors.ts'
import type { PeerName } from './ids.ts'
import { frameStream, openStream, type FrameStream, type StreamComponents } from './streams.ts'
import { printable } from './text.ts'
import { decodeFrame, encodeFrame, headBytesMax, type Frame } from './wire.ts'

export const rpcDefaults = Object.freeze({
  /** Wait for an answer where the caller names none, ms. Lower gives up on busy edges, higher waits for dead ones. */
  callTimeoutMs: 5_000,
  /** Largest payload beside a head, bytes. Times `answeringMax` and peers is the memory at risk. */
  payloadBytesMax: 256 * 1024,
  /** Calls to one peer that wait for an answer, or to be sent; more are told silent at once. Higher lets a peer that reads nothing hold more memory. */
  waitingMax: 256,
  /** Requests of one peer that are worked on at once; more wait in its stream. */
  answeringMax: 16,
  /** A stream without a call, or whose other side does not read, is closed after this, ms. Higher keeps more streams open, lower opens them anew. */
  idleStreamMs: 60_000
})
export type RpcSettings = { readonly [K in keyof typeof rpcDefaults]: number }

export interface CallOptions {
  readonly payload?: Uint8Array
  readonly signal?: AbortSignal
  readonly timeoutMs?: number
}

/**
 * @param head CBOR map of at most 64 KiB
 * @throws RpcError, or the signal's reason
 */
export type Call = (peer: PeerName, head: object, options?: CallOptions) => Promise<Frame>

/** @throws WireError for a malformed request; what it throws is told to the caller */
export type Answerer = (request: Frame, from: PeerName, signal: AbortSignal) => Promise<{ readonly head: object, readonly payload?: Uint8Array }>

/** A call brought no answer (`COLONY_RPC_SILENT`), or was refused by the other edge (`COLONY_RPC_REFUSED`). */
export class RpcError extends ColonyError {
  readonly peer: PeerName

  constructor (code: 'COLONY_RPC_SILENT' | 'COLONY_RPC_REFUSED', peer: PeerName, message: string, options?: { cause?: unknown }) {
    super(code, message, options)
    this.peer = peer
  }
}

export interface RpcInit {
  /** `/colony/<part>/1.0.0` */
  readonly protocol: string
  readonly clock: Clock
  readonly settings: RpcSettings
  readonly peerIdFromName: (peer: PeerName) => PeerId
  /** Whether this peer may call; others' streams are closed. */
  readonly mayCall: (peer: PeerName) => boolean
  readonly answer: Answerer
}

export interface RpcCounters { called: number, answered: number, refused: number, broken: number, bytesIn: number, bytesOut: number }

export interface Rpc extends Startable {
  readonly call: Call
  counters: () => Readonly<RpcCounters>
}

/** Longest text of an error on the wire. */
const errorTextMax = 500

export function rpc (init: RpcInit): (components: StreamComponents) => Rpc {
  return (components) => new RpcService(init, components)
}

/** The calling end of one stream. */
interface Lane {
  readonly stream: Stream
  readonly frames: FrameStream
  readonly waiting: Map<number, PromiseWithResolvers<Frame>>
  /** Frames go out one after the other. */
  writing: Promise<void>
  /** Frames on their way out: those of calls that were given up, too. */
  unsent: number
  closeIdle: () => void
}

class RpcService implements Rpc {
  readonly #init: RpcInit
  readonly #components: StreamComponents
  readonly #lanes = new Map<PeerName, Promise<Lane>>()
  readonly #inbound = new Set<Stream>()
  readonly #counters: RpcCounters = { called: 0, answered: 0, refused: 0, broken: 0, bytesIn: 0, bytesOut: 0 }
  #nextId = 0
  #running = false

  constructor (init: RpcInit, components: StreamComponents) {
    this.#init = init
    this.#components = components
  }

  counters (): Readonly<RpcCounters> { return this.#counters }

  async start (): Promise<void> {
    if (this.#running) return
    this.#running = true
    await this.#components.registrar.handle(this.#init.protocol, (stream, connection) => { void this.#onStream(stream, connection) }, {
      maxInboundStreams: 8, maxOutboundStreams: 8
    })
  }

  async stop (): Promise<void> {
    if (!this.#running) return
    this.#running = false
    await this.#components.registrar.unhandle(this.#init.protocol)
    const error = new Error('the edge is stopping')
    for (const stream of this.#inbound) stream.abort(error)
    for (const opening of this.#lanes.values()) opening.then((lane) => { this.#close(lane, error) }, () => {})
    this.#lanes.clear()
  }

  readonly call: Call = async (peer, head, options = {}) => {
    const { clock, settings } = this.#init
    this.#counters.called++
    const limit = deadline(clock, options.timeoutMs ?? settings.callTimeoutMs, `a call to peer ${peer}`, options.signal)
    try {
      const fresh = !this.#lanes.has(peer)
      try {
        return await this.#callOnce(peer, head, options.payload, limit.signal)
      } catch (error) {
        // A stream that was kept may have been closed by the other side meanwhile; a new one tells.
        if (fresh || limit.signal.aborted || error instanceof RpcError) throw error
        return await this.#callOnce(peer, head, options.payload, limit.signal)
      }
    } catch (error) {
      options.signal?.throwIfAborted()
      if (error instanceof RpcError) throw error
      this.#counters.broken++
      throw new RpcError('COLONY_RPC_SILENT', peer, `peer ${peer} gave no answer: ${messageOf(error)}`, { cause: error })
    } finally {
      limit.clear()
    }
  }

  async #callOnce (peer: PeerName, head: object, payload: Uint8Array | undefined, signal: AbortSignal): Promise<Frame> {
    const lane = await orAborted(this.#lane(peer, signal), signal)
    if (Math.max(lane.waiting.size, lane.unsent) >= this.#init.settings.waitingMax) throw new RpcError('COLONY_RPC_SILENT', peer, `peer ${peer} has ${this.#init.settings.waitingMax} calls to answer already`)
    const id = this.#nextId++
    const answer = Promise.withResolvers<Frame>()
    lane.waiting.set(id, answer)
    lane.closeIdle()
    try {
      const frame = this.#frame({ id, body: head }, payload)
      this.#counters.bytesOut += frame.byteLength
      await orAborted(this.#write(lane, frame), signal)
      const { head: outer, payload: bytes } = await orAborted(answer.promise, signal)
      if (typeof outer.error === 'string') throw new RpcError('COLONY_RPC_REFUSED', peer, printable(outer.error.slice(0, errorTextMax)))
      return { head: mapOf(outer.body), payload: bytes }
    } finally {
      answer.promise.catch(() => {})
      lane.waiting.delete(id)
      if (lane.waiting.size === 0) this.#closeWhenIdle(peer, lane)
    }
  }

  /** Whole, whatever becomes of the call: the stream carries others' calls, too. */
  async #write (lane: Lane, frame: Parameters<FrameStream['write']>[0]): Promise<void> {
    const { clock, settings } = this.#init
    lane.unsent++
    const write = lane.writing.then(async () => {
      // One who never reads would hold for ever what is said to it.
      const limit = deadline(clock, settings.idleStreamMs, 'the reading of a call')
      await lane.frames.write(frame, { signal: limit.signal }).finally(limit.clear)
    }).finally(() => { lane.unsent-- })
    lane.writing = write.catch((error) => { this.#close(lane, error as Error) })
    await write
  }

  async #lane (peer: PeerName, signal: AbortSignal): Promise<Lane> {
    const known = this.#lanes.get(peer)
    if (known !== undefined) return await known
    const opening = this.#open(peer, signal)
    this.#lanes.set(peer, opening)
    opening.catch(() => { this.#forget(peer, opening) })
    return await opening
  }

  async #open (peer: PeerName, signal: AbortSignal): Promise<Lane> {
    const { protocol, peerIdFromName, settings } = this.#init
    const stream = await openStream(this.#components, peerIdFromName(peer), protocol, { signal, maxOutboundStreams: 8 })
    const lane: Lane = { stream, frames: frameStream(stream, settings.payloadBytesMax, 4), waiting: new Map(), writing: Promise.resolve(), unsent: 0, closeIdle: () => {} }
    void this.#read(peer, lane)
    return lane
  }

  async #read (peer: PeerName, lane: Lane): Promise<void> {
    try {
      for (;;) {
        const frame = decodeFrame(await lane.frames.read())
        this.#counters.bytesIn += frame.payload.byteLength
        lane.waiting.get(frame.head.id as number)?.resolve(frame)
      }
    } catch (error) {
      const current = this.#lanes.get(peer)
      void current?.then((each) => { if (each === lane) this.#forget(peer, current) }, () => {})
      this.#close(lane, error as Error)
    }
  }

  #closeWhenIdle (peer: PeerName, lane: Lane): void {
    lane.closeIdle()
    lane.closeIdle = this.#init.clock.after(this.#init.settings.idleStreamMs, () => {
      const current = this.#lanes.get(peer)
      void current?.then((each) => { if (each === lane) this.#forget(peer, current) }, () => {})
      this.#close(lane, new Error('the stream was idle'))
    })
  }

  #forget (peer: PeerName, opening: Promise<Lane>): void {
    if (this.#lanes.get(peer) === opening) this.#lanes.delete(peer)
  }

  #close (lane: Lane, error: Error): void {
    lane.closeIdle()
    lane.stream.abort(error)
    for (const { reject } of lane.waiting.values()) reject(error)
  }

  async #onStream (stream: Stream, connection: Connection): Promise<void> {
    const from = connection.remotePeer.toString()
    const { settings, mayCall } = this.#init
    if (!mayCall(from)) {
      this.#counters.refused++
      stream.abort(new Error('only members of the colony may call'))
      return
    }
    const closed = new AbortController()
    stream.addEventListener('close', () => { closed.abort(new Error('the caller is gone')) })
    this.#inbound.add(stream)
    const frames = frameStream(stream, settings.payloadBytesMax, 4)
    const running = new Set<Promise<void>>()
    let writing = Promise.resolve()
    try {
      for (;;) {
        const request = decodeFrame(await frames.read({ signal: closed.signal }))
        this.#counters.bytesIn += request.payload.byteLength
        const work = this.#answer(request, from, closed.signal).then(async (answer) => {
          this.#counters.bytesOut += answer.byteLength
          writing = writing.then(async () => {
            // One who never reads would keep its place for ever.
            const limit = deadline(this.#init.clock, settings.idleStreamMs, 'the reading of an answer', closed.signal)
            await frames.write(answer, { signal: limit.signal }).finally(limit.clear)
          })
          await writing
        }).catch((error: unknown) => { stream.abort(error as Error) }).finally(() => { running.delete(work) })
        running.add(work)
        if (running.size >= settings.answeringMax) await Promise.race(running)
      }
    } catch (error) {
      if (!closed.signal.aborted && (error as Error).name !== 'UnexpectedEOFError') this.#counters.broken++
      stream.abort(error as Error)
    } finally {
      this.#inbound.delete(stream)
    }
  }

  async #answer ({ head, payload }: Frame, from: PeerName, signal: AbortSignal): Promise<ReturnType<typeof encodeFrame>> {
    const { id } = head
    if (!Number.isSafeInteger(id)) throw new WireError('a peer called without an id')
    try {
      const answer = await this.#init.answer({ head: mapOf(head.body), payload }, from, signal)
      this.#counters.answered++
      return this.#frame({ id, body: answer.head }, answer.payload)
    } catch (error) {
      this.#counters.refused++
      return encodeFrame({ id, error: messageOf(error).slice(0, errorTextMax) })
    }
  }

  /** @throws RangeError when it is larger than what the other side takes: the stream would end with it, and others' calls */
  #frame (head: object, payload?: Uint8Array): ReturnType<typeof encodeFrame> {
    const frame = encodeFrame(head, payload)
    const payloadBytes = payload?.byteLength ?? 0
    if (payloadBytes > this.#init.settings.payloadBytesMax || frame.byteLength - payloadBytes - 4 > headBytesMax) throw new RangeError('it is larger than a frame')
    return frame
  }
}

/** What the promise brings, or the signal's reason when that is first; the promise is then left to itself. */
async function orAborted<T> (promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>()
  const onAbort = (): void => { aborted.reject(signal.reason as Error) }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([promise, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
    promise.catch(() => {})
  }
}

function mapOf (value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) throw new WireError('a peer sent a call without a body')
  return value as Record<string, unknown>
}
