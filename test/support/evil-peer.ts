/**
 * A member of the colony that does as it likes: a real libp2p node with the membership service, so that
 * it owns keys on the ring, whose `/colony/fetch/1.0.0` answers are scripted frame by frame, and which
 * can ask honest edges for anything. What it is called for by rpc is scripted, too, by part; it gossips
 * on the filters' topic and announces what it likes in the DHT. A stranger is the same, and no member.
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
import { parts, type Part } from '../../daemon/colony.ts'
import { createLog } from '../../daemon/log.ts'
import { meshDefaults } from '../../daemon/node-settings.ts'
import { createNode, networkName } from '../../daemon/node.ts'
import { openState } from '../../daemon/state.ts'
import { fetchProtocol } from '../../protocols/fetch/messages.ts'
import { contentKey, type ContentKey } from '../../protocols/ids.ts'
import { Locate } from '../../protocols/locate/locate.ts'
import { membership as createMembership, type Membership, type MembershipComponents } from '../../protocols/membership/service.ts'
import { membershipDefaults } from '../../protocols/membership/settings.ts'
import { contentCid } from '../../protocols/providers/service.ts'
import { decodeFrame, encodeFrame, encodeHead, type Frame } from '../../protocols/wire.ts'

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

/** A call that reached it. */
export interface Heard { readonly part: Part, readonly id: unknown, readonly body: Readonly<Record<string, unknown>>, readonly payload: Uint8Array }
/** What it does with a call; others go on meanwhile. */
export type Speak = (hand: Hand, call: Heard) => Promise<void>

const refuses: Speak = async (hand, { id }) => { await hand.write({ id, error: 'not now' }) }

export interface EvilPeerInit {
  readonly join: string
  readonly region: string
  /** Up to 16: how much of the ring it owns. */
  readonly weight?: number
  /** A node that knows the colony's edges and is no member. */
  readonly stranger?: boolean
}

/** What every libp2p service finds among its components, as far as it is used here. */
interface Components { registrar: { handle: (protocol: string, handler: (stream: Stream, connection: Connection) => void, options: object) => Promise<void> } }

interface PubSub { subscribe: (topic: string) => void, publish: (topic: string, data: Uint8Array) => Promise<unknown> }

export class EvilPeer {
  readonly #node: Libp2p
  readonly #membership: Membership | undefined
  readonly #region: string
  readonly #close: () => Promise<void>
  /** Every ask that reached it. */
  readonly asks: Array<Readonly<Record<string, unknown>>> = []
  act: Act = honest
  /** Every call that reached it, and what it does with those to a part. */
  readonly heard: Heard[] = []
  speak: Partial<Record<Part, Speak>> = {}
  readonly #calls = new Map<string, Promise<Hand>>()
  #nextId = 0

  private constructor (node: Libp2p, membership: Membership | undefined, region: string, close: () => Promise<void>) {
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
      ...(init.stranger === true ? {} : { membership: (components: MembershipComponents) => {
        membership = createMembership({
          clock: systemClock, settings: membershipDefaults, network: networkName(), name: 'evil', region: init.region, weight: init.weight ?? 16,
          originHash: '', http: 'http://127.0.0.1:1', join: [multiaddr(init.join)]
        })(components)
        return membership
      } }),
      scripts: ({ registrar }: Components) => ({
        start: async () => {
          const options = { maxInboundStreams: 4_096, maxOutboundStreams: 4_096 }
          await registrar.handle(fetchProtocol, (stream) => { void evil?.onStream(stream) }, options)
          for (const part of parts) await registrar.handle(protocolOf(part), (stream) => { void evil?.onCalls(part, stream) }, options)
        },
        // libp2p starts only what can also be stopped.
        stop: () => {}
      })
    })
    if (membership === undefined && init.stranger !== true) throw new Error('the node was made without its services')
    evil = new EvilPeer(node, membership, init.region, async () => {
      await node.stop()
      await state.close()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    })
    await node.start()
    if (init.stranger === true) await node.dial(multiaddr(init.join))
    else evil.#pubsub.subscribe(evil.#topic)
    return evil
  }

  get peer (): string { return this.#node.peerId.toString() }

  /** From now on it answers as an honest edge that has nothing. */
  rest (): void {
    this.act = honest
    this.speak = {}
  }

  async stop (): Promise<void> { await this.#close() }

  /** A path that it, or another edge, owns on its region's ring, as every edge sees it. */
  ownedPath (name: string, site = 'default', owner = this.peer): string {
    const owns = this.ownerOf()
    for (let index = 0; index < 1_000; index++) {
      const path = `/${name}-${index}`
      if (owns(contentKey(site, path)) === owner) return path
    }
    throw new Error('it owns no path of a thousand')
  }

  /** Who owns what in its region, as of now. */
  ownerOf (): (key: ContentKey) => string | undefined {
    const locate = new Locate({ region: this.#region })
    locate.update((this.#membership?.members() ?? []).map(({ peer, region, weight, zone }) => ({ peer, region, weight, zone })))
    return (key) => locate.owners(key, 1)[0]
  }

  members (): number { return this.#membership?.members().length ?? 0 }

  /** A stream to an honest edge, to ask by hand; or to call one of its parts. */
  async open (peer: string, part?: Part): Promise<Hand> {
    const id = peerIdFromString(peer)
    const connection = this.#node.getConnections(id)[0] ?? await this.#node.dial(id)
    return handOf(await connection.newStream(part === undefined ? fetchProtocol : protocolOf(part), { maxOutboundStreams: 4_096 }))
  }

  async connect (address: string): Promise<void> { await this.#node.dial(multiaddr(address)) }

  /** One call over a kept stream. @returns the answer's `{ body }` or `{ error }`; rejects when the stream is closed */
  async call (peer: string, part: Part, body: unknown, payload?: Uint8Array): Promise<Frame> {
    const lane = `${peer} ${part}`
    const opening = this.#calls.get(lane) ?? this.open(peer, part)
    this.#calls.set(lane, opening)
    try {
      const hand = await opening
      const id = this.#nextId++
      await hand.write({ id, body }, payload)
      for (;;) {
        const answer = await hand.read(AbortSignal.timeout(10_000))
        if (answer.head.id === id) return answer
      }
    } catch (error) {
      this.#calls.delete(lane)
      throw error
    }
  }

  /** Tells its region whatever on the filters' topic. */
  async gossip (head: object): Promise<void> { await this.#pubsub.publish(this.#topic, encodeHead(head)) }

  /** Says in the DHT that it holds a key. */
  async provide (key: ContentKey): Promise<void> { await this.#node.contentRouting.provide(contentCid(networkName(), key)) }

  get #pubsub (): PubSub { return (this.#node.services as unknown as { pubsub: PubSub }).pubsub }
  get #topic (): string { return `colony/${networkName()}/${this.#region}/filters/1` }

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

  private async onCalls (part: Part, stream: Stream): Promise<void> {
    const hand = handOf(stream)
    const fail = (error: unknown): void => { stream.abort(error as Error) }
    try {
      for (;;) {
        const { head, payload } = await hand.read()
        const call = { part, id: head.id, body: head.body as Heard['body'], payload }
        this.heard.push(call)
        void (this.speak[part] ?? refuses)(hand, call).catch(fail)
      }
    } catch (error) {
      fail(error)
    }
  }
}

function protocolOf (part: Part): string { return `/colony/${part}/1.0.0` }
