/**
 * What the parts of publishing need of the edge around them: a place for bodies and manifests (`daemon/publish`), a way to
 * take bytes from a peer (the fetch protocol), and what the site list says. Tests hand in small ones.
 */
import type { Clock } from '../clock.ts'
import type { ContentKey, PeerName } from '../ids.ts'
import type { History } from './history.ts'
import type { Address, BodyName, Manifest } from './manifest.ts'
import type { Placement } from './placement.ts'
import type { PublishSettings } from './settings.ts'

/** What this edge holds for good. What resolved is on disk, synced. */
export interface Holdings {
  history: (key: ContentKey) => History
  /** Whether the body is here, whole. */
  has: (hash: string) => boolean
  keys: () => Iterable<ContentKey>
  /** Newest versions of a site's keys, tombstones too, in the order of `listingKey`, after `after`. */
  list: (site: string, after: string, limit: number) => readonly Manifest[]
  /**
   * Writes a body from `source`, checks length and hash, syncs it. No effect where it is here already. The caller
   * has it pinned, or it may be dropped at once.
   *
   * @throws PublishError when there is no room, or the bytes are not those named
   */
  take: (body: BodyName, source: () => AsyncIterable<Uint8Array>) => Promise<void>
  /** Keeps a body, here or yet to come, from being dropped while no manifest names it. @returns ends that; may be called twice */
  pin: (hash: string) => () => void
  /**
   * Makes a manifest part of its key's history. The newest one is current at once. Idempotent.
   *
   * @throws PublishError when its body should be here and is not, or there is no room
   */
  keep: (manifest: Manifest) => Promise<void>
  /** Drops all of a key: it belongs elsewhere, or was deleted long ago. */
  forget: (key: ContentKey) => Promise<void>
  /** Bytes of a body that is here. */
  read: (body: BodyName, start: number, end: number) => AsyncIterable<Uint8Array>
}

/**
 * Bytes of a body from a peer that holds it, current or not.
 *
 * @throws whatever shows that it cannot have them; the bytes are checked by block, and the whole by the reader
 */
export type Pull = (peer: PeerName, body: BodyName, options: { readonly signal: AbortSignal, readonly offset?: number }) => AsyncIterable<Uint8Array>

export interface PublishPorts {
  readonly self: PeerName
  readonly clock: Clock
  readonly settings: PublishSettings
  readonly placement: Placement
  readonly holdings: Holdings
  readonly pull: Pull
  /** Whether this edge serves published content there: the site is known and takes it, and the key is its own. */
  readonly accepts: (address: Address) => boolean
}
