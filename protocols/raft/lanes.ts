/**
 * How a group's messages travel, protocol `/colony/raft/1.0.0`: one long-lived stream to each peer in each direction,
 * for all groups together, opened when there is something to say and opened again, with back-off, when it broke. What waits
 * for a stream is written at once in one go. The queue is bounded: what does not fit is dropped, as Raft
 * repeats what matters. Snapshots go over a stream of their own each, so that heartbeats pass them.
 *
 *     frame = varint length | kind (1 byte: 0 a message of `codec.ts`, 1 a note of `notes.ts`) | content
 */
import type { Connection, PeerId, Stream } from '@libp2p/interface'
import { Uint8ArrayList } from 'uint8arraylist'
import { deadline, type Clock } from '../clock.ts'
import { WireError } from '../errors.ts'
import type { PeerName } from '../ids.ts'
import { frameStream, openStream, type StreamComponents } from '../streams.ts'
import type { RaftServiceSettings } from './service-settings.ts'

export const raftProtocol = '/colony/raft/1.0.0'
export const raftSnapshotProtocol = '/colony/raft/snapshot/1.0.0'

export const FrameKind = { Message: 0, Note: 1 } as const

/** Frames that a peer may be ahead of the reading. */
const framesAhead = 8

export interface RaftLanesInit {
  readonly clock: Clock
  readonly settings: RaftServiceSettings
  /** Largest payload of a frame beside its head, bytes: on an ordinary stream, and of a snapshot. */
  readonly payloadBytesMax: number
  readonly snapshotPayloadBytesMax: number
  readonly components: StreamComponents
  readonly peerIdFromName: (peer: PeerName) => PeerId
  readonly isMember: (peer: PeerName) => boolean
  /** @throws WireError: the stream ends */
  readonly onFrame: (kind: number, content: Uint8Array, from: PeerName) => void
  /** What was on its way to this peer may be lost. */
  readonly onBroken: (peer: PeerName) => void
}

export interface LaneCounters { sent: number, received: number, dropped: number, bytesOut: number, bytesIn: number, broken: number, refused: number }

interface Lane {
  queue: Uint8ArrayList[]
  queuedBytes: number
  pumping: boolean
  stream: Stream | undefined
  frames: ReturnType<typeof frameStream> | undefined
  failures: number
  /** Before it nobody dials. */
  retryAtMs: number
}

export class RaftLanes {
  readonly counters: LaneCounters = { sent: 0, received: 0, dropped: 0, bytesOut: 0, bytesIn: 0, broken: 0, refused: 0 }
  readonly #init: RaftLanesInit
  readonly #lanes = new Map<PeerName, Lane>()
  readonly #inbound = new Map<Stream, PeerName>()
  #controller = new AbortController()

  constructor (init: RaftLanesInit) { this.#init = init }

  async start (): Promise<void> {
    this.#controller = new AbortController()
    const { registrar } = this.#init.components
    const { payloadBytesMax, snapshotPayloadBytesMax } = this.#init
    await registrar.handle(raftProtocol, (stream, connection) => { void this.#receive(stream, connection, payloadBytesMax, framesAhead) }, { maxInboundStreams: 2, maxOutboundStreams: 2 })
    await registrar.handle(raftSnapshotProtocol, (stream, connection) => { void this.#receive(stream, connection, snapshotPayloadBytesMax, 1) }, { maxInboundStreams: 2, maxOutboundStreams: 2 })
  }

  async stop (): Promise<void> {
    const error = new Error('the edge is stopping')
    this.#controller.abort(error)
    for (const lane of this.#lanes.values()) lane.stream?.abort(error)
    this.#lanes.clear()
    for (const stream of this.#inbound.keys()) stream.abort(error)
    const { registrar } = this.#init.components
    await registrar.unhandle(raftProtocol)
    await registrar.unhandle(raftSnapshotProtocol)
  }

  /** Queues a frame, or drops it. */
  send (to: PeerName, kind: number, content: Uint8ArrayList): void {
    if (this.#controller.signal.aborted) return
    const { clock, settings } = this.#init
    const lane = this.#lane(to)
    const frame = new Uint8ArrayList(Uint8Array.of(kind), content)
    if (clock.nowMs() < lane.retryAtMs || lane.queuedBytes + frame.byteLength > settings.queueBytesMax) {
      this.counters.dropped++
      return
    }
    lane.queue.push(frame)
    lane.queuedBytes += frame.byteLength
    if (!lane.pumping) void this.#pump(to, lane)
  }

  /** A frame that may be large, over a stream of its own. @returns whether it was written whole */
  async sendLarge (to: PeerName, kind: number, content: Uint8ArrayList, timeoutMs: number): Promise<boolean> {
    const limit = deadline(this.#init.clock, timeoutMs, 'sending a snapshot', this.#controller.signal)
    let stream: Stream | undefined
    try {
      stream = await openStream(this.#init.components, this.#init.peerIdFromName(to), raftSnapshotProtocol, { signal: limit.signal, maxOutboundStreams: 2 })
      await frameStream(stream, this.#init.snapshotPayloadBytesMax, 1).write(new Uint8ArrayList(Uint8Array.of(kind), content), { signal: limit.signal })
      await stream.close({ signal: limit.signal })
      this.counters.bytesOut += content.byteLength
      return true
    } catch (error) {
      stream?.abort(error as Error)
      this.counters.broken++
      return false
    } finally {
      limit.clear()
    }
  }

  /** Ends what a peer that is no member any more still has open. */
  dropStrangers (): void {
    const error = new Error('only members of the colony take part in agreement')
    for (const [stream, peer] of this.#inbound) {
      if (!this.#init.isMember(peer)) stream.abort(error)
    }
    for (const [peer, lane] of this.#lanes) {
      if (this.#init.isMember(peer)) continue
      lane.stream?.abort(error)
      this.#lanes.delete(peer)
    }
  }

  #lane (peer: PeerName): Lane {
    const known = this.#lanes.get(peer)
    if (known !== undefined) return known
    const lane: Lane = { queue: [], queuedBytes: 0, pumping: false, stream: undefined, frames: undefined, failures: 0, retryAtMs: -Infinity }
    this.#lanes.set(peer, lane)
    return lane
  }

  /** Writes what is queued, and what is queued meanwhile. */
  async #pump (peer: PeerName, lane: Lane): Promise<void> {
    const { clock, settings } = this.#init
    lane.pumping = true
    while (lane.queue.length > 0) {
      const limit = deadline(clock, settings.streamTimeoutMs, `sending to peer ${peer}`, this.#controller.signal)
      try {
        if (lane.stream?.status !== 'open') await this.#open(peer, lane, limit.signal)
        const frames = takeUpTo(lane, settings.writeBytesMax)
        await lane.frames!.writeV(frames, { signal: limit.signal })
        lane.failures = 0
        this.counters.sent += frames.length
        for (const frame of frames) this.counters.bytesOut += frame.byteLength
      } catch (error) {
        this.#broke(peer, lane, error as Error)
      } finally {
        limit.clear()
      }
    }
    lane.pumping = false
  }

  async #open (peer: PeerName, lane: Lane, signal: AbortSignal): Promise<void> {
    const stream = await openStream(this.#init.components, this.#init.peerIdFromName(peer), raftProtocol, { signal, maxOutboundStreams: 2 })
    lane.stream = stream
    lane.frames = frameStream(stream, 0, 1)
    stream.addEventListener('close', () => {
      if (lane.stream !== stream || this.#controller.signal.aborted) return
      lane.stream = undefined
      this.#init.onBroken(peer)
    })
  }

  #broke (peer: PeerName, lane: Lane, error: Error): void {
    const { clock, settings } = this.#init
    const { stream } = lane
    lane.stream = undefined
    stream?.abort(error)
    this.counters.broken++
    this.counters.dropped += lane.queue.length
    lane.queue = []
    lane.queuedBytes = 0
    const waitMs = Math.min(settings.reopenMaxMs, settings.reopenMs * 2 ** lane.failures++)
    lane.retryAtMs = clock.nowMs() + waitMs * (0.5 + clock.random() / 2)
    if (!this.#controller.signal.aborted) this.#init.onBroken(peer)
  }

  async #receive (stream: Stream, connection: Connection, bytesMax: number, ahead: number): Promise<void> {
    const from = connection.remotePeer.toString()
    const { isMember, onFrame } = this.#init
    if (!isMember(from)) {
      this.counters.refused++
      stream.abort(new Error('only members of the colony take part in agreement'))
      return
    }
    this.#inbound.set(stream, from)
    // It is there (again).
    this.#lane(from).retryAtMs = -Infinity
    const frames = frameStream(stream, bytesMax, ahead)
    try {
      for (;;) {
        const frame = (await frames.read({ signal: this.#controller.signal })).subarray()
        this.counters.received++
        this.counters.bytesIn += frame.byteLength
        if (frame.byteLength === 0) throw new WireError('a peer sent an empty frame')
        onFrame(frame[0]!, frame.subarray(1), from)
      }
    } catch (error) {
      if ((error as Error).name !== 'UnexpectedEOFError' && !this.#controller.signal.aborted) this.counters.broken++
      stream.abort(error as Error)
    } finally {
      this.#inbound.delete(stream)
    }
  }
}

function takeUpTo (lane: Lane, bytesMax: number): Uint8ArrayList[] {
  let bytes = 0
  let count = 0
  do bytes += lane.queue[count++]!.byteLength
  while (count < lane.queue.length && bytes + lane.queue[count]!.byteLength <= bytesMax)
  lane.queuedBytes -= bytes
  return lane.queue.splice(0, count)
}
