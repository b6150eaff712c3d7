/**
 * What services that speak over libp2p streams share: what they need of the node, and frames on a stream with
 * every length bounded, so that no peer can make this side buffer (the library's decoder of lengths
 * reads for ever where the last byte never comes).
 */
import type { AbortOptions, Connection, PeerId, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import type { Uint8ArrayList } from 'uint8arraylist'
import { WireError } from './errors.ts'
import { headBytesMax } from './wire.ts'

/** What a libp2p node hands to its services. */
export interface StreamComponents {
  readonly registrar: {
    handle: (protocol: string, handler: (stream: Stream, connection: Connection) => void, options?: object) => Promise<void>
    unhandle: (protocol: string) => Promise<void>
  }
  readonly connectionManager: {
    getConnections: (peer?: PeerId) => Connection[]
    openConnection: (peer: PeerId, options?: { signal?: AbortSignal }) => Promise<Connection>
  }
}

/** The bounded length-prefixed stream of `@libp2p/utils`, as far as it is used here. */
export interface FrameStream {
  read: (options?: AbortOptions) => Promise<Uint8ArrayList>
  write: (data: Uint8Array | Uint8ArrayList, options?: AbortOptions) => Promise<void>
  /** Several frames at once: one encryption, one packet. */
  writeV: (frames: Array<Uint8Array | Uint8ArrayList>, options?: AbortOptions) => Promise<void>
}

/**
 * @param payloadBytesMax largest payload beside a head, bytes
 * @param framesAhead frames that the other side may send before they are read
 */
export function frameStream (stream: Stream, payloadBytesMax: number, framesAhead: number): FrameStream {
  const maxDataLength = payloadBytesMax + headBytesMax + 4
  return lpStream(stream, { lengthDecoder: frameLength, maxDataLength, maxBufferSize: framesAhead * maxDataLength })
}

/** A stream over the connection that is there, or over a new one. */
export async function openStream (components: StreamComponents, peer: PeerId, protocol: string, options: { signal: AbortSignal, maxOutboundStreams: number }): Promise<Stream> {
  const { connectionManager } = components
  const connection = connectionManager.getConnections(peer).find((each) => each.status === 'open') ??
    await connectionManager.openConnection(peer, { signal: options.signal })
  return await connection.newStream(protocol, options as object)
}

/** Longest length prefix, bytes: 28 bits, more than any frame may have. */
const lengthBytesMax = 4

/** The varint before each frame. Throws RangeError while there is too little, as `lpStream` expects. */
function frameLength (bytes: Uint8Array | Uint8ArrayList): number {
  let length = 0
  for (let at = 0; at < lengthBytesMax; at++) {
    if (at >= bytes.byteLength) throw new RangeError('the length goes on')
    const byte = bytes instanceof Uint8Array ? bytes[at] ?? 0 : bytes.get(at)
    length += (byte & 0x7f) << (7 * at)
    if (byte < 0x80) return length
  }
  throw new WireError('a peer sent a frame whose length does not end')
}
