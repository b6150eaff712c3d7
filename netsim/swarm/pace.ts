/**
 * How slowly the edges of a swarm do their periodic work. On a machine of its own an edge's coordination is lost in the
 * noise; hundreds on two cores need all of the processor for it, fall behind, and take each other for dead. So past
 * some edges a core their intervals grow together, all by one factor: the same protocol in slow motion. What takes
 * rounds (to miss a silent edge, to hear of a join) takes longer by it; what a message costs stays true.
 */
import { membershipDefaults } from '../../protocols/membership/settings.ts'
import { filtersDefaults } from '../../protocols/filters/settings.ts'
import { providersDefaults } from '../../protocols/providers/settings.ts'
import { spreadDefaults } from '../../protocols/purge/settings.ts'
import { raftServiceDefaults } from '../../protocols/raft/service-settings.ts'
import { raftDefaults } from '../../protocols/raft/settings.ts'
import { agreedDefaults, globalRaftDefaults } from '../../daemon/agreed/settings.ts'
import { agreementDefaults } from '../../daemon/agreement/settings.ts'
import { meshDefaults } from '../../daemon/node-settings.ts'
import type { EdgeBase } from './host.ts'

/** Edges a core that run at the daemon's own pace: idle, each takes some 0.6 % of a core, so that two thirds are left for joins and requests. */
export const edgesPerCore = 50

/** @returns 1 or more, whole: intervals are the daemon's times this */
export function paceOf (peers: number, cores: number): number {
  return Math.max(1, Math.ceil(peers / (edgesPerCore * cores)))
}

/** The daemon's settings of everything that an idle edge does by the clock, slowed down; and more time for its dials, of which fewer go at once. */
export function pacedSettings (pace: number): EdgeBase['settings'] {
  const { refreshMs, pulseSendMs, pulseFreshMs, lateMs, expirySlackMs, linkIntervalMs, antiEntropyFirstMs, antiEntropyIntervalMs, digestIntervalMs } = membershipDefaults
  const { pulsesPerSecondMax, digestsPerSecondMax, dialsMax, dialTimeoutMs, dialYieldMs, exchangeTimeoutMs } = membershipDefaults
  const slower = <T extends Record<string, number>>(intervals: T): Record<string, number> =>
    Object.fromEntries(Object.entries(intervals).map(([name, ms]) => [name, ms * pace]))
  return pace === 1 ? {} : {
    membership: {
      ...slower({ refreshMs, pulseSendMs, pulseFreshMs, lateMs, expirySlackMs, linkIntervalMs, antiEntropyFirstMs, antiEntropyIntervalMs, digestIntervalMs }),
      // Each handshake waits for those of all the others: given up too soon it would be begun again, and none would come to its end.
      ...slower({ dialTimeoutMs, dialYieldMs, exchangeTimeoutMs }),
      dialsMax: Math.ceil(dialsMax / pace),
      pulsesPerSecondMax: Math.ceil(pulsesPerSecondMax / pace),
      digestsPerSecondMax: Math.ceil(digestsPerSecondMax / pace)
    },
    filters: slower({ changesIntervalMs: filtersDefaults.changesIntervalMs, askTickMs: filtersDefaults.askTickMs }),
    providers: slower({ linkCheckMs: providersDefaults.linkCheckMs }),
    // All else of Raft is counted in ticks.
    raft: slower({ tickMs: raftDefaults.tickMs }),
    globalRaft: slower({ tickMs: globalRaftDefaults.tickMs }),
    raftService: slower({ knockIntervalMs: raftServiceDefaults.knockIntervalMs }),
    agreement: slower({ settleMs: agreementDefaults.settleMs, lookMs: agreementDefaults.lookMs, foundDelayMs: agreementDefaults.foundDelayMs }),
    agreed: slower({ copyIntervalMs: agreedDefaults.copyIntervalMs, driveIntervalMs: agreedDefaults.driveIntervalMs, idleReportIntervalMs: agreedDefaults.idleReportIntervalMs }),
    purgeSpread: slower({ vectorIntervalMs: spreadDefaults.vectorIntervalMs, leaseMs: spreadDefaults.leaseMs }),
    mesh: slower({ gossipHeartbeatMs: meshDefaults.gossipHeartbeatMs, dialTimeoutMs: meshDefaults.dialTimeoutMs })
  }
}
