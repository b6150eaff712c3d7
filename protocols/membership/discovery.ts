/**
 * How edges find each other with one address to begin with: each provides, and looks up, the CID of its
 * region's name and of the colony's in the Kademlia DHT (Maymounkov and Mazieres 2002; libp2p's
 * kad-dht). Records say where to dial, never who is a member: a member is who announces itself.
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
  readonly settings: Pick<MembershipSettings, 'provideIntervalMs' | 'discoveryFastMs' | 'discoveryIntervalMs' | 'dhtTimeoutMs'>
  readonly network: string
  readonly region: Region
  readonly contentRouting: MembershipComponents['contentRouting']
  readonly hasLinks: () => boolean
  /** Whether an edge of the own region is linked. */
  readonly hasFellow: () => boolean
  readonly onProvider: (peer: PeerName) => void
  readonly counters: Counters
}

export class Discovery {
  readonly #init: DiscoveryInit
  readonly #cids: readonly CID[]
  #provideDelayMs: number
  #lookupDelayMs: number

  constructor (init: DiscoveryInit) {
    this.#init = init
    this.#cids = [nameCid(`colony/${init.network}/${init.region}`), nameCid(`colony/${init.network}`)]
    this.#provideDelayMs = init.settings.discoveryFastMs
    this.#lookupDelayMs = init.settings.discoveryFastMs
  }

  /** The first link of a lone edge: begin anew, fast. */
  restart (): void {
    this.#provideDelayMs = this.#init.settings.discoveryFastMs
    this.#lookupDelayMs = this.#init.settings.discoveryFastMs
  }

  /**
   * Announces this edge in the DHT.
   *
   * @returns ms until the next time. Records made while the routing table is still empty or young lie on
   *          no node or on the wrong ones, without an error, so the first ones are repeated soon
   */
  async provide (parent: AbortSignal): Promise<number> {
    const { settings, hasLinks, contentRouting } = this.#init
    if (!hasLinks()) return settings.discoveryFastMs
    await this.#each(parent, async (cid, signal) => { await contentRouting.provide(cid, { signal }) })
    const delayMs = this.#provideDelayMs
    this.#provideDelayMs = Math.min(settings.provideIntervalMs, delayMs * 3)
    return delayMs
  }

  /** Looks for edges of the region, then of the colony. @returns ms until the next time */
  async lookup (parent: AbortSignal): Promise<number> {
    const { settings, hasLinks, hasFellow, contentRouting, onProvider } = this.#init
    if (!hasLinks()) return settings.discoveryFastMs
    await this.#each(parent, async (cid, signal) => {
      for await (const { id } of contentRouting.findProviders(cid, { signal })) onProvider(id.toString())
    })
    if (hasFellow()) return settings.discoveryIntervalMs
    const delayMs = this.#lookupDelayMs
    this.#lookupDelayMs = Math.min(settings.discoveryIntervalMs, delayMs * 1.5)
    return delayMs
  }

  async #each (parent: AbortSignal, query: (cid: CID, signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, settings, counters } = this.#init
    for (const cid of this.#cids) {
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
