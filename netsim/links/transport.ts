/**
 * A libp2p transport whose connections are simulated links. Dials wait until the way is free, take the
 * handshake's round trip and leave from the node's own host, so that the other end sees who calls
 * (loopback would otherwise always call as 127.0.0.1). Connections become links right before libp2p upgrades
 * them, in both directions.
 */
import { serviceCapabilities, transportSymbol } from '@libp2p/interface'
import type { Connection, CreateListenerOptions, DialTransportOptions, Listener, MultiaddrConnection, Transport, Upgrader, UpgraderOptions } from '@libp2p/interface'
import type { Multiaddr } from '@multiformats/multiaddr'
import { sleep } from '../../protocols/clock.ts'
import { hostOf, type Host } from './link.ts'
import type { Links } from './links.ts'

export class LinkTransport implements Transport {
  readonly [transportSymbol] = true
  readonly [Symbol.toStringTag] = '@colony/links'
  readonly [serviceCapabilities] = ['@libp2p/transport']
  readonly #transport: Transport
  readonly #links: Links
  readonly #host: Host

  /** @param transport TCP */
  constructor (transport: Transport, links: Links, host: Host) {
    this.#transport = transport
    this.#links = links
    this.#host = host
  }

  async dial (address: Multiaddr, options: DialTransportOptions): Promise<Connection> {
    await this.#links.passage(this.#host, hostOf(address), options.signal)
    // Options of net.connect pass through to it.
    const bound = { ...options, localAddress: this.#host, upgrader: this.#upgrader(options.upgrader) }
    return await this.#transport.dial(address, bound)
  }

  createListener (options: CreateListenerOptions): Listener {
    return this.#transport.createListener({ ...options, upgrader: this.#upgrader(options.upgrader) })
  }

  listenFilter (addresses: Multiaddr[]): Multiaddr[] { return this.#transport.listenFilter(addresses) }

  dialFilter (addresses: Multiaddr[]): Multiaddr[] { return this.#transport.dialFilter(addresses) }

  #upgrader (upgrader: Upgrader): Upgrader {
    return {
      upgradeOutbound: async (connection: MultiaddrConnection, options: UpgraderOptions) => {
        const roundTripMs = this.#links.roundTripMs(this.#host, hostOf(connection.remoteAddr))
        if (roundTripMs > 0) await sleep(this.#links.clock, roundTripMs, options.signal)
        return await upgrader.upgradeOutbound(this.#links.join(this.#host, connection), options)
      },
      upgradeInbound: async (connection: MultiaddrConnection, options: UpgraderOptions) => {
        await upgrader.upgradeInbound(this.#links.join(this.#host, connection), options)
      },
      createInboundAbortSignal: (signal) => upgrader.createInboundAbortSignal(signal),
      getStreamMuxers: () => upgrader.getStreamMuxers(),
      getConnectionEncrypters: () => upgrader.getConnectionEncrypters()
    }
  }
}
