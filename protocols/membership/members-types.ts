/** What goes into the core of membership (`members.ts`) and what comes out of it. */
import type { Announcement, Member } from './announcement.ts'
import type { PulseStep } from './pulse.ts'
import type { PeerName } from '../ids.ts'
import type { MembershipSettings } from './settings.ts'

/** What others may be told changed; `load` and `coordinate` ride on the next refresh. */
export type Patch = Partial<Pick<Member, 'http' | 'weight' | 'originHash' | 'load' | 'draining' | 'coordinate'>>

/**
 * How an announcement stands to what is held: `news` (newer or unknown), `same`, `old`, `clone` (of
 * oneself, by somebody else), `full` (unknown, and no room), `stranger` (may not be a member).
 */
export type Standing = 'news' | 'same' | 'old' | 'clone' | 'full' | 'stranger'

/** What is to be done now. The announcement is to be signed and given back to `keepOwn` before the digest is taken. */
export interface Due {
  readonly announce?: Announcement
  readonly digest: boolean
}

export interface MembersInit {
  readonly self: Omit<Member, 'incarnation' | 'sequence'>
  /** Wall clock at start, ms. */
  readonly incarnation: number
  readonly nowMs: number
  /** Uniform in [0, 1): spreads the edges' announcements over time. */
  readonly random: () => number
  /** Who else may be a member; asked at each announcement. Default: everybody. */
  readonly isAllowed?: (peer: PeerName) => boolean
  /** Makes secrets of 16 bytes or more, for proofs of life. Without it each refresh is an announcement. */
  readonly seed?: () => Uint8Array
  /** In place of `hashStep`: the same values by other means. */
  readonly step?: PulseStep
  readonly settings: MembershipSettings
}
