/**
 * What checkers of the edges may hear and see. Each checker is one file: a function that takes the colony as `Sight` and
 * gives an `EdgeChecker` with the hooks that it needs; `index.ts` lists them. A part that comes later (Raft, purge) adds
 * its hooks here and in `watch.ts`, and its checkers as files.
 */
import type { Region } from '../../../protocols/ids.ts'
import type { Announcement } from '../../../protocols/membership/announcement.ts'
import type { Entry, Message as RaftMessage, Snapshot } from '../../../protocols/raft/messages.ts'
import type { Ready, Role, Verdict } from '../../../protocols/raft/ready.ts'
import type { Checker } from '../checker.ts'
import type { Disk } from '../disk.ts'
import type { FaultKind } from '../faults.ts'
import type { Copy } from '../edge/copies.ts'
import type { Edge } from '../edge/edge.ts'
import type { Flight } from '../edge/flights.ts'
import type { Ask } from '../edge/messages.ts'
import type { Objects } from '../edge/objects.ts'
import type { WorldSettings } from '../edge/settings.ts'
import type { Totals } from '../edge/totals.ts'
import type { SettingRequest } from '../workload/setting-request.ts'

export interface EdgeChecker extends Checker {
  /** A client got this, so long after it asked. `stale`: marked as served although no origin could be reached. */
  readonly onServed?: (edge: number, object: number, version: number, bytes: number, stale: boolean, tookMs: number) => void
  /** A client got an error. */
  readonly onError?: (edge: number, object: number) => void
  readonly onFlight?: (flight: Flight, phase: 'begins' | 'ends') => void
  /** A flight has begun to wait on another edge's. */
  readonly onWait?: (flight: Flight, on: Flight) => void
  /** The store of an edge took something, or was read from the disk. */
  readonly onStored?: (edge: number) => void
  /** An edge has merged news of another. */
  readonly onMerged?: (edge: number, announcement: Announcement) => void
  /** An edge asks the origin. */
  readonly onOriginAsked?: (edge: number, flight: Flight) => void
  /** A peer asks; `takes` is false for `busy`. */
  readonly onAsked?: (edge: number, ask: Pick<Ask, 'verb' | 'last'>, takes: boolean) => void
  /** An edge has written to its disk; undefined: deleted. */
  readonly onWritten?: (edge: number, object: number, copy: Copy | undefined) => void
  /** With a sync's end, all that was written before its beginning is promised to survive. */
  readonly onSync?: (edge: number, phase: 'begins' | 'ends') => void
  /** A start has found this on the disk. */
  readonly onRestored?: (edge: number, disk: Disk<Copy>) => void
  /** Each second. */
  readonly onLook?: () => void
  /** A Raft core was made from what its journal holds. */
  readonly onRaftStarted?: (edge: number) => void
  /** Its role or term is another than before. */
  readonly onRaftRole?: (edge: number, role: Role, term: number) => void
  /** It knows more to be committed: all up to there. */
  readonly onRaftCommit?: (edge: number, index: number) => void
  /** All of it is on disk, synced where it must be; nothing is sent or applied yet but what is `early`. */
  readonly onRaftWritten?: (edge: number, ready: Ready) => void
  readonly onRaftInstalled?: (edge: number, snapshot: Snapshot) => void
  readonly onRaftApplied?: (edge: number, entry: Entry) => void
  /** Just before it leaves. */
  readonly onRaftSent?: (edge: number, message: RaftMessage) => void
  readonly onRaftHeard?: (edge: number, message: RaftMessage, verdict: Verdict) => void
  /** Somebody asks for another configuration or leader. */
  readonly onRaftAltered?: (region: Region) => void
  readonly onSettingAsked?: (request: SettingRequest) => void
  /** It has an outcome, be it that none is known. */
  readonly onSettingAnswered?: (request: SettingRequest) => void
}

/** What checkers see of the run, and how they end it. */
export interface Sight {
  readonly edges: readonly Edge[]
  readonly objects: Objects
  readonly settings: WorldSettings
  readonly limits: Limits
  readonly totals: Totals
  /** True time, ms. */
  readonly nowMs: () => number
  /** Since when nothing is broken, ms; Infinity while a fault is under way. */
  readonly calmSinceMs: () => number
  /** The machine of that edge runs, and is neither paused nor slow. */
  readonly isWell: (edge: number) => boolean
  /** From one edge to the other no message passes. */
  readonly isCut: (from: number, to: number) => boolean
  /** When its process started, true ms. */
  readonly upSinceMs: (edge: number) => number
  readonly after: (delayMs: number, callback: () => void) => void
  readonly fail: (checker: string, sentence: string) => never
}

/** Faults that keep edges from hearing of each other although both live. */
export const deafening: ReadonlySet<FaultKind> = new Set<FaultKind>(['pause', 'slow', 'region-cut', 'one-way-cut', 'edge-cut', 'link-cut', 'split', 'storm'])

/** What is promised, in numbers. */
export const limitDefaults = Object.freeze({
  /** On top of its lifetime an answer may be so old, ms: the ways of up to three hops with their bodies, whose time no edge counts. */
  staleSlackMs: 5_000,
  /** And this share of the lifetime: two clocks that drift apart. */
  staleSlackShare: 0.001,
  /**
   * A client's request ends within this, ms, once nothing is broken: what a fault had swallowed is given up after the origin's
   * `headersTimeoutMs` of 30 s at the latest, two owners after their `silenceTimeoutMs` of 1.5 s, and then the origin answers.
   */
  requestMs: 35_000,
  /**
   * Views of all edges are complete and equal, and links are made, within this after the last fault or start, ms: join addresses are
   * dialled each `joinSlowMs` of 60 s, a dial takes 5 s at most, lists and announcements a few round trips.
   */
  convergeMs: 70_000,
  /** An edge that is dead is out of all views when its last word has reached all and its silence has lasted; looks are a second apart. */
  goneSlackMs: 2_000,
  /**
   * Directories are true after so long without a fault or start, ms: what was handed over or moved away is kept for 60 s, retries come
   * each 15 s. Where one edge may have missed another that did not miss it, `convergeMs` and the directory's `refreshIntervalMs` come first.
   */
  directoryQuietMs: 100_000,
  /** And a wrong entry has gone with the next look at the directories, ms later. */
  directoryLookMs: 15_000,
  /** An owner's takes over those that bounded load allows: rates are smoothed over seconds, announcements as old. */
  loadSlack: 1.5,
  /** Fetches of one object from the origin by one region at a time: its owner's as owner and as home, and one more of each while owners change places. */
  regionFetchesMax: 4
})
export type Limits = { readonly [K in keyof typeof limitDefaults]: number }

/**
 * What bounded load allows a member of `share` of the weights while all take `total`. Written again here: of the core's own
 * function a mistake in it would be the checkers', too.
 */
export function fairLimit (loadFactor: number, share: number, total: number): number {
  return total * share * loadFactor
}

export type MakeChecker = (sight: Sight) => EdgeChecker
