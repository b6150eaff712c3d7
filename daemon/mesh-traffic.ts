/**
 * What an edge says to others and hears from them, counted by part: the price of coordination, and content
 * apart from it. Bytes are those of a part's streams, messages their frames, so that what one edge sent and
 * what the others received agree however the bytes were cut on their way. What the mesh costs below the
 * streams (handshakes, negotiation, encryption, framing) is the difference to the bytes on the wire.
 */
import type { Uint8ArrayList } from 'uint8arraylist'

/** A closed set: labels of metrics, and the fields of /v1/status. */
export const trafficParts = [
  'gossip', 'dht', 'membership', 'pulse', 'ping', 'identify', 'directory', 'filters', 'survey', 'warm', 'publish', 'config', 'purge', 'raft',
  /** Streams of protocols unknown here. */
  'other',
  /** Below the streams; bytes only. Content's share, about a hundredth of it, is in here, too. */
  'transport',
  /** What the mesh is for: no coordination. */
  'content'
] as const
export type TrafficPart = typeof trafficParts[number]
export type CoordinationPart = Exclude<TrafficPart, 'content'>

/** Since the start. */
export interface PartTraffic {
  readonly bytesIn: number
  readonly bytesOut: number
  readonly messagesIn: number
  readonly messagesOut: number
}

type Count = { -readonly [K in keyof PartTraffic]: PartTraffic[K] }

export type Direction = 'in' | 'out'

export type Bytes = Uint8Array | Uint8ArrayList

export class MeshTraffic {
  readonly #flows: Readonly<Record<TrafficPart, Count>>
  #wireIn = 0
  #wireOut = 0

  constructor () {
    this.#flows = Object.fromEntries(trafficParts.map((part) => [part, { bytesIn: 0, bytesOut: 0, messagesIn: 0, messagesOut: 0 }])) as Record<TrafficPart, Count>
  }

  /** @returns counts what a stream of the protocol carries in one direction */
  stream (protocol: string, direction: Direction): (data: Bytes) => void {
    const part = partOf(protocol)
    const flow = this.#flows[part]
    const frames = new FrameCounter(part === 'ping' ? pingBytes : undefined)
    if (direction === 'in') {
      return (data) => {
        flow.bytesIn += data.byteLength
        flow.messagesIn += frames.count(data)
      }
    }
    return (data) => {
      flow.bytesOut += data.byteLength
      flow.messagesOut += frames.count(data)
    }
  }

  /** Counts bytes of a connection, streams and all. */
  wire (bytes: number, direction: Direction): void {
    if (direction === 'in') this.#wireIn += bytes
    else this.#wireOut += bytes
  }

  flows (): Readonly<Record<TrafficPart, PartTraffic>> {
    const flows = Object.fromEntries(trafficParts.map((part) => [part, { ...this.#flows[part] }])) as Record<TrafficPart, Count>
    const sum = (of: (flow: PartTraffic) => number): number => Object.values(flows).reduce((total, flow) => total + of(flow), 0)
    // What a stream has been given may still wait to be written.
    flows.transport.bytesIn = Math.max(0, this.#wireIn - sum(({ bytesIn }) => bytesIn))
    flows.transport.bytesOut = Math.max(0, this.#wireOut - sum(({ bytesOut }) => bytesOut))
    return flows
  }

  /** All but content. */
  coordination (): Readonly<Record<CoordinationPart, PartTraffic>> {
    const { content, ...coordination } = this.flows()
    return coordination
  }
}

/** What belongs to libp2p or has another name than its part. */
const parts: ReadonlyArray<readonly [prefix: string, part: TrafficPart]> = [
  ['/meshsub/', 'gossip'],
  ['/colony/kad/', 'dht'],
  ['/colony/members/', 'membership'],
  ['/colony/fetch/', 'content'],
  ['/ipfs/ping/', 'ping'],
  ['/ipfs/id/', 'identify'],
  ...(['pulse', 'directory', 'filters', 'survey', 'warm', 'publish', 'config', 'purge', 'raft'] as const).map((part) => [`/colony/${part}/`, part] as const)
]

export function partOf (protocol: string): TrafficPart {
  return parts.find(([prefix]) => protocol.startsWith(prefix))?.[1] ?? 'other'
}

/** A ping has no length before it. */
const pingBytes = 32

/** Bits of a length; a longer one is none of our protocols'. */
const lengthBitsMax = 28

/** Counts the frames of a byte stream, each with its length as a varint before it, or all of one size. */
class FrameCounter {
  readonly #size: number | undefined
  /** Bytes of the current frame that have not come yet. */
  #left = 0
  #length = 0
  #bits = 0

  constructor (size?: number) {
    this.#size = size
  }

  /** @returns frames that began */
  count (data: Bytes): number {
    let frames = 0
    for (const bytes of data instanceof Uint8Array ? [data] : data) {
      for (let at = 0; at < bytes.byteLength;) {
        if (this.#left === 0) {
          if (this.#size === undefined) {
            if (!this.#hasLength(bytes[at++]!)) continue
          } else this.#left = this.#size
          frames++
        }
        const step = Math.min(this.#left, bytes.byteLength - at)
        at += step
        this.#left -= step
      }
    }
    return frames
  }

  #hasLength (byte: number): boolean {
    this.#length |= (byte & 0x7f) << this.#bits
    this.#bits += 7
    if (byte >= 0x80 && this.#bits < lengthBitsMax) return false
    this.#left = this.#length
    this.#length = 0
    this.#bits = 0
    return true
  }
}
