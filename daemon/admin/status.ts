/** What an edge says of itself and of its peers: the documents behind /v1/status, /v1/peers and /readyz. */
import type { PeerName, Region } from '../../protocols/ids.ts'
import type { AgreementStatus } from '../agreement/status.ts'
import type { Sight } from '../../protocols/partition/detector.ts'
import type { CoordinationPart, PartTraffic } from '../mesh-traffic.ts'
import type { OriginState } from '../origin/origin.ts'
import type { StoreStats } from '../store/store.ts'
import type { Tally } from '../telemetry.ts'

export type { PartTraffic } from '../mesh-traffic.ts'

export interface PeerStatus {
  readonly peer: PeerName
  readonly name: string
  readonly region: Region
  readonly zone?: string
  /** URL of its HTTP listener. */
  readonly http: string
  readonly weight: number
  /** Asks a second that it took lately. */
  readonly load: number
  /** Shortest recent round trip, ms; absent where no link is kept. */
  readonly rttMs?: number
  /** Where no round trip is measured: what it would be, by network coordinates, ms. */
  readonly estimatedRttMs?: number
  readonly connected: boolean
  readonly draining: boolean
  /** It fills the same sites from other origins than this edge. */
  readonly otherOrigins: boolean
}

export interface SiteStatus {
  readonly name: string
  /** In the order in which they are asked; none where only peers are. */
  readonly origins: readonly OriginStatus[]
}

export interface OriginStatus extends OriginState {
  readonly url: string
  /** Smoothed time to its first byte, ms. */
  readonly ttfbMs?: number | undefined
}

export interface EdgeStatus {
  readonly name: string
  readonly peer: PeerName
  readonly region: Region
  readonly zone?: string
  readonly version: string
  readonly uptimeMs: number
  readonly http: string
  readonly admin: string
  readonly listen: readonly string[]
  readonly ready: boolean
  /** Why it is not ready; empty when it is. */
  readonly waiting: readonly string[]
  readonly members: number
  readonly regions: Readonly<Record<Region, number>>
  /** Which part of the colony it sees, and since when. */
  readonly sight: Sight
  readonly connections: number
  /** Edges of a region that print the same hash agree on who owns what. */
  readonly ring?: string
  readonly traffic: Tally
  readonly peerBytes: { readonly received: number, readonly sent: number }
  /** What the mesh itself costs since the start, by part; content is none of it. */
  readonly coordination: Readonly<Record<CoordinationPart, PartTraffic>>
  /** What is published by gossip, each message once however often it came and was passed on: what `coordination.gossip` is about. */
  readonly topics: Readonly<Record<'members' | 'filters', PartTraffic>>
  /** The groups that this edge takes part in. */
  readonly raft: readonly AgreementStatus[]
  readonly flights: number
  readonly store: StoreStats
  readonly sites: readonly SiteStatus[]
  /** Flags as this edge runs them: agreed names and values for operators' own tools, which no edge acts on itself. */
  readonly flags: Readonly<Record<string, boolean | number | string>>
}
