/**
 * Fetching anew what was just served stale (RFC 5861 section 3): a flight like any other, but for that no client waits on it, so it
 * is seen through to its end here. One that brings nothing new is not begun again for each request. An answer other than a server's
 * error that may not be stored ends what it supersedes (RFC 9111 section 4.3.3): the next request has to fetch it.
 */
import type { Clock } from '../../protocols/clock.ts'
import type { ContentKey } from '../../protocols/ids.ts'
import type { Store, StoredResponse } from '../store/store.ts'
import { ExpiringKeys } from './expiring-keys.ts'
import type { Flight } from './flight.ts'
import type { CacheSettings } from './settings.ts'

export interface RevalidationsInit {
  readonly store: Pick<Store, 'remove'>
  readonly settings: CacheSettings
  readonly clock: Clock
}

export class Revalidations {
  readonly #init: RevalidationsInit
  readonly #failed: ExpiringKeys

  constructor (init: RevalidationsInit) {
    this.#init = init
    this.#failed = new ExpiringKeys(init.settings.revalidateAgainMs, init.settings.revalidateKeysMax)
  }

  /** Whether one may begin now: not right after one that brought nothing. */
  mayBegin (key: ContentKey): boolean { return !this.#failed.has(key, this.#init.clock.nowMs()) }

  /** Wants the flight until it has landed. Never rejects. @param stored what is served meanwhile */
  async follow (flight: Flight, stored: StoredResponse): Promise<void> {
    const release = flight.interest.join()
    const renewed = await this.#renewed(flight, stored).catch(() => false)
    release()
    if (!renewed) this.#failed.add(stored.key, this.#init.clock.nowMs())
  }

  /** @returns whether something newer is stored now */
  async #renewed (flight: Flight, stored: StoredResponse): Promise<boolean> {
    const outcome = await flight.outcome
    switch (outcome.kind) {
      case 'validated': return true
      // There is nothing left to be renewed.
      case 'purged': return true
      case 'failed': return false
      case 'private': {
        const upstream = outcome.claim()
        upstream?.cancel()
        await this.#supersede(stored, upstream?.status)
        return false
      }
      case 'filling': {
        const { fill, storing, stale } = outcome
        if (!storing) {
          await this.#supersede(stored, fill.head.status)
          return false
        }
        // As a reader, or the fill would end for want of any.
        const chunks = fill.read(0, undefined, flight.signal)
        while ((await chunks.next()).done !== true) {
          // The store is full: the rest would be fetched for nothing.
          if (!fill.joinable) {
            await chunks.return(undefined)
            return false
          }
        }
        return !stale
      }
    }
  }

  /** @param status of the answer; undefined where only the owner saw it */
  async #supersede ({ key, variant }: StoredResponse, status: number | undefined): Promise<void> {
    if (status !== undefined && status < 500) await this.#init.store.remove(key, variant)
  }
}
