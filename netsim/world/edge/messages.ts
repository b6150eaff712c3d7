/**
 * What the simulated hosts send each other: the daemon's messages as plain objects, which nobody encodes. Their bytes are
 * told to the network beside them.
 */
import type { Report, ReportAnswer } from '../../../protocols/directory/messages.ts'
import type { Verb } from '../../../protocols/fetch/messages.ts'
import type { ContentKey, PeerName } from '../../../protocols/ids.ts'
import type { SignedAnnouncement } from '../../../protocols/membership/announcement.ts'
import type { VersionVector } from '../../../protocols/membership/members.ts'
import type { Pulse } from '../../../protocols/membership/pulse.ts'
import type { Message as RaftMessage } from '../../../protocols/raft/messages.ts'
import type { HostIndex } from '../machine.ts'
import type { Flight } from './flights.ts'
import type { Question } from './trip.ts'

/** As protocols/fetch/messages.ts has it, less what the model knows by itself. */
export interface Ask {
  readonly kind: 'ask'
  readonly id: number
  readonly verb: Verb
  readonly object: number
  readonly key: ContentKey
  readonly path: readonly HostIndex[]
  readonly silent: readonly HostIndex[]
  /** The version that the asker holds, -1 for none. */
  readonly held: number
  readonly staleOk: boolean
  readonly headOnly: boolean
  readonly turnedAway: boolean
  readonly last: boolean
  /** For checkers alone: the flight that asks, and the one at the asked edge that it has to wait for. */
  readonly flight: Flight
  joined?: Flight | undefined
  /** The asker waits no longer. */
  over?: boolean
}

/** A response as one edge tells it to another, or the origin to an edge. */
export interface Head {
  /** -1 for an error of the origin (503), which is passed on and not stored. */
  readonly version: number
  /** Of the body, bytes. */
  readonly bytes: number
  /** Current age, ms; without the way to here. */
  readonly ageMs: number
  /** No origin could be reached when it was needed fresh. */
  readonly stale: boolean
}

export type Answer =
  | { readonly kind: 'hit', readonly head: Head, readonly same: boolean }
  | { readonly kind: 'miss', readonly holders: readonly HostIndex[], readonly stale: boolean }
  | { readonly kind: 'busy' | 'failed' | 'silent' }

export type Message =
  | Ask
  /** In a large world: asked, and answered by the same object. */
  | Question
  | { readonly kind: 'answer', readonly id: number, readonly answer: Answer }
  /** A sign of life; `bytes` of a body that follows, 0 while none does. */
  | { readonly kind: 'filling', readonly id: number, readonly bytes: number }
  | { readonly kind: 'get', readonly id: number, readonly object: number, readonly held: number, readonly flight: Flight }
  | { readonly kind: 'got', readonly id: number, readonly head: Head, readonly same: boolean }
  | { readonly kind: 'announcement', readonly signed: SignedAnnouncement }
  | { readonly kind: 'digest', readonly announcements: readonly SignedAnnouncement[] }
  | { readonly kind: 'pulses', readonly pulses: readonly Pulse[] }
  | { readonly kind: 'dial' | 'linked' | 'unlinked' }
  | { readonly kind: 'vector', readonly vector: VersionVector }
  | { readonly kind: 'vector-and-news', readonly vector: VersionVector, readonly news: readonly SignedAnnouncement[] }
  | { readonly kind: 'news', readonly news: readonly SignedAnnouncement[] }
  | { readonly kind: 'report', readonly id: number, readonly report: Report }
  | { readonly kind: 'reported', readonly id: number, readonly answer: ReportAnswer }
  | { readonly kind: 'hand-over', readonly entries: ReadonlyMap<PeerName, readonly ContentKey[]> }
  | { readonly kind: 'raft', readonly message: RaftMessage }

/** Parts of what is said, for the bill. `content` is what clients asked for; the rest is coordination. */
export const Part = { Content: 0, Gossip: 1, Membership: 2, Directory: 3, Links: 4, Agreement: 5 } as const
export type Part = typeof Part[keyof typeof Part]
export const partNames = ['content', 'gossip', 'membership', 'directory', 'links', 'agreement'] as const
