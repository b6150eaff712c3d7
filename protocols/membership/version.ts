/** Comparing announcements of a peer: which is the newer one (by incarnation, then sequence, then bytes), and whether they say the same. */
import type { Member, SignedAnnouncement } from './announcement.ts'
import type { PeerName } from '../ids.ts'

export type Version = readonly [incarnation: number, sequence: number]
export type VersionVector = ReadonlyMap<PeerName, Version>

export function versionOf ({ announcement }: SignedAnnouncement): Version {
  return [announcement.incarnation, announcement.sequence]
}

export function compareVersions (a: Version, b: Version): number {
  return a[0] - b[0] || a[1] - b[1]
}

/** A peer that says two things under one version: the greater bytes win, at every edge alike. */
export function compare (a: SignedAnnouncement, b: SignedAnnouncement): number {
  return compareVersions(versionOf(a), versionOf(b)) || Buffer.compare(a.body, b.body)
}

export function signatureOf (bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', Math.max(0, bytes.byteLength - 64))
}

export function sameButLoad (a: Member, b: Member): boolean {
  return a.incarnation === b.incarnation && a.name === b.name && a.region === b.region && a.zone === b.zone &&
    a.http === b.http && a.weight === b.weight && a.originHash === b.originHash && a.draining === b.draining
}

/** Whether both were said in one life and promise the same proofs of life: then the newer one need not have been said after the last proof. */
export function isSameLife ({ announcement: one }: SignedAnnouncement, { announcement: other }: SignedAnnouncement): boolean {
  return one.incarnation === other.incarnation && !one.leaving && !other.leaving && one.pulse !== undefined && other.pulse !== undefined && Buffer.compare(one.pulse, other.pulse) === 0
}

export function vectorOf (announcements: Iterable<SignedAnnouncement>): Map<PeerName, Version> {
  const vector = new Map<PeerName, Version>()
  for (const signed of announcements) vector.set(signed.announcement.peer, versionOf(signed))
  return vector
}

/** What is newer than in `vector` or not in it; of the gone, leaves of those that are in it, and what its `holder` said of itself. */
export function missingIn (vector: VersionVector, live: Iterable<SignedAnnouncement>, gone: Iterable<SignedAnnouncement>, holder?: PeerName): SignedAnnouncement[] {
  const isNewer = (signed: SignedAnnouncement, held: Version | undefined): boolean => held !== undefined && compareVersions(versionOf(signed), held) > 0
  const heldOf = ({ announcement }: SignedAnnouncement): Version | undefined => vector.get(announcement.peer)
  return [
    ...Array.from(live).filter((signed) => heldOf(signed) === undefined || isNewer(signed, heldOf(signed))),
    ...Array.from(gone).filter((signed) => (signed.announcement.leaving || signed.announcement.peer === holder) && isNewer(signed, heldOf(signed)))
  ]
}
