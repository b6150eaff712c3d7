/**
 * Takes orders to purge on this edge, before anybody carries them out: not more of them than so many a second (a token bucket), and one
 * that is repeated with its idempotency key is the same order, with the same receipt.
 */
import type { Clock } from '../../protocols/clock.ts'
import { ColonyError } from '../../protocols/errors.ts'
import type { PeerName } from '../../protocols/ids.ts'
import type { Selector } from '../../protocols/purge/purge.ts'
import type { LocalPurges } from './local-purges.ts'
import type { Purger, PurgeOrder, Receipt } from './ports.ts'
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

export interface OrdersInit {
  readonly purger: Purger
  readonly clock: Pick<Clock, 'nowMs'>
  readonly settings: PurgeSettings
}

export class Orders {
  readonly #init: OrdersInit
  readonly #known = new Map<string, { readonly atMs: number, readonly receipt: Promise<Receipt> }>()
  #tokens: number
  #filledAtMs: number

  constructor (init: OrdersInit) {
    this.#init = init
    this.#tokens = init.settings.purgeBurstMax
    this.#filledAtMs = init.clock.nowMs()
  }

  /** @throws PurgeRefusedError, and what the purger throws; an order that failed may be repeated with its key */
  async take (order: PurgeOrder, signal: AbortSignal): Promise<Receipt> {
    const { idempotencyKey: key } = order
    // The same key with another order is a mistake of the client's: it is told what became of the first.
    const before = key === undefined ? undefined : this.#knownAs(key)
    if (before !== undefined) return await before
    this.#spend()
    const receipt = this.#init.purger(order, signal)
    if (key !== undefined) {
      this.#known.set(key, { atMs: this.#init.clock.nowMs(), receipt })
      receipt.catch(() => { this.#known.delete(key) })
    }
    return await receipt
  }

  #knownAs (key: string): Promise<Receipt> | undefined {
    const { idempotencyMs, idempotencyKeysMax } = this.#init.settings
    const sinceMs = this.#init.clock.nowMs() - idempotencyMs
    for (const [each, { atMs }] of this.#known) {
      if (atMs > sinceMs && this.#known.size < idempotencyKeysMax) break
      this.#known.delete(each)
    }
    return this.#known.get(key)?.receipt
  }

  #spend (): void {
    const { clock, settings: { purgesPerSecondMax, purgeBurstMax } } = this.#init
    const nowMs = clock.nowMs()
    this.#tokens = Math.min(purgeBurstMax, this.#tokens + (nowMs - this.#filledAtMs) / 1_000 * purgesPerSecondMax)
    this.#filledAtMs = nowMs
    if (this.#tokens < 1) throw new PurgeRefusedError(purgesPerSecondMax, Math.max(1, Math.ceil((1 - this.#tokens) / purgesPerSecondMax)))
    this.#tokens--
  }
}

export interface HereInit {
  readonly local: Pick<LocalPurges, 'apply' | 'synced'>
  readonly self: PeerName
  readonly clock: Pick<Clock, 'wallMs'>
}

/** Carries orders out on this edge alone. */
export function purgeHere ({ local, self, clock }: HereInit): Purger {
  // Of this life: no two begin in one millisecond.
  const incarnation = clock.wallMs()
  let sequence = 0
  return async ({ selectors, soft }) => {
    const id = { peer: self, incarnation, sequence: ++sequence }
    local.apply({ id, selectors, soft, atMs: clock.wallMs() })
    await local.synced()
    return { id, applied: [{ peer: self, atMs: clock.wallMs() }], notes: [] }
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
