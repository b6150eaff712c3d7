/**
 * What the simulated edges run with: the daemon's own settings, part by part, and the few numbers that only a model
 * needs. A scenario for a thousand edges lengthens intervals here instead of changing code.
 */
import { originDefaults, type OriginSettings } from '../../../daemon/origin/settings.ts'
import { routingDefaults, type RoutingSettings } from '../../../daemon/routing/settings.ts'
import { storeDefaults } from '../../../daemon/store/settings.ts'
import { directoryDefaults, type DirectorySettings } from '../../../protocols/directory/settings.ts'
import { fetchDefaults, type FetchSettings } from '../../../protocols/fetch/settings.ts'
import { locateDefaults, type LocateSettings } from '../../../protocols/locate/locate.ts'
import { membershipDefaults, type MembershipSettings } from '../../../protocols/membership/settings.ts'
import { raftDefaults, type RaftSettings } from '../../../protocols/raft/settings.ts'

export const modelDefaults = Object.freeze({
  /** Of an edge for an answer from its store, ms. */
  hitMs: 0.1,
  /** One announcement on the wire, bytes; as the daemon's are, with names of usual length. */
  announcementBytes: 260,
  /** One entry of a version vector in an exchange, bytes. */
  vectorEntryBytes: 70,
  /** An ask, an answer's head, a report's head, bytes. */
  headBytes: 400,
  /** A key in a report, bytes. */
  keyBytes: 32,
  /** A body longer than this is announced before it is sent, bytes, so that the asker does not take its length for silence. */
  quietBytesMax: 64 * 1024,
  /** What the slowest line carries, bytes a ms: so long an announced body is waited for. Lower: a cut in mid-body is noticed later. */
  slowestBytesPerMs: 125,
  /** What the origin thinks about a request: at least, and mean of what comes on top, ms. */
  originMs: 20,
  originJitterMs: 5,
  /** Largest share of an edge's storage for one object. */
  objectShareMax: storeDefaults.diskObjectShareMax,
  /** Between two syncs of the disk's index, ms: what is younger may be lost in a crash. */
  diskSyncIntervalMs: 1_000,
  /** Mean delay of gossip on top of the way itself, ms: two or three hops within a mesh of eight. */
  gossipHopsMs: 20,
  /** Between two looks of an edge at its links: one whose way is cut is given up, ms. */
  linkCheckIntervalMs: membershipDefaults.pingIntervalMs,
  /**
   * 1: proofs of life are pulses, as in the daemon. 0: each is an announcement, as of a daemon without a `seed`, and other regions
   * learn them from digests: pulses cost every edge a hash for each, so all edges together the square of their number.
   */
  pulses: 1
})

export interface WorldSettings {
  readonly model: { readonly [K in keyof typeof modelDefaults]: number }
  readonly membership: MembershipSettings
  readonly locate: LocateSettings
  readonly fetch: FetchSettings
  readonly routing: RoutingSettings
  readonly directory: DirectorySettings
  readonly origin: OriginSettings
  readonly raft: RaftSettings
}

export const worldDefaults: WorldSettings = Object.freeze({
  model: modelDefaults,
  membership: membershipDefaults,
  locate: locateDefaults,
  fetch: fetchDefaults,
  routing: routingDefaults,
  directory: directoryDefaults,
  origin: originDefaults,
  raft: raftDefaults
})

export type WorldOverrides = { readonly [Part in keyof WorldSettings]?: Partial<WorldSettings[Part]> }

export function worldSettings (overrides: WorldOverrides = {}): WorldSettings {
  const parts = Object.entries(worldDefaults).map(([part, defaults]) => [part, { ...defaults, ...overrides[part as keyof WorldSettings] }])
  return Object.fromEntries(parts) as WorldSettings
}

/**
 * For a thousand edges and more: what is exchanged for repair's sake comes less often, or coordination would be nine
 * tenths of all events, and proofs of life travel by regions, in digests. Members are missed later: after some three minutes.
 */
export const largeWorld: WorldOverrides = Object.freeze({
  membership: { refreshMs: 30_000, digestIntervalMs: 600_000, digestEntriesPerSecondMax: 200, antiEntropyFirstMs: 600_000, antiEntropyIntervalMs: 600_000, linkIntervalMs: 30_000 },
  directory: { reportIntervalMs: 10_000, refreshIntervalMs: 120_000 },
  routing: { loadAnnounceMs: 10_000 },
  fetch: { fillingAfterMs: 200 },
  model: { linkCheckIntervalMs: 60_000, pulses: 0 }
})
