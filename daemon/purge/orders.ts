/** What stands before the carrying out of orders that this edge takes: not more of them than so many a second, and notes on what they name. */
import type { Clock } from '../../protocols/clock.ts'
import { ColonyError } from '../../protocols/errors.ts'
import type { Selector } from '../../protocols/purge/purge.ts'
import type { PurgeSettings } from './settings.ts'

/** Too many orders: nothing was purged. */
export class PurgeRefusedError extends ColonyError {
  /** After which there is room for one, s. */
  readonly retryAfterS: number

  constructor (perSecondMax: number, retryAfterS: number) {
    super('COLONY_PURGE_REFUSED', `this edge takes ${perSecondMax} orders to purge a second: try again in ${retryAfterS} s, and name more in one order`)
    this.retryAfterS = retryAfterS
  }
}

/** A token bucket; a retry spends a token, too. */
export class OrderLimit {
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #settings: Pick<PurgeSettings, 'purgesPerSecondMax' | 'purgeBurstMax'>
  #tokens: number
  #filledAtMs: number

  constructor (clock: Pick<Clock, 'nowMs'>, settings: Pick<PurgeSettings, 'purgesPerSecondMax' | 'purgeBurstMax'>) {
    this.#clock = clock
    this.#settings = settings
    this.#tokens = settings.purgeBurstMax
    this.#filledAtMs = clock.nowMs()
  }

  /** @throws PurgeRefusedError */
  spend (): void {
    const { purgesPerSecondMax, purgeBurstMax } = this.#settings
    const nowMs = this.#clock.nowMs()
    this.#tokens = Math.min(purgeBurstMax, this.#tokens + (nowMs - this.#filledAtMs) / 1_000 * purgesPerSecondMax)
    this.#filledAtMs = nowMs
    if (this.#tokens < 1) throw new PurgeRefusedError(purgesPerSecondMax, Math.max(1, Math.ceil((1 - this.#tokens) / purgesPerSecondMax)))
    this.#tokens--
  }
}

/** What whoever ordered it should know: names that mean nothing here, and what a purge leaves alone. */
export function notesOn (selectors: readonly Selector[], sites: { byHost: (host: string) => { readonly name: string } | undefined, all: () => ReadonlyArray<{ readonly name: string, readonly published: boolean }> }): string[] {
  const all = sites.all()
  const notes = new Set<string>()
  const named = selectors.map((selector) => {
    const site = 'site' in selector ? selector.site : undefined
    if (site !== undefined && !all.some(({ name }) => name === site)) notes.add(`this edge knows no site ${site}: it has ${all.map(({ name }) => name).join(', ')}`)
    const host = 'host' in selector ? selector.host : undefined
    if (site !== undefined || host === undefined) return site
    const led = sites.byHost(host)?.name
    if (led === undefined) notes.add(`no site of this edge answers for the host ${host}`)
    return led ?? ''
  })
  for (const { name, published } of all) {
    if (published && (named.includes(name) || named.includes(undefined))) notes.add(`what is published to the site ${name} is not deleted by a purge (colony rm does that); copies of it that are cached are purged`)
  }
  return [...notes]
}
