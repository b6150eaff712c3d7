/**
 * Whether a group whose logs are all gone may be founded anew from one edge's copy of its state: what all others that are left say of
 * the group, held against that copy. Pure. It is the newest copy within reach, and no log goes as far, or nothing is founded:
 * a log knows what was voted on, a copy only what was told. `recovery.ts` then does it.
 */
import type { PeerName } from '../ids.ts'
import { isOlder } from './group-id.ts'
import type { GroupId } from './messages.ts'
import { majorityOf } from './quorum.ts'

/** A state of a group: after which entry, and what whoever asks knows it by. */
export interface CopyPlace { readonly group: GroupId, readonly index: number, readonly version: number }

/** What an edge says of its part in a group, and of the copy it has. */
export interface GroupStanding {
  readonly group?: GroupId | undefined
  /** It has a log of `group` that counts. */
  readonly isMember: boolean
  readonly leads: boolean
  readonly lastTerm: number
  readonly lastIndex: number
  readonly copy?: CopyPlace | undefined
}

export type ClaimObjection =
  /** There is nothing to recover. */
  | { readonly kind: 'leader', readonly peer: PeerName }
  /** Enough voters are left to elect one. */
  | { readonly kind: 'majority', readonly peers: readonly PeerName[] }
  /** It has a log that goes as far: what is in that comes first. */
  | { readonly kind: 'log', readonly peer: PeerName }
  /** It has a newer copy. */
  | { readonly kind: 'newer', readonly peer: PeerName, readonly copy: CopyPlace }

/** @param said what each that answered says, the edge that claims among them. @returns undefined where it may be */
export function objectionTo (copy: CopyPlace, voters: readonly PeerName[], said: ReadonlyMap<PeerName, GroupStanding>): ClaimObjection | undefined {
  // A younger group gives way to the one that is founded anew.
  const counts = (group: GroupId | undefined): boolean => group !== undefined && !isOlder(copy.group, group)
  const answers = [...said].sort(([one], [other]) => one < other ? -1 : 1)
  const leader = answers.find(([, { leads, group }]) => leads && counts(group))
  if (leader !== undefined) return { kind: 'leader', peer: leader[0] }
  const standing = answers.filter(([peer, { isMember, group }]) => isMember && group === copy.group && voters.includes(peer)).map(([peer]) => peer)
  if (voters.length > 0 && standing.length >= majorityOf(voters.length)) return { kind: 'majority', peers: standing }
  const log = answers.find(([, { isMember, group, lastIndex }]) => isMember && counts(group) && (group !== copy.group || lastIndex >= copy.index))
  if (log !== undefined) return { kind: 'log', peer: log[0] }
  const newer = answers.flatMap(([peer, { copy: other }]) => other !== undefined && isNewer(other, copy) ? [{ peer, copy: other }] : [])
    .reduce<{ readonly peer: PeerName, readonly copy: CopyPlace } | undefined>((best, each) => best === undefined || isNewer(each.copy, best.copy) ? each : best, undefined)
  return newer === undefined ? undefined : { kind: 'newer', ...newer }
}

/** Of a group that took the place of the other's, or further in the same. */
export function isNewer (one: CopyPlace, other: CopyPlace): boolean {
  return one.group === other.group ? one.index > other.index : isOlder(one.group, other.group)
}
