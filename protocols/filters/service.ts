/**
 * The filters of a region, as a libp2p service: it tells this edge's holdings outside its own ranges on the
 * region's topic (gossipsub 1.1), applies what the others tell, and asks a member for its whole filter
 * where a copy is missing or has missed something. `holdings.ts` and `neighbours.ts` decide, here they meet
 * clock and wire. A miss asks `candidates` before it goes further; nothing waits for any of this.
 */
import type { ComponentLogger, PeerId, Startable } from '@libp2p/interface'
import { deadline, type Clock } from '../clock.ts'
import { messageOf, WireError } from '../errors.ts'
import type { ContentKey, PeerName, Region } from '../ids.ts'
import { Periodic } from '../periodic.ts'
import type { Answerer, Call } from '../rpc.ts'
import { decodeHead, encodeHead, headBytesMax } from '../wire.ts'
import { Asks } from './asks.ts'
import { Holdings } from './holdings.ts'
import { decodeFullRequest, decodeUpdate, fullRequest, updateHead, type Update } from './messages.ts'
import { Neighbours } from './neighbours.ts'
import type { FiltersSettings } from './settings.ts'

export interface FiltersInit {
  readonly clock: Clock
  readonly settings: FiltersSettings
  readonly network: string
  readonly region: Region
  /** Members of the own region; whether this edge is among them does not matter. */
  readonly members: () => readonly PeerName[]
  /** Whether this is a member of the own region. */
  readonly isMember: (peer: PeerName) => boolean
  /** Whether there is a connection to it already: those are asked at once, the others once they have been heard. */
  readonly isLinked: (peer: PeerName) => boolean
  readonly call: Call
}

/** The part of gossipsub that is used; its verdict is an enumeration of its own, hence `any`. */
export interface FiltersPubSub {
  subscribe: (topic: string) => void
  unsubscribe: (topic: string) => void
  publish: (topic: string, data: Uint8Array) => Promise<unknown>
  readonly topicValidators: {
    set: (topic: string, validator: (relay: PeerId, message: { readonly data: Uint8Array, readonly from?: PeerId }) => Promise<any>) => unknown
    delete: (topic: string) => unknown
  }
}

export interface FiltersComponents {
  readonly peerId: PeerId
  readonly logger: ComponentLogger
  readonly pubsub: FiltersPubSub
}

export interface FiltersCounters {
  /** Look-ups, peers named by them, names that cost a `have` in vain, filters left out for being wrong too often. */
  lookups: number
  named: number
  wrong: number
  ignored: number
  /** Gossip messages and their bytes. */
  messagesIn: number
  messagesOut: number
  bytesIn: number
  bytesOut: number
  /** Messages that were malformed, or beyond what is believed. */
  rejected: number
  /** Messages that showed that a copy had missed something. */
  gaps: number
  /** Whole filters asked for, and asks that brought none. */
  asks: number
  askFailures: number
  /** Pages of the own filter that were given to others. */
  answered: number
  /** Own keys in the filter, those left out again for want of room, and the filter's bytes. */
  keys: number
  fellOut: number
  filterBytes: number
  /** Filters of others held, and their bytes. */
  neighbours: number
  neighbourBytes: number
}

export interface Filters extends Startable {
  /** This edge holds `key`, and is not its owner: others are told. May be repeated; makes it the most recent one. */
  add: (key: ContentKey) => void
  /** This edge holds `key` no more, or has become its owner. May be repeated. */
  delete: (key: ContentKey) => void
  /** Members of the own region whose filter names `key`, in no order. From memory. */
  candidates: (key: ContentKey) => readonly PeerName[]
  /** A candidate answered `have` with a miss: counted, and too many make its filter go unasked for a while. */
  wrong: (peer: PeerName) => void
  /** What the filter of `peer`, or of this edge, says; undefined where there is none. For explaining: counts nothing. */
  has: (peer: PeerName, key: ContentKey) => boolean | undefined
  /** Drops what is held of a peer; members that left are forgotten without it. */
  forget: (peer: PeerName) => void
  /** Answers the calls of other edges for this one's filter. */
  readonly answer: Answerer
  counters: () => Readonly<FiltersCounters>
}

/** Gossipsub's three answers. */
type Verdict = 'accept' | 'ignore' | 'reject'

/** Where a new version is told while pages of the last one are asked for, it begins anew, so often. */
const triesMax = 3

export function filters (init: FiltersInit): (components: FiltersComponents) => Filters {
  return (components) => new FiltersService(init, components)
}

class FiltersService implements Filters {
  readonly [Symbol.toStringTag] = '@colony/filters'
  readonly #init: FiltersInit
  readonly #pubsub: FiltersPubSub
  readonly #log: ReturnType<ComponentLogger['forComponent']>
  readonly #self: PeerName
  readonly #topic: string
  readonly #holdings: Holdings
  readonly #neighbours: Neighbours
  readonly #asks: Asks
  readonly #telling: Periodic
  readonly #asking: Periodic
  readonly #counted = { messagesIn: 0, messagesOut: 0, bytesIn: 0, bytesOut: 0, rejected: 0, gaps: 0, asks: 0, askFailures: 0, answered: 0 }
  #toldAtMs = 0
  #running = false

  constructor (init: FiltersInit, components: FiltersComponents) {
    const { clock, settings, network, region } = init
    this.#init = init
    this.#pubsub = components.pubsub
    this.#log = components.logger.forComponent('colony:filters')
    this.#self = components.peerId.toString()
    this.#topic = `colony/${network}/${region}/filters/1`
    this.#holdings = new Holdings({ self: this.#self, incarnation: Math.trunc(clock.wallMs()), settings })
    this.#neighbours = new Neighbours(settings)
    this.#asks = new Asks({ settings, random: clock.random })
    const task = (run: (signal: AbortSignal) => number | Promise<number>): Periodic => new Periodic({
      clock, run, onError: (error) => { this.#log.error('%s', messageOf(error)) }, retryMs: settings.changesIntervalMs
    })
    this.#telling = task(async () => await this.#tell())
    this.#asking = task(async (signal) => await this.#askAll(signal))
  }

  add (key: ContentKey): void { this.#holdings.add(key) }

  delete (key: ContentKey): void { this.#holdings.delete(key) }

  /** Who left or fell silent is out at once: its filter is dropped only at the next turn of asking, which a silent edge can hold up. */
  candidates (key: ContentKey): readonly PeerName[] { return this.#neighbours.candidates(key, this.#init.clock.nowMs()).filter(this.#init.isMember) }

  wrong (peer: PeerName): void { this.#neighbours.wasWrong(peer, this.#init.clock.nowMs()) }

  has (peer: PeerName, key: ContentKey): boolean | undefined {
    return peer === this.#self ? this.#holdings.has(key) : this.#neighbours.has(peer, key)
  }

  forget (peer: PeerName): void { this.#neighbours.forget(peer) }

  counters (): Readonly<FiltersCounters> {
    const { size: keys, fellOut, filterBytes } = this.#holdings
    const { filters: neighbours, bytes: neighbourBytes } = this.#neighbours.sizes()
    return { ...this.#counted, ...this.#neighbours.counters(), keys, fellOut, filterBytes, neighbours, neighbourBytes }
  }

  start (): void {}

  /** May be called twice. */
  afterStart (): void {
    if (this.#running) return
    this.#running = true
    this.#pubsub.topicValidators.set(this.#topic, async (_relay, message) => this.#take(message))
    this.#pubsub.subscribe(this.#topic)
    this.#telling.start()
    this.#asking.start()
  }

  beforeStop (): void { this.stop() }

  /** May be called twice. */
  stop (): void {
    if (!this.#running) return
    this.#running = false
    this.#telling.stop()
    this.#asking.stop()
    this.#pubsub.unsubscribe(this.#topic)
    this.#pubsub.topicValidators.delete(this.#topic)
  }

  readonly answer: Answerer = async ({ head }) => {
    const asked = decodeFullRequest(head)
    const pages = this.#holdings.fullPages()
    this.#counted.answered++
    // A page that is not there any more: the caller sees by the first one's version that it must begin anew.
    return { head: updateHead(pages[asked] ?? pages[0] as Update) }
  }

  /** Tells what has changed. @returns ms until the next turn: a region's messages together stay within their budget */
  async #tell (): Promise<number> {
    const { clock, settings } = this.#init
    const others = this.#others()
    const intervalMs = Math.max(settings.changesIntervalMs, 1000 * (others.length + 1) / settings.topicMessagesPerSecondMax)
    if (others.length === 0) return intervalMs
    const updates = this.#news()
    // The turn is over even where publishing fails: who missed it will see the gap.
    if (updates.length > 0) this.#toldAtMs = clock.nowMs()
    for (const update of updates) await this.#publish(encodeHead(updateHead(update)))
    return intervalMs * Math.max(1, updates.length) * (1 + clock.random() / 4)
  }

  #news (): readonly Update[] {
    const { clock, settings } = this.#init
    if (this.#holdings.hasNews) return this.#holdings.takeChanges()
    if (clock.nowMs() - this.#toldAtMs < settings.stillIntervalMs) return []
    const still = this.#holdings.still()
    return still === undefined ? [] : [still]
  }

  /** Nobody listening is no failure: who comes later asks for the whole filter. */
  async #publish (data: Uint8Array): Promise<void> {
    try {
      await this.#pubsub.publish(this.#topic, data)
      this.#counted.messagesOut++
      this.#counted.bytesOut += data.byteLength
    } catch (error) {
      if (!messageOf(error).includes('NoPeersSubscribedToTopic')) throw error
    }
  }

  /** Only what no honest relay would have passed on is rejected: its sender's faults are not the relay's. */
  #take ({ data, from }: { readonly data: Uint8Array, readonly from?: PeerId }): Verdict {
    this.#counted.messagesIn++
    this.#counted.bytesIn += data.byteLength
    const peer = from?.toString()
    let update: Update
    try {
      if (peer === undefined) throw new WireError('a filter came without its sender')
      if (data.byteLength > headBytesMax) throw new WireError(`a peer sent a filter message of ${data.byteLength} bytes`)
      update = decodeUpdate(decodeHead(data))
    } catch {
      this.#counted.rejected++
      return 'reject'
    }
    if (peer === this.#self || !this.#init.isMember(peer)) return 'ignore'
    return this.#apply(peer, update)
  }

  #apply (peer: PeerName, update: Update): Verdict {
    const outcome = this.#neighbours.apply(peer, update)
    if (outcome === 'rejected') this.#counted.rejected++
    if (outcome === 'gap') this.#counted.gaps++
    return outcome === 'applied' || outcome === 'gap' ? 'accept' : 'ignore'
  }

  /** Asks those whose filters are missing or not whole, and forgets who left. @returns ms until the next look */
  async #askAll (signal: AbortSignal): Promise<number> {
    const { clock, settings } = this.#init
    const others = this.#others()
    this.#neighbours.keepOnly(others)
    // One that holds nothing says nothing, and dialling all of a large region to hear it would be most of what joining costs.
    const lacking = others.slice(0, settings.neighboursMax).filter((peer) => !this.#neighbours.isCurrent(peer) && (this.#neighbours.isHeard(peer) || this.#init.isLinked(peer)))
    const asked = this.#asks.take(lacking, clock.nowMs())
    await Promise.all(asked.map(async (peer) => { await this.#ask(peer, signal) }))
    return asked.length === settings.asksAtOnceMax ? 0 : settings.askTickMs
  }

  async #ask (peer: PeerName, signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#init
    this.#counted.asks++
    // Of all pages together: however many a peer says it has, others wait no longer for their turn.
    const limit = deadline(clock, settings.askTimeoutMs, `the filter of peer ${peer}`, signal)
    try {
      let whole = false
      for (let tries = 0; tries < triesMax && !whole; tries++) whole = await this.#askPages(peer, limit.signal)
    } catch (error) {
      this.#log('peer %s did not give its filter: %s', peer, messageOf(error))
    } finally {
      limit.clear()
    }
    if (!this.#neighbours.isCurrent(peer)) this.#counted.askFailures++
  }

  /** @returns whether every page was of one version */
  async #askPages (peer: PeerName, signal: AbortSignal): Promise<boolean> {
    let first: Update | undefined
    for (let page = 0; page < (first?.pages ?? 1); page++) {
      const { head } = await this.#init.call(peer, fullRequest(page), { signal })
      const update = decodeUpdate(head)
      if (update.kind !== 'full') throw new WireError('a peer answered with changes where its whole filter was asked for')
      first ??= update
      if (update.page !== page || update.sequence !== first.sequence || update.generation !== first.generation) return false
      // It may have left the region, or this edge may have stopped, meanwhile.
      if (signal.aborted || !this.#init.isMember(peer)) return true
      if (this.#neighbours.apply(peer, update) === 'rejected') throw new WireError('its pages do not make a filter that can be held')
    }
    return true
  }

  #others (): readonly PeerName[] {
    return this.#init.members().filter((peer) => peer !== this.#self)
  }
}
