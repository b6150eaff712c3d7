/** Comparing announcements of a peer: which is the newer one (by incarnation, then sequence, then bytes), and whether they say the same. */
import type { Member, SignedAnnouncement } from './announcement.ts'
import type { PeerName } from '../ids.ts'

export type Version = readonly [incarnation: number, sequence: number]
export type VersionVector = ReadonlyMap<PeerName, Version>

type Versioned = Pick<Member, 'incarnation' | 'sequence'>

export function compareVersions (a: Versioned, b: Versioned): number {
  return a.incarnation - b.incarnation || a.sequence - b.sequence
}

/** A peer that says two things under one version: the greater bytes win, at every edge alike. */
export function compare (a: SignedAnnouncement, b: SignedAnnouncement): number {
  return a === b ? 0 : compareVersions(a.announcement, b.announcement) || Buffer.compare(a.body, b.body)
}

export function signatureOf (bytes: Uint8Array): string {
  // As in a simulation, where nobody signs: not worth a text of its own.
  if (bytes.byteLength === 0) return ''
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

/** Of those that are in both, the live one's. */
export function vectorOf (gone: Iterable<SignedAnnouncement>, live: Iterable<SignedAnnouncement>): Map<PeerName, Version> {
  const vector = new Map<PeerName, Version>()
  for (const { announcement: { peer, incarnation, sequence } } of gone) vector.set(peer, [incarnation, sequence])
  for (const { announcement: { peer, incarnation, sequence } } of live) vector.set(peer, [incarnation, sequence])
  return vector
}

/** What is newer than in `vector` or not in it; of the gone, leaves of those that are in it, and what its `holder` said of itself. */
export function missingIn (vector: VersionVector, live: Iterable<SignedAnnouncement>, gone: Iterable<SignedAnnouncement>, holder?: PeerName): SignedAnnouncement[] {
  const missing: SignedAnnouncement[] = []
  for (const signed of live) {
    const held = vector.get(signed.announcement.peer)
    if (held === undefined || isNewer(signed, held)) missing.push(signed)
  }
  for (const signed of gone) {
    const { leaving, peer } = signed.announcement
    const held = leaving || peer === holder ? vector.get(peer) : undefined
    if (held !== undefined && isNewer(signed, held)) missing.push(signed)
  }
  return missing
}

function isNewer ({ announcement }: SignedAnnouncement, [incarnation, sequence]: Version): boolean {
  return (announcement.incarnation - incarnation || announcement.sequence - sequence) > 0
}
