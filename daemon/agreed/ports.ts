/** What agreed configuration is given by the edge around it, and what it is asked and says. */
import type { Clock } from '../../protocols/clock.ts'
import type { DiffMember } from '../../protocols/config/diff.ts'
import type { HealthBounds } from '../../protocols/config/health.ts'
import type { Scope } from '../../protocols/config/merge.ts'
import type { AgreedSettings } from '../../protocols/config/schema.ts'
import type { ConfigSettings } from '../../protocols/config/settings.ts'
import type { Vector } from '../../protocols/config/token.ts'
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { Call } from '../../protocols/rpc.ts'
import type { Logger } from '../log.ts'
import type { DissolvedGroups } from './absorber.ts'
import type { AgreedGroup } from './group.ts'
import type { Records } from './kept.ts'
import type { Recover } from './recovery.ts'
import type { AgreedServiceSettings } from './settings.ts'

export interface AgreedConfigInit {
  readonly self: PeerName
  readonly region: Region
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: AgreedServiceSettings & ConfigSettings
  readonly records: Records
  /** The edge's group of a scope, asked for at each use: it may come late, go, and be another one. */
  readonly groups: { readonly regional: () => AgreedGroup | undefined, readonly global: () => AgreedGroup | undefined }
  /** Members of the global group, the best to ask first, for an edge that has no part in it itself: it follows by copies. */
  readonly globalMembers?: () => readonly PeerName[]
  readonly call: Call
  /** All live members, this edge included. */
  readonly members: () => ReadonlyArray<DiffMember & { readonly name: string, readonly draining?: boolean }>
  /** Whether an edge is there, as far as this one knows. */
  readonly isReachable: (peer: PeerName) => boolean
  /** Whether there is a link to it now: voters have one to each other, so for them that is news sooner. */
  readonly isLinked: (peer: PeerName) => boolean
  /** Puts settings in place, at once and whole. @throws when this edge cannot run them: the message is a sentence */
  readonly run: (settings: AgreedSettings) => void
  /** A scope's group as the log here has it, also where this edge follows by copies or nobody adds to that log; without it as in `groups`. */
  readonly logs?: Partial<Record<Scope, () => AgreedGroup>>
  /** Founds a scope's group anew. */
  readonly recover?: Partial<Record<Scope, Recover>>
  /** What is left of groups that this edge was in. */
  readonly dissolved?: Partial<Record<Scope, () => DissolvedGroups>>
  /** Stored objects by site, for what a change would affect. */
  readonly objectsBySite?: () => Readonly<Record<string, number>>
}

export interface ChangeRequest {
  readonly scope: Scope
  /** Idempotency key. */
  readonly id: string
  readonly author: string
  readonly reason: string
  readonly plan?: string | undefined
  readonly priority?: number | undefined
  readonly bounds?: Partial<HealthBounds> | undefined
  /** What the author had seen. */
  readonly token?: Vector | undefined
  readonly dryRun?: boolean
  readonly signal?: AbortSignal
}

/** How current what is known here is. */
export interface Currency {
  /** Whether it held all that had been agreed when this was asked. */
  readonly current: boolean
  /** How long ago it last surely did, ms; undefined: never since this edge keeps it. */
  readonly ageMs: number | undefined
  /** Why it is not current, a part of a sentence. */
  readonly because?: string
}
