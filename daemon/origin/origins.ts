/**
 * All origins of an edge, one Origin for each distinct URL however many sites name it, so that its
 * limit on concurrent requests and its breaker hold for the origin and not for each site.
 */
import type { Clock } from '../../protocols/clock.ts'
import { Origin, parseOriginUrl, type OriginObserver } from './origin.ts'
import type { OriginSettings } from './settings.ts'

export class Origins {
  readonly #settings: OriginSettings
  readonly #clock: Clock
  readonly #observe: OriginObserver
  readonly #origins = new Map<string, Origin>()

  /** @param observe told what happens at any of the origins */
  constructor (settings: OriginSettings, clock: Clock, observe: OriginObserver = () => {}) {
    this.#settings = settings
    this.#clock = clock
    this.#observe = observe
  }

  /**
   * The origin of that URL, made when first asked for.
   *
   * @throws OriginUrlError
   */
  for (originUrl: string): Origin {
    const key = parseOriginUrl(originUrl).href.replace(/\/$/, '')
    let origin = this.#origins.get(key)
    if (origin === undefined) {
      origin = new Origin(key, this.#settings, this.#clock, this.#observe)
      this.#origins.set(key, origin)
    }
    return origin
  }

  /** Those asked for so far; for status and metrics. */
  all (): IterableIterator<Origin> {
    return this.#origins.values()
  }

  /** Closes all. May be called twice. */
  async close (): Promise<void> {
    await Promise.all([...this.#origins.values()].map(async origin => { await origin.close() }))
  }
}
