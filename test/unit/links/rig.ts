/** Two hosts with real TCP sockets and simulated links between them, in time that moves only when told. */
import { defaultLogger } from '@libp2p/logger'
import { tcp } from '@libp2p/tcp'
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr'
import { afterEach } from 'vitest'
import { Links, type LinksInit } from '../../../netsim/links/links.ts'
import { manualClock } from '../membership/support.ts'
import type { TransportFactory } from '../../../daemon/node.ts'
import type { Connection, Listener, MultiaddrConnection, Upgrader } from '@libp2p/interface'

export const [here, there] = ['127.9.1.1', '127.9.2.1']
const listeners: Listener[] = []
const opened: MultiaddrConnection[] = []

afterEach(async () => {
  for (const connection of opened.splice(0)) connection.abort(new Error('the test is over'))
  await Promise.all(listeners.splice(0).map(async (listener) => { await listener.close() }))
})

/** A host with a listener; its "connections" are what an upgrader would get. */
export class Station {
  readonly #host: string
  readonly #transport: ReturnType<TransportFactory>
  readonly #inbound: MultiaddrConnection[] = []
  readonly #listener: Listener

  constructor (links: Links, host: string) {
    this.#host = host
    this.#transport = links.transport(host)(tcp() as TransportFactory)({ logger: defaultLogger() })
    this.#listener = this.#transport.createListener({ upgrader: this.#upgrader })
    listeners.push(this.#listener)
  }

  async listen (): Promise<this> {
    await this.#listener.listen(multiaddr(`/ip4/${this.#host}/tcp/0`))
    return this
  }

  get address (): Multiaddr { return this.#listener.getAddrs()[0]! }

  async dial (to: Station, signal = new AbortController().signal): Promise<MultiaddrConnection> {
    return await this.#transport.dial(to.address, { upgrader: this.#upgrader, signal }) as unknown as MultiaddrConnection
  }

  async accepted (): Promise<MultiaddrConnection> {
    await until(() => this.#inbound.length > 0)
    return this.#inbound.shift()!
  }

  get #upgrader (): Upgrader {
    return {
      upgradeOutbound: async (connection: MultiaddrConnection) => {
        opened.push(connection)
        return connection as unknown as Connection
      },
      upgradeInbound: async (connection: MultiaddrConnection) => {
        opened.push(connection)
        this.#inbound.push(connection)
      }
    } as unknown as Upgrader
  }
}

export interface Rig { links: Links, clock: ReturnType<typeof manualClock> & { pending: () => number }, near: Station, far: Station }

export async function rig (init: Partial<LinksInit> = {}): Promise<Rig> {
  const manual = manualClock()
  let pending = 0
  const clock = {
    ...manual,
    pending: () => pending,
    after: (delayMs: number, callback: () => void) => {
      pending++
      return manual.after(delayMs, () => {
        pending--
        callback()
      })
    }
  }
  const links = new Links({ clock, ...init })
  return { links, clock, near: await new Station(links, here).listen(), far: await new Station(links, there).listen() }
}

export async function joined ({ near, far }: Rig): Promise<[near: MultiaddrConnection, far: MultiaddrConnection]> {
  return [await near.dial(far), await far.accepted()]
}

/** All that a connection has handed on. */
export function heard (connection: MultiaddrConnection): { text: () => string, bytes: () => number } {
  const chunks: Uint8Array[] = []
  connection.addEventListener('message', ({ data }) => { chunks.push(data.subarray()) })
  return { text: () => Buffer.concat(chunks).toString(), bytes: () => chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) }
}

/** @param meanwhile moves time, where what is waited for comes with it, whenever the sockets bring it */
export async function until (condition: () => boolean, meanwhile?: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + 5_000
  while (!condition()) {
    await meanwhile?.()
    if (performance.now() > endMs) throw new Error('it did not come to pass')
    await new Promise((resolve) => { setTimeout(resolve, 1) })
  }
}

/** Long enough for loopback to bring what would come, so that its absence says something. */
export async function aWhile (): Promise<void> {
  await new Promise((resolve) => { setTimeout(resolve, 50) })
}

export const bytesOf = (text: string): Uint8Array => Buffer.from(text)
