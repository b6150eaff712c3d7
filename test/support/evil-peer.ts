/**
 * A member of the colony that does as it likes: a real libp2p node with the membership service, so that
 * it owns keys on the ring, whose `/colony/fetch/1.0.0` answers are scripted frame by frame, and which
 * can ask honest edges for anything.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Connection, Libp2p, Stream } from '@libp2p/interface'
import { lpStream } from '@libp2p/utils'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import type { Uint8ArrayList } from 'uint8arraylist'
import { systemClock } from '../../daemon/clock.ts'
import { createLog } from '../../daemon/log.ts'
import { meshDefaults } from '../../daemon/node-settings.ts'
import { createNode, networkName } from '../../daemon/node.ts'
import { openState } from '../../daemon/state.ts'
import { fetchProtocol } from '../../protocols/fetch/messages.ts'
import { contentKey } from '../../protocols/ids.ts'
import { Locate } from '../../protocols/locate/locate.ts'
import { membership as createMembership, type Membership, type MembershipComponents } from '../../protocols/membership/service.ts'
import { membershipDefaults } from '../../protocols/membership/settings.ts'
import { decodeFrame, encodeFrame, type Frame } from '../../protocols/wire.ts'

/** One end of a stream, frame by frame or byte by byte. */
export interface Hand {
  readonly stream: Stream
  read: (signal?: AbortSignal) => Promise<Frame>
  write: (head: object, payload?: Uint8Array) => Promise<void>
  /** @returns false when the stream is full: what is sent then waits in memory */
  raw: (bytes: Uint8Array | Uint8ArrayList) => boolean
}

export function handOf (stream: Stream): Hand {
  const frames = lpStream(stream, { maxDataLength: 2 * 1024 * 1024, maxBufferSize: 64 * 1024 * 1024 })
  return {
    stream,
    read: async (signal) => decodeFrame(await frames.read({ signal })),
    write: async (head, payload) => { await frames.write(encodeFrame(head, payload)) },
    raw: (bytes) => stream.send(bytes)
  }
}

/** What it does with an ask. The stream ends when this throws; another ask may follow on it otherwise. */
export type Act = (hand: Hand, ask: Readonly<Record<string, unknown>>) => Promise<void>

const honest: Act = async (hand) => { await hand.write({ kind: 'miss' }) }

export interface EvilPeerInit {
  readonly join: string
  readonly region: string
  /** Up to 16: how much of the ring it owns. */
  readonly weight?: number
}

export class EvilPeer {
  readonly #node: Libp2p
  readonly #membership: Membership
  readonly #region: string
  readonly #close: () => Promise<void>
  /** Every ask that reached it. */
  readonly asks: Array<Readonly<Record<string, unknown>>> = []
  act: Act = honest

  private constructor (node: Libp2p, membership: Membership, region: string, close: () => Promise<void>) {
    this.#node = node
    this.#membership = membership
    this.#region = region
    this.#close = close
  }

  static async start (init: EvilPeerInit): Promise<EvilPeer> {
    const folder = await mkdtemp(join(tmpdir(), 'colony-evil-'))
    const state = await openState(folder)
    let membership: Membership | undefined
    let evil: EvilPeer | undefined
    const node = await createNode({
      identity: state.identity, datastore: state.datastore, listen: ['/ip4/127.0.0.1/tcp/0'], announce: [], settings: meshDefaults,
      logger: createLog({ level: 'silent', name: 'evil' }).components
    }, {
      membership: (components: MembershipComponents) => {
        membership = createMembership({
          clock: systemClock, settings: membershipDefaults, network: networkName(), name: 'evil', region: init.region, weight: init.weight ?? 16,
          originHash: '', http: 'http://127.0.0.1:1', join: [multiaddr(init.join)]
        })(components)
        return membership
      },
      fetch: ({ registrar }: { registrar: { handle: (protocol: string, handler: (stream: Stream, connection: Connection) => void, options: object) => Promise<void> } }) => ({
        start: async () => { await registrar.handle(fetchProtocol, (stream) => { void evil?.onStream(stream) }, { maxInboundStreams: 4_096, maxOutboundStreams: 4_096 }) },
        // libp2p starts only what can also be stopped.
        stop: () => {}
      })
    })
    if (membership === undefined) throw new Error('the node was made without its services')
    evil = new EvilPeer(node, membership, init.region, async () => {
      await node.stop()
      await state.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    })
    await node.start()
    return evil
  }

  get peer (): string { return this.#node.peerId.toString() }

  /** From now on it answers as an honest edge that has nothing. */
  rest (): void { this.act = honest }

  async stop (): Promise<void> { await this.#close() }

  /** A path that it owns on its region's ring, as every edge sees it. */
  ownedPath (name: string, site = 'default'): string {
    const locate = new Locate({ region: this.#region })
    locate.update(this.#membership.members().map(({ peer, region, weight, zone }) => ({ peer, region, weight, zone })))
    for (let index = 0; index < 1_000; index++) {
      const path = `/${name}-${index}`
      if (locate.owners(contentKey(site, path), 1)[0] === this.peer) return path
    }
    throw new Error('it owns no path of a thousand')
  }

  members (): number { return this.#membership.members().length }

  /** A stream to an honest edge, to ask by hand. */
  async open (peer: string): Promise<Hand> {
    const id = peerIdFromString(peer)
    const connection = this.#node.getConnections(id)[0] ?? await this.#node.dial(id)
    return handOf(await connection.newStream(fetchProtocol, { maxOutboundStreams: 4_096 }))
  }

  private async onStream (stream: Stream): Promise<void> {
    const hand = handOf(stream)
    try {
      for (;;) {
        const { head } = await hand.read()
        if (head.kind === 'pull') continue
        this.asks.push(head)
        await this.act(hand, head)
      }
    } catch (error) {
      stream.abort(error as Error)
    }
  }
}
