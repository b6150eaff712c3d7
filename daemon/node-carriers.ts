/**
 * What libp2p's carriers do too often, done less often. A small message is most of an idle mesh's work, and
 * each one used to be two writes to the socket and to be answered with two more. Both wrappers change when
 * bytes travel, never which: the other end needs to know nothing of them.
 */
import type { AbortOptions, Connection, MultiaddrConnection, PeerId, StreamMuxer, StreamMuxerFactory, Transport, Upgrader, UpgraderOptions } from '@libp2p/interface'
import type { Socket } from 'node:net'
import type { TransportFactory } from './node.ts'

/**
 * TCP that hands what is sent within one turn of the event loop to the kernel in one call. libp2p writes each
 * piece of a message by itself, length and ciphertext, and with TCP_NODELAY each becomes a packet.
 */
export function coalescing (create: TransportFactory): TransportFactory {
  return (components) => {
    const transport = create(components)
    const { dial, createListener } = transport
    return Object.assign(transport, {
      dial: async (address, options) => await dial.call(transport, address, { ...options, upgrader: corking(options.upgrader) }),
      createListener: (options) => createListener.call(transport, { ...options, upgrader: corking(options.upgrader) })
    } satisfies Partial<Transport>)
  }
}

function corking (upgrader: Upgrader): Upgrader {
  return {
    upgradeOutbound: async (connection: MultiaddrConnection, options: UpgraderOptions) => await upgrader.upgradeOutbound(corked(connection), options),
    upgradeInbound: async (connection: MultiaddrConnection, options: UpgraderOptions) => { await upgrader.upgradeInbound(corked(connection), options) },
    createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
    getStreamMuxers: () => upgrader.getStreamMuxers(),
    getConnectionEncrypters: () => upgrader.getConnectionEncrypters()
  }
}

interface SocketConnection extends MultiaddrConnection {
  readonly socket: Socket
  sendData: (data: unknown) => unknown
}

function corked (connection: MultiaddrConnection): MultiaddrConnection {
  const { socket, sendData } = connection as SocketConnection
  let isCorked = false
  const uncork = (): void => {
    isCorked = false
    socket.uncork()
  }
  return Object.assign(connection, {
    sendData: (data: unknown) => {
      if (!isCorked) {
        isCorked = true
        socket.cork()
        process.nextTick(uncork)
      }
      return sendData.call(connection, data)
    }
  })
}

/** A yamux stream as it is inside. */
interface YamuxStream {
  readonly state: number
  readonly recvWindow: number
  readonly recvWindowCapacity: number
  sendWindowUpdate: () => void
}

/** yamux's state of a stream that both ends know of: no flag is waiting to be sent along. */
const established = 3

/**
 * yamux that enlarges the other end's window once half of it is used up, as the specification's own
 * implementation does, and not after each message. The sender always has at least the other half.
 *
 * @see https://github.com/hashicorp/yamux/blob/master/stream.go (sendWindowUpdate)
 */
export function sparing (create: (components: any) => StreamMuxerFactory): (components: any) => StreamMuxerFactory {
  return (components) => {
    const factory = create(components)
    const { createStreamMuxer } = factory
    return Object.assign(factory, {
      createStreamMuxer: (connection: Parameters<typeof createStreamMuxer>[0]) => {
        const muxer = createStreamMuxer.call(factory, connection) as StreamMuxer & { _newStream: (...args: unknown[]) => YamuxStream }
        const newStream = muxer._newStream
        muxer._newStream = (...args) => {
          const stream = newStream.apply(muxer, args)
          const { sendWindowUpdate } = stream
          stream.sendWindowUpdate = () => {
            if (stream.state !== established || stream.recvWindowCapacity * 2 <= stream.recvWindow) sendWindowUpdate.call(stream)
          }
          return stream
        }
        return muxer
      }
    })
  }
}

interface Pinging {
  ping: (peer: PeerId, options?: AbortOptions) => Promise<number>
}

interface LinkComponents {
  readonly connectionManager: { getConnections: (peer: PeerId) => Connection[] }
}

/** Measures the way to a linked peer by yamux's own ping: two small frames, where libp2p's ping opens a stream each time. */
export function linkPing<Service extends Pinging> (create: (components: any) => Service): (components: any) => Service {
  return (components: LinkComponents) => {
    const service = create(components)
    const { ping } = service
    return Object.assign(service, {
      ping: async (peer: PeerId, options?: AbortOptions) => {
        const [connection] = components.connectionManager.getConnections(peer)
        if (connection === undefined) return await ping.call(service, peer, options)
        return await (connection as unknown as { muxer: { ping: (options?: AbortOptions) => Promise<number> } }).muxer.ping(options)
      }
    })
  }
}
