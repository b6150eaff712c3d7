/**
 * All published objects of a site, from every member: each gives its own in the order of their targets, a page at a time,
 * tombstones among them, so that the newest version decides whether an object is listed, once. Edges that do
 * not answer in time are named: what only they hold is missing.
 */
import type { PeerName } from '../ids.ts'
import type { Manifest } from './manifest.ts'
import type { Page } from './messages.ts'
import { compareVersions } from './version.ts'

export interface Listing {
  readonly objects: ReadonlyArray<{ readonly manifest: Manifest, readonly holders: readonly PeerName[] }>
  /** What to ask for next; absent at the end. */
  readonly next?: string
  readonly missing: readonly PeerName[]
}

/** Where an object stands in a listing. */
export function listingKey ({ target, host }: Pick<Manifest, 'target' | 'host'>): string {
  return host === undefined ? target : `${target}\n${host}`
}

/**
 * @param listAt one edge's page of the site, of what stands after `after`
 * @param limit of objects; the listing may be shorter and still go on
 */
export async function list (peers: readonly PeerName[], after: string, limit: number, listAt: (peer: PeerName) => Promise<Page>): Promise<Listing> {
  const missing: PeerName[] = []
  const pages = await Promise.all(peers.map(async (peer) => {
    try {
      const { manifests, more } = await listAt(peer)
      const page = manifests.filter((manifest) => listingKey(manifest) > after)
      // One that has nothing to show and says that there is more would be asked for ever.
      return { peer, page: { manifests: page, more: more && page.length > 0 } }
    } catch {
      missing.push(peer)
      return { peer, page: { manifests: [], more: false } }
    }
  }))
  // Nobody's objects beyond the end of another's unfinished page: some of that one's would be left out.
  const ends = pages.flatMap(({ page }) => page.more ? [place(page.manifests.at(-1))] : []).sort()
  const [end] = ends
  const objects = new Map<string, { manifest: Manifest, holders: PeerName[] }>()
  for (const { peer, page } of pages) {
    for (const manifest of page.manifests) {
      const at = listingKey(manifest)
      if (end !== undefined && at > end) continue
      const known = objects.get(at)
      const order = known === undefined ? 1 : compareVersions(manifest.version, known.manifest.version)
      if (known === undefined || order > 0) objects.set(at, { manifest, holders: [peer] })
      else if (order === 0) known.holders.push(peer)
    }
  }
  const sorted = [...objects].sort(([a], [b]) => a < b ? -1 : 1)
  const shown = sorted.slice(0, limit)
  const next = sorted.length > limit ? shown.at(-1)?.[0] : end
  return { objects: shown.map(([, object]) => object).filter(({ manifest }) => !manifest.deleted), ...(next === undefined ? {} : { next }), missing: missing.sort() }
}

function place (manifest: Manifest | undefined): string {
  return manifest === undefined ? '' : listingKey(manifest)
}
