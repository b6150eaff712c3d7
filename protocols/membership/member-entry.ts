/**
 * What `members.ts` holds of one live member: its latest announcement, which is the member that others see too, and when it gave a
 * sign of life. One object a member and edge, so that a simulation of a thousand edges has room for a million of them.
 */
import type { Member, SignedAnnouncement } from './announcement.ts'

export class MemberEntry {
  signed: SignedAnnouncement
  // A double from the beginning: the engine would else make every entry anew when the first one is heard at a fraction of a ms.
  heardAtMs = -Infinity
  /** Its place in the list of live members, while that holds. */
  place = 0

  constructor (signed: SignedAnnouncement, heardAtMs: number) {
    this.signed = signed
    this.heardAtMs = heardAtMs
  }

  get member (): Member { return this.signed.announcement }
}

/** @returns `self` and the members of these entries, each at the place that its entry now says */
export function listed (self: Member, entries: Iterable<MemberEntry>): Member[] {
  const members = [self]
  for (const entry of entries) entry.place = members.push(entry.member) - 1
  return members
}
