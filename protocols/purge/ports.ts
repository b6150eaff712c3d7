/**
 * What carrying purges needs of the edge around it, as small structural types: a durable place for the log, who is there, and the keys
 * that sign. And how purges are written down, which the place for the log need not understand.
 */
import type { Clock } from '../clock.ts'
import type { PeerName, Region } from '../ids.ts'
import type { Call } from '../rpc.ts'
import type { LogEntry } from './log.ts'
import type { Applier } from './purge.ts'
import type { SpreadSettings } from './settings.ts'
import type { Sign, Verify } from './signed.ts'
import type { TreeMember } from './tree.ts'

/** The log's place on the disk. */
export interface PurgeStore {
  load: () => Promise<KeptPurges>
  /** All of it or nothing, synced when it resolves. @throws when it could not be written; it may be tried again */
  write: (batch: PurgeBatch) => Promise<void>
}

export interface PurgeBatch {
  readonly entries?: readonly LogEntry[]
  /** Numbers of entries to remove. */
  readonly drop?: readonly number[]
  readonly records?: Readonly<Record<string, Uint8Array>>
}

export interface KeptPurges {
  /** In the order of arrival. */
  readonly entries: readonly LogEntry[]
  readonly records: ReadonlyMap<string, Uint8Array>
  /** Something of it cannot be read: what is missing may have been a purge. */
  readonly isDamaged: boolean
}

/** What applies purges here: at once, and one that comes twice counts once, over a restart, too. */
export interface PurgeApplier extends Applier {
  /** Resolves when all that was applied counts after a restart as it does now; without it the log is applied anew. */
  synced?: () => Promise<void>
}

export interface PurgesInit {
  readonly clock: Clock
  readonly settings: SpreadSettings
  /** Name of the colony: a purge of another one means nothing here. */
  readonly network: string
  readonly self: PeerName
  readonly region: Region
  /** Whether edges that are not current keep what they have stored from clients, as their sites say: no receipt promises it otherwise. */
  readonly fences: boolean
  /** It was told whom to join. */
  readonly expectsOthers: boolean
  readonly store: PurgeStore
  readonly applier: PurgeApplier
  readonly sign: Sign
  readonly verify: Verify
  readonly call: Call
  /** Live members, oneself among them. */
  readonly members: () => readonly TreeMember[]
  readonly isMember: (peer: PeerName) => boolean
  readonly isLinked: (peer: PeerName) => boolean
  /** Whether it took its leave. */
  readonly hasLeft: (peer: PeerName) => boolean
  readonly rttMs: (peer: PeerName) => number | undefined
  readonly logger: PurgeLogger
}

export interface PurgeLogger {
  readonly info: (fields: object, message: string) => void
  readonly warn: (fields: object, message: string) => void
}
