/**
 * What this edge holds, told to whom it concerns: the key's owner (directory), the region (filter of what
 * lies outside the own ranges) and, for what the ring does not lead to, the DHT. Hears of every object that the
 * store takes or drops; at the start and when the ring has changed, it goes through all of them in slices.
 */
import type { Clock } from '../protocols/clock.ts'
import type { Directory } from '../protocols/directory/directory.ts'
import type { Filters } from '../protocols/filters/service.ts'
import type { ContentKey } from '../protocols/ids.ts'
import type { Providers } from '../protocols/providers/service.ts'

export const holdingsDefaults = Object.freeze({
  /** Objects looked at in one go: some 2 ms of the event loop. Higher ends a walk of a million sooner and delays requests more. */
  walkObjectsPerSlice: 1_000,
  /** Between two slices, ms: a walk takes at most a third of the processor. */
  walkPauseMs: 5
})
export type HoldingsSettings = { readonly [K in keyof typeof holdingsDefaults]: number }

export interface HoldingsInit {
  readonly clock: Clock
  readonly settings: HoldingsSettings
  /** Every key held, some perhaps more than once; bears changes while it is gone through. */
  readonly keys: () => Iterable<ContentKey>
  readonly holds: (key: ContentKey) => boolean
  /** Whether this edge is the key's first owner in its region. */
  readonly owns: (key: ContentKey) => boolean
  /** Whether the key's home is this region: then its owner's directory is on every request's way. */
  readonly isHome: (key: ContentKey) => boolean
  /** Whether it was published, and may have no other source. */
  readonly isPublished: (key: ContentKey) => boolean
  readonly directory: Pick<Directory, 'held' | 'dropped'>
  readonly filters: Pick<Filters, 'add' | 'delete'>
  readonly providers: Pick<Providers, 'want' | 'drop'>
}

export class Holdings {
  readonly #init: HoldingsInit
  #cancelWalk = (): void => {}

  constructor (init: HoldingsInit) { this.#init = init }

  /** Also when the ring has changed: what this edge owns, and who owns what it holds, may be others now. */
  walk (): void {
    this.#cancelWalk()
    this.#slice(this.#init.keys()[Symbol.iterator]())
  }

  stop (): void { this.#cancelWalk() }

  /** An object became visible here. */
  committed (key: ContentKey): void {
    this.#init.directory.held(key)
    this.#tell(key)
  }

  /** An object, or one variant of it, is no longer here. */
  dropped (key: ContentKey): void {
    const { holds, directory, filters, providers } = this.#init
    if (holds(key)) return
    directory.dropped(key)
    filters.delete(key)
    providers.drop(key)
  }

  #tell (key: ContentKey): void {
    const { owns, isHome, isPublished, filters, providers } = this.#init
    if (owns(key)) {
      // The ring leads here: no record is needed.
      filters.delete(key)
      providers.drop(key)
      return
    }
    filters.add(key)
    providers.want(key, isPublished(key) ? 'published' : isHome(key) ? 'common' : 'rare')
  }

  #slice (rest: Iterator<ContentKey>): void {
    const { clock, settings } = this.#init
    for (let count = 0; count < settings.walkObjectsPerSlice; count++) {
      const next = rest.next()
      if (next.done === true) return
      this.#tell(next.value)
    }
    this.#cancelWalk = clock.after(settings.walkPauseMs, () => { this.#slice(rest) })
  }
}
