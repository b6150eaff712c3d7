/**
 * The versions of one key that an edge knows, the newest first, and what follows from them: which one is current, whose
 * bytes are worth keeping, and when the whole is to be forgotten. Merging is idempotent and the order of
 * several does not matter, so any number of edges that heard the same versions agree.
 */
import type { Manifest } from './manifest.ts'
import { compareVersions } from './version.ts'

export type History = readonly Manifest[]

/** @returns the very same history where `manifest` adds nothing to it */
export function merged (history: History, manifest: Manifest, historyMax: number): History {
  const at = history.findIndex(({ version }) => compareVersions(manifest.version, version) >= 0)
  const place = at === -1 ? history.length : at
  const there = history[place]
  if (place >= historyMax || (there !== undefined && compareVersions(there.version, manifest.version) === 0)) return history
  return history.toSpliced(place, 0, manifest).slice(0, historyMax)
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
