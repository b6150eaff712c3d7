/**
 * What a previous owner gives to the next ones after a change of the ring: the entries of the ranges that it
 * lost, in pages. Best effort, as every holder reports to the new owner by itself; it closes the seconds until then.
 * Only what holders said themselves is passed on, so that a wrong word travels one step.
 */
import type { Holders } from './holders.ts'
import type { OwnerView } from './reporter.ts'
import type { ContentKey, PeerName } from '../ids.ts'

export interface Page {
  readonly to: PeerName
  readonly entries: ReadonlyMap<PeerName, readonly ContentKey[]>
  /** Keys, one for each of their holders. */
  readonly size: number
}

export interface HandOverInit {
  readonly self: PeerName
  readonly directory: Holders
  readonly before: OwnerView
  readonly now: OwnerView
  /** Keys of a page. */
  readonly pageKeysMax: number
  /** Keys looked at between two yields. */
  readonly sliceKeysMax: number
}

/** @returns full pages, then the rest; undefined where the event loop should have its turn */
export function * handOverPages ({ self, directory, before, now, pageKeysMax, sliceKeysMax }: HandOverInit): Generator<Page | undefined, undefined> {
  const pages = new Map<PeerName, { entries: Map<PeerName, ContentKey[]>, size: number }>()
  let looked = 0
  for (const key of directory.keys()) {
    if (++looked % sliceKeysMax === 0) yield undefined
    const to = now.owner(key)
    if (to === undefined || to === self || before.owner(key) !== self) continue
    const page = pages.get(to) ?? { entries: new Map<PeerName, ContentKey[]>(), size: 0 }
    pages.set(to, page)
    for (const holder of directory.holders(key, { firstHand: true })) {
      if (holder === to) continue
      const keys = page.entries.get(holder)
      if (keys === undefined) page.entries.set(holder, [key])
      else keys.push(key)
      page.size++
    }
    if (page.size < pageKeysMax) continue
    pages.delete(to)
    yield { to, ...page }
  }
  for (const [to, page] of pages) if (page.size > 0) yield { to, ...page }
}
