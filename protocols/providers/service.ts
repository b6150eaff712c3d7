/**
 * Provider records of content in the Kademlia DHT (Maymounkov and Mazieres 2002; libp2p's kad-dht), as a libp2p
 * service: for rare content, for holders whose region is not known, and as the way through when directories
 * are lost. `announcer.ts` decides what is announced, `lookups.ts` bounds what is looked up; here they meet the
 * node. A record says who may hold a key: it counts while that is a member, and is tried, never trusted. No
 * record found means unknown, not nowhere.
 */
import type { ComponentLogger, Connection, ContentRouting, PeerId, Startable } from '@libp2p/interface'
import type { CID } from 'multiformats/cid'
import { deadline, type Clock } from '../clock.ts'
import { messageOf } from '../errors.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import { nameCid } from '../cid.ts'
import { Periodic } from '../periodic.ts'
import { Announcer, type Rarity } from './announcer.ts'
import { Lookups, type LookupCounters } from './lookups.ts'
import type { ProvidersSettings } from './settings.ts'

export type { Rarity } from './announcer.ts'

export interface ProvidersInit {
  readonly clock: Clock
  readonly settings: ProvidersSettings
  /** Name of the colony: the keys of two colonies never meet. */
  readonly network: string
  readonly isMember: (peer: PeerName) => boolean
}

export interface ProvidersComponents {
  readonly peerId: PeerId
  readonly connectionManager: { getConnections: () => Connection[] }
  readonly contentRouting: Pick<ContentRouting, 'provide' | 'cancelReprovide' | 'findProviders'>
  readonly logger: ComponentLogger
}

export interface ProvidersCounters extends LookupCounters {
  announced: number
  /** Announcements that were broken off or ran out of time; they are tried again. */
  failed: number
}

export interface ProvidersGauges {
  /** Keys wanted. */
  readonly queued: number
  readonly inFlight: number
  /** Keys due for an announcement that the budget has not had room for, and for how long the oldest has been due, ms. */
  readonly behind: number
  readonly behindMs: number
  /** Keys forgotten since the start, as there were more than `keysMax`. */
  readonly displaced: number
}

export interface Providers extends Startable {
  /** This edge holds the key, and others should find it. May be repeated, also with another rarity. */
  want: (key: ContentKey, rarity: Rarity) => void
  /** This edge does not hold the key any more. Others may still find the record for two days. */
  drop: (key: ContentKey) => void
  /**
   * Members that announced the key, this edge left out, each once and as soon as it is found. Ends when the DHT
   * has no more, at once when too much is being looked up or there is no link, and in any case after
   * `lookupTimeoutMs`; leave it early where one is enough. May be repeated.
   *
   * @throws the signal's reason when that aborts, after what was found before
   */
  find: (key: ContentKey, options: { readonly signal: AbortSignal }) => AsyncIterable<PeerName>
  counters: () => Readonly<ProvidersCounters & ProvidersGauges>
}

/** What a key is called in the DHT, apart from the regions that membership announces there. */
export function contentCid (network: string, key: ContentKey): CID {
  return nameCid(`colony-content\0${network}\0${key}`)
}

export function providers (init: ProvidersInit): (components: ProvidersComponents) => Providers {
  return (components) => new ProvidersService(init, components)
}

class ProvidersService implements Providers {
  readonly [Symbol.toStringTag] = '@colony/providers'
  readonly #init: ProvidersInit
  readonly #components: ProvidersComponents
  readonly #log: ReturnType<ComponentLogger['forComponent']>
  readonly #announcer: Announcer
  readonly #lookups: Lookups
  readonly #announcing: Periodic
  #announced = 0
  #failed = 0
  /** Since when there has been a link, ms; undefined while there is none. */
  #linkedMs: number | undefined
  #settled = false

  constructor (init: ProvidersInit, components: ProvidersComponents) {
    const { clock, settings, isMember } = init
    this.#init = init
    this.#components = components
    this.#log = components.logger.forComponent('colony:providers')
    const self = components.peerId.toString()
    this.#announcer = new Announcer({ settings })
    this.#lookups = new Lookups({
      clock,
      settings,
      query: (key, signal) => this.#query(key, signal),
      hasLinks: () => this.#hasLinks(),
      counts: (peer) => peer !== self && isMember(peer)
    })
    this.#announcing = new Periodic({
      clock,
      run: (signal) => this.#announce(signal),
      onError: (error) => { this.#log.error('%s', messageOf(error)) },
      retryMs: settings.linkCheckMs
    })
  }

  want (key: ContentKey, rarity: Rarity): void {
    const displaced = this.#announcer.want(key, rarity, this.#init.clock.nowMs())
    if (displaced !== undefined && displaced !== key) void this.#retract(displaced)
    this.#announcing.soon()
  }

  drop (key: ContentKey): void {
    if (this.#announcer.drop(key)) void this.#retract(key)
  }

  find (key: ContentKey, { signal }: { readonly signal: AbortSignal }): AsyncIterable<PeerName> {
    return this.#lookups.find(key, signal)
  }

  counters (): Readonly<ProvidersCounters & ProvidersGauges> {
    const { size, inFlight, displaced } = this.#announcer
    const behind = this.#announcer.behind(this.#init.clock.nowMs())
    return {
      ...this.#lookups.counters,
      announced: this.#announced,
      failed: this.#failed,
      queued: size,
      inFlight,
      behind: behind.keys,
      behindMs: behind.ms,
      displaced
    }
  }

  start (): void {}

  afterStart (): void {
    this.#announcing.start()
  }

  beforeStop (): void {
    this.#announcing.stop()
  }

  stop (): void {
    this.#announcing.stop()
    this.#lookups.stop()
  }

  /** Begins what may begin now. @returns ms until there may be more */
  #announce (signal: AbortSignal): number {
    const { clock, settings } = this.#init
    const nowMs = clock.nowMs()
    if (!this.#hasLinks()) this.#linkedMs = undefined
    else this.#linkedMs ??= nowMs
    const settled = this.#linkedMs !== undefined && nowMs - this.#linkedMs >= settings.settleMs
    // What was announced before this edge was cut off may lie on nodes that are gone.
    if (settled && !this.#settled) this.#announcer.renew(nowMs)
    this.#settled = settled
    if (!settled) return settings.linkCheckMs
    for (let key = this.#announcer.next(nowMs); key !== undefined; key = this.#announcer.next(nowMs)) void this.#provide(key, signal)
    return Math.min(settings.linkCheckMs, this.#announcer.nextDeadline() - nowMs)
  }

  /** Ends when kad-dht has let go of it, not before: the bound on those in flight is one on its streams. */
  async #provide (key: ContentKey, parent: AbortSignal): Promise<void> {
    const { clock, settings, network } = this.#init
    const { signal, clear } = deadline(clock, settings.provideTimeoutMs, 'an announcement', parent)
    let ok = false
    try {
      await this.#components.contentRouting.provide(contentCid(network, key), { signal })
      // It swallows what went wrong with single peers, the deadline too.
      ok = !signal.aborted
    } catch (error) {
      if (!parent.aborted) this.#log('announcing %s failed: %s', key, messageOf(error))
    } finally {
      clear()
    }
    if (ok) this.#announced++
    else if (!parent.aborted) this.#failed++
    this.#announcer.done(key, ok, clock.nowMs())
    if (!this.#announcer.has(key)) await this.#retract(key)
    this.#announcing.soon()
  }

  /** Takes back this edge's own record, which kad-dht would else announce again each day, for ever. */
  async #retract (key: ContentKey): Promise<void> {
    try {
      await this.#components.contentRouting.cancelReprovide(contentCid(this.#init.network, key))
    } catch (error) {
      this.#log('taking back the record of %s failed: %s', key, messageOf(error))
    }
  }

  async * #query (key: ContentKey, signal: AbortSignal): AsyncIterable<PeerName> {
    for await (const { id } of this.#components.contentRouting.findProviders(contentCid(this.#init.network, key), { signal })) yield id.toString()
  }

  #hasLinks (): boolean {
    return this.#components.connectionManager.getConnections().length > 0
  }
}
