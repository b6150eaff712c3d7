/**
 * Purges carried to and from other edges (protocols/purge/service.ts), with what that needs of this edge: its log on the disk, its key to
 * sign with, and membership. The standing of this edge, and what it did, are in the metrics.
 */
import type { Clock } from '../../protocols/clock.ts'
import { peerIdOf } from '../../protocols/membership/announcement.ts'
import type { Membership } from '../../protocols/membership/service.ts'
import type { PurgeApplier } from '../../protocols/purge/ports.ts'
import { openPurges, type Purges } from '../../protocols/purge/service.ts'
import type { Call } from '../../protocols/rpc.ts'
import type { EdgeConfig } from '../config.ts'
import type { Logger } from '../log.ts'
import type { Metrics } from '../metrics.ts'
import { networkName } from '../node.ts'
import type { State } from '../state.ts'
import { PurgeDisk } from './disk.ts'

export type { Purges } from '../../protocols/purge/service.ts'

export interface CarryInit {
  readonly config: Pick<EdgeConfig, 'region' | 'join' | 'settings'>
  readonly clock: Clock
  readonly state: Pick<State, 'identity' | 'database'>
  readonly networkKey: Uint8Array | undefined
  readonly membership: Membership
  readonly rpc: Readonly<Record<'purge', { readonly call: Call }>>
  readonly metrics: Metrics
  readonly logger: Logger
  readonly applier: PurgeApplier
}

/** @throws what the database says */
export async function carryPurges ({ config, clock, state, networkKey, membership, rpc, metrics, logger, applier }: CarryInit): Promise<Purges> {
  const purges = await openPurges({
    clock, logger, applier,
    settings: config.settings.purgeSpread,
    network: networkName(networkKey),
    self: membership.self().peer,
    region: config.region,
    expectsOthers: config.join.length > 0,
    // Nothing that serves clients asks `isCurrent` yet.
    fences: false,
    store: new PurgeDisk({ database: state.database('purges'), logger }),
    call: rpc.purge.call,
    sign: (message) => state.identity.sign(message),
    verify: async (peer, message, signature) => await peerIdOf(peer)?.publicKey.verify(message, signature) ?? false,
    members: () => membership.members(),
    isMember: (peer) => membership.isMember(peer),
    isLinked: (peer) => membership.isLinked(peer),
    hasLeft: (peer) => membership.hasLeft(peer),
    rttMs: (peer) => membership.rttMs(peer)
  })
  membership.onChange(() => { purges.membersChanged() })
  metrics.gauge('purge', 'current', '', '1 while this edge has heard of a majority of regions within its lease, 0 while it is fenced.', [], (gauge) => { gauge.set(purges.isCurrent() ? 1 : 0) })
  metrics.gauge('purge', 'logged', '', 'Purges in the log.', [], (gauge) => { gauge.set(purges.state().logged) })
  metrics.gauge('purge', 'in_flight', '', 'Purges that are being passed on.', [], (gauge) => { gauge.set(purges.state().inFlight) })
  return purges
}
