/**
 * What this edge holds of a key and believes of its place: its answer to a survey, and its own line on the page.
 * Read from the store's heads and the running fills; looking does not count as a use.
 */
import type { Clock } from '../../protocols/clock.ts'
import { fieldValue, type Fields } from '../../protocols/fields.ts'
import type { ContentKey, PeerName } from '../../protocols/ids.ts'
import { printable } from '../../protocols/text.ts'
import { Tier, type HeldVariant, type Holdings } from '../../protocols/survey/messages.ts'
import type { FillHead } from '../cache/fill.ts'
import { freshnessOf, type Sites } from '../cache/sites.ts'
import { responseCacheControl } from '../http/cache-control.ts'
import { currentAgeMs, lifetimeMs } from '../http/freshness.ts'
import { variantKey } from '../http/vary.ts'
import type { Store, StoredResponse } from '../store/store.ts'

export interface HoldingsInit {
  readonly clock: Pick<Clock, 'wallMs'>
  readonly store: Pick<Store, 'variants' | 'tier'>
  readonly sites: Pick<Sites, 'byName'>
  /** Fetches of the key under way, each with its head once that has come. */
  readonly flying: (key: ContentKey) => ReadonlyArray<{ readonly head?: FillHead }>
  /** Whether this edge is the key's first owner in its region. */
  readonly isOwner: (key: ContentKey) => boolean
  readonly ring: () => string | undefined
  /** Whom this edge's directory names; left out where there is none. */
  readonly directory?: (key: ContentKey) => readonly PeerName[]
  /** Whether the object was put into the mesh rather than fetched. */
  readonly published?: (head: StoredResponse) => boolean
}

export function holdingsHere (init: HoldingsInit): (key: ContentKey) => Holdings {
  const { clock, store, sites, published } = init
  const held = (head: FillHead, tier: Tier): HeldVariant => {
    const ageMs = currentAgeMs(head, clock.wallMs())
    // What says no-cache is validated before each use: for whoever asks it is as good as stale.
    const validated = responseCacheControl(head.fields).noCache !== false
    const ttlMs = (validated ? 0 : lifetimeMs(head, freshnessOf(sites.byName(head.site), head.target, head.status))) - ageMs
    const etag = fieldValue(head.fields, 'etag')
    return {
      variant: head.variant, vary: head.vary, status: head.status, ageMs, ttlMs, tier,
      length: head.length, hash: head.hash, etag: etag === undefined ? undefined : printable(etag)
    }
  }
  return (key) => {
    const flying = init.flying(key)
    const stored = store.variants(key).flatMap((head) => {
      const tier = store.tier(head)
      return tier === undefined ? [] : [held(head, published?.(head) === true ? Tier.Published : tier)]
    })
    const filling = flying.flatMap(({ head }) => head === undefined ? [] : [held(head, Tier.Filling)])
    const owner = init.isOwner(key)
    return {
      variants: [...filling, ...stored],
      moreVariants: 0,
      fetching: flying.length,
      ring: init.ring(),
      owner,
      directory: owner ? init.directory?.(key) : undefined
    }
  }
}

/** Of what an edge holds, the variant that these request fields select; what is only arriving is left aside. */
export function fittingVariant (variants: readonly HeldVariant[], requestFields: Fields): HeldVariant | undefined {
  const fitting = variants.filter(({ tier, variant, vary }) => tier !== Tier.Filling && variant === variantKey(vary, requestFields))
  return fitting.sort((one, other) => other.ttlMs - one.ttlMs)[0]
}
