/**
 * How edges find each other with one address to begin with: the CID of a region's name, and of the
 * colony's, is provided and looked up in the Kademlia DHT (Maymounkov and Mazieres 2002; libp2p's
 * kad-dht). An edge that knows no other of its region looks; of those that know each other a few do it for all, as
 * whoever finds one has the whole list: what it costs does not grow with the edges. Records say where to
 * dial, never who is a member: a member is who announces itself.
 */
import type { CID } from 'multiformats/cid'
import { nameCid } from '../cid.ts'
import { deadline } from '../clock.ts'
import type { Counters, MembershipComponents } from './ports.ts'
import type { MembershipSettings } from './settings.ts'
import type { Clock } from '../clock.ts'
import type { PeerName, Region } from '../ids.ts'

export interface DiscoveryInit {
  readonly clock: Clock
  readonly settings: Pick<MembershipSettings, 'provideIntervalMs' | 'provideDelayMs' | 'discoveryFastMs' | 'discoveryIntervalMs' | 'dhtTimeoutMs'>
  readonly network: string
  readonly region: Region
  readonly contentRouting: MembershipComponents['contentRouting']
  readonly hasLinks: () => boolean
  /** Whether another edge of the own region is a member: what links this edge to it is its list, not the DHT. */
  readonly hasFellow: () => boolean
  /** Whether this edge stands in for the region, or for the colony, in the DHT: a few of the members known to it do. */
  readonly isDiscoverer: (region?: Region) => boolean
  readonly onProvider: (peer: PeerName) => void
  readonly counters: Counters
}

export class Discovery {
  readonly #init: DiscoveryInit
  readonly #names: ReadonlyArray<{ readonly cid: CID, readonly region?: Region }>
  #provideDelayMs: number
  #lookupDelayMs: number

  constructor (init: DiscoveryInit) {
    this.#init = init
    const { network, region } = init
    this.#names = [{ cid: nameCid(`colony/${network}/${region}`), region }, { cid: nameCid(`colony/${network}`) }]
    this.#provideDelayMs = init.settings.provideDelayMs
    this.#lookupDelayMs = init.settings.discoveryFastMs
  }

  /** The first link of a lone edge: begin anew, fast. */
  restart (): void {
    this.#provideDelayMs = this.#init.settings.provideDelayMs
    this.#lookupDelayMs = this.#init.settings.discoveryFastMs
  }

  /**
   * Announces this edge in the DHT, where it is for it to do.
   *
   * @returns ms until the next time. Records made while the routing table is still empty or young lie on
   *          no node or on the wrong ones, without an error, so the first ones are repeated soon
   */
  async provide (parent: AbortSignal): Promise<number> {
    const { settings, hasLinks, contentRouting, isDiscoverer } = this.#init
    if (!hasLinks()) return settings.provideDelayMs
    const names = this.#names.filter(({ region }) => isDiscoverer(region))
    if (names.length === 0) return settings.discoveryIntervalMs
    await this.#each(names, parent, async (cid, signal) => { await contentRouting.provide(cid, { signal }) })
    const delayMs = this.#provideDelayMs
    this.#provideDelayMs = Math.min(settings.provideIntervalMs, delayMs * 3)
    return delayMs
  }

  /** Looks for edges of the region, then of the colony. @returns ms until the next time */
  async lookup (parent: AbortSignal): Promise<number> {
    const { settings, hasLinks, hasFellow, contentRouting, onProvider, isDiscoverer } = this.#init
    if (!hasLinks()) return settings.discoveryFastMs
    const names = hasFellow() ? this.#names.filter(({ region }) => isDiscoverer(region)) : this.#names
    await this.#each(names, parent, async (cid, signal) => {
      for await (const { id } of contentRouting.findProviders(cid, { signal })) onProvider(id.toString())
    })
    if (hasFellow()) return settings.discoveryIntervalMs
    const delayMs = this.#lookupDelayMs
    this.#lookupDelayMs = Math.min(settings.discoveryIntervalMs, delayMs * 1.5)
    return delayMs
  }

  async #each (names: ReadonlyArray<{ readonly cid: CID }>, parent: AbortSignal, query: (cid: CID, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, settings, counters } = this.#init
    for (const { cid } of names) {
      const { signal, clear } = deadline(clock, settings.dhtTimeoutMs, 'a query of the DHT', parent)
      try {
        await query(cid, signal)
      } catch {
        // Ordinary: one stopped peer on the way uses up the deadline. What was found before counts.
        counters.lookupFailures++
      } finally {
        clear()
      }
    }
  }
}
