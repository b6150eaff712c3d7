/**
 * What routing asks of the mesh: who owns a key, who is a member, how far they are, and the asking
 * itself. `daemon/index.ts` puts it together from membership, locate and fetch; a test hands in its own.
 */
import type { Ask } from '../../protocols/fetch/messages.ts'
import type { PeerAnswer } from '../../protocols/fetch/transfer.ts'
import type { ContentKey, PeerName, Region } from '../../protocols/ids.ts'

export interface Peers {
  readonly self: PeerName
  readonly region: Region
  regionOf: (peer: PeerName) => Region | undefined
  /** Live members of a region, this edge among them. */
  members: (region: Region) => readonly PeerName[]
  owners: (key: ContentKey, n: number, region: Region) => PeerName[]
  /** Regions in this key's order, its home first. */
  homeRegions: (key: ContentKey) => Region[]
  /** This key's owner in the view before the last change, where another. */
  previousOwner: (key: ContentKey) => PeerName | undefined
  /** Who holds it by this edge's directory, as far as it owns the key; nearest and least busy first. */
  holders: (key: ContentKey) => readonly PeerName[]
  /** Where the object belongs if it is published, whom to ask first in front. */
  replicas: (key: ContentKey) => readonly PeerName[]
  /** Members of the region whose filters say that they hold it; nearest and least busy first. */
  neighbours: (key: ContentKey) => readonly PeerName[]
  /** One of them does not hold it. */
  wrongNeighbour: (peer: PeerName) => void
  /** Members whom the DHT names, as they are found; ends at the look-up's own deadline, or with the signal. */
  providers: (key: ContentKey, signal: AbortSignal) => AsyncIterable<PeerName>
  /** Shortest recent round trip, ms; where no link is measured an estimate, if there is one. */
  rttMs: (peer: PeerName) => number | undefined
  ask: (peer: PeerName, ask: Ask, options: { signal: AbortSignal, onFilling?: () => void }) => Promise<PeerAnswer>
}
