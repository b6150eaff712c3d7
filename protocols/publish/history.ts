/**
 * The versions of one key that an edge knows, the newest first, and what follows from them: which one is current, whose
 * bytes are worth keeping, and when the whole is to be forgotten. Merging is idempotent and the order of
 * several does not matter, so any number of edges that heard the same versions agree.
 */
import type { Manifest } from './manifest.ts'
import { compareVersions } from './version.ts'

export type History = readonly Manifest[]

/**
 * Of one write under two versions the later one stays: nothing is current by it that was not before, and as many that are newer
 * than any that was cut off stay in the history, so the order of merging does not matter.
 *
 * @returns the very same history where `manifest` adds nothing to it
 */
export function merged (history: History, manifest: Manifest, historyMax: number): History {
  const at = history.findIndex(({ version }) => compareVersions(manifest.version, version) >= 0)
  const place = at === -1 ? history.length : at
  const isTold = history.slice(0, place + 1).some((newer) => isSameWrite(newer, manifest) && compareVersions(newer.version, manifest.version) >= 0)
  if (place >= historyMax || isTold) return history
  return [...history.slice(0, place), manifest, ...history.slice(place).filter((older) => !isSameWrite(older, manifest))].slice(0, historyMax)
}

/**
 * The same version, or a write and its retry that did not know of each other: the edge that took the first was killed, and alone had it.
 * A retry is known by its idempotency key (draft-ietf-httpapi-idempotency-key-header) and says the same.
 */
export function isSameWrite (one: Manifest, other: Manifest): boolean {
  if (compareVersions(one.version, other.version) === 0) return true
  return one.idempotencyKey !== undefined && one.idempotencyKey === other.idempotencyKey && one.hash === other.hash && one.deleted === other.deleted
}

/** The newest versions with bytes, down to the last deletion: what was deleted is not kept readable. */
export function kept (history: History, versionsKept: number): Manifest[] {
  const end = history.findIndex(({ deleted }) => deleted)
  return history.slice(0, end === -1 ? history.length : end).slice(0, versionsKept)
}

/** A key that was deleted so long ago that no edge with an older version can come back. */
export function isForgotten (history: History, wallNowMs: number, tombstoneKeepMs: number): boolean {
  const [newest] = history
  return newest !== undefined && newest.deleted && wallNowMs - newest.version.wallMs > tombstoneKeepMs
}
